// Who has a session, as a program sees it: the types of the list, and how its pages are put together. It asks no
// server itself.

import type { Mode, ShownTerms } from '../wire/messages.ts'
import type { ClientsAnswer } from './session/effects.ts'

/** One session, and whose it is. What its client says of itself is for people, and no proof. */
export interface ListedClient {
  /** The public id of the session, as all lists show it. */
  readonly clientId: string
  /** As given to `connect`. */
  readonly clientName: string
  /** The machine's name and the process, as the client says; null for a page. */
  readonly host: string | null
  readonly pid: number | null
  /** Of the client's package. */
  readonly version: string
  /** The address that it connected from when the session was opened, as the servers saw it. */
  readonly address: string
  /** How long the session has been open, in ms. */
  readonly openMs: number
  readonly ttlMs: number
  /** How many locks it holds, and how many of its acquires wait. */
  readonly held: number
  readonly waiting: number
  /** Null unless a client was named. */
  readonly locks: ListedLocks | null
}

export interface ListedLocks {
  readonly held: readonly {
    readonly name: string
    readonly mode: Mode
    readonly token: number
    /** In ms. */
    readonly heldMs: number
    /** As of a `HeldLock`. */
    readonly terms: ShownTerms
  }[]
  readonly pending: readonly {
    readonly name: string
    readonly mode: Mode
    readonly waitedMs: number
    readonly terms: ShownTerms
  }[]
  /** True: there are more than one answer holds. */
  readonly cut: boolean
}

export interface ClientList {
  /** In the order in which their sessions were opened. */
  readonly clients: readonly ListedClient[]
  /** False: the primary could not make sure that it still is the primary. */
  readonly confirmed: boolean
  /** Groups that have not answered in time. Absent if all have. */
  readonly missing?: readonly number[]
}

/** Each page is asked for after the one before: `ask` gets where it begins. */
export async function allPages(ask: (after: number) => Promise<ClientsAnswer>): Promise<ClientList> {
  const clients: ListedClient[] = []
  let sure = true
  for (let after: number | null = 0; after !== null; ) {
    const page: ClientsAnswer = await ask(after)
    for (const client of page.clients) clients.push(client)
    sure &&= page.confirmed
    after = page.next
  }
  return { clients, confirmed: sure }
}
