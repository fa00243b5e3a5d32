// What a journal's folder holds (D3, D7): the volume that counts, the state in it, and whether it is whole; or where it
// is spoilt. It reads everything, writes nothing, and takes no older state for a newer one. Of two snapshots the newer
// one is read; the older one only if that is unreadable, and then with the whole log behind it.

import type { JournalImprint } from '../../wire/messages.ts'
import type { Recent } from '../state/recent.ts'
import type { State } from '../state/state.ts'
import { type Asking, type Named, namesIn } from './bytes.ts'
import { Loading } from './loading.ts'
import { type LogStart, readLog, type SegmentFile, type Spot } from './log-reading.ts'
import { segmentIn, snapshotIn, snapshotName, volumeIn, volumeName } from './names.ts'
import { readSnapshot } from './snapshot-reading.ts'
import type { Before } from './tidying.ts'

export interface WholeJournal {
  readonly is: 'whole'
  readonly volume: number
  /** Null: the state in it was given up. */
  readonly imprint: JournalImprint | null
  readonly state: State
  /** D12: the end of what it has come from. */
  readonly recent: Recent
  readonly blocks: number
  /** Batches behind the snapshot. */
  readonly batches: number
  /** The snapshot that was read; null: the log is whole from its beginning. */
  readonly snapshot: string | null
  readonly torn: Spot | null
  /** Bad places that were not needed: the disk, or somebody, has damaged them. */
  readonly damage: readonly Spot[]
}

export type Reading =
  | { readonly is: 'empty' }
  | WholeJournal
  | { readonly is: 'spoilt'; readonly volume: number; readonly spot: Spot }
  /** Another version has written it: it is refused, and left as it is. */
  | { readonly is: 'other format'; readonly file: string; readonly format: number }

export interface FolderReading {
  /** All names in it. */
  readonly names: readonly Named[]
  readonly reading: Reading
  /** The files of the volume that counts. */
  readonly files: readonly Named[]
}

/** What is to become of it once another state counts. */
export function beforeOf(reading: Reading): Before {
  if (reading.is === 'spoilt') return 'spoilt'
  return reading.is === 'whole' && reading.imprint !== null ? 'forgotten' : null
}

export function* readFolder(): Asking<FolderReading> {
  const names = yield* namesIn('')
  const volume = Math.max(0, ...names.map(({ name }) => volumeIn(name) ?? 0))
  if (volume === 0) return { names, reading: { is: 'empty' }, files: [] }
  const files = yield* namesIn(volumeName(volume))
  return { names, reading: yield* readVolume(volume, files), files }
}

function* readVolume(volume: number, files: readonly Named[]): Asking<Reading> {
  const folder = volumeName(volume)
  const damage: Spot[] = []
  const numbers = files.flatMap(({ name, bytes }) => {
    const number = snapshotIn(name)
    return number === undefined ? [] : { number, bytes }
  })
  numbers.sort((a, b) => b.number - a.number)
  for (const { number, bytes } of numbers) {
    const file = `${folder}/${snapshotName(number)}`
    const snapshot = yield* readSnapshot(file, bytes, volume, number)
    if (snapshot.is === 'read') return yield* readBehind(volume, files, snapshot, file, damage)
    damage.push(snapshot.spot)
  }
  const start = { loading: new Loading(), start: { sequence: 0, before: 0 } }
  const reading = yield* readBehind(volume, files, start, null, damage)
  // What is missing then is the snapshot, wherever the log ends or begins.
  return reading.is === 'spoilt' && damage[0] !== undefined ? { ...reading, spot: damage[0] } : reading
}

function* readBehind(
  volume: number,
  files: readonly Named[],
  { loading, start }: { loading: Loading; start: LogStart },
  snapshot: string | null,
  damage: readonly Spot[],
): Asking<Reading> {
  const folder = volumeName(volume)
  const log = yield* readLog(folder, volume, segmentsIn(files), start, block => loading.take(block))
  if (log.is === 'other format') return log
  if (log.is === 'spoilt') return { is: 'spoilt', volume, spot: log.spot }
  const problem = problemIn(loading)
  if (problem !== undefined) return { is: 'spoilt', volume, spot: { file: folder, at: 0, problem } }
  const { blocks, torn } = log
  const { state, recent, batches, isGivenUp } = loading
  const imprint = isGivenUp ? null : loading.imprint
  return {
    ...{ is: 'whole', volume, imprint, state, recent, blocks, batches, snapshot, torn },
    damage: [...damage, ...log.damage],
  }
}

function problemIn(loading: Loading): string | undefined {
  if (loading.imprint === null && !loading.isGivenUp) return 'D2: no imprint stands in it'
  return loading.state.problem()
}

function segmentsIn(files: readonly Named[]): SegmentFile[] {
  const segments = files.flatMap(({ name, bytes: actualBytes }) => {
    const segment = segmentIn(name)
    return segment === undefined ? [] : { ...segment, actualBytes }
  })
  return segments.sort((a, b) => a.number - b.number)
}
