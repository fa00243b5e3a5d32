// Two principals, of which one loses its rules or its token, and a death around it: each server reads the new access
// file when it does, and the primary dies before, after, and between that and the operation (A2, A3, F21).

import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, anytime, query, release, steal, tryAcquire } from './programs.ts'

const force = { do: 'force-release', name: 'a' } as const

export const accessSearches: readonly Search[] = [
  {
    name: 'rules taken',
    about:
      'a principal loses its rules while its primary dies: what it asks for once no server knows the old ones is refused, and nothing before',
    setting: {
      servers: 2,
      access: 'no rule',
      programs: [[tryAcquire('a'), anytime(release(0)), anytime(tryAcquire('b'))], [tryAcquire('a')]],
    },
    prelude: acked('C1', 'C2'),
    freedom: { reads: true, kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 150_000,
    short: 5_000,
  },
  {
    name: 'rights by force taken',
    about: 'the same of a steal, a forced release and a query: another keeps what it has',
    setting: {
      servers: 2,
      access: 'no rule',
      programs: [[anytime(steal('a')), anytime(force), anytime(query)], [acquire('a')]],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C2')
    },
    freedom: { reads: true, kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 150_000,
    short: 5_000,
  },
  {
    name: 'token taken',
    about:
      'a principal loses its token, its primary dies, a connection is cut: nothing is done for it any more',
    setting: {
      servers: 2,
      access: 'no token',
      programs: [[tryAcquire('a'), anytime(tryAcquire('b'))], [tryAcquire('a')]],
    },
    prelude: acked('C1', 'C2'),
    freedom: { reads: true, kills: { of: ['S1'], times: 1 }, cuts: { between: [['C1', 'S1']], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 150_000,
    short: 5_000,
  },
  {
    name: 'a wait is taken',
    about:
      'its primary dies, and no client speaks for a session that waits: the next primary gives it nothing, and another who asks at once has the lock',
    setting: {
      servers: 2,
      access: 'no rule',
      programs: [[acquire('a')], [acquire('a'), anytime(release(0)), anytime(tryAcquire('a'))]],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C2', 'C1').each('reads', 'S2').suddenly('kill', 'S1')
    },
    freedom: {},
    goal: look => look.number >= 3 && look.done('C1', 'C2') && look.has('C2', 'a'),
    statesMax: 150_000,
    short: 40_000,
  },
]
