// A page without parameters: made at most ten times a second, and shared by all callers that wait for it
// (B5). No caller gets a page that is older than its question: one that asks too soon waits for the next.

import { readClock } from '../clock.ts'
import { pageEveryMs } from '../limits.ts'
import { setImmediate, setTimeout } from '../net/timers-node.ts'

export class SharedPage<T> {
  readonly #make: () => Promise<T>
  #madeAt = Number.NEGATIVE_INFINITY
  #next: Promise<T> | null = null

  constructor(make: () => Promise<T>) {
    this.#make = make
  }

  read(): Promise<T> {
    this.#next ??= this.#makeNext()
    return this.#next
  }

  async #makeNext(): Promise<T> {
    await passed(this.#madeAt + pageEveryMs - readClock().monotonic)
    // From here on the page may be older than a question.
    this.#next = null
    this.#madeAt = readClock().monotonic
    return await this.#make()
  }
}

/** Waits at least for the rest of this turn, so that all callers in it get one page. */
function passed(ms: number): Promise<void> {
  return new Promise(resolve => {
    if (ms > 0) setTimeout(resolve, ms).unref()
    else setImmediate(resolve)
  })
}
