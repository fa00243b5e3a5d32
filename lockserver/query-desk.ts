// Answers what clients ask about the locks and sessions that there are, and changes nothing: at a primary confirmed
// (R1) or as it believes, and from any copy with its age (G7). Who may read what, and how much one turn makes, is
// decided here; what is held back for the backup's word is its owner's.

import { type Principal, readable, type Verb } from '../wire/access/principal.ts'
import type { ErrorCode } from '../wire/errors.ts'
import { queriesPerOwnerMax } from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { Client } from './clients.ts'
import type { ServerOutbox } from './outbox.ts'
import { type CopyAge, Queries, type Query, type QueryRequest } from './queries.ts'
import type { InView } from './situation.ts'
import { notAllowedText } from './state/refusals.ts'
import type { State } from './state/state.ts'
import type { Times } from './times.ts'

/** What has the desk: a primary, or a backup with a whole copy. */
export interface DeskOwner {
  /** How old what it shows may be; null: it shows what may never become true (G7). */
  readonly age: CopyAge | null
  /** No other server can have become the primary in the meantime (R1). */
  readonly isSure: boolean
  speaks(client: Client): boolean
  /** R1: shown once the backup has said so. */
  show(client: Client, parts: readonly MessageOf<'serverToClient'>[]): void
  /** R1: likewise; it is the whole answer. */
  answer(client: Client, message: MessageOf<'serverToClient'>): void
  refused(client: Client, denied: { readonly verb: Verb; readonly lock: string }): void
  close(client: Client, code: 'UNEXPECTED_MESSAGE' | 'TOO_MANY_CONNECTIONS', text: string): void
}

const doubtfulText = 'this server may have been replaced: its backup confirms nothing of what it has decided'

export class QueryDesk {
  readonly #out: ServerOutbox
  readonly #queries: Queries
  readonly #situation: Pick<InView, 'now'>
  readonly #owner: DeskOwner

  constructor(
    out: ServerOutbox,
    copy: { readonly state: State; readonly times: Times },
    situation: Pick<InView, 'now'>,
    owner: DeskOwner,
  ) {
    this.#out = out
    this.#queries = new Queries(copy.state, copy.times, situation)
    this.#situation = situation
    this.#owner = owner
  }

  ask(client: Client, request: QueryRequest): void {
    this.#out.count({ is: 'query' })
    const denied = client.principal === null ? undefined : unreadable(client.principal, request)
    if (denied !== undefined) this.#notRead(client, request, denied)
    else if (this.#queries.cheap(request)) this.#list({ client, request })
    else this.#queue(client, request)
  }

  /** A2 */
  #notRead(client: Client, request: QueryRequest, prefix: string): void {
    this.#owner.refused(client, { verb: 'read', lock: prefix })
    const text = notAllowedText(client.principal?.name ?? '', 'read', prefix)
    const refusal = refusalOf(request, 'NOT_ALLOWED', text)
    if (request[0] === 'look') this.#out.send(client.connection, refusal)
    else this.#owner.answer(client, refusal)
  }

  #queue(client: Client, request: QueryRequest): void {
    const problem = this.#queries.add(client, request)
    if (problem === undefined) return
    if (problem === 'too many')
      return this.#owner.close(client, 'UNEXPECTED_MESSAGE', 'far too many queries at a time')
    this.#out.count({ is: 'over quota', quota: 'queries' })
    const text = `${queriesPerOwnerMax} queries of ${client.owner} wait already; ask again when some are answered`
    this.#owner.close(client, 'TOO_MANY_CONNECTIONS', text)
  }

  /** A new turn: some of what waits is answered. */
  turn(): void {
    this.#queries.startTurn()
    for (const query of this.#queries.take(this.#situation.now.wall))
      if (this.#owner.speaks(query.client)) this.#list(query)
    this.#goOn()
  }

  #list({ client, request }: Query): void {
    const confirmed = request[0] !== 'look' && request[3]
    const { age, isSure } = this.#owner
    const sure = confirmed || isSure
    if (age === null && request[0] === 'look')
      return this.#out.send(client.connection, refusalOf(request, 'NO_COPY', doubtfulText))
    const parts = this.#queries.answer({ client, request }, sure, age, this.#situation.now.wall)
    if (confirmed) return this.#owner.show(client, parts)
    for (const part of parts) this.#out.send(client.connection, part)
    this.#queries.tells()
    this.#out.do({ do: 'tell sent', connection: client.connection })
  }

  /** R1: the answer of a confirmed query may go. */
  answered({ connection }: Client): void {
    this.#queries.answered()
    this.#out.do({ do: 'tell sent', connection })
  }

  /** B4: a query's answer is with the socket, so the next may be made. */
  sent(connection: number): void {
    this.#queries.told(connection)
    this.#goOn()
  }

  /** B4: its client must read first. Returns whose connection must end, since far too much waits so; null: none. */
  stuck(connection: number): number | null {
    const slowest = this.#queries.stuck(connection)
    this.#goOn()
    return slowest
  }

  #goOn(): void {
    if (this.#queries.more) this.#out.do({ do: 'continue' })
  }

  tick(): void {
    this.#queries.tick(this.#situation.now.wall)
  }

  gone(client: Client): void {
    this.#queries.gone(client)
  }

  /** G7: there is no such copy here any more: those that wait ask another server. */
  end(): void {
    for (const { client, request } of this.#queries.takeAll())
      if (this.#owner.speaks(client))
        this.#out.send(client.connection, refusalOf(request, 'NO_COPY', 'this server has another part now'))
  }
}

/** A2: nothing of what is asked for may be read. A list of sessions has one's own, whatever the rules are. */
function unreadable(principal: Principal, request: QueryRequest): string | undefined {
  if (request[0] === 'clients') return undefined
  return readable(principal, request[2])?.length === 0 ? request[2] : undefined
}

export function refusalOf(
  request: QueryRequest,
  code: ErrorCode,
  text: string,
): MessageOf<'serverToClient', 'query-refused'> {
  return ['query-refused', request[1], code, text]
}
