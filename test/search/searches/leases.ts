// Time passes: who believes in its lock until when, and when the lock goes to the next client.

import type { Prelude } from '../prelude.ts'
import type { Search } from '../search.ts'
import { acked } from './preludes.ts'
import { acquire } from './programs.ts'

/** S1 dies, S2 is promoted, and C1 hears nothing of it. */
const promoted = (prelude: Prelude) => {
  prelude.holding('C1', 'S2').holding('C1', 'VS').each('kill', 'S1').each('tick', 'VS', 'S2', 'VS')
}

export const leaseSearches: readonly Search[] = [
  {
    name: 'leases',
    about:
      'time passes at a deposed primary: renewals that its backup does not apply confirm nothing, and two never believe',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 1_500 },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1').each('call', 'C2').each('tick', 'VS').cut('S1', 'VS')
    },
    freedom: { ticks: { S2: 2, VS: 1 }, passes: { ms: 375, times: 6 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'expiry',
    about:
      'a client falls silent: its lock goes to the next one after its ttl, and not before it stops to believe',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 1_500 },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1')
    },
    freedom: { ticks: { S1: 1 }, passes: { ms: 375, times: 5 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'late answers',
    about:
      'the answer to a renewal or an acquire comes late: the lease counts from when the question was sent',
    setting: { servers: 1, programs: [[acquire('a')]], ttlMs: 1_500 },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1')
    },
    freedom: { ticks: { S1: 1 }, passes: { ms: 500, times: 4 } },
    short: 5_000,
  },
  {
    name: 'shorter ttl',
    about:
      'a session is opened while the view server is away: its client believes for no longer than the ttl that it got',
    setting: { servers: 1, programs: [[acquire('a')]], ttlMs: 20_000 },
    prelude: prelude => {
      prelude
        .each('start', 'VS', 'S1')
        .holding('C1', 'S1')
        .each('start', 'C1')
        .each('kill', 'VS')
        .each('tick', 'S1')
    },
    freedom: { ticks: { S1: 1 }, passes: { ms: 5_000, times: 3 } },
    statesMax: 50_000,
  },
  {
    name: 'late to the promoted',
    about:
      'C1 does not reach the promoted S2: its lock goes to C2 once it believes in it no more, and not before',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 3_000 },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1', 'C2').each('call', 'C1', 'C2').each('start', 'S2')
      promoted(prelude)
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 1_000, times: 3 } },
    goal: look => look.has('C2', 'a'),
  },
  {
    name: 'renewed before the promotion',
    about: 'the same, where S2 has heard of the lease by renewals only',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 3_000 },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1', 'C2')
      for (let renewals = 0; renewals < 3; renewals++) prelude.pass(800).each('wake', 'C1', 'C2')
      promoted(prelude)
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 1_000, times: 3 } },
    goal: look => look.has('C2', 'a'),
  },
]
