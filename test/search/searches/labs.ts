// MD28 to MD32 of dslabs, restated for locks: one and two clients, one to three servers, writes that are
// visible, a stale server that comes back, and random walks.

import type { Prelude } from '../prelude.ts'
import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, end, query, release, steal, tryAcquire } from './programs.ts'

/** S2 is cut off from both others and dropped: (S1,-)#3. */
const droppedBackup = (prelude: Prelude) => {
  acked('C1', 'C2')(prelude)
  prelude.cut('S1', 'S2').cut('S2', 'VS').each('tick', 'VS', 'S1', 'VS', 'S1', 'VS')
}

/** The view server takes a living server for dead once it has heard another one between two of its ticks. */
const suspicion = { VS: 2, S2: 1 }

export const labSearches: readonly Search[] = [
  {
    name: 'MD28a',
    about: 'one client and one server, from nothing: the client gets all its answers',
    setting: { servers: 1, programs: [[acquire('a'), query, release(0), tryAcquire('a'), end]] },
    freedom: { starts: 1 },
    goal: look => look.done('C1'),
    short: 5_000,
  },
  {
    name: 'MD28b',
    about: 'the same, all of it',
    setting: { servers: 1, programs: [[acquire('a'), query, release(0), tryAcquire('a'), end]] },
    freedom: { starts: 1 },
    prune: look => look.done('C1'),
    short: 5_000,
  },
  {
    name: 'MD29a',
    about: 'one client, two servers in an acked view: the client gets all its answers',
    setting: { servers: 2, programs: [[acquire('a'), query, release(0), query]] },
    prelude: acked('C1'),
    freedom: {},
    goal: look => look.done('C1'),
    short: 5_000,
  },
  {
    name: 'MD29b',
    about: 'the same, with a suspected or dead primary, and the connection of the two cut',
    setting: { servers: 2, programs: [[acquire('a'), query, release(0), query]] },
    prelude: acked('C1'),
    freedom: {
      kills: { of: ['S1'], times: 1 },
      cuts: { between: [['S1', 'S2']], times: 1 },
      ticks: suspicion,
    },
    prune: look => look.done('C1') || look.number >= 4,
    short: 20_000,
  },
  {
    name: 'MD29d',
    about: 'the same with an idle third server, which becomes the next backup',
    setting: { servers: 3, programs: [[acquire('a'), release(0)]] },
    prelude: acked('S3', 'C1'),
    freedom: { kills: { of: ['S1', 'S2'], times: 1 }, cuts: { between: [['S1', 'S2']], times: 1 } },
    prune: look => look.done('C1') || look.number >= 5,
  },
  {
    name: 'MD30',
    about: 'two clients want one lock, while the primary is suspected, cut off from its backup, or dies',
    setting: { servers: 2, programs: [[acquire('a'), release(0)], [acquire('a')]] },
    prelude: acked('C1', 'C2'),
    freedom: {
      kills: { of: ['S1'], times: 1 },
      cuts: { between: [['S1', 'S2']], times: 1 },
      ticks: suspicion,
    },
    prune: look => look.done('C1', 'C2') || look.number >= 4,
  },
  {
    name: 'MD31a',
    about:
      'S2 was dropped, S1 went on alone; S2 came back stale, S1 is gone: C2 finds what C1 did in the meantime',
    setting: { servers: 2, programs: [[acquire('a')], [tryAcquire('a'), query]] },
    prelude: prelude => {
      droppedBackup(prelude)
      prelude.each('call', 'C1').each('tick', 'S2', 'S2', 'S2')
    },
    freedom: { kills: { of: ['S1'], times: 1 } },
    goal: look => look.view === 'view (S2/2,-)#5, acked' && look.done('C1', 'C2'),
    prune: look => look.number >= 6,
    short: 20_000,
  },
  {
    name: 'MD31b',
    about: 'the same, all of it, from when S2 comes back',
    setting: { servers: 2, programs: [[acquire('a')], [tryAcquire('a'), query]] },
    prelude: droppedBackup,
    freedom: { kills: { of: ['S1'], times: 1 }, ticks: { S2: 2 }, callers: ['C2'] },
    prune: look => look.number >= 6,
  },
  {
    name: 'MD32',
    about: 'random walks of all kinds of faults; at the end of each everything that can be finished is',
    setting: {
      servers: 3,
      programs: [
        [acquire('a'), release(0), acquire('a', 'b'), query, release(2)],
        [tryAcquire('a'), release(0), acquire('a'), release(2), steal('b'), release(4)],
      ],
    },
    prelude: acked('S3', 'C1', 'C2'),
    freedom: {
      kills: { of: ['S1', 'S2', 'S3'], times: 2 },
      starts: 2,
      cuts: {
        between: [
          ['S1', 'S2'],
          ['S2', 'S3'],
          ['S1', 'S3'],
          ['S1', 'VS'],
          ['S2', 'VS'],
          ['C1', 'S1'],
          ['C2', 'S2'],
        ],
        times: 4,
      },
      ticks: { VS: 8, S1: 8, S2: 8, S3: 8 },
      passes: { ms: 'wake', times: 10 },
      viewServerKills: 1,
    },
    walks: 300,
  },
]
