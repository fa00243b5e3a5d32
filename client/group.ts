// What a client has with one group of servers: its session there, and the next one after a loss, the calls that
// wait, the locks that it holds and the watches. Turns the core's effects into promises, handles and events.
// It decides nothing about locks, views or leases, and knows of no other group.

import type { Claim } from '../wire/claim.ts'
import type { SlotMap, View } from '../wire/messages.ts'
import type { ClientRuntime } from '../wire/net/runtime.ts'
import { NumberMap } from '../wire/number-map.ts'
import { unknownEffect } from '../wire/unknown-effect.ts'
import { LockError, meaningOf } from './errors.ts'
import type { ClientEvents } from './events.ts'
import { Lock } from './lock.ts'
import { NearestReads } from './nearest-reads.ts'
import type { Connecting, Limits } from './options.ts'
import { rejectToCallers } from './own-frames.ts'
import { movingText } from './pauses.ts'
import { Pending } from './pending.ts'
import type { AcquireCall, Reports } from './reports.ts'
import type { Call, CallResult, ClientsAnswer } from './session/effects.ts'
import type { NearestKnown } from './session/nearest.ts'
import { SessionDriver, type SessionOwner, type Told } from './session-driver.ts'
import { caused, causeOf } from './unreached.ts'
import type { LockWatch } from './watch.ts'
import { type NearestSnapshot, type Snapshot, snapshotOf } from './web-locks.ts'

/** The number of a client's last call: no other call of that client has it, whatever group it goes to. */
export interface CallNumbers {
  last: number
}

/** What a group learns that is no matter of its own. */
export interface GroupOwner {
  readonly cluster: string | null
  /** C9: of all sessions of this client. */
  readonly key: string
  viewOf(group: number): View | null
  /** True: it is news. */
  learnView(view: View, from: number): boolean
  learnMap(map: SlotMap): void
  /** G2: this group has refused the call: it is another one's, which the newest map names, or will be in a moment (G8). */
  askAgain(pending: Pending, name: string, refusedBy: ClientGroup): void
}

/** A watch, and which part of it this group tells. */
interface WatchHere {
  readonly watch: LockWatch
  readonly prefix: string
  readonly part: number
}

type QueryCall = Extract<Call, { verb: 'query' }>

const noLimits: Limits = {}
/** Of a group that has no locks any more. */
const noLocks: Snapshot = { held: [], pending: [], confirmed: true, cut: false }
const noClients: ClientsAnswer = { clients: [], confirmed: true, next: null }

export class ClientGroup implements SessionOwner {
  readonly number: number
  readonly #owner: GroupOwner
  readonly #options: Connecting
  readonly #runtime: ClientRuntime
  readonly #reports: Reports
  readonly #calls: CallNumbers
  readonly #pending = new NumberMap<Pending>()
  /** Held locks by token. */
  readonly #locks = new NumberMap<Lock>()
  readonly #lostWithSession: Lock[] = []
  readonly #watches = new Map<number, WatchHere>()
  #lastWatch = 0
  /** Who waits for a session: they learn that there is one, or why there is none. */
  readonly waitingForSession = new Set<(error: LockError | null) => void>()
  #session: SessionDriver
  /** G7; null: no such read was asked for yet. */
  #nearest: NearestReads | null = null
  /** Called when the last lock is gone; null: no program waits for that. */
  #emptied: (() => void) | null = null
  /** G8: by the map no lock is here any more. */
  #isLeft = false

  constructor(
    number: number,
    options: Connecting,
    runtime: ClientRuntime,
    reports: Reports,
    calls: CallNumbers,
    owner: GroupOwner,
  ) {
    this.number = number
    this.#owner = owner
    this.#options = options
    this.#runtime = runtime
    this.#reports = reports
    this.#calls = calls
    this.#session = this.#newSession(null)
  }

  /** Of the session; empty while there is none. */
  get clientId(): string {
    return this.#session.core.clientId ?? ''
  }

  get cluster(): string | null {
    return this.#session.core.cluster
  }

  get #view(): View | null {
    return this.#owner.viewOf(this.number)
  }

  /** A newer view of this group: a session that watches for none learns of it by this. */
  tell(view: View): void {
    this.#session.tell([view])
  }

  /** There is a session here. */
  get hasSession(): boolean {
    const { core } = this.#session
    return core.opened && !core.over
  }

  lease(): { readonly ttlMs: number; readonly remainingMs: number } {
    return this.#session.core.lease(this.#runtime.now())
  }

  get holds(): boolean {
    return this.#locks.size > 0
  }

  held(): Lock[] {
    this.#session.check()
    return [...this.#locks.values()].filter(lock => lock.held).sort((a, b) => a.token - b.token)
  }

  // ---- sessions

  /** The session as it is. */
  get lastSession(): SessionDriver {
    return this.#session
  }

  /** The session; the next one, if that is over. */
  session(): SessionDriver {
    // F12: once a turn; what comes behind another call of this turn shares its fate.
    if (!this.#session.gathering) this.#session.check()
    if (this.#session.core.over && !this.#isLeft) {
      this.#session = this.#newSession(this.#session)
      for (const [watch, { watch: of, prefix, part }] of this.#watches)
        this.#session.step({ is: 'watch', watch, prefix, before: of.toldBy(part) })
      this.#session.wake()
    }
    return this.#session
  }

  #newSession(last: SessionDriver | null): SessionDriver {
    const { urls, ttlMs, name, proofs } = this.#options
    const view = this.#view
    const servers = view === null ? [] : [view.primary, view.backup]
    const learnt = servers.flatMap(server => (server === null ? [] : [server.address]))
    const options = {
      sessionId: this.#runtime.newId(),
      sessionKey: this.#owner.key,
      addresses: [...new Set([...urls, ...learnt])],
      ttlMs,
      name,
      ...this.#runtime.program,
      cluster: last?.core.cluster ?? (this.number === 0 ? null : this.#owner.cluster),
      group: this.number,
      view: this.number === 0 ? null : view,
      told: this.number !== 0,
      abandoned: last?.core.abandoned ?? new Map<string, string>(),
    }
    return new SessionDriver(this.#runtime, options, proofs, this)
  }

  // ---- calls

  /** A call that was asked of another group before (G2). */
  take(session: SessionDriver, pending: Pending): void {
    const { call } = pending
    if (call.verb === 'end') return
    this.#pending.set(call.call, pending)
    pending.askedOf(patient => session.step({ is: 'abort', call: call.call, patient }))
    session.call(call)
  }

  get nearestKnown(): NearestKnown {
    return { view: this.#view, cluster: this.cluster ?? this.#owner.cluster }
  }

  learnMap(map: SlotMap): void {
    this.#owner.learnMap(map)
  }

  /** G7 */
  async look(call: QueryCall, limits: Limits): Promise<NearestSnapshot> {
    try {
      return await this.#look(call, limits)
    } catch (error) {
      if (!this.#isLeft) throw error
      return { ...noLocks, confirmed: false, asOfMs: 0, onDisk: true }
    }
  }

  async #look(call: QueryCall, limits: Limits): Promise<NearestSnapshot> {
    this.#nearest ??= new NearestReads(this.#options, this.#runtime, this)
    const { asOfMs, onDisk, ...answer } = await this.#nearest.look(call, limits)
    return { ...snapshotOf({ ...answer, confirmed: false }), confirmed: false, asOfMs, onDisk }
  }

  /** `isPart`: of a call to several groups, which decides itself what to do if this group does not serve its locks (G4). */
  ask(
    session: SessionDriver,
    call: Call,
    locks: readonly string[],
    limits: Limits,
    isPart = false,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (reason: unknown, made: boolean) =>
        made ? rejectToCallers(resolve, reason) : reject(reason)
      const pending = new Pending(this.#runtime, call, locks, limits, session.turnAt(), resolve, fail)
      const number = call.call
      pending.isPart = isPart
      this.#pending.set(number, pending)
      if (pending.limited) pending.watch(patient => session.step({ is: 'abort', call: number, patient }))
      if (call.verb === 'end') session.step({ is: 'end', call: number })
      else session.call(call)
    })
  }

  release(session: SessionDriver, lock: Lock, failed: boolean): Promise<void> {
    const { name, token } = lock
    this.#forget(token)
    this.#reports.release(lock)
    const call = { call: ++this.#calls.last, verb: failed ? 'fail' : 'release', token } as const
    return this.ask(session, call, [name], noLimits) as Promise<void>
  }

  note(session: SessionDriver, { name, token }: Lock, note: string | null): Promise<void> {
    const call = { call: ++this.#calls.last, verb: 'set-note', token, note } as const
    return this.ask(session, call, [name], noLimits) as Promise<void>
  }

  // ---- watches

  /** A number for a watch; no other one of this group has it, or ever had. */
  nextWatch(): number {
    return ++this.#lastWatch
  }

  watch(number: number, watch: LockWatch, prefix: string, part: number): void {
    this.#watches.set(number, { watch, prefix, part })
    const session = this.#session
    if (this.session() === session) session.step({ is: 'watch', watch: number, prefix })
  }

  seen(number: number, events: number): void {
    this.#session.step({ is: 'seen', watch: number, events })
  }

  unwatch(number: number): void {
    this.#watches.delete(number)
    this.#session.step({ is: 'unwatch', watch: number })
  }

  // ---- the end

  /** Calls that wait fail; `emptied` is called when the last lock is gone. */
  finish(emptied: () => void): void {
    this.#emptied = emptied
    this.#nearest?.close()
    this.#session.step({ is: 'finish' })
  }

  /** G8: by the newest map no lock is here, and the servers of this group may be gone; its calls are asked elsewhere. */
  leave(): void {
    this.#isLeft = true
    this.#nearest?.close()
    this.#session.step({ is: 'leave' })
  }

  /** No caller has it any more. */
  #forget(token: number): void {
    this.#locks.delete(token)
    if (this.#emptied !== null && this.#locks.size === 0) this.#emptied()
  }

  async close(): Promise<void> {
    this.#nearest?.close()
    const error = new LockError('CLOSED', true, meaningOf('CLOSED'))
    const locks = [...this.#locks.values()].sort((a, b) => a.token - b.token)
    for (const lock of locks) this.#reports.release(lock)
    // First, so that a lock which is lost as closed is not lost as expired, too, while its holder is told.
    this.#locks.clear()
    for (const lock of locks) lock.lose(error)
    for (const { watch } of [...this.#watches.values()]) watch.end()
    await this.ask(this.#session, { call: ++this.#calls.last, verb: 'end' }, [], noLimits).catch(() => {})
  }

  // ---- what the core tells

  told(session: SessionDriver, told: Told): void {
    switch (told.do) {
      case 'settle': {
        const pending = this.#takePending(told.call)
        pending?.settle(this.#valueOf(session, pending.call, told.result))
        return
      }
      case 'fail':
        this.#failed(session, told)
        return
      case 'lost':
        this.#lost(session, told.token, told.reason, told.text)
        return
      case 'event':
        this.#event(session, told)
        return
      case 'watched':
        this.#watched(told)
        return
      case 'watch-refused':
        this.#watches.get(told.watch)?.watch.end({ reason: new LockError(told.code, true, told.text) })
        return
      case 'over':
        this.#over(session, told)
        return
      default:
        unknownEffect(told)
    }
  }

  #watched({ watch, what }: Extract<Told, { do: 'watched' }>): void {
    const here = this.#watches.get(watch)
    here?.watch.push(what, here.part)
  }

  #failed(session: SessionDriver, told: Extract<Told, { do: 'fail' }>): void {
    const pending = this.#takePending(told.call)
    const isElsewhere = told.code === 'WRONG_GROUP' || (this.#isLeft && told.code === 'SESSION_LOST')
    if (pending !== undefined && isElsewhere) this.#askElsewhere(pending, told)
    else pending?.fail(told.code, told.definite, told.text, told.blocker, causeOf(session, told.code))
  }

  /** G2, G8: what the call is about is not here, or not any more. */
  #askElsewhere(pending: Pending, { definite, text }: Extract<Told, { do: 'fail' }>): void {
    const { call, locks } = pending
    if (call.verb === 'query') pending.settle(noLocks)
    else if (call.verb === 'clients') pending.settle(noClients)
    else if (pending.isPart || locks[0] === undefined) pending.fail('WRONG_GROUP', definite, text)
    else if (pending.isLate) pending.fail('TIMEOUT', definite, movingText)
    else this.#owner.askAgain(pending, locks[0], this)
  }

  #takePending(call: number): Pending | undefined {
    return this.#pending.take(call)
  }

  /** What the caller gets. Made before anything else happens: a lock must be known when its loss follows at once. */
  #valueOf(session: SessionDriver, call: Call, result: CallResult): unknown {
    switch (result.verb) {
      case 'acquire':
        return call.verb === 'acquire' ? this.#granted(session, call, result.tokens) : undefined
      case 'done-before':
        return result.record
      case 'release':
      case 'end':
        return undefined
      case 'force-release':
        return result.released
      case 'forget-key':
        return { forgotten: result.forgotten, before: result.record }
      case 'query':
        return snapshotOf(result)
      case 'clients':
        return result
    }
  }

  #granted(
    session: SessionDriver,
    call: AcquireCall,
    tokens: readonly number[] | null,
  ): Lock | Lock[] | null {
    if (tokens === null) return null
    this.#reports.granted(call, tokens)
    const { names, claim } = call
    if (names.length === 1) return this.#lock(session, names[0] as string, claim, tokens[0] as number)
    return names.map((name, i) => this.#lock(session, name, claim, tokens[i] as number))
  }

  #lock(session: SessionDriver, name: string, claim: Claim, token: number): Lock {
    const lock = new Lock(name, claim, token, session)
    this.#locks.set(token, lock)
    return lock
  }

  #lost(
    session: SessionDriver,
    token: number,
    code: ClientEvents['lost']['code'],
    why = meaningOf(code),
  ): void {
    const lock = this.#locks.get(token)
    if (lock === undefined) return
    const text = `lock ${JSON.stringify(lock.name)} is lost: ${why}`
    lock.lose(new LockError(code, false, text, { locks: [lock.name], ...caused(causeOf(session, code)) }))
    this.#forget(token)
    if (code === 'EXPIRED' || code === 'SESSION_LOST') this.#lostWithSession.push(lock)
    else this.#reports.emit('lost', { group: this.number, code, locks: [describeLost(lock)] })
  }

  #event(session: SessionDriver, told: Extract<Told, { do: 'event' }>): void {
    const { number: group } = this
    const clientId = session.core.clientId ?? ''
    switch (told.event) {
      case 'view':
        if (this.#owner.learnView(told.view, group)) this.#reports.emit('view', told.view)
        return
      case 'map':
        this.#owner.learnMap(told.map)
        return
      case 'session':
        for (const waiting of [...this.waitingForSession]) waiting(null)
        this.#reports.emit('session', { group, clientId, ttl: told.ttlMs, resumed: told.resumed })
        return
      case 'reconnecting':
        this.#reports.emit('reconnecting', { group, clientId })
        return
      case 'lost':
        this.#reports.emit('lost', {
          group,
          code: told.reason,
          locks: this.#lostWithSession.splice(0).map(describeLost),
        })
    }
  }

  #over(session: SessionDriver, { reason, code, text }: Extract<Told, { do: 'over' }>): void {
    if (session !== this.#session) return
    if (reason === 'refused') {
      const error = new LockError(code, true, text, caused(causeOf(session, code)))
      for (const waiting of [...this.waitingForSession]) waiting(error)
      for (const { watch } of [...this.#watches.values()]) watch.end({ reason: error })
    } else if (reason === 'lost' && this.waitingForSession.size + this.#watches.size > 0) {
      // The program still waits for its first session (this one was opened too late to be believed),
      // or wants to hear more.
      this.session()
    }
  }
}

function describeLost({ name, mode, token }: Lock): ClientEvents['lost']['locks'][number] {
  return { name, mode, token }
}
