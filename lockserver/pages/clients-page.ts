// A page of the sessions, for display only: who has them and what each holds and waits for. This file only reads, and
// walks over the sessions a piece in each turn of the event loop (B5): they may change between two pieces.

import { clientNameLengthMax, clientsPartMax } from '../../wire/limits.ts'
import { BadQuery } from '../../wire/serving/http.ts'
import { type ClientsAsked, type ClientsPage, clientsPage, isMeant, type Shows } from '../client-list.ts'
import type { State } from '../state/state.ts'
import { whole } from './whole.ts'

export interface ClientsQuery extends ClientsAsked {
  readonly limit: number
}

export interface ClientsTable extends ClientsPage {
  /** All sessions, and those that were asked for, on this page and behind it. */
  readonly total: number
  readonly matching: number
}

/** Sessions that are looked at in one turn: a fraction of a millisecond. */
const sessionsPerTurn = 2_000

export function clientsQuery(query: URLSearchParams): ClientsQuery {
  const who = query.get('who') ?? ''
  if (who.length > clientNameLengthMax)
    throw new BadQuery(`who must have at most ${clientNameLengthMax} characters`)
  return {
    who,
    after: whole(query, 'after', 0, Number.MAX_SAFE_INTEGER),
    limit: whole(query, 'limit', clientsPartMax, clientsPartMax),
  }
}

export async function clientsTable(
  state: State,
  { limit, ...asked }: ClientsQuery,
  shows: Shows,
  nextTurn: () => Promise<void>,
): Promise<ClientsTable> {
  const ordinals: number[] = []
  let seen = 0
  for (const session of state.sessions.values()) {
    if (++seen % sessionsPerTurn === 0) await nextTurn()
    if (isMeant(session, asked)) ordinals.push(session.ordinal)
  }
  const page = clientsPage(state, ordinals, asked.who !== '', shows, limit)
  // A2: sessions that may not be seen are not counted either.
  const total = asked.principal == null ? state.sessions.size : ordinals.length
  return { total, matching: ordinals.length, ...page }
}
