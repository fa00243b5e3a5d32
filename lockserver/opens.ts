// Opens with a ttl that the view record does not cover yet: a reset would not wait as long as such a lease
// lasts (S4, F14). This file says which may go on; it opens no session.

import type { MessageOf } from '../wire/messages.ts'
import type { Client } from './clients.ts'
import type { InView } from './situation.ts'

export type OpenRequest = MessageOf<'clientToServer', 'open'>

interface Open {
  readonly client: Client
  readonly request: OpenRequest
  ticks: number
}

export class Opens {
  readonly #situation: InView
  readonly #deadPings: number
  #waiting: Open[] = []
  /** Those that may go on, and how many of them were taken. */
  #covered: readonly Open[] = []
  #taken = 0
  /** The longest ttl that a client has asked for. */
  #wantedTtlMs = 0

  constructor(situation: InView, deadPings: number) {
    this.#situation = situation
    this.#deadPings = deadPings
  }

  get wantedTtlMs(): number {
    return this.#wantedTtlMs
  }

  wants(ttlMs: number): void {
    this.#wantedTtlMs = Math.max(this.#wantedTtlMs, ttlMs)
  }

  /** The view record does not cover this ttl, and there is a view server that could say so. One that is too long waits for nothing. */
  mustWait(ttlMs: number): boolean {
    const { longestTtlMs, ttlMaxMs, viewServerConnected } = this.#situation
    return ttlMs > longestTtlMs && ttlMs <= ttlMaxMs && viewServerConnected
  }

  add(client: Client, request: OpenRequest): void {
    client.opening = true
    this.#waiting.push({ client, request, ticks: 0 })
  }

  tick(): void {
    for (const open of this.#waiting) open.ticks++
  }

  /** Takes out the next open that may go on. */
  take(): Open | undefined {
    if (!this.more) this.#look()
    return this.#covered[this.#taken++]
  }

  /** Some that were found to be covered are not taken yet. */
  get more(): boolean {
    return this.#taken < this.#covered.length
  }

  /** A view server that makes no records holds them up as long as a dead one. */
  #look(): void {
    const waits = (open: Open) => this.mustWait(open.request[4]) && open.ticks < this.#deadPings
    this.#covered = this.#waiting.filter(open => !waits(open))
    this.#taken = 0
    if (this.#covered.length > 0) this.#waiting = this.#waiting.filter(waits)
  }
}
