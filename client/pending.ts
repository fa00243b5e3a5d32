// One call that a user waits for: its promise, its time limit and its signal. Whatever ends it first,
// the timer and the listener go with it.

import type { CallResult } from './effects.ts'
import { LockError } from './errors.ts'
import type { Limits } from './options.ts'
import { watchSignal } from './signals.ts'

export class Pending {
  readonly #finish: (result: CallResult) => void
  readonly #reject: (reason: unknown) => void
  readonly #what: string
  readonly #limits: Limits
  #timer: NodeJS.Timeout | undefined
  #unwatchSignal: (() => void) | undefined

  constructor(
    what: string,
    limits: Limits,
    finish: (result: CallResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#what = what
    this.#limits = limits
    this.#finish = finish
    this.#reject = reject
  }

  /** Calls `give` once the time limit has passed or the signal is aborted. */
  watch(give: () => void): void {
    const { signal, timeout } = this.#limits
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(give, timeout)
    if (signal !== undefined) this.#unwatchSignal = watchSignal(signal, give)
  }

  settle(result: CallResult): void {
    this.#unwatch()
    this.#finish(result)
  }

  fail(code: string, definite: boolean, text: string): void {
    this.#unwatch()
    const { signal, timeout } = this.#limits
    if (code === 'TIMEOUT' && signal?.aborted) this.#reject(signal.reason)
    else if (code === 'TIMEOUT') {
      this.#reject(new LockError(code, definite, `${this.#what} took longer than ${timeout} ms: ${text}`))
    } else this.#reject(new LockError(code, definite, `${this.#what}: ${text}`))
  }

  #unwatch(): void {
    clearTimeout(this.#timer)
    this.#unwatchSignal?.()
  }
}
