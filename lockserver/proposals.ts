// Every change of a primary's state: it becomes an operation, is applied here, goes to the backup, and what it has done
// is noted: counted, held back for the clients (R1), and kept in the leases. It decides on no change itself.

import type { LockEvent } from '../wire/messages.ts'
import type { Audience, PrimaryParts } from './audience.ts'
import type { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Replication } from './replication.ts'
import type { InView } from './situation.ts'
import type { Fact } from './state/facts.ts'
import type { Operation, State } from './state/state.ts'

export class Proposals {
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #state: State
  readonly #leases: Leases
  readonly #replication: Replication
  readonly #audience: Audience
  /** B1: the cost of what was done since the last `takeCost`. */
  #cost = 0

  constructor({ out, situation, state, leases, replication }: PrimaryParts, audience: Audience) {
    this.#out = out
    this.#situation = situation
    this.#state = state
    this.#leases = leases
    this.#replication = replication
    this.#audience = audience
  }

  /** B1: what the requests since the last call have cost, beyond one each. */
  takeCost(): number {
    const cost = this.#cost
    this.#cost = 0
    return cost
  }

  /** B1: something else than an operation has cost so much. */
  spend(cost: number): void {
    this.#cost += cost
  }

  /** Applies it here and sends it on; what it lets clients see waits for the backup (R1). */
  propose(operation: Operation): void {
    this.#replication.beforeOperation()
    this.#state.apply(operation)
    this.#cost += this.#state.changes
    const { facts } = this.#state
    for (let fact = facts.take(); fact !== undefined; fact = facts.take()) this.#note(fact)
    this.#replication.add(operation, false, this.#state.changes)
  }

  /** Handles what an operation has done: counts it, holds it back, and keeps the leases. */
  #note(fact: Fact): void {
    this.#out.countFact(fact)
    switch (fact.is) {
      case 'output':
        return this.#audience.show(fact)
      case 'event':
        return this.#audience.show({ is: 'event', event: this.#timed(fact.event) })
      case 'granted':
        this.#audience.show(fact)
        if (fact.handed && this.#out.counting)
          this.#audience.show({ is: 'handed over', since: this.#situation.now.monotonic })
        return
      case 'opened':
        return this.#leases.renew(fact.session, this.#situation.now.monotonic)
      case 'dropped':
        this.#leases.forget(fact.session)
        return this.#audience.show(fact)
      default:
        return this.#leases.times.note(fact, this.#situation.now.monotonic)
    }
  }

  /** C3: what is kept, and for how much longer. */
  #timed(event: LockEvent): LockEvent {
    if (event.event !== 'kept' || event.terms === null) return event
    const { token, terms } = event
    const keptMs = token === null ? null : this.#leases.times.keptUntil(token, this.#situation.now.monotonic)
    return { ...event, terms: { ...terms, keptMs, endsMs: null } }
  }
}
