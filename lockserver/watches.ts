// The watches on locks, and how far each client has seen the events that it got. An event goes out only when
// clients may see it (R1); a client that does not keep up misses events and learns how many. It decides
// nothing about locks.

import { errors } from '../wire/errors.ts'
import { eventsUnseenMax, watchesMax } from '../wire/limits.ts'
import type { LockEvent, MessageOf } from '../wire/messages.ts'
import { share } from '../wire/shared.ts'
import type { Client } from './clients.ts'
import type { ServerOutbox } from './outbox.ts'
import { keptOf, watchesText } from './state/owners.ts'
import type { State } from './state/state.ts'

export interface Watch {
  readonly client: Client
  /** The number that its client gave it. */
  readonly number: number
  readonly prefix: string
  began: boolean
  /** Events that were sent, and those of them that its client has seen. */
  told: number
  seen: number
  /** Events since then that could not be sent. */
  missed: number
}

type Told = MessageOf<'serverToClient', 'event'>

export class Watches {
  readonly #out: ServerOutbox
  readonly #state: State
  readonly #watches = new Set<Watch>()

  constructor(out: ServerOutbox, state: State) {
    this.#out = out
    this.#state = state
  }

  /** Undefined if the watch is refused. A number that is in use begins again. */
  add(client: Client, number: number, prefix: string): Watch | undefined {
    this.end(client, number)
    const refusal = this.#refusal(client)
    if (refusal !== undefined) {
      this.#out.send(client.connection, ['watch-refused', number, 'WATCHES_LIMIT', refusal])
      return undefined
    }
    const watch: Watch = { client, number, prefix, began: false, told: 0, seen: 0, missed: 0 }
    this.#watches.add(watch)
    this.#state.table.watch(true)
    return watch
  }

  /** R1 holds for all that was decided before the watch came. */
  begin(watch: Watch): void {
    if (!this.#watches.has(watch) || watch.client.deaf) return
    watch.began = true
    this.#out.send(watch.client.connection, ['watching', watch.number])
  }

  tell(event: LockEvent): void {
    // B7: it becomes text once, and so does the message, since most clients give the same number.
    if (this.#watches.size > 1) share(event)
    let message: Told | undefined
    for (const watch of this.#watches) {
      if (watch.client.deaf) this.#remove(watch)
      else if (!watch.began || !event.name.startsWith(watch.prefix)) continue
      else if (watch.missed > 0 || watch.told - watch.seen >= eventsUnseenMax) watch.missed++
      else {
        watch.told++
        if (message?.[1] !== watch.number) message = share<Told>(['event', watch.number, event])
        this.#out.send(watch.client.connection, message)
      }
    }
  }

  /** Its client has dealt with this many events; half of the room must be free before it gets more. */
  seen(client: Client, number: number, events: number): void {
    const watch = this.#find(client, number)
    if (watch === undefined) return
    watch.seen = Math.max(watch.seen, Math.min(events, watch.told))
    if (watch.missed === 0 || watch.told - watch.seen > eventsUnseenMax / 2) return
    this.#out.send(client.connection, ['missed', number, watch.missed])
    watch.missed = 0
  }

  end(client: Client, number: number): void {
    const watch = this.#find(client, number)
    if (watch !== undefined) this.#remove(watch)
  }

  gone(client: Client): void {
    for (const watch of this.#watches) if (watch.client === client) this.#remove(watch)
  }

  #refusal({ owner }: Client): string | undefined {
    const { size } = this.#watches
    if (size >= watchesMax) return errors.WATCHES_LIMIT.meaning
    if (owner === null || this.#watchesOf(owner) < this.#most(size)) return undefined
    this.#out.count({ is: 'over quota', quota: 'watches' })
    return watchesText(owner, this.#state.limits)
  }

  /** B7: watches of one owner, when there are so many in all. */
  #most(size: number): number {
    return this.#state.limits.watchesPerOwnerMax ?? watchesMax - keptOf(watchesMax) - size
  }

  #watchesOf(owner: string): number {
    let count = 0
    for (const { client } of this.#watches) if (client.owner === owner) count++
    return count
  }

  #find(client: Client, number: number): Watch | undefined {
    for (const watch of this.#watches) if (watch.client === client && watch.number === number) return watch
    return undefined
  }

  #remove(watch: Watch): void {
    this.#watches.delete(watch)
    this.#state.table.watch(this.#watches.size > 0)
  }
}
