// Planted bugs of what matters only in a long life.

import type { Mutant } from './mutant.ts'

export const long: readonly Mutant[] = [
  {
    name: 'dials that failed long ago still count',
    breaks: 'F1',
    why: 'an address that worked for days is dialled as late as one that never did',
    test: 'client-parts',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'if (steady) link.address.failures = 0',
        replace: '',
      },
    ],
  },
  {
    name: 'seconds of the wall clock have 31 bits',
    breaks: 'R1',
    why: 'from 2038 on the age of a hold is that of no hold',
    theme: 'long lives',
    edits: [
      {
        file: 'lockserver/state/lock.ts',
        find: 'this.#seconds = Math.floor(since / 1_000)',
        replace: 'this.#seconds = (since / 1_000) | 0',
      },
    ],
  },
  {
    name: 'a copy takes the number of its last operation with 32 bits',
    breaks: 'R2',
    why: 'no server can be the backup any more once there were so many operations',
    theme: 'long lives',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: 'state.opNumber = header.opNumber',
        replace: 'state.opNumber = header.opNumber >>> 0',
      },
    ],
  },
  {
    name: 'a lease ends at a time of 31 bits',
    breaks: 'S4',
    why: 'on a machine that has run for 25 days every session ends at once',
    theme: 'long lives',
    edits: [
      {
        file: 'lockserver/leases.ts',
        find: 'this.#set(session.ordinal, now + session.ttlMs)',
        replace: 'this.#set(session.ordinal, (now + session.ttlMs) | 0)',
      },
    ],
  },
  {
    name: 'a client compares the numbers of views by 32 bits',
    breaks: 'F13',
    why: 'in view 2^31 a client takes the view that it has for the newer one, and goes to no later primary',
    theme: 'long lives',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'if (this.view !== null && view.number <= this.view.number) return false',
        replace: 'if (this.view !== null && (view.number | 0) <= (this.view.number | 0)) return false',
      },
    ],
  },
]
