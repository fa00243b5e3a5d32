// Sessions whose leases had run out at a tick. They must be ended piece by piece, so that no operation takes
// too long (F13). Each piece is checked again: a session that was heard in the meantime lives on (S3). This
// file ends none itself.

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

  /** The next piece: at least one session, and more if they hold and wait for little. */
  take(
    sessions: ReadonlyMap<number, Session>,
    leases: Leases,
    isHeard: (session: Session) => boolean,
  ): number[] {
    const piece: number[] = []
    for (let weight = 0; this.more && weight < expireWeightMax; ) {
      const ordinal = this.#due[this.#next++] as number
      const session = sessions.get(ordinal)
      if (session === undefined || !leases.over(ordinal, this.#at)) continue
      if (isHeard(session)) {
        leases.lookAgain()
        continue
      }
      piece.push(ordinal)
      weight += 1 + session.holds.size + session.waiting.size
    }
    return piece
  }
}
