// What one session watches: which prefixes, and how many events of each were handed on over which
// connection, since the servers count what was seen by connection. It sends nothing itself.

import type { MessageOf } from '../../wire/messages.ts'

interface Watch {
  readonly prefix: string
  /** Events handed on before this connection, and on it. */
  before: number
  told: number
}

export class WatchRequests {
  readonly #watches = new Map<number, Watch>()

  /** `before`: events that other sessions have brought. */
  begin(watch: number, prefix: string, before: number): MessageOf<'clientToServer'> {
    this.#watches.set(watch, { prefix, before, told: 0 })
    return ['watch', watch, prefix]
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

  has(watch: number): boolean {
    return this.#watches.has(watch)
  }

  /** An event of it was handed on. */
  told(watch: number): void {
    const known = this.#watches.get(watch)
    if (known !== undefined) known.told++
  }

  /** How many of the events handed on have been dealt with; null if the servers need not know. */
  seen(watch: number, events: number): MessageOf<'clientToServer'> | null {
    const known = this.#watches.get(watch)
    if (known === undefined || events <= known.before) return null
    return ['seen', watch, events - known.before]
  }

  end(watch: number): void {
    this.#watches.delete(watch)
  }
}
