// What a program holds after `connect`: its calls, checked and handed on to the group of servers that they are
// for, where their promises and handles come from. It decides nothing about locks, views, leases or sessions.

import { runtime as ownRuntime } from '#runtime'
import { type Claim, claimOf } from '../wire/claim.ts'
import type { DoneRecord, View } from '../wire/messages.ts'
import type { ClientRuntime, Timer } from '../wire/net/runtime.ts'
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
import type { ClientEvent, Listener, ListenOptions } from './events.ts'
import { firstSession } from './first-session.ts'
import type { CallNumbers, ClientGroup } from './group.ts'
import { ClientGroups } from './groups.ts'
import { checkKeys } from './known-options.ts'
import { checkLead, type LeadCallback, type LeadOptions, runLead } from './lead.ts'
import { type LeaderOptions, LeaderWatch } from './leader-watch.ts'
import type { Lock, LockData } from './lock.ts'
import { fromAll, mergedClients, mergedNearest, mergedSnapshot } from './merged.ts'
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
import { showCallers } from './own-frames.ts'
import { describe } from './pending.ts'
import { type AcquireCall, Reports } from './reports.ts'
import type { Call, ClientsAnswer } from './session/effects.ts'
import { type ConsoleAsks, detached, shownAs } from './shown.ts'
import { reasonOf, throwIfAborted, watchSignal } from './signals.ts'
import { takeInOrder } from './take-in-order.ts'
import type { LockWatch } from './watch.ts'
import {
  checkRequest,
  type NearestSnapshot,
  type RequestCallback,
  runRequest,
  type Snapshot,
} from './web-locks.ts'

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

/** What is left of one session's lease. */
type LeaseLeft = ReturnType<ClientGroup['lease']>
type QueryCall = Extract<Call, { verb: 'query' }>

const noLimits: Limits = {}
const plain = claimOf('exclusive', 'wait')

/** A client of a Holdfast cluster; made by `connect`. Its calls wait and retry while there is no primary. */
export class LockClient implements AsyncDisposable {
  readonly #options: Connecting
  readonly #runtime: ClientRuntime
  readonly #reports: Reports
  readonly #calls: CallNumbers = { last: 0 }
  readonly #groups: ClientGroups
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
    this.#reports = new Reports(runtime, options.name)
    this.#groups = new ClientGroups(options, runtime, this.#reports, this.#calls)
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
      await firstSession(client.#groups.first, client.#runtime, checked, () => void client.close())
    } catch (error) {
      if (error instanceof LockError) showCallers(error, LockClient.connect)
      throw error
    }
    return client
  }

  /**
   * The public id of the session, 32 hex digits, as lists show it: nothing can be done to a session with it. Another
   * one after a loss, and empty until that next session is open. In a cluster of several groups: of that with group 0;
   * the client has one more in each group whose locks it has asked for.
   */
  get clientId(): string {
    return this.#groups.first.clientId
  }

  /** The newest view that is known: its number, and id and address of primary and backup; of group 0 if there are several. */
  get view(): View | null {
    return this.#groups.viewOf(0)
  }

  /** The newest view of each group that is known, in their order. */
  get views(): readonly View[] {
    return this.#groups.views
  }

  /**
   * The session's lease, in whole ms: its ttl in force, and how long this process may still believe in its
   * locks if no renewal succeeds, by its own clock. For code that has
   * to stop its work before the lock is lost.
   */
  get lease(): { readonly ttl: number; readonly remaining: number } {
    const { first } = this.#groups
    const others = this.#groups.opened().filter(group => group !== first && group.hasSession)
    const [{ ttlMs }, ...all] = [first, first, ...others].map(group => group.lease()) as [
      LeaseLeft,
      ...LeaseLeft[],
    ]
    const remainingMs = Math.min(...all.map(lease => lease.remainingMs))
    return { ttl: ttlMs, remaining: Math.floor(remainingMs) }
  }

  /** The locks that this client holds now, group by group, in the order of their tokens: what it knows by itself, without asking a server. */
  held(): Lock[] {
    LockClient.#check(this, 'held')
    return this.#groups.opened().flatMap(group => group.held())
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
    const lock = (await this.#take(this.#groups.of(name), [name], claim, limits)) as Lock | null
    return await runRequest(this.#runtime, lock, limits.signal, callback)
  }

  /**
   * `navigator.locks.query`: which locks are held and waited for, in the servers' order. The callback of a `request`
   * whose lock it shows as held has begun before it resolves.
   */
  query(options: QueryOptions & { from: 'nearest' }): Promise<NearestSnapshot>
  query(options?: QueryOptions): Promise<Snapshot>
  async query(options: QueryOptions = {}): Promise<Snapshot> {
    LockClient.#check(this, 'query')
    checkQuery(options)
    const groups = () => this.#groups.all()
    if (options.from === 'nearest')
      return mergedNearest(await fromAll(groups, group => this.#look(group, options)))
    const snapshot = await this.#query(groups, options)
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
    const listOf = (group: ClientGroup) =>
      allPages(async after => {
        const call = { call: ++this.#calls.last, verb: 'clients', who, confirmed, after } as const
        const left = Math.max(0, end - this.#runtime.monotonic())
        return (await this.#call(group, call, [], { signal, timeout: left })) as ClientsAnswer
      })
    return mergedClients(await fromAll(() => this.#groups.all(), listOf))
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
    return this.#take(this.#groups.of(name), [name], claim, options) as Promise<Lock>
  }

  /** The lock if it is free, else null. Still waits for an answer while there is no primary. */
  async tryAcquire(name: string, options: TryAcquireOptions = {}): Promise<Lock | null> {
    LockClient.#check(this, 'tryAcquire')
    checkName(name)
    const claim = claimToTry(options)
    return (await this.#take(this.#groups.of(name), [name], claim, options)) as Lock | null
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
    const locks = await this.#takeAll(names, claim, options)
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
    const call: AcquireCall = { call: ++this.#calls.last, verb: 'acquire', names: [name], claim }
    const taken = await this.#askFor(this.#groups.of(name), call, options)
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
    const campaign = {
      acquire: (asked: LeadOptions) => this.acquire(name, asked),
      manyListeners: (signal: AbortSignal) => this.#runtime.manyListeners?.(signal),
    }
    return await runLead(campaign, options, fn)
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
    const groups = () => this.#groups.having(name)
    const ask = (signal: AbortSignal) => this.#query(groups, { prefix: name, signal })
    return new LeaderWatch(name, this.#watch(name, options, groups), ask)
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
      call: ++this.#calls.last,
      verb: 'force-release',
      name,
      token: options.token ?? null,
    } as const
    return (await this.#call(this.#groups.of(name), call, [name], options)) as number
  }

  /**
   * An operator's act: lets a key of `once` run again that has run, before its time is over. A key that runs now is left
   * alone. `before` says who runs it, or ran it last; null: there is no such key.
   */
  async forgetOnce(name: string, key: string, options: Limits = {}): Promise<ForgetOnceOutcome> {
    LockClient.#check(this, 'forgetOnce')
    checkForgetOnce(name, key, options)
    const call = { call: ++this.#calls.last, verb: 'forget-key', name, key } as const
    return (await this.#call(this.#groups.of(name), call, [name], options)) as ForgetOnceOutcome
  }

  /**
   * Reports what happens to the locks whose names begin with `prefix`: `for await (const event of
   * locks.watch('orders/'))`. Events arrive in order, each once no failover can undo it.
   * Begins with `watching`, and again after each failover and when groups of servers come or go, since what happened in
   * the meantime is not reported.
   * Ends when the loop is left, `signal` is aborted (with its reason) or the client is closed.
   */
  watch(prefix = '', options: WatchOptions = {}): LockWatch {
    LockClient.#check(this, 'watch')
    checkWatch(prefix, options)
    return this.#watch(prefix, options, () => this.#groups.all())
  }

  #watch(prefix: string, options: WatchOptions, groups: () => readonly ClientGroup[]): LockWatch {
    let unwatchSignal = () => {}
    const parts = this.#groups.newWatch(prefix, groups, () => unwatchSignal())
    const { watch } = parts
    const { signal } = options
    if (signal?.aborted) watch.end({ reason: reasonOf(signal) })
    else if (this.#closing !== null)
      watch.end({ reason: new LockError('CLOSED', true, `the watch: ${meaningOf('CLOSED')}`) })
    else {
      if (signal !== undefined)
        unwatchSignal = watchSignal(signal, () => watch.end({ reason: reasonOf(signal) }))
      parts.begin()
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
    this.#reports.listeners.add(event, listener, options)
    return this
  }

  off<E extends ClientEvent>(event: E, listener: Listener<E>): this {
    LockClient.#check(this, 'off')
    this.#reports.listeners.remove(event, listener)
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
    void this.#groups.close().then(done)
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
  #take(
    group: ClientGroup,
    names: readonly string[],
    claim: Claim,
    limits: Limits,
    isPart = false,
  ): Promise<Lock | Lock[] | null> {
    const call: AcquireCall = { call: ++this.#calls.last, verb: 'acquire', names, claim }
    return this.#askFor(group, call, limits, isPart) as Promise<Lock | Lock[] | null>
  }

  /** G4 */
  async #takeAll(names: readonly string[], claim: Claim, limits: Limits): Promise<readonly Lock[]> {
    const groups = this.#groups
    return await takeInOrder(names, limits, {
      partsOf: names => groups.partsOf(names),
      take: async (part, limits) => {
        const taken = await this.#take(part.group, [...part.names], claim, limits, true)
        return Array.isArray(taken) ? taken : [taken as Lock]
      },
      pause: (tries, ms, stop) => groups.pause(tries, ms, stop),
      monotonic: () => this.#runtime.monotonic(),
    })
  }

  #askFor(group: ClientGroup, call: AcquireCall, limits: Limits, isPart = false): Promise<unknown> {
    this.#reports.acquire(call)
    const asked = this.#call(group, call, call.names, limits, isPart)
    this.#reports.notGranted(call, asked)
    return asked
  }

  #call(
    group: ClientGroup,
    call: Call,
    locks: readonly string[],
    limits: Limits,
    isPart = false,
  ): Promise<unknown> {
    if (limits.signal?.aborted) return Promise.reject(reasonOf(limits.signal))
    if (this.#closing !== null || this.#finishing) return Promise.reject(closedError(call, locks))
    return group.ask(group.session(), call, locks, limits, isPart)
  }

  /** G5 */
  async #query(groups: () => readonly ClientGroup[], options: QueryOptions): Promise<Snapshot> {
    const asked = await fromAll(groups, async group => {
      return (await this.#call(group, this.#queryOf(options), [], options)) as Snapshot
    })
    return mergedSnapshot(asked)
  }

  #queryOf({ prefix = '', confirmed = true }: QueryOptions): QueryCall {
    return { call: ++this.#calls.last, verb: 'query', prefix, confirmed }
  }

  /** G7 */
  async #look(group: ClientGroup, options: QueryOptions): Promise<NearestSnapshot> {
    throwIfAborted(options.signal)
    const call = this.#queryOf(options)
    if (this.#closing !== null || this.#finishing) throw closedError(call, [])
    return await group.look(call, options)
  }

  // ---- the end

  /** Lets the holders end their work; then, or when the time is over, closes. */
  async #finish(withinMs: number): Promise<void> {
    this.#finishing = true
    this.#groups.finish(() => this.#finished())
    let timer: Timer | undefined
    if (this.#groups.holds && this.#closing === null)
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
}

function closedError(call: Call, locks: readonly string[]): LockError {
  return new LockError('CLOSED', true, `${describe(call, locks)}: ${meaningOf('CLOSED')}`, { locks })
}
