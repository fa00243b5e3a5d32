// One piece of work for HTTP in each turn of the event loop (B5): between any two of them come pings, messages
// and timers. It knows no pages, and limits nothing but the pace.

export class PageTurns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves in a turn that nothing else of HTTP has. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise(resolve => setImmediate(resolve)))
    return this.#last
  }
}
