// What an operation has begun and a later one goes on with, since no operation changes more than its share
// (B2): a part of the state like any other, and so in every copy of it. The order of each list is the order
// in which it is worked off (R4). It ends nothing itself; lock-table.ts does.

import type { LossReason } from '../../wire/messages.ts'
import type { Acquire, Hold } from './lock.ts'
import type { Session } from './sessions.ts'

/** So many are put in order at a time. */
const holdsAtOnce = 4_096

export interface Eviction {
  /** Holds with this token or a smaller one are lost. */
  readonly through: number
  readonly reason: LossReason
}

export class Unfinished {
  /** By ordinal, sessions that are over and still hold or wait for something. */
  readonly ending = new Map<number, Session>()
  /** Evictions by the lock's name. */
  readonly evictions = new Map<string, Eviction>()
  /** C5: by name, keys that run or have run, whose waiters are still to be told so. */
  readonly telling = new Map<string, Set<string>>()
  /** Names of locks that may be free for their first waiter. */
  readonly unserved = new Set<string>()
  /** What the first ending session waits for, in order, looked up when it becomes the first; and some of its holds. */
  #first: Session | null = null
  #waits: readonly Acquire[] = []
  #holds: readonly Hold[] = []
  #nextWait = 0
  #nextHold = 0

  /** A second eviction of the same lock goes with the first. */
  evict(name: string, through: number, reason: LossReason): void {
    this.evictions.set(name, { through, reason })
  }

  tell(name: string, key: string): void {
    const keys = this.telling.get(name)
    if (keys === undefined) this.telling.set(name, new Set([key]))
    else keys.add(key)
  }

  /** All waiters of this key have been told, or the key is free again. */
  told(name: string, key: string): void {
    const keys = this.telling.get(name)
    keys?.delete(key)
    if (keys?.size === 0) this.telling.delete(name)
  }

  /** The lock is gone. */
  forget(name: string): void {
    if (this.unserved.size > 0) this.unserved.delete(name)
    if (this.evictions.size > 0) this.evictions.delete(name)
    if (this.telling.size > 0) this.telling.delete(name)
  }

  /** The next wait of the first session that is ending; undefined when it has none. */
  nextWait(session: Session): Acquire | undefined {
    this.#lookAt(session)
    return this.#waits[this.#nextWait++]
  }

  /** Likewise its next hold. */
  nextHold(session: Session): Hold | undefined {
    this.#lookAt(session)
    for (;;) {
      if (this.#nextHold === this.#holds.length && !this.#moreHolds(session)) return undefined
      const hold = this.#holds[this.#nextHold++] as Hold
      // This hold may have been evicted in the meantime.
      if (session.holds.get(hold.token) === hold) return hold
    }
  }

  #moreHolds(session: Session): boolean {
    this.#holds = session.holdsInOrder(this.#holds.at(-1)?.token ?? 0, holdsAtOnce)
    this.#nextHold = 0
    return this.#holds.length > 0
  }

  /** The session holds nothing and waits for nothing any more. */
  ended(session: Session): void {
    this.ending.delete(session.ordinal)
    this.#first = null
    this.#waits = []
    this.#holds = []
  }

  #lookAt(session: Session): void {
    if (this.#first === session) return
    this.#first = session
    this.#waits = session.waitingInOrder()
    this.#holds = []
    this.#nextWait = 0
    this.#nextHold = 0
  }
}
