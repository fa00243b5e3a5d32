// The view record on disk (V6). Each record is a new file, so that a frozen view server that wakes up
// can never write over a record that another has written: link() fails if the name exists. A spoilt record
// is refused by name, never taken for an empty one and never skipped.

import { lstatSync } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clearTimeout, setImmediate, setTimeout } from '../../wire/net/timers-node.ts'
import { makeFolder } from '../../wire/serving/own-folder.ts'
import type { StoredRecord } from '../record.ts'
import { Reserve, remove } from '../reserve.ts'
import { type Lack, lackOf } from '../shortage.ts'
import { FileMarks } from './file-marks.ts'
import { type Stored, StoreError, type ViewStore } from './store.ts'
import { decodeRecord, encodeRecord } from './text.ts'

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
  readonly marks: FileMarks
  #isChecked = false
  #isClosed = false

  constructor(folder: string, lacking: (lack: Lack) => void = () => {}) {
    this.#folder = folder
    this.#reserve = new Reserve(folder)
    this.#lacking = lacking
    this.marks = new FileMarks(folder)
  }

  get reserve(): number {
    return this.#reserve.size
  }

  async load(): Promise<Stored | null> {
    if (!this.#isChecked) await this.#begin()
    for (;;) {
      const names = this.#names()
      const last = lastNumber(names)
      if (last === 0) return null
      this.#tidy(names, temporaryName, last)
      const record = await readRecord(this.#folder, last)
      if (record !== null) return stored(record)
    }
  }

  async #begin(): Promise<void> {
    await this.#tryTo('use', () => makeFolder(this.#folder))
    await this.#tryTo('write to', async () => this.#check())
    this.#isChecked = true
  }

  /** Another view server of this folder is asked about by its mark, and found out by `save`. */
  watch(): void {}

  /**
   * The calls that a failover waits for are made one after the other without going through the thread
   * pool: together they take about a millisecond, the waits between them took several.
   */
  async save(record: StoredRecord, expected: Stored | null): Promise<Stored> {
    this.#expect(expected, record)
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
    return stored(record)
  }

  /**
   * E1: what was read must still be there. Otherwise the folder was put back from a copy, or another view
   * server is far ahead; in between, link() fails.
   */
  #expect(expected: Stored | null, { record }: StoredRecord): void {
    if (expected === null) return
    const { record: before } = expected.record
    if (record !== before + 1) throw new Error(`broken invariant: E1: record ${record} after ${before}`)
    if (lstatSync(this.#path(before), { throwIfNoEntry: false }) === undefined) throw this.#notThere(before)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#refill)
    this.marks.close()
    this.#reserve.close()
  }

  /** B6: checks all that a save needs; otherwise a shortage would show only at the first death. */
  #check(): void {
    try {
      this.#reserve.fill()
      this.#reserve.check(' '.repeat(512))
    } catch (error) {
      this.#reserve.close()
      throw noLinks(error) ? needsLinks(error) : error
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
    return pathOf(this.#folder, number)
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

  #anotherWrites(number: number): StoreError {
    const text = `another view server writes to ${this.#folder}: record ${number} or a later one is there already. Only one may; end the other, or give this one its own folder and cluster`
    return new StoreError('taken', text)
  }

  #notThere(number: number): StoreError {
    const text = `record ${number} is not in ${this.#folder} any more: the folder was changed, or another view server writes to it`
    return new StoreError('taken', text)
  }
}

/** The newest record in a folder; null if there is none. Writes nothing. */
export async function lookAtRecord(folder: string): Promise<StoredRecord | null> {
  const last = lastNumber(await readdir(folder))
  return last === 0 ? null : await readRecord(folder, last)
}

/** Null: another view server has brought in later ones meanwhile, and cleared this one away. */
async function readRecord(folder: string, number: number): Promise<StoredRecord | null> {
  const path = pathOf(folder, number)
  try {
    // Reading a pipe would wait for ever.
    if (!(await lstat(path)).isFile()) throw new Error('it is no file')
    const record = decodeRecord(await readFile(path, 'utf8'))
    if (record.record !== number) throw new Error(`it holds record ${record.record}`)
    return record
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(
      `the view record ${path} can't be used: ${message(error)}. Put it back from a copy. If there is none, stop every lock server of this cluster, move the folder away and start all again, empty`,
    )
  }
}

function pathOf(folder: string, number: number): string {
  return join(folder, `view-record-${String(number).padStart(12, '0')}.json`)
}

/** FAT, SMB and the like. */
const noLinkCodes: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

function noLinks(error: unknown): error is NodeJS.ErrnoException {
  const { syscall, code } = error as NodeJS.ErrnoException
  return syscall === 'link' && noLinkCodes.has(code)
}

function needsLinks(error: Error): Error {
  return new Error(`it needs a file system with hard links, and this one makes none (${error.message})`, {
    cause: error,
  })
}

function stored(record: StoredRecord): Stored {
  return { record, version: `${record.record}` }
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
