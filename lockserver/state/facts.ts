// What an operation has done, as plain data and in order, for the server that applied it: a primary holds
// back and counts, a backup keeps its leases. Nothing is decided here.

import type { LockEvent, LossReason, MessageOf, Reply } from '../../wire/messages.ts'
import type { Acquire, Hold } from './lock.ts'
import type { AcquireEnd } from './lock-table.ts'
import type { OnceKey } from './onces.ts'
import type { Quota } from './owners.ts'
import type { Session } from './sessions.ts'

/** What an operation lets clients see (R1). */
export type Output = Reply | MessageOf<'serverToClient', 'ended' | 'lost'>

/** The replies to a run of which each was done at once. */
export type GrantedRun = MessageOf<'replyRuns', 'granted-run'>
export type ReleasedRun = MessageOf<'replyRuns', 'released-run'>

export type SessionEnd = 'ended' | 'expired' | 'abandoned'

/** A watched lock has changed. */
interface Happened {
  readonly is: 'event'
  readonly event: LockEvent
}

/** What the table has done; the state turns it into replies and losses. */
export type TableFact =
  | Happened
  /** An acquire that had waited has all of its locks, or was refused. */
  | { readonly is: 'settled'; readonly acquire: Acquire; readonly outcome: AcquireEnd }
  /** A steal or a force-release has ended a hold. */
  | { readonly is: 'lost'; readonly session: Session; readonly token: number; readonly reason: LossReason }

/** What a server's own clock must know of (C3, C4, C5); times.ts keeps it. */
export type TimedFact =
  /** C3: granted as a whole, with a time that it lasts at least. */
  | { readonly is: 'lasts'; readonly hold: Hold }
  /** C4: its client knows of it, which may hold it for some time at most. */
  | { readonly is: 'told'; readonly hold: Hold }
  /** C3: it need not last any longer, and its holder still has it. */
  | { readonly is: 'lasted'; readonly token: number }
  /** Its holder is gone; `kept`: the hold is not (C3). */
  | { readonly is: 'untimed'; readonly token: number; readonly kept: boolean }
  /** C5: the hold of this key has ended, so that the key is kept for its time from here on; or it is gone. */
  | { readonly is: 'key ended' | 'key gone'; readonly key: OnceKey }

export type Fact =
  | Happened
  | TimedFact
  /** A hold has ended, for whatever reason. Times are by the wall clock, for display only. */
  | { readonly is: 'freed'; readonly heldMs: number }
  /** The holds of a run of releases, one after the other. */
  | { readonly is: 'freed run'; readonly heldMs: readonly number[] }
  /** Something that a client will see; the session may be gone by now. */
  | { readonly is: 'output'; readonly session: Session; readonly message: Output | ReleasedRun }
  /** Also an output: an acquire has all that it asked for, or each of a run. `handed`: it had waited. */
  | {
      readonly is: 'granted'
      readonly session: Session
      readonly message: MessageOf<'serverToClient', 'granted'> | GrantedRun
      readonly waitedMs: number
      readonly handed: boolean
    }
  | { readonly is: 'opened'; readonly session: Session }
  /** Something was refused for a quota of its owner (B7). */
  | { readonly is: 'over quota'; readonly quota: Quota }
  /** The session is over, at its own wish or not. */
  | { readonly is: 'dropped'; readonly session: Session; readonly how: SessionEnd }

/** Nearly no operation has more facts than this. */
const room = 8

/** A list that is filled and emptied again by each operation, so no new one is ever made (SPEED.md). */
export class Facts<F extends object> {
  readonly #list: (F | null)[] = Array.from({ length: room }, () => null)
  #count = 0
  #taken = 0

  add(fact: F): void {
    this.#list[this.#count++] = fact
  }

  /** The next fact in order; undefined when all are taken. */
  take(): F | undefined {
    if (this.#taken === this.#count) {
      if (this.#count > 0) this.#clear()
      return undefined
    }
    const fact = this.#list[this.#taken] as F
    this.#list[this.#taken++] = null
    return fact
  }

  #clear(): void {
    this.#count = 0
    this.#taken = 0
    if (this.#list.length > room) this.#list.length = room
  }

  /** Empties the list unread. */
  drop(): void {
    this.#clear()
  }
}
