// Which slots a primary serves: it brings its state level with the record's map (G2), leaves the slots that are under way
// once nothing is in them, and says so (G8). What is empty is decided by the state, and who gets a slot by the record.

import type { Audience, PrimaryParts } from './audience.ts'
import { levelling } from './levelling.ts'
import type { Proposals } from './proposals.ts'
import type { InView } from './situation.ts'
import { leavings, leftOf, movesFrom } from './slot-moves.ts'
import type { State } from './state/state.ts'

export class ServedSlots {
  readonly #situation: InView
  readonly #state: State
  readonly #audience: Audience
  readonly #proposals: Proposals

  constructor({ situation, state }: PrimaryParts, audience: Audience, proposals: Proposals) {
    this.#situation = situation
    this.#state = state
    this.#audience = audience
    this.#proposals = proposals
  }

  /** G2: before the first request of a view, and whenever there is a newer map. */
  level(): void {
    const { map, group } = this.#situation
    if (map === null) return
    for (const operation of levelling(this.#state.slots, map, group)) this.#proposals.propose(operation)
    this.report()
  }

  /** G8, step 2: not before all that is in use is counted. */
  tick(): void {
    const { map, group } = this.#situation
    const moves = movesFrom(map, group)
    if (moves.length === 0 || !this.#state.table.countUse(0)) return
    const operations = leavings(this.#state, moves)
    for (const operation of operations) this.#proposals.propose(operation)
    if (operations.length > 0) this.report()
  }

  /** G8, R1: held back like an answer, and made anew in each view. */
  report(): void {
    const { map, group } = this.#situation
    this.#audience.left = null
    const left = leftOf(this.#state, map, group)
    if (left !== null) this.#audience.show({ is: 'left', left })
  }
}
