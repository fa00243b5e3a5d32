// What a lock server does with its clients whatever its role: it answers what any server answers, hands all else to
// the primary, and closes connections that have no place here. In which turn, turns.ts says (B1).

import { allows } from '../wire/access/principal.ts'
import { type ConnectionInput, tokenEndText } from '../wire/effects.ts'
import { type ErrorCode, errors } from '../wire/errors.ts'
import type { MessageOf } from '../wire/messages.ts'
import { inMessages, lengthOf, type SaidOn } from '../wire/runs.ts'
import type { Client, Clients } from './clients.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Peers } from './peers.ts'
import type { CoreParts, Roles } from './roles.ts'
import type { SelfReport } from './self-report.ts'

type RightsChanged = Extract<ConnectionInput, { is: 'rights changed' }>

/** B1: a name costs as much as a message, and so does each message of a run. */
function costOf(request: SaidOn<'clientToServer'>): number {
  return request[0] === 'acquire' ? request[2].length : lengthOf(request, inMessages)
}

export class Reception {
  readonly #out: ServerOutbox
  readonly #peers: Peers
  readonly #clients: Clients
  readonly #roles: Roles
  readonly #report: SelfReport

  constructor({ out, peers, clients }: CoreParts, roles: Roles, report: SelfReport) {
    this.#out = out
    this.#peers = peers
    this.#clients = clients
    this.#roles = roles
    this.#report = report
  }

  /** All that waited of this client is done. */
  done(client: Client, closed: boolean): void {
    if (closed) this.gone(client)
    else if (this.#peers.get(client.connection) === client)
      this.#out.do({ do: 'pause', connection: client.connection, paused: false })
  }

  gone(client: Client): void {
    this.#roles.primary?.gone(client)
    this.#roles.backup?.shown?.gone(client)
    this.#clients.remove(client)
  }

  /** Returns what the message cost (B1); null: its messages must come one by one. */
  request(client: Client, request: SaidOn<'clientToServer'>): number | null {
    if (this.#roles.over || client.deaf) return 1
    const isDone = this.#request(client, request)
    return isDone ? costOf(request) + (this.#roles.primary?.takeCost() ?? 0) : null
  }

  #request(client: Client, request: SaidOn<'clientToServer'>): boolean {
    const { primary } = this.#roles
    if (request[0] === 'testify') this.#testify(client, request[1])
    else if (request[0] === 'token') this.#strayToken(client)
    else if (primary !== null) return primary.request(client, request)
    else this.#elsewhere(client, request)
    return true
  }

  /** A server that is not primary answers only that it is not (R1). */
  #elsewhere(client: Client, request: SaidOn<'clientToServer'>): void {
    if (request[0] === 'echo') return this.#out.send(client.connection, ['echoed', request[1]])
    if (request[0] === 'look') return this.#look(client, request)
    client.deaf = true
    this.#clients.remove(client)
    this.#out.close(client.connection, 'NOT_PRIMARY', `this server is ${this.#roles.role}`)
  }

  /** G7: from a whole copy of the view that is in force here, and no other. */
  #look(client: Client, request: MessageOf<'clientToServer', 'look'>): void {
    const shown = this.#roles.backup?.shown ?? null
    if (shown !== null) return shown.look(client, request)
    const text = `this server is ${this.#roles.role} and has no whole copy of the locks`
    this.#out.send(client.connection, ['query-refused', request[1], 'NO_COPY', text])
  }

  /** A3: the others never come so far. */
  #strayToken(client: Client): void {
    client.deaf = true
    this.gone(client)
    this.#out.close(client.connection, 'UNEXPECTED_MESSAGE', 'a token must come alone in its frame')
  }

  /** E7: an operator's question (A2), which any server answers, whatever its role. */
  #testify({ connection, principal }: Client, number: number): void {
    const text = `the principal ${principal?.name} may not operate`
    const may = allows(principal, 'operate', null)
    this.#out.send(
      connection,
      may ? ['testimony', number, this.#report.testimony] : ['query-refused', number, 'NOT_ALLOWED', text],
    )
  }

  /** A3 */
  rightsChanged({ connection, principal, why }: RightsChanged): void {
    const client = this.#peers.get(connection)
    if (client?.is !== 'client') return
    if (principal !== null) {
      client.principal = principal
      return this.#roles.primary?.rightsChanged(client)
    }
    this.#roles.primary?.revoked(client, why)
    this.#turnOut(client, 'TOKEN_ENDED', tokenEndText(why))
  }

  /** B4: an answer waits until this client has read what was sent before. */
  stuck(connection: number): void {
    const desk = this.#roles.primary?.desk ?? this.#roles.backup?.shown?.desk
    const slowest = this.#peers.get(desk?.stuck(connection) ?? 0)
    if (slowest?.is === 'client') this.#turnOut(slowest, 'SLOW_READER', errors.SLOW_READER.meaning)
  }

  #turnOut(client: Client, code: ErrorCode, text: string): void {
    client.deaf = true
    this.gone(client)
    this.#out.close(client.connection, code, text)
  }
}
