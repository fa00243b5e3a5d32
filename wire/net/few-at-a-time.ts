// What a crowd asks in one moment is begun a few at a time (B1): the rest waits for the next turns of the event loop, in order.

import type { Runtime } from './runtime.ts'

export class FewAtATime {
  readonly #most: number
  readonly #runtime: Pick<Runtime, 'afterTurn'>
  readonly #waiting: (() => void)[] = []
  #begun = 0
  #planned = false

  /** `most`: of these, in one turn. */
  constructor(most: number, runtime: Pick<Runtime, 'afterTurn'>) {
    this.#most = most
    this.#runtime = runtime
  }

  enter(begin: () => void): void {
    this.#waiting.push(begin)
    this.#begin()
  }

  #begin(): void {
    for (; this.#begun < this.#most && this.#waiting.length > 0; this.#begun++) this.#waiting.shift()?.()
    if (this.#planned) return
    this.#planned = true
    this.#runtime.afterTurn(() => {
      this.#planned = false
      this.#begun = 0
      if (this.#waiting.length > 0) this.#begin()
    })
  }
}
