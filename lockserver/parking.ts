// Requests that wait in a primary: for a joining backup to catch up (R3), or while it leaves. They are kept
// in the order in which they came; it does none of them.

import type { ClientRequest } from '../wire/messages.ts'
import type { Client } from './clients.ts'

export interface Parked {
  readonly client: Client
  readonly request: ClientRequest
}

export class Parking {
  #parked: Parked[] = []

  get size(): number {
    return this.#parked.length
  }

  add(client: Client, request: ClientRequest): void {
    client.parked++
    this.#parked.push({ client, request })
  }

  at(place: number): Parked {
    return this.#parked[place] as Parked
  }

  /** The first ones don't wait any more. */
  drop(count: number): void {
    if (count > 0) for (const { client } of this.#parked.splice(0, count)) client.parked--
  }

  gone(client: Client): void {
    if (client.parked > 0) this.#parked = this.#parked.filter(parked => parked.client !== client)
  }
}
