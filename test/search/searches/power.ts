// Durable clusters: the power of all machines fails at any moment, each disk keeps any number of the writes that were not
// synced, and each machine comes back or does not. What clients were shown is there afterwards.

import type { Prelude } from '../prelude.ts'
import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, release } from './programs.ts'

/** (S1,S2)#2 is acked, and C1 has its lock. */
const granted = (prelude: Prelude) => {
  acked('C1')(prelude)
  prelude.each('call', 'C1')
}

const sizes = { statesMax: 500_000, short: 12_000 }

export const powerSearches: readonly Search[] = [
  {
    name: 'power',
    about: 'the power fails while a client uses an acked view; one or both machines come back',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: acked('C1'),
    freedom: { outages: 1, burns: 1, starts: 2, ticks: { VS: 2 } },
    prune: look => look.number >= 5,
    statesMax: 100_000,
    short: 8_000,
  },
  {
    name: 'power in view 1',
    about: 'the power fails before and after the ack of view 1, and while its backup joins',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: prelude => {
      prelude.each('start', 'C1')
    },
    freedom: { outages: 1, starts: 4, ticks: { VS: 1 } },
    prune: look => look.number >= 4,
    statesMax: 100_000,
    short: 8_000,
  },
  {
    name: 'power at a promotion',
    about: 'the primary dies, its backup is promoted, and the power fails',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('call', 'C1')
    },
    freedom: { kills: { of: ['S1'], times: 1 }, outages: 1, starts: 2, ticks: { VS: 1 } },
    prune: look => look.number >= 5,
    statesMax: 100_000,
    short: 8_000,
  },
  {
    name: 'power twice',
    about: 'the power fails again while a recovery is under way, and another machine comes back',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('call', 'C1').outage()
    },
    freedom: { outages: 1, starts: 4, ticks: { VS: 3 } },
    prune: look => look.number >= 6,
    statesMax: 100_000,
    short: 8_000,
  },
  {
    name: 'power and a dropped backup',
    about:
      'the backup is dropped, the primary goes on alone, the power fails: the old copy does not come to life',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('kill', 'S2')
    },
    freedom: { outages: 1, starts: 3, ticks: { VS: 2 } },
    prune: look => look.number >= 6,
    statesMax: 100_000,
    short: 8_000,
  },
  {
    name: 'one machine twice',
    about: 'a recovery dies before its ack, on one machine and then on another: neither copy is lost',
    setting: { servers: 2, programs: [[acquire('a')]], disks: 'slow' },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('call', 'C1').outage()
    },
    freedom: { kills: { of: ['S1', 'S2'], times: 2 }, starts: 4, ticks: { VS: 3 } },
    prune: look => look.number >= 6,
    statesMax: 100_000,
    short: 8_000,
  },
  {
    name: 'power and rot',
    about:
      'what one copy has last is unreadable, and passes for a torn end: the other copy, which has it, is recovered',
    setting: { servers: 2, programs: [[acquire('a')]], disks: 'slow', patienceMs: 1_000 },
    prelude: granted,
    freedom: { outages: 1, rots: 1, starts: 2, ticks: { VS: 1 } },
    prune: look => look.number >= 4,
    ...sizes,
  },
  {
    name: 'power but for one',
    about: 'one of the two keeps its power; what it had sent arrives late, when the other is recovered',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: acked('C1'),
    freedom: { outages: 1, spares: ['S1', 'S2', 'VS'], starts: 1, ticks: { VS: 2 } },
    prune: look => look.number >= 5,
    ...sizes,
  },
  {
    name: 'power twice, one copy gone',
    about: 'the power fails twice in a row, torn each time, and one of the two copies goes with it',
    setting: { servers: 2, programs: [[acquire('a')]], disks: 'slow' },
    prelude: prelude => {
      granted(prelude)
      prelude.outage()
    },
    freedom: { outages: 1, burns: 1, starts: 3, ticks: { VS: 1 } },
    prune: look => look.number >= 5,
    ...sizes,
  },
  {
    name: 'power while the view server is away',
    about:
      'the view server dies around its write, and comes back after a loss of power, before or after the others',
    setting: { servers: 2, programs: [[acquire('a')]], disks: 'slow', slowDisk: true },
    prelude: prelude => {
      granted(prelude)
      prelude.suddenly('kill', 'S2')
    },
    freedom: { viewServerKills: 1, outages: 1, starts: 2, ticks: { VS: 1 } },
    prune: look => look.number >= 5,
    ...sizes,
  },
  {
    name: 'power and a kept copy',
    about:
      'one copy lacks the last operation; after a recovery it is kept, or not (D12), while servers die and are cut off',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], disks: 'slow' },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.holding('S1', 'S2').each('call', 'C1').outage()
    },
    freedom: {
      kills: { of: ['S1', 'S2'], times: 1 },
      cuts: { between: [['S1', 'S2']], times: 1 },
      starts: 3,
      ticks: { VS: 2 },
    },
    prune: look => look.number >= 6,
    ...sizes,
  },
  {
    name: 'power, walks',
    about:
      'random walks with losses of power, deaths, cuts and ticks; in the end all machines are back, and so is the state',
    setting: {
      servers: 3,
      programs: [
        [acquire('a'), release(0), acquire('b')],
        [acquire('a'), release(0)],
      ],
      deadPings: 3,
      slowDisk: true,
      disks: 'slow',
    },
    prelude: acked('S3', 'C1', 'C2'),
    freedom: {
      outages: 3,
      burns: 1,
      spares: ['S1', 'S2', 'VS'],
      starts: 9,
      kills: { of: ['S1', 'S2', 'S3'], times: 2 },
      viewServerKills: 1,
      cuts: {
        between: [
          ['S1', 'S2'],
          ['S1', 'VS'],
          ['S2', 'VS'],
        ],
        times: 2,
      },
      ticks: { VS: 12, S1: 6, S2: 6, S3: 6 },
      passes: { ms: 100, times: 10 },
    },
    walks: 300,
    short: 1,
  },
  {
    name: 'power while young, walks',
    about: 'the same from before the first view on, with copies of many chunks',
    setting: {
      servers: 2,
      programs: [[acquire('a'), release(0), acquire('b')]],
      deadPings: 3,
      slowDisk: true,
      disks: 'slow',
    },
    smallChunks: true,
    prelude: prelude => {
      prelude.each('start', 'VS')
    },
    freedom: {
      outages: 3,
      burns: 1,
      starts: 9,
      kills: { of: ['S1', 'S2'], times: 1 },
      ticks: { VS: 12, S1: 6, S2: 6 },
      passes: { ms: 100, times: 10 },
    },
    walks: 300,
    short: 1,
  },
]
