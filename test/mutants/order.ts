// Planted bugs of order: what comes late is believed, what is newest is not.

import type { Mutant } from './mutant.ts'

export const order: readonly Mutant[] = [
  {
    name: 'an older shared token opens the guard again',
    breaks: 'F12',
    why: 'a late reader lowers the largest token that was seen',
    test: 'fencing',
    edits: [
      {
        file: 'client/fence-guard.ts',
        find: 'shared: Math.max(shared, token) })',
        replace: 'shared: token })',
      },
    ],
  },
  {
    name: 'a primary of an older view leads',
    breaks: 'R1',
    why: 'a connection whose server has not learned of the newest view is taken for its primary',
    test: 'client-failover',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'link.id === this.view.primary.id && link.viewNumber === this.view.number',
        replace: 'link.id === this.view.primary.id',
      },
    ],
  },
  {
    name: 'an older view that comes late lowers what a server knows',
    breaks: 'R2',
    why: 'a server that has long moved on is taken for one of an older view',
    test: 'client-parts',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'if (view.number < link.viewNumber) return link.viewNumber',
        replace: 'link.viewNumber',
      },
    ],
  },
  {
    name: 'those who leave take the requests of others with them',
    breaks: 'R3',
    why: 'requests that were taken already are counted once more, and as many others never are',
    test: 'server-parts',
    edits: [
      {
        file: 'lockserver/parking.ts',
        find: 'this.#dropTaken() this.#parked = this.#parked.filter',
        replace: 'this.#parked = this.#parked.filter',
      },
    ],
  },
  {
    name: 'an answer to an older question counts',
    breaks: 'V3',
    why: 'a backup that was in sync when it was asked before may have been replaced since',
    test: 'server-parts',
    edits: [
      {
        file: 'viewservice/question.ts',
        find: 'asked === null || asked.number !== number || asked.to !== id',
        replace: 'asked === null || asked.to !== id',
      },
    ],
  },
  {
    name: 'of ranges that overlap the last one counts',
    breaks: 'S1',
    why: 'of replies in the longer one some are sent again for ever',
    test: 'wire-messages',
    edits: [
      {
        file: 'wire/codec.ts',
        find: 'last = Math.max(last, pairs[next]?.[1] as number)',
        replace: 'last = pairs[next]?.[1] as number',
      },
    ],
  },
]
