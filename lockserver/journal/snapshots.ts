// Writes snapshots: a volume's base, and later ones, which let old batches go. A snapshot counts under its name, which
// it gets when it is whole and synced; the two newest are kept, and the log from the older one on.

import type { SnapshotRecord } from '../../wire/messages.ts'
import type { SnapshotHeader } from '../state/snapshot.ts'
import type { SnapshotPiece } from './asked.ts'
import { segmentName, snapshotName, unfinished } from './names.ts'
import { SnapshotFile, type SnapshotWrite } from './snapshot-file.ts'
import type { Volume } from './volume.ts'
import type { Work } from './work.ts'

/** After a full disk stopped a snapshot, it is wanted again after so many ticks. */
const ticksAfterFull = 20

export class Snapshots {
  readonly #work: Work
  #wanted = false
  #waitTicks = 0

  constructor(work: Work) {
    this.#work = work
  }

  // ---- a volume's base

  beginBase(volume: Volume, number: number, header: SnapshotHeader): void {
    const path = `${volume.path}/${snapshotName(1)}`
    const snapshot = this.#create(volume, path, { sequence: 0, opNumber: header.opNumber })
    const text = JSON.stringify(['snapshot-of', header, null, 0, 0])
    this.#write(snapshot, snapshot.begin(text), number)
  }

  addToBase(snapshot: SnapshotFile, number: number, records: readonly SnapshotRecord[]): void {
    this.#write(snapshot, snapshot.add(records), number)
  }

  endBase(volume: Volume, snapshot: SnapshotFile): void {
    const { at, bytes } = snapshot.end()
    const { file } = snapshot
    this.#work.do({ do: 'write', file, at, bytes, sync: true }, { is: 'based', volume }, snapshot)
    this.#work.do({ do: 'close', file }, null, snapshot)
    volume.snapshot = null
    volume.snapshotBytes = snapshot.bytes
    volume.bases = [{ snapshot: 1, sequence: 0 }]
  }

  // ---- later ones

  /** The log of this volume has grown. */
  onLogged(volume: Volume): void {
    const { logBytes, snapshotBytes, snapshot } = volume
    if (snapshot !== null) this.#mayName(snapshot)
    if (this.#wanted || this.#waitTicks > 0) return
    if (volume.left || logBytes < Math.max(this.#work.sizes.snapshotLogBytes, snapshotBytes)) return
    this.#wanted = true
    this.#work.say({ is: 'snapshot wanted' })
  }

  /** Another state counts. */
  begin(): void {
    this.#wanted = false
  }

  onTick(volume: Volume | null): void {
    if (this.#waitTicks > 0) this.#waitTicks--
    if (volume !== null) this.onLogged(volume)
  }

  /** `volume`: of the state that the piece is of; null: it does not count yet. */
  onPiece(volume: Volume | null, piece: SnapshotPiece): void {
    if (volume !== null && piece.is === 'begin') return this.#begin(volume, piece.header)
    const snapshot = volume?.snapshot ?? null
    // A full disk, or a new state, has ended it: the core goes on until it has ended it, too.
    if (snapshot === null) return void this.#work.say({ is: 'snapshot taken' })
    if (piece.is === 'dropped') return this.drop(snapshot)
    if (piece.is === 'end') return this.#end(snapshot)
    if (piece.is === 'records') this.#write(snapshot, snapshot.add(piece.records), null)
  }

  /** All that is in blocks is inside, since what the core decided before is; the log goes on behind the last of them. */
  #begin(volume: Volume, header: SnapshotHeader): void {
    if (volume.snapshot !== null) this.drop(volume.snapshot)
    const path = `${volume.path}/${unfinished(snapshotName(volume.snapshots + 1))}`
    const { sequence, before } = volume.log
    const snapshot = this.#create(volume, path, { sequence, opNumber: header.opNumber })
    volume.logBytes = 0
    const text = JSON.stringify(['snapshot-of', header, volume.imprint, sequence, before])
    this.#write(snapshot, snapshot.begin(text), null)
  }

  #create(volume: Volume, path: string, from: { sequence: number; opNumber: number }): SnapshotFile {
    const number = ++volume.snapshots
    const snapshot = new SnapshotFile(volume, { ...from, number, path, file: this.#work.newFile() })
    volume.snapshot = snapshot
    this.#work.do({ do: 'create', file: snapshot.file, path }, null, snapshot)
    return snapshot
  }

  #write(snapshot: SnapshotFile, { at, bytes }: SnapshotWrite, number: number | null): void {
    const sync = snapshot.mustSync(this.#work.sizes.snapshotSyncBytes)
    const { file } = snapshot
    this.#work.do({ do: 'write', file, at, bytes, sync }, { is: 'written', number }, snapshot)
  }

  #end(snapshot: SnapshotFile): void {
    snapshot.stage = 'whole'
    this.#mayName(snapshot)
  }

  /** D2: the log must have all that is inside, or it would end before the snapshot does. */
  #mayName(snapshot: SnapshotFile): void {
    const { volume, file, path, number, inside } = snapshot
    if (snapshot.stage !== 'whole' || volume.logged < inside) return
    snapshot.stage = 'named'
    const { at, bytes } = snapshot.end()
    const name = `${volume.path}/${snapshotName(number)}`
    this.#work.do({ do: 'write', file, at, bytes, sync: true }, null, snapshot)
    this.#work.do({ do: 'rename', from: path, to: name }, null, snapshot)
    this.#work.do({ do: 'sync folder', path: volume.path }, { is: 'built', snapshot }, snapshot)
  }

  onBuilt(snapshot: SnapshotFile): void {
    const { volume, number, sequence, bytes, file } = snapshot
    if (volume.snapshot !== snapshot) return
    volume.snapshot = null
    volume.snapshotBytes = bytes
    this.#wanted = false
    this.#work.lanes.add('tidy', { do: 'close', file })
    const old = volume.built({ snapshot: number, sequence })
    const names = [
      ...old.segments.map(({ number, bytes }) => segmentName(number, bytes)),
      ...old.snapshots.map(snapshotName),
    ]
    for (const name of names) this.#work.lanes.add('tidy', { do: 'remove', path: `${volume.path}/${name}` })
  }

  /** Its writes are confirmed to no purpose: what they were for is given up. */
  drop(snapshot: SnapshotFile): void {
    for (const then of this.#work.lanes.forget(snapshot))
      if (then.is === 'written' && then.number !== null) this.#work.confirmed.done([then.number])
    snapshot.volume.snapshot = null
    this.#wanted = false
    this.#work.do({ do: 'close', file: snapshot.file }, null, null)
    this.#work.do({ do: 'remove', path: snapshot.path }, null, null)
  }

  onFull(snapshot: SnapshotFile): void {
    this.drop(snapshot)
    this.#waitTicks = ticksAfterFull
    this.#work.note('the disk has no room for a snapshot of the journal; it is tried again', {})
  }
}
