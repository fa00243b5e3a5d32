// A primary: which requests of clients it does now, which wait (R3, B1), and what it makes of its view and its backup. The
// only role that decides anything: session-requests.ts, numbered.ts and overdue.ts say what, proposals.ts makes
// operations of it, and audience.ts shows clients what came of them (R1, R5).

import type { Standing } from '../wire/access/standing.ts'
import type { TokenEnd } from '../wire/effects.ts'
import type { StateLimits } from '../wire/limits.ts'
import type { MessageOf, SlotsLeft, View } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import { Audience } from './audience.ts'
import { Audit } from './audit.ts'
import { BackupLink } from './backup-link.ts'
import { ClientRights } from './client-rights.ts'
import type { Client, Clients } from './clients.ts'
import type { OwnDisk } from './disk.ts'
import type { Leases } from './leases.ts'
import { NumberedRequests } from './numbered.ts'
import type { Opens } from './opens.ts'
import type { ServerOutbox } from './outbox.ts'
import { Overdue } from './overdue.ts'
import { Parking } from './parking.ts'
import { Proposals } from './proposals.ts'
import type { QueryDesk } from './query-desk.ts'
import { Replication } from './replication.ts'
import { Revocations } from './revocations.ts'
import { comesWhole, isSmall, operationOfRun, type RequestRun } from './run-requests.ts'
import { ServedSlots } from './served-slots.ts'
import { SessionRequests } from './session-requests.ts'
import type { InView } from './situation.ts'
import type { Recent } from './state/recent.ts'
import type { State } from './state/state.ts'
import type { Turns } from './turns.ts'

export interface PrimaryOptions {
  readonly id: string
  readonly pingLimitMs: number
  readonly deadPings: number
  /** A3: a session whose token was taken away ends at once. */
  readonly revokeNow: boolean
}

/** These requests never wait for a joining backup (R3). */
const reads: ReadonlySet<string> = new Set([
  'resume',
  'renew',
  'query',
  'clients',
  'look',
  'watch',
  'seen',
  'unwatch',
  'echo',
])

/** These requests go on while the server leaves, so that no lease runs out because of it. */
const meanwhile: ReadonlySet<string> = new Set(['resume', 'renew', 'look', 'seen', 'unwatch', 'echo'])

export class Primary {
  readonly state: State
  readonly leases: Leases
  readonly replication: Replication
  readonly link: BackupLink
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #turns: Turns
  readonly #parking = new Parking()
  readonly #audience: Audience
  readonly #proposals: Proposals
  readonly #rights: ClientRights
  readonly #sessions: SessionRequests
  readonly #numbered: NumberedRequests
  readonly #overdue: Overdue
  readonly #slots: ServedSlots
  /** The server is leaving: the last batch before it stopped taking requests; null while it takes them. */
  #closedAt: number | null = null

  constructor(
    out: ServerOutbox,
    situation: InView,
    clients: Clients,
    { state, leases }: { readonly state: State; readonly leases: Leases },
    options: PrimaryOptions,
    turns: Turns,
    disk: { readonly disk: OwnDisk; readonly imprint: number } | null = null,
    recent: Recent | null = null,
  ) {
    this.#out = out
    this.#situation = situation
    this.#turns = turns
    this.state = state
    this.leases = leases
    this.replication = new Replication(out, situation, state, leases, disk?.disk, disk?.imprint, recent)
    this.link = new BackupLink(out, situation, options.id, options.deadPings, this.replication)
    const parts = {
      out,
      situation,
      clients,
      turns,
      state,
      leases,
      replication: this.replication,
      parking: this.#parking,
      revocations: new Revocations(),
      audit: new Audit(out),
    }
    this.#audience = new Audience(parts, options.pingLimitMs)
    this.#proposals = new Proposals(parts, this.#audience)
    this.#rights = new ClientRights(parts, options, this.#proposals)
    this.#sessions = new SessionRequests(parts, options, this.#audience, this.#proposals, this.#rights)
    this.#numbered = new NumberedRequests(parts, this.#audience, this.#proposals)
    this.#overdue = new Overdue(parts, this.#proposals)
    this.#slots = new ServedSlots(parts, this.#audience, this.#proposals)
  }

  get desk(): QueryDesk {
    return this.#audience.desk
  }

  get opens(): Opens {
    return this.#sessions.opens
  }

  /** L2, F14: an empty state begins with the wall clock, or above all tokens before a reset. */
  start(tokenFloor: number, pauseMs: number, limits: StateLimits): void {
    const { wall, monotonic } = this.#situation.now
    if (pauseMs > 0) this.leases.startPause(monotonic + pauseMs)
    this.#proposals.propose(['start', Math.max(Math.floor(wall * 1_000), tokenFloor), pauseMs, limits])
  }

  /** D6, L2: a recovered state goes on, with tokens above all that its disk may have forgotten. */
  recover(tokenFloor: number): void {
    this.#proposals.propose(['recover', tokenFloor])
  }

  /** G2: before it takes its first request, and whenever there is a newer map. */
  level(): void {
    this.#slots.level()
  }

  /** G8: what its state has left, as the view server may know it; null: nothing. */
  get left(): SlotsLeft | null {
    return this.#audience.left
  }

  /** V4: the view is in force, its backup in sync; D1: and that is on the disk. */
  get ackable(): boolean {
    if (!this.replication.begun) return false
    return this.#situation.view.backup === null || this.replication.join.inSync
  }

  /** D1: more of what was decided is on this server's disk. */
  synced(): void {
    this.#audience.showShare()
    this.replication.advanceJoin()
    this.#unpark()
  }

  /** D4: another view takes the state over from this role; no client is answered any more. */
  end(): void {
    this.replication.flush()
    this.link.end()
  }

  /** D10: this server takes no more requests, and all that it has decided is on its disk. */
  get isSafe(): boolean {
    return this.#closedAt !== null && this.replication.isOnDisk(this.#closedAt)
  }

  /** R2: a new view names this primary again. */
  enter(): void {
    this.replication.enter()
    this.#audience.showShare()
    this.#slots.report()
    this.link.enter()
    this.#unpark()
  }

  /** B1: what the requests since the last call have cost, beyond one each. */
  takeCost(): number {
    return this.#proposals.takeCost()
  }

  get parked(): number {
    return this.#parking.size
  }

  /** Leaving: takes no more requests; leases go on. */
  close(): void {
    this.replication.flush()
    this.#closedAt = this.replication.sequence
  }

  /** The backup has all that was in flight when this primary stopped taking requests. */
  get drained(): boolean {
    return this.#closedAt !== null && this.replication.confirmed >= this.#closedAt
  }

  /** It takes no more requests. */
  get isClosed(): boolean {
    return this.#closedAt !== null
  }

  reopen(): void {
    this.#closedAt = null
  }

  /** Nothing of this client waits here any more. */
  gone(client: Client): void {
    this.#rights.left(client)
    this.#audience.gone(client)
  }

  tick(): void {
    // A leaving primary leaves expiry to the next one, which gives each lease its grace.
    if (this.#closedAt === null) this.#overdue.tick()
    if (this.#closedAt === null) this.#slots.tick()
    this.#audience.tick()
    this.#rights.tick()
    this.link.tick()
    this.replication.probe()
    this.opens.tick()
    this.openCovered()
    this.#unpark()
  }

  /** What was decided goes to the backup. */
  endTurn(): void {
    this.#catchUp()
    if (this.#closedAt === null) this.#overdue.turn()
    this.desk.turn()
    this.replication.endTurn()
    this.#audience.endTurn()
  }

  // ---- rights

  rightsChanged(client: Client): void {
    this.#rights.changed(client)
  }

  revoked(client: Client, why: TokenEnd | null): void {
    this.#rights.revoked(client, why)
  }

  survey(standing: Standing): void {
    this.#rights.survey(standing)
  }

  // ---- clients

  /** False: this is a run that must come message by message. */
  request(client: Client, request: SaidOn<'clientToServer'>): boolean {
    if (request[0] === 'acquire-run' || request[0] === 'release-run') return this.#run(client, request)
    if (this.#mustWait(client, request)) this.#park(client, request)
    else this.#perform(client, request)
    return true
  }

  #run(client: Client, run: RequestRun): boolean {
    const { session, principal } = client
    const max = 2 * this.state.limits.unansweredMax
    if (session === null || !this.state.sessions.has(session.ordinal) || !this.#takesNow) return false
    if (!comesWhole(run, session, principal, max) || !isSmall(run, session, this.state)) return false
    this.leases.wake(session, this.#situation.now.monotonic)
    this.#proposals.propose(operationOfRun(session, run))
    return true
  }

  /** A request that becomes an operation waits for nothing (R3). */
  get #takesNow(): boolean {
    return this.#closedAt === null && this.#parking.size === 0 && !this.replication.join.mustPark
  }

  #park(client: Client, request: MessageOf<'clientToServer'>): void {
    if (client.parked >= 2 * this.state.limits.unansweredMax) {
      return this.#audience.close(client, 'UNEXPECTED_MESSAGE', 'far too many requests at a time')
    }
    this.#parking.add(client, request)
  }

  /**
   * R3: a request that becomes an operation waits for a joining backup, behind others that wait; when
   * leaving, every request does. A read passes by, but for a query of a client whose own operations wait: it
   * would not find what that client has asked before.
   */
  #mustWait(client: Client, request: MessageOf<'clientToServer'>): boolean {
    if (this.#closedAt !== null) return !meanwhile.has(request[0])
    if (reads.has(request[0]))
      return (request[0] === 'query' || request[0] === 'clients') && client.parked > 0
    return !this.#takesNow
  }

  /** B1: as many as this turn has room for. */
  #unpark(): void {
    while (this.#mayUnpark && this.#turns.room) {
      const { client, request } = this.#parking.take()
      if (this.#audience.speaks(client)) this.#perform(client, request)
      this.#spend()
    }
  }

  get #mayUnpark(): boolean {
    return this.#parking.size > 0 && this.#closedAt === null && !this.replication.join.mustPark
  }

  /** B1: for something that had waited, and was done now. */
  #spend(): void {
    this.#turns.spend(1 + this.#proposals.takeCost())
  }

  /** B1: what waited, and had no room in the turns before. */
  #catchUp(): void {
    this.#audience.showShare()
    if (this.opens.more) this.openCovered()
    this.#unpark()
    if (this.opens.more || this.#mayUnpark) this.#out.do({ do: 'continue' })
  }

  #perform(client: Client, request: MessageOf<'clientToServer'>): void {
    switch (request[0]) {
      case 'open':
        return this.#sessions.open(client, request)
      case 'resume':
        return this.#sessions.resume(client, request)
      case 'renew':
        return this.#sessions.renew(client, request[1])
      case 'query':
      case 'clients':
      case 'look':
        return this.desk.ask(client, request)
      case 'watch':
        return this.#audience.watch(client, request[1], request[2])
      case 'seen':
        return this.#audience.seen(client, request[1], request[2])
      case 'unwatch':
        return this.#audience.unwatch(client, request[1])
      case 'abandon':
        return this.#sessions.abandon(client, request[1], request[2])
      case 'acknowledge':
        return this.#numbered.acknowledge(client, request[1], request[2])
      case 'testify':
      case 'token':
        return // whoever it is, the server answers that itself
      case 'echo':
        return this.#out.send(client.connection, ['echoed', request[1]])
      case 'force-release':
      case 'forget-key':
        return this.#numbered.force(client, request)
      default:
        this.#numbered.ask(client, request)
    }
  }

  openCovered(): void {
    this.#sessions.openCovered()
  }

  // ---- the backup

  /** A message from the backup; it may be a newer view (R2). */
  heard(message: MessageOf<'backupToPrimary'>): View | null {
    if (!this.link.hears(message)) return null
    if (message[0] === 'view') return message[1]
    this.#backupSays(message)
    return null
  }

  #backupSays(
    message: MessageOf<'backupToPrimary', 'applied' | 'received' | 'heard' | 'when' | 'has'>,
  ): void {
    if (message[1] !== this.#situation.view.number) return // R2: an answer about another view
    if (message[0] === 'applied') this.#applied(message[2], message[4])
    else if (message[0] === 'received') this.replication.onReceived(message[2])
    else if (message[0] === 'when') this.replication.onWhen(message[2])
    else if (message[0] === 'has') this.replication.onHas(message[2])
    else this.replication.onHeard()
    this.#unpark()
  }

  #applied(sequence: number, digest: number): void {
    this.replication.onApplied(sequence, digest)
    this.#audience.showShare()
    this.replication.advanceJoin()
    if (this.replication.join.differs) this.#digestDiffers()
  }

  /** R4: a server that fails its own check ends itself; if both pass, the backup is dropped. */
  #digestDiffers(): void {
    this.#out.count({ is: 'digest differs' })
    const problem = this.state.problem()
    if (problem !== undefined)
      this.#out.do({ do: 'exit', status: 1, reason: `digest differs, and ${problem}` })
    else this.link.refuse('digest differs')
  }
}
