// Planted bugs of values in answers that clients and operators get.

import type { Mutant } from './mutant.ts'

export const answers: readonly Mutant[] = [
  {
    name: 'one lock more than the page holds is kept, one is too many',
    breaks: 'B5',
    why: 'a page of exactly its limit says that there are more',
    test: 'dashboard',
    edits: [
      {
        file: 'lockserver/pages/first-few.ts',
        find: 'if (this.#heap.length < this.#max) {',
        replace: 'if (this.#heap.length <= this.#max) {',
      },
    ],
  },
  {
    name: 'a lock that nobody waits for is the longest wait',
    breaks: 'B5',
    why: 'the page of the longest waits begins with locks without any',
    test: 'dashboard',
    edits: [
      {
        file: 'lockserver/pages/table-page.ts',
        find: 'of?.since ?? Number.POSITIVE_INFINITY',
        replace: 'of?.since ?? 0',
      },
    ],
  },
  {
    name: 'holds are listed in the order of the table',
    breaks: 'R1',
    why: 'a query lists holds not by their tokens',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/query.ts',
        find: 'held.sort((a, b) => a.token - b.token)',
        replace: '',
      },
    ],
  },
  {
    name: 'a backup that is not in sync survives a death',
    breaks: 'V4',
    why: 'operators take down the primary while its backup still copies',
    test: 'server-parts',
    edits: [
      {
        file: 'viewservice/status.ts',
        find: 'if (!record?.acked || record.view.backup === null) return 0',
        replace: 'if (record === null || record.view.backup === null) return 0',
      },
    ],
  },
  {
    name: 'the state is not lost as long as a backup lives',
    breaks: 'F14',
    why: 'a backup that was never in sync keeps an operator from a reset that is needed',
    test: 'server-parts',
    edits: [
      {
        file: 'viewservice/status.ts',
        find: 'if (backup !== null && acked && !servers.isDead',
        replace: 'if (backup !== null && !servers.isDead',
      },
    ],
  },
]
