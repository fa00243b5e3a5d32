// Lets a judge hear of each operation, at whichever server a copy of the state applies it: before it,
// after it, and of what it has done. It decides nothing, and changes nothing of the state. Of runs every other one is
// applied message by message, so that each of them is judged; the rest as they are, so that copies compare them.

import { type Fact, Facts } from '../../lockserver/state/facts.ts'
import type { Acquire } from '../../lockserver/state/lock.ts'
import type { AcquireEnd } from '../../lockserver/state/lock-table.ts'
import { type Operation, State } from '../../lockserver/state/state.ts'
import { entriesOf, isRun } from '../../wire/runs.ts'
import { singleFacts } from '../fixtures/single-facts.ts'

export interface Listener {
  before(state: State, operation: Operation): void
  /** An acquire that had waited is settled just now, in the middle of an operation. */
  settles(state: State, acquire: Acquire, outcome: AcquireEnd): void
  /** `from`: the number of the operation, or of the first one of a run. */
  after(state: State, operation: Operation, done: readonly Fact[], from: number): void
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
  if (listener === null) apply.call(this, operation)
  else if (isRun(operation) && this.opNumber % 2 === 0) applyEach(this, operation)
  else applyHeard(this, operation, listener)
}

function applyHeard(state: State, operation: Operation, { before, after }: Listener): void {
  const from = state.opNumber + 1
  before(state, operation)
  done = []
  applying = state
  apply.call(state, operation)
  applying = null
  after(state, operation, singleFacts(done), from)
}

function applyEach(state: State, run: Operation): void {
  const all: Fact[] = []
  let changes = 0
  for (const single of entriesOf([run])) {
    state.apply(single as Operation)
    all.push(...done)
    changes += state.changes
  }
  state.facts.drop()
  for (const fact of all) add.call(state.facts, fact)
  state.changes = changes
}

Facts.prototype.add = function (fact) {
  add.call(this, fact)
  if (applying === null) return
  if (this === (applying.facts as object)) done.push(fact as Fact)
  else if ('outcome' in fact) listener?.settles(applying, fact.acquire, fact.outcome)
}
