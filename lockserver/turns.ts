// Requests of clients that this turn has no room for (B1): they wait for the next turns, in order, behind
// what other clients ask. A client with requests here is heard no further until they are done. This file
// performs none itself.

import { clientTurnCostMax, turnCostMax } from '../wire/limits.ts'
import type { SaidOn } from '../wire/runs.ts'
import type { Client } from './clients.ts'

type Request = SaidOn<'clientToServer'>

interface Waiting {
  readonly client: Client
  /** As they came, frame by frame: one that waits gets another frame without a copy of those before. */
  readonly frames: (readonly Request[])[]
  /** Of the first frame, the request that is next. */
  next: number
  /** The client's connection has ended; what it had sent before is done first. */
  closed: boolean
}

export interface TurnsOwner {
  /** Performs the request; returns what it cost. */
  request(client: Client, request: Request): number
  /** Nothing of this client waits any more. `closed`: its connection has ended in the meantime. */
  done(client: Client, closed: boolean): void
}

export class Turns {
  readonly #owner: TurnsOwner
  readonly #waiting = new Map<Client, Waiting>()
  /** Those who have spent something in this turn: a Map that is emptied each turn would be made again each turn. */
  readonly #spenders: Client[] = []
  #left = turnCostMax

  constructor(owner: TurnsOwner) {
    this.#owner = owner
  }

  /** Something waits for the next turn. */
  get more(): boolean {
    return this.#waiting.size > 0
  }

  /** This turn has room for more. */
  get room(): boolean {
    return this.#left > 0
  }

  /** Something else than a new request of a client was done in this turn, which cost so much. */
  spend(cost: number): void {
    this.#left -= cost
  }

  has(client: Client): boolean {
    return this.#waiting.has(client)
  }

  /** Performs as many of these as this turn has room for; false if some of them wait. */
  hear(client: Client, requests: readonly Request[]): boolean {
    const waiting = this.#waiting.get(client)
    if (waiting !== undefined) {
      waiting.frames.push(requests)
      return false
    }
    const next = this.#perform(client, requests, 0)
    if (next < requests.length) this.#waiting.set(client, { client, frames: [requests], next, closed: false })
    return next === requests.length
  }

  /** False if the client has something waiting, which is done first. */
  close(client: Client): boolean {
    const waiting = this.#waiting.get(client)
    if (waiting !== undefined) waiting.closed = true
    return waiting === undefined
  }

  startTurn(): void {
    this.#left = turnCostMax
    for (let client = this.#spenders.pop(); client !== undefined; client = this.#spenders.pop())
      client.spent = 0
  }

  /** Serves each waiting client in its turn; one that has something left is behind the others then. */
  goOn(): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (this.#left <= 0) return
      this.#performFrames(waiting)
      this.#waiting.delete(waiting.client)
      if (waiting.frames.length > 0) this.#waiting.set(waiting.client, waiting)
      else this.#owner.done(waiting.client, waiting.closed)
    }
  }

  #performFrames(waiting: Waiting): void {
    const { client, frames } = waiting
    for (let frame = frames[0]; frame !== undefined; frame = frames[0]) {
      waiting.next = this.#perform(client, frame, waiting.next)
      if (waiting.next < frame.length) return
      frames.shift()
      waiting.next = 0
    }
  }

  /** Returns the index of the first request that was not performed. */
  #perform(client: Client, requests: readonly Request[], from: number): number {
    if (client.spent === 0) this.#spenders.push(client)
    let { spent } = client
    let next = from
    while (next < requests.length && spent < clientTurnCostMax && this.#left > 0) {
      const cost = this.#owner.request(client, requests[next++] as Request)
      spent += cost
      this.#left -= cost
    }
    client.spent = spent
    return next
  }
}
