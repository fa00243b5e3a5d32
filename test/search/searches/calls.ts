// Calls of several clients cross one another, a death, or a cut of their connection.

import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, anytime, end, query, release, shared, steal, tryAcquire, trySharing } from './programs.ts'

export const callSearches: readonly Search[] = [
  {
    name: 'steal',
    about: 'a steal, and the death of the primary: the victim is told, the thief holds it alone',
    setting: { servers: 2, programs: [[acquire('a')], [steal('a'), release(0)]] },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1')
    },
    freedom: { kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'cancel',
    about: 'a wait that is given up while its grant is on its way, and the connection of its client is cut',
    setting: {
      servers: 2,
      programs: [
        [acquire('a'), release(0)],
        [acquire('a'), { do: 'abort', of: 0, anytime: true }],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1')
    },
    freedom: { cuts: { between: [['C2', 'S1']], times: 1 }, passes: { ms: 'wake', times: 1 } },
    short: 20_000,
  },
  {
    name: 'shared',
    about: 'shared and exclusive waiters in a row, and the death of the primary',
    setting: {
      servers: 2,
      programs: [
        [shared('a'), release(0)],
        [acquire('a'), release(0), shared('a')],
      ],
    },
    prelude: acked('C1', 'C2'),
    freedom: { kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'queue',
    about: 'one is known to wait, and others come behind it: none of them is granted before it',
    setting: {
      servers: 2,
      programs: [
        [shared('a'), anytime(release(0))],
        [acquire('a'), anytime(query), release(0)],
        [trySharing, release(0), shared('a'), release(2)],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2', 'C3')(prelude)
      prelude.each('call', 'C1', 'C2', 'C2')
    },
    freedom: {},
    prune: look => look.number >= 4,
    short: 5_000,
  },
  {
    name: 'loss and reply',
    about: 'a lock is stolen while its grant is acknowledged, and the connection is cut: the victim is told',
    setting: { servers: 1, programs: [[acquire('a')], [steal('a')]] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1', 'C2').each('call', 'C1')
    },
    freedom: { cuts: { between: [['C1', 'S1']], times: 1 }, passes: { ms: 'wake', times: 2 } },
    short: 20_000,
  },
  {
    name: 'loss and grant',
    about: 'one of two names is stolen while the other is waited for: the grant says so',
    setting: {
      servers: 1,
      programs: [[acquire('a', 'b')], [acquire('b'), anytime(steal('a')), release(0)]],
    },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1', 'C2').each('call', 'C2', 'C1')
    },
    freedom: { cuts: { between: [['C1', 'S1']], times: 1 }, passes: { ms: 'wake', times: 2 } },
  },
  {
    name: 'resumes',
    about: 'connections of a client are cut, its resumes overtake one another, and it ends its session',
    setting: { servers: 1, programs: [[acquire('a'), anytime(end)]] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1').cut('C1', 'S1').quiet()
      prelude.holding('C1', 'S1').pass(500).each('wake', 'C1')
    },
    freedom: { cuts: { between: [['C1', 'S1']], times: 2 }, passes: { ms: 'wake', times: 1 } },
    short: 20_000,
  },
  {
    name: 'refused again',
    about:
      'the answer of one who was refused is lost; asked again it is the same, though the lock is free since',
    setting: { servers: 1, programs: [[acquire('a'), anytime(release(0))], [tryAcquire('a')]] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1', 'C2').each('call', 'C1')
    },
    freedom: { cuts: { between: [['C2', 'S1']], times: 1 }, passes: { ms: 'wake', times: 1 } },
    short: 10_000,
  },
  {
    name: 'end in shares',
    about:
      'an end is cut into shares of one hold, and the primary dies or a copy begins between any two of them: a waiter gets each lock once',
    setting: {
      servers: 3,
      programs: [[acquire('a', 'b', 'c'), anytime(end)], [acquire('a', 'b', 'c')]],
    },
    smallChunks: true,
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1')
      prelude.each('call', 'C2')
    },
    freedom: { kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4 || look.has('C2', 'c'),
    short: 10_000,
  },
]
