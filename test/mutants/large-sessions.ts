// Planted bugs of work that is done in one go, though a large session makes it long (B1, B2): the simulator's
// large sessions see the stall, or that what was begun never goes on.

import type { Mutant } from './mutant.ts'

const table = 'lockserver/state/lock-table.ts'
const primary = 'lockserver/primary.ts'

const large: readonly Mutant[] = [
  {
    name: 'a session ends in one operation',
    test: 'budget',
    breaks: 'B2, B1',
    why: 'an expire of thousands of holds keeps each new primary from its pings',
    edits: [{ file: table, find: 'for (; this.#left > 0; ) {', replace: 'for (;;) {' }],
  },
  {
    name: 'a forced release takes the lock from all holders at once',
    test: 'budget',
    breaks: 'B2, B1',
    why: 'thousands of shared holds end in one operation',
    edits: [{ file: table, find: 'return lock.held <= Math.max(0, this.#left)', replace: 'return true' }],
  },
  {
    name: 'all waiters of a lock are served at once',
    test: 'budget',
    breaks: 'B2, B1',
    why: 'thousands of shared waiters are granted in one operation',
    edits: [
      {
        file: table,
        find: 'if (this.#left <= 0) return void this.unfinished.unserved.add(lock.name)',
        replace: '',
      },
    ],
  },
  {
    name: 'what was begun goes on in one turn',
    breaks: 'B2, B1',
    why: 'each operation is short, and all of them together are not',
    edits: [
      {
        file: 'lockserver/overdue.ts',
        find: "this.#proposals.propose(['go-on'])",
        replace: "while (this.#state.table.isUnfinished) this.#proposals.propose(['go-on'])",
      },
    ],
  },
  {
    name: 'only one go-on is proposed',
    breaks: 'B2',
    why: 'a large session stays half ended, and what it holds is held for ever',
    edits: [
      {
        file: 'lockserver/overdue.ts',
        find: "this.#proposals.propose(['go-on'])",
        replace: "if (this.went) return\n    this.went = true\n    this.#proposals.propose(['go-on'])",
      },
      {
        file: 'lockserver/overdue.ts',
        find: 'readonly #expiry = new Expiry()',
        replace: 'readonly #expiry = new Expiry()\n  went = false',
      },
    ],
  },
  {
    name: 'a backup applies all that has come',
    test: 'stalls',
    breaks: 'B1',
    why: 'after a stall the backup is not heard, and is dropped or not promoted',
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: 'done < this.#waiting.length && this.#left > 0',
        replace: 'done < this.#waiting.length',
      },
    ],
  },
  {
    name: 'a backup has a share for each frame',
    test: 'stalls',
    breaks: 'B1',
    why: 'a turn that reads many frames applies all of them',
    edits: [
      {
        file: 'lockserver/backup.ts',
        find: 'if (this.whole === 0) return false let done = 0',
        replace: 'if (this.whole === 0) return false\n    this.startTurn()\n    let done = 0',
      },
    ],
  },
  {
    name: 'a copy has no chunks',
    breaks: 'B1, R3',
    why: 'the whole state is sent, and installed, in one turn',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: 'while (chunk.length < recordsMax && bytes < chunkBytesMax) {',
        replace: 'while (bytes < 1e9) {',
      },
    ],
  },
  {
    name: 'locks are copied before the sessions that they speak of',
    test: 'rules-snapshot',
    breaks: 'B1, R3',
    why: 'a backup can install them only at the end, or not at all',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: 'const keptSession = this.#keptSessions.pop()',
        replace: 'const keptSession = this.#keptLocks.pop() ?? this.#keptSessions.pop()',
      },
    ],
  },
  {
    name: 'requests that were parked are done in one turn',
    test: 'stalls',
    breaks: 'B1, R3',
    why: 'when a joining backup has caught up, its primary stands still',
    edits: [{ file: primary, find: 'this.#mayUnpark && this.#turns.room', replace: 'this.#mayUnpark' }],
  },
  {
    name: 'all that was held back is shown in one turn',
    breaks: 'B1, R1',
    why: 'when a backup is heard again after a while, its primary stands still',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: 'this.replication.release(shownTurnMax - this.#shown)',
        replace: 'this.replication.release(1e9)',
      },
    ],
  },
  {
    name: 'what a turn had no room to show is forgotten',
    breaks: 'B1, R1',
    why: 'answers are never sent until something else happens',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: 'if (this.replication.toShow || this.#watches.more)',
        replace: 'if (this.#watches.more)',
      },
    ],
  },
  {
    name: 'an expire takes all that is due',
    test: 'ends-together',
    breaks: 'B1, S3',
    why: 'sessions that end together end in one operation',
    edits: [
      {
        file: 'lockserver/expiry.ts',
        find: 'this.more && weight < expireWeightMax',
        replace: 'this.more',
      },
    ],
  },
  {
    name: 'an unpause serves all locks in one go',
    breaks: 'B2, F14',
    why: 'after a reset the primary stands still',
    edits: [
      {
        file: table,
        find: 'for (const name of unserved) { if (this.#left <= 0) return unserved.delete(name)',
        replace: 'for (const name of unserved) {\n      unserved.delete(name)',
      },
      {
        file: table,
        find: 'if (this.#left <= 0) return void this.unfinished.unserved.add(lock.name)',
        replace: '',
      },
    ],
  },
]

export const largeSessions: readonly Mutant[] = large.map(mutant => ({ ...mutant, theme: 'large sessions' }))
