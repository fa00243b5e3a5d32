// Sessions whose leases had run out at a tick, and that are to be ended piece by piece, so that no operation
// takes too long (F13). Each piece is looked at anew: who was heard meanwhile lives on (S3). It ends none itself.

import { expireWeightMax } from '../wire/limits.ts'
import type { Leases } from './leases.ts'
import type { Session } from './state/sessions.ts'

export class Expiry {
  /** Ordinals, and the monotonic ms at which their leases had run out. */
  #due: readonly number[] = []
  #at = 0
  #next = 0

  /** What was left of an earlier tick is due at this one too. */
  begin(ordinals: readonly number[], at: number): void {
    this.#due = ordinals
    this.#at = at
    this.#next = 0
  }

  get more(): boolean {
    return this.#next < this.#due.length
  }

  /** The next piece: one session at least, more of those that have and wait for little. */
  take(sessions: ReadonlyMap<number, Session>, leases: Leases): number[] {
    const piece: number[] = []
    for (let weight = 0; this.more && weight < expireWeightMax; ) {
      const ordinal = this.#due[this.#next++] as number
      const session = sessions.get(ordinal)
      if (session === undefined || !leases.over(ordinal, this.#at)) continue
      piece.push(ordinal)
      weight += 1 + session.holds.size + session.waiting.size
    }
    return piece
  }
}
