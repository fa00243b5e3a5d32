// What one session holds, as far as its client can tell: the tokens, and until when each may be believed in if it lasts
// at most some time (C4). Until when the session itself may be, lease.ts says.

import { NumberMap } from '../../wire/number-map.ts'
import { HoldTimes } from './hold-times.ts'

export class Holds {
  readonly #held = new NumberMap<true>()
  /** C4: null as long as none was to be held for some time at most. */
  #times: HoldTimes | null = null

  get size(): number {
    return this.#held.size
  }

  /** C4: from when the client sees the grant; the servers count from when they know that it did. */
  begin(tokens: readonly number[], atMostMs: number | null, now: number): void {
    for (const token of tokens) this.#held.set(token, true)
    if (atMostMs === null) return
    this.#times ??= new HoldTimes()
    for (const token of tokens) this.#times.begin(token, atMostMs, now)
  }

  /** No longer held, as far as this client can tell; false if it was not. */
  drop(token: number): boolean {
    this.#times?.delete(token)
    return this.#held.delete(token)
  }

  clear(): void {
    this.#held.clear()
    this.#times = null
  }

  /** C4: it was reported as lost: its time is over. */
  isOver(token: number): boolean {
    return this.#times?.isOver(token) ?? false
  }

  /** C4: what is over since the last look. They count as held until they are released, or the servers end them. */
  takeOver(now: number): readonly number[] {
    return this.#times === null ? none : this.#times.takeOver(now)
  }

  /** Those whose loss was not reported yet, by token. */
  get believed(): number[] {
    return [...this.#held.keys()].filter(token => !this.isOver(token)).sort((a, b) => a - b)
  }

  /** Infinity for one that has no time of its own. */
  remainingMs(token: number, now: number): number {
    return this.#times === null ? Number.POSITIVE_INFINITY : this.#times.remainingMs(token, now)
  }

  /** Whether the time of one is over, and no step has noticed. */
  overdue(now: number): boolean {
    return this.#times?.some(now) ?? false
  }

  /** When to look again. */
  get nextAt(): number {
    return this.#times === null ? Number.POSITIVE_INFINITY : this.#times.nextAt
  }
}

const none: readonly number[] = []
