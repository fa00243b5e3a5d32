// One piece of work for HTTP in each turn of the event loop (B5): pings, messages and timers come between any
// two of them. This class knows no pages, and limits only the pace.

import { nextTurn } from '../net/timers-node.ts'

export class PageTurns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves in a turn with no other work for HTTP. */
  next(): Promise<void> {
    this.#last = this.#last.then(nextTurn)
    return this.#last
  }
}
