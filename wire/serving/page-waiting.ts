// How many requests may wait for their pages, from one address and from all (B5). A request that comes when
// too many wait is refused at once. A request counts until its answer was handed on, whether or not the peer
// reads it.

import { pagesWaitingMax, pagesWaitingPerAskerMax } from '../limits.ts'

export class PageWaiting {
  readonly #byAsker = new Map<string, number>()
  #all = 0

  /** False if too many wait already. */
  enter(asker: string): boolean {
    const own = this.#byAsker.get(asker) ?? 0
    if (own >= pagesWaitingPerAskerMax || this.#all >= pagesWaitingMax) return false
    this.#byAsker.set(asker, own + 1)
    this.#all++
    return true
  }

  leave(asker: string): void {
    const own = (this.#byAsker.get(asker) ?? 0) - 1
    if (own > 0) this.#byAsker.set(asker, own)
    else this.#byAsker.delete(asker)
    this.#all--
  }
}
