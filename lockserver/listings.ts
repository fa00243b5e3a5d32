// The lists of locks that were made last: all who ask for the same prefix of the same state get the same one
// (B7). Nothing is kept that a change of the state, or some time, has made wrong.

import { listingMs, listingsKept, locksWalkedPerTurnMax } from '../wire/limits.ts'
import { type Listing, listFound, listLocks } from './query.ts'
import type { InView } from './situation.ts'
import type { Hold } from './state/lock.ts'
import type { State } from './state/state.ts'
import type { Times } from './times.ts'
import { type Scope, Walk } from './walk.ts'

interface Made extends Scope {
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
  /** B1: of the list that is made next. */
  #walk: Walk | null = null

  constructor(state: State, times: Times, situation: Pick<InView, 'now'>) {
    this.#state = state
    this.#times = times
    this.#situation = situation
  }

  /** The list of these locks if it is at hand. */
  known(scope: Scope, wall: number): Listing | undefined {
    return this.#made.find(made => isSame(made, scope) && this.#holds(made, wall))?.listing
  }

  /** B1: looks for the locks of this list, one share a turn; true: it can be made, in this very turn. */
  find(scope: Scope, wall: number): boolean {
    if (this.known(scope, wall) !== undefined) return true
    const { table } = this.#state
    if (this.#walk === null || !isSame(this.#walk.scope, scope)) {
      this.#walk = new Walk(scope, table.locks.values())
      table.tellNew(this.#walk)
    }
    return this.#walk.goOn(locksWalkedPerTurnMax)
  }

  stopLooking(): void {
    if (this.#walk !== null) this.#state.table.tellNew(null)
    this.#walk = null
  }

  /** Of few locks, or of what was found. */
  of(scope: Scope, wall: number): Listing {
    return this.known(scope, wall) ?? this.#make(scope, wall)
  }

  #make(scope: Scope, wall: number): Listing {
    const { monotonic } = this.#situation.now
    const termsOf = (hold: Hold) => this.#times.shown(hold, monotonic)
    const walk = this.#walk
    this.stopLooking()
    const listing =
      walk !== null && isSame(walk.scope, scope)
        ? listFound(walk, wall, termsOf)
        : listLocks(this.#state, scope.prefix, wall, termsOf, scope.only)
    const made = { ...scope, opNumber: this.#state.opNumber, at: wall, listing }
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

function isSame(one: Scope, other: Scope): boolean {
  if (one.prefix !== other.prefix) return false
  const [a, b] = [one.only, other.only]
  if (a === null || b === null) return a === b
  return a.length === b.length && a.every((prefix, i) => prefix === b[i])
}
