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
]
