// D11: an operator asks a living cluster for the other durability; at times its primary dies before it is done, or the
// operator does. Until it is over, one server alone may have the state: in careful stories none of them dies.

import type { Durability } from '../../../wire/messages.ts'
import { HandParty, type LockServerParty } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

/** An operator waits for so long. */
const staysMs = 4_000
const lookMs = 0.5
/** A change view is soon made, or not at all. */
const soonMs = 300

export class DurabilityChanges {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  #operators = 0

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
  }

  ask(dice: Random): void {
    const operator = this.#asks()
    if (operator !== null && dice.chance(0.2))
      this.#scene.cluster.network.after(dice.next() * 20, () => operator.kill())
  }

  /** Before it has acked the view that changes it. */
  askAndKill(dice: Random): void {
    const { view, network } = this.#scene.cluster
    if (view === null || this.#asks() === null) return
    const look = (left: number) => {
      if (this.#damage.over || left <= 0 || this.#killed(view.number, dice)) return
      network.after(lookMs, () => look(left - lookMs))
    }
    look(soonMs)
  }

  #killed(before: number, dice: Random): boolean {
    const { cluster, pair } = this.#scene
    const { view, viewServer } = cluster
    const isMade = view?.number === before + 1 && view.start?.choice != null && !viewServer.acked
    if (!isMade || viewServer.saving || pair.primary === undefined) return false
    this.#dies(pair.primary, dice)
    return true
  }

  /** What it has said last is lost: else the view server might believe that it is done. */
  #dies(primary: LockServerParty, dice: Random): void {
    const { cluster } = this.#scene
    this.#scene.tell(() => `kill ${primary.name}, which is to change the durability, in ${cluster.viewText}`)
    for (const viewServer of cluster.viewServers)
      cluster.network.sever(primary, viewServer, { arrives: [0, 0], noticeMs: [0, 0] })
    this.#deaths.die(primary)
    this.#deaths.restartLater(primary, this.#scene.duration(dice))
  }

  /** Only where both copies of each group are well. */
  #asks(): HandParty | null {
    const { cluster, changes } = this.#scene
    const { view, network, viewServer } = cluster
    if (view === null || changes || !this.#isWell) return null
    const to: Durability = view.durability === 'disk' ? 'memory' : 'disk'
    const operator = new HandParty(cluster, `changer ${++this.#operators}`)
    this.#scene.tell(() => `an operator asks for durability ${to} in ${cluster.viewText}`)
    this.#scene.changes = true
    operator.dial(viewServer.address).say(['durability', 1, to])
    network.after(staysMs, () => operator.kill())
    this.#follow(operator, to, this.#scene.now)
    return operator
  }

  get #isWell(): boolean {
    const { cluster, referee } = this.#scene
    const runs = ({ alive, frozen, core }: LockServerParty) => alive && !frozen && !core.leaving
    const isSettled = () => cluster.viewServer.acked && cluster.view?.backup != null
    const isWrong = referee.corrupted.size + referee.deceived.size + this.#damage.doubted.size > 0
    return cluster.servers.every(runs) && cluster.inEach(isSettled).every(is => is) && !isWrong
  }

  /** Until the operator is told, or is surely heard no more, and no change is under way. */
  #follow(operator: HandParty, to: Durability, since: number): void {
    const { cluster, referee } = this.#scene
    cluster.network.after(50, () => {
      const { now } = this.#scene
      const told = operator.heard.find(([kind]) => kind.startsWith('durability-'))
      if (told !== undefined) referee.toldOfChange(told, to)
      const { viewServer } = cluster
      const isOver = told !== undefined || now - Math.max(since, viewServer.runsSince) > staysMs + 500
      const isAcked = cluster.inEach(() => viewServer.acked).every(acked => acked)
      if (!isOver || !isAcked || viewServer.saving) return this.#follow(operator, to, since)
      this.#scene.changes = false
    })
  }
}
