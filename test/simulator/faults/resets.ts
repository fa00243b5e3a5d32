// Resets (F14): the state is lost with all who have it, and an operator has the service begin with an
// empty one. An operator may also ask for that when there is no need.

import { HandParty } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import { type Damage, thaw } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

/** An operator goes on asking, about so often, until there is a state again. */
const resetTries = 10

export class OperatorResets {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  #operators = 0

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
  }

  /** What an operator does when the service says that the state is lost. */
  reset(): void {
    const { cluster, trace, referee } = this.#scene
    const { view } = cluster
    if (view === null) return
    const operator = new HandParty(cluster, `operator ${++this.#operators}`)
    // Only where it can do no harm: nobody has the state any more.
    const forced = referee.lost && this.#operators % 2 === 0
    trace.tell(() => `${operator.name} asks for a ${forced ? 'forced ' : ''}reset of view ${view.number}`)
    operator.dial(cluster.viewServer.address).say(['reset', 1, view.group, view.number, forced])
    cluster.network.after(5_000, () => operator.kill())
  }

  /** All who have the state die at once, and an operator resets, while some users stand still and believe. */
  loseState(dice: Random): void {
    const { cluster, pair, shape, livingUsers } = this.#scene
    const { network, view } = cluster
    const { primary, backup } = pair
    if (shape.careful || primary === undefined || view === null) return
    this.#scene.tell(() => 'all who have the state die')
    for (const user of livingUsers.filter(user => !user.frozen && dice.chance(0.5))) {
      user.freeze()
      this.#damage.doubt(user, 300 + dice.next() * 4_000, `thaw ${user.name}`, thaw(user))
    }
    for (const server of [primary, backup]) this.#deaths.killServer(server, dice)
    for (let tries = 1; tries <= resetTries; tries++)
      network.after(tries * 100, () =>
        cluster.within(view.group, () => {
          if (!this.#damage.over && this.#scene.viewNumber === view.number) this.reset()
        }),
      )
  }
}
