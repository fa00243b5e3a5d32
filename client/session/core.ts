// One session's life, decided: step(input, now) takes a frame, a call or a wake-up and gives effects.
// Opens or resumes the session on the primary of the newest view, numbers requests and re-sends them
// after a failover, renews the lease and stops believing in it in time. Once lost or ended it is over;
// the next call gets a new core. Never awaits, reads a clock, draws a random number, or touches a socket.

import type { Instant } from '../../wire/clock.ts'
import { toRanges } from '../../wire/codec.ts'
import type { Trouble } from '../../wire/effects.ts'
import { isDefinite } from '../../wire/errors.ts'
import type { Blocker, LossReason, MessageOf, View, Welcome } from '../../wire/messages.ts'
import { NumberMap } from '../../wire/number-map.ts'
import type { SaidOn } from '../../wire/runs.ts'
import { packageVersion } from '../../wire/version.ts'
import type { CallResult, ClientEffect, ClientHears, ClientInput, TurnCall, Watched } from './effects.ts'
import { heldBy } from './held-by.ts'
import { HoldTimes } from './hold-times.ts'
import { Lease } from './lease.ts'
import { messageOf, type Request, Requests, wasSent } from './requests.ts'
import { type Link, Route } from './route.ts'
import { WatchRequests } from './watches.ts'

export interface ClientCoreOptions {
  /** 32 hex digits, random, used for one session only. */
  readonly sessionId: string
  /** 32 hex digits, random: shows the servers that the session is this client's (C9). It goes nowhere else. */
  readonly sessionKey: string
  /** URLs of servers of the cluster. */
  readonly addresses: readonly string[]
  readonly ttlMs: number
  readonly name: string
  /** Where the program runs, for display; null where it can't know. */
  readonly host: string | null
  readonly pid: number | null
  /** Learnt by an earlier core; null: not known. */
  readonly cluster: string | null
  /** G3: the group that the session is in; 0 unless told otherwise. */
  readonly group?: number
  /** The newest view of it that the client knows. */
  readonly view?: View | null
  /** Another session of the client watches for views, and hands them on. */
  readonly told?: boolean
  /** Sessions that were given up and may still be open on the servers (S4): their ids, with their keys. */
  readonly abandoned: ReadonlyMap<string, string>
}

/** An acknowledgement that finds no request to ride on goes out by itself after this time. */
const acknowledgeWithinMs = 50
/** How long a call that has timed out waits for the answer to its cancel, which says who has the lock. */
const cancelPatienceMs = 250
/** Errors after which an address is not tried again. */
const refusals: ReadonlySet<string> = new Set([
  'WRONG_CLUSTER',
  'WRONG_SECRET',
  'WRONG_TOKEN',
  'WRONG_WIRE_VERSION',
  'WRONG_ORIGIN',
])
const closedText = 'the client was closed'
const leftText = 'the group of servers that it was in has no locks any more'
const never = Number.POSITIVE_INFINITY

export class ClientCore {
  readonly sessionId: string
  /** The session's public id, as lists show it (C9); null until it is open. */
  clientId: string | null = null
  /** Monotonic ms at which to step with `wake`; null: never again. The driver keeps one timer for it. */
  wakeAt: number | null = 0
  /** Lost, ended or refused; a step does nothing any more. */
  over = false
  /** Sessions to end: what was handed in, less those that are ended, and this one once it is given up. */
  readonly abandoned: Map<string, string>
  readonly #options: ClientCoreOptions
  readonly #group: number
  readonly #links: Route
  readonly #requests = new Requests()
  readonly #watches = new WatchRequests()
  readonly #lease = new Lease()
  /** Tokens that the user holds. */
  readonly #held = new NumberMap<true>()
  /** C4: of held ones; null as long as none was to be held for some time at most. */
  #times: HoldTimes | null = null
  /** S2: grows with every open and resume. */
  #count = 0
  /** Monotonic ms. */
  #openSent = 0
  #opened = false
  /** No new calls; and the session is being ended. */
  #finishing = false
  #ending = false
  #acknowledgeAt = never
  /** Calls whose limit has passed and whose cancel is under way: until when that is waited for. */
  readonly #givingUp = new Map<number, number>()
  #out: ClientEffect[] = []

  constructor(options: ClientCoreOptions) {
    this.#options = options
    this.sessionId = options.sessionId
    this.abandoned = new Map(options.abandoned)
    this.#group = options.group ?? 0
    this.#links = new Route(options)
    if (options.view) this.#links.adopt(options.view)
  }

  /** The newest view, for `connect`'s user and for the next core. */
  get view(): View | null {
    return this.#links.view
  }

  get cluster(): string | null {
    return this.#links.cluster
  }

  /** Whether the session has been opened. */
  get opened(): boolean {
    return this.#opened
  }

  /** There is a way to the primary. */
  get reached(): boolean {
    return this.#ready()
  }

  /** One line about what keeps it from the primary. */
  describe(): string {
    return this.#links.addresses.describe()
  }

  /** The same for programs, an entry an address. */
  troubles(): { readonly url: string; readonly code: string; readonly text: string }[] {
    return this.#links.addresses.troubles()
  }

  /** Until the local deadline (S4), in ms; 0 when over. */
  remainingMs(now: Instant): number {
    return this.over ? 0 : this.#lease.remainingMs(now.monotonic)
  }

  /** The same of one hold, which may have a deadline of its own (C4). */
  remainingMsOf(token: number, now: Instant): number {
    const ms = this.remainingMs(now)
    return this.#times === null ? ms : Math.min(ms, this.#times.remainingMs(token, now.monotonic))
  }

  /** S4: whether the local deadline has passed; true also when over. */
  expired(now: Instant): boolean {
    return this.over || this.#lease.expired(now.monotonic)
  }

  /** A deadline has passed that no step has noticed: that of the session (S4), or of a hold (C4). */
  overdue(now: Instant): boolean {
    if (this.over) return false
    return this.#lease.expired(now.monotonic) || (this.#times?.some(now.monotonic) ?? false)
  }

  /** The ttl in force, and how long the session may still be believed in. */
  lease(now: Instant): { readonly ttlMs: number; readonly remainingMs: number } {
    return { ttlMs: this.#lease.ttlMs, remainingMs: this.remainingMs(now) }
  }

  step(input: ClientInput, now: Instant): ClientEffect[] {
    this.#out = []
    // S4: before anything else, or a grant that comes too late would be believed.
    if (!this.over && this.#lease.expired(now.monotonic)) this.#expire(now)
    if (!this.over && this.#times !== null) this.#endHeldTooLong(this.#times, now)
    if (this.over) this.#handleOver(input)
    else this.#handle(input, now)
    if (!this.over) {
      this.#arrange(now, 'chance' in input ? input.chance : 0)
      this.#rest(now)
    }
    this.wakeAt = this.over ? null : this.#nextWake()
    return this.#out
  }

  // ---- inputs

  #handle(input: ClientInput, now: Instant): void {
    switch (input.is) {
      case 'messages':
        this.#onMessages(input.connection, input.messages, now, input.chance)
        return
      case 'closed':
        this.#onClosed(input, now, input.chance)
        return
      case 'wake':
        this.#onWake(now, input.chance)
        return
      case 'calls':
        this.#wakeLease(now)
        for (const call of input.calls) this.#onCall(call)
        this.#pump(now)
        return
      case 'abort':
        this.#onAbort(input.call, input.patient, now)
        return
      case 'finish':
        this.#onFinish(now)
        return
      case 'end':
        this.#onEnd(input.call, now)
        return
      case 'leave':
        this.#onLeave()
        return
      case 'told':
        for (const view of input.views) this.#adopt(view)
        return
      default:
        this.#onWatch(input)
    }
  }

  #onWatch(input: Extract<ClientInput, { is: 'watch' | 'unwatch' | 'seen' }>): void {
    let message: MessageOf<'clientToServer'> | null = null
    if (input.is === 'watch') {
      this.#links.wake()
      message = this.#watches.begin(input.watch, input.prefix, input.before ?? 0)
    } else if (input.is === 'seen') message = this.#watches.seen(input.watch, input.events)
    else if (this.#watches.has(input.watch)) {
      this.#watches.end(input.watch)
      message = ['unwatch', input.watch]
    }
    // While there is no session connection the next one gets all of it.
    if (message !== null && this.#ready()) this.#send(message)
  }

  #handleOver(input: ClientInput): void {
    if (input.is === 'end') this.#settle(input.call, { verb: 'end' })
    else if (input.is === 'calls') for (const call of input.calls) this.#callOver(call)
  }

  #callOver({ call, verb }: TurnCall): void {
    if (endsWithHold(verb)) this.#settle(call, { verb: 'release', held: false })
    else this.#fail(call, 'SESSION_LOST', true, 'the session is over')
  }

  #onMessages(
    connection: number,
    messages: readonly SaidOn<ClientHears>[],
    now: Instant,
    chance: number,
  ): void {
    const link = this.#links.get(connection)
    if (link === undefined) return
    this.#links.heard(link, now)
    for (const message of messages) {
      // S2: what still arrives on a connection that was dropped is ignored.
      if (this.over || this.#links.get(connection) !== link) return
      this.#onMessage(link, message, now, chance)
    }
    // Once a frame: what its replies made room for goes out behind one acknowledgement of them all.
    if (!this.over) this.#pump(now)
  }

  #onClosed(closed: Extract<ClientInput, { is: 'closed' }>, now: Instant, chance: number): void {
    const link = this.#links.get(closed.connection)
    if (link !== undefined) this.#linkFailed(link, troubleOf(link, closed), now, chance)
  }

  #onWake(now: Instant, chance: number): void {
    for (const link of this.#links.checkQuiet(now, this.#out)) {
      this.#out.push({ do: 'close', connection: link.number, code: null, text: 'GONE_QUIET' })
      this.#linkFailed(link, { code: 'GONE_QUIET', text: 'does not answer' }, now, chance)
    }
    this.#links.doubt(this.#unansweredFor(now) >= 2 * this.#links.quietMs)
    for (const [call, until] of this.#givingUp) if (now.monotonic >= until) this.#giveUp(call)
    if (!this.#ready()) return
    if (now.monotonic >= this.#lease.renewAt) this.#renew(now)
    if (now.monotonic >= this.#acknowledgeAt) this.#acknowledge()
    this.#showToken(now)
  }

  /** A3: in good time, so that no connection ends with its token. */
  #showToken(now: Instant): void {
    const { session } = this.#links
    if (session === null || now.monotonic < session.tokenAt) return
    this.#links.planToken(session, now)
    this.#out.push({ do: 'show token', connection: session.number })
  }

  #onCall(call: TurnCall): void {
    if ((this.#ending || this.#finishing) && !endsWithHold(call.verb)) {
      this.#fail(call.call, 'CLOSED', true, closedText)
    } else if (isRelease(call) && !this.#drop(call.token)) {
      this.#settle(call.call, { verb: 'release', held: false })
    } else {
      this.#requests.add(call)
    }
  }

  /** No longer held, as far as this client can tell; false if it was not. */
  #drop(token: number): boolean {
    this.#times?.delete(token)
    return this.#held.delete(token)
  }

  /** C4: they count as held until they are released, or the servers end them, as these do. */
  #endHeldTooLong(times: HoldTimes, now: Instant): void {
    for (const token of times.takeOver(now.monotonic))
      this.#out.push({ do: 'lost', token, reason: 'HELD_TOO_LONG' })
  }

  #onAbort(call: number, patient: boolean, now: Instant): void {
    const request = this.#requests.ofCall(call)
    if (request === undefined) return
    const waits = wasSent(request) && request.what.verb === 'acquire'
    if (waits && patient && this.#ready()) this.#givingUp.set(call, now.monotonic + cancelPatienceMs)
    else this.#giveUp(call)
    // Both stay unanswered until the cancel is answered: else its waiter would get a grant that no client knows of.
    if (waits && !request.cancelling) this.#requests.cancel(request)
    this.#pump(now)
  }

  /** No call waits for the servers' word any more. */
  #giveUp(call: number): void {
    this.#givingUp.delete(call)
    const request = this.#requests.ofCall(call)
    if (request === undefined) return
    this.#fail(call, 'TIMEOUT', !wasSent(request), this.#delay(request))
    this.#requests.forget(request)
  }

  /** The servers say whether the cancel was in time, and who has the lock. */
  #cancelled({ cancels }: Request, outcome: string, blocker: Blocker | null): void {
    const call = cancels?.call ?? null
    if (cancels === null || call === null) return
    this.#givingUp.delete(call)
    // A steal may have done its harm before.
    const stole = cancels.what.verb === 'acquire' && cancels.what.claim.manner === 'steal'
    const definite = outcome === 'cancelled' && !stole
    const several = cancels.what.verb === 'acquire' && cancels.what.names.length > 1
    const text = blocker === null ? this.#delay(cancels) : heldBy(blocker, several, this.clientId)
    this.#out.push({
      do: 'fail',
      call,
      code: 'TIMEOUT',
      definite,
      text,
      ...(blocker === null ? {} : { blocker }),
    })
    this.#requests.forget(cancels)
  }

  #onFinish(now: Instant): void {
    this.#finishing = true
    for (const request of this.#requests.calls()) {
      const { verb } = request.what
      if (endsWithHold(verb) || verb === 'end') continue
      const sent = wasSent(request)
      this.#fail(request.call, 'CLOSED', !sent, closedText)
      this.#requests.forget(request)
      if (sent && verb === 'acquire' && !request.cancelling) this.#requests.cancel(request)
    }
    this.#pump(now)
  }

  #onEnd(call: number, now: Instant): void {
    this.#ending = true
    this.#held.clear()
    this.#times = null
    this.#endCalls('CLOSED', closedText, true)
    this.#wakeLease(now)
    this.#requests.end(call)
    if (this.#opened) this.#pump(now)
    else this.#endUnopened()
  }

  /** G8: a slot moves only while nothing is held in it, so what is held here was taken away, and that is not told yet. */
  #onLeave(): void {
    if (this.#links.session !== null) this.#send(['abandon', this.sessionId, this.#options.sessionKey])
    if (this.#held.size > 0) this.#loseHolds('SESSION_LOST', leftText)
    this.#finish('ended', 'WRONG_GROUP', leftText)
  }

  /** S4: its open may be done, and then nothing else would end the session before its lease does. */
  #endUnopened(): void {
    if (this.#links.session !== null) this.#send(['abandon', this.sessionId, this.#options.sessionKey])
    this.#finish('ended', 'CLOSED', closedText)
  }

  // ---- messages

  #onMessage(link: Link, message: SaidOn<ClientHears>, now: Instant, chance: number): void {
    switch (message[0]) {
      case 'welcome':
        this.#onWelcome(link, message[1], now, chance)
        return
      case 'error':
        this.#onError(link, message[1], message[2], now, chance)
        return
      case 'view':
        if (message[1].group === this.#group) this.#links.pushed(link, message[1])
        this.#adopt(message[1])
        return
      case 'token-lasts':
        this.#links.tokenLasts(link, message[1], now)
        return
      case 'map':
        this.#out.push({ do: 'event', event: 'map', map: message[1] })
        return
      default:
        if (link === this.#links.session) this.#onSessionMessage(message, now)
    }
  }

  #onWelcome(link: Link, welcome: Welcome, now: Instant, chance: number): void {
    const cluster = this.#links.cluster
    if (cluster !== null && welcome.cluster !== null && welcome.cluster !== cluster) {
      const text = `belongs to cluster ${welcome.cluster}, not ${cluster}`
      this.#out.push({ do: 'close', connection: link.number, code: null, text: 'WRONG_CLUSTER' })
      this.#addressRefused(link, 'WRONG_CLUSTER', text, now, chance)
      return
    }
    const known = welcome.view === null ? welcome.others : [welcome.view, ...welcome.others]
    const view = known.find(({ group }) => group === this.#group) ?? null
    this.#links.welcomed(link, { ...welcome, view }, now)
    if (welcome.map !== null) this.#out.push({ do: 'event', event: 'map', map: welcome.map })
    for (const view of known) this.#adopt(view)
    if (!this.#isStranger(link)) return
    this.#out.push({ do: 'close', connection: link.number, code: null, text: 'WRONG_SERVER' })
    this.#linkFailed(link, stranger, now, chance)
  }

  /** Someone else at the primary's address: a restarted server, empty. The primary is out of reach for now. */
  #isStranger(link: Link): boolean {
    const primary = this.#links.view?.primary
    return link.kind === 'lockserver' && link.address.url === primary?.address && link.id !== primary.id
  }

  #onError(link: Link, code: string, text: string, now: Instant, chance: number): void {
    this.#out.push({ do: 'close', connection: link.number, code: null, text: '' })
    // A3: a server that has not read its access file again yet may refuse a new token, and know it a moment later.
    const mayChange = code === 'WRONG_TOKEN' && this.#opened
    if (refusals.has(code) && !mayChange) this.#addressRefused(link, code, text, now, chance)
    else this.#linkFailed(link, { code, text: `says ${code}: ${text}` }, now, chance)
  }

  #onSessionMessage(message: SaidOn<ClientHears>, now: Instant): void {
    switch (message[0]) {
      case 'granted-run':
        this.#onGrants(message, now)
        return
      case 'released-run':
        this.#onReleases(message)
        return
      case 'opened':
        this.#onOpened(message, now)
        return
      case 'resumed':
        this.#onResumed(message[1], message[2])
        return
      case 'unknown-session':
        if (message[1] !== this.sessionId || !this.#opened) return
        // Its end was done, and the answer to it was lost: that is what the user wished for.
        if (this.#ending) this.#finish('ended', 'CLOSED', closedText)
        else this.#lose('SESSION_LOST', 'the servers no longer know the session')
        return
      case 'open-refused':
        if (message[1] === this.sessionId && !this.#opened) this.#refused(message[2], message[3])
        return
      case 'renewed':
        this.#onRenewed(message[1])
        return
      case 'lost':
        this.#onLost(message[1], message[2])
        return
      case 'locks':
        this.#onLocks(message)
        return
      case 'clients':
        this.#onClients(message)
        return
      case 'query-refused':
        this.#onQueryRefused(message)
        return
      case 'watching':
        this.#watched(message[1], { event: 'watching' })
        return
      case 'event':
        this.#watches.told(message[1])
        this.#watched(message[1], message[2])
        return
      case 'missed':
        this.#watched(message[1], { event: 'missed', events: message[2] })
        return
      case 'watch-refused':
        this.#watches.end(message[1])
        this.#out.push({ do: 'watch-refused', watch: message[1], code: message[2], text: message[3] })
        return
      case 'granted':
      case 'unavailable':
      case 'done-before':
      case 'not-this':
      case 'cancelled':
      case 'cancel-done':
      case 'released':
      case 'noted':
      case 'force-released':
      case 'key-forgotten':
      case 'refused':
      case 'ended':
        this.#onReply(message, now)
        return
    }
  }

  #onOpened(message: MessageOf<ClientHears, 'opened'>, now: Instant): void {
    const [, id, count, ttlMs, clientId] = message
    if (id !== this.sessionId || count !== this.#count || this.#opened) return
    this.#opened = true
    this.clientId = clientId
    // S4: it counts from when the open was sent; an answer that comes too late is not believed.
    this.#lease.begin(ttlMs, this.#openSent)
    if (this.#lease.expired(now.monotonic)) {
      this.#expire(now)
      return
    }
    this.#links.doubt(false)
    for (const message of this.#watches.again()) this.#send(message)
    this.#out.push({ do: 'event', event: 'session', ttlMs, resumed: false })
  }

  #onResumed(id: string, count: number): void {
    if (id !== this.sessionId || count !== this.#count) return
    this.#links.doubt(false)
    this.#out.push({ do: 'event', event: 'session', ttlMs: this.#lease.ttlMs, resumed: true })
  }

  #onRenewed(number: number): void {
    if (!this.#lease.confirm(number)) return
    this.#links.doubt(false)
    // What went out before this renewal has been applied, so these sessions are gone.
    this.abandoned.clear()
  }

  #onLost(token: number, reason: LossReason): void {
    const isTold = this.#times?.isOver(token) ?? false
    if (this.#drop(token) && !isTold) this.#out.push({ do: 'lost', token, reason })
    // One that is not held, or was reported before, is acknowledged all the same (S5).
    this.#requests.told(token)
  }

  #onLocks(message: MessageOf<ClientHears, 'locks'>): void {
    const [, number, { more, cut, confirmed }, held, pending] = message
    const query = this.#requests.queries.get(number)
    if (query === undefined || query.what.verb !== 'query' || query.answer === null) return
    const { answer } = query
    for (const hold of held) answer.held.push(hold)
    for (const wait of pending) answer.pending.push(wait)
    answer.cut ||= cut
    answer.confirmed &&= confirmed
    if (more) return
    this.#requests.answerQuery(number, query)
    this.#settle(query.call, { verb: 'query', ...answer })
  }

  #onClients([, number, { next, confirmed }, clients]: MessageOf<ClientHears, 'clients'>): void {
    const query = this.#requests.queries.get(number)
    if (query === undefined || query.what.verb !== 'clients') return
    this.#requests.answerQuery(number, query)
    this.#settle(query.call, { verb: 'clients', clients, confirmed, next })
  }

  /** A2 */
  #onQueryRefused([, number, code, text]: MessageOf<ClientHears, 'query-refused'>): void {
    const query = this.#requests.queries.get(number)
    if (query === undefined) return
    this.#requests.answerQuery(number, query)
    this.#fail(query.call, code, isDefinite(code), text)
  }

  #watched(watch: number, what: Watched): void {
    if (this.#watches.has(watch)) this.#out.push({ do: 'watched', watch, what })
  }

  // ---- replies

  #onReply(reply: Reply, now: Instant): void {
    const request = this.#requests.answer(reply[1])
    if (request !== undefined) this.#conclude(request, reply, now)
    // S5: no call waits for this grant, but its losses are sent until they are acknowledged.
    else if (reply[0] === 'granted') for (const [token, reason] of reply[3]) this.#onLost(token, reason)
  }

  /** One lock each. */
  #onGrants([, first, count, firstToken]: MessageOf<'replyRuns', 'granted-run'>, now: Instant): void {
    for (let i = 0; i < count; i++) {
      const request = this.#requests.answer(first + i)
      if (request !== undefined) this.#granted(request, [firstToken + i], noLosses, now)
    }
  }

  #onReleases([, first, count]: MessageOf<'replyRuns', 'released-run'>): void {
    for (let number = first; number < first + count; number++) {
      const request = this.#requests.answer(number)
      if (request !== undefined) this.#settle(request.call, wasHeld)
    }
  }

  /** `cancelled` concludes nothing: the answer to the cancel does. */
  #conclude(request: Request, reply: Reply, now: Instant): void {
    switch (reply[0]) {
      case 'granted':
        this.#granted(request, reply[2], reply[3], now)
        return
      case 'unavailable':
        this.#settle(request.call, { verb: 'acquire', tokens: null })
        return
      case 'done-before':
        this.#settle(request.call, { verb: 'done-before', record: reply[2] })
        return
      case 'not-this':
        this.#fail(request.call, 'NOT_THIS_TOKEN', true, notThisText(request, reply[2]))
        return
      case 'noted':
      case 'released':
        this.#settle(request.call, { verb: 'release', held: reply[2] })
        return
      case 'force-released':
        this.#settle(request.call, { verb: 'force-release', released: reply[2] })
        return
      case 'key-forgotten':
        this.#settle(request.call, { verb: 'forget-key', forgotten: reply[2], record: reply[3] })
        return
      case 'refused':
        this.#fail(request.call, reply[2], isDefinite(reply[2]), reply[3])
        return
      case 'ended':
        this.#settle(request.call, { verb: 'end' })
        this.#finish('ended', 'CLOSED', closedText)
        return
      case 'cancel-done':
        // A grant that crossed the cancel was undone by it.
        this.#cancelled(request, reply[2], reply[3])
        return
    }
  }

  #granted(request: Request, tokens: readonly number[], losses: Losses, now: Instant): void {
    if (request.call !== null && request.what.verb === 'acquire') {
      for (const token of tokens) this.#held.set(token, true)
      const { terms } = request.what.claim
      if (terms !== null && terms.holdAtMostMs !== null) this.#time(tokens, terms.holdAtMostMs, now)
      this.#settle(request.call, { verb: 'acquire', tokens: inOrderOf(request.what.names, tokens) })
    }
    for (const [token, reason] of losses) this.#onLost(token, reason)
  }

  /** C4: from when the client sees the grant; the servers count from when they know that it did. */
  #time(tokens: readonly number[], atMostMs: number, now: Instant): void {
    this.#times ??= new HoldTimes()
    for (const token of tokens) this.#times.begin(token, atMostMs, now.monotonic)
  }

  // ---- connections

  #adopt(view: View): void {
    const isOwn = view.group === this.#group
    if (isOwn && !this.#links.adopt(view)) return
    this.#out.push({ do: 'event', event: 'view', view })
    if (!isOwn) return
    const session = this.#links.session
    if (session === null || session.id === view.primary.id) return
    this.#links.close(session, null, 'another server is the primary now', this.#out)
    this.#disconnected()
  }

  #linkFailed(link: Link, trouble: Trouble, now: Instant, chance: number): void {
    const wasSession = link === this.#links.session
    this.#links.failed(link, trouble, now, chance)
    if (wasSession) this.#disconnected()
  }

  #addressRefused(link: Link, code: string, text: string, now: Instant, chance: number): void {
    link.address.refusal = { code, text }
    this.#linkFailed(link, { code, text }, now, chance)
    const refusal = this.#links.addresses.refusal()
    if (refusal !== null && !this.#opened) this.#refused(refusal.code, `${link.address.url} ${refusal.text}`)
  }

  #disconnected(): void {
    for (const call of [...this.#givingUp.keys()]) this.#giveUp(call)
    this.#lease.disconnected()
    this.#requests.forgetAcknowledgements()
    this.#acknowledgeAt = never
    if (this.#opened) this.#out.push({ do: 'event', event: 'reconnecting' })
  }

  /** After every step: the session goes to the primary if there is a way, and links are dialled and dropped. */
  #arrange(now: Instant, chance: number): void {
    if (this.#links.session === null) {
      const leader = this.#links.leader()
      if (leader !== undefined) this.#attach(leader, now)
    }
    this.#links.arrange(now, chance, this.#out)
  }

  #attach(link: Link, now: Instant): void {
    this.#links.attach(link)
    this.#count++
    if (this.#opened) this.#resume(now)
    else this.#open(now)
  }

  #open(now: Instant): void {
    this.#openSent = now.monotonic
    const { sessionKey, ttlMs, name, host, pid } = this.#options
    this.#send(['open', this.sessionId, sessionKey, this.#count, ttlMs, name, host, pid, packageVersion])
    this.#sendAbandons()
  }

  /** In one go, and nothing new before the last re-sent one (S2); all behind a renewal, for a session that rested (S4). */
  #resume(now: Instant): void {
    const again = this.#requests.unansweredInOrder()
    const numbers = toRanges(again.map(({ number }) => number))
    this.#send([
      'resume',
      this.sessionId,
      this.#options.sessionKey,
      this.#count,
      this.#requests.next,
      numbers,
    ])
    this.#sendAbandons()
    this.#renew(now)
    for (const { what, number } of again) this.#send(messageOf(what, number))
    for (const message of this.#requests.askAgain()) this.#send(message)
    for (const message of this.#watches.again()) this.#send(message)
    this.#pump(now)
  }

  // ---- sending

  #ready(): boolean {
    return this.#opened && this.#links.session !== null
  }

  /** Sends acknowledgements, then what waits and may go. */
  #pump(now: Instant): void {
    if (!this.#ready()) return
    for (let message = this.#requests.take(); message !== undefined; message = this.#requests.take()) {
      if (this.#requests.acknowledgementDue) this.#acknowledge()
      this.#send(message)
    }
    if (this.#requests.acknowledgementDue) this.#acknowledgeSoon(now)
  }

  #send(message: SaidOn<'clientToServer'>): void {
    const connection = (this.#links.session as Link).number
    this.#out.push({ do: 'send', connection, message })
  }

  #sendAbandons(): void {
    for (const [id, key] of this.abandoned) this.#send(['abandon', id, key])
  }

  #renew(now: Instant): void {
    this.#send(['renew', this.#lease.renew(now.monotonic)])
  }

  /** S4: the renewal goes in front of the first call after a rest; without a connection, behind the resume. */
  #wakeLease(now: Instant): void {
    this.#links.wake()
    if (this.#lease.wake(now.monotonic) && this.#ready()) this.#renew(now)
  }

  #acknowledge(): void {
    this.#send(this.#requests.takeAcknowledgement())
    this.#acknowledgeAt = never
  }

  #acknowledgeSoon(now: Instant): void {
    if (this.#acknowledgeAt === never) this.#acknowledgeAt = now.monotonic + acknowledgeWithinMs
  }

  // ---- the end

  #expire(now: Instant): void {
    const why = this.#lease.suspendedText(now) ?? this.describe()
    this.#lose('EXPIRED', `the lease of ${this.#lease.ttlMs} ms could not be renewed in time: ${why}`)
  }

  /** The session is lost: its locks, its unanswered calls, this core. */
  #lose(reason: 'EXPIRED' | 'SESSION_LOST', text: string): void {
    // S4: given up is given up; the servers may still have it, and are to end it.
    if (reason === 'EXPIRED') this.abandoned.set(this.sessionId, this.#options.sessionKey)
    this.#loseHolds(reason, text)
    this.#finish('lost', 'SESSION_LOST', text)
  }

  #loseHolds(reason: 'EXPIRED' | 'SESSION_LOST', text: string): void {
    for (const token of [...this.#held.keys()].sort((a, b) => a - b))
      if (!this.#times?.isOver(token)) this.#out.push({ do: 'lost', token, reason, text })
    this.#held.clear()
    this.#times = null
    this.#out.push({ do: 'event', event: 'lost', reason })
  }

  #refused(code: string, text: string): void {
    this.#finish('refused', code, text)
  }

  /** Fails the open calls. Releases settle: by their answer, or because the lock is gone anyway. */
  #endCalls(code: string, text: string, awaitReleases: boolean): void {
    for (const request of this.#requests.calls()) {
      const { verb } = request.what
      const sent = wasSent(request)
      if (verb === 'end') this.#settle(request.call, { verb: 'end' })
      else if (!endsWithHold(verb)) this.#fail(request.call, code, !sent, text)
      else if (awaitReleases && sent) continue
      else this.#settle(request.call, { verb: 'release', held: false })
      this.#requests.forget(request)
    }
  }

  #finish(reason: 'ended' | 'lost' | 'refused', code: string, text: string): void {
    // S4: an open that went out may be done though no answer to it came; the next session ends it.
    if (!this.#opened && this.#count > 0) this.abandoned.set(this.sessionId, this.#options.sessionKey)
    this.#endCalls(code, text, false)
    this.#links.closeAll(text, this.#out)
    this.over = true
    this.#out.push({ do: 'over', reason, code, text })
  }

  #settle(call: number | null, result: CallResult): void {
    if (call !== null) this.#out.push({ do: 'settle', call, result })
  }

  #fail(call: number | null, code: string, definite: boolean, text: string): void {
    if (call !== null) this.#out.push({ do: 'fail', call, code, definite, text })
  }

  /** Why a call takes this long, for display only. */
  #delay({ what }: Request): string {
    if (!this.#ready()) return `no primary can be reached: ${this.describe()}`
    return what.verb === 'acquire' ? 'it did not come free' : 'the primary has not answered'
  }

  // ---- time

  /** How long the primary has owed us an answer to the open or to a renewal. */
  #unansweredFor(now: Instant): number {
    if (this.#links.session === null) return 0
    const since = this.#opened ? this.#lease.unconfirmedSince : this.#openSent
    return now.monotonic - since
  }

  /** What this step has left open decides how long the lease is (S4), and whether silence says anything. */
  #rest(now: Instant): void {
    const asks = !this.#opened || this.#requests.some
    // The next renewal's answer says that abandoned sessions are gone.
    const rests = !asks && this.#held.size === 0 && this.abandoned.size === 0
    this.#lease.rest(rests)
    // A watch is owed whatever happens.
    this.#links.expect({ owed: asks || this.#lease.unconfirmed || this.#watches.some, rests }, now)
  }

  get #tokenAt(): number {
    return this.#links.session?.tokenAt ?? never
  }

  #nextWake(): number | null {
    let next = Math.min(this.#links.wakeAt, this.#lease.deadline)
    if (this.#times !== null) next = Math.min(next, this.#times.nextAt)
    // All have the same patience: the first to be given up is the first one.
    for (const until of this.#givingUp.values()) {
      next = Math.min(next, until)
      break
    }
    if (this.#ready()) next = Math.min(next, this.#lease.renewAt, this.#acknowledgeAt, this.#tokenAt)
    return next === never ? null : next
  }
}

const stranger: Trouble = { code: 'WRONG_SERVER', text: 'is now another server than the primary' }

function troubleOf(link: Link, { refused, trouble }: Extract<ClientInput, { is: 'closed' }>): Trouble {
  if (trouble !== undefined) return trouble
  if (refused) return { code: 'ECONNREFUSED', text: 'refuses connections' }
  return { code: 'CLOSED', text: link.kind === null ? 'can not be reached' : 'closed the connection' }
}

/** What answers a request, under its number. */
type Reply = MessageOf<
  'serverToClient',
  | 'granted'
  | 'unavailable'
  | 'done-before'
  | 'not-this'
  | 'cancelled'
  | 'cancel-done'
  | 'released'
  | 'noted'
  | 'force-released'
  | 'key-forgotten'
  | 'refused'
  | 'ended'
>

/** Ends a hold, and its key (C5) may run again. */
function isRelease(call: TurnCall): call is Extract<TurnCall, { verb: 'release' | 'fail' }> {
  return call.verb === 'release' || call.verb === 'fail'
}

/** What is about a hold alone is settled once there is no hold any more, however that came. */
function endsWithHold(verb: Request['what']['verb']): boolean {
  return verb === 'release' || verb === 'fail' || verb === 'set-note'
}

/** C8 */
function notThisText({ what }: Request, holder: number | null): string {
  const named = what.verb === 'acquire' ? what.claim.terms?.victim : null
  const holds = holder === null ? 'nobody holds it' : `token ${holder} holds it`
  return `nothing was done: it is not held by token ${named} alone, ${holds}`
}

type Losses = readonly (readonly [number, LossReason])[]
const noLosses: Losses = []
const wasHeld: CallResult = { verb: 'release', held: true }

/** The server takes and answers names in sorted order; the caller has its own. */
function inOrderOf(names: readonly string[], tokens: readonly number[]): readonly number[] {
  if (names.length === 1) return tokens
  const sorted = [...names].sort()
  return names.map(name => tokens[sorted.indexOf(name)] as number)
}
