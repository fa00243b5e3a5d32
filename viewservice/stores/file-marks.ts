// The active mark in a folder (E3): a file that link() brings in, and beside it a socket on which its owner
// listens for as long as its process lives. The largest number counts. Nobody removes what belongs to a
// larger one, and no clock ends a mark: a frozen owner's socket still takes connections.

import { randomBytes } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { isListenedTo, listenAt, socketPlace } from '../../wire/serving/folder-socket.ts'
import { remove } from '../reserve.ts'
import { type Json, member, textIn } from './json.ts'
import { type ActiveMark, type ActiveMarks, type MarkOwner, StoreError } from './store.ts'

const fileName = /^active-mark-(\d{12})\.json$/
const socketName = /^\.active-[0-9a-f]{12}\.sock$/
const lifetimeMs = 2_000

export class FileMarks implements ActiveMarks {
  readonly silenceCounts = true
  readonly #folder: string
  /** The largest mark whose owner was found gone; 0: there was none. */
  #gone = 0
  #own: { readonly number: number; readonly socket: string; readonly server: Server } | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  async read(): Promise<ActiveMark | null> {
    const number = this.#last()
    const found = number === 0 ? null : this.#contentOf(number)
    if (found !== null && (await this.#isListenedTo(found.socket))) return { ...found.mark, number }
    this.#gone = number
    return null
  }

  async take(owner: MarkOwner, instead: ActiveMark | null): Promise<ActiveMark> {
    const last = this.#last()
    if (last !== (instead?.number ?? this.#gone)) throw taken()
    const number = last + 1
    const name = `.active-${randomBytes(6).toString('hex')}`
    const socket = `${name}.sock`
    const server = await this.#atSocket(socket, listenAt).catch(error => {
      throw away(error)
    })
    const temporary = join(this.#folder, `${name}.tmp`)
    try {
      writeFileSync(temporary, JSON.stringify({ ...owner, socket }), { mode: 0o600 })
      linkSync(temporary, this.#path(number))
    } catch (error) {
      this.#end(server, socket)
      throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? taken() : away(error)
    } finally {
      remove(temporary)
    }
    this.#drop()
    this.#own = { number, socket, server }
    this.#tidy(number)
    return { ...owner, number, lifetimeMs, version: `${number}` }
  }

  async confirm(mark: ActiveMark): Promise<void> {
    if (this.#last() !== mark.number) throw taken()
  }

  async giveUp(mark: ActiveMark): Promise<void> {
    if (this.#own?.number === mark.number) this.#drop()
  }

  close(): void {
    this.#drop()
  }

  #drop(): void {
    if (this.#own !== null) this.#end(this.#own.server, this.#own.socket)
    this.#own = null
  }

  /** What earlier owners have left behind. */
  #tidy(below: number): void {
    for (const number of this.#numbers()) {
      if (number >= below) continue
      const found = this.#contentOf(number)
      if (found !== null) remove(join(this.#folder, found.socket))
      remove(this.#path(number))
    }
  }

  #contentOf(number: number): { readonly mark: Omit<ActiveMark, 'number'>; readonly socket: string } | null {
    try {
      const value: Json = JSON.parse(readFileSync(this.#path(number), 'utf8'))
      const [id, address] = [textIn(value, 'id'), textIn(value, 'address')]
      const socket = member(value, 'socket')
      if (typeof socket !== 'string' || !socketName.test(socket)) return null
      return { mark: { id, address, lifetimeMs, version: `${number}` }, socket }
    } catch {
      return null // no owner wrote it, or it has been cleared away
    }
  }

  #last(): number {
    return Math.max(0, ...this.#numbers())
  }

  #numbers(): number[] {
    try {
      const names = readdirSync(this.#folder)
      return names.map(name => Number(fileName.exec(name)?.[1] ?? 0)).filter(number => number > 0)
    } catch (error) {
      throw away(error)
    }
  }

  #path(number: number): string {
    return join(this.#folder, `active-mark-${String(number).padStart(12, '0')}.json`)
  }

  /** False only if it is certain that no process does. */
  #isListenedTo(name: string): Promise<boolean> {
    return this.#atSocket(name, isListenedTo).catch(() => true)
  }

  #end(server: Server, name: string): void {
    server.close()
    remove(join(this.#folder, name))
  }

  async #atSocket<T>(name: string, act: (path: string) => Promise<T>): Promise<T> {
    const place = await socketPlace(this.#folder, name)
    try {
      return await act(place.path(name))
    } finally {
      await place.close()
    }
  }
}

function taken(): StoreError {
  return new StoreError('taken', 'another view server has set its active mark')
}

function away(cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError('away', `the active mark can't be set: ${why}`, { cause })
}
