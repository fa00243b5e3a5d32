// Which connections of a session have been silent for too long: when each is to be asked for a sign of life, and when it
// is given up. What a connection is for, its route says.

import type { Instant } from '../../wire/clock.ts'
import { helloWithinMs, keepAliveMs } from '../../wire/limits.ts'
import type { ClientEffect } from './effects.ts'
import type { Link } from './link.ts'

/** The session is on it; it may lead to the primary; the next view would be heard on it; its silence keeps us from nothing. */
export type Use = 'session' | 'search' | 'watch' | 'spare'

export class Silence {
  readonly #quietMs: number
  readonly #watchQuietMs: number
  /** Since when the server that the session is on owes something; Infinity: its silence says nothing. */
  #owedSince = Number.POSITIVE_INFINITY
  #echoes = 0

  constructor(ttlMs: number) {
    this.#quietMs = Math.min(ttlMs / 4, 1_000)
    this.#watchQuietMs = Math.min(Math.max(this.#quietMs, ttlMs / 4), keepAliveMs)
  }

  /** How long nothing may come before we ask; twice that, and the connection is given up. */
  get quietMs(): number {
    return this.#quietMs
  }

  get owed(): boolean {
    return this.#owedSince !== Number.POSITIVE_INFINITY
  }

  owe(owed: boolean, now: Instant): void {
    if (!owed) this.#owedSince = Number.POSITIVE_INFINITY
    else if (!this.owed) this.#owedSince = now.monotonic
  }

  ask(link: Link, now: Instant, out: ClientEffect[]): void {
    link.echoAt = now.monotonic
    if (link.kind !== null)
      out.push({ do: 'send', connection: link.number, message: ['echo', ++this.#echoes] })
  }

  /** When a connection has been silent for too long: to be asked, or, once asked, to be given up. */
  endsAt(link: Link, use: Use): number {
    const { heardAt, echoAt } = link
    if (link.waits) return Number.POSITIVE_INFINITY
    const quiet = use === 'watch' || use === 'spare' ? this.#watchQuietMs : this.#quietMs
    if (echoAt !== null) return echoAt + quiet
    if (link.kind === null) return heardAt + Math.min(2 * quiet, helloWithinMs)
    if (use === 'spare' || (use === 'session' && !this.owed)) return heardAt + keepAliveMs
    return (use === 'session' ? Math.max(heardAt, this.#owedSince) : heardAt) + quiet
  }
}
