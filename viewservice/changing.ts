// An operator's wish for another durability (D11), from the question to the answer: one at a time. What may follow is
// decided in durability.ts.

import type { Durability, View } from '../wire/messages.ts'
import { changeView, type Readiness, whyNoChange } from './durability.ts'
import type { ViewOutbox } from './outbox.ts'
import type { GroupRecord } from './record.ts'
import { choiceOf } from './recovery.ts'

interface Wish {
  /** The connection on which the operator asked, and the number of the request. */
  readonly connection: number
  readonly number: number
  readonly to: Durability
  /** The view that changes it; null: it is not made yet. */
  view: number | null
}

export class Changing {
  readonly #out: ViewOutbox
  #wish: Wish | null = null

  constructor(out: ViewOutbox) {
    this.#out = out
  }

  ask(connection: number, number: number, to: Durability, impossible: string | null): void {
    const problem = impossible ?? (this.#wish === null ? null : 'another change is under way')
    if (problem === null) this.#wish = { connection, number, to, view: null }
    else this.#out.send(connection, ['durability-refused', number, problem])
  }

  /** The view that changes it, if that may be made now. */
  decided(record: GroupRecord, highestToken: number, readiness: () => Readiness): View | undefined {
    const wish = this.#wish
    if (wish === null || wish.view !== null) return undefined
    if (record.acked && record.view.durability === wish.to) return void this.#done(record.view)
    const problem = whyNoChange(record, wish.to, readiness())
    if (problem !== undefined) return void this.fail(problem)
    wish.view = record.view.number + 1
    this.#out.note('warn', 'an operator changes the durability', { to: wish.to })
    return changeView(record.view.group, choiceOf(record), highestToken, wish.to)
  }

  saved({ view, acked }: GroupRecord): void {
    const made = this.#wish?.view ?? null
    if (made === null) return
    if (view.number === made && acked) this.#done(view)
    else if (view.number > made)
      this.fail(
        `the primary was lost before it was done; view ${view.number} is of durability ${view.durability}`,
      )
  }

  /** The operator who asked is gone; a view that is made already goes through. */
  drop(connection: number): void {
    if (this.#wish?.connection === connection) this.#wish = null
  }

  fail(problem: string): void {
    const wish = this.#wish
    this.#wish = null
    if (wish !== null) this.#out.send(wish.connection, ['durability-refused', wish.number, problem])
  }

  #done(view: View): void {
    const wish = this.#wish
    this.#wish = null
    if (wish !== null) this.#out.send(wish.connection, ['durability-done', wish.number, view])
  }
}
