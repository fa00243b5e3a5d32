// How old what the page shows is: live, or for how long no answer has come. It counts on while a question waits.

import { byId, setText } from './element.ts'
import { lengthOf } from './words.ts'

export class Freshness {
  readonly #place = byId('freshness')
  #answeredAt: number | null = null
  #isLive = false

  constructor() {
    window.setInterval(() => this.#show(), 1_000)
  }

  /** `isLive`: the last question was answered. */
  note(isLive: boolean): void {
    this.#isLive = isLive
    if (isLive) this.#answeredAt = performance.now()
    this.#show()
  }

  #show(): void {
    const since =
      this.#answeredAt === null ? '' : `last answer ${lengthOf(performance.now() - this.#answeredAt)} ago`
    setText(this.#place, this.#isLive ? 'live' : since)
  }
}
