// What others learn of one client: its own listeners, and who subscribes to the process's diagnostics channels.
// It decides nothing, and nothing is made for a channel without subscribers.

import type { ClientRuntime, DiagnosticEvent } from '../wire/net/runtime.ts'
import { LockError } from './errors.ts'
import { type ClientEvent, type ClientEvents, Listeners } from './events.ts'
import { Lock } from './lock.ts'
import type { Call } from './session/effects.ts'

export type AcquireCall = Extract<Call, { verb: 'acquire' }>

export class Reports {
  readonly listeners = new Listeners()
  readonly #runtime: ClientRuntime
  readonly #name: string
  /** What is published of this client has it, and that of no other. */
  readonly #source = Object.freeze({})

  constructor(runtime: ClientRuntime, name: string) {
    this.#runtime = runtime
    this.#name = name
  }

  emit<E extends ClientEvent>(event: E, value: ClientEvents[E]): void {
    if (this.#runtime.diagnostics[event].hasSubscribers)
      this.#publish(event, event === 'view' ? { view: value } : value)
    this.listeners.emit(event, value)
  }

  acquire({ call, names, claim }: AcquireCall): void {
    if (this.#runtime.diagnostics.acquire.hasSubscribers)
      this.#publish('acquire', { request: call, names, ...claim })
  }

  granted({ call, names, claim }: AcquireCall, tokens: readonly number[]): void {
    if (this.#runtime.diagnostics.granted.hasSubscribers)
      this.#publish('granted', { request: call, names, mode: claim.mode, tokens })
  }

  /** Of a call that is asked: why it ends without a lock, if it does. */
  notGranted({ call, names, claim }: AcquireCall, asked: Promise<unknown>): void {
    if (!this.#runtime.diagnostics['not-granted'].hasSubscribers) return
    const tell = (about: object) =>
      this.#publish('not-granted', { request: call, names, mode: claim.mode, ...about })
    asked.then(
      taken => {
        if (taken === null) tell({ reason: 'BUSY' })
        else if (!Array.isArray(taken) && !(taken instanceof Lock)) tell({ reason: 'RAN_BEFORE' })
      },
      error => tell({ reason: error instanceof LockError ? error.code : 'ABORTED', error }),
    )
  }

  release({ name, token }: Lock): void {
    if (this.#runtime.diagnostics.release.hasSubscribers) this.#publish('release', { name, token })
  }

  #publish(event: DiagnosticEvent, about: object): void {
    this.#runtime.diagnostics[event].publish({ client: this.#name, source: this.#source, ...about })
  }
}
