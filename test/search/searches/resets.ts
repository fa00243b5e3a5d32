// The state is lost, and an operator resets: nothing is granted too early, nor to two clients.

import type { Search } from '../search.ts'
import { acquire, steal } from './programs.ts'

export const resetSearches: readonly Search[] = [
  {
    name: 'reset',
    about:
      'the only server with the state is gone: a reset starts empty, grants nothing too early, and larger tokens',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 1_500, operator: 'careful' },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1', 'C2').each('call', 'C1').each('kill', 'S1').each('start', 'S2')
    },
    freedom: { ticks: { S2: 2, VS: 1 }, passes: { ms: 2_600, times: 4 } },
    prune: look => look.done('C2'),
  },
  {
    name: 'longer than the record',
    about:
      'a ttl longer than any in the view record is in force only once the record, and so the pause of a reset, covers it',
    setting: {
      servers: 2,
      programs: [[acquire('a')], [acquire('a')]],
      ttlMs: 20_000,
      operator: 'careful',
    },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1').holding('S1', 'VS').each('start', 'C1').each('call', 'C1')
      prelude.each('kill', 'S1').loses('VS', 'S1').arrives('VS', 'S1', 1).holding('C1', 'S2')
      prelude.each('start', 'S2', 'C2').each('call', 'operator').arrives('VS', 'S1', 1).each('call', 'C2')
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 5_500, times: 2 } },
    goal: look => look.has('C2', 'a'),
  },
  {
    name: 'unheard reset',
    about:
      'a client has not heard of a reset, and believes in its lock: nobody is granted it, not even by a steal',
    setting: {
      servers: 2,
      programs: [[acquire('a')], [acquire('a')], [steal('a')]],
      ttlMs: 1_500,
      operator: 'careful',
    },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1').each('call', 'C1').each('kill', 'S1').holding('C1', 'S2')
      prelude.each('start', 'S2').each('tick', 'VS').each('call', 'operator').each('start', 'C2', 'C3')
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 2_600, times: 4 } },
    short: 5_000,
  },
]
