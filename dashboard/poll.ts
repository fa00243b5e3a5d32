// Does something again and again while somebody looks: never twice at once, not while the page is hidden,
// and seldom if it takes long, so that looking does not weigh on who is looked at.

const pauseMaxMs = 3_000
/** So many times as long as it took, it rests. */
const restPart = 5

export class Poll {
  readonly #everyMs: number
  readonly #act: () => Promise<void>
  readonly #isWanted: () => boolean
  #timer: number | undefined
  #running = false
  #again = false

  constructor(everyMs: number, act: () => Promise<void>, isWanted: () => boolean = () => true) {
    this.#everyMs = everyMs
    this.#act = act
    this.#isWanted = isWanted
    document.addEventListener('visibilitychange', () => this.now())
    this.now()
  }

  /** Something has changed: does not wait for the next time. */
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
    const pause = Math.min(pauseMaxMs, Math.max(this.#everyMs - took, restPart * took))
    this.#timer = window.setTimeout(() => void this.#round(), this.#again ? 0 : pause)
  }
}
