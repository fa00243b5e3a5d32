// The view server dies around its write, is away or hears nobody; and the first view of all.

import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, release } from './programs.ts'

export const viewSearches: readonly Search[] = [
  {
    name: 'view server',
    about: 'the view server dies between its write and its telling, and starts again from its disk',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], slowDisk: true },
    prelude: acked('C1'),
    freedom: { viewServerKills: 1, kills: { of: ['S1'], times: 1 }, ticks: { S1: 2, S2: 2, VS: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'first view',
    about: 'the first primary is cut off before it hears of view 1: no other view comes before its ack',
    setting: { servers: 2, programs: [[acquire('a')]] },
    prelude: prelude => {
      prelude.each('start', 'VS')
    },
    freedom: { starts: 2, cuts: { between: [['S1', 'VS']], times: 1 }, ticks: { S1: 2 }, callers: [] },
    prune: look => look.number >= 3,
    statesMax: 100_000,
  },
  {
    name: 'no server heard',
    about: 'two missed pings make a server dead; a tick in which no server was heard is a miss for none',
    setting: { servers: 2, programs: [[acquire('a')]], deadPings: 2 },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('tick', 'S1', 'S2', 'VS')
    },
    freedom: { ticks: { VS: 2, S2: 1 }, callers: [] },
    never: {
      is: look => look.number > 2,
      problem: 'V7: a view is made, and S1 has missed one ping at the most',
    },
    short: 1_000,
  },
  {
    name: 'died while away',
    about: 'the primary has died while the view server was away: it is found dead, and its backup promoted',
    setting: { servers: 2, programs: [[acquire('a')]] },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('kill', 'VS', 'S1').each('start', 'VS')
    },
    freedom: { ticks: { VS: 2, S2: 4 }, callers: [] },
    goal: look => look.number === 3 && look.acked,
    short: 5_000,
  },
]
