// Requests that wait in a primary: for a joining backup to catch up (R3), or while it leaves. They are kept
// in the order in which they came; this file performs none of them.

import type { MessageOf } from '../wire/messages.ts'
import type { Client } from './clients.ts'

export interface Parked {
  readonly client: Client
  readonly request: MessageOf<'clientToServer'>
}

export class Parking {
  #parked: Parked[] = []
  /** How many of them were taken; they are dropped now and then. */
  #taken = 0

  get size(): number {
    return this.#parked.length - this.#taken
  }

  add(client: Client, request: MessageOf<'clientToServer'>): void {
    client.parked++
    this.#parked.push({ client, request })
  }

  /** Takes out the first one; there must be one. Performing it may let others go. */
  take(): Parked {
    const parked = this.#parked[this.#taken] as Parked
    parked.client.parked--
    this.#taken++
    if (2 * this.#taken >= this.#parked.length) this.#dropTaken()
    return parked
  }

  gone(client: Client): void {
    if (client.parked === 0) return
    this.#dropTaken()
    this.#parked = this.#parked.filter(parked => parked.client !== client)
    client.parked = 0
  }

  #dropTaken(): void {
    this.#parked = this.#parked.slice(this.#taken)
    this.#taken = 0
  }
}
