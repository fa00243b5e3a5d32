// What is neither a call nor a fault: wrong and odd uses of the client, and peers and operators that only look
// or say what concerns nobody. None of it may change anything for a user.

import { type Cluster, ProgramParty } from '../fixtures/cluster.ts'
import { type Random, random } from '../fixtures/random.ts'
import { Intruders } from './intruders.ts'
import { Newcomers } from './newcomers.ts'
import { Operators } from './operators.ts'
import type { OddityKind } from './plan.ts'
import { StrayWords } from './stray-words.ts'
import type { Trace } from './trace.ts'
import type { Users } from './users.ts'
import type { Verdict } from './verdict.ts'

export class Oddities {
  readonly #users: Users
  readonly #trace: Trace

  readonly #intruders: Intruders
  readonly #operators: Operators
  readonly #newcomers: Newcomers
  readonly #strayWords: StrayWords

  constructor(cluster: Cluster, users: Users, verdict: Verdict, trace: Trace) {
    this.#users = users
    this.#trace = trace
    this.#intruders = new Intruders(cluster, verdict, trace)
    this.#operators = new Operators(cluster, verdict, trace)
    this.#newcomers = new Newcomers(cluster, verdict, trace)
    this.#strayWords = new StrayWords(cluster, users, trace)
  }

  readonly #byKind: Readonly<Record<OddityKind, (dice: Random) => void>> = {
    'odd program': dice => this.#oddProgram(dice),
    intruder: dice => this.#intruders.come(dice),
    'operator looks': dice => this.#operators.look(dice),
    'operator resets wrongly': dice => this.#operators.resetWrongly(dice),
    newcomer: dice => this.#newcomers.come(dice),
    'stray words': dice => this.#strayWords.say(dice),
  }

  perform(kind: OddityKind, salt: number): void {
    this.#byKind[kind](random(salt))
  }

  #oddProgram(dice: Random): void {
    const programs = this.#users.users.filter(user => user instanceof ProgramParty)
    const running = programs.filter(({ alive, frozen }) => alive && !frozen)
    if (running.length === 0) return
    const program = dice.pick(running)
    this.#trace.tell(() => `${program.name} does odd things`)
    program.odd()
  }
}
