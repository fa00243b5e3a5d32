// What thousands of sockets bring in one moment is read over several turns of the event loop (B1). Node reads whatever has come
// to any socket in one turn: pings, ends and small frames, each of which takes some us before a budget sees it. Once a turn
// has read for long enough, no peer's socket is read any more; in the next turns they are again, some in each, and those
// first that have waited. Sockets of servers are always read. It reads only the clock of its runtime, and touches no socket.

import { readMsMax, sparedReads, takenUpPerTurnMax } from '../limits.ts'
import type { Runtime } from './runtime.ts'

/** A socket of a peer. */
export interface Reading {
  /** It is always read. */
  readonly exempt: boolean
  /** The number of the turn in which it has brought something last. */
  broughtIn: number
  stopReading(): void
  readAgain(): void
}

/** So many bytes count as much as one more socket that has brought something. */
const bytesOfOne = 1_024

export class ReadingTurns {
  readonly #runtime: Pick<Runtime, 'afterTurn' | 'monotonic'>
  readonly #all = new Set<Reading>()
  /** Are not read, and were not reached when they were; in order. */
  readonly #unreached = new Set<Reading>()
  /** Are not read, and behind those. */
  readonly #waiting = new Set<Reading>()
  #turn = 1
  #brought = 0
  /** When it was noticed that this turn reads much; null: it does not. */
  #began: number | null = null
  #isOver = false
  #planned = false

  constructor(runtime: Pick<Runtime, 'afterTurn' | 'monotonic'>) {
    this.#runtime = runtime
  }

  enter(one: Reading): void {
    this.#all.add(one)
  }

  leave(one: Reading): void {
    this.#all.delete(one)
    this.#unreached.delete(one)
    this.#waiting.delete(one)
  }

  /** It brings something, just now. */
  brings(one: Reading, bytes = 0): void {
    one.broughtIn = this.#turn
    this.#brought += 1 + bytes / bytesOfOne
    if (this.#brought < sparedReads) return
    if (this.#began !== null) return this.check()
    this.#began = this.#runtime.monotonic()
    this.#runtime.afterTurn(() => this.#next())
  }

  /** Something that was brought is done. */
  check(): void {
    if (this.#began === null || this.#isOver || this.#runtime.monotonic() - this.#began < readMsMax) return
    this.#isOver = true
    for (const one of this.#all) {
      if (one.exempt || this.#unreached.has(one) || this.#waiting.has(one)) continue
      one.stopReading()
      if (one.broughtIn === this.#turn) this.#waiting.add(one)
      else this.#unreached.add(one)
    }
  }

  /** What is read from here on belongs to the next turn. */
  #next(): void {
    this.#began = null
    this.#isOver = false
    this.#brought = 0
    this.#turn++
    this.#takeUp()
  }

  #takeUp(): void {
    let left = takenUpPerTurnMax
    for (const queue of [this.#unreached, this.#waiting])
      for (const one of queue) {
        if (left-- <= 0) return this.#takeUpLater()
        queue.delete(one)
        one.readAgain()
      }
  }

  #takeUpLater(): void {
    if (this.#planned) return
    this.#planned = true
    this.#runtime.afterTurn(() => {
      this.#planned = false
      this.#takeUp()
    })
  }
}
