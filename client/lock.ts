// The handle of one held lock. Whether it is held is worked out from the clock at every look, never
// stored, since a flag would stay true while the event loop is stalled past the lease (F12).

import type { Claim } from '../wire/claim.ts'
import { checkNote, type HeldMode, type Permits } from './claim-options.ts'
import type { LockError } from './errors.ts'
import { oneClass } from './one-class.ts'
import { type ConsoleAsks, detached, shownAs } from './shown.ts'

/** What a handle needs of the session that holds it. */
export interface Holder {
  /** Until the session's local deadline (S4), or that of this hold (C4), as exact as the clock; 0 once one has passed. */
  remainingMs(token: number): number
  /** Notices a deadline that has passed. */
  check(): void
  /** `failed`: what ran under its key may run again (C5). */
  release(lock: Lock, failed: boolean): Promise<void>
  note(lock: Lock, note: string | null): Promise<void>
  /** As many parts of the work as like may listen to the signal. */
  manyListeners?(signal: AbortSignal): void
}

/** What of a lock goes into JSON, and into a console. */
export interface LockData {
  readonly name: string
  readonly mode: HeldMode
  readonly permits: Required<Permits> | null
  readonly token: number
  /** As they were at that moment. */
  readonly held: boolean
  readonly remainingMs: number
}

/** A lock that was granted; `await using` releases it at the end of its scope. */
export class Lock implements AsyncDisposable {
  static {
    oneClass(Lock, 'Lock')
  }

  /** False of what only looks like one: methods that were taken off, proxies. */
  static readonly #isLock = (value: unknown) => typeof value === 'object' && value !== null && #token in value
  readonly #name: string
  readonly #claim: Claim
  readonly #token: number
  readonly #holder: Holder
  #lost: LockError | null = null
  #released: Promise<void> | null = null
  #controller: AbortController | null = null

  /** @internal */
  constructor(name: string, claim: Claim, token: number, holder: Holder) {
    this.#name = name
    this.#claim = claim
    this.#token = token
    this.#holder = holder
  }

  /** The lock's name. */
  get name(): string {
    return this.#name
  }

  get mode(): HeldMode {
    return this.#claim.mode
  }

  /** How many it takes of how many; null if it is exclusive or shared. */
  get permits(): Required<Permits> | null {
    return this.#claim.terms?.permits ?? null
  }

  /**
   * The fencing token, a safe integer. The tokens of a lock only grow. A resource that is protected by the lock
   * must refuse an exclusive token below the largest token it has seen, and a shared token below the
   * largest exclusive one: a lease can end while its holder sleeps. With permits it orders the grants, and does not
   * make its holder the only one.
   */
  get token(): number {
    return this.#token
  }

  /** True as long as the holder may believe in it, by its own clock at this moment; false once `release` was called. */
  get held(): boolean {
    return this.#leftMs() > 0
  }

  /**
   * For how many more whole ms the holder may believe in it if no renewal comes through any more; 0 in the last one, and
   * when it is not held. For work that must be stopped before another can have the lock.
   */
  get remainingMs(): number {
    return Math.floor(this.#leftMs())
  }

  #leftMs(): number {
    return this.#lost === null && this.#released === null ? this.#holder.remainingMs(this.#token) : 0
  }

  /**
   * Aborted with a `LockError` when the lock is lost, at the latest when the lease ends by this
   * process's clock. Its `code` is `EXPIRED` (the lease could not be renewed), `STOLEN`, `FORCED` (an operator
   * released it), `HELD_TOO_LONG` (98 % of its `holdAtMost` have passed since the grant), `SESSION_LOST` (the servers no longer know the session) or `CLOSED` (`close()` was
   * called while it was held). A release does not abort it.
   */
  get signal(): AbortSignal {
    this.#holder.check()
    if (this.#controller === null) {
      this.#controller = new AbortController()
      this.#holder.manyListeners?.(this.#controller.signal)
      if (this.#lost !== null) this.#controller.abort(this.#lost)
    }
    return this.#controller.signal
  }

  /**
   * Gives the lock back; `held` is false from now on. May be called again, and of a lost lock, and then does nothing.
   * Resolves when the servers have confirmed it, at the latest when the lease ends, since the lock is
   * free by then.
   */
  release(): Promise<void> {
    return Lock.#isLock(this) ? this.#giveBack(false) : Promise.reject(detached('lock', 'release'))
  }

  /** @internal A release that says that what ran under its key has failed (C5). */
  fail(): Promise<void> {
    return this.#giveBack(true)
  }

  /** C4: the servers count from later, so one that was held too long may still be there to give back. */
  #giveBack(failed: boolean): Promise<void> {
    const isGone = this.#lost !== null && this.#lost.code !== 'HELD_TOO_LONG'
    this.#released ??= isGone ? Promise.resolve() : this.#holder.release(this, failed)
    return this.#released
  }

  /**
   * Changes the note that lists and watches show with this hold; null: none. Resolves when they do. Of a lock
   * that is lost or released it does nothing.
   */
  async setNote(note: string | null): Promise<void> {
    if (!Lock.#isLock(this)) throw detached('lock', 'setNote')
    const checked = checkNote(note)
    if (this.#lost === null && this.#released === null) await this.#holder.note(this, checked)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  get [Symbol.toStringTag](): string {
    return 'Lock'
  }

  /** For JSON: a lock is no data by itself, and `structuredClone` can't know it. */
  toJSON(): LockData {
    const { name, mode, permits, token, held, remainingMs } = this
    return { name, mode, permits, token, held, remainingMs }
  }

  /** What a console shows. */
  [Symbol.for('nodejs.util.inspect.custom')](...asks: ConsoleAsks): string {
    return shownAs('Lock', this.toJSON(), asks)
  }

  /** @internal */
  lose(error: LockError): void {
    if (this.#lost !== null || this.#released !== null) return
    this.#lost = error
    this.#controller?.abort(error)
  }
}
