// One session as it runs: a driver around its core, with chance, one timer, and the calls of one turn gathered.
// Decides nothing. What the core says to the user goes to `told`.

import '../wire/client-channels.ts'
import type { ConnectionEffect } from '../wire/effects.ts'
import { frameMessagesMax } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
import type { Proofs } from '../wire/net/connections.ts'
import { Driver } from '../wire/net/driver.ts'
import type { Runtime, Timer } from '../wire/net/runtime.ts'
import type { Holder, Lock } from './lock.ts'
import { ClientCore } from './session/core.ts'
import type { ClientCoreOptions } from './session/core-options.ts'
import type { ClientEffect, ClientHears, ClientInput, TurnCall } from './session/effects.ts'

/** What is for the user and not for the network. */
export type Told = Exclude<ClientEffect, ConnectionEffect | { do: 'show token' }>
type Own = Exclude<ClientEffect, ConnectionEffect>

/** Whom a session works for. */
export interface SessionOwner {
  told(session: SessionDriver, told: Told): void
  release(session: SessionDriver, lock: Lock, failed: boolean): Promise<void>
  note(session: SessionDriver, lock: Lock, note: string | null): Promise<void>
}

export class SessionDriver implements Holder {
  readonly core: ClientCore
  readonly #runtime: Runtime
  readonly #driver: Driver<ClientHears, ClientInput, Own>
  readonly #owner: SessionOwner
  #timer: Timer | undefined
  /** Monotonic ms for which the timer is set. */
  #timerAt = Number.POSITIVE_INFINITY
  /** Of this turn. The core hears of them together: one reading of the clock, few frames. */
  #calls: TurnCall[] = []
  #turnAt = 0

  constructor(runtime: Runtime, options: ClientCoreOptions, proofs: Proofs | null, owner: SessionOwner) {
    this.#runtime = runtime
    this.core = new ClientCore(options)
    this.#owner = owner
    this.#driver = new Driver<ClientHears, ClientInput, Own>(runtime, this.core, proofs, null, {
      hear: input => {
        const chance = runtime.chance()
        // Field by field: a spread would be felt in each frame.
        if (input.is === 'messages') {
          const { connection, messages } = input
          this.step({ is: 'messages', connection, messages, chance })
        } else if (input.is === 'waits' || input.is === 'closed') this.step({ ...input, chance })
      },
      perform: effect => {
        if (effect.do === 'show token') this.#driver.connections.showToken(effect.connection)
        else owner.told(this, effect)
      },
      broken: error => {
        throw error
      },
      rested: () => this.#setTimer(),
    })
  }

  /** Calls of this turn wait for its end. */
  get gathering(): boolean {
    return this.#calls.length > 0
  }

  /** When this turn's first call was made, in monotonic ms; a clock is not read for each. */
  turnAt(): number {
    if (!this.gathering) this.#turnAt = this.#runtime.monotonic()
    return this.#turnAt
  }

  /** Goes to the core at the end of this turn, or before whatever else it hears. */
  call(call: TurnCall): void {
    this.#calls.push(call)
    if (this.#calls.length >= frameMessagesMax) this.#passCalls()
    else if (this.#calls.length === 1) this.#runtime.afterTurn(() => this.#endTurn())
  }

  /** S4: the driver reads the clock for every step, before anything is sent; an older reading would be a longer belief. */
  step(input: ClientInput): void {
    this.#passCalls()
    this.#driver.step(input)
  }

  /** G3 */
  tell(views: readonly View[]): void {
    this.step({ is: 'told', views, chance: this.#runtime.chance() })
  }

  #passCalls(): void {
    if (this.#calls.length === 0) return
    const calls = this.#calls
    this.#calls = []
    this.#driver.step({ is: 'calls', calls })
  }

  #endTurn(): void {
    this.#driver.connections.gather(() => this.#passCalls())
  }

  /** Notices at once a deadline that has passed while the event loop was stalled (F12). */
  check(): void {
    if (this.core.overdue(this.#runtime.now())) this.wake()
  }

  remainingMs(token: number): number {
    return this.core.remainingMsOf(token, this.#runtime.now())
  }

  release(lock: Lock, failed: boolean): Promise<void> {
    return this.#owner.release(this, lock, failed)
  }

  note(lock: Lock, note: string | null): Promise<void> {
    return this.#owner.note(this, lock, note)
  }

  manyListeners(signal: AbortSignal): void {
    this.#runtime.manyListeners?.(signal)
  }

  wake(): void {
    this.step({ is: 'wake', chance: this.#runtime.chance() })
  }

  /** An earlier timer is left to fire in vain: that costs less than setting one in each step. */
  #setTimer(): void {
    const { wakeAt } = this.core
    if (wakeAt === null) this.#clearTimer()
    else if (wakeAt < this.#timerAt) {
      this.#clearTimer()
      this.#timerAt = wakeAt
      const delay = Math.max(0, Math.ceil(wakeAt - this.#runtime.monotonic()))
      this.#timer = this.#runtime.after(delay, () => this.#onTimer())
    }
  }

  #clearTimer(): void {
    this.#runtime.cancel(this.#timer)
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const { wakeAt } = this.core
    if (wakeAt !== null && wakeAt > this.#runtime.monotonic()) this.#setTimer()
    else this.wake()
  }
}
