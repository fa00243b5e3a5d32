// What one session watches: which prefixes, and how many events of each were handed on over which
// connection, since the servers count what was seen by connection. It sends nothing itself.

import type { MessageOf } from '../../wire/messages.ts'
import type { ClientEffect, ClientHears, ClientInput } from './effects.ts'

/** What servers say of a watch. */
export type WatchMessage = MessageOf<ClientHears, 'watching' | 'event' | 'missed' | 'watch-refused'>

interface Watch {
  readonly prefix: string
  /** Events handed on before this connection, and on it. */
  before: number
  told: number
}

export class WatchRequests {
  readonly #watches = new Map<number, Watch>()

  /** `before`: events that other sessions have brought. */
  #begin(watch: number, prefix: string, before: number): MessageOf<'clientToServer'> {
    this.#watches.set(watch, { prefix, before, told: 0 })
    return ['watch', watch, prefix]
  }

  /** What to send for it; null: the servers need not know. */
  ask(input: Extract<ClientInput, { is: 'watch' | 'unwatch' | 'seen' }>): MessageOf<'clientToServer'> | null {
    const { watch } = input
    if (input.is === 'watch') return this.#begin(watch, input.prefix, input.before ?? 0)
    if (input.is === 'seen') return this.#seen(watch, input.events)
    return this.#watches.delete(watch) ? ['unwatch', watch] : null
  }

  /** What its reader gets; null: it has ended. */
  hear(message: WatchMessage): ClientEffect | null {
    const watch = message[1]
    const known = this.#watches.get(watch)
    if (message[0] === 'watch-refused') {
      this.#watches.delete(watch)
      return { do: 'watch-refused', watch, code: message[2], text: message[3] }
    }
    if (known === undefined) return null
    if (message[0] === 'watching') return { do: 'watched', watch, what: { event: 'watching' } }
    if (message[0] === 'missed')
      return { do: 'watched', watch, what: { event: 'missed', events: message[2] } }
    known.told++
    return { do: 'watched', watch, what: message[2] }
  }

  /** A new connection knows of none. */
  again(): MessageOf<'clientToServer'>[] {
    return [...this.#watches].map(([number, watch]) => {
      watch.before += watch.told
      watch.told = 0
      return ['watch', number, watch.prefix]
    })
  }

  /** Anything is watched at all. */
  get some(): boolean {
    return this.#watches.size > 0
  }

  /** How many of the events handed on have been dealt with; null if the servers need not know. */
  #seen(watch: number, events: number): MessageOf<'clientToServer'> | null {
    const known = this.#watches.get(watch)
    if (known === undefined || events <= known.before) return null
    return ['seen', watch, events - known.before]
  }
}
