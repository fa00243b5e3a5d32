// The journal of a durable lock server, as it is written: it turns what the core decides into acts of a disk, one
// block at a time (group commit), and says what is on the disk (D1). It reads nothing and knows no files, clock or
// chance. After the first error of a write or sync it does nothing any more (D8).

import type { DiskFigures } from '../../wire/messages.ts'
import { inEntries, sizeOf } from '../../wire/runs.ts'
import type { Imprint, JournalWrite, SnapshotPiece } from './asked.ts'
import type { DiskAnswer } from './disk.ts'
import type { LogState } from './log.ts'
import { volumeName } from './names.ts'
import { Segments } from './segments.ts'
import type { JournalSizes } from './sizes.ts'
import { Snapshots } from './snapshots.ts'
import { batchText, imprintOf, imprintText, type Place } from './text.ts'
import type { Tidying } from './tidying.ts'
import { type Composed, Volume } from './volume.ts'
import { type JournalEffect, type Next, type Purpose, Work } from './work.ts'

export type JournalInput =
  | { readonly is: 'write'; readonly number: number; readonly write: JournalWrite }
  | { readonly is: 'snapshot'; readonly piece: SnapshotPiece }
  /** D3: this server may be chosen: the files that a state begins with can be made ahead. */
  | { readonly is: 'prepare' }
  /** All writes of this turn are here: they go into as few blocks as they fit into. */
  | { readonly is: 'turn-end' }
  /** `freeBytes`: what the disk has left, if that is known. */
  | { readonly is: 'tick'; readonly freeBytes: number | null }
  | DiskAnswer

export interface JournalOptions {
  /** Of this start of the process: 32 hexadecimal digits. */
  readonly boot: string
  readonly place: Place
  readonly sizes: JournalSizes
  readonly tidying: Tidying
}

export class Journal {
  readonly #options: JournalOptions
  readonly #work: Work
  readonly #segments: Segments
  readonly #snapshots: Snapshots
  /** The state that counts on the disk. */
  #volume: Volume | null = null
  /** States that are whole, and are on their way to the disk; in order, the newest last. */
  #coming: Volume[] = []
  /** The state that is being installed; it is not whole. */
  #unfinished: Volume | null = null
  /** Files for a state to come, of which nothing is known yet. */
  #prepared: Volume | null = null
  #volumes: number
  #over = false
  #low = false

  constructor(options: JournalOptions) {
    this.#options = options
    this.#work = new Work(options.sizes)
    this.#segments = new Segments(this.#work)
    this.#snapshots = new Snapshots(this.#work)
    this.#volumes = options.tidying.lastVolume
  }

  // ---- for metrics

  /** About the bytes of the files that count. */
  get bytes(): number {
    const { segments = [], snapshotBytes = 0 } = this.#volume ?? {}
    return segments.reduce((sum, { bytes }) => sum + bytes, 2 * snapshotBytes)
  }

  /** Which state counts, and how far it is written. */
  get imprint(): DiskFigures['imprint'] {
    const { imprint = null, log } = this.#volume ?? {}
    if (imprint === null || log === undefined) return null
    const { view, as, told } = imprint
    return { view, as, told, opNumber: log.state.opNumber }
  }

  get low(): boolean {
    return this.#low
  }

  /** Everything that was asked for is on the disk (D10). */
  get level(): boolean {
    return this.#work.confirmed.level
  }

  step(input: JournalInput): JournalEffect[] {
    if (this.#over) return []
    this.#on(input)
    const number = this.#work.confirmed.take()
    if (this.#over) return this.#work.take()
    if (number !== undefined) this.#work.say({ is: 'synced', number })
    return [...this.#work.take(), ...this.#work.lanes.start()]
  }

  #on(input: JournalInput): void {
    switch (input.is) {
      case 'write':
        this.#work.confirmed.expect(input.number)
        return this.#onWrite(input.number, input.write)
      case 'snapshot':
        return this.#snapshots.onPiece(this.#coming.length > 0 ? null : this.#volume, input.piece)
      case 'prepare':
        return this.#prepare()
      case 'turn-end':
        return this.#commit()
      case 'tick':
        return this.#onTick(input.freeBytes)
      case 'done':
        return this.#onDone(input.job)
      case 'failed':
        return this.#onFailed(input)
    }
  }

  // ---- what the core decides

  #onWrite(number: number, write: JournalWrite): void {
    switch (write.is) {
      case 'begin':
        return this.#begin(number, write.imprint)
      case 'install':
        return this.#install(number, write)
      case 'records':
        return this.#addToBase(number, write)
      case 'installed':
        return this.#installed(number, write.imprint)
      case 'dropped':
        this.#drop()
        return this.#work.confirmed.done([number])
      case 'imprint':
        return this.#addImprint(this.#spokenOf('an imprint'), number, write.imprint)
      case 'given up':
        return this.#giveUp(number)
      case 'batch':
        return this.#batch(number, write)
    }
  }

  #begin(number: number, imprint: Imprint): void {
    const volume = this.#newVolume('nothing', { view: imprint.view, opNumber: 0, digest: 0 })
    this.#isWhole(volume, number, imprint)
  }

  #isWhole(volume: Volume, number: number, imprint: Imprint): void {
    volume.wholeWith = number
    this.#unfinished = null
    this.#coming.push(volume)
    this.#addImprint(volume, number, imprint)
  }

  #install(number: number, { header }: JournalWrite & { is: 'install' }): void {
    const { opNumber, digest } = header
    const volume = this.#newVolume('snapshot', { view: 0, opNumber, digest })
    this.#snapshots.beginBase(volume, number, header)
  }

  #newVolume(base: 'nothing' | 'snapshot', state: LogState): Volume {
    this.#drop()
    const volume = this.#prepared ?? this.#madeVolume()
    this.#prepared = null
    this.#unfinished = volume
    volume.begin(base, state)
    return volume
  }

  #madeVolume(): Volume {
    const { boot, sizes } = this.#options
    const volume = new Volume(++this.#volumes, boot, sizes)
    this.#segments.makeFirst(volume)
    return volume
  }

  /** D3: they count for nothing, as everything that is unfinished. */
  #prepare(): void {
    if (this.#prepared === null && this.#unfinished === null && !this.#low)
      this.#prepared = this.#madeVolume()
  }

  #addToBase(number: number, { records }: JournalWrite & { is: 'records' }): void {
    const snapshot = this.#unfinished?.snapshot
    if (snapshot == null) throw new Error('D2: records came, and no state is being installed')
    this.#snapshots.addToBase(snapshot, number, records)
  }

  #installed(number: number, imprint: Imprint): void {
    const volume = this.#unfinished
    if (volume?.snapshot == null) throw new Error('D2: a state was installed, and never came')
    this.#snapshots.endBase(volume, volume.snapshot)
    this.#isWhole(volume, number, imprint)
  }

  /** D2: an imprint speaks of the state that counts, until another one is whole. */
  #spokenOf(what: string): Volume {
    const volume = this.#newest
    if (volume === null) throw new Error(`D2: ${what} came, and no state`)
    return volume
  }

  get #newest(): Volume | null {
    return this.#coming.at(-1) ?? this.#volume
  }

  #addImprint(volume: Volume, number: number, given: Imprint): void {
    const imprint = imprintOf(given, this.#options.place)
    volume.add({ number, text: imprintText(imprint), changes: { view: imprint.view }, imprint })
  }

  #giveUp(number: number): void {
    this.#drop()
    const volume = this.#newest
    if (volume === null) return this.#work.confirmed.done([number])
    volume.add({ number, text: JSON.stringify(['given-up']), changes: {}, imprint: null })
  }

  #batch(number: number, write: JournalWrite & { is: 'batch' }): void {
    const volume = this.#unfinished ?? this.#spokenOf('a batch')
    const { view, firstOp, entries, digest } = write
    const opNumber = firstOp + sizeOf(entries, inEntries) - 1
    volume.add({ number, text: batchText(write), changes: { view, opNumber, digest } })
  }

  /** What is not whole goes. */
  #drop(): void {
    if (this.#unfinished !== null) this.#remove(this.#unfinished)
    this.#unfinished = null
  }

  #remove(volume: Volume): void {
    this.#leave(volume)
    this.#work.do({ do: 'remove', path: volume.path }, null, null)
  }

  /** Nothing is written into it any more. */
  #leave(volume: Volume): void {
    volume.left = true
    this.#work.confirmed.done(volume.dropPending())
    if (volume.snapshot !== null) this.#snapshots.drop(volume.snapshot)
    if (volume.making !== null) this.#segments.drop(volume.making)
    for (const file of volume.log.open) this.#work.lanes.add('log', { do: 'close', file })
  }

  // ---- the log

  /** At most one unsynced write is under way, so that only the last block can be torn (D7). */
  #commit(): void {
    if (!this.#work.lanes.idle('log')) return
    for (const volume of [this.#volume, ...this.#coming, this.#unfinished])
      if (volume?.waits && this.#writeBlock(volume)) return
  }

  #writeBlock(volume: Volume): boolean {
    const composed = volume.compose()
    if (composed === undefined) {
      this.#segments.makeNext(volume)
      return false
    }
    const { file, at, bytes } = composed
    const act = { do: 'write', file, at, bytes, sync: true } as const
    this.#work.lanes.add('log', act, { is: 'logged', volume, composed })
    return true
  }

  #onLogged(volume: Volume, { numbers, last }: Composed): void {
    const counts = volume.stage === 'counts' || volume.left
    volume.logged += numbers.length
    if (counts) this.#work.confirmed.done(numbers)
    else volume.held.push(...numbers)
    if (volume.left) return
    if (last) this.#work.lanes.add('log', { do: 'close', file: volume.log.turn() })
    this.#segments.makeNext(volume)
    if (volume.wholeWith !== null && numbers.includes(volume.wholeWith)) volume.has.imprint = true
    this.#mayCount(volume)
    if (counts) this.#snapshots.onLogged(volume)
  }

  // ---- a volume comes to count

  /** D2, D5: base, log and folder are synced before the name, and the name before anything is told. */
  #mayCount(volume: Volume): void {
    if (volume.stage !== 'made' || volume.left || !volume.has.base || !volume.has.imprint) return
    const from = volume.path
    volume.stage = 'named'
    this.#work.do({ do: 'sync folder', path: from }, null, null)
    this.#work.do({ do: 'rename', from, to: volumeName(volume.number) }, null, null)
    this.#work.do({ do: 'sync folder', path: '' }, { is: 'named', volume }, null)
  }

  #onNamed(volume: Volume): void {
    volume.stage = 'counts'
    this.#work.confirmed.done(volume.held.splice(0))
    this.#coming = this.#coming.filter(other => other !== volume)
    if (volume.number < (this.#volume?.number ?? 0)) return this.#outdated(volume)
    const before = this.#volume
    this.#volume = volume
    this.#snapshots.begin()
    for (const act of this.#options.tidying.acts()) this.#work.lanes.add('tidy', act)
    if (before !== null) this.#outdated(before)
  }

  /** A later state counts. */
  #outdated(volume: Volume): void {
    this.#leave(volume)
    this.#work.lanes.add('tidy', { do: 'remove', path: volume.path })
  }

  // ---- the disk

  #onTick(freeBytes: number | null): void {
    const volume = this.#volume
    this.#snapshots.onTick(volume)
    if (freeBytes !== null) this.#onRoom(freeBytes)
    if (volume === null || volume.left) return
    this.#segments.onTick(volume)
    if (volume.mayRest && this.#work.lanes.idle('log')) this.#writeBlock(volume)
  }

  /** D8: what it says once it is low holds until there is clearly more. */
  #onRoom(freeBytes: number): void {
    const { reserveBytes } = this.#options.sizes
    const low = freeBytes < (this.#low ? reserveBytes * 1.25 : reserveBytes)
    if (low === this.#low) return
    this.#low = low
    this.#work.say({ is: 'room', low })
  }

  #onDone(job: number): void {
    const next = this.#work.lanes.ended(job)?.next
    if (next != null) this.#onNext(next)
    this.#commit()
  }

  #onNext(next: Next): void {
    switch (next.is) {
      case 'logged':
        return this.#onLogged(next.volume, next.composed)
      case 'filled':
        return this.#segments.onFilled(next.making, next.upTo)
      case 'made':
        return this.#segments.onMade(next.making)
      case 'written':
        if (next.number === null) return this.#work.say({ is: 'snapshot taken' })
        return this.#work.confirmed.done([next.number])
      case 'based':
        next.volume.has.base = true
        return this.#mayCount(next.volume)
      case 'named':
        return this.#onNamed(next.volume)
      case 'built':
        return this.#snapshots.onBuilt(next.snapshot)
    }
  }

  /** D8: what a full disk keeps from being made can be made again; after any other error nothing is believed. */
  #onFailed({ job, problem, full }: DiskAnswer & { is: 'failed' }): void {
    const ended = this.#work.lanes.ended(job)
    if (ended?.lane === 'tidy')
      return this.#work.note('old files of the journal could not be removed', { problem })
    const purpose = ended?.purpose ?? null
    if (full && purpose !== null && !this.#needed(purpose.volume, purpose.is)) return this.#onFull(purpose)
    this.#over = true
    this.#work.fail(problem)
  }

  #onFull(purpose: Purpose): void {
    if (purpose.volume === this.#prepared) {
      this.#prepared = null
      return this.#remove(purpose.volume)
    }
    return purpose.is === 'segment' ? this.#segments.onFull(purpose) : this.#snapshots.onFull(purpose)
  }

  #needed(volume: Volume, what: 'segment' | 'snapshot'): boolean {
    if (volume.left || volume === this.#prepared) return false
    if (volume.stage !== 'counts') return true
    return what === 'segment' && volume.stuck
  }
}
