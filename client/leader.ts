// C7: who leads, as one that follows learns it: from a watch of the lock, which tells of changes, and from a query at its
// beginning and wherever the watch has a gap. Tokens put both in order, so that nothing old undoes what is newer. It
// changes no lock.

import { LockError } from './errors.ts'
import type { WatchEvent } from './watch.ts'
import type { HeldLock, Snapshot } from './web-locks.ts'

/** Who leads: the client that holds the exclusive lock of that name. */
export interface Leader {
  /** The public id of its session, as all lists show it. */
  readonly clientId: string
  /** As given to `connect`. */
  readonly clientName: string
  /** The fencing token of its term. */
  readonly token: number
  /** As the leader says, such as where it is reached. */
  readonly note: string | null
}

/** What is known of one lock; what is learned may come late, twice, and from two sides. */
export class Succession {
  readonly #name: string
  /** The one of the largest token that was seen; its term may be over. */
  #last: Leader | null = null
  /** Terms up to this token are over. */
  #overUpTo = 0
  /** Changes of notes that were seen. */
  #notes = 0
  #known = false

  constructor(name: string) {
    this.#name = name
  }

  /** Null: nobody leads; undefined: not known yet. */
  get leader(): Leader | null | undefined {
    if (this.#last !== null && this.#last.token > this.#overUpTo) return this.#last
    return this.#known ? null : undefined
  }

  hears(event: WatchEvent): void {
    if (event.event === 'watching' || event.event === 'missed' || event.name !== this.#name) return
    const { token, clientId, clientName, terms } = event
    if (token === null || event.event === 'waiting' || event.event === 'cancelled') return
    if (event.event === 'granted' || event.event === 'noted') {
      if (event.mode !== 'exclusive' || clientId === null || clientName === null) return
      this.#notes++
      this.#leads({ clientId, clientName, token, note: terms?.note ?? null })
    } else this.#isOver(token)
  }

  /** What a query that is asked now needs to be put in order. */
  asks(): { readonly granted: number; readonly notes: number } {
    return { granted: this.#last?.token ?? 0, notes: this.#notes }
  }

  /** The answer to a query, with what was known when it was asked. */
  sees({ held, cut }: Snapshot, { granted, notes }: ReturnType<Succession['asks']>): void {
    const hold = held.find(each => each.name === this.#name)
    if (hold === undefined && cut)
      throw new LockError('STATE_LIMIT', true, `too many locks have names that begin with ${this.#name}`)
    this.#known = true
    const leader = hold === undefined ? null : leaderOf(hold)
    // Whoever is granted the lock later has a larger token.
    this.#isOver(leader === null ? (hold?.token ?? granted) : leader.token - 1)
    // A note that was heard of since is no older.
    if (leader !== null && (leader.token !== this.#last?.token || notes === this.#notes)) this.#leads(leader)
  }

  #leads(leader: Leader): void {
    if (this.#last === null || leader.token >= this.#last.token) this.#last = leader
  }

  #isOver(token: number): void {
    this.#overUpTo = Math.max(this.#overUpTo, token)
  }
}

/** Null: it is shared, or kept for a client that is gone. */
function leaderOf({ mode, clientId, clientName, token, terms }: HeldLock): Leader | null {
  if (mode !== 'exclusive' || clientId === null || clientName === null) return null
  return { clientId, clientName, token, note: terms?.note ?? null }
}
