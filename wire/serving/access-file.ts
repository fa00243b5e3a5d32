// The access file as a server has it (A3): read when the server starts, again when it changes, and when it is asked to.
// A file that can't be read, or has a mistake, changes nothing and is told. It decides nothing about peers.

import { readFile } from 'node:fs/promises'
import { AccessError, type AccessTable, readAccess } from '../access/table.ts'
import { clearTimeout, setTimeout } from '../net/timers-node.ts'
import { fileMark } from './file-mark.ts'

export interface AccessFileOwner {
  changed(table: AccessTable): void
  /** What is wrong with the file now, with its place; the last good one counts. */
  spoilt(problem: string): void
}

/** How often it is looked at. No watch of the system sees every way to replace a file. */
const lookMs = 500

export class AccessFile {
  readonly #path: string
  #owner: AccessFileOwner | null = null
  #table: AccessTable
  /** What the file looked like, and what it held, when it was read last. */
  #mark: string
  #text: string
  #reading: Promise<void> | null = null
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** What is wrong with it now; null: nothing is. */
  problem: string | null = null
  /** How often it was spoilt when it was read. */
  spoilt = 0

  private constructor(path: string, mark: string, text: string, table: AccessTable) {
    this.#path = path
    this.#mark = mark
    this.#text = text
    this.#table = table
  }

  /** Rejects with one clear line: a server does not start without its rules. */
  static async open(path: string): Promise<AccessFile> {
    const mark = await fileMark(path)
    try {
      const text = await readFile(path, 'utf8')
      return new AccessFile(path, mark, text, readAccess(text))
    } catch (error) {
      throw new Error(problemOf(path, error))
    }
  }

  get table(): AccessTable {
    return this.#table
  }

  start(owner: AccessFileOwner): void {
    this.#owner = owner
    this.#plan()
  }

  /** Reads it again, whatever it looks like. */
  async reload(): Promise<void> {
    this.#mark = ''
    await (this.#reading ?? Promise.resolve())
    await this.#look()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #plan(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), lookMs).unref()
  }

  #look(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
      this.#plan()
    })
    return this.#reading
  }

  async #read(): Promise<void> {
    const mark = await fileMark(this.#path)
    if (mark === this.#mark) return
    this.#mark = mark
    try {
      const text = await readFile(this.#path, 'utf8')
      const table = readAccess(text)
      const isNews = text !== this.#text || this.problem !== null
      this.#text = text
      this.#table = table
      this.problem = null
      if (isNews && !this.#isClosed) this.#owner?.changed(table)
    } catch (error) {
      this.#tell(problemOf(this.#path, error))
    }
  }

  #tell(problem: string): void {
    this.problem = problem
    this.spoilt++
    if (!this.#isClosed) this.#owner?.spoilt(problem)
  }
}

function problemOf(path: string, error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  if (error instanceof AccessError) return `the access file ${path}: ${message}`
  if (code === 'ENOENT') return `the access file ${path} is not there (--access)`
  return `the access file ${path} can't be read: ${message}`
}
