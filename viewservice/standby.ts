// What a view server says while it is not the active one (E5): it welcomes all, tells them the views of the
// record that it follows, and passes operators' questions on to the active one. It decides no view. A lock
// server that knows a later view than the record makes it read the store again.

import { type ConnectionInput, tokenEndText } from '../wire/effects.ts'
import { asksPerTurnMax, ttlMsDefault, ttlMsMax } from '../wire/limits.ts'
import type {
  GroupStatus,
  MessageOf,
  Ping,
  Server,
  ServerStatus,
  SlotMap,
  Status,
  View,
} from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import { isForClients } from '../wire/slots.ts'
import type { Told } from './group.ts'
import {
  type GroupRecord,
  groupsIn,
  lastViewOf,
  mapIn,
  partOf,
  type StoredRecord,
  type ViewEffect,
  type ViewHears,
  type ViewInput,
  type ViewRecord,
  viewedIn,
  wantedIn,
} from './record.ts'
import { toldToAll } from './recovery.ts'
import { auditOf, isQuestion, type Peer, type Question, refusalOf, refusals } from './rights.ts'
import type { LockServerHello } from './servers.ts'
import { groupOf, roleOf } from './status.ts'
import { welcomeOf } from './welcome.ts'

export interface StandbyOptions {
  readonly id: string
  readonly pingLimitMs: number
  readonly pid: number
}

/** A lock server as last heard. */
interface Seen {
  readonly hello: LockServerHello
  ping: Ping | null
  heardAt: number
}

export interface StandbyOwner {
  /** Whether the active one can be asked; if so, its answer goes to this connection. */
  passOn(connection: number, question: Question): boolean
  /** A lock server knows a later view than the record. */
  look(): void
  /** Why no view is made, while no active view server is reached. */
  readonly reason: string
}

export class StandbyCore {
  readonly #options: StandbyOptions
  readonly #owner: StandbyOwner
  readonly #servers = new Map<number, Seen>()
  readonly #clients = new Map<number, Peer>()
  readonly #asks = new Map<number, number>()
  #stored: StoredRecord | null
  #effects: ViewEffect[] = []
  #now = 0

  constructor(options: StandbyOptions, stored: StoredRecord | null, owner: StandbyOwner) {
    this.#options = options
    this.#stored = stored
    this.#owner = owner
  }

  get record(): ViewRecord | null {
    return this.#record
  }

  get #record(): ViewRecord | null {
    return viewedIn(this.#stored)
  }

  get #cluster(): string | null {
    return this.#stored?.cluster ?? null
  }

  get unready(): string | null {
    return this.#owner.reason
  }

  get clients(): number {
    return this.#clients.size
  }

  step(input: ViewInput, now: { readonly monotonic: number }): ViewEffect[] {
    this.#now = now.monotonic
    if (input.is === 'accepted') this.#onAccepted(input)
    else if (input.is === 'messages') this.#onMessages(input.connection, input.messages)
    else if (input.is === 'closed') this.#forget(input.connection)
    else if (input.is === 'rights changed') this.#onRights(input)
    else if (input.is === 'turn-end') this.#asks.clear()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** The record that it follows has changed. */
  follow(stored: StoredRecord | null): ViewEffect[] {
    const before = this.#cluster
    const told = this.#told
    const map = this.#map
    this.#stored = stored
    const news = this.#told.filter((now, i) => isNews(now, told[i]))
    for (const connection of [...this.#servers.keys(), ...this.#clients.keys()]) {
      if (this.#cluster !== before) this.#welcome(connection)
      else {
        this.#tellMap(connection, map)
        for (const { view, acked } of news) this.#tell(connection, view, acked)
      }
    }
    return this.#effects.splice(0)
  }

  get #map(): SlotMap | null {
    return this.#stored === null ? null : mapIn(this.#stored)
  }

  /** G2: before any view of this record. */
  #tellMap(connection: number, before: SlotMap | null): void {
    const map = this.#map
    if (map === null || map.number <= (before?.number ?? 0)) return
    if (this.#servers.has(connection) || isForClients(map, before)) this.#send(connection, ['map', map])
  }

  #tell(connection: number, view: View | null, acked: boolean): void {
    if (view === null) return
    if (this.#clients.has(connection)) this.#send(connection, ['view', view])
    else this.#send(connection, ['view', view, acked])
  }

  #onAccepted(accepted: Extract<ConnectionInput, { is: 'accepted' }>): void {
    const { connection, cluster, from, principal, remote } = accepted
    const own = this.#cluster
    // E6: one that knows another cluster is to stop a new one, which only an active view server can say.
    const mayStop = from.kind === 'lockserver' && this.#record === null
    if (!mayStop && cluster !== null && own !== null && cluster !== own)
      return this.#close(
        connection,
        'WRONG_CLUSTER',
        `you belong to cluster ${cluster}, this view server to ${own}`,
      )
    if (from.kind === 'client' || from.kind === 'viewserver')
      this.#clients.set(connection, { principal, remote })
    else if (from.kind === 'lockserver') {
      if (!this.#addServer(connection, from)) return
    } else if (from.kind === 'primary')
      return this.#close(connection, 'UNEXPECTED_MESSAGE', `a view server takes no ${from.kind}`)
    this.#welcome(connection)
  }

  /** False: it is turned away. */
  #addServer(connection: number, hello: LockServerHello): boolean {
    const { id, address } = hello
    const known = this.#addressOf(id) ?? address
    if (known !== address) {
      this.#close(connection, 'WRONG_SERVER', `server ${id} is known at ${known}, not at ${address}`)
      return false
    }
    for (const [before, { hello: known }] of this.#servers) {
      if (known.id !== hello.id) continue
      this.#servers.delete(before)
      this.#close(before, 'REPLACED', 'a newer connection of the same server')
    }
    this.#servers.set(connection, { hello, ping: null, heardAt: this.#now })
    if (hello.view > this.#viewNumber(hello.group)) this.#owner.look()
    return true
  }

  /** V5: an id stands for one state, which has one address. */
  #addressOf(id: string): string | undefined {
    const known = [...this.#named, ...[...this.#servers.values()].map(({ hello }) => hello)]
    return known.find(server => server.id === id)?.address
  }

  #onMessages(connection: number, messages: readonly SaidOn<ViewHears>[]): void {
    const seen = this.#servers.get(connection)
    for (const message of messages) {
      if (message[0] === 'ping' && seen !== undefined) this.#onPing(connection, seen, message[1])
      else this.#onClient(connection, this.#clients.get(connection), message)
    }
  }

  #onPing(connection: number, seen: Seen, ping: Ping): void {
    seen.ping = ping
    seen.heardAt = this.#now
    if (ping.view > this.#viewNumber(ping.group)) this.#owner.look()
    const { view, acked } = this.#ownOf(seen.hello.id, ping.group)
    const { longestTtlMs = ttlMsDefault, ttlMaxMs = ttlMsMax } = this.#record ?? {}
    this.#send(connection, ['pong', view, acked, longestTtlMs, 0, ttlMaxMs])
  }

  #onClient(connection: number, client: Peer | undefined, message: SaidOn<ViewHears>): void {
    if (client === undefined) return
    if (message[0] === 'echo') return this.#send(connection, ['echoed', message[1]])
    if (!isQuestion(message)) return
    if (this.#asksTooMuch(connection) || !this.#mayAsk(connection, client, message)) return
    if (this.#owner.passOn(connection, message)) return
    if (message[0] === 'status') return this.#send(connection, ['status', message[1], this.status()])
    const refusal = refusals[message[0]]
    this.#send(connection, [refusal, message[1], this.#owner.reason])
  }

  /** A2, A7: the active one takes it from a server, and does not ask who wants it. */
  #mayAsk(connection: number, client: Peer, question: Question): boolean {
    const refusal = refusalOf(client, question)
    const line = auditOf(client, question, refusal === null)
    if (line !== null) this.#effects.push({ do: 'note', ...line })
    if (refusal !== null) this.#send(connection, refusal)
    return refusal === null
  }

  /** A3 */
  #onRights({ connection, principal, why }: Extract<ViewInput, { is: 'rights changed' }>): void {
    const client = this.#clients.get(connection)
    if (client === undefined) return
    if (principal !== null) this.#clients.set(connection, { ...client, principal })
    else this.#close(connection, 'TOKEN_ENDED', tokenEndText(why))
  }

  /** F13 */
  #asksTooMuch(connection: number): boolean {
    const asks = (this.#asks.get(connection) ?? 0) + 1
    this.#asks.set(connection, asks)
    if (asks <= asksPerTurnMax) return false
    this.#clients.delete(connection)
    this.#close(connection, 'UNEXPECTED_MESSAGE', `more than ${asksPerTurnMax} questions at a time`)
    return true
  }

  #forget(connection: number): void {
    this.#servers.delete(connection)
    this.#clients.delete(connection)
  }

  // ---- what it says

  /** From the record, and from what lock servers told this view server. */
  status(): Status {
    const { view = null, acked = false } = this.#record ?? {}
    const named = this.#named
    const idle = [...this.#servers.values()]
      .map(({ hello }) => hello)
      .filter(({ id }) => !named.some(server => server.id === id))
    return {
      cluster: this.#cluster,
      durability: view?.durability ?? null,
      groups: this.#groups,
      map: this.#record?.map ?? null,
      groupsWanted: this.#stored === null ? 1 : wantedIn(this.#stored),
      groupsWait: null,
      recovery: null,
      view,
      acked,
      servers: [...named, ...idle].map(server => this.#serverStatus(server)),
      survives: 0,
      halted: this.#owner.reason,
      pid: this.#options.pid,
      viewServers: [],
    }
  }

  #serverStatus({ id, address }: Server): ServerStatus {
    const seen = [...this.#servers.values()].find(({ hello }) => hello.id === id)
    const role = roleOf(id, this.#groups)
    const own = groupOf(id, this.#groups)
    const {
      view: inView = 0,
      opNumber = 0,
      lag = 0,
      copiedPart = 0,
      leaving = false,
      low = false,
      disk = null,
    } = seen?.ping ?? {}
    return {
      id,
      address,
      pid: seen?.hello.pid ?? 0,
      version: seen?.hello.version ?? '',
      host: seen?.hello.host ?? '',
      role,
      group: own?.group ?? null,
      inSync: role === 'backup' && own?.acked === true,
      view: inView,
      opNumber,
      lag,
      copiedPart,
      pingAgeMs: seen === undefined ? 0 : Math.max(0, Math.round(this.#now - seen.heardAt)),
      alive: seen !== undefined,
      leaving,
      imprint: seen?.hello.imprint ?? null,
      low,
      disk,
    }
  }

  #welcome(connection: number): void {
    const { id, pingLimitMs } = this.#options
    const hello = this.#servers.get(connection)?.hello
    const own = hello === undefined ? this.#told[0] : this.#ownOf(hello.id, hello.group)
    const { view = null, acked = false } = own ?? {}
    const told = {
      ...{ cluster: this.#cluster, view, acked, map: this.#map },
      others: this.#told.flatMap(({ view: other }) =>
        other === null || other.group === view?.group ? [] : other,
      ),
      pingLimitMs,
    }
    this.#send(connection, welcomeOf({ id, mark: 0 }, told))
  }

  /** D5: of each group what all may hear; null while it has no view. */
  get #told(): readonly Told[] {
    return this.#parts.map(part => (part === null ? { view: null, acked: false } : toldToAll(part)))
  }

  get #parts(): readonly (GroupRecord | null)[] {
    const count = this.#stored === null ? 0 : groupsIn(this.#stored)
    return Array.from({ length: count }, (_, group) => partOf(this.#record, group))
  }

  /** Of the group whose view names this server, or else of this one. */
  #ownOf(id: string, group: number): Told {
    const told = this.#told
    return groupOf(id, told) ?? told[group] ?? { view: null, acked: false }
  }

  get #groups(): readonly GroupStatus[] {
    const none = { recovery: null, survives: 0, lost: null }
    const serving = this.#map?.groups ?? 1
    return this.#parts.flatMap((part, group) => {
      if (part === null && group >= serving) return []
      return [{ group, view: part?.view ?? null, acked: part?.acked ?? false, ...none }]
    })
  }

  /** As primary or backup of a group's view. */
  get #named(): readonly Server[] {
    return this.#parts.flatMap(part => {
      if (part === null) return []
      const { primary, backup } = part.view
      return backup === null ? [primary] : [primary, backup]
    })
  }

  #viewNumber(group: number): number {
    return lastViewOf(this.#record, group)
  }

  #send(connection: number, message: MessageOf<'viewToClient' | 'viewToServer'>): void {
    this.#effects.push({ do: 'send', connection, message })
  }

  #close(connection: number, code: Parameters<typeof closing>[1], text: string): void {
    this.#forget(connection)
    this.#effects.push(closing(connection, code, text))
  }
}

function isNews({ view, acked }: Told, before: Told | undefined): boolean {
  return view?.number !== before?.view?.number || acked !== before?.acked
}

function closing(
  connection: number,
  code: 'WRONG_CLUSTER' | 'WRONG_SERVER' | 'UNEXPECTED_MESSAGE' | 'REPLACED' | 'TOKEN_ENDED',
  text: string,
) {
  return { do: 'close', connection, code, text } as const
}
