// One call that a user waits for: its promise, its time limit and its signal. Whatever ends it first,
// the timer and the listener go with it.

import { readClock } from '../wire/clock.ts'
import type { CallResult } from './effects.ts'
import { LockError, type LockHolder } from './errors.ts'
import type { Limits } from './options.ts'
import { watchSignal } from './signals.ts'

export class Pending {
  readonly #finish: (result: CallResult) => void
  readonly #reject: (reason: unknown) => void
  readonly #what: string
  readonly #locks: readonly string[]
  readonly #since = readClock().monotonic
  readonly #limits: Limits
  #timer: NodeJS.Timeout | undefined
  #unwatchSignal: (() => void) | undefined

  constructor(
    what: string,
    locks: readonly string[],
    limits: Limits,
    finish: (result: CallResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#what = what
    this.#locks = locks
    this.#limits = limits
    this.#finish = finish
    this.#reject = reject
  }

  /** Calls `give` once the time limit has passed (then it may take a moment longer) or the signal is aborted. */
  watch(give: (patient: boolean) => void): void {
    const { signal, timeout } = this.#limits
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => give(true), timeout)
    if (signal !== undefined) this.#unwatchSignal = watchSignal(signal, () => give(false))
  }

  settle(result: CallResult): void {
    this.#unwatch()
    this.#finish(result)
  }

  fail(code: string, definite: boolean, text: string, holder?: LockHolder): void {
    this.#unwatch()
    const { signal, timeout } = this.#limits
    if (code === 'TIMEOUT' && signal?.aborted) return this.#reject(signal.reason)
    const waitedMs = Math.round(readClock().monotonic - this.#since)
    const long = code === 'TIMEOUT' ? ` took longer than ${timeout} ms: ` : `, after ${waitedMs} ms: `
    const details = { locks: this.#locks, waitedMs, ...(holder === undefined ? {} : { holder }) }
    this.#reject(new LockError(code, definite, `${this.#what}${long}${text}`, details))
  }

  #unwatch(): void {
    clearTimeout(this.#timer)
    this.#unwatchSignal?.()
  }
}
