// Drives one core: its sockets, its one timer, its clock and its chance. Decides nothing. What the
// core says to the user goes to `tell`; inputs that come while effects are being done wait their turn.

import { runtime } from '#runtime'
import '../wire/client-channels.ts'
import { type Instant, readClock, readMonotonic } from '../wire/clock.ts'
import { frameMessagesMax } from '../wire/limits.ts'
import { Links } from '../wire/links.ts'
import { ClientCore, type ClientCoreOptions } from './core.ts'
import type { Call, ClientEffect, ClientInput } from './effects.ts'
import type { Holder, Lock } from './lock.ts'

/** What is for the user and not for the network. */
export type Told = Exclude<ClientEffect, { do: 'send' | 'close' | 'dial' }>

/** Whom a session works for. */
export interface SessionOwner {
  told(session: Session, told: Told): void
  release(session: Session, lock: Lock): Promise<void>
}

export class Session implements Holder {
  readonly core: ClientCore
  readonly #links: Links
  readonly #owner: SessionOwner
  #timer: NodeJS.Timeout | undefined
  /** Monotonic ms for which the timer is set. */
  #timerAt = Number.POSITIVE_INFINITY
  #busy = false
  readonly #waiting: ClientInput[] = []
  /** Of this turn. The core hears of them together: one reading of the clock, few frames. */
  #calls: Call[] = []
  #turnAt = 0

  constructor(options: ClientCoreOptions, secret: string | null, owner: SessionOwner) {
    this.core = new ClientCore(options)
    this.#owner = owner
    this.#links = new Links(secret, input => {
      if (input.is !== 'accepted') this.step({ ...input, chance: Math.random() })
    })
  }

  /** Calls of this turn wait for its end. */
  get gathering(): boolean {
    return this.#calls.length > 0
  }

  /** When this turn's first call was made, in monotonic ms; a clock is not read for each. */
  turnAt(): number {
    if (!this.gathering) this.#turnAt = readMonotonic()
    return this.#turnAt
  }

  /** Goes to the core at the end of this turn, or before whatever else it hears. */
  call(call: Call): void {
    this.#calls.push(call)
    if (this.#calls.length >= frameMessagesMax) this.#passCalls()
    else if (this.#calls.length === 1) runtime.afterTurn(() => this.#endTurn())
  }

  step(input: ClientInput): void {
    this.#passCalls()
    this.#step(input)
  }

  #passCalls(): void {
    if (this.#calls.length === 0) return
    const calls = this.#calls
    this.#calls = []
    this.#step({ is: 'calls', calls })
  }

  #endTurn(): void {
    this.#passCalls()
    this.#links.flush()
  }

  #step(input: ClientInput): void {
    if (this.#busy) {
      this.#waiting.push(input)
      return
    }
    this.#busy = true
    try {
      this.#stepNow(input)
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        this.#stepNow(next)
    } finally {
      this.#busy = false
    }
    this.#setTimer()
  }

  /** Notices at once a deadline that has passed while the event loop was stalled (F12). */
  check(): void {
    if (!this.core.over && this.core.expired(readClock())) this.wake()
  }

  remainingMs(): number {
    return this.core.remainingMs(readClock())
  }

  release(lock: Lock): Promise<void> {
    return this.#owner.release(this, lock)
  }

  wake(): void {
    this.step({ is: 'wake', chance: Math.random() })
  }

  #stepNow(input: ClientInput): void {
    // S4: read for every step, before anything is sent; an older reading would be a longer belief.
    const now: Instant = readClock()
    for (const effect of this.core.step(input, now)) this.#perform(effect)
  }

  #perform(effect: ClientEffect): void {
    switch (effect.do) {
      case 'send':
      case 'close':
      case 'dial':
        this.#links.perform(effect)
        return
      default:
        this.#owner.told(this, effect)
    }
  }

  /** An earlier timer is left to fire in vain: that costs less than setting one in each step. */
  #setTimer(): void {
    const { wakeAt } = this.core
    if (wakeAt === null) this.#clearTimer()
    else if (wakeAt < this.#timerAt) {
      this.#clearTimer()
      this.#timerAt = wakeAt
      const delay = Math.max(0, Math.ceil(wakeAt - readMonotonic()))
      this.#timer = setTimeout(() => this.#onTimer(), delay)
    }
  }

  #clearTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const { wakeAt } = this.core
    if (wakeAt !== null && wakeAt > readMonotonic()) this.#setTimer()
    else this.wake()
  }
}
