// The connection to the view server: dials it, pings it each tick, and notices when it is silent. It
// passes views and questions on and decides nothing about them.

import type { HelloFrom, MessageOf, Ping, View, Welcome } from '../wire/messages.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Situation } from './situation.ts'

/** The server whose link it is. */
export interface ViewLinkOwner {
  /** What to say now in a hello and in a ping. */
  readonly hello: Extract<HelloFrom, { kind: 'lockserver' }>
  readonly pingNow: Ping
  welcomedByViewServer(welcome: Welcome): void
  viewFromViewServer(view: View): void
  /** A ping was answered; the longest ttl in the view record. */
  ponged(longestTtlMs: number): void
  /** V3: it wants an answer with this number. */
  asked(number: number): void
}

/** A lost view server is dialled again after this many ticks (DESIGN V7: at least every two). */
const redialTicks = 2

export class ViewLink {
  readonly #out: ServerOutbox
  readonly #situation: Readonly<Situation>
  readonly #addresses: readonly string[]
  readonly #deadPings: number
  readonly #owner: ViewLinkOwner
  #next = 0
  #connection: number | null = null
  #welcomed = false
  #silentTicks = 0
  /** Said once for each new reason, not at every try. */
  #lastRefusal = ''

  constructor(
    out: ServerOutbox,
    situation: Readonly<Situation>,
    addresses: readonly string[],
    deadPings: number,
    owner: ViewLinkOwner,
  ) {
    this.#out = out
    this.#situation = situation
    this.#addresses = addresses
    this.#deadPings = deadPings
    this.#owner = owner
  }

  get connected(): boolean {
    return this.#welcomed
  }

  tick(): void {
    this.#silentTicks++
    if (this.#connection === null) {
      if (this.#silentTicks >= redialTicks || this.#next === 0) this.#dial()
    } else if (this.#silentTicks >= this.#deadPings) {
      this.#out.close(this.#connection, 'GONE_QUIET', 'the view server has not answered for the ping limit')
      this.closed()
    } else this.ping()
  }

  /** Also between ticks, when there is news that the view server waits for. */
  ping(): void {
    if (this.#welcomed) this.#out.send(this.#connection as number, ['ping', this.#owner.pingNow])
  }

  answer(message: MessageOf<'serverToView'>): void {
    if (this.#welcomed) this.#out.send(this.#connection as number, message)
  }

  closed(): void {
    this.#connection = null
    this.#welcomed = false
    this.#silentTicks = 0
  }

  messages(messages: readonly MessageOf<'viewToServer'>[]): void {
    this.#silentTicks = 0
    for (const message of messages) this.#message(message)
  }

  #dial(): void {
    const address = this.#addresses[this.#next++ % this.#addresses.length] as string
    this.#silentTicks = 0
    this.#connection = this.#out.dial(address, this.#situation.cluster, this.#owner.hello)
  }

  #message(message: MessageOf<'viewToServer'>): void {
    switch (message[0]) {
      case 'welcome':
        this.#welcomed = true
        this.#lastRefusal = ''
        return this.#owner.welcomedByViewServer(message[1])
      case 'view':
        return this.#owner.viewFromViewServer(message[1])
      case 'pong':
        if (message[1] !== null) this.#owner.viewFromViewServer(message[1])
        return this.#owner.ponged(message[3])
      case 'question':
        return this.#owner.asked(message[1])
      case 'error':
        return this.#refused(message[1], message[2])
    }
  }

  #refused(code: string, reason: string): void {
    if (this.#lastRefusal === code + reason) return
    this.#lastRefusal = code + reason
    this.#out.note('error', 'the view server refuses this server', { code, reason })
  }
}
