// A backup joins: its copy is cut, starts afresh, is made in chunks or in a pause, and must be the same.

import type { Search } from '../search.ts'
import { acquire, release } from './programs.ts'

export const joinSearches: readonly Search[] = [
  {
    name: 'join',
    about: 'S2 joins while clients use S1; their connection is cut, and S1 dies, at any moment',
    setting: { servers: 2, programs: [[acquire('a'), release(0), acquire('b')]] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1')
    },
    freedom: { starts: 1, kills: { of: ['S1'], times: 1 }, cuts: { between: [['S1', 'S2']], times: 1 } },
    prune: look => look.number >= 4,
    short: 20_000,
  },
  {
    name: 'join in turns',
    about: 'the same, where the primary reads several frames before what it decided goes out',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], openTurns: [1] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1')
    },
    freedom: { starts: 1, kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'join in chunks',
    about: 'a snapshot of many chunks: operations go on between them, the copy is cut and starts afresh',
    setting: { servers: 2, programs: [[acquire('a', 'b'), release(0), acquire('a')], [acquire('c')]] },
    smallChunks: true,
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1', 'C2').each('call', 'C2')
    },
    freedom: { starts: 1, cuts: { between: [['S1', 'S2']], times: 1 } },
    prune: look => look.acked && look.number === 2 && look.done('C1'),
  },
  {
    name: 'copied again',
    about:
      'the copy is cut anywhere, and starts afresh on a new connection; what was on the old one may come late',
    setting: { servers: 2, programs: [[acquire('a'), { do: 'release', of: 0, anytime: true }]] },
    smallChunks: true,
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1').each('call', 'C1')
      prelude.holding('S1', 'S2').each('start', 'S2').arrives('S1', 'S2', 2)
    },
    freedom: { cuts: { between: [['S1', 'S2']], times: 1 }, ticks: { S1: 1 } },
    prune: look => look.number >= 3 || (look.acked && look.number === 2),
    short: 20_000,
  },
  {
    name: 'cut copy',
    about: 'the copy was cut, and is whole all the same after a new connection',
    setting: { servers: 2, programs: [[acquire('a')]] },
    smallChunks: true,
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1').each('call', 'C1')
      prelude.holding('S1', 'S2').each('start', 'S2').arrives('S1', 'S2', 2)
      prelude.cut('S1', 'S2').arrives('S1', 'S2', 1).each('tick', 'S1')
    },
    freedom: {},
    goal: look => look.acked && look.number === 2,
    short: 1_000,
  },
  {
    name: 'late ack',
    about: 'the primary dies while its backup joins: acked or not, only the backup that knows it may go on',
    setting: { servers: 3, programs: [[acquire('a'), release(0)]] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1')
    },
    freedom: { starts: 2, kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'pause in chunks',
    about: 'a copy that is made in the pause of a reset has its locks in another order when the pause ends',
    setting: {
      servers: 2,
      programs: [[acquire('b')], [acquire('a')], [acquire('a')]],
      operator: 'careful',
    },
    smallChunks: true,
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1').each('kill', 'S1').each('start', 'S2').each('tick', 'VS')
      prelude.each('call', 'operator').pass(9_900)
      prelude.each('start', 'C1', 'C2', 'C3').each('call', 'C1', 'C2').holding('S1', 'S2').each('start', 'S1')
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 200, times: 1 } },
  },
]
