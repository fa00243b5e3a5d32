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

  /** The view record does not cover this ttl, and there is a view server that could say so. */
  mustWait(ttlMs: number): boolean {
    const { longestTtlMs, viewServerConnected } = this.#situation
    return ttlMs > longestTtlMs && viewServerConnected
  }

  add(client: Client, request: OpenRequest): void {
    client.opening = true
    this.#waiting.push({ client, request, ticks: 0 })
  }

  tick(): void {
    for (const open of this.#waiting) open.ticks++
  }

  /** The opens that may go on. A view server that makes no records holds them up as long as a dead one. */
  covered(): Open[] {
    const waits = (open: Open) => this.mustWait(open.request[3]) && open.ticks < this.#deadPings
    const covered = this.#waiting.filter(open => !waits(open))
    if (covered.length > 0) this.#waiting = this.#waiting.filter(waits)
    return covered
  }
}
