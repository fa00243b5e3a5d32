// B1: the time of one turn of the event loop: sockets are read, and then what is left over gets its pieces. What a
// turn has no time for waits for the next ones, in order: what is due, then what took little time the last time,
// then the rest and what is large, one piece of each and then the next piece of each. A turn goes on where the
// last one stopped. This class reads only the clock of its runtime, and knows neither connections nor cores.

import { quickMsMax, turnMsMax } from '../limits.ts'
import type { Runtime } from './runtime.ts'

/** Something that waits for its turn. */
export interface Later {
  /** Does one piece; true if there is more. */
  goOn(): boolean
  /** What is left of it is the rest of something large, so what others ask comes first. */
  readonly large?: boolean
}

export class TurnTime {
  readonly #runtime: Runtime
  /** When this turn began to work; null until it does. */
  #began: number | null = null
  /** Whoever has opened the turn ends it. */
  #open = false
  /** What was decided and has not begun to go out: a server that is late with its answers reads no more questions. */
  readonly #due = new Set<Later>()
  readonly #quick = new Set<Later>()
  readonly #slow = new Set<Later>()
  /** Their last piece took long. */
  readonly #tookLong = new WeakSet<Later>()
  #planned = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Something is done in this turn, and more at its end; `end` comes after it. */
  open(): void {
    this.#open = true
    this.#began ??= this.#runtime.monotonic()
  }

  end(): void {
    this.#open = false
    this.#began = null
  }

  /** Whether there is time to read what has come. What waits comes first. */
  get mayRead(): boolean {
    return !this.#over && this.#waiting === 0
  }

  /** Whether there is time to send. What is due already comes first. */
  get maySend(): boolean {
    return !this.#over && this.#due.size === 0
  }

  /** Begins in the next turn that has time, behind what is due already and before all that waits. */
  due(what: Later): void {
    this.#due.add(what)
    this.#plan()
  }

  /** Goes on in the next turn that has time, behind what waits already. */
  later(what: Later): void {
    if (what.large === true || this.#tookLong.has(what)) this.#slow.add(what)
    else this.#quick.add(what)
    this.#plan()
  }

  get #waiting(): number {
    return this.#due.size + this.#quick.size + this.#slow.size
  }

  /** This turn has worked long enough. Whoever asks begins to work. */
  get #over(): boolean {
    if (this.#began !== null) return this.#runtime.monotonic() - this.#began >= turnMsMax
    this.#began = this.#runtime.monotonic()
    if (!this.#open) this.#plan()
    return false
  }

  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    this.#runtime.afterTurn(() => this.#doPieces())
  }

  /** In the time that this turn has left. */
  #doPieces(): void {
    this.#planned = false
    const queues = [this.#due, this.#quick, this.#slow].filter(({ size }) => size > 0)
    for (const queue of queues) this.#serve(queue)
    if (!this.#open) this.end()
    if (this.#waiting > 0) this.#plan()
  }

  /** As many pieces as there is time for, and one in any case. */
  #serve(queue: Set<Later>): void {
    let served = false
    for (const what of queue) {
      if (this.#over && served) return
      served = true
      queue.delete(what)
      const began = this.#runtime.monotonic()
      const more = what.goOn()
      if (this.#runtime.monotonic() - began > quickMsMax) this.#tookLong.add(what)
      else this.#tookLong.delete(what)
      if (more) this.later(what)
    }
  }
}
