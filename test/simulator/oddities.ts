// What is neither a call nor a fault: wrong and odd uses of the client, and peers and operators that only look
// or say what concerns nobody. None of it may change anything for a user.

import { type Cluster, ProgramParty, SessionParty } from '../fixtures/cluster.ts'
import { type Random, random } from '../fixtures/random.ts'
import { Intruders } from './intruders.ts'
import { Newcomers } from './newcomers.ts'
import { Operators } from './operators.ts'
import type { OddityKind, Verb } from './plan.ts'
import { StrayWords } from './stray-words.ts'
import { Thieves } from './thieves.ts'
import type { Trace } from './trace.ts'
import type { Users } from './users.ts'
import type { Verdict } from './verdict.ts'

export class Oddities {
  readonly #cluster: Cluster
  readonly #users: Users
  readonly #verdict: Verdict
  readonly #trace: Trace

  readonly #intruders: Intruders
  readonly #operators: Operators
  readonly #newcomers: Newcomers
  readonly #strayWords: StrayWords
  readonly #thieves: Thieves

  constructor(cluster: Cluster, users: Users, verdict: Verdict, trace: Trace) {
    this.#cluster = cluster
    this.#users = users
    this.#verdict = verdict
    this.#trace = trace
    this.#intruders = new Intruders(cluster, verdict, trace)
    this.#operators = new Operators(cluster, verdict, trace)
    this.#newcomers = new Newcomers(cluster, verdict, trace)
    this.#strayWords = new StrayWords(cluster, users, trace)
    this.#thieves = new Thieves(cluster, verdict, trace)
  }

  readonly #byKind: Readonly<Record<OddityKind, (dice: Random) => void>> = {
    'calls and stalls': dice => this.#callsAndStalls(dice),
    'odd program': dice => this.#oddProgram(dice),
    intruder: dice => this.#intruders.come(dice),
    'operator looks': dice => this.#cluster.within(0, () => this.#operators.look(dice)),
    'operator resets wrongly': dice => this.#operators.resetWrongly(dice),
    newcomer: dice => this.#newcomers.come(dice),
    'stray words': dice => this.#strayWords.say(dice),
    thief: dice => this.#thieves.come(dice),
  }

  /** G1: in some group. */
  perform(kind: OddityKind, salt: number): void {
    const { groups } = this.#cluster
    const group = groups === 1 ? 0 : random(salt + 1).below(groups)
    this.#cluster.within(group, () => this.#byKind[kind](random(salt)))
  }

  /** F12: its process stands still before its calls leave, perhaps for longer than its lease. */
  #callsAndStalls(dice: Random): void {
    const slot = dice.below(8)
    const user = this.#users.at(slot)
    if (!user.alive || user.frozen) return
    for (const verb of dice.pick<readonly Verb[]>([
      ['wait', 'release'],
      ['query', 'release'],
      ['release', 'end'],
    ]))
      this.#users.perform({ is: 'call', user: slot, verb, at: 0, salt: dice.below(4294967296) })
    this.#trace.tell(() => `${user.name} stalls`)
    user.freeze()
    this.#cluster.network.after(dice.pick([50, 2_000, 5_000]), () => {
      if (user.alive && user.frozen) user.thaw()
    })
  }

  #oddProgram(dice: Random): void {
    const programs = this.#users.users.filter(user => user instanceof ProgramParty)
    this.#oddSession(dice)
    const running = programs.filter(({ alive, frozen }) => alive && !frozen)
    if (running.length === 0) return
    const program = dice.pick(running)
    this.#trace.tell(() => `${program.name} does odd things`)
    program.odd()
  }

  /** What is over already ends at once. */
  #endAgain(party: SessionParty | undefined): void {
    const ended = party?.end()
    if (ended !== undefined && ended.result?.verb !== 'end')
      this.#verdict.blame('S1 wrong reply', `an end of what is over gives ${JSON.stringify(ended)}`)
  }

  /** A release of what it does not hold, and what is said of a session before it is open. */
  #oddSession(dice: Random): void {
    const sessions = this.#users.users.filter(user => user instanceof SessionParty)
    this.#endAgain(sessions.find(({ alive, frozen, core }) => alive && !frozen && core.over))
    const running = sessions.filter(({ alive, frozen, core }) => alive && !frozen && !core.over)
    if (running.length === 0) return
    const party = dice.pick(running)
    const released = party.releaseToken(1)
    const { ttlMs, remainingMs } = party.core.lease(party.now())
    if (!party.core.opened && ttlMs + remainingMs > 0)
      this.#verdict.blame('S4 lease', `${party.name} has a lease before its session is open`)
    party.after(1_000, () => {
      if (released.done && released.result?.verb === 'release' && !released.result.held) return
      this.#verdict.blame('S1 wrong reply', `a release of nothing gives ${JSON.stringify(released)}`)
    })
  }
}
