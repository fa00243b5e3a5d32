// Decides views: takes what lock servers, operators and ticks bring, and says what to send, dial and save.
// It never awaits, reads a clock, draws a random number, logs or touches a socket. Nothing is decided
// while a record is being saved, and no peer learns what is not saved (V6).

import { type ConnectionInput, tokenEndText } from '../wire/effects.ts'
import type { ErrorCode } from '../wire/errors.ts'
import { asksPerTurnMax, ttlMsDefault } from '../wire/limits.ts'
import type { Durability, MessageOf, Ping, Server, SlotMap, Status } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import { isForClients } from '../wire/slots.ts'
import { Changing } from './changing.ts'
import type { ViewCounts } from './counts.ts'
import { Findings } from './findings.ts'
import { knowsCluster, stoppedText } from './founding.ts'
import { type Beginning, type GroupOwner, type Shared, type Told, ViewGroup } from './group.ts'
import { isEmpty } from './moves.ts'
import { Moving, type Regrouped, waitOf, whyNoGroups } from './moving.ts'
import { ViewOutbox } from './outbox.ts'
import { type Finding, Probes } from './probes.ts'
import {
  durabilityOf,
  type GroupRecord,
  groupsIn,
  highestTokenOf,
  lastViewOf,
  mapIn,
  partOf,
  partsProblem,
  recordOf,
  type StoredRecord,
  type ViewEffect,
  type ViewHears,
  type ViewInput,
  type ViewRecord,
  viewedIn,
  wantedIn,
} from './record.ts'
import { tokenLeap } from './recovery.ts'
import { Resets } from './reset.ts'
import { type Question as Asked, auditOf, isQuestion, type Peer, refusalOf } from './rights.ts'
import { isDialable, type KnownServer, type LockServerHello, Servers } from './servers.ts'
import { Spares } from './spares.ts'
import { lossAmong, statusOf, unready } from './status.ts'
import { Verifying } from './verifying.ts'
import { type Welcoming, welcomeOf } from './welcome.ts'

/** The view server that this core decides for (E3). */
export interface ViewStanding extends Welcoming {
  /** Numbers of dialled connections count down from here, over all its terms. */
  readonly dials: { last: number }
}

export interface ViewCoreOptions {
  readonly pingIntervalMs: number
  readonly deadPings: number
  /** What the store holds. */
  readonly record: StoredRecord
  /** D4: for how long it waits for the other servers of the choice. */
  readonly recoveryPatienceMs: number
  readonly pid: number
  readonly host: string
  /** Whose term it is; if absent, there are no others. */
  readonly standing?: ViewStanding
  /** Where this core counts what it does; if absent, it counts nothing. */
  readonly counts?: ViewCounts
}

export class ViewCore implements GroupOwner {
  readonly #options: ViewCoreOptions
  readonly #out: ViewOutbox
  readonly #servers: Servers
  readonly #probes: Probes
  readonly #verifying: Verifying
  readonly #findings: Findings
  readonly #resets: Resets
  readonly #changing: Changing
  readonly #moving: Moving
  readonly #shared: Shared
  /** By their numbers; at least one. Some may have ended, or be still to come (G8). */
  readonly #groups: ViewGroup[]
  /** With whose rules apply to them (A2); null: none do. */
  readonly #clients = new Map<number, Peer>()
  /** What each client has asked in this turn (F13). */
  readonly #asks = new Map<number, number>()
  /** Durable; peers learn nothing beyond it. */
  #record: ViewRecord | null
  /** V6: the record on its way to the disk; one at a time. */
  #saving: ViewRecord | null = null
  /** V6: why view changes are halted. */
  #halted: string | null = null
  #ticks = 0
  /** The monotonic time of this step. */
  #now = 0
  #longestTtlMs: number

  constructor(options: ViewCoreOptions) {
    this.#options = options
    this.#out = new ViewOutbox(options.counts)
    this.#servers = new Servers(options.deadPings, options.pingIntervalMs)
    this.#probes = new Probes(this.#out, options.deadPings, options.standing?.dials)
    this.#verifying = new Verifying(this.#servers, this.#probes)
    const { cluster } = options.record
    this.#findings = new Findings(this.#out, this.#servers, this.#probes, this.#verifying, cluster)
    this.#resets = new Resets(this.#out, this.#probes, this.#servers)
    this.#changing = new Changing(this.#out)
    this.#moving = new Moving(this.#out)
    this.#record = viewedIn(options.record)
    this.#shared = this.#newShared()
    this.#groups = Array.from({ length: groupsIn(options.record) }, (_, i) => this.#newGroup(i))
    this.#servers.name(this.#named)
    this.#longestTtlMs = this.#record?.longestTtlMs ?? ttlMsDefault
  }

  #newShared(): Shared {
    return {
      out: this.#out,
      servers: this.#servers,
      probes: this.#probes,
      resets: this.#resets,
      changing: this.#changing,
      options: this.#options,
      owner: this,
    }
  }

  #newGroup(number: number): ViewGroup {
    return new ViewGroup(number, this.#shared, partOf(this.#record, number))
  }

  step(input: ViewInput, now: { readonly monotonic: number }): ViewEffect[] {
    this.#now = now.monotonic
    this.#take(input)
    // After a freeze, stale pings are read first. Decide only at the end of the turn, when a later ping may
    // have overruled them.
    if (input.is === 'tick' || input.is === 'turn-end') this.#decide()
    return this.#out.take()
  }

  // ---- what may be read from outside

  get record(): ViewRecord | null {
    return this.#record
  }

  /** Why there is no primary to work with; null when there is one. */
  get unready(): string | null {
    return this.#halted ?? unready(this.#groups.slice(0, this.#serving), this.#servers)
  }

  /** V6: why it makes no view any more, whatever happens. */
  get halted(): string | null {
    return this.#halted
  }

  status(now: { readonly monotonic: number }): Status {
    const { pid } = this.#options
    const status = statusOf(this.#groups, this.#servers, this.#halted, now.monotonic, this.#serving)
    const groupsWanted = wantedIn(this.#record ?? this.#options.record)
    const map = this.#record?.map ?? null
    const groupsWait = this.#record && waitOf(this.#record, this.#record.map, groupsWanted)
    return { ...status, cluster: this.#clusterId, map, groupsWanted, groupsWait, pid }
  }

  /** G8: how many groups have slots, or get some. */
  get #serving(): number {
    return mapIn(this.#record ?? this.#options.record).groups
  }

  get clients(): number {
    return this.#clients.size
  }

  // ---- inputs

  #take(input: ViewInput): void {
    switch (input.is) {
      case 'accepted':
        return this.#onAccepted(input)
      case 'messages':
        return this.#onMessages(input.connection, input.messages)
      case 'closed':
        return this.#onClosed(input)
      case 'waits':
        return
      case 'rights changed':
        return this.#onRights(input)
      case 'tick':
        return this.#onTick()
      case 'saved':
        return this.#onSaved()
      case 'begin':
        return this.#findings.probeNamed(this.#named)
      case 'turn-end':
        return this.#asks.clear()
    }
  }

  #onAccepted(input: Extract<ConnectionInput, { is: 'accepted' }>): void {
    const { connection, cluster, from, principal, remote } = input
    if (from.kind === 'lockserver') this.#onLockServer(connection, cluster, from)
    else if (from.kind === 'client' || from.kind === 'viewserver')
      this.#onClient(connection, cluster, { principal, remote })
    else this.#out.close(connection, 'UNEXPECTED_MESSAGE', `a view server takes no ${from.kind}`)
  }

  #onClient(connection: number, cluster: string | null, peer: Peer): void {
    const stranger = this.#otherCluster(cluster)
    if (stranger !== undefined) return this.#out.close(connection, 'WRONG_CLUSTER', stranger)
    this.#clients.set(connection, peer)
    this.#welcome(connection, null, 0)
  }

  #onLockServer(connection: number, cluster: string | null, hello: LockServerHello): void {
    const refusal = this.#refusal(cluster, hello)
    if (refusal !== undefined) return this.#findings.turnAway(connection, hello, ...refusal)
    if (!this.#makeRoom(connection, hello)) return
    const before = this.#servers.connect(hello, connection, this.#now)
    if (before !== null) this.#out.close(before, 'REPLACED', 'a newer connection of the same server')
    // The server is connected again, so there is no need to ask whether its process is gone.
    this.#probes.cancel('lost', hello.id)
    this.#welcome(connection, hello.id, hello.group)
    const server = this.#servers.get(hello.id) as KnownServer
    this.#out.note('debug', 'lock server connected', { peer: server.id, address: server.address })
    if (!server.counts) this.#verifying.next(this.#clusterId)
  }

  /** B3: limits the lock servers that do not count yet. */
  #makeRoom(connection: number, hello: LockServerHello): boolean {
    const last = this.#verifying.roomFor(hello.id)
    if (last === null) return true
    const text = 'too many lock servers do not answer at their addresses'
    if (last === undefined) this.#findings.turnAway(connection, hello, 'TOO_MANY_CONNECTIONS', text)
    else this.#findings.expel(last, 'TOO_MANY_CONNECTIONS', text)
    return last !== undefined
  }

  #onMessages(connection: number, messages: readonly SaidOn<ViewHears>[]): void {
    const finding = this.#probes.heard(connection, messages[0])
    if (finding !== undefined) return this.#onFinding(finding)
    for (const message of messages) {
      if (message[0] === 'ping' || message[0] === 'answer') this.#onServerMessage(connection, message)
      else this.#onClientMessage(connection, message)
    }
  }

  #onServerMessage(connection: number, message: MessageOf<'serverToView'>): void {
    const server = this.#servers.on(connection)
    if (server === undefined) return // a message before it has closed the connection
    if (message[0] === 'ping') this.#onPing(server, message[1])
    else this.#groups[message[2].group]?.answered(server, message[1], message[2])
  }

  #onClientMessage(connection: number, message: SaidOn<ViewHears>): void {
    const client = this.#clients.get(connection)
    if (client === undefined) return // a message before it has closed the connection
    if (message[0] !== 'echo' && this.#asksTooMuch(connection)) return
    if (isQuestion(message) && !this.#mayAsk(connection, client, message)) return
    switch (message[0]) {
      case 'status': {
        const status = this.status({ monotonic: this.#now })
        return this.#out.send(connection, ['status', message[1], status])
      }
      case 'reset':
        return this.#onReset(connection, message)
      case 'gone':
        return this.#onGone(connection, message[1], message[2])
      case 'durability':
        return this.#changing.ask(connection, message[1], message[2], this.#serving, this.#cannotChange)
      case 'groups':
        return this.#onGroups(connection, message[1], message[2])
      case 'echo':
        return this.#out.send(connection, ['echoed', message[1]])
    }
  }

  /** A2, A7 */
  #mayAsk(connection: number, client: Peer, question: Asked): boolean {
    const refusal = refusalOf(client, question)
    const line = auditOf(client, question, refusal === null)
    if (line !== null) this.#out.note(line.level, line.text, line.fields)
    if (refusal !== null) this.#out.send(connection, refusal)
    return refusal === null
  }

  /** A3 */
  #onRights({ connection, principal, why }: Extract<ViewInput, { is: 'rights changed' }>): void {
    const client = this.#clients.get(connection)
    if (client === undefined) return
    if (principal !== null) return void this.#clients.set(connection, { ...client, principal })
    this.#clients.delete(connection)
    this.#resets.drop(connection)
    this.#out.close(connection, 'TOKEN_ENDED', tokenEndText(why))
  }

  /** F13: limits questions, since a status is a hundred times as long as the question for it. */
  #asksTooMuch(connection: number): boolean {
    const asks = (this.#asks.get(connection) ?? 0) + 1
    this.#asks.set(connection, asks)
    if (asks <= asksPerTurnMax) return false
    this.#clients.delete(connection)
    this.#dropAsks(connection)
    this.#out.close(connection, 'UNEXPECTED_MESSAGE', `more than ${asksPerTurnMax} questions at a time`)
    return true
  }

  /** The reset goes on in #decide, when no save is under way. */
  #onReset(connection: number, [, number, group, view, force]: MessageOf<'clientToView', 'reset'>): void {
    const lacks = this.#groups[group]?.record ? null : `there is no view yet of group ${group}`
    this.#resets.ask({ connection, number, group, view, force, stage: 'asked' }, this.#cannotBegin ?? lacks)
  }

  /** Why what an operator asks for can't be begun. */
  get #cannotBegin(): string | null {
    return this.#halted ?? (this.#record === null ? 'there is no view yet' : null)
  }

  /** D11: while no group comes or goes. */
  get #cannotChange(): string | null {
    const changes = this.#record !== null && this.#record.groupsWanted !== this.#record.map.groups
    return this.#cannotBegin ?? (changes ? 'the number of groups is being changed' : null)
  }

  /** G8 */
  #onGroups(connection: number, number: number, groups: number): void {
    const named = new Set(this.#named.map(({ id }) => id))
    const idle = this.#servers.idle().filter(({ id }) => !named.has(id)).length
    const busy = this.#changing.isUnderWay ? 'the durability is being changed' : null
    const lost = lossAmong(this.#groups, this.#servers, this.#serving)
    const lacks = this.#record && whyNoGroups(this.#record, groups, idle, lost)
    this.#moving.ask({ connection, number, groups }, this.#cannotBegin ?? busy ?? lacks)
  }

  #dropAsks(connection: number): void {
    this.#resets.drop(connection)
    this.#changing.drop(connection)
    this.#moving.drop(connection)
  }

  /** D4: an operator's word. A server that is heard is there, whatever an operator says. */
  #onGone(connection: number, number: number, id: string): void {
    const [said, text] = (this.#groups[0] as ViewGroup).said(id)
    this.#out.send(connection, [said ? 'gone-noted' : 'gone-refused', number, text])
    if (said) this.#out.note('warn', 'an operator says that a server is gone', { peer: id })
  }

  #onPing(server: KnownServer, ping: Ping): void {
    if (this.#isFuture(ping.group, ping.view)) {
      const connection = server.connection as number
      this.#servers.disconnect(server)
      // V6: from a server that does not count yet this is hearsay; its next hello names its cluster.
      const text = server.counts ? this.#haltByFuture(server, ping) : hearsay(ping.view)
      return this.#findings.turnAway(connection, server, 'VIEW_FROM_FUTURE', text)
    }
    this.#servers.heard(server, ping, this.#now)
    const own = this.#groups.find(group => group.isNamed(server.id))
    own?.pinged(server, this.#now)
    if (server.counts && own !== undefined) this.#believe(own, ping)
    const { view, acked } = this.#toldTo(own ?? this.#groups[ping.group], server.id)
    const longestTtlMs = this.#record?.longestTtlMs ?? ttlMsDefault
    const { ttlMaxMs } = this.#options.record
    const pong = ['pong', view, acked, longestTtlMs, this.#standing.mark, ttlMaxMs] as const
    this.#out.send(server.connection as number, [...pong])
  }

  /** L2: only the view's own servers may report what a primary granted. */
  #believe(own: ViewGroup, { group, token, ttlMs }: Ping): void {
    if (group === own.number) own.believe(token)
    this.#longestTtlMs = Math.max(this.#longestTtlMs, Math.min(ttlMs, this.#options.record.ttlMaxMs))
  }

  #onClosed({ connection, refused, trouble }: Extract<ViewInput, { is: 'closed' }>): void {
    const finding = this.#probes.closed(connection, refused, trouble ?? null)
    if (finding !== undefined) return this.#onFinding(finding)
    if (this.#clients.delete(connection)) return this.#dropAsks(connection)
    const server = this.#servers.on(connection)
    if (server === undefined) return
    this.#servers.disconnect(server)
    server.closedAt = this.#now
    // A closed connection is only a suspicion; a refused dial shows that the process is gone.
    if (server.counts) this.#probes.start('lost', server, this.#clusterId)
    else this.#probes.cancel('verify', server.id)
  }

  #onTick(): void {
    this.#ticks += 1
    this.#verifying.tick()
    for (const server of this.#servers.tick(this.#now)) {
      // A server that is known to be gone has been counted as dead already.
      if (!server.counts || server.refused) continue
      this.#findings.countDeath('missed_pings')
      this.#out.note('warn', 'lock server has missed its pings', { peer: server.id, address: server.address })
    }
    for (const finding of this.#probes.tick()) this.#onFinding(finding)
    this.#findings.probeAgain()
    for (const group of this.#groups) group.tick()
    for (const server of this.#servers.forgettable(this.#named, this.#now)) {
      if (server.connection !== null) this.#out.close(server.connection, 'GONE_QUIET', 'no ping for too long')
      this.#servers.forget(server)
    }
  }

  #onSaved(): void {
    const record = this.#saving
    if (record === null) throw new Error('V6: saved, but nothing was being saved')
    const { map: before } = this.#record ?? { map: null }
    this.#record = record
    this.#saving = null
    // G2: before any view of this record.
    if (before !== null && record.map.number > before.number) this.#tellMap(record.map, before)
    for (let number = this.#groups.length; number < groupsIn(record); number++)
      this.#groups.push(this.#newGroup(number))
    for (const group of [...this.#groups]) {
      const part = partOf(record, group.number)
      if (part !== null) group.saved(part, this.#now)
      else if (group.record !== null) this.#ended(group)
    }
    this.#moving.saved(record)
  }

  /** G8: if it is wanted again it begins as another one. */
  #ended({ number }: ViewGroup): void {
    this.#groups[number] = this.#newGroup(number)
    this.#out.note('info', 'a group has ended', { group: number, last: lastViewOf(this.#record, number) })
  }

  /** G8: of most maps clients learn with a refusal. */
  #tellMap(map: SlotMap, before: SlotMap): void {
    for (const { connection } of this.#servers.all())
      if (connection !== null) this.#out.send(connection, ['map', map])
    if (isForClients(map, before))
      for (const connection of this.#clients.keys()) this.#out.send(connection, ['map', map])
  }

  tellAll(group: ViewGroup): void {
    for (const server of this.#servers.all()) this.tell(group, server)
    const { view } = this.#toldTo(group, null)
    if (view !== null)
      for (const connection of this.#clients.keys()) this.#out.send(connection, ['view', view])
  }

  tell(group: ViewGroup, { id, connection }: KnownServer): void {
    const { view, acked } = this.#toldTo(group, id)
    if (connection !== null && view !== null) this.#out.send(connection, ['view', view, acked])
  }

  /** D5: an unacked recovery view is told to its primary alone; null: to a client. */
  #toldTo(group: ViewGroup | undefined, id: string | null): Told {
    // E6: of a new cluster that was stopped no server learns.
    if (this.#isNew && this.#halted !== null) return { view: null, acked: false }
    return group?.toldTo(id) ?? { view: null, acked: false }
  }

  isElsewhere(id: string, group: number): boolean {
    return this.#groups.some(other => other.number !== group && other.isNamed(id))
  }

  #onFinding(finding: Finding): void {
    if (finding.probe.purpose === 'reset') this.#resets.found(finding)
    else this.#findings.found(finding)
  }

  // ---- who is turned away, and what halts

  #refusal(cluster: string | null, hello: LockServerHello): [ErrorCode, string] | undefined {
    const stranger = this.#otherCluster(cluster)
    if (stranger !== undefined)
      return ['WRONG_CLUSTER', this.#isNew && knowsCluster(hello) ? this.#stop(hello, cluster) : stranger]
    // V6: another view server has decided views that this record does not hold. A server that knows a view
    // knows its cluster; of the first one that is being saved it may have heard from a standby.
    const knowsViews = this.#record === null && this.#saving === null && knowsCluster(hello)
    if (this.#isFuture(hello.group, hello.view) || knowsViews)
      return ['VIEW_FROM_FUTURE', cluster === null ? hearsay(hello.view) : this.#haltByFuture(hello, hello)]
    if (this.#durability === 'disk' && !hello.journal)
      return ['NO_JOURNAL', 'this cluster keeps its state on disk; start this lock server with --data FOLDER']
    if (!isDialable(hello.address))
      return ['BAD_MESSAGE', `the address ${JSON.stringify(hello.address)} is not a ws:// or wss:// URL`]
    return this.#servers.refusal(hello)
  }

  /**
   * V6: it is not known here. E2: the view that is being saved may be in the store already, where standbys have
   * read it: the store says whether it is this one.
   */
  #isFuture(group: number, view: number): boolean {
    if (view <= this.#viewNumber(group)) return false
    if (view > (partOf(this.#saving, group)?.view.number ?? 0)) return true
    this.#out.look()
    return false
  }

  #otherCluster(cluster: string | null): string | undefined {
    if (cluster === null || cluster === this.#clusterId) return undefined
    return `you belong to cluster ${cluster}, this view server to ${this.#clusterId}; check --view`
  }

  #haltByFuture({ id, address }: Server, { group, view }: Pick<Ping, 'group' | 'view'>): string {
    const { pid, host } = this.#options
    const known = this.#groups.length === 1 ? `view ${view}` : `view ${view} of group ${group}`
    return this.#halt(
      `server ${id} at ${address} knows ${known}, the view record of this view server (pid ${pid} on ${host}) ends at ${this.#viewNumber(group)}: another view server decides too, or the record is an old one. If it is not the right folder or prefix, restart this view server with the right one; if the record was lost, holdfast adopt rebuilds it`,
    )
  }

  /** E6: a cluster that only seems to be new. */
  #stop(hello: LockServerHello, cluster: string | null): string {
    return this.#halt(stoppedText(hello, cluster ?? 'unknown', this.#clusterId))
  }

  #halt(reason: string): string {
    this.#halted ??= reason
    this.#out.note('error', 'view changes halted', { reason: this.#halted })
    this.#out.look()
    this.#resets.halt(this.#halted)
    this.#changing.fail(this.#halted)
    this.#moving.fail(this.#halted)
    return this.#halted
  }

  // ---- deciding

  #decide(): void {
    if (this.#saving !== null || this.#halted !== null) return // V6
    const news = this.#decided()
    const longer = this.#record !== null && this.#longestTtlMs > this.#record.longestTtlMs
    const regrouped = this.#record && this.#regrouped(this.#record, news)
    if (news.size === 0 && !longer && !regrouped) return
    const before = this.#record ?? this.#options.record
    const { map = mapIn(before), groupsWanted = wantedIn(before), ended = [] } = regrouped ?? {}
    const parts = Array.from({ length: Math.max(this.#groups.length, groupsWanted) }, (_, number) => {
      const current = this.#groups[number]?.current ?? null
      return ended.includes(number) ? null : (news.get(number) ?? current)
    })
    const record = { ...recordOf(before, parts, map), groupsWanted }
    const longestTtlMs = Math.max(record.longestTtlMs, this.#longestTtlMs)
    const problem = partsProblem(record)
    if (problem !== undefined) throw new Error(`broken invariant: ${problem}`)
    this.#saving = { ...record, record: record.record + 1, longestTtlMs }
    this.#out.save(this.#saving)
  }

  /** G8 */
  #regrouped(record: ViewRecord, news: ReadonlyMap<number, GroupRecord>): Regrouped | undefined {
    const now = this.#groups.map(({ number, left, primaryDead }) => {
      return { changes: news.has(number), left, primaryDead }
    })
    return this.#moving.decided(record, now)
  }

  /** G1: what changes, by group; the neediest gets an idle server first. */
  #decided(): ReadonlyMap<number, GroupRecord> {
    const named = new Set(this.#named.map(({ id }) => id))
    const reserved = this.#groups.flatMap(group =>
      group.sources(this.#now).map(id => [id, group.number] as const),
    )
    const spares = new Spares(this.#servers, named, new Map(reserved))
    const news = new Map<number, GroupRecord>()
    for (const group of [...this.#groups].sort((a, b) => a.need - b.need)) {
      const next = group.next(this.#now, spares)
      if (next !== undefined) news.set(group.number, next)
    }
    return news
  }

  /** E6: a first view is made only after a full ping limit of listening, unless no server has run before. */
  beginning(group: number): Beginning | null {
    const record = this.#record ?? this.#options.record
    if (!this.isWanted(group)) return null
    const { cluster } = record
    // G8: a group without slots can't grant what an older cluster did.
    const pauseMs = isEmpty(mapIn(record), group) ? 0 : record.pauseMs
    if (pauseMs > 0 && this.#ticks < this.#options.deadPings) return null
    const longestTtlMs = Math.max(ttlMsDefault, record.pauseMs)
    const last = lastViewOf(record, group)
    const tokenFloor = last === 0 ? 0 : highestTokenOf(record, group) + tokenLeap
    return { cluster, durability: durabilityOf(record), pauseMs, longestTtlMs, last, tokenFloor }
  }

  isWanted(group: number): boolean {
    return group < wantedIn(this.#record ?? this.#options.record)
  }

  // ---- what peers learn

  /** `id`: of a lock server, with the group that its hello names; null: a client. */
  #welcome(connection: number, id: string | null, named: number): void {
    const { pingIntervalMs, deadPings } = this.#options
    const own = this.#groups.find(group => id !== null && group.isNamed(id)) ?? this.#groups[named]
    const told = {
      ...{
        cluster: this.#clusterId,
        ...this.#toldTo(own, id),
        map: mapIn(this.#record ?? this.#options.record),
      },
      others: this.#groups.flatMap(group => (group === own ? [] : (this.#toldTo(group, id).view ?? []))),
      pingLimitMs: pingIntervalMs * deadPings,
    }
    this.#out.send(connection, welcomeOf(this.#standing, told))
  }

  // ---- small questions

  get #standing(): Welcoming {
    return this.#options.standing ?? { id: null, mark: 0 }
  }

  get #clusterId(): string {
    return this.#options.record.cluster
  }

  get #durability(): Durability {
    return durabilityOf(this.#record ?? this.#options.record)
  }

  /** E6: its first views may still turn out to be one too many. */
  get #isNew(): boolean {
    return this.#groups.every(({ record }) => record === null || (record.view.number === 1 && !record.acked))
  }

  /** Of its last view, if it has none now (G8). */
  #viewNumber(group: number): number {
    return lastViewOf(this.#record, group)
  }

  /** Whoever has, or had, a part that the record tells of. */
  get #named(): Server[] {
    return this.#groups.flatMap(({ named }) => named)
  }
}

function hearsay(view: number): string {
  return `this server reports view ${view} but hasn't shown that it belongs to this cluster; send the cluster id in the hello and retry`
}
