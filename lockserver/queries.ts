// Queries that wait for their turn: in their client's order as long as that is cheap, then one a turn, so
// that no frame full of them stops everything else (F13), and of each owner in its turn, so that none keeps the
// others waiting (B7). Those who ask for the same get it together. It reads the state, and answers no client itself.

import { readable } from '../wire/access/principal.ts'
import {
  queriedInPlaceMax,
  queriesAtOnce,
  queriesPerOwnerMax,
  queriesWaitingMax,
  queryMax,
  queryPartMax,
} from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import { listClients } from './client-list.ts'
import type { Client } from './clients.ts'
import { Listings } from './listings.ts'
import { answerOf, type Listing, lookOf } from './query.ts'
import type { InView } from './situation.ts'
import type { State } from './state/state.ts'
import { Telling } from './telling.ts'
import type { Times } from './times.ts'
import type { Scope } from './walk.ts'

/** For locks, or for sessions: the fields in front are alike. */
export type QueryRequest = MessageOf<'clientToServer', 'query' | 'clients' | 'look'>
type Answer = MessageOf<'serverToClient', 'locks' | 'clients' | 'looked'>
/** What is said of a copy that is looked at (G7). */
export type CopyAge = Pick<MessageOf<'serverToClient', 'looked'>[2], 'asOfMs' | 'onDisk'>

export interface Query {
  readonly client: Client
  readonly request: QueryRequest
}

/** What of one owner waits; apart, since only what is confirmed waits for the backup. */
interface Waiting {
  confirmed: Query[]
  others: Query[]
}

export class Queries {
  readonly #state: State
  readonly #listings: Listings
  /** By owner; the one that was answered last comes last. */
  readonly #waiting = new Map<string | null, Waiting>()
  /** Answers that wait for the backup. */
  #answering = 0
  /** B4: answers that are not with their sockets yet. */
  readonly #telling = new Telling()
  /** B1: the next one, whose locks are looked for. */
  #begun: Query | undefined
  /** About how many locks and waiters this turn's queries have looked at. */
  #looked = 0

  constructor(state: State, times: Times, situation: Pick<InView, 'now'>) {
    this.#state = state
    this.#listings = new Listings(state, times, situation)
  }

  /** Whether the next query may be answered in this turn, in its place among its client's requests. */
  cheap(request: QueryRequest): boolean {
    const few = this.#looked + this.#sizeFor(request) <= queriedInPlaceMax
    return few && !this.#isWaiting && this.#answering < queriesAtOnce && this.#mayTell
  }

  /** How much it looks at. */
  #sizeFor([kind]: QueryRequest): number {
    return kind === 'clients' ? this.#state.sessions.size : this.#state.table.locks.size
  }

  /** Another query could be answered in the next turn. */
  get more(): boolean {
    return this.#isWaiting && this.#answering < queriesAtOnce && this.#mayTell
  }

  get #isWaiting(): boolean {
    return this.#waiting.size > 0 || this.#begun !== undefined
  }

  get #mayTell(): boolean {
    return this.#telling.busy < queriesAtOnce
  }

  /** Why the client's connection must end: far too many of it, or of its owner, wait. */
  add(client: Client, request: QueryRequest): 'too many' | 'too many of its owner' | undefined {
    if (++client.queries > queriesWaitingMax) return 'too many'
    const waiting = this.#waiting.get(client.owner) ?? { confirmed: [], others: [] }
    const { length } = waiting.confirmed
    if (client.owner !== null && length + waiting.others.length >= queriesPerOwnerMax)
      return 'too many of its owner'
    ;(isConfirmed(request) ? waiting.confirmed : waiting.others).push({ client, request })
    this.#waiting.set(client.owner, waiting)
    return undefined
  }

  /** A new turn: the count of this turn's looks begins at zero. */
  startTurn(): void {
    this.#looked = 0
  }

  /** The next query, and those for the same prefix that come next, as many as one turn may answer. */
  take(wall: number): Query[] {
    if (!this.#mayTell) return []
    const first = this.#begun ?? this.#first()
    this.#begun = undefined
    if (first === undefined) return []
    if (first.request[0] !== 'clients' && !this.#listings.find(scopeOf(first), wall)) {
      this.#begun = first
      return []
    }
    const taken = first.request[0] === 'clients' ? [first] : this.#together(first, wall)
    for (const { client } of taken) client.queries--
    this.#forgetEmpty()
    return taken
  }

  #together(first: Query, wall: number): Query[] {
    const prefix = first.request[2]
    const { principal } = first.client
    const { size } = this.#listings.of(scopeOf(first), wall)
    const taken = [first]
    for (const waiting of [...this.#waiting.values()])
      for (const queries of [waiting.confirmed, waiting.others])
        while ((taken.length + 1) * size <= queryMax && taken.length < queriesWaitingMax) {
          const next = queries[0]
          if (next === undefined || next.request[0] === 'clients' || next.request[2] !== prefix) break
          if (next.client.principal !== principal) break
          taken.push(next)
          queries.shift()
        }
    return taken
  }

  /** One that needs no confirmation does not wait behind those that the backup holds up. */
  #first(): Query | undefined {
    const mayConfirm = this.#answering < queriesAtOnce
    for (const [owner, waiting] of this.#waiting) {
      const query = (mayConfirm ? waiting.confirmed.shift() : undefined) ?? waiting.others.shift()
      if (query === undefined) continue
      this.#waiting.delete(owner)
      this.#waiting.set(owner, waiting)
      return query
    }
    return undefined
  }

  #forgetEmpty(): void {
    for (const [owner, { confirmed, others }] of this.#waiting)
      if (confirmed.length + others.length === 0) this.#waiting.delete(owner)
  }

  /** The parts of the answer. `sure`: the answer is shown when R1 holds for it; `age`: of what is only looked at. */
  answer({ client, request }: Query, sure: boolean, age: CopyAge | null, wall: number): Answer[] {
    if (isConfirmed(request)) this.#answering++
    if (request[0] === 'clients') return [this.#clients(client, request, sure, wall)]
    const [kind, number] = request
    const listing = this.#listing({ client, request }, wall)
    return kind === 'look' && age !== null ? lookOf(listing, number, age) : answerOf(listing, number, sure)
  }

  #clients(
    { principal }: Client,
    request: MessageOf<'clientToServer', 'clients'>,
    confirmed: boolean,
    wall: number,
  ): MessageOf<'serverToClient', 'clients'> {
    const [, number, who, , after] = request
    const { clients, next } = listClients(this.#state, { who, after, principal }, wall)
    this.#looked += this.#sizeFor(request) + clients.length
    return ['clients', number, { next, confirmed }, clients]
  }

  #listing(query: Query, wall: number): Listing {
    const scope = scopeOf(query)
    const known = this.#listings.known(scope, wall)
    const listing = known ?? this.#listings.of(scope, wall)
    if (known === undefined) this.#looked += this.#state.table.locks.size
    this.#looked += listing.parts.length * queryPartMax
    return listing
  }

  /** The backup has confirmed it; it goes to its socket now. */
  answered(): void {
    this.#answering--
    this.#telling.begins()
  }

  /** It goes to its socket without a confirmation. */
  tells(): void {
    this.#telling.begins()
  }

  told(connection: number): void {
    this.#telling.ends(connection)
  }

  /** The client must read first: others are told meanwhile. Returns the connection that must end; null: none. */
  stuck(connection: number): number | null {
    return this.#telling.stuck(connection)
  }

  /** None of those that wait will be answered here. */
  takeAll(): Query[] {
    const behind = [...this.#waiting.values()].flatMap(({ confirmed, others }) => [...confirmed, ...others])
    const all = this.#begun === undefined ? behind : [this.#begun, ...behind]
    this.#letGo()
    for (const { client } of all) client.queries = 0
    this.#waiting.clear()
    return all
  }

  #letGo(): void {
    this.#begun = undefined
    this.#listings.stopLooking()
  }

  tick(wall: number): void {
    this.#listings.sweep(wall)
  }

  gone(client: Client): void {
    const waiting = client.queries > 0 ? this.#waiting.get(client.owner) : undefined
    if (this.#begun?.client === client) this.#letGo()
    client.queries = 0
    if (waiting === undefined) return
    waiting.confirmed = waiting.confirmed.filter(query => query.client !== client)
    waiting.others = waiting.others.filter(query => query.client !== client)
    this.#forgetEmpty()
  }
}

/** A2 */
function scopeOf({ client: { principal }, request: [, , prefix] }: Query): Scope {
  return { prefix, only: readable(principal, prefix) }
}

function isConfirmed(request: QueryRequest): boolean {
  return request[0] !== 'look' && request[3]
}
