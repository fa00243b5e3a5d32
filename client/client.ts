// What a program holds after `connect`: turns calls into inputs of the core and the core's effects
// into promises, handles and events. One session at a time; after a loss the next call opens a new
// one. It decides nothing about locks, views or leases.

import { runtime as ownRuntime } from '#runtime'
import { type Claim, claimOf } from '../wire/claim.ts'
import type { DoneRecord, View } from '../wire/messages.ts'
import type { ClientRuntime, DiagnosticEvent, Timer } from '../wire/net/runtime.ts'
import { NumberMap } from '../wire/number-map.ts'
import { unknownEffect } from '../wire/unknown-effect.ts'
import {
  type AcquireAllOptions,
  type AcquireOptions,
  checkForceRelease,
  claimToAcquire,
  claimToTry,
  type ForceReleaseOptions,
  type RequestOptions,
  type TryAcquireOptions,
} from './claim-options.ts'
import { allPages, type ClientList } from './clients.ts'
import { LockError, meaningOf } from './errors.ts'
import {
  type ClientEvent,
  type ClientEvents,
  type Listener,
  Listeners,
  type ListenOptions,
} from './events.ts'
import { checkKeys } from './known-options.ts'
import { checkLead, type LeadCallback, type LeadOptions, runLead } from './lead.ts'
import { type LeaderOptions, LeaderWatch } from './leader-watch.ts'
import { Lock, type LockData } from './lock.ts'
import {
  checkForgetOnce,
  checkOnce,
  type ForgetOnceOutcome,
  type OnceCallback,
  type OnceOptions,
  type OnceOutcome,
  runOnce,
} from './once.ts'
import { oneClass } from './one-class.ts'
import {
  type ClientsOptions,
  type CloseOptions,
  type Connecting,
  type ConnectOptions,
  checkClients,
  checkClose,
  checkConnect,
  checkName,
  checkNames,
  checkQuery,
  checkWatch,
  type Limits,
  type QueryOptions,
  type WatchOptions,
} from './options.ts'
import { rejectToCallers, showCallers } from './own-frames.ts'
import { describe, Pending } from './pending.ts'
import type { Call, CallResult, ClientsAnswer } from './session/effects.ts'
import { SessionDriver, type Told } from './session-driver.ts'
import { type ConsoleAsks, detached, shownAs } from './shown.ts'
import { reasonOf, throwIfAborted, watchSignal } from './signals.ts'
import { caused, causeOf } from './unreached.ts'
import { LockWatch } from './watch.ts'
import { checkRequest, type RequestCallback, runRequest, type Snapshot, snapshotOf } from './web-locks.ts'

/** One lock for each name. */
export type LocksOf<N extends readonly string[]> = { -readonly [I in keyof N]: Lock }

/** What of a client goes into JSON, and into a console. */
export interface LockClientData {
  /** As given to `connect`. */
  readonly name: string
  readonly clientId: string
  readonly view: View | null
  readonly lease: { readonly ttl: number; readonly remaining: number }
  readonly held: readonly LockData[]
}

/** A5 */
function dialling(runtime: ClientRuntime, { tls }: Connecting): ClientRuntime {
  return tls === null ? runtime : (runtime.withTls?.(tls) ?? runtime)
}

type AcquireCall = Extract<Call, { verb: 'acquire' }>

const noLimits: Limits = {}
const plain = claimOf('exclusive', 'wait')

/** A client of a Holdfast cluster; made by `connect`. Its calls wait and retry while there is no primary. */
export class LockClient implements AsyncDisposable {
  readonly #options: Connecting
  readonly #runtime: ClientRuntime
  readonly #listeners = new Listeners()
  /** What is published of this client has it, and that of no other. */
  readonly #source = Object.freeze({})
  readonly #pending = new NumberMap<Pending>()
  /** Held locks by token. */
  readonly #locks = new NumberMap<Lock>()
  readonly #waitingForSession = new Set<(error: LockError | null) => void>()
  readonly #watches = new Map<number, { readonly watch: LockWatch; readonly prefix: string }>()
  #lastWatch = 0
  #lastCall = 0
  #session: SessionDriver
  #view: View | null = null
  #closing: Promise<void> | null = null
  #finishing = false
  readonly #waitingForEnd = new Set<() => void>()

  static {
    oneClass(LockClient, 'LockClient')
    // What the specification's interface says; the rest parameter would make it 0.
    Object.defineProperty(LockClient.prototype.request, 'length', { value: 2, configurable: true })
  }

  private constructor(options: Connecting, runtime: ClientRuntime) {
    this.#options = options
    this.#runtime = runtime
    this.#session = this.#newSession(null)
  }

  /** @internal */
  static async connect(
    urls?: string | readonly string[],
    options?: ConnectOptions,
    runtime: ClientRuntime = ownRuntime,
  ): Promise<LockClient> {
    const checked = checkConnect(runtime, urls, options)
    throwIfAborted(checked.limits.signal)
    const client = new LockClient(checked, dialling(runtime, checked))
    try {
      await client.#firstSession(checked)
    } catch (error) {
      if (error instanceof LockError) showCallers(error, LockClient.connect)
      throw error
    }
    return client
  }

  /**
   * The public id of the session, 32 hex digits, as lists show it: nothing can be done to a session with it. Another
   * one after a loss, and empty until that next session is open.
   */
  get clientId(): string {
    return this.#session.core.clientId ?? ''
  }

  /** The newest view that is known: its number, and id and address of primary and backup. */
  get view(): View | null {
    return this.#view
  }

  /**
   * The session's lease, in whole ms: its ttl in force, and how long this process may still believe in its
   * locks if no renewal succeeds, by its own clock. For code that has
   * to stop its work before the lock is lost.
   */
  get lease(): { readonly ttl: number; readonly remaining: number } {
    const { ttlMs, remainingMs } = this.#session.core.lease(this.#runtime.now())
    return { ttl: ttlMs, remaining: Math.floor(remainingMs) }
  }

  /** The locks that this client holds now, in the order of their tokens: what it knows by itself, without asking a server. */
  held(): Lock[] {
    LockClient.#check(this, 'held')
    this.#session.check()
    return [...this.#locks.values()].filter(lock => lock.held).sort((a, b) => a.token - b.token)
  }

  // ---- Web Locks

  /**
   * `navigator.locks.request`: runs `callback` while holding the lock and settles as its promise
   * does, after the release.
   *
   * Rejects as the Web Locks specification says: `TypeError` for wrong arguments, `NotSupportedError` for options
   * that do not go together or a name that begins with `-`, the signal's reason when it is aborted before the grant,
   * `AbortError` when the lock is lost or stolen (the `LockError` is its `cause`). It also throws `LockError`
   * with code `TIMEOUT`, `SESSION_LOST`, `CLOSED` or a limit's.
   */
  request<T>(name: string, callback: (lock: Lock) => T): Promise<Awaited<T>>
  request<T>(
    name: string,
    options: RequestOptions & { ifAvailable?: false | undefined },
    callback: (lock: Lock) => T,
  ): Promise<Awaited<T>>
  request<T>(name: string, options: RequestOptions, callback: RequestCallback<T>): Promise<Awaited<T>>
  async request<T>(...given: unknown[]): Promise<Awaited<T>> {
    LockClient.#check(this, 'request')
    const { name, claim, limits, callback } = checkRequest<T>(given)
    const lock = (await this.#take([name], claim, limits)) as Lock | null
    return await runRequest(this.#runtime, lock, limits.signal, callback)
  }

  /**
   * `navigator.locks.query`: which locks are held and waited for, in the servers' order. The callback of a `request`
   * whose lock it shows as held has begun before it resolves.
   */
  async query(options: QueryOptions = {}): Promise<Snapshot> {
    LockClient.#check(this, 'query')
    checkQuery(options)
    const { prefix = '', confirmed = true } = options
    const call = { call: ++this.#lastCall, verb: 'query', prefix, confirmed } as const
    const snapshot = (await this.#call(call, [], options)) as Snapshot
    // Behind the callbacks, which have a turn of their own.
    await new Promise<void>(resolve => this.#runtime.afterTurn(resolve))
    return snapshot
  }

  /** Who has a session with the cluster, from where and since when; of a client that is named also what it holds. */
  async clients(options: ClientsOptions = {}): Promise<ClientList> {
    LockClient.#check(this, 'clients')
    checkClients(options)
    const { client: who = '', confirmed = true, signal, timeout = Number.POSITIVE_INFINITY } = options
    const end = this.#runtime.monotonic() + timeout
    return await allPages(async after => {
      const call = { call: ++this.#lastCall, verb: 'clients', who, confirmed, after } as const
      const left = Math.max(0, end - this.#runtime.monotonic())
      return (await this.#call(call, [], { signal, timeout: left })) as ClientsAnswer
    })
  }

  // ---- handles

  /** Waits for the lock and resolves with its handle. Not re-entrant: a second one of the same client waits too. */
  acquire(name: string, options: AcquireOptions = noLimits): Promise<Lock> {
    let claim = plain
    try {
      LockClient.#check(this, 'acquire')
      checkName(name)
      if (options !== noLimits) claim = claimToAcquire(options)
    } catch (error) {
      return Promise.reject(error)
    }
    // Not async: a second promise for each acquire would be felt.
    return this.#take([name], claim, options) as Promise<Lock>
  }

  /** The lock if it is free, else null. Still waits for an answer while there is no primary. */
  async tryAcquire(name: string, options: TryAcquireOptions = {}): Promise<Lock | null> {
    LockClient.#check(this, 'tryAcquire')
    checkName(name)
    const claim = claimToTry(options)
    return (await this.#take([name], claim, options)) as Lock | null
  }

  /**
   * Waits for all of these locks (up to 64, different) and resolves with their handles in the order of
   * the names: all or nothing; `await using` releases all of them. Such calls never wait for one another in a circle, as long as their
   * callers hold nothing else.
   */
  async acquireAll<const N extends readonly string[]>(
    names: N,
    options: AcquireAllOptions = {},
  ): Promise<LocksOf<N> & AsyncDisposable> {
    LockClient.#check(this, 'acquireAll')
    checkNames(names)
    const claim = claimToAcquire(options, true)
    const taken = await this.#take([...names], claim, options)
    const locks = Array.isArray(taken) ? taken : [taken as Lock]
    const release = async () => void (await Promise.all(locks.map(lock => lock.release())))
    Object.defineProperty(locks, Symbol.asyncDispose, { value: release })
    return locks as unknown as LocksOf<N> & AsyncDisposable
  }

  /**
   * Runs `fn` while holding the lock, if nobody has run this key before: however many clients ask, and however their
   * clocks differ, one of them runs it. For the others it resolves at once, also while it runs and after its holder
   * died, until `keep` ms after the end. An `fn` that throws frees the key. Rejects as `acquire` does; with the
   * `LockError` of the loss when the lock is lost while `fn` runs; and as `fn` does.
   */
  async once<T>(
    name: string,
    key: string,
    options: OnceOptions,
    fn: OnceCallback<T>,
  ): Promise<OnceOutcome<Awaited<T>>> {
    LockClient.#check(this, 'once')
    const claim = checkOnce(name, key, options, fn)
    const call: AcquireCall = { call: ++this.#lastCall, verb: 'acquire', names: [name], claim }
    const taken = await this.#askFor(call, options)
    return await runOnce(taken as Lock | DoneRecord, options.signal, fn)
  }

  /**
   * Runs `fn` while this client is the leader of that name: whoever holds its exclusive lock is. Campaigns again after
   * each loss, as soon as `fn` has come to its end, so that `fn` runs once for each term and never beside itself; it must heed
   * `lead.signal`. Resolves with what `fn` returns while it leads, and leads no more. Rejects with what `fn` throws, unless
   * its term is over and that is why; with the reason of `signal`; with `CLOSED`, or a limit's code.
   */
  async lead<T>(name: string, options: LeadOptions, fn: LeadCallback<T>): Promise<Awaited<T>> {
    LockClient.#check(this, 'lead')
    checkLead(name, options, fn)
    return await runLead(asked => this.acquire(name, asked), options, fn)
  }

  /**
   * Follows who leads that name: `current` now, and `for await (const leader of locks.leader(name))`, where null is
   * nobody. Begins with who leads already; each change is told at least by its last state, also one that fell into a failover
   * or a lost session. Ends when the loop is left, `signal` is aborted (with its reason) or the client is closed.
   */
  leader(name: string, options: LeaderOptions = {}): LeaderWatch {
    LockClient.#check(this, 'leader')
    checkName(name)
    checkKeys('leader', options, ['signal'])
    const ask = (signal: AbortSignal) => this.query({ prefix: name, signal })
    return new LeaderWatch(name, this.watch(name, options), ask)
  }

  /**
   * An operator's way out: frees the lock and tells its holders (`FORCED`), or with `token` that one. Resolves with the
   * number of holds that ended.
   */
  async forceRelease(name: string, options: ForceReleaseOptions = {}): Promise<number> {
    LockClient.#check(this, 'forceRelease')
    checkName(name)
    checkForceRelease(options)
    const call = {
      call: ++this.#lastCall,
      verb: 'force-release',
      name,
      token: options.token ?? null,
    } as const
    return (await this.#call(call, [name], options)) as number
  }

  /**
   * An operator's act: lets a key of `once` run again that has run, before its time is over. A key that runs now is left
   * alone. `before` says who runs it, or ran it last; null: there is no such key.
   */
  async forgetOnce(name: string, key: string, options: Limits = {}): Promise<ForgetOnceOutcome> {
    LockClient.#check(this, 'forgetOnce')
    checkForgetOnce(name, key, options)
    const call = { call: ++this.#lastCall, verb: 'forget-key', name, key } as const
    return (await this.#call(call, [name], options)) as ForgetOnceOutcome
  }

  /**
   * Reports what happens to the locks whose names begin with `prefix`: `for await (const event of
   * locks.watch('orders/'))`. Events arrive in order, each once no failover can undo it.
   * Begins with `watching`, and again after each failover, since what happened in the meantime is not reported.
   * Ends when the loop is left, `signal` is aborted (with its reason) or the client is closed.
   */
  watch(prefix = '', options: WatchOptions = {}): LockWatch {
    LockClient.#check(this, 'watch')
    checkWatch(prefix, options)
    const number = ++this.#lastWatch
    let unwatchSignal = () => {}
    const watch = new LockWatch(
      events => this.#session.step({ is: 'seen', watch: number, events }),
      () => {
        unwatchSignal()
        this.#watches.delete(number)
        this.#session.step({ is: 'unwatch', watch: number })
      },
      prefix,
    )
    const { signal } = options
    if (signal?.aborted) watch.end({ reason: reasonOf(signal) })
    else if (this.#closing !== null)
      watch.end({ reason: new LockError('CLOSED', true, `the watch: ${meaningOf('CLOSED')}`) })
    else {
      this.#watches.set(number, { watch, prefix })
      if (signal !== undefined)
        unwatchSignal = watchSignal(signal, () => watch.end({ reason: reasonOf(signal) }))
      const session = this.#session
      if (this.#currentSession() === session) session.step({ is: 'watch', watch: number, prefix })
    }
    return watch
  }

  // ---- the client itself

  /**
   * Calls `listener` at each event of the kind, until `off` or until `signal` is aborted; with `once`
   * at the next one only. A second time with the same listener changes nothing.
   */
  on<E extends ClientEvent>(event: E, listener: Listener<E>, options: ListenOptions = {}): this {
    LockClient.#check(this, 'on')
    this.#listeners.add(event, listener, options)
    return this
  }

  off<E extends ClientEvent>(event: E, listener: Listener<E>): this {
    LockClient.#check(this, 'off')
    this.#listeners.remove(event, listener)
    return this
  }

  /**
   * Releases everything and ends the session. Unanswered calls reject with `CLOSED`, and so do later
   * ones; the signals of locks that are still held are aborted with it. Never rejects, and takes at
   * most until the lease ends. Afterwards nothing of the client keeps the process alive.
   *
   * With `finishWithin` (ms), current holders get that long to release their locks first: calls that wait, and
   * later ones, reject with `CLOSED` at once. A `close()` without it ends that time.
   */
  close(options: CloseOptions = {}): Promise<void> {
    LockClient.#check(this, 'close')
    const finishWithinMs = checkClose(options)
    if (this.#closing !== null) return this.#closing
    if (finishWithinMs > 0) return this.#finish(finishWithinMs)
    this.#finished()
    let done = () => {}
    // Set before any callback runs: code that learns that its lock is gone may call again.
    this.#closing = new Promise(resolve => {
      done = resolve
    })
    void this.#close().then(done)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The interface of the specification that it implements. */
  get [Symbol.toStringTag](): string {
    return 'LockManager'
  }

  /** For JSON; no secret is in it. */
  toJSON(): LockClientData {
    const { clientId, view, lease } = this
    const held = this.held().map(lock => lock.toJSON())
    return { name: this.#options.name, clientId, view, lease, held }
  }

  /** What a console shows. */
  [Symbol.for('nodejs.util.inspect.custom')](...asks: ConsoleAsks): string {
    return shownAs('LockClient', this.toJSON(), asks)
  }

  /** Methods that were taken off their client, and proxies around it. */
  static #check(client: unknown, method: string): void {
    if (typeof client !== 'object' || client === null || !(#options in client))
      throw detached('locks', method)
  }

  // ---- calls

  /** One lock for one name, a list for several; null if it must be free and is not. */
  #take(names: readonly string[], claim: Claim, limits: Limits): Promise<Lock | Lock[] | null> {
    const call: AcquireCall = { call: ++this.#lastCall, verb: 'acquire', names, claim }
    return this.#askFor(call, limits) as Promise<Lock | Lock[] | null>
  }

  #askFor(call: AcquireCall, limits: Limits): Promise<unknown> {
    const { diagnostics } = this.#runtime
    const { names, claim } = call
    if (diagnostics.acquire.hasSubscribers) this.#diagnose('acquire', { request: call.call, names, ...claim })
    const asked = this.#call(call, names, limits)
    if (diagnostics['not-granted'].hasSubscribers) this.#diagnoseNotGranted(call, asked)
    return asked
  }

  #release(session: SessionDriver, { name, token }: Lock, failed: boolean): Promise<void> {
    this.#forget(token)
    if (this.#runtime.diagnostics.release.hasSubscribers) this.#diagnose('release', { name, token })
    const call = { call: ++this.#lastCall, verb: failed ? 'fail' : 'release', token } as const
    return this.#ask(session, call, [name], noLimits) as Promise<void>
  }

  #note(session: SessionDriver, { name, token }: Lock, note: string | null): Promise<void> {
    const call = { call: ++this.#lastCall, verb: 'set-note', token, note } as const
    return this.#ask(session, call, [name], noLimits) as Promise<void>
  }

  #call(call: Call, locks: readonly string[], limits: Limits): Promise<unknown> {
    if (limits.signal?.aborted) return Promise.reject(reasonOf(limits.signal))
    if (this.#closing !== null || this.#finishing) {
      const text = `${describe(call, locks)}: ${meaningOf('CLOSED')}`
      return Promise.reject(new LockError('CLOSED', true, text, { locks }))
    }
    return this.#ask(this.#currentSession(), call, locks, limits)
  }

  #ask(session: SessionDriver, call: Call, locks: readonly string[], limits: Limits): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (reason: unknown, made: boolean) =>
        made ? rejectToCallers(resolve, reason) : reject(reason)
      const pending = new Pending(this.#runtime, call, locks, limits, session.turnAt(), resolve, fail)
      const number = call.call
      this.#pending.set(number, pending)
      if (pending.limited) pending.watch(patient => session.step({ is: 'abort', call: number, patient }))
      if (call.verb === 'end') session.step({ is: 'end', call: number })
      else session.call(call)
    })
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
    { call, names, claim }: AcquireCall,
    tokens: readonly number[] | null,
  ): Lock | Lock[] | null {
    if (tokens === null) return null
    if (this.#runtime.diagnostics.granted.hasSubscribers)
      this.#diagnose('granted', { request: call, names, mode: claim.mode, tokens })
    if (names.length === 1) return this.#lock(session, names[0] as string, claim, tokens[0] as number)
    return names.map((name, i) => this.#lock(session, name, claim, tokens[i] as number))
  }

  #lock(session: SessionDriver, name: string, claim: Claim, token: number): Lock {
    const lock = new Lock(name, claim, token, session)
    this.#locks.set(token, lock)
    return lock
  }

  // ---- what others learn of it

  #emit<E extends ClientEvent>(event: E, value: ClientEvents[E]): void {
    if (this.#runtime.diagnostics[event].hasSubscribers)
      this.#diagnose(event, event === 'view' ? { view: value } : value)
    this.#listeners.emit(event, value)
  }

  #diagnoseNotGranted({ call, names, claim }: AcquireCall, asked: Promise<unknown>): void {
    const tell = (about: object) =>
      this.#diagnose('not-granted', { request: call, names, mode: claim.mode, ...about })
    asked.then(
      taken => {
        if (taken === null) tell({ reason: 'BUSY' })
        else if (!Array.isArray(taken) && !(taken instanceof Lock)) tell({ reason: 'RAN_BEFORE' })
      },
      error => tell({ reason: error instanceof LockError ? error.code : 'ABORTED', error }),
    )
  }

  #diagnose(event: DiagnosticEvent, about: object): void {
    this.#runtime.diagnostics[event].publish({ client: this.#options.name, source: this.#source, ...about })
  }

  // ---- sessions

  #currentSession(): SessionDriver {
    // F12: once a turn; what comes behind another call of this turn shares its fate.
    if (!this.#session.gathering) this.#session.check()
    if (this.#session.core.over) {
      this.#session = this.#newSession(this.#session)
      for (const [watch, { watch: of, prefix }] of this.#watches)
        this.#session.step({ is: 'watch', watch, prefix, before: of.told })
      this.#session.wake()
    }
    return this.#session
  }

  #newSession(last: SessionDriver | null): SessionDriver {
    const { urls, ttlMs, name, proofs } = this.#options
    const servers = this.#view === null ? [] : [this.#view.primary, this.#view.backup]
    const learnt = servers.flatMap(server => (server === null ? [] : [server.address]))
    const options = {
      sessionId: this.#runtime.newId(),
      sessionKey: this.#runtime.newKey(),
      addresses: [...new Set([...urls, ...learnt])],
      ttlMs,
      name,
      ...this.#runtime.program,
      cluster: last?.core.cluster ?? null,
      abandoned: last?.core.abandoned ?? new Map<string, string>(),
    }
    return new SessionDriver(this.#runtime, options, proofs, {
      told: (session, told) => this.#told(session, told),
      release: (session, lock, failed) => this.#release(session, lock, failed),
      note: (session, lock, note) => this.#note(session, lock, note),
    })
  }

  async #firstSession({ urls, limits }: Connecting): Promise<void> {
    const { signal, timeout = Number.POSITIVE_INFINITY } = limits
    await new Promise<void>((resolve, reject) => {
      const done = (finish: () => void) => {
        this.#runtime.cancel(timer)
        unwatch()
        this.#waitingForSession.delete(onSession)
        finish()
      }
      const giveUp = (reason: unknown) => {
        void this.close()
        done(() => reject(reason))
      }
      const onSession = (error: LockError | null) => done(() => (error === null ? resolve() : reject(error)))
      const onAbort = () => giveUp(signal && reasonOf(signal))
      const onTimeout = () => giveUp(connectTimeout(urls, timeout, this.#session))
      const timer = Number.isFinite(timeout) ? this.#runtime.after(timeout, onTimeout) : undefined
      const unwatch = signal === undefined ? () => {} : watchSignal(signal, onAbort)
      this.#waitingForSession.add(onSession)
      this.#session.wake()
    })
  }

  /** Lets the holders end their work; then, or when the time is over, closes. */
  async #finish(withinMs: number): Promise<void> {
    this.#finishing = true
    this.#session.step({ is: 'finish' })
    let timer: Timer | undefined
    if (this.#locks.size > 0 && this.#closing === null)
      await new Promise<void>(resolve => {
        this.#waitingForEnd.add(resolve)
        timer = this.#runtime.after(withinMs, resolve)
      })
    this.#runtime.cancel(timer)
    await this.close()
  }

  #finished(): void {
    for (const resolve of this.#waitingForEnd) resolve()
    this.#waitingForEnd.clear()
  }

  /** No caller has it any more. */
  #forget(token: number): void {
    this.#locks.delete(token)
    if (this.#finishing && this.#locks.size === 0) this.#finished()
  }

  async #close(): Promise<void> {
    const error = new LockError('CLOSED', true, meaningOf('CLOSED'))
    const locks = [...this.#locks.values()].sort((a, b) => a.token - b.token)
    if (this.#runtime.diagnostics.release.hasSubscribers)
      for (const { name, token } of locks) this.#diagnose('release', { name, token })
    // First, so that a lock which is lost as closed is not lost as expired, too, while its holder is told.
    this.#locks.clear()
    for (const lock of locks) lock.lose(error)
    for (const { watch } of [...this.#watches.values()]) watch.end()
    await this.#ask(this.#session, { call: ++this.#lastCall, verb: 'end' }, [], noLimits).catch(() => {})
  }

  // ---- what the core tells

  #told(session: SessionDriver, told: Told): void {
    switch (told.do) {
      case 'settle': {
        const pending = this.#takePending(told.call)
        pending?.settle(this.#valueOf(session, pending.call, told.result))
        return
      }
      case 'fail':
        this.#takePending(told.call)?.fail(
          told.code,
          told.definite,
          told.text,
          told.blocker,
          causeOf(session, told.code),
        )
        return
      case 'lost':
        this.#lost(session, told.token, told.reason, told.text)
        return
      case 'event':
        this.#event(session, told)
        return
      case 'watched':
        this.#watches.get(told.watch)?.watch.push(told.what)
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

  #takePending(call: number): Pending | undefined {
    return this.#pending.take(call)
  }

  readonly #lostWithSession: Lock[] = []

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
    else this.#emit('lost', { code, locks: [describeLost(lock)] })
  }

  #event(session: SessionDriver, told: Extract<Told, { do: 'event' }>): void {
    const clientId = session.core.clientId ?? ''
    switch (told.event) {
      case 'view':
        if (this.#view !== null && this.#view.number >= told.view.number) return
        this.#view = told.view
        this.#emit('view', told.view)
        return
      case 'session':
        for (const waiting of [...this.#waitingForSession]) waiting(null)
        this.#emit('session', { clientId, ttl: told.ttlMs, resumed: told.resumed })
        return
      case 'reconnecting':
        this.#emit('reconnecting', { clientId })
        return
      case 'lost':
        this.#emit('lost', {
          code: told.reason,
          locks: this.#lostWithSession.splice(0).map(describeLost),
        })
    }
  }

  #over(session: SessionDriver, { reason, code, text }: Extract<Told, { do: 'over' }>): void {
    if (session !== this.#session) return
    if (reason === 'refused') {
      const error = new LockError(code, true, text, caused(causeOf(session, code)))
      for (const waiting of [...this.#waitingForSession]) waiting(error)
      for (const { watch } of [...this.#watches.values()]) watch.end({ reason: error })
    } else if (reason === 'lost' && this.#waitingForSession.size + this.#watches.size > 0) {
      // The program still waits for its first session (this one was opened too late to be believed),
      // or wants to hear more.
      this.#currentSession()
    }
  }
}

function describeLost({ name, mode, token }: Lock): ClientEvents['lost']['locks'][number] {
  return { name, mode, token }
}

function connectTimeout(urls: readonly string[], timeout: number, session: SessionDriver): LockError {
  const text = `no session with the cluster at ${urls.join(', ')} within ${timeout} ms: ${session.core.describe()}`
  return new LockError('TIMEOUT', true, text, caused(causeOf(session, 'TIMEOUT')))
}
