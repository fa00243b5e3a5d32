// B1: the time of one turn of the event loop. What a turn has no time for waits for the next ones, in order:
// one piece of each that waits, then the next piece of each. This class reads only the clock of its runtime,
// and knows neither connections nor cores.

import { turnMsMax } from '../limits.ts'
import type { Runtime } from './runtime.ts'

/** Something that waits for its turn. */
export interface Later {
  /** Does one piece; true if there is more. */
  goOn(): boolean
}

export class TurnTime {
  readonly #runtime: Runtime
  /** When this turn began to work; null until it does. */
  #began: number | null = null
  readonly #waiting = new Set<Later>()
  #planned = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Whether this turn has worked long enough. Who asks begins to work. */
  get over(): boolean {
    if (this.#began !== null) return this.#runtime.monotonic() - this.#began >= turnMsMax
    this.#began = this.#runtime.monotonic()
    this.#plan()
    return false
  }

  /** Goes on in the next turn that has time, behind all that waits already. */
  later(what: Later): void {
    this.#waiting.add(what)
    this.#plan()
  }

  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    this.#runtime.afterTurn(() => this.#nextTurn())
  }

  #nextTurn(): void {
    this.#planned = false
    this.#began = null
    for (const what of this.#waiting) {
      // Each turn does at least one piece.
      if (this.over) break
      this.#waiting.delete(what)
      if (what.goOn()) this.#waiting.add(what)
    }
    if (this.#waiting.size > 0) this.#plan()
  }
}
