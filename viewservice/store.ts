// The view record on disk (V6). Each record is a new file, so that a frozen view server that wakes up
// can never write over a record that another has written: link() fails if the name exists. A spoilt record
// is refused by name, never taken for an empty one and never skipped.

import { createHash } from 'node:crypto'
import { lstat, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from '../wire/codec.ts'
import '../wire/server-channels.ts'
import { recordFormat, wireVersion } from '../wire/version.ts'
import type { ViewRecord } from './record.ts'
import { Reserve, remove } from './reserve.ts'
import { type Lack, lackOf } from './shortage.ts'

/** Where the view record lives; the seam for other stores. */
export interface ViewStore {
  /** Resolves with the newest record; null if there never was one. */
  load(): Promise<ViewRecord | null>
  /** Resolves when the record is durable; rejects if it is not, or if another view server writes here too. */
  save(record: ViewRecord): PromiseLike<void>
  /** How many records could be saved with no more files or disk. */
  readonly reserve: number
  /** After this, nothing is written any more. */
  close(): void
}

/** How many old records are kept for display only. */
const keptMax = 3
const fileName = /^view-record-(\d{12})\.json$/
const temporaryName = /^view-record-(\d{12})\.json\.[0-9a-f]+\.tmp$/

/** How long until a reserve that could not be filled is tried again. */
const refillMs = 1_000

export class FileStore implements ViewStore {
  readonly #folder: string
  readonly #reserve: Reserve
  /** Called with what the reserve lacks. */
  readonly #lacking: (lack: Lack) => void
  #refill: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(folder: string, lacking: (lack: Lack) => void = () => {}) {
    this.#folder = folder
    this.#reserve = new Reserve(folder)
    this.#lacking = lacking
  }

  get reserve(): number {
    return this.#reserve.size
  }

  async load(): Promise<ViewRecord | null> {
    await this.#tryTo('use', async () => void (await mkdir(this.#folder, { recursive: true, mode: 0o700 })))
    await this.#tryTo('write to', async () => this.#check())
    const names = this.#names()
    const last = lastNumber(names)
    if (last === 0) return null
    this.#tidy(names, temporaryName, last)
    return this.#read(last)
  }

  /**
   * The calls that a failover waits for are made one after the other without going through the thread
   * pool: together they take about a millisecond, the waits between them took several.
   */
  async save(record: ViewRecord): Promise<void> {
    try {
      this.#reserve.bringIn(encodeRecord(record), this.#path(record.record))
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'EEXIST'
        ? this.#anotherWrites(record.record)
        : this.#unusable('write to', error)
    }
    const names = this.#names()
    if (lastNumber(names) > record.record) throw this.#anotherWrites(record.record)
    // A failover does not wait for this. Deleting old records makes room for the reserve.
    setImmediate(() => {
      this.#tidy(names, fileName, record.record - keptMax)
      this.#fill()
    })
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#refill)
    this.#reserve.close()
  }

  /** B6: checks all that a save needs; otherwise a shortage would show only at the first death. */
  #check(): void {
    try {
      this.#reserve.fill()
      this.#reserve.check(' '.repeat(512))
    } catch (error) {
      this.#reserve.close()
      throw error
    }
  }

  #fill(): void {
    if (this.#isClosed) return
    try {
      this.#reserve.fill()
    } catch (error) {
      this.#lacking(lackOf(error) ?? 'room')
      clearTimeout(this.#refill)
      this.#refill = setTimeout(() => this.#fill(), refillMs).unref()
    }
  }

  async #read(number: number): Promise<ViewRecord> {
    const path = this.#path(number)
    try {
      // Reading a pipe would wait for ever.
      if (!(await lstat(path)).isFile()) throw new Error('it is no file')
      return decodeRecord(await readFile(path, 'utf8'), number)
    } catch (error) {
      throw new Error(
        `the view record ${path} can't be used: ${message(error)}. Put it back from a copy. If there is none, stop every lock server of this cluster, move the folder away and start all again, empty`,
      )
    }
  }

  /** Deletes the files of this kind up to this record. */
  #tidy(names: readonly string[], pattern: RegExp, upTo: number): void {
    for (const name of names) {
      const number = numberIn(name, pattern)
      if (number > 0 && number <= upTo) remove(join(this.#folder, name))
    }
  }

  #names(): string[] {
    try {
      return this.#reserve.names()
    } catch (error) {
      throw this.#unusable('read', error)
    }
  }

  #path(number: number): string {
    return join(this.#folder, `view-record-${String(number).padStart(12, '0')}.json`)
  }

  async #tryTo(verb: string, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      throw this.#unusable(verb, error)
    }
  }

  #unusable(verb: string, error: unknown): Error {
    return new Error(`can't ${verb} the data folder ${this.#folder}: ${message(error)}`, { cause: error })
  }

  #anotherWrites(number: number): Error {
    return new Error(
      `another view server writes to ${this.#folder}: record ${number} or a later one is there already. Only one may; end the other, or give this one its own folder and cluster`,
    )
  }
}

function encodeRecord(record: ViewRecord): string {
  return `${JSON.stringify([['view-record', record, checksum(record)]])}\n`
}

function decodeRecord(text: string, number: number): ViewRecord {
  const [stored, ...more] = decode(text, 'stored')
  if (stored === undefined || more.length > 0) throw new Error('it does not hold one record')
  const [, record, sum] = stored
  if (sum !== checksum(record)) throw new Error('its checksum is wrong')
  if (record.record !== number) throw new Error(`it holds record ${record.record}`)
  if (record.wire !== wireVersion)
    throw new Error(`it was written by wire version ${record.wire}, this is version ${wireVersion}`)
  if (record.format !== recordFormat)
    throw new Error(`its format is ${record.format}, this view server reads format ${recordFormat}`)
  return record
}

function checksum(record: ViewRecord): string {
  return createHash('sha256').update(JSON.stringify(record)).digest('hex')
}

function lastNumber(names: readonly string[]): number {
  return names.reduce((last, name) => Math.max(last, numberIn(name, fileName)), 0)
}

function numberIn(name: string, pattern: RegExp): number {
  return Number(pattern.exec(name)?.[1] ?? 0)
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
