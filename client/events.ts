// Who listens to what. A listener that throws is its owner's fault and must not stop the client, so
// what it throws is thrown again outside, where Node reports it like that of any event listener.

import type { Mode, View } from '../wire/messages.ts'

/** What the listeners of `on` are given. */
export interface ClientEvents {
  /** A newer view is known. */
  view: View
  /** A session is open; `resumed`: the same one as before, on a new connection. Times in ms. */
  session: { readonly clientId: string; readonly ttl: number; readonly resumed: boolean }
  /** The connection to the primary is gone; the session is not, as long as the lease lasts. */
  reconnecting: { readonly clientId: string }
  /** Locks are lost: one by another's doing (`STOLEN`, `FORCED`), or all with the session (`EXPIRED`, `SESSION_LOST`). */
  lost: {
    readonly code: 'STOLEN' | 'FORCED' | 'EXPIRED' | 'SESSION_LOST'
    readonly locks: readonly { readonly name: string; readonly mode: Mode; readonly token: number }[]
  }
}

export type ClientEvent = keyof ClientEvents
export type Listener<E extends ClientEvent> = (event: ClientEvents[E]) => void

export class Listeners {
  readonly #of: { [E in ClientEvent]: Set<Listener<E>> } = {
    view: new Set(),
    session: new Set(),
    reconnecting: new Set(),
    lost: new Set(),
  }

  add<E extends ClientEvent>(event: E, listener: Listener<E>): void {
    this.#set(event, listener).add(listener)
  }

  remove<E extends ClientEvent>(event: E, listener: Listener<E>): void {
    this.#set(event, listener).delete(listener)
  }

  emit<E extends ClientEvent>(event: E, value: ClientEvents[E]): void {
    for (const listener of [...this.#of[event]]) {
      try {
        listener(value)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #set<E extends ClientEvent>(event: E, listener: Listener<E>): Set<Listener<E>> {
    if (!Object.hasOwn(this.#of, event))
      throw new TypeError(
        `there is no event ${JSON.stringify(event)}; there are ${Object.keys(this.#of).join(', ')}`,
      )
    if (typeof listener !== 'function') throw new TypeError('the listener must be a function')
    return this.#of[event] as Set<Listener<E>>
  }
}
