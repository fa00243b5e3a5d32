// Deadlines of very many things, in slots of time, so that a look at what is over costs no more than what it
// finds. What has a deadline may be taken out of its slot at any time. It reads no clock and ends nothing.

import { NumberMap } from '../wire/number-map.ts'

/** What is over is found by so much later at most, and never sooner. */
const slotMs = 64

/** By token. */
export class Deadlines {
  readonly #until = new NumberMap<number>()
  /** By the number of the slot in which it is over. */
  readonly #slots = new Map<number, Set<number>>()
  /** No slot before this one has anything. */
  #first = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#until.size
  }

  get(key: number): number | undefined {
    return this.#until.get(key)
  }

  set(key: number, until: number): void {
    this.delete(key)
    this.#until.set(key, until)
    const number = slotOf(until)
    const slot = this.#slots.get(number)
    if (slot === undefined) this.#slots.set(number, new Set([key]))
    else slot.add(key)
    this.#first = Math.min(this.#first, number)
  }

  delete(key: number): void {
    const until = this.#until.get(key)
    if (until === undefined) return
    this.#until.delete(key)
    const number = slotOf(until)
    const slot = this.#slots.get(number)
    slot?.delete(key)
    if (slot?.size === 0) this.#slots.delete(number)
  }

  /** Something is over. */
  some(now: number): boolean {
    return this.#firstOver(now) !== undefined
  }

  /** Takes out the first of what is over, no more than so many. */
  take(now: number, most: number): number[] {
    const slot = this.#firstOver(now)
    if (slot === undefined) return []
    const over: number[] = []
    for (const key of slot) if (over.push(key) >= most) break
    for (const key of over) this.delete(key)
    return over
  }

  #firstOver(now: number): Set<number> | undefined {
    const last = slotOf(now) - 1
    if (last - this.#first > this.#slots.size) this.#first = Math.min(last + 1, ...firstOf(this.#slots))
    for (; this.#first <= last; this.#first++) {
      const slot = this.#slots.get(this.#first)
      if (slot !== undefined) return slot
    }
    return undefined
  }
}

function slotOf(ms: number): number {
  return Math.floor(ms / slotMs)
}

/** The first of all slots, if there is one; few are walked over, as there are fewer than numbers in between. */
function firstOf(slots: ReadonlyMap<number, unknown>): number[] {
  let first: number | undefined
  for (const number of slots.keys()) if (first === undefined || number < first) first = number
  return first === undefined ? [] : [first]
}
