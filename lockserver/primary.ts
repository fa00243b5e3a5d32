// What a primary does with what clients ask: every change becomes an operation, is applied here, and
// is shown to clients when the backup has it too (R1, R5). The only role that decides anything.

import { isSamePrincipal } from '../wire/access/owner.ts'
import { allows, readable, type Verb } from '../wire/access/principal.ts'
import type { Standing } from '../wire/access/standing.ts'
import { amongRanges, toRanges } from '../wire/codec.ts'
import type { TokenEnd } from '../wire/effects.ts'
import {
  acknowledgedAtOnce,
  expireWeightMax,
  type StateLimits,
  shownTurnMax,
  ttlPingLimitsMin,
  unknownSessionCost,
} from '../wire/limits.ts'
import type { LockEvent, MessageOf, View } from '../wire/messages.ts'
import { type SaidOn, unfolded } from '../wire/runs.ts'
import { Audit } from './audit.ts'
import { BackupLink } from './backup-link.ts'
import type { Client, Clients } from './clients.ts'
import type { OwnDisk } from './disk.ts'
import { Expiry } from './expiry.ts'
import type { Leases } from './leases.ts'
import { levelling } from './levelling.ts'
import { type OpenRequest, Opens } from './opens.ts'
import type { ServerOutbox } from './outbox.ts'
import { Parking } from './parking.ts'
import { type DeskOwner, QueryDesk } from './query-desk.ts'
import { Replication } from './replication.ts'
import { Revocations } from './revocations.ts'
import { comesWhole, operationOfRun, type RequestRun } from './run-requests.ts'
import { isKeyOf, keyHashOf, publicIdOf } from './session-key.ts'
import type { Showing } from './showing.ts'
import type { InView } from './situation.ts'
import type { Fact } from './state/facts.ts'
import type { Session } from './state/sessions.ts'
import { notAllowedText, type Operation, refusalOf, type State } from './state/state.ts'
import type { Turns } from './turns.ts'
import { type Denied, deniedOf } from './verbs.ts'
import { Watches } from './watches.ts'

export interface PrimaryOptions {
  readonly id: string
  readonly pingLimitMs: number
  readonly deadPings: number
  /** A3: a session whose token was taken away ends at once. */
  readonly revokeNow: boolean
}

type Numbered = MessageOf<
  'clientToServer',
  'acquire' | 'cancel' | 'release' | 'fail' | 'set-note' | 'force-release' | 'forget-key' | 'end'
>

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

/** Waits of sessions with fewer rights that one turn looks at (A3). */
const withdrawnPerTurn = 128

/** Numbers that the ranges of one acknowledgement span, likewise. */
const acknowledgedWidthMax = 1_024

export class Primary {
  readonly state: State
  readonly leases: Leases
  readonly replication: Replication
  readonly link: BackupLink
  readonly opens: Opens
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #clients: Clients
  readonly #options: PrimaryOptions
  readonly #parking = new Parking()
  readonly desk: QueryDesk
  readonly #watches: Watches
  readonly #expiry = new Expiry()
  readonly #revocations = new Revocations()
  readonly #audit: Audit
  readonly #turns: Turns
  /** B1: the cost of what was done since the last `takeCost`. */
  #cost = 0
  /** B1: how much of what had waited was shown in this turn. */
  #shown = 0
  /** The server is leaving: the last batch before it stopped taking requests; null while it takes them. */
  #closedAt: number | null = null
  /** Times that had run out at this moment, by the monotonic clock, are to be ended; null: they are. */
  #timesUntil: number | null = null

  constructor(
    out: ServerOutbox,
    situation: InView,
    clients: Clients,
    { state, leases }: { readonly state: State; readonly leases: Leases },
    options: PrimaryOptions,
    turns: Turns,
    disk: { readonly disk: OwnDisk; readonly imprint: number } | null = null,
  ) {
    this.#turns = turns
    this.#out = out
    this.#situation = situation
    this.#clients = clients
    this.state = state
    this.leases = leases
    this.#options = options
    this.#audit = new Audit(out)
    this.opens = new Opens(situation, options.deadPings)
    this.desk = new QueryDesk(out, { state, times: leases.times }, situation, new Primary.#AtDesk(this))
    this.#watches = new Watches(out, state)
    this.replication = new Replication(out, situation, state, leases, disk?.disk, disk?.imprint)
    this.link = new BackupLink(out, situation, options.id, options.deadPings, this.replication)
  }

  /** L2, F14: an empty state begins with the wall clock, or above all tokens before a reset. */
  start(tokenFloor: number, pauseMs: number, limits: StateLimits): void {
    const { wall, monotonic } = this.#situation.now
    if (pauseMs > 0) this.leases.startPause(monotonic + pauseMs)
    this.#propose(['start', Math.max(Math.floor(wall * 1_000), tokenFloor), pauseMs, limits])
  }

  /** D6, L2: a recovered state goes on, with tokens above all that its disk may have forgotten. */
  recover(tokenFloor: number): void {
    this.#propose(['recover', tokenFloor])
  }

  /** G2: before it takes its first request. */
  level(): void {
    const { map, group } = this.#situation
    if (map === null) return
    for (const operation of levelling(this.state.slots, map, group)) this.#propose(operation)
  }

  /** V4: the view is in force, its backup in sync; D1: and that is on the disk. */
  get ackable(): boolean {
    if (!this.replication.begun) return false
    return this.#situation.view.backup === null || this.replication.join.inSync
  }

  /** D1: more of what was decided is on this server's disk. */
  synced(): void {
    this.#showShare()
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
    this.#showShare()
    this.link.enter()
    this.#unpark()
  }

  /** B1: what the requests since the last call have cost, beyond one each. */
  takeCost(): number {
    const cost = this.#cost
    this.#cost = 0
    return cost
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

  /** Nothing of this client waits here any more; the code that ends or replaces a connection calls this. */
  gone(client: Client): void {
    this.#parking.gone(client)
    this.desk.gone(client)
    this.#watches.gone(client)
  }

  tick(): void {
    // A leaving primary leaves expiry to the next one, which gives each lease its grace.
    if (this.#closedAt === null) {
      this.#expireDue()
      this.#timesUntil = this.#situation.now.monotonic
    }
    this.desk.tick()
    this.#revocations.tick()
    this.#audit.tick()
    this.link.tick()
    this.replication.probe()
    this.opens.tick()
    this.openCovered()
    this.#unpark()
  }

  /** What was decided goes to the backup. */
  endTurn(): void {
    this.#catchUp()
    this.#goOn()
    this.#expirePiece()
    this.#withdraw()
    this.#endTimes()
    this.desk.turn()
    this.replication.endTurn()
    if (this.replication.durable) this.#showShare()
    this.#shown = 0
    this.#watches.tell()
    if (this.replication.toShow || this.#watches.more) this.#out.do({ do: 'continue' })
  }

  // ---- rights

  /** A3: what this client waits for and may not have any more is refused. */
  rightsChanged(client: Client): void {
    this.#revocations.look(client)
    if (this.#revocations.more) this.#out.do({ do: 'continue' })
  }

  /** A3: nothing more of this client is done; its session may come back with another token. */
  revoked({ session, principal, remote }: Client, why: TokenEnd | null): void {
    const fields = { principal: principal?.name ?? null, address: remote }
    if (why === 'has run out') this.#out.note('info', 'a token has run out', fields)
    else this.#out.note('warn', 'a token was taken away', fields)
    if (session === null || !this.state.sessions.has(session.ordinal)) return
    if (this.#options.revokeNow) this.#propose(['abandon', session.ordinal])
    else this.#revocations.wait(session, this.#options.deadPings)
  }

  /** A3: sessions without a connection are judged by the file, when it changes and when this server takes them over. */
  survey(standing: Standing): void {
    const { deadPings, revokeNow } = this.#options
    for (const session of this.state.sessions.values())
      if (this.#clients.of(session) === undefined)
        this.#revocations.survey(session, standing, revokeNow ? 'now' : deadPings)
    if (this.#revocations.more) this.#out.do({ do: 'continue' })
  }

  /** B2: a share of the waits that have lost their right, and one of the sessions that end, each turn. */
  #withdraw(): void {
    if (this.#closedAt !== null || !this.#revocations.more) return
    const ended = this.#revocations.takeEnded()
    if (ended !== undefined && this.state.sessions.has(ended.ordinal))
      this.#propose(['abandon', ended.ordinal])
    // An earlier one of them may have made room for this one.
    for (const { session, request, verb, lock } of this.#revocations.take(withdrawnPerTurn))
      if (session.endReason === undefined && session.waiting.has(request))
        this.#propose(['deny', session.ordinal, request, verb, lock])
    if (this.#revocations.more) this.#out.do({ do: 'continue' })
  }

  // ---- clients

  request(client: Client, request: SaidOn<'clientToServer'>): void {
    if (request[0] === 'acquire-run' || request[0] === 'release-run') return this.#run(client, request)
    if (this.#mustWait(client, request)) this.#park(client, request)
    else this.#perform(client, request)
  }

  #run(client: Client, run: RequestRun): void {
    const { session, principal } = client
    const max = 2 * this.state.limits.unansweredMax
    const lives = session !== null && this.state.sessions.has(session.ordinal)
    if (lives && this.#takesNow && comesWhole(run, session, principal, max)) {
      this.leases.wake(session, this.#situation.now.monotonic)
      return this.#propose(operationOfRun(session, run))
    }
    for (const request of unfolded<'clientToServer'>([run])) if (!client.deaf) this.request(client, request)
  }

  /** A request that becomes an operation waits for nothing (R3). */
  get #takesNow(): boolean {
    return this.#closedAt === null && this.#parking.size === 0 && !this.replication.join.mustPark
  }

  #park(client: Client, request: MessageOf<'clientToServer'>): void {
    if (client.parked >= 2 * this.state.limits.unansweredMax) {
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'far too many requests at a time')
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
      if (this.#speaks(client)) this.#perform(client, request)
      this.#spend()
    }
  }

  get #mayUnpark(): boolean {
    return this.#parking.size > 0 && this.#closedAt === null && !this.replication.join.mustPark
  }

  /** B1: for something that had waited, and was done now. */
  #spend(): void {
    this.#turns.spend(1 + this.takeCost())
  }

  /** B1: what waited, and had no room in the turns before. */
  #catchUp(): void {
    this.#showShare()
    if (this.opens.more) this.openCovered()
    this.#unpark()
    if (this.opens.more || this.#mayUnpark) this.#out.do({ do: 'continue' })
  }

  #perform(client: Client, request: MessageOf<'clientToServer'>): void {
    switch (request[0]) {
      case 'open':
        return this.#open(client, request)
      case 'resume':
        return this.#resume(client, request)
      case 'renew':
        return this.#renew(client, request[1])
      case 'query':
      case 'clients':
      case 'look':
        return this.desk.ask(client, request)
      case 'watch':
        return this.#watch(client, request[1], request[2])
      case 'seen':
        return this.#watches.seen(client, request[1], request[2])
      case 'unwatch':
        return this.#watches.end(client, request[1])
      case 'abandon':
        return this.#abandon(client, request[1], request[2])
      case 'acknowledge':
        return this.#acknowledge(client, request[1], request[2])
      case 'testify':
      case 'token':
        return // whoever it is, the server answers that itself
      case 'echo':
        return this.#out.send(client.connection, ['echoed', request[1]])
      case 'force-release':
      case 'forget-key':
        return this.#force(client, request)
      default:
        this.#numbered(client, request)
    }
  }

  #open(client: Client, request: OpenRequest): void {
    const [, id, , , ttlMs] = request
    if (client.session !== null || client.opening) {
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'this connection has a session already')
    }
    const smallest = ttlPingLimitsMin * this.#options.pingLimitMs
    if (ttlMs < smallest) {
      const text = `the ttl is ${ttlMs} ms; this cluster takes ${smallest} ms or more`
      this.#out.count({ is: 'open refused', code: 'TTL_OUT_OF_RANGE' })
      return this.#answer(client, ['open-refused', id, 'TTL_OUT_OF_RANGE', text])
    }
    this.opens.wants(ttlMs)
    if (!this.state.sessionsById.has(id) && this.opens.mustWait(ttlMs)) this.opens.add(client, request)
    else this.#openNow(client, request)
  }

  /** The view record covers a longer ttl now, or no view server can say so. B1: as many as this turn has room for. */
  openCovered(): void {
    while (this.#turns.room) {
      const open = this.opens.take()
      if (open === undefined) return
      if (!this.#speaks(open.client)) continue
      open.client.opening = false
      this.#openNow(open.client, open.request)
      this.#spend()
    }
  }

  #openNow(client: Client, request: OpenRequest): void {
    const [, id, , count] = request
    if (this.state.sessionsById.has(id)) return this.#openAgain(client, request)
    const { owner } = client
    const refusal = this.state.openRefusal(owner)
    this.#propose(this.#entryOf(client, request))
    if (refusal === undefined) this.#opened(client, this.state.sessionsById.get(id) as Session, count)
    else {
      const [code, text] = refusalOf(refusal, owner, this.state.limits)
      this.#out.count({ is: 'open refused', code })
      this.#answer(client, ['open-refused', id, code, text])
    }
  }

  #entryOf({ owner, remote }: Client, request: OpenRequest): Operation {
    const [, id, key, , ttlMs, name, host, pid, version] = request
    // While the view server is away: the longest ttl that a later reset would wait for.
    const ttl = Math.min(ttlMs, this.#situation.longestTtlMs)
    return ['open', id, keyHashOf(key), publicIdOf(id, key), ttl, name, host, pid, version, remote, owner]
  }

  /** The answer to an earlier one was lost. C9: or it is not its client who asks. */
  #openAgain(client: Client, [, id, key, count]: OpenRequest): void {
    const session = this.#sessionFor(client, id, key)
    if (session === undefined) this.#unknown(client, id)
    else this.#opened(client, session, count)
  }

  /** C9, A4: to a peer without its key, or of another principal, a session is one that there is not. A wrong key costs what it takes to try many. */
  #sessionFor({ owner }: Client, id: string, key: string): Session | undefined {
    const session = this.state.sessionsById.get(id)
    const isOwn = session !== undefined && isSamePrincipal(owner, session.owner?.name ?? null)
    if (isOwn && isKeyOf(session.keyHash, key)) return session
    if (session !== undefined) this.#out.count({ is: 'wrong key' })
    this.#cost += unknownSessionCost
    return undefined
  }

  #opened(client: Client, session: Session, count: number): void {
    if (!this.#bind(client, session, count)) return
    this.#out.count({ is: 'session opened' })
    this.#renewLease(session)
    this.#answer(client, ['opened', session.id, count, session.ttlMs, session.publicId])
  }

  /** S2: false if this connection is the older one. Nothing waits any more for a replaced connection. */
  #bind(client: Client, session: Session, count: number): boolean {
    const old = this.#clients.of(session)
    const bound = this.#clients.bind(client, session, count)
    if (!bound) this.#close(client, 'REPLACED', 'an older connection of its session')
    else if (old !== undefined && old !== client) this.gone(old)
    if (bound && client.principal !== null) this.#bound(client, session)
    return bound
  }

  /** A3: by the rules of now; they may have changed while it was away. */
  #bound(client: Client, session: Session): void {
    this.#revocations.returned(session)
    this.#cost += session.waiting.size
    this.rightsChanged(client)
  }

  #resume(client: Client, request: MessageOf<'clientToServer', 'resume'>): void {
    const [, id, key, count, next, unanswered] = request
    if (client.session !== null)
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'this connection has a session already')
    const session = this.#sessionFor(client, id, key)
    if (session === undefined) return this.#unknown(client, id)
    if (!this.#bind(client, session, count)) return
    this.#cost += session.replies.size + session.losses.size
    // S1: a reply that is not named is acknowledged; but a late resume can't know numbers after its own.
    const waiting = new Set(amongRanges(session.replies.keys(), unanswered))
    const done = [...session.replies.keys()].filter(n => n < next && !waiting.has(n)).sort((a, b) => a - b)
    if (done.length > 0) this.#propose(['acknowledge', session.ordinal, toRanges(done), []])
    this.#answer(client, ['resumed', id, count])
    // S5: losses are sent again at each resume, but for those that only a waiting acquire's reply may state.
    for (const [token, reason] of [...session.losses].sort((a, b) => a[0] - b[0])) {
      if (!session.isWaitingWith(token)) this.#answer(client, ['lost', token, reason])
    }
  }

  #renew(client: Client, number: number): void {
    const session = this.#sessionOf(client)
    if (session === undefined) return
    const idle = session.rests
    this.#renewLease(session, idle)
    this.#show({ is: 'answer', client, message: ['renewed', number] }, idle)
  }

  /** S3, S4: the whole ttl from now; the backup hears of it in order with the operations. */
  #renewLease(session: Session, idle = false): void {
    this.leases.renew(session, this.#situation.now.monotonic)
    this.replication.add(['renew', session.ordinal], idle)
    this.#out.count({ is: 'renewal' })
  }

  /** What its desk needs of it; with no function of its own, since a core is data. */
  static readonly #AtDesk = class implements DeskOwner {
    readonly primary: Primary

    constructor(primary: Primary) {
      this.primary = primary
    }

    get age() {
      return this.primary.replication.age
    }

    get isSure() {
      return !this.primary.replication.join.latched
    }

    speaks(client: Client): boolean {
      return this.primary.#speaks(client)
    }

    show(client: Client, parts: readonly MessageOf<'serverToClient'>[]): void {
      for (const part of parts) this.primary.#answer(client, part)
      this.primary.#show({ is: 'query answered', client })
    }

    answer(client: Client, message: MessageOf<'serverToClient'>): void {
      this.primary.#answer(client, message)
    }

    refused(client: Client, denied: { readonly verb: Verb; readonly lock: string }): void {
      this.primary.#refused(client, denied)
    }

    close(client: Client, code: 'UNEXPECTED_MESSAGE' | 'TOO_MANY_CONNECTIONS', text: string): void {
      this.primary.#close(client, code, text)
    }
  }

  /** R1: the watch begins where its answer stands among all that clients are shown. */
  #watch(client: Client, number: number, prefix: string): void {
    if (client.principal !== null && readable(client.principal, prefix)?.length === 0)
      return this.#notWatched(client, number, prefix)
    const watch = this.#watches.add(client, number, prefix)
    if (watch !== undefined) this.#show({ is: 'watching', watch })
  }

  #notWatched(client: Client, number: number, prefix: string): void {
    this.#watches.end(client, number)
    this.#refused(client, { verb: 'read', lock: prefix })
    const text = notAllowedText(client.principal?.name ?? '', 'read', prefix)
    this.#out.send(client.connection, ['watch-refused', number, 'NOT_ALLOWED', text])
  }

  /** S1: a repeat gets the stored reply, or stays the same waiter. The reply is a read (R1). */
  #repeat(client: Client, session: Session, number: number): void {
    const stored = session.replies.get(number)
    if (stored !== undefined) this.#answer(client, stored)
    else if (!session.waiting.has(number)) {
      this.#close(client, 'OUT_OF_ORDER', `request ${number} was answered, and the answer acknowledged`)
    }
  }

  // ---- operations

  #numbered(client: Client, request: Numbered): void {
    const session = this.#sessionOf(client)
    if (session === undefined) return
    const number = request[1]
    if (number < session.nextRequest) return this.#repeat(client, session, number)
    if (number > session.nextRequest) {
      return this.#close(client, 'OUT_OF_ORDER', `request ${number} came, ${session.nextRequest} is next`)
    }
    if (session.unanswered >= 2 * this.state.limits.unansweredMax) {
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'far too many replies are not acknowledged')
    }
    this.leases.wake(session, this.#situation.now.monotonic)
    const denied = client.principal === null ? undefined : deniedOf(client.principal, request)
    if (denied !== undefined) return this.#deny(client, session, number, denied)
    this.#propose(operationOf(session, request))
  }

  /** A2: the refusal is an operation (S1). */
  #deny(client: Client, session: Session, number: number, denied: Denied): void {
    this.#refused(client, denied)
    this.#propose(['deny', session.ordinal, number, denied.verb, denied.lock])
  }

  /** A7: an operator's act; a repeat is none. */
  #force(client: Client, request: MessageOf<'clientToServer', 'force-release' | 'forget-key'>): void {
    const [act, , lock] = request
    const next = client.session?.nextRequest
    this.#numbered(client, request)
    const isTaken = client.session?.nextRequest !== next
    if (isTaken && allows(client.principal, 'force', lock))
      this.#audit.done(client, act, { verb: 'force', lock })
  }

  #refused(client: Client, denied: { readonly verb: Verb; readonly lock: string | null }): void {
    this.#out.count({ is: 'not allowed', verb: denied.verb })
    this.#audit.refused(client, denied)
  }

  #abandon(client: Client, id: string, key: string): void {
    const session = this.#sessionFor(client, id, key)
    if (session !== undefined) this.#propose(['abandon', session.ordinal])
  }

  #acknowledge(client: Client, ranges: readonly number[], tokens: readonly number[]): void {
    const session = this.#sessionOf(client)
    if (session === undefined) return
    // F13: of an oversized list only numbers that change something go on, in pieces that fit a batch.
    const few = ranges.length + tokens.length <= acknowledgedAtOnce && isNarrow(ranges)
    this.#cost += few ? (ranges.length + tokens.length) >> 2 : session.replies.size + tokens.length
    const done = few ? ranges : toRanges(amongRanges(session.replies.keys(), ranges))
    const told = few ? tokens : tokens.filter(token => session.losses.has(token))
    for (let i = 0; i === 0 || i < told.length; i += acknowledgedAtOnce)
      this.#propose([
        'acknowledge',
        session.ordinal,
        i === 0 ? done : [],
        told.slice(i, i + acknowledgedAtOnce),
      ])
  }

  /** Applies it here and sends it on; what it lets clients see waits for the backup (R1). */
  #propose(operation: Operation): void {
    this.replication.beforeOperation()
    this.state.apply(operation)
    this.#cost += this.state.changes
    const { facts } = this.state
    for (let fact = facts.take(); fact !== undefined; fact = facts.take()) this.#note(fact)
    this.replication.add(operation, false, this.state.changes)
  }

  /** Handles what an operation has done: counts it, holds it back, and keeps the leases. */
  #note(fact: Fact): void {
    this.#out.countFact(fact)
    switch (fact.is) {
      case 'output':
        return this.#show(fact)
      case 'event':
        return this.#show({ is: 'event', event: this.#timed(fact.event) })
      case 'granted':
        this.#show(fact)
        if (fact.handed && this.#out.counting)
          this.#show({ is: 'handed over', since: this.#situation.now.monotonic })
        return
      case 'opened':
        return this.leases.renew(fact.session, this.#situation.now.monotonic)
      case 'dropped':
        this.leases.forget(fact.session)
        return this.#show(fact)
      default:
        return this.leases.times.note(fact, this.#situation.now.monotonic)
    }
  }

  /** C3: what is kept, and for how much longer. */
  #timed(event: LockEvent): LockEvent {
    if (event.event !== 'kept' || event.terms === null) return event
    const { token, terms } = event
    const keptMs = token === null ? null : this.leases.times.keptUntil(token, this.#situation.now.monotonic)
    return { ...event, terms: { ...terms, keptMs, endsMs: null } }
  }

  /** S3: only a primary proposes that leases end, and only after it has read what had arrived. */
  #expireDue(): void {
    if (this.#expiry.more) return // The rest of what was due before comes first.
    const { monotonic } = this.#situation.now
    const { sessions, pauseOver } = this.leases.due(monotonic, this.state.sessions)
    if (pauseOver) {
      this.leases.endPause()
      this.#propose(['unpause'])
    }
    this.#expiry.begin(sessions, monotonic)
  }

  /** B2: a share of what was begun, each turn, in its own operation. */
  #goOn(): void {
    if (this.#closedAt !== null || !this.state.table.isUnfinished) return
    this.#propose(['go-on'])
    if (this.state.table.isUnfinished) this.#out.do({ do: 'continue' })
  }

  /** F13: one piece a turn, each of them in its own operation. */
  #expirePiece(): void {
    if (this.#closedAt !== null) return
    const piece = this.#expiry.take(this.state.sessions, this.leases, session => this.#isHeard(session))
    if (piece.length > 0) this.#propose(['expire', piece])
    if (this.#expiry.more) this.#out.do({ do: 'continue' })
  }

  /** C3, C4, C5: likewise of the times that had run out at a tick, one piece a turn (B2). */
  #endTimes(): void {
    if (this.#closedAt !== null || this.#timesUntil === null) return
    const { times } = this.leases
    const most = Math.min(expireWeightMax, this.state.limits.changesPerOperationMax)
    const operation = times.take(this.#timesUntil, most)
    if (operation !== undefined) this.#propose(operation)
    if (times.more(this.#timesUntil)) this.#out.do({ do: 'continue' })
    else this.#timesUntil = null
  }

  /** S3: messages from this session wait for their turn (B1); a renewal may be among them. */
  #isHeard(session: Session): boolean {
    const client = this.#clients.of(session)
    return client !== undefined && (client.unread || this.#turns.has(client))
  }

  // ---- answers

  /** R1: a read is shown when the backup has answered a message sent after the read came. */
  #answer(client: Client, message: MessageOf<'serverToClient'>): void {
    this.#show({ is: 'answer', client, message })
  }

  #unknown(client: Client, id: string): void {
    this.#deafen(client)
    this.#show({ is: 'last word', client, message: ['unknown-session', id] })
  }

  /** R1: shown now, or once the backup has all that was decided until now. `idle`: no client waits for it. */
  #show(showing: Showing, idle = false): void {
    if (!this.replication.holds(showing, idle)) this.#showNow(showing)
  }

  /** B1: as much as this turn has room for of what may be shown, in order. */
  #showShare(): void {
    if (this.#shown >= shownTurnMax) return
    const share = this.replication.release(shownTurnMax - this.#shown)
    this.#shown += share.length
    this.#showAll(share)
  }

  #showAll(showings: readonly Showing[]): void {
    for (const showing of showings) this.#showNow(showing)
  }

  #showNow(showing: Showing): void {
    switch (showing.is) {
      case 'output':
      case 'granted': {
        const client = this.#clients.of(showing.session)
        if (client !== undefined) this.#send(client, showing.message)
        return
      }
      case 'answer':
        return this.#showAnswer(showing.client, showing.message)
      case 'last word':
        return this.#out.send(showing.client.connection, showing.message)
      case 'dropped':
        return this.#sessionOver(showing.session)
      case 'query answered':
        return this.desk.answered(showing.client)
      case 'watching':
        return this.#watches.begin(showing.watch)
      case 'event':
        return this.#watches.happened(showing.event)
      case 'handed over':
        return this.#out.count(showing)
    }
  }

  #showAnswer(client: Client, message: MessageOf<'serverToClient'>): void {
    if (client.deaf) return
    if (message[0] === 'locks') this.#watches.catchUp(client)
    this.#send(client, message)
  }

  /** A2: who holds a lock is for those who may read it. */
  #send(client: Client, message: SaidOn<'serverToClient'>): void {
    const { principal, connection } = client
    if (principal !== null && message[0] === 'cancel-done' && message[3] !== null)
      if (!allows(principal, 'read', message[3].name))
        return this.#out.send(connection, ['cancel-done', message[1], message[2], null])
    const { map } = this.#situation
    // G2: the newest map comes first.
    if (message[0] === 'refused' && message[2] === 'WRONG_GROUP' && map !== null)
      this.#out.send(connection, ['map', map])
    this.#out.send(connection, message)
  }

  #sessionOver(session: Session): void {
    const client = this.#clients.of(session)
    this.#clients.forget(session)
    if (client === undefined || client.deaf) return
    this.#deafen(client)
    this.#out.send(client.connection, ['unknown-session', session.id])
  }

  /** The client's live session; a client without one gets an answer that says so. */
  #sessionOf(client: Client): Session | undefined {
    const { session } = client
    if (session === null) {
      this.#close(client, 'UNEXPECTED_MESSAGE', 'open or resume a session first')
      return undefined
    }
    if (this.state.sessions.has(session.ordinal)) return session
    this.#unknown(client, session.id)
    return undefined
  }

  /** Whatever still arrives from this client is ignored. */
  #deafen(client: Client): void {
    client.deaf = true
    this.gone(client)
  }

  #speaks(client: Client): boolean {
    return !client.deaf && this.#clients.has(client)
  }

  #close(
    client: Client,
    code: 'UNEXPECTED_MESSAGE' | 'OUT_OF_ORDER' | 'REPLACED' | 'TOO_MANY_CONNECTIONS',
    text: string,
  ): void {
    this.#deafen(client)
    this.#clients.remove(client)
    this.#out.close(client.connection, code, text)
  }

  // ---- the backup

  /** A message from the backup; it may be a newer view (R2). */
  heard(message: MessageOf<'backupToPrimary'>): View | null {
    if (!this.link.hears(message)) return null
    if (message[0] === 'view') return message[1]
    this.#backupSays(message)
    return null
  }

  #backupSays(message: MessageOf<'backupToPrimary', 'applied' | 'received' | 'heard' | 'when'>): void {
    if (message[1] !== this.#situation.view.number) return // R2: an answer about another view
    if (message[0] === 'applied') this.#applied(message[2], message[4])
    else if (message[0] === 'received') this.replication.onReceived(message[2])
    else if (message[0] === 'when') this.replication.onWhen(message[2])
    else this.replication.onHeard()
    this.#unpark()
  }

  #applied(sequence: number, digest: number): void {
    this.replication.onApplied(sequence, digest)
    this.#showShare()
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

/** Whether these ranges span few numbers; B2: numbers that name no reply are not walked through. */
function isNarrow(ranges: readonly number[]): boolean {
  let width = 0
  for (let i = 0; i + 1 < ranges.length; i += 2) width += (ranges[i + 1] as number) - (ranges[i] as number)
  return width <= acknowledgedWidthMax
}

function operationOf(session: Session, request: Numbered): Operation {
  const { ordinal } = session
  switch (request[0]) {
    case 'acquire':
      return ['acquire', ordinal, request[1], request[2], request[3], request[4], request[5]]
    case 'cancel':
      return ['cancel', ordinal, request[1], request[2]]
    case 'release':
      return ['release', ordinal, request[1], request[2]]
    case 'fail':
      return ['fail', ordinal, request[1], request[2]]
    case 'set-note':
      return ['set-note', ordinal, request[1], request[2], request[3]]
    case 'force-release':
      return ['force-release', ordinal, request[1], request[2], request[3]]
    case 'forget-key':
      return ['forget-key', ordinal, request[1], request[2], request[3]]
    case 'end':
      return ['end', ordinal, request[1]]
  }
}
