// What is neither a call nor a fault: wrong and odd uses of the client, and peers and operators that only look
// or say what concerns nobody. None of it may change anything for a user.

import { type Cluster, ProgramParty } from '../fixtures/cluster.ts'
import { type Random, random } from '../fixtures/random.ts'
import type { OddityKind } from './plan.ts'
import type { Trace } from './trace.ts'
import type { Users } from './users.ts'
import type { Verdict } from './verdict.ts'

export class Oddities {
  readonly #users: Users
  readonly #trace: Trace

  constructor(_cluster: Cluster, users: Users, _verdict: Verdict, trace: Trace) {
    this.#users = users
    this.#trace = trace
  }

  readonly #byKind: Readonly<Record<OddityKind, (dice: Random) => void>> = {
    'odd program': dice => this.#oddProgram(dice),
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
