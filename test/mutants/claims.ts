// Planted bugs of claims: permits, times, notes, keys and exact tokens (C1 to C8).

import type { Mutant } from './mutant.ts'

const table = 'lockserver/state/lock-table.ts'
const lock = 'lockserver/state/lock.ts'
const state = 'lockserver/state/state.ts'
const snapshot = 'lockserver/state/snapshot.ts'
const times = 'lockserver/times.ts'
const onces = 'lockserver/state/onces.ts'
const check = 'lockserver/state/check.ts'
const claim = 'wire/claim.ts'

const permits: readonly Mutant[] = [
  {
    name: 'one permit of one is not exclusive',
    breaks: 'C1',
    why: 'two clients that mean the same are refused beside one another, as if their permits differed',
    test: 'rules-permits',
    edits: [{ file: claim, find: 'terms.permits?.of === 1', replace: 'terms.permits?.of === 0' }],
  },
  {
    name: 'more permits are taken than there are',
    breaks: 'C1',
    why: 'a claim of six of five waits for ever, and all others behind it',
    test: 'rules-permits',
    edits: [{ file: claim, find: 'permits.take > permits.of', replace: 'permits.take > 2 * permits.of' }],
  },
  {
    name: 'two N at once',
    breaks: 'C1',
    why: 'one program counts to five and the other to seven, and neither knows',
    test: 'rules-permits',
    edits: [
      {
        file: table,
        find: 'if (lock.of !== ofPermits(acquire.claim.terms) && lock.inUse)',
        replace: 'if (lock.of !== ofPermits(acquire.claim.terms) && lock.of === 0 && lock.inUse)',
      },
    ],
  },
  {
    name: 'permits are not added up',
    breaks: 'C1',
    why: 'each claim is held against N alone, so that any number fits',
    test: 'rules-permits',
    edits: [
      {
        file: table,
        find: 'permits !== null && lock.taken + permits.take <= permits.of',
        replace: 'permits !== null && permits.take <= permits.of',
      },
    ],
  },
  {
    name: 'permits of a dead session are kept',
    breaks: 'C1',
    why: 'after some deaths nobody gets any permit',
    test: 'rules-permits',
    edits: [
      {
        file: lock,
        find: 'if (this.#crowd !== null) this.#crowd.taken -= takeOf(hold.special)',
        replace: '',
      },
    ],
  },
  {
    name: 'small claims overtake a large one',
    breaks: 'C1, L3',
    why: 'who needs all permits starves while others come and go',
    test: 'rules-permits',
    edits: [
      {
        file: table,
        find: 'else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim))',
        replace:
          "else if (this.#paused || (lock.waiters > 0 && acquire.claim.mode !== 'permits') || !compatible(lock, acquire.claim))",
      },
    ],
  },
  {
    name: 'a session takes permits without end',
    breaks: 'C1, B2',
    why: 'the end of one session is far too much for one operation of others',
    test: 'rules-permits',
    edits: [
      {
        file: table,
        find: "claim.mode !== 'exclusive' && session",
        replace: "claim.mode === 'shared' && session",
      },
    ],
  },
]

const lasting: readonly Mutant[] = [
  {
    name: 'a released hold is not kept',
    breaks: 'C3',
    why: 'the nightly job of 50 ms runs once on each machine whose clock is a little late',
    test: 'rules-times',
    edits: [
      { file: table, find: 'this.#leave(hold, wallMs, null)', replace: 'this.#remove(hold, wallMs, null)' },
    ],
  },
  {
    name: 'a hold is not kept when its session dies',
    breaks: 'C3',
    why: 'a crash in the job lets the next machine run it at once',
    test: 'rules-times',
    edits: [
      {
        file: table,
        find: 'freed.add(this.#leave(hold, wallMs, session.endReason ?? null))',
        replace: 'freed.add(this.#remove(hold, wallMs, session.endReason ?? null))',
      },
    ],
  },
  {
    name: 'a hold is kept though its time is over',
    breaks: 'C3',
    why: 'a job that took longer than its time blocks the lock for as long again, or for ever',
    test: 'rules-times',
    edits: [{ file: table, find: 'hold.special.lasting = false', replace: '' }],
  },
  {
    name: 'a kept hold is never freed',
    breaks: 'C3',
    why: 'nobody holds the lock, and nobody gets it',
    test: 'rules-times',
    edits: [
      {
        file: table,
        find: 'if (hold.session.isNobody) freed.add(this.#remove(hold, wallMs, null))',
        replace: 'if (hold.session.isNobody) freed.add(hold.lock)',
      },
    ],
  },
  {
    name: 'a steal leaves what must last',
    breaks: 'C3',
    why: 'an operator who needs the lock now does not get it',
    test: 'rules-times',
    edits: [
      {
        file: table,
        find: 'for (const hold of lock.holders) this.#remove(hold, wallMs, reason, reason)',
        replace: 'for (const hold of lock.holders) this.#leave(hold, wallMs, reason, reason)',
      },
    ],
  },
  {
    name: 'a grant that crossed its cancel is kept',
    breaks: 'C3',
    why: 'a call that has failed blocks its lock for a day',
    test: 'rules-times',
    edits: [
      {
        file: table,
        find: 'this.#freeKey(hold) freed.add(this.#remove(hold, wallMs, null))',
        replace: 'this.#freeKey(hold)\n      freed.add(this.#leave(hold, wallMs, null))',
      },
    ],
  },
  {
    name: 'of several names the first ones are kept before all are granted',
    breaks: 'C3',
    why: 'a client that never got its locks leaves some of them blocked',
    test: 'rules-times',
    edits: [
      {
        file: 'lockserver/state/special.ts',
        find: 'lasting: false, untold: 0',
        replace: 'lasting: kept.holdAtLeastMs !== null, untold: 0',
      },
    ],
  },
  {
    name: 'kept holds count for no owner',
    breaks: 'C3, B7',
    why: 'one address fills the state with holds of sessions that it has ended',
    test: 'rules-times',
    edits: [{ file: table, find: 'special.owner?.hold(hold, 1)', replace: '' }],
  },
  {
    name: 'at least: any time is taken',
    breaks: 'C3',
    why: 'a lock is blocked for years by a slip of the hand',
    test: 'rules-times',
    edits: [
      {
        file: state,
        find: '(terms.holdAtLeastMs ?? 0) > this.limits.holdAtLeastMsMax',
        replace: '(terms.holdAtLeastMs ?? 0) > 2 * this.limits.holdAtLeastMsMax',
      },
    ],
  },
  {
    name: 'at least is not in the snapshot',
    breaks: 'C3, R3',
    why: 'after a copy and a failover the lock is free at once',
    test: ['times-in-cluster', 'rules-claims'],
    edits: [
      {
        file: snapshot,
        find: 'const leastMs = lasting ? upwards(this.#leases.leastMs(hold) ?? terms.holdAtLeastMs) : null',
        replace: 'const leastMs = lasting && terms.holdAtLeastMs === 0 ? 0 : null',
      },
    ],
  },
  {
    name: 'at least is shortened in a copy',
    breaks: 'C3',
    why: 'the promise is kept only as long as no server is replaced',
    test: 'times-in-cluster',
    edits: [
      {
        file: snapshot,
        find: 'if (times.leastMs !== null) this.#least.push([token, this.#now + times.leastMs])',
        replace: 'if (times.leastMs !== null) this.#least.push([token, this.#now + times.leastMs / 2])',
      },
    ],
  },
  {
    name: 'at least is shortened at a promotion',
    breaks: 'C3',
    why: 'a failover ends what should last',
    test: 'times-in-cluster',
    edits: [
      {
        file: times,
        find: 'this.#promoted = { at: now, state }',
        replace: `this.#promoted = { at: now, state }
    for (const token of [...state.table.timed.keys()])
      if (this.#least.get(token) !== undefined) this.#least.set(token, now)`,
      },
    ],
  },
  {
    name: 'at least begins again at a promotion',
    breaks: 'C3',
    why: 'each failover makes all of them wait once more',
    test: 'times-in-cluster',
    edits: [
      {
        file: times,
        find: 'this.#promoted = { at: now, state }',
        replace: `this.#promoted = { at: now, state }
    for (const [token, { special }] of state.table.timed)
      if (this.#least.get(token) !== undefined) this.#least.set(token, now + (special?.terms.holdAtLeastMs ?? 0))`,
      },
    ],
  },
  {
    name: 'times are found over too soon',
    breaks: 'C3',
    why: 'a lock is free some ms before it may be',
    test: 'deadlines',
    edits: [
      {
        file: 'lockserver/deadlines.ts',
        find: 'const last = slotOf(now) - 1',
        replace: 'const last = slotOf(now)',
      },
    ],
  },
  {
    name: 'a deadline that has moved is found where it was',
    breaks: 'C3',
    why: 'what begins again ends with what was before',
    test: 'deadlines',
    edits: [
      {
        file: 'lockserver/deadlines.ts',
        find: 'this.delete(key) this.#until.set(key, until)',
        replace: 'this.#until.set(key, until)',
      },
    ],
  },
  {
    name: 'lists show a kept hold as one of its client',
    breaks: 'C3',
    why: 'an operator asks the holder, who has released it long ago',
    test: 'times-in-cluster',
    edits: [{ file: 'lockserver/query.ts', find: 'session.isNobody ? null : session', replace: 'session' }],
  },
  {
    name: 'lists show the whole time of a kept hold for ever',
    breaks: 'C3',
    why: 'an operator waits for something that comes much sooner',
    test: 'times-in-cluster',
    edits: [
      {
        file: times,
        find: 'hold.special.lasting ? (this.leastMs(hold, now) ?? shown.keptMs) : null',
        replace: 'hold.special.lasting ? shown.keptMs : null',
      },
    ],
  },
  {
    name: 'the check does not count what is kept',
    breaks: 'R4, C3',
    why: 'two copies differ, and each of them finds itself whole',
    test: 'deadlines',
    edits: [
      { file: check, find: 'if (kept.length !== table.kept)', replace: 'if (kept.length < table.kept - 9)' },
    ],
  },
  {
    name: 'the check does not count what sessions hold',
    breaks: 'R4',
    why: 'a session that believes in a hold which no lock knows of is taken for whole',
    test: 'deadlines',
    edits: [{ file: check, find: 'if (owned !== found.owned)', replace: 'if (owned < found.owned)' }],
  },
  {
    name: 'the check does not add up permits',
    breaks: 'R4, C1',
    why: 'a server whose sum is wrong is believed',
    test: 'deadlines',
    edits: [{ file: check, find: 'if (sum !== taken)', replace: 'if (sum > 9 * taken)' }],
  },
]

const most: readonly Mutant[] = [
  {
    name: 'at most counts from the grant',
    breaks: 'C4, S4',
    why: 'the servers end a hold before its client has stopped, if the answer came late',
    test: 'times-in-cluster',
    edits: [
      {
        file: table,
        find: 'session.tellOf(hold, request)',
        replace: "session.tellOf(hold, request)\n      this.#done.add({ is: 'told', hold })",
      },
    ],
  },
  {
    name: 'at most goes on with the rest at a promotion',
    breaks: 'C4',
    why: 'a client that heard of its grant from the new primary is ended before it has stopped',
    test: ['deadlines', 'times-in-cluster'],
    edits: [
      {
        file: times,
        find: 'const until = this.#promisedUntil(token) if',
        replace: 'const until = 0\n      if',
      },
    ],
  },
  {
    name: 'the times of a copy are given to no one',
    breaks: 'C3, C4',
    why: 'after a failover holds that last at most some time are held for ever',
    test: ['times-in-cluster', 'rules-times'],
    edits: [{ file: 'lockserver/backup.ts', find: 'this.#installation.giveTimes(this.#times)', replace: '' }],
  },
  {
    name: 'at most ends nothing',
    breaks: 'C4',
    why: 'a program that hangs holds its lock for ever',
    test: ['times-in-cluster'],
    edits: [{ file: times, find: "if (held.length > 0) return ['most-over', held]", replace: '' }],
  },
  {
    name: 'a client is not told that it held too long',
    breaks: 'C4, S5',
    why: 'it works on without the lock',
    test: 'rules-times',
    edits: [
      {
        file: table,
        find: "this.#leave(hold, wallMs, 'HELD_TOO_LONG', 'HELD_TOO_LONG')",
        replace: "this.#leave(hold, wallMs, 'HELD_TOO_LONG')",
      },
    ],
  },
  {
    name: 'a copy forgets which reply tells of a hold',
    breaks: 'C4, R3',
    why: 'after a copy and a failover no time ends that hold',
    test: ['times-in-cluster', 'rules-claims'],
    edits: [
      { file: snapshot, find: 'if (special.untold > 0) session.tellOf(hold, special.untold)', replace: '' },
    ],
  },
]

const once: readonly Mutant[] = [
  {
    name: 'a key is free when its hold has ended',
    breaks: 'C5',
    why: 'the second machine, a minute late, runs the nightly job again',
    test: 'rules-once',
    edits: [
      {
        file: table,
        find: 'this.#endKey(hold, wallMs, false)',
        replace: 'this.#freeKey(hold)',
      },
    ],
  },
  {
    name: 'a key is forgotten while it runs',
    breaks: 'C5',
    why: 'a job that takes longer than its key is kept runs twice at once',
    test: 'rules-once',
    edits: [
      {
        file: table,
        find: 'if (known === undefined || known.running) return false',
        replace: 'if (known === undefined) return false',
      },
    ],
  },
  {
    name: 'a failure keeps its key',
    breaks: 'C5',
    why: 'a job that failed is never tried again',
    test: 'rules-once',
    edits: [
      {
        file: table,
        find: 'this.#freeKey(hold) this.release(hold, wallMs)',
        replace: 'this.release(hold, wallMs)',
      },
    ],
  },
  {
    name: 'those who wait with a key that runs are not told',
    breaks: 'C5',
    why: 'they wait for a run that will never be theirs',
    test: 'rules-once',
    edits: [{ file: table, find: 'this.#tell(lock.name, key, wallMs) }', replace: '}' }],
  },
  {
    name: 'one who waited runs a key that is done',
    breaks: 'C5',
    why: 'the job runs again as soon as it has ended',
    test: 'rules-once',
    edits: [
      {
        file: table,
        find: 'if (problem !== undefined) { this.#left--',
        replace: "if (problem === 'ONCE_KEYS_LIMIT') {\n      this.#left--",
      },
    ],
  },
  {
    name: 'a full name takes one key more',
    breaks: 'C5, B4',
    why: 'keys have no bound',
    test: 'rules-once',
    edits: [
      {
        file: table,
        find: 'this.onces.sizeOf(name) >= this.#limits.onceKeysPerNameMax',
        replace: 'this.onces.sizeOf(name) > this.#limits.onceKeysPerNameMax',
      },
    ],
  },
  {
    name: 'a key counts for all names',
    breaks: 'C5',
    why: 'two jobs of the same minute are taken for one',
    test: 'rules-once',
    edits: [
      {
        file: onces,
        find: 'return this.#names.get(name)?.keys.get(key)',
        replace:
          'for (const known of this.each()) if (known.key === key) return known\n    return this.#names.get(name)?.keys.get(key)',
      },
    ],
  },
  {
    name: 'a key weighs nothing for its owner',
    breaks: 'C5, B7',
    why: 'one address fills the state with keys',
    test: ['rules-once', 'rules-claims'],
    edits: [{ file: onces, find: 'key.owner?.key(onceBytes(key), 1)', replace: '' }],
  },
  {
    name: 'a key is not in the snapshot',
    breaks: 'C5, R3',
    why: 'after a copy and a failover every job runs again',
    test: ['times-in-cluster', 'rules-claims'],
    edits: [
      {
        file: snapshot,
        find: 'return this.#nextKey() ?? this.#nextUnfinished()',
        replace: 'this.#nextKey()\n    return this.#nextUnfinished()',
      },
    ],
  },
  {
    name: 'the time of a key is lost in a copy',
    breaks: 'C5',
    why: 'after a copy and a failover keys are never forgotten, until their name is full',
    test: 'times-in-cluster',
    edits: [
      {
        file: snapshot,
        find: 'if (remainingMs !== null) this.#keys.push([known, this.#now + remainingMs])',
        replace: '',
      },
    ],
  },
  {
    name: 'a copy does not know whose waiters are to be told',
    breaks: 'C5, B2, R3',
    why: 'after a failover between two shares some of them wait on',
    test: 'rules-claims',
    edits: [{ file: snapshot, find: 'return unfinished.tell(record[1], record[2])', replace: 'return' }],
  },
]

const notesAndTokens: readonly Mutant[] = [
  {
    name: 'a hold that gets a note goes to the end',
    breaks: 'C6, L2',
    why: 'holders are out of the order of their tokens, and evictions in shares miss some',
    test: 'rules-notes',
    edits: [
      {
        file: lock,
        find: 'this.#crowd.others.enter(later, this.#crowd.others.first)',
        replace: 'this.#crowd.others.enter(later)',
      },
    ],
  },
  {
    name: 'a note is not weighed',
    breaks: 'C6, B4',
    why: 'a state that is full of notes takes more than its budget',
    test: 'rules-notes',
    edits: [{ file: table, find: 'this.tally.bytes += more', replace: '' }],
  },
  {
    name: 'a changed note is no event',
    breaks: 'C6',
    why: 'a watcher shows the note of the one before',
    test: 'rules-notes',
    edits: [{ file: table, find: "if (this.#watched) this.#happened('noted', noted, wallMs)", replace: '' }],
  },
  {
    name: 'a forced release takes whoever holds',
    breaks: 'C8',
    why: 'between a look and the command a healthy successor loses its lock',
    test: 'rules-exact',
    edits: [
      {
        file: state,
        find: 'if (lock.holder?.token === token) return lock.holder',
        replace: 'if (lock.holder !== null) return lock.holder',
      },
    ],
  },
  {
    name: 'a steal of exactly one takes it beside others',
    breaks: 'C8, L1',
    why: 'an exclusive holder stands beside those who share',
    test: 'rules-exact',
    edits: [
      {
        file: table,
        find: 'if (permits === null) return lock.held === 1',
        replace: 'if (permits === null) return true',
      },
    ],
  },
  {
    name: 'a steal of exactly one forgets the others when it counts',
    breaks: 'C8, C1',
    why: 'more permits are taken than there are',
    test: 'rules-exact',
    edits: [
      {
        file: table,
        find: 'lock.taken - takeOf(victim.special) + permits.take <= permits.of',
        replace: 'permits.take <= permits.of',
      },
    ],
  },
  {
    name: 'a steal of exactly one overtakes a steal from all',
    breaks: 'C8, L3',
    why: 'who was first gets the lock from who came later, in the wrong order',
    test: 'rules-exact',
    edits: [
      {
        file: table,
        find: "if (this.#paused || lock.next?.claim.manner === 'steal') return false const",
        replace: 'if (this.#paused) return false\n    const',
      },
    ],
  },
]

const shown: readonly Mutant[] = [
  {
    name: 'a claim that waits shows a token',
    breaks: 'C6, L2',
    why: 'who watches takes it for a holder, and the resource for the newest',
    test: 'rules-notes',
    edits: [
      {
        file: table,
        find: 'lock, claim.mode, null, null, session',
        replace: 'lock, claim.mode, this.#lastToken, null, session',
      },
    ],
  },
  {
    name: 'a hold shows the note of the one before',
    breaks: 'C6',
    why: 'the new leader is found at the address of the old one',
    test: 'rules-notes',
    edits: [
      {
        file: lock,
        find: 'const hold: LaterHold = { token, session, lock: this, mode, since, special, ahead: null, behind: null } this.#crowd ??= newCrowd()',
        replace: `const last = this.#crowd?.lastNote ?? null
      if (special !== null && last !== null) special.terms = { ...special.terms, note: last }
      const hold: LaterHold = { token, session, lock: this, mode, since, special, ahead: null, behind: null }
      this.#crowd ??= newCrowd()
      this.#crowd.lastNote = special?.terms.note ?? null`,
      },
      { file: lock, find: 'taken: number', replace: 'taken: number\n  lastNote?: string | null' },
    ],
  },
  {
    name: 'the longest hold is one that is kept',
    breaks: 'C3',
    why: 'an alert for programs that hang sounds for each nightly job',
    test: 'claims-pages',
    edits: [
      {
        file: 'lockserver/pages/longest.ts',
        find: 'if (!hold.session.isNobody) return hold.since',
        replace: 'return hold.since',
      },
    ],
  },
  {
    name: 'a page shows the client of a hold that is kept',
    breaks: 'C3',
    why: 'an operator looks for a process that has ended',
    test: 'claims-pages',
    edits: [
      {
        file: 'lockserver/pages/table-page.ts',
        find: 'client: hold.session.isNobody ? null : hold.session.name',
        replace: 'client: hold.session.name',
      },
    ],
  },
]

export const claims: readonly Mutant[] = [
  ...permits,
  ...lasting,
  ...most,
  ...once,
  ...notesAndTokens,
  ...shown,
]
