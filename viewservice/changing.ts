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
  /** The views that change it, by group: the numbers of those that are made. */
  readonly views: Map<number, number>
  /** The groups that are of this durability. */
  readonly done: Set<number>
}

export class Changing {
  readonly #out: ViewOutbox
  /** How many groups there are; none comes or goes in the meantime. */
  #groups = 1
  #wish: Wish | null = null

  constructor(out: ViewOutbox) {
    this.#out = out
  }

  get isUnderWay(): boolean {
    return this.#wish !== null
  }

  /** `groups`: how many there are. */
  ask(connection: number, number: number, to: Durability, groups: number, impossible: string | null): void {
    const problem = impossible ?? (this.#wish === null ? null : 'another change is under way')
    if (problem === null) this.#groups = groups
    if (problem === null) this.#wish = { connection, number, to, views: new Map(), done: new Set() }
    else this.#out.send(connection, ['durability-refused', number, problem])
  }

  /** The view that changes a group's, if that may be made now. */
  decided(record: GroupRecord, highestToken: number, readiness: () => Readiness): View | undefined {
    const wish = this.#wish
    const { group, number } = record.view
    if (wish === null || wish.views.has(group) || wish.done.has(group)) return undefined
    if (record.acked && record.view.durability === wish.to) return void this.#done(record.view)
    const problem = whyNoChange(record, wish.to, readiness())
    if (problem !== undefined) return void this.fail(problem)
    wish.views.set(group, number + 1)
    this.#out.note('warn', 'an operator changes the durability', { to: wish.to })
    return changeView(group, choiceOf(record), highestToken, wish.to)
  }

  saved({ view, acked }: GroupRecord): void {
    const made = this.#wish?.views.get(view.group)
    if (made === undefined || this.#wish?.done.has(view.group)) return
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

  /** G1: the cluster is of another durability once every group is. */
  #done(view: View): void {
    const wish = this.#wish
    if (wish === null || wish.done.add(view.group).size < this.#groups) return
    this.#wish = null
    this.#out.send(wish.connection, ['durability-done', wish.number, view])
  }
}
