// The clients that are connected to this server, whatever its role, and which session each speaks
// for (S2). It decides only whose word still counts.

import type { Principal } from '../wire/access/principal.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Peers } from './peers.ts'
import type { Session } from './state/sessions.ts'

export interface Client {
  readonly is: 'client'
  readonly connection: number
  /** Whose quotas it takes from; null: no quota holds for it (B7). */
  readonly owner: string | null
  /** Its machine, for display only. */
  readonly remote: string
  /** Whose rules apply to what it asks (A2); null: none do. */
  principal: Principal | null
  session: Session | null
  /** Whatever still arrives is ignored: the connection has been replaced, or its session is unknown. */
  deaf: boolean
  /** One of its opens waits for the view record. */
  opening: boolean
  /** How many of its requests wait in the primary (R3). */
  parked: number
  /** How many of its queries wait for their turn. */
  queries: number
  /** What its requests have cost in this turn (B1). */
  spent: number
  /** Frames of it have arrived that are not read yet (B1). */
  unread: boolean
  /** The number of the last map that it was told with a refusal (G8). */
  map: number
  /** Its connection has closed while it had a token that ends by itself: when, by the wall clock (A3). */
  tokenEndsAt: number | null
}

interface Binding {
  readonly client: Client
  readonly count: number
}

export class Clients {
  readonly #out: ServerOutbox
  readonly #peers: Peers
  /** The one connection of each session, by ordinal. */
  readonly #bindings = new Map<number, Binding>()

  constructor(out: ServerOutbox, peers: Peers) {
    this.#out = out
    this.#peers = peers
  }

  /** Walks over all peers. */
  get size(): number {
    return [...this.#all()].length
  }

  add(connection: number, owner: string | null, remote: string, principal: Principal | null): void {
    this.#peers.set(connection, {
      is: 'client',
      connection,
      owner,
      remote,
      principal,
      session: null,
      deaf: false,
      opening: false,
      parked: 0,
      queries: 0,
      spent: 0,
      unread: false,
      map: 0,
      tokenEndsAt: null,
    })
  }

  waits(connection: number, waits: boolean): void {
    const peer = this.#peers.get(connection)
    if (peer?.is === 'client') peer.unread = waits
  }

  has(client: Client): boolean {
    return this.#peers.get(client.connection) === client
  }

  remove(client: Client): void {
    const { connection, session } = client
    this.#peers.delete(connection)
    if (session !== null && this.#bindings.get(session.ordinal)?.client === client)
      this.#bindings.delete(session.ordinal)
  }

  /** S2: only a larger count replaces; false when this connection is the older one. */
  bind(client: Client, session: Session, count: number): boolean {
    const old = this.#bindings.get(session.ordinal)
    if (old !== undefined && old.count >= count) return false
    if (old !== undefined && old.client !== client) this.#replace(old.client)
    client.session = session
    this.#bindings.set(session.ordinal, { client, count })
    return true
  }

  /** The connection that speaks for a session now. */
  of(session: Session): Client | undefined {
    return this.#bindings.get(session.ordinal)?.client
  }

  forget(session: Session): void {
    this.#bindings.delete(session.ordinal)
  }

  tellAll(message: MessageOf<'serverToClient'>): void {
    for (const { connection } of this.#all()) this.#out.send(connection, message)
  }

  /** R5: none of them is answered any more; each goes and looks for the primary. */
  closeAll(): void {
    for (const client of [...this.#all()]) {
      client.deaf = true
      this.remove(client)
      this.#out.close(client.connection, 'STEPPED_DOWN', 'this server has given up its role')
    }
  }

  *#all(): Generator<Client> {
    for (const peer of this.#peers.values()) if (peer.is === 'client') yield peer
  }

  #replace(client: Client): void {
    client.deaf = true
    this.#out.close(client.connection, 'REPLACED', 'a newer connection of this session has taken over')
  }
}
