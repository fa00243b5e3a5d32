// Until when the holds of one session that last at most some time may be believed in (C4): from when the client saw
// the grant, for a part of that time, by whichever clock says that more time has passed (as S4). The servers
// count all of it, from later. No server is told: a release, or the servers themselves, end the hold.

import type { Instant } from '../../wire/clock.ts'
import { clientLeasePart } from '../../wire/limits.ts'

export class HoldTimes {
  /** When each is over, by token. */
  readonly #times = new Map<number, Instant>()
  /** Those that are over, until they are released or the servers end them. */
  readonly #over = new Set<number>()
  /** The first that is over, by either clock; too early where it was deleted. */
  #nextAt: Instant = never

  /** The client sees this grant now. */
  begin(token: number, atMostMs: number, now: Instant): void {
    const believedMs = atMostMs * clientLeasePart
    const over = { monotonic: now.monotonic + believedMs, wall: now.wall + believedMs }
    this.#times.set(token, over)
    this.#nextAt = earlier(this.#nextAt, over)
  }

  delete(token: number): void {
    this.#over.delete(token)
    this.#times.delete(token)
  }

  /** Monotonic ms at which to look again, as far as both clocks go on alike. */
  nextAt(now: Instant): number {
    return this.#times.size === 0 ? Number.POSITIVE_INFINITY : now.monotonic + leftOf(this.#nextAt, now)
  }

  isOver(token: number): boolean {
    return this.#over.has(token)
  }

  /** Infinity for one that has no such time. */
  remainingMs(token: number, now: Instant): number {
    if (this.#over.has(token)) return 0
    const time = this.#times.get(token)
    return time === undefined ? Number.POSITIVE_INFINITY : leftOf(time, now)
  }

  /** Whether to look at what is over: perhaps nobody was told yet. */
  some(now: Instant): boolean {
    return this.#times.size > 0 && isPast(this.#nextAt, now)
  }

  /** What is over since the last look, by token. */
  takeOver(now: Instant): number[] {
    if (!this.some(now)) return []
    const over: number[] = []
    this.#nextAt = never
    for (const [token, time] of this.#times)
      if (isPast(time, now)) over.push(token)
      else this.#nextAt = earlier(this.#nextAt, time)
    for (const token of over) {
      this.#times.delete(token)
      this.#over.add(token)
    }
    return over.sort((a, b) => a - b)
  }
}

const never: Instant = { monotonic: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY }

/** By whichever clock says that more time has passed: a suspended machine stops the one, a set clock moves the other. */
function isPast(time: Instant, now: Instant): boolean {
  return now.monotonic >= time.monotonic || now.wall >= time.wall
}

function earlier(a: Instant, b: Instant): Instant {
  return { monotonic: Math.min(a.monotonic, b.monotonic), wall: Math.min(a.wall, b.wall) }
}

function leftOf(time: Instant, now: Instant): number {
  return Math.max(0, Math.min(time.monotonic - now.monotonic, time.wall - now.wall))
}
