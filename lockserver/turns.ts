// Requests of clients that this turn has no room for (B1): they wait for the next turns, in order, behind
// what other clients ask. A client with requests here is heard no further until they are done. This file
// performs none itself.

import { clientTurnCostMax, turnCostMax } from '../wire/limits.ts'
import { type SaidOn, unfolded } from '../wire/runs.ts'
import type { Client } from './clients.ts'

type Request = SaidOn<'clientToServer'>

/** As it came, and which of its requests is next. */
interface Frame {
  requests: readonly Request[]
  next: number
}

interface Waiting {
  readonly client: Client
  /** One that waits gets another frame without a copy of those before. */
  readonly frames: Frame[]
  /** The client's connection has ended; what it had sent before is done first. */
  closed: boolean
}

export interface TurnsOwner {
  /** Performs the request; returns what it cost. Null: it is a run whose messages may cost too much together. */
  request(client: Client, request: Request): number | null
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
    const frame = { requests, next: 0 }
    const waiting = this.#waiting.get(client)
    if (waiting !== undefined) {
      waiting.frames.push(frame)
      return false
    }
    const isDone = this.#perform(client, frame)
    if (!isDone) this.#waiting.set(client, { client, frames: [frame], closed: false })
    return isDone
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

  #performFrames({ client, frames }: Waiting): void {
    for (let frame = frames[0]; frame !== undefined && this.#perform(client, frame); frame = frames[0])
      frames.shift()
  }

  /** False: some of it waits. */
  #perform(client: Client, frame: Frame): boolean {
    if (client.spent === 0) this.#spenders.push(client)
    let { spent } = client
    while (frame.next < frame.requests.length && spent < clientTurnCostMax && this.#left > 0) {
      const request = frame.requests[frame.next++] as Request
      const cost = this.#owner.request(client, request)
      if (cost === null) divide(frame)
      else {
        spent += cost
        this.#left -= cost
      }
    }
    client.spent = spent
    return frame.next === frame.requests.length
  }
}

/** The run that was just tried comes message by message, and so does all behind it: a frame is copied once at most. */
function divide(frame: Frame): void {
  frame.requests = unfolded<'clientToServer'>(frame.requests.slice(frame.next - 1))
  frame.next = 0
}
