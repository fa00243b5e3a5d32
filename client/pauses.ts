// Calls whose lock's slot is between two groups of servers (G8): for a moment no group serves it, and each call asks again
// after a pause, or as soon as there is news. Knows no call and no group.

import type { ClientRuntime, Timer } from '../wire/net/runtime.ts'

/** Why such a call takes so long, for display only. */
export const movingText = 'its slot is moving to another group of servers'

/** The first pause, about; each next one of a call is twice as long. */
const pauseMs = 50
const pauseMsMax = 500

export interface Pause {
  end(): void
}

interface Waiting {
  readonly timer: Timer
  readonly goOn: () => void
  readonly closed: () => void
}

export class Pauses {
  readonly #runtime: ClientRuntime
  readonly #waiting = new Set<Waiting>()

  constructor(runtime: ClientRuntime) {
    this.#runtime = runtime
  }

  /** `tries`: how often this call has paused before; `closed`: it is called in place of `goOn` when the client is closed. */
  begin(tries: number, goOn: () => void, closed: () => void): Pause {
    const ms = Math.min(pauseMs * 2 ** Math.min(tries, 10), pauseMsMax)
    const end = () => {
      this.#runtime.cancel(waiting.timer)
      this.#waiting.delete(waiting)
    }
    const timer = this.#runtime.after(ms * (0.5 + this.#runtime.chance()), () => {
      this.#waiting.delete(waiting)
      goOn()
    })
    const waiting: Waiting = { timer, goOn, closed }
    this.#waiting.add(waiting)
    return { end }
  }

  /** There is a newer map: all ask at once. */
  endAll(): void {
    for (const { goOn } of this.#take()) goOn()
  }

  close(): void {
    for (const { closed } of this.#take()) closed()
  }

  #take(): Waiting[] {
    const all = [...this.#waiting]
    this.#waiting.clear()
    for (const { timer } of all) this.#runtime.cancel(timer)
    return all
  }
}
