// The lease of one session as its client may believe in it (S4): from when the last confirmed renewal
// was sent, for a part of the ttl, by whichever clock says that more time has passed. The server
// counts the whole ttl, from later; so the client stops first. While nothing is held and nothing asked
// for there is nothing to believe in: the session rests, and its lease is longer at both ends.

import type { Instant } from '../../wire/clock.ts'
import { clientLeasePart, renewPart, restLeaseMs } from '../../wire/limits.ts'

export class Lease {
  #ttlMs = 0
  /** When the last confirmed open or renewal was sent; null before there is a session. */
  #from: Instant | null = null
  /** Renewals on their way, on this connection only. Numbers are never used twice. */
  readonly #sent = new Map<number, Instant>()
  #lastNumber = 0
  /** When the last renewal or open was sent; monotonic ms. */
  #renewedAt = 0
  #rests = false

  /** In force, as the server said; 0 before there is a session. */
  get ttlMs(): number {
    return this.#ttlMs
  }

  /** The session is open; `sent` is when the answered open went out. */
  begin(ttlMs: number, sent: Instant): void {
    this.#ttlMs = ttlMs
    this.#from = sent
    this.#renewedAt = sent.monotonic
  }

  /** Whether nothing is held and nothing asked for any more. To ask again takes a `wake`. */
  rest(rests: boolean): void {
    this.#rests = rests
  }

  /**
   * Something is asked for. Returns whether the renewals of the rest were too few for that: then one has to
   * go in front of it. The lease counts from now, though no server has confirmed it: the servers answer what
   * follows a renewal only if they have had the renewal too.
   */
  wake(now: Instant): boolean {
    if (!this.#rests) return false
    this.#rests = false
    if (this.#from === null || this.#isYoung(this.#leftMs(this.#ttlMs, now))) return false
    this.#from = now
    return true
  }

  /** The number for a renewal that goes out now. */
  renew(now: Instant): number {
    this.#sent.set(++this.#lastNumber, now)
    this.#renewedAt = now.monotonic
    return this.#lastNumber
  }

  /** False for a renewal that did not go out on this connection: it counts for nothing. */
  confirm(number: number): boolean {
    const sent = this.#sent.get(number)
    if (sent === undefined) return false
    // A wake may have been later.
    if (this.#from === null || sent.monotonic > this.#from.monotonic) this.#from = sent
    for (const earlier of this.#sent.keys()) if (earlier <= number) this.#sent.delete(earlier)
    return true
  }

  /** What was sent on the old connection can't be confirmed any more. */
  disconnected(): void {
    this.#sent.clear()
  }

  /** Monotonic ms at which the next renewal is due. */
  get renewAt(): number {
    return this.#renewedAt + this.#lengthMs * renewPart
  }

  /** A renewal is on its way. */
  get unconfirmed(): boolean {
    return this.#sent.size > 0
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
      : this.#from.monotonic + this.#lengthMs * clientLeasePart
  }

  /**
   * S4: for how many ms what is held may still be believed in, 0 once it is over or before there is one. At
   * rest: what is acquired now.
   */
  remainingMs(now: Instant): number {
    const left = this.#leftMs(this.#ttlMs, now)
    if (!this.#rests || this.#isYoung(left)) return left
    return Math.min(this.#leftMs(this.#lengthMs, now), this.#ttlMs * clientLeasePart)
  }

  /** By whichever clock says less, since a suspended machine stops the one and a set clock moves the other. */
  #leftMs(lengthMs: number, now: Instant): number {
    if (this.#from === null) return 0
    const believed = lengthMs * clientLeasePart
    // As the deadline is worked out: rounded otherwise, it could have passed with some of the lease left.
    const byMonotonic = this.#from.monotonic + believed - now.monotonic
    const byWall = this.#from.wall + believed - now.wall
    return Math.max(0, Math.min(byMonotonic, byWall))
  }

  /** Whether who wakes with so much left needs no renewal first. */
  #isYoung(leftMs: number): boolean {
    return leftMs >= this.#ttlMs * (clientLeasePart - renewPart)
  }

  /** There is a lease, and its local deadline has passed. */
  expired(now: Instant): boolean {
    return this.#from !== null && this.remainingMs(now) === 0
  }

  get #lengthMs(): number {
    return this.#rests ? restLeaseMs(this.#ttlMs) : this.#ttlMs
  }
}
