// Planted bugs that take no lock from anybody: a count, an age, a place or a reason that is told wrong, a limit
// that is met too early or too late, a digest that sees too little.

import type { Mutant } from './mutant.ts'

const counts = 'lockserver/counts.ts'
const state = 'lockserver/state/state.ts'
const table = 'lockserver/state/lock-table.ts'
const watches = 'lockserver/watches.ts'

export const judged: readonly Mutant[] = [
  {
    name: 'names that wait together count as one lock',
    breaks: 'S1, B4',
    why: 'a session that waits for several names at once gets more locks than its limit',
    edits: [
      {
        file: 'lockserver/state/sessions.ts',
        find: 'this.holds.size + this.awaited + this.losses.size',
        replace: 'this.holds.size + this.waiting.size + this.losses.size',
      },
    ],
  },
  {
    name: 'one more waits than may',
    breaks: 'B4',
    why: 'a queue is longer than its limit by one',
    edits: [
      {
        file: table,
        find: 'if (lock.waiters >= this.#limits.waitersPerLockMax)',
        replace: 'if (lock.waiters > this.#limits.waitersPerLockMax)',
      },
    ],
  },
  {
    name: 'shared holds of others count as its own',
    breaks: 'B2',
    why: 'a session is refused a shared lock that it holds once, since others share it',
    edits: [
      {
        file: table,
        find: 'session.sharedOf(lock) >= this.#limits',
        replace: 'lock.held >= this.#limits',
      },
    ],
  },
  {
    name: 'the digest is blind to tokens',
    breaks: 'R4',
    why: 'a copy that grants other tokens than its primary is kept',
    edits: [
      {
        file: state,
        find: `if (acquire.claim.terms !== null) this.table.granted(acquire)
    for (const token of tokens) this.#fold(token % 4294967296)`,
        replace: 'if (acquire.claim.terms !== null) this.table.granted(acquire)',
      },
    ],
  },
  {
    name: 'a copy has what is unserved in another order',
    breaks: 'R4',
    why: 'a backup that is promoted serves other waiters first than its primary told it to',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: 'for (const name of unserved) records.push',
        replace: 'for (const name of [...unserved].reverse()) records.push',
      },
    ],
  },
  {
    name: 'a waiter counts itself among those before it',
    breaks: 'L3',
    why: 'whoever gives up is told that one more was before it than was',
    edits: [
      {
        file: state,
        find: 'let count = 0 for (let other = waiting.ahead',
        replace: 'let count = 1\n  for (let other = waiting.ahead',
      },
    ],
  },
  {
    name: 'the age of a hold is that of the wait',
    breaks: 'L3',
    why: 'whoever gives up is told that the lock was held for as long as it waited',
    edits: [{ file: state, find: 'this.wallMs - hold.since', replace: 'this.wallMs - waiting.since' }],
  },
  {
    name: 'a forced release of many counts one',
    breaks: 'L1',
    why: 'an operator is told that one held the lock, and two did',
    edits: [{ file: table, find: 'const count = lock.held', replace: 'const count = lock.held > 0 ? 1 : 0' }],
  },
  {
    name: 'a watch misses one event more than it says',
    breaks: 'R1',
    why: 'a reader believes that it has been told of all that it did not miss',
    edits: [
      {
        file: watches,
        find: "this.#out.send(watch.client.connection, ['missed', watch.number, watch.missed])",
        replace:
          "this.#out.send(watch.client.connection, ['missed', watch.number, Math.max(1, watch.missed - 1)])",
      },
    ],
  },
  {
    name: 'a watch leaves one event more unseen',
    breaks: 'B4',
    why: 'a server keeps more for a reader that stands still than the limit says',
    edits: [
      {
        file: watches,
        find: 'watch.told - watch.seen >= eventsUnseenMax',
        replace: 'watch.told - watch.seen > eventsUnseenMax',
      },
    ],
  },
  {
    name: 'losses are counted as stolen, however they came',
    breaks: 'S5',
    why: 'an operator who forces locks sees thefts on the dashboard',
    edits: [{ file: counts, find: 'this.losses[output[2]]++', replace: 'this.losses.STOLEN++' }],
  },
  {
    name: 'a session that is abandoned counts as expired',
    breaks: 'S4',
    why: 'an alert for clients that die tells of some that were closed in time',
    edits: [
      {
        file: counts,
        find: 'this.sessionEnds[fact.how]++',
        replace: "this.sessionEnds[fact.how === 'abandoned' ? 'expired' : fact.how]++",
      },
    ],
  },
  {
    name: 'a promoted server without a backup counts as a backup dropped',
    breaks: 'V7',
    why: 'the dashboard shows no promotion where there was one',
    edits: [
      {
        file: 'viewservice/counts.ts',
        find: "if (before?.primary.id !== view.primary.id) return 'promotion'",
        replace:
          "if (before?.primary.id !== view.primary.id) return view.backup === null ? 'backup_dropped' : 'promotion'",
      },
    ],
  },
  {
    name: 'each answer says that it is confirmed',
    breaks: 'R1',
    why: 'a primary that was deposed shows what is not true any more as if it were',
    edits: [
      {
        file: 'lockserver/query-desk.ts',
        find: 'const sure = confirmed || isSure',
        replace: 'const sure = confirmed || isSure || true',
      },
    ],
  },
  {
    name: 'the client takes each answer for confirmed',
    breaks: 'R1',
    why: 'a program that asks for what is known at once is told that it is sure',
    edits: [
      {
        file: 'client/session/answers.ts',
        find: 'answer.confirmed &&= confirmed',
        replace: 'answer.confirmed ||= confirmed',
      },
    ],
  },
  {
    name: 'a query makes holds older than they are',
    breaks: 'R1',
    why: 'a query shows each lock as held for longer than it is',
    edits: [
      {
        file: 'lockserver/query.ts',
        find: 'Math.floor(wall - since)',
        replace: 'Math.floor(wall - since) + 10',
      },
    ],
  },
  {
    name: 'a theft is told as an operator',
    breaks: 'S5',
    why: 'a client whose lock was stolen is told that an operator has released it',
    edits: [
      {
        file: table,
        find: "if (this.#mayStealNow(lock, acquire)) this.#evict(lock, 'STOLEN', wallMs)",
        replace: "if (this.#mayStealNow(lock, acquire)) this.#evict(lock, 'FORCED', wallMs)",
      },
    ],
  },
  {
    name: 'a query shows the queue from its end',
    breaks: 'L3',
    why: 'who is next looks as if it were last',
    edits: [
      {
        file: 'lockserver/query.ts',
        find: 'of lock.queue) {',
        replace: 'of [...lock.queue].reverse()) {',
      },
    ],
  },
]
