// What must hold in every state (docs/RULES.md), judged from outside of the cores: what was seen, what clients
// believe in, and whether the servers that may go on hold all of it. The parts are in checks/; this file puts
// them together, and judges each thing that was seen once for each history.

import { Beliefs } from './checks/beliefs.ts'
import { Learning } from './checks/learning.ts'
import { seenProblem } from './checks/seen-problem.ts'
import { ServerChecks } from './checks/servers.ts'
import type { Situation } from './checks/situation.ts'
import { Summaries } from './checks/summaries.ts'
import { blankHistory, Histories } from './history.ts'
import type { Parties } from './parties.ts'
import type { Seen } from './processes/process.ts'

export interface Folded {
  readonly history: number
  readonly problem: string | undefined
}

export class Checks {
  readonly histories = new Histories()
  readonly blank: number
  readonly #parties: Parties
  readonly #learning: Learning
  readonly #beliefs: Beliefs
  readonly #servers: ServerChecks
  /** By what was seen, then by the history before. */
  readonly #folded = new WeakMap<Seen, Map<number, Folded>>()

  constructor(parties: Parties) {
    const summaries = new Summaries(parties)
    this.#parties = parties
    this.#learning = new Learning(parties)
    this.#beliefs = new Beliefs(parties, summaries)
    this.#servers = new ServerChecks(parties, summaries)
    this.blank = this.histories.numberOf(blankHistory)
  }

  /** What has just been seen. */
  fold(number: number, seen: Seen): Folded {
    const folded = this.#folded.get(seen) ?? new Map<number, Folded>()
    this.#folded.set(seen, folded)
    const known = folded.get(number)
    if (known !== undefined) return known
    const history = this.histories.get(number)
    const problem = seenProblem(this.#parties, history, seen)
    const made = { history: this.histories.numberOf(this.#learning.after(history, seen)), problem }
    folded.set(number, made)
    return made
  }

  /** What must hold in a state as it stands. */
  inspect(situation: Situation): string | undefined {
    const history = this.histories.get(situation.history)
    const believed = this.#beliefs.held(history, situation)
    return this.#beliefs.problem(history, believed) ?? this.#servers.problem(situation, history, believed)
  }
}
