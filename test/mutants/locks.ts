// Planted bugs of the lock table: holders, waiters and tokens.

import type { Mutant } from './mutant.ts'

const table = 'lockserver/state/lock-table.ts'
const state = 'lockserver/state/state.ts'

export const locks: readonly Mutant[] = [
  {
    name: 'shared granted beside exclusive',
    breaks: 'L1',
    why: 'two clients that must not work at the same time both hold the lock',
    edits: [
      {
        file: table,
        find: "if (mode === 'shared') return lock.holder.mode === 'shared'",
        replace: "if (mode === 'shared') return true",
      },
    ],
  },
  {
    name: 'steal that keeps the token',
    breaks: 'L2',
    why: "the thief gets the victim's token: a resource can't tell the two apart",
    edits: [
      {
        file: table,
        find: "if (this.#mayStealNow(lock, acquire)) this.#evict(lock, 'STOLEN', wallMs)",
        replace: `if (this.#mayStealNow(lock, acquire)) {
        this.keptToken = lock.holders[0]?.token ?? 0
        this.#evict(lock, 'STOLEN', wallMs)
      }`,
      },
      {
        file: table,
        find: 'const token = ++this.#lastToken // L2\n    const { mode',
        replace:
          'const token = this.keptToken || ++this.#lastToken\n    this.keptToken = 0\n    const { mode',
      },
      { file: table, find: '#left = 0', replace: '#left = 0\n  keptToken = 0' },
    ],
  },
  {
    name: 'queue that lets shared overtake',
    search: 'queue',
    breaks: 'L3',
    why: 'an exclusive waiter starves behind shared ones that came later',
    edits: [
      {
        file: table,
        find: 'else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim))',
        replace:
          "else if (this.#paused || (lock.waiters > 0 && acquire.claim.mode !== 'shared') || !compatible(lock, acquire.claim))",
      },
    ],
  },
  {
    name: 'ifAvailable overtakes the queue',
    search: 'queue',
    breaks: 'L3',
    why: 'a shared lock is given at once though an exclusive waiter stands before it',
    edits: [
      {
        file: table,
        find: 'return lock === undefined || (lock.waiters === 0 && compatible(lock, claim))',
        replace: 'return lock === undefined || compatible(lock, claim)',
      },
      {
        file: table,
        find: 'else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim))',
        replace:
          "else if (this.#paused || (lock.waiters > 0 && acquire.claim.manner !== 'ifAvailable') || !compatible(lock, acquire.claim))",
      },
    ],
  },
  {
    name: 'last come, first served',
    breaks: 'L3',
    why: 'a new waiter goes to the front of the queue',
    edits: [
      {
        file: 'lockserver/state/lock.ts',
        find: "if (acquire.claim.manner !== 'steal') return queue.enter(acquire)",
        replace: "if (acquire.claim.manner !== 'steal') return queue.enter(acquire, queue.first)",
      },
    ],
  },
  {
    name: 'dead waiter kept',
    breaks: 'L3',
    why: 'a session that has ended stays in the queue and is granted locks that it will never release',
    edits: [
      {
        file: 'lockserver/state/unfinished.ts',
        find: 'return this.#waits[this.#nextWait++]',
        replace: 'return undefined',
      },
      {
        file: table,
        find: 'if (next === null || next.session.endReason !== undefined) return false',
        replace: 'if (next === null) return false',
      },
    ],
  },
  {
    name: 'only one waiter served',
    breaks: 'L3',
    why: 'of several shared waiters at the front only the first is served',
    edits: [
      {
        file: table,
        find: 'this.#goOn(lock, next, wallMs)',
        replace: 'this.#goOn(lock, next, wallMs)\n      break',
      },
    ],
  },
  {
    name: 'release by name',
    breaks: 'S1, L1',
    why: 'a release frees another hold of the same session, too',
    edits: [
      {
        file: state,
        find: 'if (hold !== undefined) this.table.release(hold, this.wallMs)',
        replace: `if (hold !== undefined) {
      const all = session.holdsInOrder(0, 1e6).filter(other => other.lock === hold.lock)
      this.table.dropAll([], all, this.wallMs)
    }`,
      },
    ],
  },
  {
    name: 'names taken in the order given',
    breaks: 'L3',
    why: 'two acquires of the same names wait for each other without end',
    edits: [
      {
        file: state,
        find: 'const sorted = names.length === 1 ? names : [...names].sort()',
        replace: 'const sorted = names',
      },
    ],
  },
  {
    name: 'cancel keeps the first names',
    breaks: 'L3',
    why: 'an acquire of several names that is cancelled keeps what it had got so far',
    edits: [
      {
        file: table,
        find: 'this.dropAll([acquire], this.heldBy(acquire), wallMs)',
        replace: 'this.dropAll([acquire], [], wallMs)',
      },
    ],
  },
  {
    name: 'steal waits in the queue',
    breaks: 'L3',
    why: 'a steal of a lock that others wait for goes to the back and evicts no holder',
    edits: [
      {
        file: table,
        find: "if (this.#mayStealNow(lock, acquire)) this.#evict(lock, 'STOLEN', wallMs)",
        replace:
          "if (this.#mayStealNow(lock, acquire) && lock.waiters === 0) this.#evict(lock, 'STOLEN', wallMs)",
      },
      {
        file: 'lockserver/state/lock.ts',
        find: "if (acquire.claim.manner !== 'steal') return queue.enter(acquire)",
        replace: "if (acquire.claim.manner !== 'ifAvailable') return queue.enter(acquire)",
      },
    ],
  },
  {
    name: 'tokens start at 1 after a reset',
    breaks: 'L2, F14',
    why: 'what a reset grants has smaller tokens than what was granted before it',
    edits: [
      {
        file: 'viewservice/reset.ts',
        find: 'start: { tokenFloor: highestToken + tokenLeap, pauseMs: record.longestTtlMs, choice: null },',
        replace: 'start: { tokenFloor: 0, pauseMs: record.longestTtlMs, choice: null },',
      },
      {
        file: 'lockserver/primary.ts',
        find: 'Math.max(Math.floor(wall * 1_000), tokenFloor)',
        replace: 'tokenFloor',
      },
    ],
  },
  {
    name: 'reset without a pause',
    search: 'unheard reset',
    breaks: 'S4, F14',
    why: 'a reset grants at once what holders in the lost state still believe in',
    edits: [
      {
        file: 'viewservice/reset.ts',
        find: 'start: { tokenFloor: highestToken + tokenLeap, pauseMs: record.longestTtlMs, choice: null },',
        replace: 'start: { tokenFloor: highestToken + tokenLeap, pauseMs: 0, choice: null },',
      },
    ],
  },
  {
    name: 'a steal in the pause of a reset',
    search: 'unheard reset',
    breaks: 'S4, F14',
    why: 'a steal is granted while a holder in the lost state still believes in the lock',
    edits: [
      {
        file: table,
        find: "if (claim.manner !== 'steal' || this.#paused) return false",
        replace: "if (claim.manner !== 'steal') return false",
      },
    ],
  },
  {
    name: 'granted again to its holder',
    breaks: 'L1',
    why: 'a session gets an exclusive lock that it already has, as if locks were re-entrant',
    edits: [
      {
        file: table,
        find: 'else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim))',
        replace:
          'else if (this.#paused || lock.waiters > 0 || (!compatible(lock, acquire.claim) && lock.holders[0]?.session !== acquire.session))',
      },
    ],
  },
]
