// Until when the holds of one session that last at most some time may be believed in (C4): from when the client saw
// the grant, for a part of that time, by the monotonic clock (as S4). The servers count all of it, from later.
// No server is told: a release, or the servers themselves, end the hold.

import { clientLeasePart } from '../../wire/limits.ts'

export class HoldTimes {
  /** When each is over, by token; monotonic ms, as all times here. */
  readonly #times = new Map<number, number>()
  /** Those that are over, until they are released or the servers end them. */
  readonly #over = new Set<number>()
  /** The first that is over; too early where it was deleted. */
  #nextAt = never

  /** The client sees this grant now. */
  begin(token: number, atMostMs: number, now: number): void {
    const over = now + atMostMs * clientLeasePart
    this.#times.set(token, over)
    this.#nextAt = Math.min(this.#nextAt, over)
  }

  delete(token: number): void {
    this.#over.delete(token)
    this.#times.delete(token)
  }

  /** When to look again. */
  get nextAt(): number {
    return this.#times.size === 0 ? never : this.#nextAt
  }

  isOver(token: number): boolean {
    return this.#over.has(token)
  }

  /** Infinity for one that has no such time. */
  remainingMs(token: number, now: number): number {
    if (this.#over.has(token)) return 0
    const time = this.#times.get(token)
    return time === undefined ? never : Math.max(0, time - now)
  }

  /** Whether to look at what is over: perhaps nobody was told yet. */
  some(now: number): boolean {
    return this.#times.size > 0 && now >= this.#nextAt
  }

  /** What is over since the last look, by token. */
  takeOver(now: number): number[] {
    if (!this.some(now)) return []
    const over: number[] = []
    this.#nextAt = never
    for (const [token, time] of this.#times)
      if (now >= time) over.push(token)
      else this.#nextAt = Math.min(this.#nextAt, time)
    for (const token of over) {
      this.#times.delete(token)
      this.#over.add(token)
    }
    return over.sort((a, b) => a - b)
  }
}

const never = Number.POSITIVE_INFINITY
