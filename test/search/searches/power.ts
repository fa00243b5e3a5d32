// Durable clusters: the power of all machines fails at any moment, each disk keeps all that was not synced or
// nothing of it, and each machine comes back or does not. What clients were shown is there afterwards.

import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire, release } from './programs.ts'

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
