// The disk of a lock server, as plain data: what its journal would be read as, and the writes that are not synced.
// A loss of power keeps any number of them, the first ones; each is synced alone.

import type { Found, Imprint, JournalWrite } from '../../../lockserver/journal/asked.ts'
import type { SnapshotHeader } from '../../../lockserver/state/snapshot.ts'
import type { SnapshotRecord } from '../../../wire/messages.ts'
import { type Cores, frozen } from '../plain.ts'

type Batch = Extract<JournalWrite, { is: 'batch' }>

/** A state and what it begins with; null: with nothing. */
interface Volume {
  readonly begins: { readonly header: SnapshotHeader; readonly records: readonly SnapshotRecord[] } | null
  readonly batches: readonly Batch[]
}

export interface SearchedDisk {
  readonly imprint: Imprint | null
  readonly volume: Volume
  readonly installing: Volume | null
  /** In order; the numbers are the core's. */
  readonly unsynced: readonly { readonly number: number; readonly write: JournalWrite }[]
}

const empty: Volume = { begins: null, batches: [] }

export const blankDisk: SearchedDisk = frozen({
  imprint: null,
  volume: empty,
  installing: null,
  unsynced: [],
})

export function withWrite(disk: SearchedDisk, number: number, write: JournalWrite): SearchedDisk {
  return { ...disk, unsynced: [...disk.unsynced, { number, write }] }
}

/** The oldest write is on the disk. */
export function withSynced(disk: SearchedDisk): SearchedDisk {
  const [first, ...unsynced] = disk.unsynced
  return first === undefined ? disk : { ...kept(disk, first.write), unsynced }
}

/** The power fails; the first so many writes are kept. */
export function withoutPower(disk: SearchedDisk, writes: number): SearchedDisk {
  let after = disk
  for (let left = writes; left > 0; left--) after = withSynced(after)
  return { ...after, unsynced: [], installing: null }
}

/** D7: what is written last is unreadable, and passes for a torn end. Without batches it is the state's beginning. */
export function withRot(disk: SearchedDisk): SearchedDisk {
  const { imprint, volume } = disk
  if (volume.batches.length === 0) return { ...disk, imprint: imprint && { ...imprint, told: false } }
  return { ...disk, volume: { ...volume, batches: volume.batches.slice(0, -1) } }
}

function kept(disk: SearchedDisk, write: JournalWrite): SearchedDisk {
  switch (write.is) {
    case 'begin':
      return { ...disk, imprint: write.imprint, volume: empty, installing: null }
    case 'imprint':
      return { ...disk, imprint: write.imprint }
    case 'given up':
      return { ...disk, imprint: null, installing: null }
    case 'batch': {
      const { volume } = disk
      return { ...disk, volume: { ...volume, batches: [...volume.batches, write] } }
    }
    case 'install':
      return { ...disk, installing: { begins: { header: write.header, records: [] }, batches: [] } }
    case 'records':
      return { ...disk, installing: withRecords(disk.installing, write.records) }
    case 'installed':
      return { ...disk, imprint: write.imprint, volume: disk.installing ?? empty, installing: null }
    case 'dropped':
      return { ...disk, installing: null }
  }
}

function withRecords(installing: Volume | null, records: readonly SnapshotRecord[]): Volume | null {
  const begins = installing?.begins ?? null
  if (installing === null || begins === null) return null
  return { ...installing, begins: { ...begins, records: [...begins.records, ...records] } }
}

/** What is read when the process starts; throws where a digest does not come out (D7). */
export function foundOn({ imprint, volume }: SearchedDisk, cores: Cores): Found | null {
  if (imprint === null) return null
  const state = stateOf(volume, cores)
  const recent = new cores.Recent(state.opNumber, state.digest)
  for (const { firstOp, wallMs, entries, digest } of volume.batches) {
    if (firstOp !== state.opNumber + 1) throw new Error(`D7: operation ${firstOp} follows ${state.opNumber}`)
    state.wallMs = wallMs
    for (const entry of entries) if (entry[0] !== 'renew') state.apply(entry)
    if (state.digest !== digest) throw new Error(`D7: the digest after operation ${state.opNumber} differs`)
    recent.add({ firstOp, wallMs, entries, size: entries.length, digest }, state.opNumber)
  }
  if (!imprint.differs) recent.end(imprint.view)
  state.facts.drop()
  return { imprint: { ...imprint, opNumber: state.opNumber }, here: false, state, recent }
}

function stateOf({ begins }: Volume, { State, Installation }: Cores) {
  if (begins === null) return new State()
  const installation = new Installation(begins.header)
  installation.add(begins.records, 0)
  return installation.finish()
}

/** The process goes on with another core: its numbers begin again. */
export function withoutNumbers(disk: SearchedDisk): SearchedDisk {
  return { ...disk, unsynced: disk.unsynced.map(({ write }) => ({ number: 0, write })) }
}
