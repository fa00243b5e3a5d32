// One session's life, decided: step(input, now) takes a frame, a call or a wake-up and gives effects.
// Opens or resumes the session on the primary of the newest view, numbers requests and re-sends them
// after a failover, renews the lease and stops believing in it in time. Once lost or ended it is over;
// the next call gets a new core. Never awaits, reads a clock, draws a random number, or touches a socket.

import type { Instant } from '../../wire/clock.ts'
import type { Trouble } from '../../wire/effects.ts'
import type { MessageOf, View, Welcome } from '../../wire/messages.ts'
import type { SaidOn } from '../../wire/runs.ts'
import { SessionAnswers } from './answers.ts'
import { Calls } from './calls.ts'
import type { ClientCoreOptions } from './core-options.ts'
import type { ClientEffect, ClientHears, ClientInput } from './effects.ts'
import { SessionEnd } from './end.ts'
import { Holds } from './holds.ts'
import { Lease } from './lease.ts'
import type { Link } from './link.ts'
import { SessionOutbox } from './outbox.ts'
import { Requests } from './requests.ts'
import { Route } from './route.ts'
import { Sending } from './sending.ts'
import { type WatchMessage, WatchRequests } from './watches.ts'

/** Errors after which an address is not tried again. */
const refusals: ReadonlySet<string> = new Set([
  'WRONG_CLUSTER',
  'WRONG_SECRET',
  'WRONG_TOKEN',
  'WRONG_WIRE_VERSION',
  'WRONG_ORIGIN',
])
const never = Number.POSITIVE_INFINITY

export class ClientCore {
  readonly sessionId: string
  /** Monotonic ms at which to step with `wake`; null: never again. The driver keeps one timer for it. */
  wakeAt: number | null = 0
  /** Sessions to end: what was handed in, less those that are ended, and this one once it is given up. */
  readonly abandoned: Map<string, string>
  readonly #group: number
  readonly #links: Route
  readonly #requests = new Requests()
  readonly #watches = new WatchRequests()
  readonly #lease = new Lease()
  readonly #holds = new Holds()
  readonly #out = new SessionOutbox()
  readonly #calls: Calls
  readonly #answers: SessionAnswers
  readonly #sending: Sending
  readonly #end: SessionEnd

  constructor(options: ClientCoreOptions) {
    this.sessionId = options.sessionId
    this.abandoned = new Map(options.abandoned)
    this.#group = options.group ?? 0
    this.#links = new Route(options)
    if (options.view) this.#links.adopt(options.view, this.#out.effects)
    this.#calls = new Calls(this.#out, this.#links, this.#requests, this.#holds)
    this.#answers = new SessionAnswers(this.#out, this.#requests, this.#holds, this.#calls)
    this.#sending = new Sending(options, {
      out: this.#out,
      links: this.#links,
      requests: this.#requests,
      watches: this.#watches,
      lease: this.#lease,
      abandoned: this.abandoned,
    })
    this.#end = new SessionEnd(options, {
      out: this.#out,
      links: this.#links,
      holds: this.#holds,
      calls: this.#calls,
      sending: this.#sending,
      abandoned: this.abandoned,
    })
  }

  /** Lost, ended or refused; a step does nothing any more. */
  get over(): boolean {
    return this.#end.over
  }

  /** The session's public id, as lists show it (C9); null until it is open. */
  get clientId(): string | null {
    return this.#calls.clientId
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
    return this.#links.opened
  }

  /** There is a way to the primary. */
  get reached(): boolean {
    return this.#links.ready
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
    return Math.min(this.remainingMs(now), this.#holds.remainingMs(token, now.monotonic))
  }

  /** S4: whether the local deadline has passed; true also when over. */
  expired(now: Instant): boolean {
    return this.over || this.#lease.expired(now.monotonic)
  }

  /** A deadline has passed that no step has noticed: that of the session (S4), or of a hold (C4). */
  overdue(now: Instant): boolean {
    if (this.over) return false
    return this.#lease.expired(now.monotonic) || this.#holds.overdue(now.monotonic)
  }

  /** The ttl in force, and how long the session may still be believed in. */
  lease(now: Instant): { readonly ttlMs: number; readonly remainingMs: number } {
    return { ttlMs: this.#lease.ttlMs, remainingMs: this.remainingMs(now) }
  }

  step(input: ClientInput, now: Instant): ClientEffect[] {
    this.#out.begin()
    // S4: before anything else, or a grant that comes too late would be believed.
    if (!this.over && this.#lease.expired(now.monotonic)) this.#expire(now)
    if (!this.over) this.#endHeldTooLong(now)
    if (this.over) this.#handleOver(input)
    else this.#handle(input, now)
    if (!this.over) {
      this.#arrange(now, 'chance' in input ? input.chance : 0)
      this.#rest(now)
    }
    this.wakeAt = this.over ? null : this.#nextWake()
    return this.#out.effects
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
      case 'waits':
        this.#onDialWaits(input, now)
        return
      case 'wake':
        this.#onWake(now, input.chance)
        return
      case 'calls':
        this.#sending.wake(now)
        for (const call of input.calls) this.#calls.add(call)
        this.#sending.pump(now)
        return
      case 'abort':
        if (this.#calls.abort(input.call, input.patient, now)) this.#sending.pump(now)
        return
      case 'finish':
        this.#calls.finish()
        this.#sending.pump(now)
        return
      case 'end':
        this.#onEnd(input.call, now)
        return
      case 'leave':
        this.#end.left()
        return
      case 'told':
        for (const view of input.views) this.#adopt(view)
        this.#leaveStrangers(now, input.chance)
        return
      default:
        this.#onWatch(input)
    }
  }

  #onWatch(input: Extract<ClientInput, { is: 'watch' | 'unwatch' | 'seen' }>): void {
    if (input.is === 'watch') this.#links.wake()
    const message = this.#watches.ask(input)
    // While there is no session connection the next one gets all of it.
    if (message !== null && this.#links.ready) this.#sending.send(message)
  }

  #handleOver(input: ClientInput): void {
    if (input.is === 'end') this.#out.settle(input.call, { verb: 'end' })
    else if (input.is === 'calls') for (const call of input.calls) this.#calls.over(call)
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
    if (!this.over) this.#sending.pump(now)
  }

  #onClosed(closed: Extract<ClientInput, { is: 'closed' }>, now: Instant, chance: number): void {
    const link = this.#links.get(closed.connection)
    if (link !== undefined) this.#linkFailed(link, troubleOf(link, closed), now, chance)
  }

  #onDialWaits({ connection, waits }: Extract<ClientInput, { is: 'waits' }>, now: Instant): void {
    const link = this.#links.get(connection)
    if (link !== undefined) this.#links.dialWaits(link, waits, now)
  }

  #onWake(now: Instant, chance: number): void {
    for (const link of this.#links.checkQuiet(now, this.#out.effects)) {
      this.#out.do({ do: 'close', connection: link.number, code: null, text: 'GONE_QUIET' })
      this.#linkFailed(link, { code: 'GONE_QUIET', text: 'does not answer' }, now, chance)
    }
    this.#links.doubt(this.#unansweredFor(now) >= 2 * this.#links.quietMs)
    this.#calls.giveUpDue(now)
    if (!this.#links.ready) return
    if (now.monotonic >= this.#lease.renewAt) this.#sending.renew(now)
    this.#sending.acknowledgeDue(now)
    this.#showToken(now)
  }

  /** A3: in good time, so that no connection ends with its token. */
  #showToken(now: Instant): void {
    const { session } = this.#links
    if (session === null || now.monotonic < session.tokenAt) return
    this.#links.planToken(session, now)
    this.#out.do({ do: 'show token', connection: session.number })
  }

  /** C4: they count as held until they are released, or the servers end them, as these do. */
  #endHeldTooLong(now: Instant): void {
    for (const token of this.#holds.takeOver(now.monotonic))
      this.#out.do({ do: 'lost', token, reason: 'HELD_TOO_LONG' })
  }

  #onEnd(call: number, now: Instant): void {
    this.#end.wished = true
    this.#holds.clear()
    this.#calls.end()
    this.#sending.wake(now)
    this.#requests.end(call)
    if (this.#links.opened) this.#sending.pump(now)
    else this.#end.unopened()
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
        this.#leaveStrangers(now, chance)
        return
      case 'token-lasts':
        this.#links.tokenLasts(link, message[1], now)
        return
      case 'map':
        this.#out.do({ do: 'event', event: 'map', map: message[1] })
        return
      default:
        if (link === this.#links.session) this.#onSessionMessage(message, now)
    }
  }

  #onWelcome(link: Link, welcome: Welcome, now: Instant, chance: number): void {
    const cluster = this.#links.cluster
    if (cluster !== null && welcome.cluster !== null && welcome.cluster !== cluster) {
      const text = `belongs to cluster ${welcome.cluster}, not ${cluster}`
      this.#out.do({ do: 'close', connection: link.number, code: null, text: 'WRONG_CLUSTER' })
      this.#addressRefused(link, 'WRONG_CLUSTER', text, now, chance)
      return
    }
    const known = welcome.view === null ? welcome.others : [welcome.view, ...welcome.others]
    const view = known.find(({ group }) => group === this.#group) ?? null
    this.#links.welcomed(link, { ...welcome, view }, now)
    if (welcome.map !== null) this.#out.do({ do: 'event', event: 'map', map: welcome.map })
    for (const view of known) this.#adopt(view)
    this.#leaveStrangers(now, chance)
  }

  /** Also those that were welcomed before this view was known. */
  #leaveStrangers(now: Instant, chance: number): void {
    for (const link of this.#links.strangers()) {
      this.#out.do({ do: 'close', connection: link.number, code: null, text: 'WRONG_SERVER' })
      this.#linkFailed(link, stranger, now, chance)
    }
  }

  #onError(link: Link, code: string, text: string, now: Instant, chance: number): void {
    this.#out.do({ do: 'close', connection: link.number, code: null, text: '' })
    // A3: a server that has not read its access file again yet may refuse a new token, and know it a moment later.
    const mayChange = code === 'WRONG_TOKEN' && this.#links.opened
    if (refusals.has(code) && !mayChange) this.#addressRefused(link, code, text, now, chance)
    else this.#linkFailed(link, { code, text: `says ${code}: ${text}` }, now, chance)
  }

  #onSessionMessage(message: SaidOn<ClientHears>, now: Instant): void {
    switch (message[0]) {
      case 'opened':
        this.#onOpened(message, now)
        return
      case 'resumed':
        this.#onResumed(message[1], message[2])
        return
      case 'unknown-session':
        if (message[1] !== this.sessionId || !this.#links.opened) return
        // Its end was done, and the answer to it was lost: that is what the user wished for.
        if (this.#end.wished) this.#end.done()
        else this.#end.lost('SESSION_LOST', 'the servers no longer know the session')
        return
      case 'open-refused':
        if (message[1] === this.sessionId && !this.#links.opened) this.#end.refused(message[2], message[3], 1)
        return
      case 'renewed':
        this.#onRenewed(message[1])
        return
      case 'watching':
      case 'event':
      case 'missed':
      case 'watch-refused':
        this.#onWatched(message)
        return
      case 'lost':
      case 'locks':
      case 'clients':
      case 'query-refused':
      case 'granted-run':
      case 'released-run':
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
        if (this.#answers.message(message, now)) this.#end.done()
        return
    }
  }

  #onOpened(message: MessageOf<ClientHears, 'opened'>, now: Instant): void {
    const [, id, count, ttlMs, clientId] = message
    if (id !== this.sessionId || count !== this.#sending.count || this.#links.opened) return
    this.#links.opened = true
    this.#calls.clientId = clientId
    // S4: it counts from when the open was sent; an answer that comes too late is not believed.
    this.#lease.begin(ttlMs, this.#sending.openSent)
    if (this.#lease.expired(now.monotonic)) {
      this.#expire(now)
      return
    }
    this.#links.doubt(false)
    for (const message of this.#watches.again()) this.#sending.send(message)
    this.#out.do({ do: 'event', event: 'session', ttlMs, resumed: false })
  }

  #onResumed(id: string, count: number): void {
    if (id !== this.sessionId || count !== this.#sending.count) return
    this.#links.doubt(false)
    this.#out.do({ do: 'event', event: 'session', ttlMs: this.#lease.ttlMs, resumed: true })
  }

  #onRenewed(number: number): void {
    if (!this.#lease.confirm(number)) return
    this.#links.doubt(false)
    // What went out before this renewal has been applied, so these sessions are gone.
    this.abandoned.clear()
  }

  #onWatched(message: WatchMessage): void {
    const effect = this.#watches.hear(message)
    if (effect !== null) this.#out.do(effect)
  }

  // ---- connections

  #adopt(view: View): void {
    const isOwn = view.group === this.#group
    if (isOwn && !this.#links.adopt(view, this.#out.effects)) return
    this.#out.do({ do: 'event', event: 'view', view })
    if (!isOwn) return
    const session = this.#links.session
    if (session === null || session.id === view.primary.id) return
    this.#links.close(session, null, 'another server is the primary now', this.#out.effects)
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
    if (refusal !== null && !this.#links.opened)
      this.#end.refused(refusal.code, `${link.address.url} ${refusal.text}`)
  }

  #disconnected(): void {
    this.#calls.giveUpAll()
    this.#lease.disconnected()
    this.#sending.disconnected()
    if (this.#links.opened) this.#out.do({ do: 'event', event: 'reconnecting' })
  }

  /** After every step: the session goes to the primary if there is a way, and links are dialled and dropped. */
  #arrange(now: Instant, chance: number): void {
    if (this.#links.session === null) {
      const leader = this.#links.leader()
      if (leader !== undefined) this.#sending.attach(leader, now)
    }
    this.#links.arrange(now, chance, this.#out.effects)
  }

  // ---- time

  #expire(now: Instant): void {
    const why = this.#lease.suspendedText(now) ?? this.describe()
    this.#end.lost('EXPIRED', `the lease of ${this.#lease.ttlMs} ms could not be renewed in time: ${why}`)
  }

  /** How long the primary has owed us an answer to the open or to a renewal. */
  #unansweredFor(now: Instant): number {
    if (this.#links.session === null) return 0
    const since = this.#links.opened ? this.#lease.unconfirmedSince : this.#sending.openSent
    return now.monotonic - since
  }

  /** What this step has left open decides how long the lease is (S4), and whether silence says anything. */
  #rest(now: Instant): void {
    const asks = !this.#links.opened || this.#requests.some
    // The next renewal's answer says that abandoned sessions are gone.
    const rests = !asks && this.#holds.size === 0 && this.abandoned.size === 0
    this.#lease.rest(rests)
    // A watch is owed whatever happens.
    const owed = asks || this.#lease.unconfirmed || this.#watches.some
    this.#links.expect({ owed, rests, leaseEndsAt: this.#lease.deadline }, now)
  }

  get #tokenAt(): number {
    return this.#links.session?.tokenAt ?? never
  }

  #nextWake(): number | null {
    let next = Math.min(this.#links.wakeAt, this.#lease.deadline)
    next = Math.min(next, this.#holds.nextAt, this.#calls.giveUpAt)
    if (this.#links.ready)
      next = Math.min(next, this.#lease.renewAt, this.#sending.acknowledgeAt, this.#tokenAt)
    return next === never ? null : next
  }
}

const stranger: Trouble = { code: 'WRONG_SERVER', text: 'is now another server than the primary' }

function troubleOf(link: Link, { refused, trouble }: Extract<ClientInput, { is: 'closed' }>): Trouble {
  if (trouble !== undefined) return trouble
  if (refused) return { code: 'ECONNREFUSED', text: 'refuses connections' }
  return { code: 'CLOSED', text: link.kind === null ? 'can not be reached' : 'closed the connection' }
}
