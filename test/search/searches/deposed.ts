// A primary is one no more, or is cut off from others, and what is asked of it is asked again elsewhere.

import type { Prelude } from '../prelude.ts'
import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, query, release, tryAcquire } from './programs.ts'

/** S1 is cut off from the view server, which believes that it is dead; S2 is promoted, and S1 and one client know it not yet. */
const deposed = (prelude: Prelude, unaware: string) => {
  prelude.each('tick', 'VS').cut('S1', 'VS').holding('S1', 'VS').holding('S1', 'S2').holding(unaware, 'VS')
  prelude.each('tick', 'S2', 'VS')
}

export const deposedSearches: readonly Search[] = [
  {
    name: 'deposed',
    about: 'S1 is cut off from the view server only: no stale grant, no stale read',
    setting: {
      servers: 2,
      programs: [
        [acquire('a'), release(0)],
        [query, tryAcquire('a'), query],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('tick', 'VS').cut('S1', 'VS')
    },
    freedom: { ticks: { S2: 1, VS: 1 } },
    prune: look => look.number >= 4,
    short: 20_000,
  },
  {
    name: 'stale read',
    about: 'S1 is deposed and knows it not: C2 asks it for what C1 has given back at S2 in the meantime',
    setting: { servers: 2, programs: [[acquire('a'), { do: 'release', of: 0, anytime: true }], [query]] },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      deposed(prelude.each('call', 'C1'), 'C2')
    },
    freedom: {},
  },
  {
    name: 'stale renewal',
    about:
      'S1 is deposed and knows it not: what C1 renews there confirms nothing, for S2 gives its lock to C2',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 1_500 },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      deposed(prelude.each('call', 'C1', 'C2'), 'C1')
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 750, times: 2 } },
  },
  {
    name: 'stranded',
    about: 'S1 is cut off from all but its client, for good: the client hears of view 3 and goes over',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]] },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('tick', 'VS').cut('S1', 'VS').cut('S1', 'S2')
    },
    freedom: { ticks: { S2: 1, VS: 1 } },
    goal: look => look.number >= 3 && look.done('C1'),
    prune: look => look.number >= 4,
    short: 10_000,
  },
  {
    name: 'sent again',
    about: 'a request is sent again after a cut, while its operation is on its way to the backup',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]] },
    prelude: acked('C1'),
    freedom: { cuts: { between: [['C1', 'S1']], times: 1 }, passes: { ms: 'wake', times: 1 } },
    short: 20_000,
  },
  {
    name: 'lost question',
    about: 'the question to the backup, or its answer, is lost; the primary is heard again',
    setting: { servers: 2, programs: [[acquire('a')]] },
    prelude: acked('C1'),
    freedom: {
      cuts: {
        between: [
          ['S2', 'VS'],
          ['S1', 'VS'],
        ],
        times: 2,
      },
      ticks: { VS: 2, S1: 1, S2: 2 },
    },
    prune: look => look.number >= 4,
  },
]
