// Planted bugs of what a client asks of a lock: permits, times, notes, what runs once, exactly this hold.

import type { Mutant } from './mutant.ts'

const core = 'client/session/core.ts'
const times = 'client/session/hold-times.ts'
const options = 'client/claim-options.ts'

export const asked: readonly Mutant[] = [
  {
    name: 'a hold is believed in for all of its time',
    breaks: 'C4',
    why: 'its holder stops when the servers may have ended it already',
    test: 'client-claims',
    edits: [
      {
        file: times,
        find: 'const over = now + atMostMs * clientLeasePart',
        replace: 'const over = now + atMostMs * Math.max(1, clientLeasePart)',
      },
    ],
  },
  {
    name: 'the time of a hold goes by the wall clock',
    breaks: 'C4',
    why: 'a clock that is set back makes a client believe in a hold that has ended',
    test: 'client-claims',
    edits: [
      {
        file: 'client/session/answers.ts',
        find: 'this.#holds.begin(tokens, request.what.claim.terms?.holdAtMostMs ?? null, now.monotonic)',
        replace:
          'this.#holds.begin(tokens, request.what.claim.terms?.holdAtMostMs ?? null, now.monotonic + Math.max(0, 1_700_000_000_000 - now.wall))',
      },
    ],
  },
  {
    name: 'one hold that is over hides the next one',
    breaks: 'C4',
    why: 'no look is planned for those that are left, and they are held for ever',
    test: 'client-claims',
    edits: [{ file: times, find: 'else this.#nextAt = Math.min(this.#nextAt, time)', replace: '' }],
  },
  {
    name: 'what was held too long is held no more for the session',
    breaks: 'C4, S4',
    why: 'a release does not travel, and the session rests while the servers see it hold something',
    test: 'client-claims',
    edits: [
      {
        file: core,
        find: "for (const token of this.#holds.takeOver(now.monotonic)) this.#out.do({ do: 'lost', token, reason: 'HELD_TOO_LONG' })",
        replace:
          "for (const token of this.#holds.takeOver(now.monotonic)) if (this.#holds.drop(token)) this.#out.do({ do: 'lost', token, reason: 'HELD_TOO_LONG' })",
      },
    ],
  },
  {
    name: 'what was held too long is lost twice',
    breaks: 'C4, S5',
    why: 'the servers end it as well, and its program hears of two losses',
    test: 'client-claims',
    edits: [
      {
        file: 'client/session/answers.ts',
        find: 'const isTold = this.#holds.isOver(token)',
        replace: 'const isTold = false',
      },
    ],
  },
  {
    name: 'a hold that was released keeps its time',
    breaks: 'C4',
    why: 'a loss is told of what was given back',
    test: 'client-claims',
    edits: [
      { file: 'client/session/holds.ts', find: 'this.#times?.delete(token) return', replace: 'return' },
    ],
  },
  {
    name: 'a stall past the time of a hold is not noticed',
    breaks: 'C4, F12',
    why: 'whoever looks at the signal right after a stall goes on working',
    test: 'client-claims',
    edits: [
      {
        file: core,
        find: 'return this.#lease.expired(now.monotonic) || this.#holds.overdue(now.monotonic)',
        replace: 'return this.#lease.expired(now.monotonic)',
      },
    ],
  },
  {
    name: 'a handle does not count the time of its hold',
    breaks: 'C4',
    why: 'it says that it is held for as long as the lease lasts',
    test: 'client-claims',
    edits: [
      {
        file: core,
        find: 'return Math.min(this.remainingMs(now), this.#holds.remainingMs(token, now.monotonic))',
        replace: 'return Math.max(this.remainingMs(now), Math.min(token, 0))',
      },
    ],
  },
  {
    name: 'a key that has run gets no answer',
    breaks: 'C5',
    why: 'who asks for it waits for ever',
    test: 'client-claims',
    edits: [
      {
        file: core,
        find: "case 'done-before': case 'not-this': case 'cancelled':",
        replace: "case 'cancelled':",
      },
    ],
  },
  {
    name: 'a steal from another holder counts as not available',
    breaks: 'C8',
    why: 'the caller gets nothing where it expects a lock',
    test: 'client-claims',
    edits: [
      {
        file: 'client/session/answers.ts',
        find: "this.#out.fail(request.call, 'NOT_THIS_TOKEN', true, notThisText(request, reply[2]))",
        replace:
          "this.#out.settle(request.call, { verb: 'acquire', tokens: null })\n        notThisText(request, reply[2])",
      },
    ],
  },
  {
    name: 'a job that fails keeps its key',
    breaks: 'C5',
    why: 'nobody tries it again',
    test: 'claims-program',
    edits: [
      {
        file: 'client/group.ts',
        find: "verb: failed ? 'fail' : 'release'",
        replace: "verb: failed && token === 0 ? 'fail' : 'release'",
      },
    ],
  },
  {
    name: 'a job that takes too long can not give its key back',
    breaks: 'C4, C5',
    why: 'its handle takes the lock for gone, and tells the servers nothing',
    test: 'claims-program',
    edits: [
      {
        file: 'client/lock.ts',
        find: "const isGone = this.#lost !== null && this.#lost.code !== 'HELD_TOO_LONG'",
        replace: 'const isGone = this.#lost !== null',
      },
    ],
  },
  {
    name: 'an exact steal takes the lock from anybody',
    breaks: 'C8',
    why: 'a healthy successor loses it',
    test: 'claim-options',
    edits: [
      {
        file: options,
        find: "return claimWith(options, options.steal ? 'steal' : 'wait', victim)",
        replace: "return claimWith(options, options.steal ? 'steal' : 'wait', several ? victim : null)",
      },
    ],
  },
  {
    name: 'a forced release of one hold ends all',
    breaks: 'C8',
    why: 'a healthy successor loses the lock between the look and the deed',
    test: 'claims-program',
    edits: [{ file: 'client/client.ts', find: 'token: options.token ?? null,', replace: 'token: null,' }],
  },
  {
    name: 'permits beside a mode are accepted',
    breaks: 'C1',
    why: 'a program that asks to share gets one of few places',
    test: 'claim-options',
    edits: [
      {
        file: options,
        find: 'if (given === undefined) return null if (mode !== undefined)',
        replace: "if (given === undefined) return null\n  if (mode === 'exclusive')",
      },
    ],
  },
  {
    name: 'a request forgets its permits',
    breaks: 'C1',
    why: 'it waits for all others, and holds the lock alone',
    test: 'claim-options',
    edits: [
      {
        file: 'client/web-locks.ts',
        find: 'const { permits } = members',
        replace: 'const permits = undefined',
      },
    ],
  },
  {
    name: 'a guard lets in one more than there are permits',
    breaks: 'C2',
    why: 'a resource works for a holder that is certainly one too many',
    test: 'claims-program',
    edits: [
      {
        file: 'client/fence-guard.ts',
        find: 'if (now.length <= this.#permits) {',
        replace: 'if (now.length <= this.#permits + 1) {',
      },
    ],
  },
  {
    name: 'a command that fails keeps its key',
    breaks: 'C5',
    why: 'run --once never runs it again, though nothing was done',
    test: 'processes/cli-claims',
    edits: [{ file: 'cli/run-once.ts', find: 'if (code !== 0) await lock.fail()', replace: '' }],
  },
  {
    name: 'a command is ended only when its lock is lost',
    breaks: 'C4',
    why: 'what ignores SIGTERM outlives the hold',
    test: 'processes/cli-claims',
    edits: [
      {
        file: 'cli/run.ts',
        find: 'const killMs = atMostMs * (1 - atMostKillPart)',
        replace: 'const killMs = atMostMs * (2 - atMostKillPart)',
      },
    ],
  },
  {
    name: 'release --token ends every hold',
    breaks: 'C8',
    why: 'what an operator types ends a healthy successor',
    test: 'processes/cli-claims',
    edits: [
      {
        file: 'cli/release.ts',
        find: 'const released = await client.forceRelease(name, { timeout: withinMs, token })',
        replace: 'const released = await client.forceRelease(name, { timeout: withinMs })',
      },
    ],
  },
]
