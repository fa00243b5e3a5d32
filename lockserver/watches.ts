// The watches on locks, and how far each client has seen the events that it got. An event goes out only when
// clients may see it (R1), and behind all answers: the clients that watch take turns, each gets a share in its
// turn, and a client that does not keep up misses events and learns how many (B1, B7). It decides nothing about
// locks.

import { allows } from '../wire/access/principal.ts'
import {
  eventFrameCost,
  eventsClientTurnMax,
  eventsTurnMax,
  eventsUnseenMax,
  watchesMax,
} from '../wire/limits.ts'
import type { LockEvent } from '../wire/messages.ts'
import type { Client } from './clients.ts'
import { EventLog } from './event-log.ts'
import type { ServerOutbox } from './outbox.ts'
import { keptOf, watchesText } from './state/owners.ts'
import type { State } from './state/state.ts'

export interface Watch {
  readonly client: Client
  /** The number that its client gave it. */
  readonly number: number
  readonly prefix: string
  /** The place of its first event; null until it begins. */
  since: number | null
  /** Events that were sent, and those of them that its client has seen. */
  told: number
  seen: number
  /** Events since then that could not be sent. */
  missed: number
}

/** A client with its watches. */
interface Watcher {
  readonly client: Client
  readonly watches: Set<Watch>
  /** The place of the next event to tell it. */
  next: number
}

/** Events that one watch only looks at cost as much as one that is told. */
const looksPerTold = 16

export class Watches {
  readonly #out: ServerOutbox
  readonly #state: State
  readonly #log = new EventLog()
  /** The one that was told last comes last. */
  readonly #watchers = new Map<Client, Watcher>()
  /** Watches of all clients. */
  #size = 0

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
    const watch: Watch = { client, number, prefix, since: null, told: 0, seen: 0, missed: 0 }
    const watcher = this.#watchers.get(client) ?? { client, watches: new Set(), next: this.#log.end }
    this.#watchers.set(client, watcher)
    watcher.watches.add(watch)
    this.#resize(1)
    return watch
  }

  /** R1 holds for all that was decided before the watch came. */
  begin(watch: Watch): void {
    const { client } = watch
    if (!this.#watchers.get(client)?.watches.has(watch)) return
    watch.since = this.#log.end
    this.#out.send(client.connection, ['watching', watch.number])
  }

  /** This has happened, and clients may see it. */
  happened(event: LockEvent): void {
    if (this.#size === 0) return
    if (this.#log.full) this.#makeRoom()
    this.#log.add(event)
  }

  /** Some watcher has not been told all. */
  get more(): boolean {
    if (this.#watchers.size === 0) return false
    for (const { next } of this.#watchers.values()) if (next < this.#log.end) return true
    return false
  }

  /** B1: tells as much as one turn has room for; the next turn goes on with those that are behind. */
  tell(): void {
    if (this.#watchers.size === 0) return this.#log.forgetBefore(this.#log.end)
    let left = eventsTurnMax
    while (left > 0 && this.more)
      for (const watcher of [...this.#watchers.values()]) {
        if (left <= 0) break
        if (watcher.next < this.#log.end) left -= this.#tellOne(watcher, Math.min(left, eventsClientTurnMax))
      }
    this.#log.forgetBefore(this.#least())
  }

  /** A query's answer comes next: events that it shows already come before it, or are missed. */
  catchUp(client: Client): void {
    const watcher = this.#watchers.get(client)
    if (watcher === undefined || watcher.next === this.#log.end) return
    this.#tellOne(watcher, eventsClientTurnMax)
    while (watcher.next < this.#log.end) this.#skip(watcher)
    for (const watch of watcher.watches) this.#tellMissed(watch)
  }

  /** Its client has dealt with this many events; half of the room must be free before it gets more. */
  seen(client: Client, number: number, events: number): void {
    const watch = this.#find(client, number)
    if (watch === undefined) return
    watch.seen = Math.max(watch.seen, Math.min(events, watch.told))
    this.#tellMissed(watch)
  }

  end(client: Client, number: number): void {
    const watch = this.#find(client, number)
    if (watch === undefined) return
    const watcher = this.#watchers.get(client) as Watcher
    watcher.watches.delete(watch)
    if (watcher.watches.size === 0) this.#watchers.delete(client)
    this.#resize(-1)
  }

  gone(client: Client): void {
    const watcher = this.#watchers.get(client)
    if (watcher === undefined) return
    this.#watchers.delete(client)
    this.#resize(-watcher.watches.size)
  }

  // ---- what a watcher is told

  /** Returns what it cost; it is behind the others then. */
  #tellOne(watcher: Watcher, most: number): number {
    let cost = eventFrameCost
    do {
      const name = this.#log.nameAt(watcher.next)
      for (const watch of watcher.watches) cost += this.#offer(watch, watcher.next, name)
      watcher.next++
    } while (watcher.next < this.#log.end && cost < most)
    for (const watch of watcher.watches) this.#tellMissed(watch)
    this.#watchers.delete(watcher.client)
    this.#watchers.set(watcher.client, watcher)
    return cost
  }

  /** Returns what it cost. */
  #offer(watch: Watch, place: number, name: string): number {
    if (!concerns(watch, place, name)) return 1 / looksPerTold
    this.#tellMissed(watch)
    if (watch.missed > 0 || watch.told - watch.seen >= eventsUnseenMax) {
      watch.missed++
      return 1 / looksPerTold
    }
    watch.told++
    this.#out.send(watch.client.connection, this.#log.messageAt(place, watch.number))
    return 1
  }

  #tellMissed(watch: Watch): void {
    if (watch.missed === 0 || watch.told - watch.seen > eventsUnseenMax / 2) return
    this.#out.send(watch.client.connection, ['missed', watch.number, watch.missed])
    watch.missed = 0
  }

  /** B7: if all of the log is needed, those who lag furthest miss its first event. */
  #makeRoom(): void {
    const first = this.#least()
    this.#log.forgetBefore(first)
    if (!this.#log.full) return
    for (const watcher of this.#watchers.values()) if (watcher.next === first) this.#skip(watcher)
    this.#log.forgetBefore(first + 1)
  }

  /** It misses its next event. */
  #skip(watcher: Watcher): void {
    const name = this.#log.nameAt(watcher.next)
    for (const watch of watcher.watches) if (concerns(watch, watcher.next, name)) watch.missed++
    watcher.next++
  }

  #least(): number {
    let least = this.#log.end
    for (const { next } of this.#watchers.values()) least = Math.min(least, next)
    return least
  }

  // ---- how many there are

  #refusal({ owner }: Client): string | undefined {
    if (this.#size >= watchesMax) return `a server has at most ${watchesMax} watches; end some`
    if (owner === null || this.#watchesOf(owner) < this.#most(this.#size)) return undefined
    this.#out.count({ is: 'over quota', quota: 'watches' })
    return watchesText(owner, this.#state.limits)
  }

  /** B7: watches of one owner, when there are so many in all. */
  #most(size: number): number {
    return this.#state.limits.watchesPerOwnerMax ?? watchesMax - keptOf(watchesMax) - size
  }

  #watchesOf(owner: string): number {
    let count = 0
    for (const { client, watches } of this.#watchers.values())
      if (client.owner === owner) count += watches.size
    return count
  }

  #find(client: Client, number: number): Watch | undefined {
    for (const watch of this.#watchers.get(client)?.watches ?? []) if (watch.number === number) return watch
    return undefined
  }

  #resize(by: number): void {
    this.#size += by
    this.#state.table.watch(this.#size > 0)
  }
}

/** A2: by the rules of now. */
function concerns({ client, since, prefix }: Watch, place: number, name: string): boolean {
  if (since === null || since > place || !name.startsWith(prefix)) return false
  return client.principal === null || allows(client.principal, 'read', name)
}
