// The searches: where each begins, what may happen in it, and what must be found. MD28 to MD32 are those
// of dslabs (restated for locks); the rest are the joins, double failures and rejoins of our own rules.

import type { Freedom, Model } from './model.ts'
import type { Op, Setting } from './parties.ts'
import type { Prelude } from './prelude.ts'
import { viewText } from './story.ts'
import type { State } from './transition.ts'

/** What goals and prunes may ask of a state. */
export interface Look {
  /** `view (S1,S2)#2, acked` */
  readonly view: string
  readonly number: number
  readonly acked: boolean
  /** These clients have made all their calls, and all are answered. */
  readonly done: (...names: string[]) => boolean
  /** This client was granted this lock, and has it. */
  readonly has: (client: string, lock: string) => boolean
}

export interface Search {
  readonly name: string
  /** What it shows. */
  readonly about: string
  readonly setting: Pick<Setting, 'servers' | 'programs'> & Partial<Setting>
  /** A snapshot's chunk holds one record. */
  readonly smallChunks?: true
  readonly prelude?: (prelude: Prelude) => void
  readonly freedom: Freedom
  /** Something good that must be found. Without a goal, all states are visited. */
  readonly goal?: (look: Look) => boolean
  /** Something that must never be, beside what is checked in each state; and what is wrong with it. */
  readonly never?: { readonly is: (look: Look) => boolean; readonly problem: string }
  readonly prune?: (look: Look) => boolean
  /** Its part of the short form, in states; not in it if there is none. */
  readonly short?: number
  readonly statesMax?: number
  /** Random walks instead: how many. */
  readonly walks?: number
  readonly depthMax?: number
}

export function settingOf({ setting }: Search): Setting {
  return {
    ttlMs: 10_000,
    deadPings: 1,
    slowDisk: false,
    spared: false,
    openTurns: [],
    operator: 'none',
    ...setting,
  }
}

export function lookAt(model: Model, state: State): Look {
  const { view, acked, grants } = model.checks.histories.get(state.history)
  return {
    get view() {
      return viewText(model, state)
    },
    number: view?.number ?? 0,
    acked,
    done: (...names) => names.every(name => isDone(model, state, name)),
    has: (client, lock) =>
      grants.some(grant => grant.slot === model.parties.slotOf(client) && grant.name === lock),
  }
}

function isDone(model: Model, state: State, name: string): boolean {
  const slot = model.parties.slotOf(name)
  const local = model.parties.local(state.locals[slot] as number)
  return (
    local.place === 'client' && local.asked.size === 0 && local.next === model.parties.program(slot).length
  )
}

const acquire = (...names: string[]): Op => ({ do: 'acquire', names })
const tryAcquire = (name: string): Op => ({ do: 'acquire', names: [name], manner: 'ifAvailable' })
const steal = (name: string): Op => ({ do: 'acquire', names: [name], manner: 'steal' })
const shared = (name: string): Op => ({ do: 'acquire', names: [name], mode: 'shared' })
const trySharing: Op = { do: 'acquire', names: ['a'], mode: 'shared', manner: 'ifAvailable' }
const release = (of: number): Op => ({ do: 'release', of })
const query: Op = { do: 'query' }
const end: Op = { do: 'end' }
/** Made at any moment, not just when the call before is answered. */
const anytime = (op: Op): Op => ({ ...op, anytime: true })

/** (S1,S2)#2 is acked, and the clients have their sessions. */
const acked =
  (...more: string[]) =>
  (prelude: Prelude) => {
    prelude.each('start', 'VS', 'S1', 'S2', ...more)
  }

/** S2 is cut off from both others and dropped: (S1,-)#3. */
const droppedBackup = (prelude: Prelude) => {
  acked('C1', 'C2')(prelude)
  prelude.cut('S1', 'S2').cut('S2', 'VS').each('tick', 'VS', 'S1', 'VS', 'S1', 'VS')
}

/** S1 is cut off from the view server, which believes that it is dead; S2 is promoted, and S1 and one client know it not yet. */
const deposed = (prelude: Prelude, unaware: string) => {
  prelude.each('tick', 'VS').cut('S1', 'VS').holding('S1', 'VS').holding('S1', 'S2').holding(unaware, 'VS')
  prelude.each('tick', 'S2', 'VS')
}

/** S1 dies, S2 is promoted, and C1 hears nothing of it. */
const promoted = (prelude: Prelude) => {
  prelude.holding('C1', 'S2').holding('C1', 'VS').each('kill', 'S1').each('tick', 'VS', 'S2', 'VS')
}

/** The view server takes a living server for dead once it has heard another one between two of its ticks. */
const suspicion = { VS: 2, S2: 1 }

export const searches: readonly Search[] = [
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
      'S2 was dropped, S1 went on alone; S2 came back stale, S1 is gone: C2 finds what C1 did in between',
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
    name: 'double failure',
    about: 'S1 dies, S3 joins S2, S2 dies: S3 has everything',
    setting: { servers: 3, programs: [[acquire('a'), release(0)]] },
    prelude: acked('S3', 'C1'),
    freedom: { kills: { of: ['S1', 'S2'], times: 2 } },
    prune: look => look.number >= 5,
  },
  {
    name: 'rejoin',
    about:
      'the primary dies and starts again at its address, empty, as another server, and becomes the backup',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]] },
    prelude: acked('C1'),
    freedom: { kills: { of: ['S1', 'S2'], times: 1 }, starts: 1 },
    prune: look => look.number >= 5,
    short: 20_000,
  },
  {
    name: 'deposed',
    about: 'S1 is cut off from the view server only: no stale grant, no stale read',
    setting: {
      servers: 2,
      programs: [
        [acquire('a'), release(0)],
        [query, tryAcquire('a'), query],
      ],
    },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      prelude.each('tick', 'VS').cut('S1', 'VS')
    },
    freedom: { ticks: { S2: 1, VS: 1 } },
    prune: look => look.number >= 4,
    short: 20_000,
  },
  {
    name: 'dropped',
    about:
      'S2 is taken for dead, S1 goes on alone; what S2 refuses then is no reason for S1 to give its state up',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], spared: true },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('tick', 'VS')
    },
    freedom: { ticks: { S1: 1, VS: 1 } },
    prune: look => look.number >= 5,
    short: 5_000,
  },
  {
    name: 'dead backup',
    about: 'S2 has died unseen, and S1 falls silent: a server that is not there is not promoted',
    setting: { servers: 3, programs: [[acquire('a')]], spared: true },
    prelude: prelude => {
      acked('S3', 'C1')(prelude)
      prelude.each('tick', 'VS', 'S2').suddenly('kill', 'S2')
    },
    freedom: { ticks: { VS: 2, S3: 1, S1: 1 } },
    prune: look => look.number >= 4,
    short: 5_000,
  },
  {
    name: 'late ack',
    about:
      'the primary dies while its backup joins: acked or not, the one that knows the view may go on, no other',
    setting: { servers: 3, programs: [[acquire('a'), release(0)]] },
    prelude: prelude => {
      prelude.each('start', 'VS', 'S1', 'C1')
    },
    freedom: { starts: 2, kills: { of: ['S1'], times: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'sent again',
    about: 'a request is sent again after a cut, while its operation is on its way to the backup',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]] },
    prelude: acked('C1'),
    freedom: { cuts: { between: [['C1', 'S1']], times: 1 }, passes: { ms: 'wake', times: 1 } },
    short: 20_000,
  },
  {
    name: 'stale read',
    about: 'S1 is deposed and knows it not: C2 asks it for what C1 has given back at S2 by then',
    setting: { servers: 2, programs: [[acquire('a'), { do: 'release', of: 0, anytime: true }], [query]] },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      deposed(prelude.each('call', 'C1'), 'C2')
    },
    freedom: {},
  },
  {
    name: 'stale renewal',
    about:
      'S1 is deposed and knows it not: what C1 renews there confirms nothing, for S2 gives its lock to C2',
    setting: { servers: 2, programs: [[acquire('a')], [acquire('a')]], ttlMs: 1_500 },
    prelude: prelude => {
      acked('C1', 'C2')(prelude)
      deposed(prelude.each('call', 'C1', 'C2'), 'C1')
    },
    freedom: { ticks: { S2: 1 }, passes: { ms: 750, times: 2 } },
  },
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
    name: 'heard nobody',
    about:
      'two missed pings make a server dead; a tick in which no server was heard counts as a miss for none',
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
    name: 'died meanwhile',
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
    name: 'stranded',
    about: 'S1 is cut off from all but its client, for good: the client hears of view 3 and goes over',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]] },
    prelude: prelude => {
      acked('C1')(prelude)
      prelude.each('tick', 'VS').cut('S1', 'VS').cut('S1', 'S2')
    },
    freedom: { ticks: { S2: 1, VS: 1 } },
    goal: look => look.number >= 3 && look.done('C1'),
    prune: look => look.number >= 4,
    short: 10_000,
  },
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
  {
    name: 'lost question',
    about: 'the question to the backup, or its answer, is lost; the primary is heard again',
    setting: { servers: 2, programs: [[acquire('a')]] },
    prelude: acked('C1'),
    freedom: {
      cuts: {
        between: [
          ['S2', 'VS'],
          ['S1', 'VS'],
        ],
        times: 2,
      },
      ticks: { VS: 2, S1: 1, S2: 2 },
    },
    prune: look => look.number >= 4,
  },
  {
    name: 'view server',
    about: 'the view server dies between its write and its telling, and starts again from its disk',
    setting: { servers: 2, programs: [[acquire('a'), release(0)]], slowDisk: true },
    prelude: acked('C1'),
    freedom: { viewServerKills: 1, kills: { of: ['S1'], times: 1 }, ticks: { S1: 2, S2: 2, VS: 1 } },
    prune: look => look.number >= 4,
  },
  {
    name: 'steal',
    about: 'a steal, and the death of the primary: the victim learns of it, the thief holds it alone',
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
    name: 'inherited order',
    about: 'a copy has the holds of a session in another order than its primary when they all end at once',
    setting: {
      servers: 2,
      programs: [
        // Tokens that follow one another, so that some share a place in the map.
        [acquire('b'), acquire('c'), acquire('a'), anytime(end)],
        [acquire('a', 'd'), anytime(release(0)), acquire('a')],
        [acquire('b'), anytime(acquire('c'))],
      ],
    },
    prelude: prelude => {
      prelude
        .each('start', 'VS', 'S1', 'C1', 'C2', 'C3')
        .each('call', 'C2', 'C1', 'C2', 'C3', 'C3')
        .each('start', 'S2')
    },
    freedom: {},
    short: 5_000,
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
    name: 'unheard reset',
    about:
      'a client has not heard of a reset, and believes in its lock: no other client gets it, not even by a steal',
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
  {
    name: 'loss and reply',
    about:
      'a lock is stolen while its grant is acknowledged, and the connection is cut: the victim learns of it',
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
]
