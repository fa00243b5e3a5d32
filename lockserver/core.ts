// One lock server: its role, its view, and its connections. It hands each message to the part that
// the message is for. One core lives as long as its state: after a step-down a new one with a new id
// takes its place (V5). It never awaits, reads a clock, draws a random number or touches a socket.

import { allows } from '../wire/access/principal.ts'
import type { Standing } from '../wire/access/standing.ts'
import type { Instant } from '../wire/clock.ts'
import { type ConnectionInput, saidOn, tokenEndText } from '../wire/effects.ts'
import { type ErrorCode, errors } from '../wire/errors.ts'
import { promotionGraceMs, type StateLimits, ttlMsDefault } from '../wire/limits.ts'
import type {
  DiskFigures,
  HelloFrom,
  Imprint,
  MessageOf,
  Ping,
  Role,
  ShownTerms,
  SlotMap,
  Testimony,
  View,
  Welcome,
} from '../wire/messages.ts'
import { inMessages, lengthOf, type SaidOn } from '../wire/runs.ts'
import { packageVersion, wireVersion } from '../wire/version.ts'
import { Backup } from './backup.ts'
import { type Client, Clients } from './clients.ts'
import type { ServerCounts } from './counts.ts'
import { OwnDisk } from './disk.ts'
import { DiskCopy } from './disk-copy.ts'
import type { Found, JournalSays } from './journal/asked.ts'
import { Leases } from './leases.ts'
import { type ServerEffect, ServerOutbox } from './outbox.ts'
import type { Peer, Peers } from './peers.ts'
import { Primary } from './primary.ts'
import { Recovery } from './recovery.ts'
import type { InView, Situation } from './situation.ts'
import type { Hold } from './state/lock.ts'
import { State } from './state/state.ts'
import { Turns, type TurnsOwner } from './turns.ts'
import type { ViewLinkOwner } from './view-link.ts'
import { ViewLinks } from './view-links.ts'

/** Connections to its peers: clients, its view server, its primary, its backup, servers that it probes. */
export type ServerHears =
  | 'clientToServer'
  | 'viewToServer'
  | 'primaryToBackup'
  | 'backupToPrimary'
  | 'serverToClient'

type RightsChanged = Extract<ConnectionInput, { is: 'rights changed' }>

export type ServerInput =
  | ConnectionInput<ServerHears>
  /** Each pingIntervalMs, after what had arrived was read. */
  | { readonly is: 'tick' }
  /** No more input for now: what was decided goes to the backup. */
  | { readonly is: 'turn-end' }
  /** Answers a `continue` effect. */
  | { readonly is: 'continue' }
  /** Answers a `tell sent` effect; `stuck` comes before, if the peer must read first (B4). */
  | { readonly is: 'sent' | 'stuck'; readonly connection: number }
  /** A3: the access file was read again, and each connection was told what that means for it. */
  | { readonly is: 'standing'; readonly standing: Standing }
  /** Shut down in order. */
  | { readonly is: 'leave' }
  /** What becomes of what it wrote, and of its disk. */
  | JournalSays

export interface ServerCoreOptions {
  /** 128 random bits, new for each core (V5). */
  readonly id: string
  /** The address that other servers and clients get. */
  readonly address: string
  readonly viewServers: readonly string[]
  readonly pingIntervalMs: number
  readonly deadPings: number
  readonly drainMs: number
  readonly limits: StateLimits
  readonly pid: number
  readonly host: string
  /** The cluster that this process belongs to, once it knows. */
  readonly cluster: string | null
  /** It has a journal (D1). */
  readonly journal?: boolean
  /** A3: a session whose token was taken away ends at once. */
  readonly revokeNow?: boolean
  /** A3: who may come in now; null or absent: no rules apply to any. */
  readonly standing?: Standing | null
  /** What this core does is counted here; absent: nowhere. */
  readonly counts?: ServerCounts
}

/** How a server is right now. */
export interface Vitals {
  readonly opNumber: number
  /** Entries that are not with the backup yet, or that a backup has not applied. */
  readonly lag: number
  /** How much of its state a primary has copied to its backup, in percent. */
  readonly copiedPart: number
  /** Primary: the view is in force, its backup in sync. Backup: it has learned that from its primary. */
  readonly inSync: boolean
  readonly viewServerConnected: boolean
  /** Addresses that a primary can't reach. */
  readonly unreachable: number
  readonly clients: number
  /** Requests that wait for a joining backup. */
  readonly parked: number
  readonly sessions: number
  /** Names that a session holds or waits for. */
  readonly locks: number
  readonly held: number
  /** Holds that are kept for no client (C3). */
  readonly kept: number
  /** Keys that run or are kept (C5). */
  readonly keys: number
  readonly waiting: number
  /** The part of its memory budget that the state takes, from 0 to 1 (B4). */
  readonly used: number
}

const partTexts = {
  primary: 'primary of this view',
  backup: 'backup of this view',
  idle: 'no part in this view',
} as const

type Leaving = 'no' | 'waiting for a backup' | 'draining' | 'asking to be relieved'

/** B1: a name costs as much as a message, and so does each message of a run. */
function costOf(request: SaidOn<'clientToServer'>): number {
  return request[0] === 'acquire' ? request[2].length : lengthOf(request, inMessages)
}

export class ServerCore implements ViewLinkOwner, TurnsOwner {
  readonly #options: ServerCoreOptions
  readonly #peers: Peers = new Map()
  readonly #out: ServerOutbox
  readonly #clients: Clients
  readonly #viewLinks: ViewLinks
  readonly #situation: Situation
  #offeredCluster: string | null = null
  /** B1 */
  readonly #turns = new Turns(this)
  #primary: Primary | null = null
  #backup: Backup | null = null
  /** D5: a state that is being recovered; then this server is neither of the two. */
  #recovery: Recovery | null = null
  /** Null: it has no journal. */
  readonly #disk: OwnDisk | null
  readonly #diskCopy: DiskCopy
  /** D3: what its journal holds of an earlier process; null: nothing, or it was let go. */
  #found: Found | null
  /** D8 */
  #low = false
  #diskFigures: DiskFigures | null = null
  /** A3 */
  #standing: Standing | null
  #leaving: Leaving = 'no'
  #leavingTicks = 0
  #over = false
  /** The backup has received batches that must be applied in the next turn. */
  #workPlanned = false
  /** What the view server heard last, so that news goes out at once. */
  #told = { ackable: false, unreachable: 0, wantedTtlMs: 0 }

  /** `found`: what its journal held when the process started (D3). */
  constructor(options: ServerCoreOptions, found: Found | null = null) {
    this.#options = options
    this.#situation = {
      now: { monotonic: 0, wall: 0 },
      group: found?.imprint.group ?? 0,
      view: null,
      others: new Map(),
      map: null,
      cluster: options.cluster ?? found?.imprint.cluster ?? null,
      longestTtlMs: Math.max(ttlMsDefault, found?.imprint.longestTtlMs ?? 0),
      viewServerConnected: false,
    }
    this.#out = new ServerOutbox(this.#situation, this.#peers, options.counts)
    this.#clients = new Clients(this.#out, this.#peers)
    this.#disk = options.journal ? new OwnDisk(this.#out, this.#situation, ownerOf(options)) : null
    this.#diskCopy = new DiskCopy(this.#out)
    this.#found = found
    this.#standing = options.standing ?? null
    const { viewServers, deadPings } = options
    this.#viewLinks = new ViewLinks(this.#out, this.#situation, viewServers, deadPings, this)
  }

  /** For those parts that exist only in a view. */
  get #inView(): InView {
    return this.#situation as InView
  }

  /** Why it reaches no view server, for display; null: it does, or nothing is known. */
  get viewServerTrouble(): string | null {
    return this.#viewLinks.trouble
  }

  get id(): string {
    return this.#options.id
  }

  get role(): Role {
    if (this.#primary !== null) return 'primary'
    return this.#backup !== null ? 'backup' : 'idle'
  }

  get view(): View | null {
    return this.#situation.view
  }

  /** 0: it knows of none. */
  get #viewNumber(): number {
    return this.#situation.view?.number ?? 0
  }

  get cluster(): string | null {
    return this.#situation.cluster
  }

  get leaving(): boolean {
    return this.#leaving !== 'no'
  }

  /** For tests. */
  get state(): State | null {
    return this.#primary?.state ?? this.#backup?.state ?? this.#recovery?.state ?? null
  }

  /** For display only: what pages show of a hold, by this server's clock. */
  termsOf(hold: Hold, monotonic: number): ShownTerms {
    const leases = this.#primary?.leases ?? this.#backup?.leases
    return leases === undefined ? null : leases.times.shown(hold, monotonic)
  }

  /** For display and metrics only; walks over the sessions. */
  get vitals(): Vitals {
    const replication = this.#primary?.replication
    let [held, waiting] = [0, 0]
    for (const session of this.state?.sessions.values() ?? []) {
      held += session.holds.size
      waiting += session.waiting.size
    }
    return {
      opNumber: this.state?.opNumber ?? 0,
      lag: replication?.lag ?? this.#backup?.lag ?? 0,
      copiedPart: replication?.join.copiedPart ?? 0,
      inSync: this.#primary?.ackable ?? this.#backup?.toldInSync ?? false,
      viewServerConnected: this.#viewLinks.connected,
      unreachable: this.#primary?.link.unreachable.length ?? 0,
      clients: this.#clients.size,
      parked: this.#primary?.parked ?? 0,
      sessions: this.state?.sessions.size ?? 0,
      locks: this.state?.table.locks.size ?? 0,
      held,
      kept: this.state?.table.kept ?? 0,
      keys: this.state?.table.onces.size ?? 0,
      waiting,
      used: this.state?.used ?? 0,
    }
  }

  step(input: ServerInput, now: Instant): ServerEffect[] {
    if (this.#over) return []
    this.#situation.now = now
    switch (input.is) {
      case 'messages':
        this.#messages(input.connection, input.messages)
        break
      case 'turn-end':
        this.#primary?.endTurn()
        if (this.#diskCopy.wanted) this.#copyToDisk()
        this.#turns.startTurn()
        this.#backup?.startTurn()
        break
      case 'accepted':
        this.#accepted(input)
        break
      case 'closed':
        this.#closed(input)
        break
      case 'tick':
        this.#tick()
        break
      case 'continue':
        this.#goOn()
        break
      case 'waits':
        this.#clients.waits(input.connection, input.waits)
        break
      case 'rights changed':
        this.#rightsChanged(input)
        break
      case 'sent':
        this.#primary?.desk.sent(input.connection)
        this.#backup?.shown?.desk.sent(input.connection)
        break
      case 'stuck':
        this.#stuck(input.connection)
        break
      case 'standing':
        this.#standing = input.standing
        this.#primary?.survey(input.standing)
        break
      case 'leave':
        this.#leave()
        break
      case 'synced':
        this.#synced(input.number)
        break
      case 'snapshot wanted':
        this.#diskCopy.want()
        break
      case 'snapshot taken':
        this.#diskCopy.taken(this.#ownState)
        break
      case 'room':
        this.#room(input.low)
        break
      case 'figures':
        this.#diskFigures = input.figures
    }
    return this.#out.take()
  }

  // ---- connections

  #accepted(accepted: Extract<ServerInput, { is: 'accepted' }>): void {
    const { connection, cluster, from, owner, remote, principal } = accepted
    if (cluster !== null && this.#situation.cluster !== null && cluster !== this.#situation.cluster) {
      const text = `this server belongs to cluster ${this.#situation.cluster}, the hello names ${cluster}`
      return this.#out.close(connection, 'WRONG_CLUSTER', text)
    }
    if (from.kind === 'primary') return this.#acceptPrimary(connection, cluster, from)
    this.#welcome(connection)
    if (from.kind === 'client') this.#clients.add(connection, owner, remote, principal)
  }

  /** V5: the hello names both ids. If this server has another id, the primary reports it unreachable. */
  #acceptPrimary(
    connection: number,
    cluster: string | null,
    from: Extract<HelloFrom, { kind: 'primary' }>,
  ): void {
    if (from.to !== this.id) {
      return this.#out.close(connection, 'WRONG_SERVER', `here is server ${this.id}, not ${from.to}`)
    }
    // R2: a view is not believed that its own hello contradicts; what is told of a view can't be taken back.
    if (from.id !== from.view.primary.id) {
      const text = `the hello comes from server ${from.id}, its view has the primary ${from.view.primary.id}`
      return this.#out.close(connection, 'BAD_MESSAGE', text)
    }
    // V6: a server that knows a view must name its cluster too, or the view server would not believe it.
    this.#situation.cluster ??= cluster
    this.adopt(from.view)
    if (this.#over) return
    const current = this.#situation.view
    if (current === null || from.view.group !== current.group) {
      const text = `server ${this.id} is of group ${this.#situation.group}, not of group ${from.view.group}`
      return this.#out.close(connection, 'WRONG_SERVER', text)
    }
    if (this.#backup === null || from.view.number !== current.number || from.id !== current.primary.id) {
      // R2: a server refuses an older view by sending the view that it is in.
      this.#out.send(connection, ['view', this.#toldView ?? current])
      return this.#out.close(connection, null, 'an older view')
    }
    if (this.#backup.connection !== null)
      this.#out.close(this.#backup.connection, 'REPLACED', 'the primary dialled again')
    this.#welcome(connection)
    this.#peers.set(connection, { is: 'primary' })
    this.#backup.accepted(connection)
  }

  /** A3 */
  #rightsChanged({ connection, principal, why }: RightsChanged): void {
    const client = this.#peers.get(connection)
    if (client?.is !== 'client') return
    if (principal !== null) {
      client.principal = principal
      return this.#primary?.rightsChanged(client)
    }
    this.#primary?.revoked(client, why)
    this.#turnOut(client, 'TOKEN_ENDED', tokenEndText(why))
  }

  /** B4: an answer waits until this client has read what was sent before. */
  #stuck(connection: number): void {
    const desk = this.#primary?.desk ?? this.#backup?.shown?.desk
    const slowest = this.#peers.get(desk?.stuck(connection) ?? 0)
    if (slowest?.is === 'client') this.#turnOut(slowest, 'SLOW_READER', errors.SLOW_READER.meaning)
  }

  #turnOut(client: Client, code: ErrorCode, text: string): void {
    client.deaf = true
    this.#gone(client)
    this.#out.close(client.connection, code, text)
  }

  #welcome(connection: number): void {
    const welcome: Welcome = {
      wire: wireVersion,
      cluster: this.#situation.cluster,
      kind: 'lockserver',
      id: this.id,
      role: this.role,
      view: this.#toldView,
      acked: false,
      others: [...this.#situation.others.values()],
      map: this.#situation.map,
      pingLimitMs: this.#options.pingIntervalMs * this.#options.deadPings,
      whole: this.#backup?.whole ?? 0,
      sequence: this.#backup?.received ?? 0,
      mark: 0,
    }
    this.#out.send(connection, ['welcome', welcome])
  }

  #messages(connection: number, messages: readonly SaidOn<ServerHears>[]): void {
    const peer = this.#peers.get(connection)
    switch (peer?.is) {
      case 'client':
        this.#hear(peer, saidOn<'clientToServer'>(messages))
        break
      case 'view server':
        this.#viewLinks.messages(connection, saidOn<'viewToServer'>(messages))
        break
      case 'backup':
        this.#fromBackup(connection, peer, saidOn<'backupToPrimary'>(messages))
        break
      case 'primary':
        this.#fromPrimary(connection, peer, saidOn<'primaryToBackup'>(messages))
        break
      case 'probe':
        this.#primary?.link.probeAnswered(connection)
    }
    this.#afterNews()
  }

  #closed({ connection, trouble }: Extract<ServerInput, { is: 'closed' }>): void {
    const peer = this.#peers.get(connection)
    if (peer?.is === 'client' && !this.#turns.close(peer)) return
    this.#peers.delete(connection)
    switch (peer?.is) {
      case 'client':
        return this.#gone(peer)
      case 'view server':
        return this.#viewLinks.closed(connection, trouble)
      case 'backup':
      case 'probe':
        return this.#primary?.link.closed(connection, trouble)
      case 'primary':
        return this.#backup?.closed(connection)
    }
  }

  /** B1: a message that this turn has no room for waits, and its client with it. */
  #hear(client: Client, requests: readonly SaidOn<'clientToServer'>[]): void {
    if (this.#turns.hear(client, requests)) return
    this.#out.do({ do: 'pause', connection: client.connection, paused: true })
    this.#planWork()
  }

  /** All that waited of this client is done. */
  done(client: Client, closed: boolean): void {
    if (closed) this.#gone(client)
    else if (this.#peers.get(client.connection) === client)
      this.#out.do({ do: 'pause', connection: client.connection, paused: false })
  }

  #gone(client: Client): void {
    this.#primary?.gone(client)
    this.#backup?.shown?.gone(client)
    this.#clients.remove(client)
  }

  /** Returns what the message cost (B1). */
  request(client: Client, request: SaidOn<'clientToServer'>): number {
    if (this.#over || client.deaf) return 1
    this.#request(client, request)
    return costOf(request) + (this.#primary?.takeCost() ?? 0)
  }

  /** A server that is not primary answers only that it is not (R1). */
  #request(client: Client, request: SaidOn<'clientToServer'>): void {
    if (request[0] === 'testify') return this.#testify(client, request[1])
    if (request[0] === 'token') return this.#strayToken(client)
    if (this.#primary !== null) return this.#primary.request(client, request)
    if (request[0] === 'echo') return this.#out.send(client.connection, ['echoed', request[1]])
    if (request[0] === 'look') return this.#look(client, request)
    client.deaf = true
    this.#clients.remove(client)
    this.#out.close(client.connection, 'NOT_PRIMARY', `this server is ${this.role}`)
  }

  /** G7: from a whole copy of the view that is in force here, and no other. */
  #look(client: Client, request: MessageOf<'clientToServer', 'look'>): void {
    const shown = this.#backup?.shown ?? null
    if (shown !== null) return shown.look(client, request)
    const text = `this server is ${this.role} and has no whole copy of the locks`
    this.#out.send(client.connection, ['query-refused', request[1], 'NO_COPY', text])
  }

  /** A3: the others never come so far. */
  #strayToken(client: Client): void {
    client.deaf = true
    this.#gone(client)
    this.#out.close(client.connection, 'UNEXPECTED_MESSAGE', 'a token must come alone in its frame')
  }

  /** E7: an operator's question (A2), which any server answers, whatever its role. */
  #testify({ connection, principal }: Client, number: number): void {
    const text = `the principal ${principal?.name} may not operate`
    const may = allows(principal, 'operate', null)
    this.#out.send(
      connection,
      may ? ['testimony', number, this.#testimony] : ['query-refused', number, 'NOT_ALLOWED', text],
    )
  }

  #fromBackup(connection: number, peer: Peer, messages: readonly MessageOf<'backupToPrimary'>[]): void {
    for (const message of messages) {
      if (this.#over || this.#primary === null || this.#peers.get(connection) !== peer) return
      const newer = this.#primary.heard(message)
      if (newer !== null) this.adopt(newer)
    }
  }

  #fromPrimary(connection: number, peer: Peer, messages: readonly MessageOf<'primaryToBackup'>[]): void {
    for (const message of messages) {
      if (this.#over || this.#backup === null || this.#peers.get(connection) !== peer) return
      if (message[1] === this.#situation.view?.number) this.#backup.message(message) // R2: of this view only
    }
    if (!this.#workPlanned) this.#work()
  }

  /** B1: what earlier turns had no room for. */
  #goOn(): void {
    this.#workPlanned = false
    this.#turns.goOn()
    this.#work()
    if (this.#turns.more) this.#planWork()
    this.#afterNews()
  }

  #planWork(): void {
    if (this.#workPlanned) return
    this.#workPlanned = true
    this.#out.do({ do: 'continue' })
  }

  /** One step's share, and a plan for the next: with more at a time its pings would be late. */
  #work(): void {
    if (this.#backup?.work() ?? false) this.#planWork()
  }

  // ---- the disk

  /** D1: more of what was decided is on the disk. */
  #synced(number: number): void {
    this.#disk?.synced(number)
    this.#primary?.synced()
    if (this.#durable) this.#backup?.synced()
    // What came while its copy was being synced is applied now: the primary says no more until it is.
    if (!this.#workPlanned) this.#work()
    this.#recovery?.synced()
    this.#afterNews()
  }

  /** D8: the view server hears of it at once. */
  #room(low: boolean): void {
    if (low !== this.#low)
      this.#out.note(low ? 'warn' : 'info', low ? 'the disk is nearly full' : 'the disk has room')
    this.#low = low
    this.#viewLinks.ping()
  }

  /** D2: all that was decided until now is inside. */
  #copyToDisk(): void {
    const state = this.#ownState
    if (state === null || !this.#durable) return
    this.#primary?.replication.flush()
    this.#diskCopy.begin(state)
  }

  /** The state of the role that it has. */
  get #ownState(): State | null {
    if (this.#primary !== null) return this.#primary.state
    return this.#backup !== null && this.#backup.whole !== 0 ? this.#backup.state : null
  }

  get #durable(): boolean {
    return this.#situation.view?.durability === 'disk'
  }

  /** Null: this view keeps nothing on disk. */
  get #viewDisk(): OwnDisk | null {
    return this.#durable ? this.#disk : null
  }

  /** D5: what it tells others; of its own recovery it tells none. */
  get #toldView(): View | null {
    const { view } = this.#situation
    return this.#recovery === null || view === null ? view : choiceView(view)
  }

  // ---- views

  /** R2: a server that learns of a newer view adopts it. G1: one of another group it only tells those who ask. */
  adopt(view: View): void {
    if (this.#over || view.number <= this.#knownNumber(view.group)) return
    if (view.group !== this.#situation.group) {
      if (!isNamed(view, this.id) || this.#hasState) return void this.#situation.others.set(view.group, view)
      this.#leaveGroup(view.group)
    }
    this.#situation.view = view
    this.#backup?.shown?.end()
    this.#out.count({ is: 'view' })
    if (this.#durable && this.#disk === null && isNamed(view, this.id))
      return this.#exit(1, 'named in a durable cluster, and it has no journal')
    if (view.primary.id === this.id) this.#becomePrimary(view)
    else if (this.#primary !== null || this.#recovery !== null)
      return this.#giveUp('another server is primary now')
    else if (view.backup?.id === this.id) this.#becomeBackup(view)
    else if (this.#backup !== null) this.#leaveBackup()
    this.#noteView(view)
    if (!this.#over && this.#recovery === null) this.#clients.tellAll(['view', view])
  }

  /** Of the newest view of this group that it knows; 0: none. */
  #knownNumber(group: number): number {
    const { view, others } = this.#situation
    return (group === this.#situation.group ? view : others.get(group))?.number ?? 0
  }

  /** G1: a state stays in its group until a view of this group leaves it out; what it is copying counts for nothing. */
  get #hasState(): boolean {
    return this.#primary !== null || this.#recovery !== null || (this.#backup?.state ?? null) !== null
  }

  #leaveGroup(next: number): void {
    const { group, view, others } = this.#situation
    const connection = this.#backup?.connection ?? null
    if (connection !== null) this.#out.close(connection, null, `group ${next} has this server now`)
    this.#backup = null
    if (view !== null) others.set(group, view)
    others.delete(next)
    this.#situation.group = next
  }

  /** A view that gives this server no part is logged at debug only. */
  #noteView({ number, primary, backup }: View): void {
    const level = this.role === 'idle' ? 'debug' : 'info'
    const fields = { primary: primary.address, backup: backup?.address ?? null }
    if (!this.#over) this.#out.note(level, partTexts[this.role], { view: number, ...fields })
  }

  #becomePrimary(view: View): void {
    if (view.start !== null && view.start.choice !== null) return this.#recover(view)
    if (this.#recovery !== null) return this.#recovered(this.#recovery, view)
    if (this.#primary !== null) return this.#primary.enter()
    const backup = this.#backup
    if (backup === null && view.start === null) return this.#stepDown('named primary without a state')
    if (backup !== null && !backup.toldInSync) return this.#stepDown('named primary before it was in sync')
    this.#cutPrimary(view)
    backup?.finish()
    this.#backup = null
    const imprint = this.#imprintOf(view, backup)
    if (backup !== null && backup.state !== null) {
      this.#startPrimary(backup.state, backup.leases, imprint).level()
      return
    }
    const primary = this.#startPrimary(new State(), new Leases(), imprint)
    // Only view 1, or a reset's view, begins with an empty state (V3, F14).
    if (view.start !== null) primary.start(view.start.tokenFloor, view.start.pauseMs, this.#options.limits)
    primary.level()
  }

  /** D2: a state begins, or goes on in another role; returns the number of its write. */
  #imprintOf(view: View, backup: Backup | null): number {
    const disk = this.#viewDisk
    this.#found = null
    if (disk === null) return 0
    return backup === null ? disk.begin(view) : disk.imprint(view, 'primary')
  }

  /** D5: this server has, or has read, the state of the choice; it is nobody's primary before that is acked. */
  #recover(view: View): void {
    const disk = this.#viewDisk
    const own = this.#primary?.state ?? this.#livingCopy()
    // D11: what is on a disk is no state of a view in memory.
    const state = own ?? this.#recovery?.state ?? (disk === null ? undefined : this.#found?.state)
    if (state === undefined) return this.#stepDown('named primary without a state')
    this.#cutPrimary(view)
    this.#primary?.end()
    if (this.#primary !== null) this.#clients.closeAll()
    this.#primary = null
    this.#backup = null
    this.#found = null
    const isWritten = own !== undefined && view.start?.choice?.durability === 'disk'
    this.#recovery = new Recovery(disk, view, state, isWritten)
    this.#out.note('warn', 'recovering the state', { view: view.number, operation: state.opNumber })
  }

  /** All that it has received was decided. */
  #livingCopy(): State | undefined {
    this.#backup?.finish()
    return this.#backup?.state ?? undefined
  }

  /** D5, D6: the recovery is on the record; from now on it answers. */
  #recovered(recovery: Recovery, view: View): void {
    const { monotonic } = this.#situation.now
    this.#recovery = null
    const isSame = view.number === recovery.view.number
    const imprint = isSame ? 0 : (this.#viewDisk?.imprint(view, 'primary') ?? 0)
    const primary = this.#startPrimary(recovery.state, recovery.leasesFrom(monotonic), imprint)
    const { tokenFloor = 0, choice = null } = recovery.view.start ?? {}
    if (recovery.isEmpty) primary.start(tokenFloor, choice?.start?.pauseMs ?? 0, this.#options.limits)
    else primary.recover(tokenFloor)
    primary.level()
    this.#out.note('warn', 'the state is recovered', { view: view.number })
    if (isSame) this.#clients.tellAll(['view', view])
  }

  #startPrimary(state: State, leases: Leases, imprint: number): Primary {
    const { id, pingIntervalMs, deadPings } = this.#options
    const pingLimitMs = pingIntervalMs * deadPings
    leases.extendAll(this.#situation.now.monotonic + promotionGraceMs(pingLimitMs)) // S3
    leases.times.promote(this.#situation.now.monotonic, state) // C4
    this.#viewServerConnected(this.#viewLinks.connected)
    const own = { id, pingLimitMs, deadPings, revokeNow: this.#options.revokeNow ?? false }
    const disk = this.#viewDisk
    this.#primary = new Primary(
      this.#out,
      this.#inView,
      this.#clients,
      { state, leases },
      own,
      this.#turns,
      disk === null ? null : { disk, imprint },
    )
    if (this.#standing !== null) this.#primary.survey(this.#standing)
    return this.#primary
  }

  /** V5: in each new view the backup begins not in sync; an old state stays until the new one is whole. */
  #becomeBackup(view: View): void {
    this.#cutPrimary(view)
    this.#found = null
    this.#backup = new Backup(this.#out, this.#inView, this.#clients, this.#backup, this.#viewDisk)
  }

  /** V5: a dropped backup with a whole snapshot becomes a new server; an incomplete copy does not count. */
  #leaveBackup(): void {
    const backup = this.#backup as Backup
    this.#cutPrimary(this.#inView.view)
    if (this.#leaving !== 'no') return this.#exit(0, 'left in order')
    if (backup.state !== null) return this.#giveUp('no longer the backup')
    this.#backup = null
  }

  /** The primary of an older view learns at once which view is in force (R2). */
  #cutPrimary(view: View): void {
    const connection = this.#backup?.connection ?? null
    if (connection === null) return
    this.#out.send(connection, ['view', view])
    this.#out.close(connection, null, 'a newer view')
    this.#backup?.closed(connection)
  }

  /** D2: a newer view does not name this server: its state counts no more, on its disk either. */
  #giveUp(reason: string): void {
    if (this.#leaving === 'no' && this.#durable) this.#disk?.write({ is: 'given up' })
    this.#stepDown(reason)
  }

  /** R5: drops the state and everything that waits; the driver goes on with a new core. */
  #stepDown(reason: string): void {
    if (this.#leaving !== 'no') return this.#exit(0, 'left in order')
    this.#over = true
    this.#out.count({ is: 'step-down' })
    if (this.#situation.view !== null) this.#clients.tellAll(['view', this.#situation.view])
    this.#out.note('warn', 'stepping down', { reason })
    this.#out.do({ do: 'step-down', reason })
  }

  #exit(status: number, reason: string): void {
    this.#over = true
    const view = this.#toldView
    if (view !== null) this.#clients.tellAll(['view', view])
    this.#out.do({ do: 'exit', status, reason })
  }

  // ---- the view server

  get hello(): Extract<HelloFrom, { kind: 'lockserver' }> {
    const { id, address, pid, host } = this.#options
    const found = this.#found
    return {
      kind: 'lockserver',
      id,
      address,
      role: this.#spokenRole,
      group: this.#situation.group,
      view: Math.max(this.#viewNumber, found?.imprint.view ?? 0),
      pid,
      version: packageVersion,
      host,
      journal: this.#disk !== null,
      imprint: found === null ? null : imprintOf(found),
    }
  }

  get pingNow(): Ping {
    const primary = this.#primary
    return {
      group: this.#situation.group,
      view: this.#viewNumber,
      role: this.#spokenRole,
      acked: primary?.ackable ?? this.#recovery?.ackable ?? false,
      inSync: this.#backup?.toldInSync ?? false,
      opNumber: this.state?.opNumber ?? 0,
      lag: primary?.replication.lag ?? this.#backup?.lag ?? 0,
      copiedPart: primary?.replication.join.copiedPart ?? 0,
      token: this.state?.table.lastToken ?? 0,
      unreachable: primary?.link.unreachable ?? [],
      leaving: this.#leaving === 'asking to be relieved',
      ttlMs: primary?.opens.wantedTtlMs ?? 0,
      low: this.#low,
      disk: this.#diskFigures,
    }
  }

  welcomedByViewServer(welcome: Welcome): void {
    this.#offeredCluster = welcome.cluster
    if (welcome.map !== null) this.mapFromViewServer(welcome.map)
    if (welcome.view !== null) this.viewFromViewServer(welcome.view, welcome.acked)
    for (const view of welcome.others) this.adopt(view)
    if (this.#over) return
    this.#viewServerConnected(true)
    this.#viewLinks.ping()
  }

  /** A cluster id counts once there is a view to go with it: before its first record it may change. */
  viewFromViewServer(view: View, acked: boolean): void {
    this.#situation.cluster ??= this.#offeredCluster
    this.adopt(view)
    if (!acked || this.#over) return
    const recovery = this.#recovery
    if (view.group !== (recovery === null ? this.#found?.imprint.group : recovery.view.group)) return
    if (recovery?.ackable && recovery.view.number === view.number)
      this.#recovered(recovery, recovery.view) // D5
    // D3: what an earlier view has left behind counts no more.
    else if (this.#found !== null && view.number > this.#found.imprint.view) this.#found = null
  }

  /** G2: a newer one is for its clients, too. */
  mapFromViewServer(map: SlotMap): void {
    if (map.number <= (this.#situation.map?.number ?? 0)) return
    this.#situation.map = map
    this.#clients.tellAll(['map', map])
  }

  /** E7: what a lost view record is rebuilt from. */
  get #testimony(): Testimony {
    const { address } = this.#options
    const found = this.#found
    const state = this.state ?? found?.state ?? null
    return {
      cluster: this.#situation.cluster,
      id: this.id,
      address,
      role: this.role,
      group: this.#situation.group,
      view: this.#situation.view,
      acked: this.#primary?.ackable ?? this.#backup?.toldInSync ?? false,
      latched: this.#primary?.replication.join.latched ?? false,
      recovering: this.#recovery !== null,
      token: state?.table.lastToken ?? 0,
      longestTtlMs: this.#situation.longestTtlMs,
      imprint: found === null ? null : imprintOf(found),
      map: this.#situation.map,
      viewServer: this.#viewLinks.active,
    }
  }

  /** What it is for the view server: there a recovery is a primary's (D5). */
  get #spokenRole(): Role {
    return this.#recovery === null ? this.role : 'primary'
  }

  #viewServerConnected(connected: boolean): void {
    this.#situation.viewServerConnected = connected
  }

  ponged(longestTtlMs: number): void {
    this.#situation.longestTtlMs = Math.max(this.#situation.longestTtlMs, longestTtlMs)
    this.#primary?.openCovered()
  }

  /** V3: the view server asks once the primary is dead; the answer says whether this copy may be promoted. */
  get answerNow(): MessageOf<'serverToView', 'answer'>[2] {
    return {
      group: this.#situation.group,
      view: this.#viewNumber,
      role: this.#spokenRole,
      inSync: this.#backup?.toldInSync ?? false,
    }
  }

  // ---- time, and leaving

  #tick(): void {
    this.#viewServerConnected(this.#viewLinks.connected)
    this.#primary?.tick()
    this.#backup?.tick()
    this.#advanceLeaving(1)
    if (!this.#over) this.#viewLinks.tick()
  }

  /** News that the view server waits for goes out at once, not with the next tick. */
  #afterNews(): void {
    if (this.#over) return
    const told = this.#told
    this.#told = {
      ackable: this.#primary?.ackable ?? this.#recovery?.ackable ?? false,
      unreachable: this.#primary?.link.unreachable.length ?? 0,
      wantedTtlMs: this.#primary?.opens.wantedTtlMs ?? 0,
    }
    const { ackable, unreachable, wantedTtlMs } = this.#told
    const longer = wantedTtlMs > told.wantedTtlMs && wantedTtlMs > this.#situation.longestTtlMs
    if ((ackable && !told.ackable) || unreachable > told.unreachable || longer) this.#viewLinks.ping()
    this.#advanceLeaving(0)
  }

  /** Comes once: at a second wish running.ts ends the server. */
  #leave(): void {
    this.#leaving = 'waiting for a backup'
    this.#out.note('info', 'leaving', {})
    if (this.#primary === null && this.#backup === null) return this.#exit(0, 'left in order')
    if (this.#backup !== null) this.#askForRelief()
    else this.#advanceLeaving(0)
  }

  #askForRelief(): void {
    this.#leaving = 'asking to be relieved'
    this.#viewLinks.ping()
  }

  /** DESIGN 4, Leaving: drain what is in flight, ask to be relieved, end when the next view comes. */
  #advanceLeaving(ticks: number): void {
    if (this.#leaving === 'no' || this.#over) return
    this.#leavingTicks += ticks
    const primary = this.#primary
    const late = this.#leavingTicks * this.#options.pingIntervalMs >= this.#options.drainMs
    if (late && primary?.replication.durable) return this.#turnOff(primary)
    if (
      primary !== null &&
      this.#situation.view?.backup === null &&
      this.#leaving !== 'waiting for a backup'
    ) {
      this.#leaving = 'waiting for a backup'
      primary.reopen()
    }
    if (primary !== null && this.#leaving === 'waiting for a backup' && primary.replication.join.inSync) {
      this.#leaving = 'draining'
      primary.close()
    }
    if (primary !== null && this.#leaving === 'draining' && primary.drained) this.#askForRelief()
    if (!late) return
    if (primary === null) this.#exit(0, 'left; nobody relieved it in time')
    else this.#exit(1, 'no backup took over in time: the state ends with this server')
  }

  /** D10: no backup has relieved it: it ends once all is on its disk. */
  #turnOff(primary: Primary): void {
    this.#leaving = 'draining'
    if (!primary.isClosed) primary.close()
    if (primary.isSafe) this.#exit(0, 'safe to turn off: the state is on disk')
  }
}

function ownerOf({ id, address }: ServerCoreOptions): { id: string; address: string } {
  return { id, address }
}

function isNamed({ primary, backup }: View, id: string): boolean {
  return primary.id === id || backup?.id === id
}

/** D3: as its hello says it. */
function imprintOf({ imprint, here }: Found): Imprint {
  // Whatever else the journal notes with it (D9) is its own affair.
  const { cluster, id, address, group, view, as, told, differs, opNumber, longestTtlMs } = imprint
  return { cluster, id, address, group, view, as, told, differs, opNumber, longestTtlMs, free: here }
}

/** D5: the view that all others know of while this one is recovered. */
function choiceView({ group, start }: View): View | null {
  if (start === null || start.choice === null) return null
  const { number, primary, backup, durability, start: before } = start.choice
  return {
    group,
    number,
    primary,
    backup,
    durability,
    start: before === null ? null : { ...before, choice: null },
  }
}
