// Who listens to what. A listener that throws is its owner's fault and must not stop the client, so
// what it throws is thrown again outside, where Node reports it like that of any event listener.

import type { Mode, View } from '../wire/messages.ts'
import { shown } from './known-options.ts'
import { checkListen } from './options.ts'
import { watchSignal } from './signals.ts'

/** What the listeners of `on` are given. */
export interface ClientEvents {
  /** A newer view of a group is known. */
  view: View
  /** A session is open; `resumed`: the same one as before, on a new connection. Times in ms. */
  session: {
    readonly group: number
    readonly clientId: string
    readonly ttl: number
    readonly resumed: boolean
  }
  /** The connection to the primary is gone; the session is not, as long as the lease lasts. */
  reconnecting: { readonly group: number; readonly clientId: string }
  /** Locks are lost: one by another's doing (`STOLEN`, `FORCED`), by their own time (`HELD_TOO_LONG`), or all with the session (`EXPIRED`, `SESSION_LOST`). */
  lost: {
    readonly group: number
    readonly code: 'STOLEN' | 'FORCED' | 'HELD_TOO_LONG' | 'EXPIRED' | 'SESSION_LOST'
    readonly locks: readonly { readonly name: string; readonly mode: Mode; readonly token: number }[]
  }
}

export type ClientEvent = keyof ClientEvents
export type Listener<E extends ClientEvent> = (event: ClientEvents[E]) => void

export interface ListenOptions {
  /** Only the next event. */
  once?: boolean | undefined
  /** Listens no more once it is aborted. */
  signal?: AbortSignal | undefined
}

interface Listening {
  readonly once: boolean
  unwatch(): void
}

export class Listeners {
  readonly #of: { [E in ClientEvent]: Map<Listener<E>, Listening> } = {
    view: new Map(),
    session: new Map(),
    reconnecting: new Map(),
    lost: new Map(),
  }

  /** A second time with the same listener changes nothing. */
  add<E extends ClientEvent>(event: E, listener: Listener<E>, options: ListenOptions): void {
    const listeners = this.#map(event, listener)
    checkListen(options)
    const { once = false, signal } = options
    if (listeners.has(listener) || signal?.aborted) return
    const unwatch = signal && watchSignal(signal, () => this.remove(event, listener))
    listeners.set(listener, { once, unwatch: unwatch ?? (() => {}) })
  }

  remove<E extends ClientEvent>(event: E, listener: Listener<E>): void {
    const listeners = this.#map(event, listener)
    listeners.get(listener)?.unwatch()
    listeners.delete(listener)
  }

  emit<E extends ClientEvent>(event: E, value: ClientEvents[E]): void {
    for (const [listener, { once }] of [...this.#of[event]]) {
      if (once) this.remove(event, listener)
      try {
        listener(value)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #map<E extends ClientEvent>(event: E, listener: Listener<E>): Map<Listener<E>, Listening> {
    if (!Object.hasOwn(this.#of, event))
      throw new TypeError(
        `there is no event ${JSON.stringify(event)}; there are ${Object.keys(this.#of).join(', ')}`,
      )
    if (typeof listener !== 'function')
      throw new TypeError(`the listener must be a function, not ${shown(listener)}`)
    return this.#of[event] as Map<Listener<E>, Listening>
  }
}
