// What a primary does with what clients ask: every change becomes an operation, is applied here, and
// is shown to clients when the backup has it too (R1, R5). The only role that decides anything.

import { amongRanges, toRanges } from '../wire/codec.ts'
import {
  queriedInPlaceMax,
  queriesAtOnce,
  queriesWaitingMax,
  queryPartMax,
  type StateLimits,
  ttlPingLimitsMin,
} from '../wire/limits.ts'
import type { ClientRequest, LockEvent, Message, View } from '../wire/messages.ts'
import { BackupLink, type BackupLinkOwner } from './backup-link.ts'
import type { Client, Clients } from './clients.ts'
import type { Leases } from './leases.ts'
import type { Acquire, Hold, Lock } from './lock.ts'
import type { Outbox } from './outbox.ts'
import { answerQuery } from './query.ts'
import { Replication, type Shower } from './replication.ts'
import type { Session } from './sessions.ts'
import type { Showing } from './showing.ts'
import type { Operation, Output, State, StateListener } from './state.ts'
import { Watches } from './watches.ts'

export interface PrimaryOptions {
  readonly id: string
  readonly pingLimitMs: number
  readonly deadPings: number
}

/** The server that is primary. */
export interface PrimaryOwner {
  readonly cluster: string | null
  /** Somebody knows a newer view (R2). */
  adopt(view: View): void
}

type Numbered = Extract<
  ClientRequest,
  ['acquire' | 'cancel' | 'release' | 'force-release' | 'end', ...unknown[]]
>
type Query = Extract<ClientRequest, ['query', ...unknown[]]>
type Open = Extract<ClientRequest, ['open', ...unknown[]]>

interface Parked {
  readonly client: Client
  readonly request: ClientRequest
}

/** These never wait for a joining backup (R3). */
const reads: ReadonlySet<string> = new Set(['resume', 'renew', 'query', 'watch', 'seen', 'unwatch', 'echo'])

/** Numbers in one acknowledgement that are passed on as they came. */
const acknowledgedAtOnce = 64

/** These go on while the server leaves, so that no lease runs out for it. */
const meanwhile: ReadonlySet<string> = new Set(['resume', 'renew', 'seen', 'unwatch', 'echo'])

export class Primary implements StateListener, Shower, BackupLinkOwner {
  readonly state: State
  readonly leases: Leases
  readonly replication: Replication
  readonly link: BackupLink
  readonly #out: Outbox
  readonly #clients: Clients
  readonly #options: PrimaryOptions
  readonly #owner: PrimaryOwner
  #view: View
  /** R3: operations that wait for a joining backup to catch up; in the order in which they came. */
  #parked: Parked[] = []
  /** Opens whose ttl the view record does not cover yet (Reset). */
  #opens: { client: Client; request: Open; ticks: number }[] = []
  /** The longest ttl that the view record is known to cover. */
  longestTtlMs: number
  /** The longest ttl that a client has asked for. */
  wantedTtlMs = 0
  viewServerConnected = false
  /** The server is leaving: the last batch before it stopped to take requests; null while it takes them. */
  #closedAt: number | null = null
  /** Queries are answered one a turn, so that no frame full of them stops everything else (F13). */
  #queries: { client: Client; request: Query }[] = []
  /** Answers of queries that wait for the backup. */
  #answering = 0
  /** About how many locks and waiters this turn's queries have looked at. */
  #looked = 0
  readonly #watches: Watches

  constructor(
    out: Outbox,
    clients: Clients,
    state: State,
    leases: Leases,
    view: View,
    longestTtlMs: number,
    options: PrimaryOptions,
    owner: PrimaryOwner,
  ) {
    this.#out = out
    this.#clients = clients
    this.state = state
    this.leases = leases
    this.#view = view
    this.longestTtlMs = longestTtlMs
    this.#options = options
    this.#owner = owner
    state.listener = this
    this.#watches = new Watches(out, state.table)
    this.replication = new Replication(out, state, leases, view, this)
    this.link = new BackupLink(out, options.id, view, options.deadPings, this)
  }

  /** L2, F14: an empty state begins with the wall clock, or above all tokens before a reset. */
  start(tokenFloor: number, pauseMs: number, limits: StateLimits): void {
    const { wall, monotonic } = this.#out.now
    if (pauseMs > 0) this.leases.startPause(monotonic + pauseMs)
    this.#propose(['start', Math.max(Math.floor(wall * 1_000), tokenFloor), pauseMs > 0, limits])
  }

  /** V4: the view is in force, its backup in sync. */
  get ackable(): boolean {
    return this.#view.backup === null || this.replication.inSync
  }

  enter(view: View): void {
    this.#view = view
    this.replication.enter(view)
    this.link.enter(view)
    this.#unpark()
  }

  get parked(): number {
    return this.#parked.length
  }

  /** Leaving: takes no more requests; leases go on. */
  close(): void {
    this.replication.flush()
    this.#closedAt = this.replication.sequence
  }

  /** What was in flight when it closed is with the backup. */
  get drained(): boolean {
    return this.#closedAt !== null && this.replication.applied >= this.#closedAt
  }

  reopen(): void {
    this.#closedAt = null
  }

  /** Nothing of it waits here any more. */
  gone(client: Client): void {
    if (client.parked > 0) this.#parked = this.#parked.filter(parked => parked.client !== client)
    if (client.queries > 0) this.#queries = this.#queries.filter(query => query.client !== client)
    this.#watches.gone(client)
  }

  tick(): void {
    // A leaving primary leaves that to the next one, which gives each lease its grace.
    if (this.#closedAt === null) this.#expireDue()
    this.link.tick()
    this.replication.probe()
    for (const open of this.#opens) open.ticks++
    this.#openCovered()
    this.#unpark()
  }

  /** What was decided goes to the backup. */
  endTurn(): void {
    this.#looked = 0
    this.#answerQuery()
    this.replication.endTurn()
  }

  // ---- clients

  request(client: Client, request: ClientRequest): void {
    if (client.deaf) return
    if (this.#mustWait(client, request)) this.#park(client, request)
    else this.#perform(client, request)
  }

  #park(client: Client, request: ClientRequest): void {
    if (++client.parked > 2 * this.state.limits.unansweredMax) {
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'far too many requests at a time')
    }
    this.#parked.push({ client, request })
  }

  /**
   * R3: what becomes an operation waits for a joining backup, behind others that wait; when leaving,
   * everything does. A read passes by, but for a query of a client whose own operations wait: it would
   * not find what that client has asked before.
   */
  #mustWait(client: Client, request: ClientRequest): boolean {
    if (this.#closedAt !== null) return !meanwhile.has(request[0])
    if (reads.has(request[0])) return request[0] === 'query' && client.parked > 0
    return this.#parked.length > 0 || this.replication.mustPark
  }

  #unpark(): void {
    let done = 0
    while (done < this.#parked.length && this.#closedAt === null && !this.replication.mustPark) {
      const { client, request } = this.#parked[done++] as Parked
      client.parked--
      if (this.#speaks(client)) this.#perform(client, request)
    }
    if (done > 0) this.#parked.splice(0, done)
  }

  #perform(client: Client, request: ClientRequest): void {
    switch (request[0]) {
      case 'open':
        return this.#open(client, request)
      case 'resume':
        return this.#resume(client, request[1], request[2], request[3], request[4])
      case 'renew':
        return this.#renew(client, request[1])
      case 'query':
        return this.#query(client, request)
      case 'watch':
        return this.#watch(client, request[1], request[2])
      case 'seen':
        return this.#watches.seen(client, request[1], request[2])
      case 'unwatch':
        return this.#watches.end(client, request[1])
      case 'abandon':
        return this.#abandon(request[1])
      case 'acknowledge':
        return this.#acknowledge(client, request[1], request[2])
      case 'echo':
        return this.#out.send(client.connection, ['echoed', request[1]])
      default:
        return this.#numbered(client, request)
    }
  }

  #open(client: Client, request: Open): void {
    const [, id, , ttlMs] = request
    if (client.session !== null || client.opening) {
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'this connection has a session already')
    }
    const smallest = ttlPingLimitsMin * this.#options.pingLimitMs
    if (ttlMs < smallest) {
      const text = `the ttl is ${ttlMs} ms; this cluster takes ${smallest} ms or more`
      this.#out.counts?.openRefused('TTL_OUT_OF_RANGE')
      return this.#answer(client, ['open-refused', id, 'TTL_OUT_OF_RANGE', text])
    }
    this.wantedTtlMs = Math.max(this.wantedTtlMs, ttlMs)
    if (!this.state.sessionsById.has(id) && ttlMs > this.longestTtlMs && this.viewServerConnected) {
      client.opening = true
      this.#opens.push({ client, request, ticks: 0 })
    } else this.#openNow(client, request)
  }

  /** The view record covers a longer ttl now, or nobody can say so. */
  #openCovered(): void {
    const waiting = this.#opens
    this.#opens = []
    for (const open of waiting) {
      const { client, request } = open
      // A view server that is there and makes no records is waited for as long as one that is dead.
      const late = open.ticks >= this.#options.deadPings
      if (request[3] > this.longestTtlMs && this.viewServerConnected && !late) this.#opens.push(open)
      else if (this.#speaks(client)) {
        client.opening = false
        this.#openNow(client, request)
      }
    }
  }

  /** The view record covers this ttl. */
  covered(ttlMs: number): void {
    this.longestTtlMs = Math.max(this.longestTtlMs, ttlMs)
    this.#openCovered()
  }

  #openNow(client: Client, [, id, count, ttlMs, name]: Open): void {
    const known = this.state.sessionsById.get(id)
    if (known !== undefined) return this.#opened(client, known, count)
    // While the view server is away: the longest ttl that a later reset would wait for.
    this.#propose(['open', id, Math.min(ttlMs, this.longestTtlMs), name])
    const session = this.state.sessionsById.get(id)
    if (session !== undefined) this.#opened(client, session, count)
    else {
      this.#out.counts?.openRefused('SESSIONS_LIMIT')
      this.#answer(client, ['open-refused', id, 'SESSIONS_LIMIT', 'the service has too many sessions'])
    }
  }

  #opened(client: Client, session: Session, count: number): void {
    if (!this.#clients.bind(client, session, count))
      return this.#close(client, 'REPLACED', 'an older connection of its session')
    if (this.#out.counts !== null) this.#out.counts.operations['open opened']++
    this.#renewLease(session)
    this.#answer(client, ['opened', session.id, count, session.ttlMs])
  }

  #resume(client: Client, id: string, count: number, next: number, unanswered: readonly number[]): void {
    if (client.session !== null)
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'this connection has a session already')
    const session = this.state.sessionsById.get(id)
    if (session === undefined) return this.#unknown(client, id)
    if (!this.#clients.bind(client, session, count))
      return this.#close(client, 'REPLACED', 'an older connection of its session')
    // S1: what is not named is acknowledged; but a late resume knows nothing of numbers after its own.
    const waiting = new Set(amongRanges(session.replies.keys(), unanswered))
    const done = [...session.replies.keys()].filter(n => n < next && !waiting.has(n)).sort((a, b) => a - b)
    if (done.length > 0) this.#propose(['acknowledge', session.ordinal, toRanges(done), []])
    this.#answer(client, ['resumed', id, count])
    // S5: told again at each resume, but for those that only the reply of a waiting acquire may tell.
    for (const [token, reason] of [...session.losses].sort((a, b) => a[0] - b[0])) {
      if (!session.isWaitingWith(token)) this.#answer(client, ['lost', token, reason])
    }
  }

  #renew(client: Client, number: number): void {
    const session = this.#sessionOf(client)
    if (session === undefined) return
    const idle = session.rests
    this.#renewLease(session, idle)
    this.replication.show({ show: 'answer', client, message: ['renewed', number] }, idle)
  }

  /** S3, S4: the whole ttl from now; the backup hears of it in order with the operations. */
  #renewLease(session: Session, idle = false): void {
    this.leases.renew(session, this.#out.now.monotonic)
    this.replication.add(['renew', session.ordinal], idle)
    if (this.#out.counts !== null) this.#out.counts.renewals++
  }

  /** In its client's order as long as that is cheap; then one a turn (F13). */
  #query(client: Client, request: Query): void {
    if (this.#out.counts !== null) this.#out.counts.queries++
    const cheap = this.#looked + this.state.table.locks.size <= queriedInPlaceMax
    if (cheap && this.#queries.length === 0 && this.#answering < queriesAtOnce)
      return this.#list(client, request)
    if (++client.queries > queriesWaitingMax) {
      return this.#close(client, 'UNEXPECTED_MESSAGE', 'far too many queries at a time')
    }
    this.#queries.push({ client, request })
  }

  /** The next query; one that needs no confirmation does not wait behind those that the backup holds up. */
  #answerQuery(): void {
    const next = this.#answering < queriesAtOnce ? 0 : this.#queries.findIndex(({ request }) => !request[3])
    const [query] = next < 0 ? [] : this.#queries.splice(next, 1)
    if (query === undefined) return
    query.client.queries--
    if (this.#speaks(query.client)) this.#list(query.client, query.request)
    if (this.#queries.length > 0 && this.#answering < queriesAtOnce) this.#out.do({ do: 'continue' })
  }

  #list(client: Client, [, number, prefix, confirmed]: Query): void {
    const sure = confirmed || !this.replication.latched
    const parts = answerQuery(this.state, prefix, number, sure, this.#out.now.wall)
    this.#looked += this.state.table.locks.size + parts.length * queryPartMax
    if (!confirmed) for (const part of parts) this.#out.send(client.connection, part)
    else {
      this.#answering++
      for (const part of parts) this.#answer(client, part)
      this.replication.show({ show: 'query answered' })
    }
  }

  /** R1: from where its answer stands among all that clients are shown. */
  #watch(client: Client, number: number, prefix: string): void {
    const watch = this.#watches.add(client, number, prefix)
    if (watch !== undefined) this.replication.show({ show: 'watching', watch })
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
    this.leases.wake(session, this.#out.now.monotonic)
    this.#propose(operationOf(session, request))
  }

  #abandon(id: string): void {
    const session = this.state.sessionsById.get(id)
    if (session !== undefined) this.#propose(['abandon', session.ordinal])
  }

  #acknowledge(client: Client, ranges: number[], tokens: number[]): void {
    const session = this.#sessionOf(client)
    if (session === undefined) return
    if (ranges.length % 2 === 1)
      return this.#close(client, 'BAD_MESSAGE', '"acknowledge": ranges must come in pairs')
    // F13: of more than a client needs at once only what changes something goes on, in pieces that fit a batch.
    const few = ranges.length + tokens.length <= acknowledgedAtOnce
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
    this.#out.counts?.proposed(operation)
    this.state.apply(operation)
    this.replication.add(operation)
  }

  /** S3: only a primary proposes that leases end, and only after it has read what had arrived. */
  #expireDue(): void {
    const { sessions, pauseOver } = this.leases.due(this.#out.now.monotonic, this.state.sessions)
    if (pauseOver) {
      this.leases.endPause()
      this.#propose(['unpause'])
    }
    const known = sessions.filter(ordinal => this.state.sessions.has(ordinal))
    if (known.length > 0) this.#propose(['expire', known])
  }

  // ---- what the state tells while it works

  output(session: Session, output: Output): void {
    this.replication.show({ show: 'output', session, message: output })
    const { counts, now } = this.#out
    if (counts === null) return
    counts.output(output)
    if (output[0] === 'granted' && counts.handingOver)
      this.replication.show({ show: 'handed over', since: now.monotonic })
  }

  granted({ since }: Acquire): void {
    this.#out.counts?.wait.observe(this.state.wallMs - since)
  }

  freed({ since }: Hold): void {
    this.#out.counts?.hold.observe(this.state.wallMs - since)
  }

  opened(session: Session): void {
    this.leases.renew(session, this.#out.now.monotonic)
  }

  dropped(session: Session): void {
    this.leases.forget(session)
    this.replication.show({ show: 'session over', session })
  }

  touchSession(session: Session): void {
    this.replication.copy?.touchSession(session)
  }

  touchLock(lock: Lock): void {
    this.replication.copy?.touchLock(lock)
  }

  happened(event: LockEvent): void {
    this.replication.show({ show: 'event', event })
  }

  // ---- answers

  /** R1: a read is shown when the backup has answered a message sent after the read came. */
  #answer(client: Client, message: Message): void {
    this.replication.show({ show: 'answer', client, message })
  }

  #unknown(client: Client, id: string): void {
    client.deaf = true
    this.replication.show({ show: 'last word', client, message: ['unknown-session', id] })
  }

  /** R1 holds for it: clients may see it now. */
  show(showing: Showing): void {
    switch (showing.show) {
      case 'output': {
        const client = this.#clients.of(showing.session)
        if (client !== undefined) this.#out.send(client.connection, showing.message)
        return
      }
      case 'answer':
        if (!showing.client.deaf) this.#out.send(showing.client.connection, showing.message)
        return
      case 'last word':
        return this.#out.send(showing.client.connection, showing.message)
      case 'session over':
        return this.#sessionOver(showing.session)
      case 'query answered':
        this.#answering--
        return
      case 'watching':
        return this.#watches.begin(showing.watch)
      case 'event':
        this.#watches.tell(showing.event)
        return
      case 'handed over':
        this.#out.counts?.handOver.observe(this.#out.now.monotonic - showing.since)
    }
  }

  #sessionOver(session: Session): void {
    const client = this.#clients.of(session)
    this.#clients.forget(session)
    if (client === undefined || client.deaf) return
    client.deaf = true
    this.#out.send(client.connection, ['unknown-session', session.id])
  }

  /** The client's live session; tells it when there is none. */
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

  #speaks(client: Client): boolean {
    return !client.deaf && this.#clients.get(client.connection) === client
  }

  #close(
    client: Client,
    code: 'UNEXPECTED_MESSAGE' | 'OUT_OF_ORDER' | 'REPLACED' | 'BAD_MESSAGE',
    text: string,
  ): void {
    client.deaf = true
    this.#clients.remove(client.connection)
    this.#out.close(client.connection, code, text)
  }

  // ---- the backup

  get cluster(): string | null {
    return this.#owner.cluster
  }

  adopt(view: View): void {
    this.#owner.adopt(view)
  }

  backupConnected(connection: number, whole: number, sequence: number): boolean {
    return this.replication.connected(connection, whole, sequence)
  }

  backupDisconnected(): void {
    this.replication.disconnected()
  }

  backupSays(message: Message): void {
    const [kind, view] = message
    if (view !== this.#view.number) return // R2: an answer about another view
    if (kind === 'applied') {
      this.replication.onApplied(message[2] as number, message[4] as number)
      if (this.replication.differs) this.#digestDiffers()
    } else if (kind === 'received') this.replication.onReceived(message[2] as number)
    else if (kind === 'heard') this.replication.onHeard()
    this.#unpark()
  }

  /** R4: who fails its own check ends itself; if both pass the primary is believed, the backup dropped. */
  #digestDiffers(): void {
    if (this.#out.counts !== null) this.#out.counts.digestsDiffered++
    const problem = this.state.problem()
    if (problem !== undefined)
      this.#out.do({ do: 'exit', status: 1, reason: `digest differs, and ${problem}` })
    else this.link.refuse('digest differs')
  }
}

function operationOf(session: Session, request: Numbered): Operation {
  const { ordinal } = session
  switch (request[0]) {
    case 'acquire':
      return ['acquire', ordinal, request[1], request[2], request[3], request[4]]
    case 'cancel':
      return ['cancel', ordinal, request[1], request[2]]
    case 'release':
      return ['release', ordinal, request[1], request[2]]
    case 'force-release':
      return ['force-release', ordinal, request[1], request[2]]
    case 'end':
      return ['end', ordinal, request[1]]
  }
}
