// Queries that wait for their turn: in their client's order as long as that is cheap, then one a turn, so
// that no frame full of them stops everything else (F13). It reads the state, and answers no client itself.

import { queriedInPlaceMax, queriesAtOnce, queriesWaitingMax, queryPartMax } from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { Client } from './clients.ts'
import { answerQuery } from './query.ts'
import type { State } from './state/state.ts'

export type QueryRequest = MessageOf<'clientToServer', 'query'>

export interface Query {
  readonly client: Client
  readonly request: QueryRequest
}

export class Queries {
  readonly #state: State
  #waiting: Query[] = []
  /** Answers that wait for the backup. */
  #answering = 0
  /** About how many locks and waiters this turn's queries have looked at. */
  #looked = 0

  constructor(state: State) {
    this.#state = state
  }

  /** Whether the next query may be answered in this turn, in its place among its client's requests. */
  get cheap(): boolean {
    const few = this.#looked + this.#state.table.locks.size <= queriedInPlaceMax
    return few && this.#waiting.length === 0 && this.#answering < queriesAtOnce
  }

  /** Another query could be answered in the next turn. */
  get more(): boolean {
    return this.#waiting.length > 0 && this.#answering < queriesAtOnce
  }

  /** False if far too many of this client wait. */
  add(client: Client, request: QueryRequest): boolean {
    if (++client.queries > queriesWaitingMax) return false
    this.#waiting.push({ client, request })
    return true
  }

  /** A new turn: the count of this turn's looks begins at zero. */
  startTurn(): void {
    this.#looked = 0
  }

  /** The next query; one that needs no confirmation does not wait behind those that the backup holds up. */
  take(): Query | undefined {
    const confirmed = this.#answering < queriesAtOnce
    const next = confirmed ? 0 : this.#waiting.findIndex(({ request }) => !request[3])
    const [query] = next < 0 ? [] : this.#waiting.splice(next, 1)
    if (query !== undefined) query.client.queries--
    return query
  }

  /** The parts of the answer. `sure`: the answer is shown when R1 holds for it. */
  answer(
    [, number, prefix, confirmed]: QueryRequest,
    sure: boolean,
    wall: number,
  ): MessageOf<'serverToClient', 'locks'>[] {
    const parts = answerQuery(this.#state, prefix, number, sure, wall)
    this.#looked += this.#state.table.locks.size + parts.length * queryPartMax
    if (confirmed) this.#answering++
    return parts
  }

  answered(): void {
    this.#answering--
  }

  gone(client: Client): void {
    if (client.queries > 0) this.#waiting = this.#waiting.filter(query => query.client !== client)
    client.queries = 0
  }
}
