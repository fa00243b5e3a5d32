// The connections to all view servers that this server knows (E5). It pings the one with the largest active
// mark each tick, and the others now and then, to notice when they are gone: so a standby that becomes active
// hears of it at once. It passes views and questions on and decides nothing about them.

import type { Trouble } from '../wire/effects.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Situation } from './situation.ts'
import { ViewLink, type ViewLinkOwner } from './view-link.ts'

export class ViewLinks {
  readonly #links: readonly ViewLink[]

  constructor(
    out: ServerOutbox,
    situation: Readonly<Situation>,
    addresses: readonly string[],
    deadPings: number,
    owner: ViewLinkOwner,
  ) {
    this.#links = addresses.map(address => new ViewLink(out, situation, address, deadPings, owner))
  }

  /** To one that is not behind another; in a cluster with a single view server, to that one. */
  get connected(): boolean {
    return this.#foremost().some(link => link.connected)
  }

  /** What keeps it from each, for display; null: nothing is known. */
  get trouble(): string | null {
    const all = this.#links.flatMap(({ trouble }) => trouble ?? [])
    return all.length === 0 ? null : all.join('; ')
  }

  /** The address of the active one; null: it is connected to none. */
  get active(): string | null {
    return this.#foremost().find(({ connected, mark }) => connected && mark > 0)?.address ?? null
  }

  tick(): void {
    const foremost = this.#foremost()
    for (const link of this.#links) link.tick(foremost.includes(link))
  }

  /** Also between ticks, when there is news that the view server waits for. */
  ping(): void {
    for (const link of this.#foremost()) link.ping()
  }

  closed(connection: number, trouble: Trouble | undefined): void {
    this.#on(connection)?.closed(trouble)
  }

  messages(connection: number, messages: readonly MessageOf<'viewToServer'>[]): void {
    this.#on(connection)?.messages(messages)
  }

  #on(connection: number): ViewLink | undefined {
    return this.#links.find(link => link.connection === connection)
  }

  /** Those with the largest mark; all, while none has one. */
  #foremost(): readonly ViewLink[] {
    const largest = Math.max(0, ...this.#links.map(link => link.mark))
    return this.#links.filter(link => link.mark === largest)
  }
}
