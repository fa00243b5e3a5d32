// Several names that live in several groups (G4): taken group by group, in their order, so that such calls never wait
// for one another in a circle; and given back, all of them, when that fails or a session is lost on the way. Slots may
// move to other groups meanwhile (G8): what is left is parted anew by the newest map, and the order of the groups holds.

import { LockError } from './errors.ts'
import type { Part } from './groups.ts'
import type { Lock } from './lock.ts'
import type { Limits } from './options.ts'
import { movingText } from './pauses.ts'
import { reasonOf, throwIfAborted, watchSignal } from './signals.ts'

/** What takes them. */
export interface Taker {
  /** By the newest map, in the order of the groups. */
  partsOf(names: readonly string[]): readonly Part[]
  /** The names of one group, as one acquire. */
  take(part: Part, limits: Limits): Promise<readonly Lock[]>
  /** Until a slot that no group serves may have arrived, or `stop` is aborted; for at most so many ms. */
  pause(tries: number, ms: number, stop: AbortSignal): Promise<void>
  monotonic(): number
}

const sessionEnds: ReadonlySet<string> = new Set(['EXPIRED', 'SESSION_LOST'])

/** In the order of `names`. */
export async function takeInOrder(
  names: readonly string[],
  limits: Limits,
  taker: Taker,
): Promise<readonly Lock[]> {
  const taking = new Taking(names, limits, taker)
  const parts = taker.partsOf(names)
  const [only] = parts
  try {
    if (parts.length === 1 && only !== undefined) return await taker.take(only, limits)
  } catch (error) {
    if (!isOfWrongGroup(error)) throw error
  }
  return await taking.all()
}

class Taking {
  readonly #names: readonly string[]
  readonly #limits: Limits
  readonly #taker: Taker
  readonly #end: number
  readonly #stop = new AbortController()
  readonly #taken = new Map<string, Lock>()
  /** The group of those that were taken last. */
  #group = -1
  #refusals = 0

  constructor(names: readonly string[], limits: Limits, taker: Taker) {
    this.#names = names
    this.#limits = limits
    this.#taker = taker
    this.#end = taker.monotonic() + (limits.timeout ?? Number.POSITIVE_INFINITY)
  }

  async all(): Promise<Lock[]> {
    const { signal } = this.#limits
    throwIfAborted(signal)
    const unwatch =
      signal === undefined ? () => {} : watchSignal(signal, () => this.#stop.abort(reasonOf(signal)))
    try {
      while (this.#taken.size < this.#names.length) await this.#takeNext()
      return this.#names.map(name => this.#taken.get(name) as Lock)
    } catch (error) {
      this.#giveBack()
      throw error
    } finally {
      unwatch()
    }
  }

  async #takeNext(): Promise<void> {
    const left = this.#names.filter(name => !this.#taken.has(name))
    const [part] = this.#taker.partsOf(left) as [Part]
    // G4: such a call that waits here for another one may hold what that one waits for; so all begin again.
    if (part.group.number <= this.#group) return this.#giveBack()
    try {
      this.#keep(part, await this.#taker.take(part, { signal: this.#stop.signal, timeout: this.#leftMs() }))
    } catch (error) {
      if (!isOfWrongGroup(error)) throw error
      await this.#pause(part.names)
    }
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason
  }

  #keep({ group }: Part, locks: readonly Lock[]): void {
    this.#group = group.number
    for (const lock of locks) {
      this.#taken.set(lock.name, lock)
      lock.signal.addEventListener('abort', () => this.#stopIfSessionEnds(lock), { once: true })
    }
    // A session that was lost before its locks were watched.
    for (const lock of this.#taken.values()) this.#stopIfSessionEnds(lock)
  }

  /** A lock that was stolen is handed on as lost, as one of a single group is; a session takes all of a group with it. */
  #stopIfSessionEnds({ signal }: Lock): void {
    const { reason } = signal
    if (signal.aborted && reason instanceof LockError && sessionEnds.has(reason.code))
      this.#stop.abort(reason)
  }

  #giveBack(): void {
    for (const lock of this.#taken.values()) void lock.release()
    this.#taken.clear()
    this.#group = -1
  }

  /** Each ask with its own pause: who refuses has told the newest map before, mostly. */
  async #pause(locks: readonly string[]): Promise<void> {
    const left = this.#leftMs()
    if (left <= 0) throw this.#timeout(locks)
    await this.#taker.pause(this.#refusals++, left, this.#stop.signal)
    if (this.#leftMs() <= 0 && !this.#stop.signal.aborted) throw this.#timeout(locks)
  }

  #timeout(locks: readonly string[]): LockError {
    const names = locks.map(name => JSON.stringify(name)).join(', ')
    const text = `did not get locks ${names} within ${this.#limits.timeout} ms: ${movingText}`
    return new LockError('TIMEOUT', true, text, { locks: this.#names })
  }

  /** Timers count whole ms, and cut the rest off: none is to end it before its time. */
  #leftMs(): number {
    return Math.max(0, Math.ceil(this.#end - this.#taker.monotonic()))
  }
}

function isOfWrongGroup(error: unknown): boolean {
  return error instanceof LockError && error.code === 'WRONG_GROUP'
}
