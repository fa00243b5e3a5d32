// How long no client is granted a lock when the primary dies, freezes or leaves: real processes, real
// signals, a probe that never pauses, and a load beside it.

import { setTimeout as pause } from 'node:timers/promises'
import { here, ServerProcesses } from '../../test/fixtures/server-processes.ts'
import type { Status } from '../../wire/messages.ts'
import { Probe } from '../probe.ts'
import { runLoad, startLoad } from '../workers.ts'

export interface GapOptions {
  readonly kills: number
  /** Only rows whose name contains this text. */
  readonly only: string
  readonly progress: (text: string) => void
}

export type Durability = 'memory' | 'disk'

export interface GapRow {
  readonly name: string
  readonly durability: Durability
  /** Pairs per second of the load beside the probe; 0: no load. */
  readonly pairsPerSecond: number
  /** Gaps in ms, one for each time; the same for the next lists. */
  readonly gaps: readonly number[]
  /** The longest silence in the second after the gap. */
  readonly afterwards: readonly number[]
}

/** What the probe saw of one fault, in ms. */
interface Felt {
  readonly gap: number
  readonly afterwards: number
}

/** What is done to clusters of either kind in turn, so that their rows can be compared. */
interface Turn {
  readonly blow: Blow
  readonly halfLoad: boolean
  readonly durability: Durability
  readonly name: string
}

interface Blow {
  readonly name: string
  readonly timesMax: number
  readonly inject: (processes: ServerProcesses, address: string, probe: Probe) => Promise<Felt>
}

const placeOf = { memory: 'in memory', disk: 'on disk' } as const
const outstanding = 1_024
/** The fault falls at a random moment between two pings. */
const momentMs = 200

const blows: readonly Blow[] = [
  { name: 'kill -9', timesMax: Number.POSITIVE_INFINITY, inject: kill },
  { name: 'SIGTERM, hand-over', timesMax: 20, inject: terminate },
  { name: 'SIGSTOP, frozen', timesMax: 10, inject: freeze },
]

/** Each row has a new cluster, which alone runs then. */
export async function measureGaps({ kills, only, progress }: GapOptions): Promise<GapRow[]> {
  const halves = new Map<Durability, number>()
  const rows: GapRow[] = []
  for (const turn of turns().filter(({ name }) => name.includes(only))) {
    const processes = new ServerProcesses(here, [], turn.durability)
    try {
      await processes.start([here, here, here])
      rows.push(await measure(turn, processes, halves, kills, progress))
    } finally {
      await processes.end()
    }
  }
  return rows
}

function turns(): Turn[] {
  return [false, true].flatMap(halfLoad =>
    blows.flatMap(blow =>
      (['memory', 'disk'] as const).map(durability => {
        const load = halfLoad ? 'half of full load' : 'light load'
        return { blow, halfLoad, durability, name: `${blow.name}, ${load}, ${placeOf[durability]}` }
      }),
    ),
  )
}

async function measure(
  { blow, halfLoad, durability, name }: Turn,
  processes: ServerProcesses,
  /** Found once for each kind of cluster. */
  halves: Map<Durability, number>,
  kills: number,
  progress: GapOptions['progress'],
): Promise<GapRow> {
  if (halfLoad && !halves.has(durability))
    halves.set(durability, await halfOfFull(processes.viewUrl, `full load ${placeOf[durability]}`, progress))
  const pairsPerSecond = halfLoad ? (halves.get(durability) ?? 0) : 0
  const times = Math.min(kills, blow.timesMax)
  const felt = await repeatFault(processes, { ...blow, name }, pairsPerSecond, times, progress)
  const gaps = felt.map(({ gap }) => gap)
  return { name, durability, pairsPerSecond, gaps, afterwards: felt.map(({ afterwards }) => afterwards) }
}

async function halfOfFull(address: string, what: string, progress: GapOptions['progress']): Promise<number> {
  progress(`how much is ${what}`)
  const service = { name: 'Holdfast', target: 'holdfast.js', address, processes: [] }
  const load = { keys: 'distinct', workers: 1, outstanding, countMs: 2_000 } as const
  const { pairsPerSecond } = await runLoad(service, load)
  return Math.round(pairsPerSecond / 2)
}

async function repeatFault(
  processes: ServerProcesses,
  { name, inject }: Blow,
  pairsPerSecond: number,
  times: number,
  progress: GapOptions['progress'],
): Promise<Felt[]> {
  await using probe = await Probe.start(processes.viewUrl)
  await using _load =
    pairsPerSecond === 0
      ? null
      : await startLoad({
          target: 'holdfast.js',
          address: processes.viewUrl,
          outstanding,
          keys: 'distinct',
          worker: 0,
          pairsPerSecond,
        })
  const felt: Felt[] = []
  for (let turn = 1; turn <= times; turn++) {
    if (turn % 10 === 1)
      progress(`${name} at ${pairsPerSecond} pairs/s beside the probe: ${turn} of ${times}`)
    const address = primaryOf(await processes.healthy())
    await pause(Math.random() * momentMs)
    felt.push(await inject(processes, address, probe))
  }
  await processes.healthy()
  return felt
}

/** From the signal to the first grant by the new primary. */
async function kill(processes: ServerProcesses, address: string, probe: Probe): Promise<Felt> {
  const watched = probe.gap()
  await processes.kill(address)
  const { nextGrantMs, afterMs } = await watched
  await processes.restart(address)
  return { gap: nextGrantMs, afterwards: afterMs }
}

/** The longest silence: the leaving primary serves until its successor does. */
async function terminate(processes: ServerProcesses, address: string, probe: Probe): Promise<Felt> {
  const watched = probe.gap()
  const status = await processes.kill(address, 'SIGTERM')
  if (status !== 0) throw new Error(`the leaving primary exited with ${status}`)
  const { silenceMs, afterMs } = await watched
  await processes.restart(address)
  return { gap: silenceMs, afterwards: afterMs }
}

async function freeze(processes: ServerProcesses, address: string, probe: Probe): Promise<Felt> {
  const watched = probe.gap()
  processes.signal(address, 'SIGSTOP')
  const { nextGrantMs, afterMs } = await watched
  processes.signal(address, 'SIGCONT')
  return { gap: nextGrantMs, afterwards: afterMs }
}

function primaryOf({ view }: Status): string {
  if (view === null) throw new Error('a healthy cluster has a view')
  return view.primary.address
}
