// Nearest reads (G7) as they run: a driver around their core, with one timer, and the promises of those who wait.
// Decides nothing.

import type { ConnectionEffect } from '../wire/effects.ts'
import type { SlotMap } from '../wire/messages.ts'
import { Driver } from '../wire/net/driver.ts'
import type { ClientRuntime, Timer } from '../wire/net/runtime.ts'
import { unknownEffect } from '../wire/unknown-effect.ts'
import type { Connecting, Limits } from './options.ts'
import { rejectToCallers } from './own-frames.ts'
import { Pending } from './pending.ts'
import type { Call, ClientHears } from './session/effects.ts'
import {
  type NearestAnswer,
  NearestCore,
  type NearestEffect,
  type NearestInput,
  type NearestKnown,
} from './session/nearest.ts'

type Own = Exclude<NearestEffect, ConnectionEffect>

export interface NearestOwner {
  readonly number: number
  readonly nearestKnown: NearestKnown
  learnMap(map: SlotMap): void
}

export class NearestReads {
  readonly #runtime: ClientRuntime
  readonly #core: NearestCore
  readonly #driver: Driver<ClientHears, NearestInput, Own>
  readonly #owner: NearestOwner
  readonly #pending = new Map<number, Pending>()
  #timer: Timer | undefined

  constructor(options: Connecting, runtime: ClientRuntime, owner: NearestOwner) {
    const { urls, name, ttlMs, proofs } = options
    this.#runtime = runtime
    this.#owner = owner
    const quietMs = Math.min(ttlMs / 4, 1_000)
    this.#core = new NearestCore({ addresses: urls, group: owner.number, name, quietMs })
    this.#driver = new Driver<ClientHears, NearestInput, Own>(runtime, this.#core, proofs, null, {
      hear: input => {
        if (input.is === 'messages' || input.is === 'closed')
          this.#driver.step({ ...input, chance: runtime.chance() })
      },
      perform: effect => this.#perform(effect),
      broken: error => {
        throw error
      },
      rested: () => this.#rested(),
    })
  }

  look(call: Extract<Call, { verb: 'query' }>, limits: Limits): Promise<NearestAnswer> {
    return new Promise((resolve, reject) => {
      const fail = (reason: unknown, made: boolean) =>
        made ? rejectToCallers(resolve, reason) : reject(reason)
      const settle = (value: unknown) => resolve(value as NearestAnswer)
      const pending = new Pending(this.#runtime, call, [], limits, this.#runtime.monotonic(), settle, fail)
      const number = call.call
      this.#pending.set(number, pending)
      if (pending.limited) pending.watch(() => this.#driver.step({ is: 'abort', call: number }))
      this.#driver.step({ is: 'look', call: number, prefix: call.prefix, ...this.#owner.nearestKnown })
    })
  }

  close(): void {
    this.#driver.step({ is: 'end' })
  }

  #perform(effect: Own): void {
    switch (effect.do) {
      case 'settle':
        this.#take(effect.call)?.settle(effect.answer)
        return
      case 'fail':
        this.#take(effect.call)?.fail(effect.code, true, effect.text)
        return
      case 'map':
        return this.#owner.learnMap(effect.map)
      default:
        unknownEffect(effect)
    }
  }

  #take(call: number): Pending | undefined {
    const pending = this.#pending.get(call)
    this.#pending.delete(call)
    return pending
  }

  #rested(): void {
    this.#driver.connections.flush()
    this.#runtime.cancel(this.#timer)
    this.#timer = undefined
    const { wakeAt } = this.#core
    if (wakeAt === null) return
    const delay = Math.max(0, Math.ceil(wakeAt - this.#runtime.monotonic()))
    this.#timer = this.#runtime.after(delay, () =>
      this.#driver.step({ is: 'wake', chance: this.#runtime.chance() }),
    )
  }
}
