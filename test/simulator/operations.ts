// Lets a judge hear of each operation, at whichever server a copy of the state applies it: before it,
// after it, and of what it has done. It decides nothing, and changes nothing of the state.

import { type Fact, Facts } from '../../lockserver/state/facts.ts'
import type { Acquire } from '../../lockserver/state/lock.ts'
import type { AcquireEnd } from '../../lockserver/state/lock-table.ts'
import { type Operation, State } from '../../lockserver/state/state.ts'

export interface Listener {
  before(state: State, operation: Operation): void
  /** An acquire that had waited is settled just now, in the middle of an operation. */
  settles(state: State, acquire: Acquire, outcome: AcquireEnd): void
  after(state: State, operation: Operation, done: readonly Fact[]): void
}

let listener: Listener | null = null
/** The state that applies an operation just now. */
let applying: State | null = null
let done: Fact[] = []

/** Until the next story listens; null: nobody does. */
export function listen(next: Listener | null): void {
  listener = next
  applying = null
}

const { apply } = State.prototype
const { add } = Facts.prototype

State.prototype.apply = function (operation) {
  if (listener === null) return apply.call(this, operation)
  listener.before(this, operation)
  done = []
  applying = this
  apply.call(this, operation)
  applying = null
  listener.after(this, operation, done)
}

Facts.prototype.add = function (fact) {
  add.call(this, fact)
  if (applying === null) return
  if (this === (applying.facts as object)) done.push(fact as Fact)
  else if ('outcome' in fact) listener?.settles(applying, fact.acquire, fact.outcome)
}
