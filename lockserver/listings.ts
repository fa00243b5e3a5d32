// The lists of locks that were made last: all who ask for the same prefix of the same state get the same one
// (B7). Nothing is kept that a change of the state, or some time, has made wrong.

import { listingMs, listingsKept } from '../wire/limits.ts'
import { type Listing, listLocks } from './query.ts'
import type { InView } from './situation.ts'
import type { Hold } from './state/lock.ts'
import type { State } from './state/state.ts'
import type { Times } from './times.ts'

interface Made {
  readonly prefix: string
  /** A2: of these alone; null: of all. */
  readonly only: readonly string[] | null
  readonly opNumber: number
  /** Wall clock in ms: how long locks are held grows by itself. */
  readonly at: number
  readonly listing: Listing
}

export class Listings {
  readonly #state: State
  readonly #times: Times
  readonly #situation: Pick<InView, 'now'>
  #made: readonly Made[] = []

  constructor(state: State, times: Times, situation: Pick<InView, 'now'>) {
    this.#state = state
    this.#times = times
    this.#situation = situation
  }

  /** The list for this prefix if it is at hand. */
  known(prefix: string, wall: number, only: Made['only'] = null): Listing | undefined {
    const isSame = (made: Made) => made.prefix === prefix && isSameScope(made.only, only)
    return this.#made.find(made => isSame(made) && this.#holds(made, wall))?.listing
  }

  of(prefix: string, wall: number, only: Made['only'] = null): Listing {
    const known = this.known(prefix, wall, only)
    if (known !== undefined) return known
    const { monotonic } = this.#situation.now
    const termsOf = (hold: Hold) => this.#times.shown(hold, monotonic)
    const listing = listLocks(this.#state, prefix, wall, termsOf, only)
    const made = { prefix, only, opNumber: this.#state.opNumber, at: wall, listing }
    this.#made = [made, ...this.#made.filter(each => this.#holds(each, wall))].slice(0, listingsKept)
    return listing
  }

  /** Drops what is of no use any more. */
  sweep(wall: number): void {
    if (this.#made.length > 0) this.#made = this.#made.filter(each => this.#holds(each, wall))
  }

  #holds({ opNumber, at }: Made, wall: number): boolean {
    return opNumber === this.#state.opNumber && Math.abs(wall - at) < listingMs
  }
}

function isSameScope(a: Made['only'], b: Made['only']): boolean {
  if (a === null || b === null) return a === b
  return a.length === b.length && a.every((prefix, i) => prefix === b[i])
}
