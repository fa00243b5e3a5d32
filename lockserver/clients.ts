// The clients that are connected to this server, whatever its role, and which session each speaks
// for (S2). It decides only whose word still counts.

import type { Message } from '../wire/messages.ts'
import type { Outbox } from './outbox.ts'
import type { Session } from './sessions.ts'

export interface Client {
  readonly connection: number
  session: Session | null
  /** Nothing that still arrives is heard: it has been replaced, or its session is unknown. */
  deaf: boolean
  /** An open of it waits for the view record. */
  opening: boolean
  /** Requests of it that wait in the primary (R3). */
  parked: number
  /** Queries of it that wait for their turn. */
  queries: number
}

interface Binding {
  readonly client: Client
  readonly count: number
}

export class Clients {
  readonly #out: Outbox
  readonly #clients = new Map<number, Client>()
  /** The one connection of each session, by ordinal. */
  readonly #bindings = new Map<number, Binding>()

  constructor(out: Outbox) {
    this.#out = out
  }

  get size(): number {
    return this.#clients.size
  }

  add(connection: number): void {
    this.#clients.set(connection, {
      connection,
      session: null,
      deaf: false,
      opening: false,
      parked: 0,
      queries: 0,
    })
  }

  get(connection: number): Client | undefined {
    return this.#clients.get(connection)
  }

  remove(connection: number): void {
    const client = this.#clients.get(connection)
    this.#clients.delete(connection)
    const ordinal = client?.session?.ordinal
    if (ordinal !== undefined && this.#bindings.get(ordinal)?.client === client)
      this.#bindings.delete(ordinal)
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

  tellAll(message: Message): void {
    for (const connection of this.#clients.keys()) this.#out.send(connection, message)
  }

  #replace(client: Client): void {
    client.deaf = true
    this.#clients.delete(client.connection)
    this.#out.close(client.connection, 'REPLACED', 'a newer connection of this session has taken over')
  }
}
