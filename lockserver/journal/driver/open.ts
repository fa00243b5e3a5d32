// A journal of a running server: holds the folder, reads all of it, tries its disk, and then drives the journal. It
// ends at the first error of a write or sync (D8), and says so once.

import { open, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Histogram } from '../../../wire/histogram.ts'
import type { DiskFigures } from '../../../wire/messages.ts'
import type { Runtime, Timer } from '../../../wire/net/runtime.ts'
import { makeFolder } from '../../../wire/serving/own-folder.ts'
import type { Found, JournalSays, JournalWrite, SnapshotPiece } from '../asked.ts'
import { Journal, type JournalInput } from '../journal.ts'
import { beforeOf, type FolderReading, type WholeJournal } from '../reading.ts'
import { type JournalSizes, journalSizes } from '../sizes.ts'
import type { Place } from '../text.ts'
import { Tidying } from '../tidying.ts'
import type { JournalEffect } from '../work.ts'
import { DiskDriver } from './disk.ts'
import { type Hold, hold } from './hold.ts'
import { isSame, placeOf } from './place.ts'
import { readJournal } from './read.ts'
import { SyncTimes } from './sync-times.ts'

export interface JournalOwner {
  note(level: 'info' | 'warn' | 'error', text: string, fields: object): void
  /** D8: nothing more is on the disk from here on; the process must end. Called once. */
  failed(problem: string): void
}

export interface OpenOptions {
  readonly folder: string
  readonly runtime: Runtime
  readonly owner: JournalOwner
  /** How often it looks at its disk, and rests. */
  readonly tickMs: number
  readonly sizes?: Partial<JournalSizes>
}

interface Opening extends OpenOptions {
  readonly boot: string
  readonly held: Hold
  readonly place: Place
}

/** Resolves once all of it is read (D3); rejects with one clear line if it can't be used. */
export async function openJournal(options: OpenOptions): Promise<OpenJournal> {
  const { folder } = options
  await makeFolder(folder).catch(error => {
    throw new Error(`can't make the journal's folder ${folder}: ${error.message}`, { cause: error })
  })
  const boot = options.runtime.newId()
  const held = await hold(folder, boot)
  try {
    await tryDisk(join(folder, `.trial-${boot.slice(0, 8)}`))
    const reading = await readJournal(folder)
    if (reading.reading.is === 'other format') throw otherFormat(folder, reading.reading)
    return new OpenJournal({ ...options, boot, held, place: await placeOf(folder) }, reading)
  } catch (error) {
    await held[Symbol.asyncDispose]()
    throw error
  }
}

function otherFormat(folder: string, { file, format }: { file: string; format: number }): Error {
  return new Error(
    `the journal ${join(folder, file)} has format ${format}, which this version can't read. Use the version that wrote it, or give this server another folder: then it is copied from the others`,
  )
}

/** D8: a disk that can't write shows before the server offers itself. */
async function tryDisk(path: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.write(Buffer.alloc(4_096))
      await file.datasync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new Error(`the disk of the journal can't be written: ${(error as Error).message}`, { cause: error })
  } finally {
    await unlink(path).catch(() => {})
  }
}

export class OpenJournal implements AsyncDisposable {
  readonly #options: Opening
  readonly #disk: DiskDriver
  readonly #journal: Journal
  readonly #times = new SyncTimes()
  readonly #spoilt: string | null
  #found: Found | null
  #hear: (says: JournalSays) => void = () => {}
  #timer: Timer | undefined
  #freeBytes: number | null = null
  #turnEnds = false
  #isOver = false

  constructor(options: Opening, { names, reading }: FolderReading) {
    const { boot, place } = options
    this.#options = options
    this.#disk = new DiskDriver(options.folder)
    this.#journal = new Journal({
      boot,
      place,
      sizes: { ...journalSizes, ...options.sizes },
      tidying: new Tidying(
        names.map(({ name }) => name),
        beforeOf(reading),
      ),
    })
    this.#found = reading.is === 'whole' ? foundIn(reading, place) : null
    this.#spoilt =
      reading.is === 'spoilt'
        ? `${reading.spot.file} at ${reading.spot.at}: ${reading.spot.problem}`.slice(0, 512)
        : null
    this.#noteReading(reading)
  }

  /** D3: what it held when it was opened. It is let go of. */
  takeFound(): Found | null {
    const found = this.#found
    this.#found = null
    return found
  }

  get figures(): DiskFigures {
    const now = this.#options.runtime.monotonic()
    const { last } = this.#times
    const [syncP50Us = null, syncP99Us = null] = this.#times.quantiles(0.5, 0.99)
    return {
      imprint: this.#journal.imprint,
      bytes: this.#journal.bytes,
      freeBytes: this.#freeBytes,
      syncAgeMs: last === null ? null : Math.max(0, Math.round(now - last)),
      unsyncedMs: this.#times.unsyncedMs(now),
      syncP50Us,
      syncP99Us,
      spoilt: this.#spoilt,
    }
  }

  get low(): boolean {
    return this.#journal.low
  }

  get syncTimes(): Histogram {
    return this.#times.histogram
  }

  start(hear: (says: JournalSays) => void): void {
    this.#hear = hear
    void this.#tick()
  }

  write(number: number, write: JournalWrite): void {
    this.#step({ is: 'write', number, write })
    this.#endTurnLater()
  }

  snapshot(piece: SnapshotPiece): void {
    this.#step({ is: 'snapshot', piece })
  }

  prepare(): void {
    this.#step({ is: 'prepare' })
  }

  /** What was not synced may be lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#options.runtime.cancel(this.#timer)
    this.#disk.close()
    await this.#options.held[Symbol.asyncDispose]()
  }

  /** All that one step of the core decides goes into one block, if it fits (group commit). */
  #endTurnLater(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    queueMicrotask(() => {
      this.#turnEnds = false
      this.#step({ is: 'turn-end' })
    })
  }

  #step(input: JournalInput): void {
    if (this.#isOver) return
    for (const effect of this.#journal.step(input)) this.#do(effect)
  }

  #do(effect: JournalEffect): void {
    switch (effect.do) {
      case 'disk':
        return this.#act(effect)
      case 'say':
        return this.#hear(effect.says)
      case 'note':
        return this.#options.owner.note('warn', effect.text, effect.fields)
      case 'fail':
        this.#isOver = true
        return this.#options.owner.failed(effect.problem)
    }
  }

  #act({ job, act }: Extract<JournalEffect, { do: 'disk' }>): void {
    const { runtime } = this.#options
    const startedAt = runtime.monotonic()
    const isSync = act.do === 'write' && act.sync
    if (isSync) this.#times.begin(startedAt)
    this.#disk.do(act, failure => {
      if (isSync) this.#times.end(startedAt, runtime.monotonic())
      if (failure === null) this.#step({ is: 'done', job })
      else this.#step({ is: 'failed', job, ...failure })
    })
  }

  async #tick(): Promise<void> {
    const { folder, runtime, tickMs } = this.#options
    this.#freeBytes = await freeBytesOf(folder)
    if (this.#isOver) return
    this.#step({ is: 'tick', freeBytes: this.#freeBytes })
    this.#hear({ is: 'figures', figures: this.figures })
    this.#timer = runtime.afterQuietly(tickMs, () => void this.#tick())
  }

  #noteReading(reading: FolderReading['reading']): void {
    const { owner } = this.#options
    if (reading.is === 'spoilt')
      owner.note('error', 'the journal is spoilt; it is moved aside once this server has another state', {
        ...reading.spot,
      })
    if (reading.is !== 'whole') return
    const { imprint, state, torn, damage } = reading
    owner.note('info', 'the journal was read', { imprint, opNumber: state.opNumber, torn })
    for (const spot of damage)
      owner.note('warn', 'the journal is damaged where it is not needed', { ...spot })
  }
}

export function foundIn({ imprint, state, recent }: WholeJournal, place: Place): Found | null {
  if (imprint === null) return null
  // R4: what differs proves nothing.
  if (!imprint.differs) recent.end(imprint.view)
  return { imprint: { ...imprint, opNumber: state.opNumber }, here: isSame(imprint, place), state, recent }
}

/** Null: it can't be told. */
async function freeBytesOf(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return null
  }
}
