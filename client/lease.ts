// The lease of one session as its client may believe in it (S4): from when the last confirmed renewal
// was sent, for a part of the ttl, by whichever clock says that more time has passed. The server
// counts the whole ttl, from later; so the client stops first.

import type { Instant } from '../wire/clock.ts'
import { clientLeasePart, renewPart } from '../wire/limits.ts'

export class Lease {
  #ttlMs = 0
  /** When the last confirmed open or renewal was sent; null before there is a session. */
  #from: Instant | null = null
  /** Renewals on their way, on this connection only. Numbers are never used twice. */
  readonly #sent = new Map<number, Instant>()
  #lastNumber = 0
  #renewAt = 0

  /** In force, as the server said; 0 before there is a session. */
  get ttlMs(): number {
    return this.#ttlMs
  }

  /** The session is open; `sent` is when the answered open went out. */
  begin(ttlMs: number, sent: Instant): void {
    this.#ttlMs = ttlMs
    this.#from = sent
    this.#renewAt = sent.monotonic + ttlMs * renewPart
  }

  /** The number for a renewal that goes out now. */
  renew(now: Instant): number {
    this.#sent.set(++this.#lastNumber, now)
    this.#renewAt = now.monotonic + this.#ttlMs * renewPart
    return this.#lastNumber
  }

  /** False for a renewal that did not go out on this connection: it counts for nothing. */
  confirm(number: number): boolean {
    const sent = this.#sent.get(number)
    if (sent === undefined) return false
    this.#from = sent
    for (const earlier of this.#sent.keys()) if (earlier <= number) this.#sent.delete(earlier)
    return true
  }

  /** What was sent on the old connection can't be confirmed any more. */
  disconnected(): void {
    this.#sent.clear()
  }

  /** Monotonic ms at which the next renewal is due. */
  get renewAt(): number {
    return this.#renewAt
  }

  /** When the oldest unconfirmed renewal was sent, monotonic ms; Infinity: none is on its way. */
  get unconfirmedSince(): number {
    for (const sent of this.#sent.values()) return sent.monotonic
    return Number.POSITIVE_INFINITY
  }

  /** The local deadline by the monotonic clock. */
  get deadline(): number {
    return this.#from === null
      ? Number.POSITIVE_INFINITY
      : this.#from.monotonic + this.#ttlMs * clientLeasePart
  }

  /**
   * S4: for how many ms it may still be believed in, 0 once it is over or before there is one. By
   * whichever clock says less, since a suspended machine stops the one and a set clock moves the other.
   */
  remainingMs(now: Instant): number {
    if (this.#from === null) return 0
    const byWall = this.#from.wall + this.#ttlMs * clientLeasePart - now.wall
    return Math.max(0, Math.min(this.deadline - now.monotonic, byWall))
  }

  /** There is a lease, and its local deadline has passed. */
  expired(now: Instant): boolean {
    return this.#from !== null && this.remainingMs(now) === 0
  }
}
