// Sockets in the middle of their handshake take turns to be read (B1): what a peer says last in it costs as much as its hello,
// and a crowd may say it in one moment. While they are few, all of them are read. It knows no TLS.

import { handshakesPerTurnMax, handshakesReadMax } from '../../limits.ts'
import { clearTimeout, setTimeout } from '../timers-node.ts'

/** Below a socket: it may be told not to read. */
export interface Readable {
  readStart(): void
  readStop(): void
}

/** How long those whose turn it is are read. */
const turnMs = 1

export class Shaking {
  /** The one that was read longest ago comes first. */
  readonly #all = new Set<Readable>()
  /** Not all are read now. */
  #inTurns = false
  #reading: Readable[] = []
  #timer: NodeJS.Timeout | undefined

  /** Its handshake has begun. */
  enter(one: Readable): void {
    this.#all.add(one)
    if (this.#inTurns) one.readStop()
    else if (this.#all.size > handshakesReadMax) this.#begin()
  }

  /** Its handshake is done, or it is over. */
  leave(one: Readable, isOver: boolean): void {
    if (!this.#all.delete(one)) return
    if (this.#inTurns && !isOver) one.readStart()
    this.#reading = this.#reading.filter(other => other !== one)
    if (this.#inTurns && this.#all.size <= handshakesReadMax) this.#end()
  }

  #begin(): void {
    this.#inTurns = true
    for (const one of this.#all) one.readStop()
    this.#next()
  }

  #next(): void {
    for (const one of this.#reading) one.readStop()
    this.#reading = [...first(this.#all, handshakesPerTurnMax)]
    for (const one of this.#reading) {
      this.#all.delete(one)
      this.#all.add(one)
      one.readStart()
    }
    this.#timer = setTimeout(() => this.#next(), turnMs).unref()
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#inTurns = false
    this.#reading = []
    for (const one of this.#all) one.readStart()
  }
}

function* first<T>(all: Iterable<T>, most: number): Generator<T> {
  let left = most
  for (const one of all) {
    if (left-- <= 0) return
    yield one
  }
}
