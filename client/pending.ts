// One call that a user waits for: what was asked, its promise, its time limit and its signal. Whatever
// ends it first, the timer and the listener go with it.

import type { Runtime, Timer } from '../wire/net/runtime.ts'
import { LockError, type LockHolder } from './errors.ts'
import type { Limits } from './options.ts'
import type { Call } from './session/effects.ts'
import { reasonOf, watchSignal } from './signals.ts'

export class Pending {
  readonly call: Call
  readonly #runtime: Runtime
  readonly #resolve: (value: unknown) => void
  /** `made`: by this call, and no reason of its caller. */
  readonly #reject: (reason: unknown, made: boolean) => void
  readonly #locks: readonly string[]
  /** Monotonic ms. */
  readonly #since: number
  readonly #limits: Limits
  /** Gives it up where it is asked now. */
  #give: (patient: boolean) => void = () => {}
  #timer: Timer | undefined
  #unwatchSignal: (() => void) | undefined
  /** Its time limit has passed, or its signal is aborted: it is not asked again. */
  isLate = false
  /** Of a call to several groups, which asks again itself (G4). */
  isPart = false
  /** How often in turn it was asked of a group that does not serve its lock (G8). */
  refusals = 0

  constructor(
    runtime: Runtime,
    call: Call,
    locks: readonly string[],
    limits: Limits,
    since: number,
    resolve: (value: unknown) => void,
    reject: (reason: unknown, made: boolean) => void,
  ) {
    this.#runtime = runtime
    this.call = call
    this.#locks = locks
    this.#limits = limits
    this.#since = since
    this.#resolve = resolve
    this.#reject = reject
  }

  /** There is something to watch, and to end the watch of. */
  get limited(): boolean {
    return this.#limits.signal !== undefined || this.#limits.timeout !== undefined
  }

  /** Calls `give` once the time limit has passed (then it may take a moment longer) or the signal is aborted. */
  watch(give: (patient: boolean) => void): void {
    this.#give = give
    const { signal, timeout } = this.#limits
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY)
      this.#timer = this.#runtime.after(timeout, () => this.#giveUp(true))
    if (signal !== undefined) this.#unwatchSignal = watchSignal(signal, () => this.#giveUp(false))
  }

  #giveUp(patient: boolean): void {
    this.isLate = true
    this.#give(patient)
  }

  /** It is asked elsewhere from here on; its limits go on. */
  askedOf(give: (patient: boolean) => void): void {
    this.#give = give
  }

  /** The names that it is about. */
  get locks(): readonly string[] {
    return this.#locks
  }

  settle(value: unknown): void {
    if (this.limited) this.#unwatch()
    this.#resolve(value)
  }

  fail(code: string, definite: boolean, text: string, holder?: LockHolder, cause?: Error): void {
    if (this.limited) this.#unwatch()
    const { signal } = this.#limits
    if (code === 'TIMEOUT' && signal?.aborted) return this.#reject(reasonOf(signal), false)
    const waitedMs = Math.round(this.#runtime.monotonic() - this.#since)
    const known = { ...(holder !== undefined && { holder }), ...(cause !== undefined && { cause }) }
    const details = { locks: this.#locks, waitedMs, ...known }
    const full = `${this.#happened(code, waitedMs)}: ${text}`
    this.#reject(new LockError(code, definite, full, details), true)
  }

  #happened(code: string, waitedMs: number): string {
    const what = describe(this.call, this.#locks)
    if (code !== 'TIMEOUT') return `${what}, after ${waitedMs} ms`
    const { timeout } = this.#limits
    return this.call.verb === 'acquire'
      ? `did not get ${what} within ${timeout} ms`
      : `${what} took longer than ${timeout} ms`
  }

  #unwatch(): void {
    this.#runtime.cancel(this.#timer)
    this.#unwatchSignal?.()
  }
}

/** For people, and put together only when something went wrong. */
export function describe({ verb }: Call, locks: readonly string[]): string {
  const names = `lock${locks.length === 1 ? '' : 's'} ${locks.map(name => JSON.stringify(name)).join(', ')}`
  switch (verb) {
    case 'end':
      return 'the end of the session'
    case 'acquire':
      return names
    case 'release':
    case 'fail':
      return `the release of ${names}`
    case 'set-note':
      return `the note of ${names}`
    case 'force-release':
      return `the forced release of ${names}`
    case 'forget-key':
      return `a key of ${names}`
    case 'query':
      return 'the query'
    case 'clients':
      return 'the list of clients'
  }
}
