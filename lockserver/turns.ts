// What clients have sent and this turn has no room for (B1): it waits for the next turns, in order, behind what
// others ask. A client that has something waiting here is heard no further until it is done. It performs nothing.

import { clientTurnCostMax, turnCostMax } from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { Client } from './clients.ts'

type Request = MessageOf<'clientToServer'>

interface Waiting {
  readonly client: Client
  requests: readonly Request[]
  next: number
  /** Its connection has ended; what it had sent before is done first. */
  closed: boolean
}

export interface TurnsOwner {
  /** Does it; what it cost. */
  request(client: Client, request: Request): number
  /** Nothing of it waits any more. `closed`: its connection has ended meanwhile. */
  done(client: Client, closed: boolean): void
}

export class Turns {
  readonly #owner: TurnsOwner
  readonly #waiting = new Map<Client, Waiting>()
  /** What was spent in this turn, by those who have asked in it. */
  readonly #spent = new Map<Client, number>()
  #left = turnCostMax

  constructor(owner: TurnsOwner) {
    this.#owner = owner
  }

  /** Something waits for the next turn. */
  get more(): boolean {
    return this.#waiting.size > 0
  }

  has(client: Client): boolean {
    return this.#waiting.has(client)
  }

  /** Does of it what this turn has room for; false if some of it waits. */
  hear(client: Client, requests: readonly Request[]): boolean {
    const waiting = this.#waiting.get(client)
    if (waiting !== undefined) {
      waiting.requests = [...waiting.requests.slice(waiting.next), ...requests]
      waiting.next = 0
      return false
    }
    const next = this.#perform(client, requests, 0)
    if (next < requests.length) this.#waiting.set(client, { client, requests, next, closed: false })
    return next === requests.length
  }

  /** False if it has something waiting, which is done first. */
  close(client: Client): boolean {
    const waiting = this.#waiting.get(client)
    if (waiting !== undefined) waiting.closed = true
    return waiting === undefined
  }

  startTurn(): void {
    this.#left = turnCostMax
    if (this.#spent.size > 0) this.#spent.clear()
  }

  /** Each that waits in its turn; who has still something left is behind the others then. */
  goOn(): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (this.#left <= 0) return
      const { client, requests } = waiting
      waiting.next = this.#perform(client, requests, waiting.next)
      this.#waiting.delete(client)
      if (waiting.next < requests.length) this.#waiting.set(client, waiting)
      else this.#owner.done(client, waiting.closed)
    }
  }

  /** Up to which of them it came. */
  #perform(client: Client, requests: readonly Request[], from: number): number {
    let spent = this.#spent.get(client) ?? 0
    let next = from
    while (next < requests.length && spent < clientTurnCostMax && this.#left > 0) {
      const cost = this.#owner.request(client, requests[next++] as Request)
      spent += cost
      this.#left -= cost
    }
    this.#spent.set(client, spent)
    return next
  }
}
