// Planted bugs that only programs on the client as it ships meet, or only what judges watches, limits and long answers.

import type { Mutant } from './mutant.ts'

const group = 'client/group.ts'
const state = 'lockserver/state/state.ts'

export const surface: readonly Mutant[] = [
  {
    name: 'what some clock shows is a fire time',
    breaks: 'C5',
    why: 'each machine has another key, and each runs the job',
    test: 'cron',
    edits: [
      { file: 'client/cron.ts', find: 'if (at.getTime() % 1_000 !== 0)', replace: 'if (at.getTime() < 0)' },
    ],
  },
  {
    name: 'a coordinator of jobs takes any prefix',
    breaks: 'C5',
    why: 'what is wrong with it is said at three in the morning, by the job that does not run',
    test: 'cron',
    edits: [
      {
        file: 'client/cron.ts',
        find: "if (prefix === undefined || prefix === '') return",
        replace: "if (prefix === undefined || prefix !== '') return",
      },
    ],
  },
  {
    name: 'clients of a process are traced as one',
    breaks: 'S1',
    why: 'the spans of one client end with the calls of another',
    test: 'opentelemetry',
    edits: [
      {
        file: 'client/reports.ts',
        find: 'readonly #source = Object.freeze({})',
        replace: 'readonly #source = Listeners',
      },
    ],
  },
  {
    name: 'the timers of a client are those that a test has faked',
    breaks: 'F12',
    why: 'no call settles while they are faked',
    test: 'importing',
    edits: [
      {
        file: 'wire/net/runtime-node.ts',
        find: 'afterTurn: run => void setImmediate(run)',
        replace: 'afterTurn: run => void globalThis.setImmediate(run)',
      },
    ],
  },
  {
    name: 'the clock of a lease is the one that a test has faked',
    breaks: 'S4',
    why: 'a test that goes a day ahead loses its locks',
    test: 'importing',
    edits: [
      {
        file: 'wire/clock.ts',
        find: 'monotonic: performance.now.bind(performance)',
        replace: 'monotonic: () => performance.now()',
      },
    ],
  },
  {
    name: 'a page makes a channel without looking for it',
    breaks: 'F12',
    why: 'no call settles in jsdom, an edge runtime or React Native',
    test: 'importing',
    edits: [
      {
        file: 'wire/net/runtime-web.ts',
        find: "if (typeof MessageChannel === 'undefined')",
        replace: "if (typeof MessageChannel === 'symbol')",
      },
    ],
  },
  {
    name: 'an error of another copy is none',
    breaks: 'F12',
    why: 'a catch that asks for a LockError misses what the CommonJS form threw',
    test: 'importing',
    edits: [
      {
        file: 'client/one-class.ts',
        find: "return typeof value === 'object' && value !== null && mark in value",
        replace: 'return Function.prototype[Symbol.hasInstance].call(of as never, value)',
      },
    ],
  },
  {
    name: 'a handle is held after its release',
    breaks: 'S1',
    why: 'the program believes in what it has given back',
    edits: [
      {
        file: 'client/lock.ts',
        find: 'return this.#lost === null && this.#released === null ? this.#holder.remainingMs(this.#token) : 0',
        replace: 'return this.#lost === null ? this.#holder.remainingMs(this.#token) : 0',
      },
    ],
  },
  {
    name: 'a callback that throws keeps its lock',
    breaks: 'S1',
    why: 'the request rejects, and the lease of its lock is renewed for ever',
    edits: [
      {
        file: 'client/web-locks.ts',
        find: 'error => finish(() => reject(error))',
        replace: 'error => reject(error)',
      },
    ],
  },
  {
    name: 'a lost lock does not end its request',
    breaks: 'S5',
    why: 'the request says that all went well under a lock that another client had',
    edits: [
      {
        file: 'client/web-locks.ts',
        find: 'const onLost = () => rejectToCallers(resolve, broken(lock))',
        replace: 'const onLost = () => {}',
      },
    ],
  },
  {
    name: 'a close leaves the handles as they are',
    breaks: 'S5',
    why: 'the program believes in locks of a session that it has ended',
    edits: [
      {
        file: group,
        find: 'this.#locks.clear() for (const lock of locks) lock.lose(error)',
        replace: 'this.#locks.clear()\n    void [locks, error]',
      },
    ],
  },
  {
    name: 'a lock that a close takes back is still counted as held',
    breaks: 'F12',
    why: 'while its holder is told of the close it is lost as expired, too',
    test: 'client-surface',
    edits: [
      {
        file: group,
        find: 'this.#locks.clear() for (const lock of locks) lock.lose(error)',
        replace: 'for (const lock of locks) lock.lose(error)\n    this.#locks.clear()',
      },
    ],
  },
  {
    name: 'a watch is not carried over to the next session',
    breaks: 'S5',
    why: 'after a loss the reader hears nothing any more, and is not told',
    edits: [
      {
        file: group,
        find: "this.#session.step({ is: 'watch', watch, prefix, before: of.toldBy(part) })",
        replace: 'void [watch, prefix, of, part]',
      },
    ],
  },
  {
    name: 'a watch is not asked for again',
    breaks: 'R1',
    why: 'after a reconnect the reader hears nothing any more, and is not told',
    edits: [
      {
        file: 'client/session/watches.ts',
        find: 'return [...this.#watches].map(([number, watch]) => {',
        replace: 'return [...this.#watches].slice(1).map(([number, watch]) => {',
      },
    ],
  },
  {
    name: 'half of what was missed is counted',
    breaks: 'R1',
    why: 'the reader believes to know more than it does',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: "['missed', watch.number, watch.missed]",
        replace: "['missed', watch.number, Math.ceil(watch.missed / 4)]",
      },
    ],
  },
  {
    name: 'a slow reader is never told more',
    breaks: 'R1',
    why: 'once the watch has missed events, it stands still for ever',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: 'watch.seen = Math.max(watch.seen, Math.min(events, watch.told))',
        replace: 'watch.seen = Math.min(events, watch.told) >> 1',
      },
    ],
  },
  {
    name: 'several names count as one',
    breaks: 'L1',
    why: 'a session gets more locks than its limit',
    edits: [
      {
        file: state,
        find: 'session.locks + names.length >',
        replace: 'session.locks + Math.min(1, names.length) >',
      },
    ],
  },
  {
    name: 'the limit of locks is one too few',
    breaks: 'S1',
    why: 'an acquire is refused although there is room for it',
    edits: [
      {
        file: state,
        find: 'session.locks + names.length >',
        replace: 'session.locks + names.length >=',
      },
    ],
  },
  {
    name: 'long answers lose a holder between two parts',
    breaks: 'R1',
    why: 'a query does not show a lock that is held',
    edits: [
      {
        file: 'lockserver/query.ts',
        find: 'from = i room = queryPartCharsMax - charsOf(record)',
        replace: 'from = i === 0 ? 0 : i + 1\n      room = queryPartCharsMax - charsOf(record)',
      },
    ],
  },
  {
    name: 'answered calls are kept',
    test: 'census',
    breaks: 'S1',
    why: 'a client that lives for long has a promise for each call that it ever made',
    edits: [
      {
        file: group,
        find: 'return this.#pending.take(call)',
        replace: 'return this.#pending.get(call)',
      },
    ],
  },
]
