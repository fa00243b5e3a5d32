// The longest hold, the longest wait and the longest queue, for metrics and pages only. There may be a million locks, so
// they are walked in pieces (B5), and the finds stand for a while. This file reads only.

import type { Hold } from '../state/lock.ts'
import type { State } from '../state/state.ts'

/** Locks that are looked at in one turn: a fraction of a millisecond. */
const locksPerTurn = 2_000
/** For how long finds stand; they grow older by themselves. On average no more than this many locks a ms are looked at. */
const standMs = 5_000
const locksPerMs = 50
/** Of a crowd of holds that are kept for no client no more are looked at. */
const keptMax = 20

export class Longest {
  /** Since when, by the wall clock; null: no client holds or waits. */
  #hold: number | null = null
  #wait: number | null = null
  #queue = 0
  #foundAt = Number.NEGATIVE_INFINITY
  #standMs = standMs

  async look(state: State | null, wall: number, nextTurn: () => Promise<void>): Promise<void> {
    if (Math.abs(wall - this.#foundAt) < this.#standMs) return
    let [hold, wait] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    let queue = 0
    let seen = 0
    for (const lock of state?.table.locks.values() ?? []) {
      if (++seen % locksPerTurn === 0) await nextTurn()
      hold = Math.min(hold, sinceOf(lock.eachHolder()))
      queue = Math.max(queue, lock.waiters)
      // A queue is in the order of its waits, but for a steal at its front.
      for (const each of [lock.next, lock.next?.behind]) wait = Math.min(wait, each?.since ?? wait)
    }
    this.#hold = Number.isFinite(hold) ? hold : null
    this.#wait = Number.isFinite(wait) ? wait : null
    this.#queue = queue
    this.#foundAt = wall
    this.#standMs = Math.max(standMs, seen / locksPerMs)
  }

  /** Acquires that wait for the lock that most wait for. */
  get queue(): number {
    return this.#queue
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
