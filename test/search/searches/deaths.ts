// Servers die one after another, come back, or are believed dead while they live.

import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, release } from './programs.ts'

export const deathSearches: readonly Search[] = [
  {
    name: 'double failure',
    about: 'S1 dies, S3 joins S2, S2 dies: S3 has everything',
    setting: { servers: 3, programs: [[acquire('a'), release(0)]] },
    prelude: acked('S3', 'C1'),
    freedom: { kills: { of: ['S1', 'S2'], times: 2 } },
    prune: look => look.number >= 5,
  },
  {
    name: 'rejoin',
    about:
      'the primary dies and starts again at its address, empty, as another server, and becomes the backup',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]] },
    prelude: acked('C1'),
    freedom: { kills: { of: ['S1', 'S2'], times: 1 }, starts: 1 },
    prune: look => look.number >= 5,
    short: 20_000,
  },
  {
    name: 'dropped',
    about:
      'S2 is taken for dead, S1 goes on alone; what S2 refuses then is no reason for S1 to give its state up',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], spared: true },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('tick', 'VS')
    },
    freedom: { ticks: { S1: 1, VS: 1 } },
    prune: look => look.number >= 5,
    short: 5_000,
  },
  {
    name: 'dead backup',
    about: 'S2 has died unseen, and S1 falls silent: a server that is not there is not promoted',
    setting: { servers: 3, programs: [[acquire('a')]], spared: true },
    prelude: prelude => {
      acked('S3', 'C1')(prelude)
      prelude.each('tick', 'VS', 'S2').suddenly('kill', 'S2')
    },
    freedom: { ticks: { VS: 2, S3: 1, S1: 1 } },
    prune: look => look.number >= 4,
    short: 5_000,
  },
]
