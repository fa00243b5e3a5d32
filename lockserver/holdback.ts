// What clients may not see yet (R1, R5): kept by batch until every witness has confirmed that batch, the
// backup being the only one today. Without witnesses it holds nothing. It knows no peers, locks or requests.

import type { Showing } from './showing.ts'

/** A copy that must have what was decided before clients may see it. */
export interface Witness {
  /** The last batch that it has, with all before it. */
  readonly confirmed: number
}

interface Held {
  /** R1: shown once every witness has confirmed this batch. */
  readonly sequence: number
  readonly showings: readonly Showing[]
}

const none: readonly Showing[] = []

export class Holdback {
  readonly #witnesses: Witness[] = []
  /** What the open batch lets clients see; then by batch. */
  #showings: Showing[] = []
  readonly #held: Held[] = []

  /** From here on nothing is shown that this witness has not confirmed. */
  ask(witness: Witness): void {
    this.#witnesses.push(witness)
  }

  get holds(): boolean {
    return this.#witnesses.length > 0
  }

  /** The open batch would let clients see something. */
  get waits(): boolean {
    return this.#showings.length > 0
  }

  /** The last batch that all witnesses have. */
  get confirmed(): number {
    let least = Number.POSITIVE_INFINITY
    for (const { confirmed } of this.#witnesses) least = Math.min(least, confirmed)
    return least
  }

  add(showing: Showing): void {
    this.#showings.push(showing)
  }

  /** The open batch has this number now. */
  close(sequence: number): void {
    if (this.#showings.length === 0) return
    this.#held.push({ sequence, showings: this.#showings })
    this.#showings = []
  }

  /** What may be shown now, in order. */
  release(): readonly Showing[] {
    const { confirmed } = this
    let done = 0
    while (done < this.#held.length && (this.#held[done] as Held).sequence <= confirmed) done++
    if (done === 0) return none
    const released = this.#held.splice(0, done)
    // Nearly always it is one batch: its list is returned as it is.
    return done === 1 ? (released[0] as Held).showings : released.flatMap(({ showings }) => showings)
  }

  /** R2: a new view asks no witness of the last one. Returns all that has waited. */
  all(): Showing[] {
    return [...this.#held.flatMap(({ showings }) => showings), ...this.#showings]
  }
}
