// The lease of one session as its client may believe in it (S4): from when the last confirmed renewal
// was sent, for a part of the ttl, by the monotonic clock, which goes on while the machine is suspended and which
// nobody sets. The server counts the whole ttl, from later; so the client stops first. While nothing is held and
// nothing asked for there is nothing to believe in: the session rests, and its lease is longer at both ends.

import type { Instant } from '../../wire/clock.ts'
import { clientLeasePart, renewPart, restLeaseMs } from '../../wire/limits.ts'

export class Lease {
  #ttlMs = 0
  /** When the last confirmed open or renewal was sent, monotonic ms as all times here; null before there is a session. */
  #from: number | null = null
  /** Renewals on their way, on this connection only. Numbers are never used twice. */
  readonly #sent = new Map<number, number>()
  #lastNumber = 0
  /** When the last renewal or open was sent. */
  #renewedAt = 0
  #rests = false

  /** In force, as the server said; 0 before there is a session. */
  get ttlMs(): number {
    return this.#ttlMs
  }

  /** The session is open; `sent` is when the answered open went out. */
  begin(ttlMs: number, sent: number): void {
    this.#ttlMs = ttlMs
    this.#from = sent
    this.#renewedAt = sent
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
  wake(now: number): boolean {
    if (!this.#rests) return false
    this.#rests = false
    if (this.#from === null || this.#isYoung(this.#leftMs(this.#ttlMs, now))) return false
    this.#from = now
    return true
  }

  /** The number for a renewal that goes out now. */
  renew(now: number): number {
    this.#sent.set(++this.#lastNumber, now)
    this.#renewedAt = now
    return this.#lastNumber
  }

  /** False for a renewal that did not go out on this connection: it counts for nothing. */
  confirm(number: number): boolean {
    const sent = this.#sent.get(number)
    if (sent === undefined) return false
    // A wake may have been later.
    if (this.#from === null || sent > this.#from) this.#from = sent
    for (const earlier of this.#sent.keys()) if (earlier <= number) this.#sent.delete(earlier)
    return true
  }

  /** What was sent on the old connection can't be confirmed any more. */
  disconnected(): void {
    this.#sent.clear()
  }

  /** When the next renewal is due. */
  get renewAt(): number {
    return this.#renewedAt + this.#lengthMs * renewPart
  }

  /** A renewal is on its way. */
  get unconfirmed(): boolean {
    return this.#sent.size > 0
  }

  /** When the oldest unconfirmed renewal was sent; Infinity: none is on its way. */
  get unconfirmedSince(): number {
    for (const sent of this.#sent.values()) return sent
    return Number.POSITIVE_INFINITY
  }

  /** The local deadline. */
  get deadline(): number {
    return this.#from === null ? Number.POSITIVE_INFINITY : this.#from + this.#lengthMs * clientLeasePart
  }

  /**
   * S4: for how many ms what is held may still be believed in, 0 once it is over or before there is one. At
   * rest: what is acquired now.
   */
  remainingMs(now: number): number {
    const left = this.#leftMs(this.#ttlMs, now)
    if (!this.#rests || this.#isYoung(left)) return left
    return Math.min(this.#leftMs(this.#lengthMs, now), this.#ttlMs * clientLeasePart)
  }

  #leftMs(lengthMs: number, now: number): number {
    // As the deadline is worked out: rounded otherwise, it could have passed with some of the lease left.
    return this.#from === null ? 0 : Math.max(0, this.#from + lengthMs * clientLeasePart - now)
  }

  /** Whether who wakes with so much left needs no renewal first. */
  #isYoung(leftMs: number): boolean {
    return leftMs >= this.#ttlMs * (clientLeasePart - renewPart)
  }

  /** There is a lease, and its local deadline has passed. */
  expired(now: number): boolean {
    return this.#from !== null && this.remainingMs(now) === 0
  }

  /** That the machine was suspended since the last renewal, for display only; null: it was not. */
  suspendedText({ suspended }: Instant): string | null {
    if (suspended === undefined || suspended.foundAt <= (this.#from ?? 0)) return null
    const text = `the machine was suspended for ${Math.round(suspended.ms)} ms`
    return suspended.sure ? text : `${text}, or its wall clock was set forward`
  }

  get #lengthMs(): number {
    return this.#rests ? restLeaseMs(this.#ttlMs) : this.#ttlMs
  }
}
