// The longest hold and the longest wait, for metrics only. There may be a million locks, so they are walked in
// pieces (B5), and the finds stand for a while. This file reads only.

import type { Hold } from '../state/lock.ts'
import type { State } from '../state/state.ts'

/** Locks that are looked at in one turn: a fraction of a millisecond. */
const locksPerTurn = 2_000
/** So long the finds stand; they grow older by themselves. */
const standMs = 5_000
/** Of a crowd of holds that are kept for no client no more are looked at. */
const keptMax = 20

export class Longest {
  /** Since when, by the wall clock; null: nobody holds or waits. */
  #hold: number | null = null
  #wait: number | null = null
  #foundAt = Number.NEGATIVE_INFINITY

  async look(state: State | null, wall: number, nextTurn: () => Promise<void>): Promise<void> {
    if (Math.abs(wall - this.#foundAt) < standMs) return
    let [hold, wait] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    let seen = 0
    for (const lock of state?.table.locks.values() ?? []) {
      if (++seen % locksPerTurn === 0) await nextTurn()
      hold = Math.min(hold, sinceOf(lock.eachHolder()))
      // A queue is in the order of its waits, but for a steal at its front.
      for (const each of [lock.next, lock.next?.behind]) wait = Math.min(wait, each?.since ?? wait)
    }
    this.#hold = Number.isFinite(hold) ? hold : null
    this.#wait = Number.isFinite(wait) ? wait : null
    this.#foundAt = wall
  }

  holdMs(wall: number): number {
    return this.#hold === null ? 0 : Math.max(0, wall - this.#hold)
  }

  waitMs(wall: number): number {
    return this.#wait === null ? 0 : Math.max(0, wall - this.#wait)
  }
}

/** Of the oldest hold that a client has. */
function sinceOf(holds: Iterable<Hold>): number {
  let looked = 0
  for (const hold of holds) {
    if (!hold.session.isNobody) return hold.since
    if (++looked >= keptMax) break
  }
  return Number.POSITIVE_INFINITY
}
