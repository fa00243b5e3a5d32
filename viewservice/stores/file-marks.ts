// The active mark in a folder (E3): a file that link() brings in, and beside it a socket on which its owner
// listens for as long as its process lives. The largest number counts. Nobody removes what belongs to a
// larger one, and no clock ends a mark: a frozen owner's socket still takes connections.

import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, linkSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { remove } from '../reserve.ts'
import { type Json, member, textIn } from './json.ts'
import { type ActiveMark, type ActiveMarks, type MarkOwner, StoreError } from './store.ts'

const fileName = /^active-mark-(\d{12})\.json$/
const socketName = /^\.active-[0-9a-f]{12}\.sock$/
/** The paths of sockets are short: 104 bytes on some systems. */
const socketPathMax = 100
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
    const server = await this.#atSocket(socket, listening)
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

  #isListenedTo(name: string): Promise<boolean> {
    return this.#atSocket(name, isListenedTo)
  }

  #end(server: Server, name: string): void {
    server.close()
    remove(join(this.#folder, name))
  }

  /** A longer path than sockets may have leads there by way of the open folder, where the system has that. */
  async #atSocket<T>(name: string, act: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#folder, name)
    if (Buffer.byteLength(path) <= socketPathMax) return act(path)
    if (!existsSync('/proc/self/fd')) throw away(`the path ${path} is too long for a socket`)
    const folder = openSync(this.#folder, 'r')
    try {
      return await act(`/proc/self/fd/${folder}/${name}`)
    } finally {
      closeSync(folder)
    }
  }
}

/** False only if it is certain that no process has it. */
function isListenedTo(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    const found = (listens: boolean) => {
      socket.destroy()
      resolve(listens)
    }
    socket.once('connect', () => found(true))
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      found(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    )
  })
}

function listening(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', error => reject(away(error)))
    server.listen(path, () => resolve(server))
    server.unref()
  })
}

function taken(): StoreError {
  return new StoreError('taken', 'another view server has set its active mark')
}

function away(cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError('away', `the active mark can't be set: ${why}`, { cause })
}
