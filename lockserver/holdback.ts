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
  readonly #held: Held[]
  /** How many of the first batch were shown. */
  #shown = 0

  /** `before`: what has waited in the view before, and waits for no witness any more. */
  constructor(before: readonly Showing[] = []) {
    this.#held = before.length > 0 ? [{ sequence: 0, showings: before }] : []
  }

  /** From here on nothing is shown that this witness has not confirmed. */
  ask(witness: Witness): void {
    this.#witnesses.push(witness)
  }

  /** What is decided now must wait, at least for what was decided before. */
  get holds(): boolean {
    return this.#witnesses.length > 0 || this.#held.length > 0 || this.waits
  }

  /** Something may be shown that was not yet: a turn had no room for it. */
  get more(): boolean {
    const [first] = this.#held
    return first !== undefined && first.sequence <= this.confirmed
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

  /** What may be shown now, in order; but no more than this. */
  release(most = Number.POSITIVE_INFINITY): readonly Showing[] {
    const { confirmed } = this
    const released: (readonly Showing[])[] = []
    let [done, left] = [0, most]
    while (done < this.#held.length && left > 0) {
      const { sequence, showings } = this.#held[done] as Held
      if (sequence > confirmed) break
      // Nearly always it is one whole batch: its list is returned as it is.
      const rest = this.#shown === 0 ? showings : showings.slice(this.#shown)
      const fits = rest.length <= left
      released.push(fits ? rest : rest.slice(0, left))
      this.#shown = fits ? 0 : this.#shown + left
      left -= rest.length
      if (fits) done++
    }
    if (done > 0) this.#held.splice(0, done)
    return released.length > 1 ? released.flat() : (released[0] ?? none)
  }

  /** R2: a new view asks no witness of the last one. Returns all that has waited. */
  all(): Showing[] {
    return [...this.#held.flatMap(({ showings }) => showings).slice(this.#shown), ...this.#showings]
  }
}
