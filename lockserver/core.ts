// One lock server: it hands each input to the part of it that the input is for, in the order that the rules ask for.
// One core lives as long as its state: after a step-down a new one with a new id takes its place (V5). It never
// awaits, reads a clock, draws a random number or touches a socket.

import type { Instant } from '../wire/clock.ts'
import { saidOn } from '../wire/effects.ts'
import { ttlMsDefault, ttlMsMax } from '../wire/limits.ts'
import type {
  HelloFrom,
  MessageOf,
  Ping,
  Role,
  ShownTerms,
  SlotMap,
  SlotsLeft,
  View,
  Welcome,
} from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import { isForClients } from '../wire/slots.ts'
import { Admission } from './admission.ts'
import { type Client, Clients } from './clients.ts'
import type { ServerCoreOptions } from './core-options.ts'
import { DiskCopy } from './disk-copy.ts'
import type { ServerHears, ServerInput } from './input.ts'
import type { Found } from './journal/asked.ts'
import { Leaving } from './leaving.ts'
import { type ServerEffect, ServerOutbox } from './outbox.ts'
import type { Peer, Peers } from './peers.ts'
import { Reception } from './reception.ts'
import { Roles } from './roles.ts'
import { SelfReport } from './self-report.ts'
import type { Situation } from './situation.ts'
import { movesFrom } from './slot-moves.ts'
import type { Hold } from './state/lock.ts'
import type { State } from './state/state.ts'
import { Turns, type TurnsOwner } from './turns.ts'
import type { ViewLinkOwner } from './view-link.ts'
import { ViewLinks } from './view-links.ts'
import { type Vitals, vitalsOf } from './vitals.ts'

/** Locks and keys of which one turn finds the slot (B2). */
const countedPerTurn = 4_096

/** What the view server waits for. */
interface News {
  readonly ackable: boolean
  readonly unreachable: number
  readonly wantedTtlMs: number
  /** G8 */
  readonly left: SlotsLeft | null
}

export class ServerCore implements ViewLinkOwner, TurnsOwner {
  readonly #options: ServerCoreOptions
  readonly #peers: Peers = new Map()
  readonly #out: ServerOutbox
  readonly #clients: Clients
  readonly #viewLinks: ViewLinks
  readonly #situation: Situation
  /** B1 */
  readonly #turns = new Turns(this)
  readonly #roles: Roles
  readonly #admission: Admission
  readonly #reception: Reception
  readonly #leaving: Leaving
  readonly #report: SelfReport
  readonly #diskCopy: DiskCopy
  #offeredCluster: string | null = null
  /** The backup has received batches that must be applied in the next turn. */
  #workPlanned = false
  /** What the view server heard last, so that news goes out at once. */
  #told: News = { ackable: false, unreachable: 0, wantedTtlMs: 0, left: null }

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
      ttlMaxMs: ttlMsMax,
      viewServerConnected: false,
    }
    this.#out = new ServerOutbox(this.#situation, this.#peers, options.counts)
    this.#clients = new Clients(this.#out, this.#peers)
    const { viewServers, deadPings } = options
    this.#viewLinks = new ViewLinks(this.#out, this.#situation, viewServers, deadPings, this)
    const parts = {
      out: this.#out,
      situation: this.#situation,
      peers: this.#peers,
      clients: this.#clients,
      turns: this.#turns,
      viewLinks: this.#viewLinks,
    }
    this.#roles = new Roles(options, parts, found)
    this.#leaving = new Leaving(options, parts, this.#roles)
    this.#report = new SelfReport(options, parts, this.#roles, this.#leaving)
    this.#admission = new Admission(options, parts, this.#roles)
    this.#reception = new Reception(parts, this.#roles, this.#report)
    this.#diskCopy = new DiskCopy(this.#out)
  }

  /** Why it reaches no view server, for display; null: it does, or nothing is known. */
  get viewServerTrouble(): string | null {
    return this.#viewLinks.trouble
  }

  get id(): string {
    return this.#options.id
  }

  get role(): Role {
    return this.#roles.role
  }

  get view(): View | null {
    return this.#situation.view
  }

  get cluster(): string | null {
    return this.#situation.cluster
  }

  get leaving(): boolean {
    return this.#leaving.begun
  }

  /** For tests. */
  get state(): State | null {
    return this.#roles.state
  }

  /** For display only: what pages show of a hold, by this server's clock. */
  termsOf(hold: Hold, monotonic: number): ShownTerms {
    const leases = this.#roles.primary?.leases ?? this.#roles.backup?.leases
    return leases === undefined ? null : leases.times.shown(hold, monotonic)
  }

  /** For display and metrics only; walks over the sessions. */
  get vitals(): Vitals {
    return vitalsOf(this.#roles, this.#clients, this.#viewLinks)
  }

  step(input: ServerInput, now: Instant): ServerEffect[] {
    if (this.#roles.over) return []
    this.#situation.now = now
    switch (input.is) {
      case 'messages':
        this.#messages(input.connection, input.messages)
        break
      case 'turn-end':
        this.#roles.primary?.endTurn()
        this.#countUse()
        if (this.#diskCopy.wanted) this.#copyToDisk()
        this.#turns.startTurn()
        this.#roles.backup?.startTurn()
        break
      case 'accepted':
        this.#admission.accepted(input)
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
        this.#reception.rightsChanged(input)
        break
      case 'sent':
        this.#roles.primary?.desk.sent(input.connection)
        this.#roles.backup?.shown?.desk.sent(input.connection)
        break
      case 'stuck':
        this.#reception.stuck(input.connection)
        break
      case 'standing':
        this.#roles.survey(input.standing)
        break
      case 'leave':
        this.#leaving.begin()
        break
      case 'synced':
        this.#synced(input.number)
        break
      case 'snapshot wanted':
        this.#diskCopy.want()
        break
      case 'snapshot taken':
        this.#diskCopy.taken(this.#roles.ownState)
        break
      case 'room':
        this.#roles.disk?.room(input.low)
        this.#viewLinks.ping() // D8: the view server hears of it at once.
        break
      case 'figures':
        this.#roles.disk?.measured(input.figures)
    }
    return this.#out.take()
  }

  // ---- connections

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
        this.#roles.primary?.link.probeAnswered(connection)
    }
    this.#afterNews()
  }

  #closed({ connection, trouble, tokenEndsAt }: Extract<ServerInput, { is: 'closed' }>): void {
    const peer = this.#peers.get(connection)
    if (peer?.is === 'client') peer.tokenEndsAt = tokenEndsAt ?? null
    if (peer?.is === 'client' && !this.#turns.close(peer)) return
    this.#peers.delete(connection)
    switch (peer?.is) {
      case 'client':
        return this.#reception.gone(peer)
      case 'view server':
        return this.#viewLinks.closed(connection, trouble)
      case 'backup':
      case 'probe':
        return this.#roles.primary?.link.closed(connection, trouble)
      case 'primary':
        return this.#roles.backup?.closed(connection)
    }
  }

  /** B1: a message that this turn has no room for waits, and its client with it. */
  #hear(client: Client, requests: readonly SaidOn<'clientToServer'>[]): void {
    if (this.#turns.hear(client, requests)) return
    this.#out.do({ do: 'pause', connection: client.connection, paused: true })
    this.#planWork()
  }

  done(client: Client, closed: boolean): void {
    this.#reception.done(client, closed)
  }

  request(client: Client, request: SaidOn<'clientToServer'>): number | null {
    return this.#reception.request(client, request)
  }

  #fromBackup(connection: number, peer: Peer, messages: readonly MessageOf<'backupToPrimary'>[]): void {
    for (const message of messages) {
      if (this.#roles.over || this.#roles.primary === null || this.#peers.get(connection) !== peer) return
      const newer = this.#roles.primary.heard(message)
      if (newer !== null) this.adopt(newer)
    }
  }

  #fromPrimary(connection: number, peer: Peer, messages: readonly MessageOf<'primaryToBackup'>[]): void {
    for (const message of messages) {
      if (this.#roles.over || this.#roles.backup === null || this.#peers.get(connection) !== peer) return
      if (message[1] === this.#situation.view?.number) this.#roles.backup.message(message) // R2: of this view only
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
    if (this.#roles.backup?.work() ?? false) this.#planWork()
  }

  // ---- the disk

  /** D1: more of what was decided is on the disk. */
  #synced(number: number): void {
    this.#roles.disk?.synced(number)
    this.#roles.primary?.synced()
    if (this.#roles.durable) this.#roles.backup?.synced()
    // What came while its copy was being synced is applied now: the primary says no more until it is.
    if (!this.#workPlanned) this.#work()
    this.#roles.recovery?.synced()
    this.#afterNews()
  }

  /** D2: all that was decided until now is inside. */
  #copyToDisk(): void {
    const state = this.#roles.ownState
    if (state === null || !this.#roles.durable) return
    this.#roles.primary?.replication.flush()
    this.#diskCopy.begin(state)
  }

  /** G8, B2: a share of what is in use in each slot, while one moves from this group; also as backup, which may be next. */
  #countUse(): void {
    const { table } = this.#roles.ownState ?? {}
    if (table === undefined) return
    if (movesFrom(this.#situation.map, this.#situation.group).length === 0) return table.endUse()
    if (!table.countUse(0) && !table.countUse(countedPerTurn)) this.#out.do({ do: 'continue' })
  }

  // ---- views, and the view server

  adopt(view: View): void {
    this.#roles.adopt(view)
  }

  get hello(): Extract<HelloFrom, { kind: 'lockserver' }> {
    return this.#report.hello
  }

  get pingNow(): Ping {
    return this.#report.ping
  }

  get answerNow(): MessageOf<'serverToView', 'answer'>[2] {
    return this.#report.answer
  }

  welcomedByViewServer(welcome: Welcome): void {
    this.#offeredCluster = welcome.cluster
    if (welcome.map !== null) this.mapFromViewServer(welcome.map)
    if (welcome.view !== null) this.viewFromViewServer(welcome.view, welcome.acked)
    for (const view of welcome.others) this.adopt(view)
    if (this.#roles.over) return
    this.#viewServerConnected(true)
    this.#viewLinks.ping()
  }

  /** A cluster id counts once there is a view to go with it: before its first record it may change. */
  viewFromViewServer(view: View, acked: boolean): void {
    this.#situation.cluster ??= this.#offeredCluster
    this.adopt(view)
    if (acked) this.#roles.acked(view)
  }

  /** G2, G8: of most maps clients learn with a refusal. */
  mapFromViewServer(map: SlotMap): void {
    const before = this.#situation.map
    if (this.#roles.over || map.number <= (before?.number ?? 0)) return
    this.#situation.map = map
    if (isForClients(map, before)) this.#clients.tellAll(['map', map])
    this.#roles.mapped()
  }

  #viewServerConnected(connected: boolean): void {
    this.#situation.viewServerConnected = connected
  }

  ponged(longestTtlMs: number, ttlMaxMs: number): void {
    this.#situation.ttlMaxMs = ttlMaxMs
    this.#situation.longestTtlMs = Math.max(this.#situation.longestTtlMs, longestTtlMs)
    this.#roles.primary?.openCovered()
  }

  // ---- time

  #tick(): void {
    this.#viewServerConnected(this.#viewLinks.connected)
    this.#roles.primary?.tick()
    this.#roles.backup?.tick()
    this.#roles.tick()
    this.#leaving.advance(1)
    if (!this.#roles.over) this.#viewLinks.tick()
  }

  /** News that the view server waits for goes out at once, not with the next tick. */
  #afterNews(): void {
    if (this.#roles.over) return
    const told = this.#told
    this.#told = {
      ackable: this.#roles.ackable,
      unreachable: this.#roles.primary?.link.unreachable.length ?? 0,
      wantedTtlMs: this.#roles.primary?.opens.wantedTtlMs ?? 0,
      left: this.#roles.primary?.left ?? null,
    }
    const { ackable, unreachable, wantedTtlMs, left } = this.#told
    const longer = wantedTtlMs > told.wantedTtlMs && wantedTtlMs > this.#situation.longestTtlMs
    const more = left !== null && left !== told.left
    if ((ackable && !told.ackable) || unreachable > told.unreachable || longer || more) this.#viewLinks.ping()
    this.#leaving.advance(0)
  }
}
