// Repeats an action while the page is visible: never twice at once, and seldom if it takes long, so that
// watching costs the servers little.

const pauseMaxMs = 3_000
/** It pauses for this many times as long as the action took. */
const restPart = 5

export interface PollOptions {
  /** Default: always. */
  readonly isWanted?: () => boolean
  readonly pauseMaxMs?: number
}

export class Poll {
  readonly #everyMs: number
  readonly #act: () => Promise<void>
  readonly #isWanted: () => boolean
  readonly #pauseMaxMs: number
  #timer: number | undefined
  #running = false
  #again = false

  constructor(everyMs: number, act: () => Promise<void>, options: PollOptions = {}) {
    this.#everyMs = everyMs
    this.#act = act
    this.#isWanted = options.isWanted ?? (() => true)
    this.#pauseMaxMs = options.pauseMaxMs ?? pauseMaxMs
    document.addEventListener('visibilitychange', () => this.now())
    this.now()
  }

  /** Something has changed: acts now instead of at the next time. */
  now(): void {
    if (this.#running) {
      this.#again = true
      return
    }
    window.clearTimeout(this.#timer)
    void this.#round()
  }

  async #round(): Promise<void> {
    const began = performance.now()
    this.#running = true
    this.#again = false
    if (!document.hidden && this.#isWanted()) await this.#act()
    this.#running = false
    const took = performance.now() - began
    const pause = Math.min(this.#pauseMaxMs, Math.max(this.#everyMs - took, restPart * took))
    this.#timer = window.setTimeout(() => void this.#round(), this.#again ? 0 : pause)
  }
}
