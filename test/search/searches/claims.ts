// Claims with terms, two clients and a death: what lasts, what runs once, permits that come free, a note that
// changes, and a steal of exactly one.

import { tokenBase } from '../ids.ts'
import type { Search } from '../search.ts'
import type { Op } from '../setting.ts'
import { acked } from './preludes.ts'
import { acquire, anytime, query, release } from './programs.ts'

const lasting = (holdAtLeastMs: number): Op => ({ do: 'acquire', names: ['a'], terms: { holdAtLeastMs } })
const onceFor = (keepMs: number): Op => ({
  do: 'acquire',
  names: ['a'],
  terms: { once: { key: 'k', keepMs } },
})
const once = onceFor(600_000)
const permits = (take: number): Op => ({
  do: 'acquire',
  names: ['a'],
  mode: 'permits',
  terms: { permits: { of: 3, take } },
})
const noting = (of: number, note: string): Op => ({ do: 'set-note', of, note })
/** Of the first token that was ever granted. */
const stealExactly: Op = { do: 'acquire', names: ['a'], manner: 'steal', terms: { victim: tokenBase + 1 } }

export const claimSearches: readonly Search[] = [
  {
    name: 'kept',
    about:
      'what must last is given back, its primary dies, time passes: it is free at its end and not before, at whichever server',
    setting: { servers: 2, programs: [[lasting(400), anytime(release(0))], [acquire('a')]] },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1', 'C2')
    },
    freedom: {
      kills: { of: ['S1'], times: 1 },
      ticks: { S1: 2, S2: 3, VS: 1 },
      passes: { ms: 200, times: 3 },
    },
    prune: look => look.number >= 4 || look.has('C2', 'a'),
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'kept to its end',
    about: 'the same: once its time is over at the promoted server, it goes to the one who waits',
    setting: { servers: 2, programs: [[lasting(400), release(0)], [acquire('a')]] },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1', 'C2').each('kill', 'S1').each('tick', 'VS', 'S2', 'VS')
    },
    freedom: { ticks: { S2: 3 }, passes: { ms: 300, times: 3 } },
    goal: look => look.has('C2', 'a'),
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'once',
    about:
      'two run the same key, and the primary dies: one of them runs it, however the deaths and answers fall',
    setting: { servers: 2, programs: [[once, anytime(release(0))], [once]] },
    prelude: acked('C1', 'C2'),
    freedom: { kills: { of: ['S1'], times: 1 }, cuts: { between: [['C1', 'S1']], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'a key to its end',
    about:
      'a key has run, its primary dies, time passes: it may run again when its time is over and not before, at whichever server',
    setting: {
      servers: 2,
      programs: [
        [onceFor(400), anytime(release(0))],
        [onceFor(400), onceFor(400)],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1')
    },
    freedom: {
      kills: { of: ['S1'], times: 1 },
      ticks: { S1: 2, S2: 3, VS: 1 },
      passes: { ms: 200, times: 3 },
    },
    prune: look => look.number >= 4 || look.has('C2', 'a'),
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'a key runs again',
    about: 'the same: once its time is over at the promoted server, the next who asks runs it',
    setting: { servers: 2, programs: [[onceFor(400), release(0)], [onceFor(400)]] },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1').each('kill', 'S1').each('tick', 'VS', 'S2', 'VS')
    },
    freedom: { ticks: { S2: 3 }, passes: { ms: 300, times: 3 } },
    goal: look => look.has('C2', 'a'),
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'permits',
    about:
      'a permit comes free with a large claim in front, and the primary dies: small ones do not overtake it',
    setting: {
      servers: 2,
      programs: [
        [permits(2), anytime(release(0))],
        [permits(3), anytime(query), release(0)],
        [permits(1), release(0)],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2', 'C3')(prelude)
      prelude.each('call', 'C1', 'C2', 'C2')
    },
    freedom: { kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'note',
    about: 'a note changes while its primary dies: what was told to be set is what a query shows',
    setting: {
      servers: 2,
      programs: [
        [acquire('a'), noting(0, 'new'), release(0)],
        [query, anytime(query)],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
    },
    freedom: { kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 100_000,
    short: 5_000,
  },
  {
    name: 'exactly this',
    about: 'a steal of one token crosses its release, another grant and a death: it never takes another one',
    setting: {
      servers: 2,
      programs: [[acquire('a'), anytime(release(0)), acquire('a')], [stealExactly]],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('call', 'C1')
    },
    freedom: { kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
    statesMax: 100_000,
    short: 5_000,
  },
]
