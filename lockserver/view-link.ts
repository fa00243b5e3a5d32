// The connection to one view server: dials it, pings it, and notices when it is silent. It passes views and
// questions on and decides nothing about them.

import type { Trouble } from '../wire/effects.ts'
import type { HelloFrom, MessageOf, Ping, SlotMap, View, Welcome } from '../wire/messages.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Situation } from './situation.ts'

/** The server whose link it is. */
export interface ViewLinkOwner {
  /** What to say now in a hello and in a ping. */
  readonly hello: Extract<HelloFrom, { kind: 'lockserver' }>
  readonly pingNow: Ping
  welcomedByViewServer(welcome: Welcome): void
  /** `acked`: the record says that it is (D5). */
  viewFromViewServer(view: View, acked: boolean): void
  mapFromViewServer(map: SlotMap): void
  /** A ping was answered; the longest ttl in the view record. */
  ponged(longestTtlMs: number, ttlMaxMs: number): void
  /** V3: the answer to a question. */
  readonly answerNow: MessageOf<'serverToView', 'answer'>[2]
}

/** One that is not active is pinged once in this many ping limits. */
const restPart = 1
/** A lost view server is dialled again after this many ticks (DESIGN V7: at least every two). */
const redialTicks = 2

const ended: Trouble = { code: 'CLOSED', text: 'ended the connection' }

export class ViewLink {
  readonly #out: ServerOutbox
  readonly #situation: Readonly<Situation>
  readonly #address: string
  readonly #deadPings: number
  readonly #owner: ViewLinkOwner
  #dialled = false
  #connection: number | null = null
  #welcomed = false
  #mark = 0
  #silentTicks = 0
  #restTicks = 0
  /** Said once for each new reason, not at every try. */
  #lastRefusal = ''
  /** Why the last dial failed, or the connection ended; null once there is a welcome. */
  #trouble: Trouble | null = null

  constructor(
    out: ServerOutbox,
    situation: Readonly<Situation>,
    address: string,
    deadPings: number,
    owner: ViewLinkOwner,
  ) {
    this.#out = out
    this.#situation = situation
    this.#address = address
    this.#deadPings = deadPings
    this.#owner = owner
  }

  get connected(): boolean {
    return this.#welcomed
  }

  /** What keeps it from the view server, with its address, for display; null if nothing is known. */
  get trouble(): string | null {
    return this.#trouble === null ? null : `${this.#address} ${this.#trouble.text}`
  }

  get address(): string {
    return this.#address
  }

  get connection(): number | null {
    return this.#connection
  }

  /** The number of the active mark that it has, as it says; 0: it is a standby, or not connected. */
  get mark(): number {
    return this.#mark
  }

  /** `foremost`: no other view server has a larger mark. */
  tick(foremost: boolean): void {
    this.#silentTicks++
    if (this.#connection === null) {
      if (this.#silentTicks >= redialTicks || !this.#dialled) this.#dial()
    } else if (this.#silentTicks >= this.#patience(foremost)) {
      this.#out.close(this.#connection, 'GONE_QUIET', 'the view server has not answered for the ping limit')
      this.closed({ code: 'GONE_QUIET', text: 'has not answered for the ping limit' })
    } else if (foremost || ++this.#restTicks >= restPart * this.#deadPings) this.ping()
  }

  /** It was asked a ping limit ago, and has had one to answer. */
  #patience(foremost: boolean): number {
    return foremost ? this.#deadPings : (restPart + 1) * this.#deadPings
  }

  /** Also between ticks, when there is news that the view server waits for. */
  ping(): void {
    this.#restTicks = 0
    if (this.#welcomed) this.#out.send(this.#connection as number, ['ping', this.#owner.pingNow])
  }

  /** The log says it once a minute. */
  closed(trouble: Trouble | undefined): void {
    // Behind a refusal, which is the reason and was told, the view server ends the connection.
    if (trouble !== undefined || this.#lastRefusal === '') this.#noteTrouble(trouble ?? ended)
    this.#connection = null
    this.#welcomed = false
    this.#mark = 0
    this.#silentTicks = 0
  }

  #noteTrouble(trouble: Trouble): void {
    this.#trouble = trouble
    const { code, text } = trouble
    this.#out.note('warn', 'the view server is not reached', { url: this.#address, code, reason: text })
  }

  messages(messages: readonly MessageOf<'viewToServer'>[]): void {
    this.#silentTicks = 0
    for (const message of messages) this.#message(message)
  }

  #dial(): void {
    this.#dialled = true
    this.#silentTicks = 0
    this.#connection = this.#out.dial(this.#address, this.#situation.cluster, this.#owner.hello)
  }

  #message(message: MessageOf<'viewToServer'>): void {
    switch (message[0]) {
      case 'welcome':
        this.#welcomed = true
        this.#lastRefusal = ''
        this.#trouble = null
        this.#mark = message[1].mark
        return this.#owner.welcomedByViewServer(message[1])
      case 'view':
        return this.#owner.viewFromViewServer(message[1], message[2])
      case 'map':
        return this.#owner.mapFromViewServer(message[1])
      case 'pong':
        this.#mark = message[4]
        if (message[1] !== null) this.#owner.viewFromViewServer(message[1], message[2])
        return this.#owner.ponged(message[3], message[5])
      case 'question':
        return this.#answer(message[1])
      case 'error':
        return this.#refused(message[1], message[2])
    }
  }

  /** It asks once the primary is dead; the answer says whether this copy may be promoted. */
  #answer(number: number): void {
    if (this.#connection === null) return
    this.#out.send(this.#connection, ['answer', number, this.#owner.answerNow])
  }

  #refused(code: string, reason: string): void {
    this.#trouble = { code, text: `refuses this server: ${reason}` }
    if (this.#lastRefusal === code + reason) return
    this.#lastRefusal = code + reason
    this.#out.note('error', 'the view server refuses this server', { code, reason })
  }
}
