// How old what a server shows may be at most (G7), by its own monotonic clock alone: it is at least as new as a
// moment at which this server asked another one something that has been answered since. It sends nothing.

export class AsOf {
  /** Monotonic ms: all that was decided until then is shown. */
  #at: number
  /** Once this batch is done, that holds for a later moment. */
  #due: { readonly sequence: number; readonly at: number } | null = null

  constructor(at: number) {
    this.#at = at
  }

  /** Nothing newer could have been decided anywhere until this moment. */
  sure(at: number): void {
    this.#at = Math.max(this.#at, at)
  }

  /** Once this batch is done, all that was decided until `at` is shown. The first one counts, or none would ever be done. */
  expect(sequence: number, at: number): void {
    this.#due ??= { sequence, at }
  }

  /** All batches up to this one are done. */
  done(sequence: number): void {
    if (this.#due === null || sequence < this.#due.sequence) return
    this.#at = Math.max(this.#at, this.#due.at)
    this.#due = null
  }

  /** In whole ms. */
  ageMs(now: number): number {
    return Math.max(0, Math.ceil(now - this.#at))
  }
}
