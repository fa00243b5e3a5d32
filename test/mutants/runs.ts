// Planted bugs of runs as one operation: one that is not what its messages are.

import type { Mutant } from './mutant.ts'

const runs = 'lockserver/state/runs.ts'
const table = 'lockserver/state/lock-table.ts'
const requests = 'lockserver/run-requests.ts'

export const runsAtOnce: readonly Mutant[] = [
  {
    name: 'a run has no limits',
    breaks: 'B4, R4',
    why: 'a session gets more locks than it may, if it asks for them in one frame',
    test: 'whole-runs',
    edits: [
      {
        file: runs,
        find: 'if (session.unanswered >= limits.unansweredMax || session.locks >= limits.locksPerSessionMax) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'a release in a run forgets those who wait',
    breaks: 'L3',
    why: 'a lock is gone with its queue, and its waiters never get it',
    edits: [
      {
        file: table,
        find: 'hold === hold.lock && hold.lock.isUncontended',
        replace: 'hold === hold.lock && hold.lock.held === 1',
      },
    ],
  },
  {
    name: 'watches miss what runs take',
    breaks: 'R1 watch',
    why: 'a hold is released that was never told of',
    test: 'whole-runs',
    edits: [
      {
        file: table,
        find: 'if (this.#paused || this.#watched || this.locks',
        replace: 'if (this.#paused || this.locks',
      },
    ],
  },
  {
    name: 'a run is granted in the pause after a reset',
    breaks: 'F14',
    why: 'a lock of the time before the reset is granted to a second client',
    test: 'whole-runs',
    edits: [
      {
        file: table,
        find: 'if (this.#paused || this.#watched || this.locks',
        replace: 'if (this.#watched || this.locks',
      },
    ],
  },
  {
    name: 'each reply of a run has the first token',
    breaks: 'L2, S1',
    why: 'a grant that is asked for again after a failover is answered with the token of another lock',
    test: 'whole-runs',
    edits: [
      {
        file: 'lockserver/state/replies.ts',
        find: 'return firstToken + (request - first)',
        replace: 'return firstToken',
      },
    ],
  },
  {
    name: 'a run is not asked what its principal may',
    breaks: 'A2',
    why: 'two locks in one frame are granted to a client that may have neither',
    test: 'whole-runs',
    edits: [
      {
        file: requests,
        find: 'return deniedAmong(principal, acquireVerb(run[4]), run[2]) === undefined',
        replace: 'return deniedAmong(principal, acquireVerb(run[4]), []) === undefined',
      },
    ],
  },
  {
    name: 'a run may come too early',
    breaks: 'S1',
    why: 'a gap in the numbers ends the server, and not the connection',
    test: 'whole-runs',
    edits: [{ file: requests, find: 'if (run[1] !== session.nextRequest) return false', replace: '' }],
  },
]
