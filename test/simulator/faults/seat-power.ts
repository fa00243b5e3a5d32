// Loss of power where several view servers share a store: one that was a standby has to recover what another one
// began to; the store is away meanwhile; one view server alone keeps its power.

import type { Random } from '../../fixtures/random.ts'
import type { Power } from './power.ts'
import type { Scene } from './scene.ts'
import type { SeatFaults } from './seats.ts'

export class SeatPower {
  readonly #scene: Scene
  readonly #power: Power
  readonly #seats: SeatFaults

  constructor(scene: Scene, power: Power, seats: SeatFaults) {
    this.#scene = scene
    this.#power = power
    this.#seats = seats
  }

  storeAway(dice: Random): void {
    this.#scene.tell(() => 'what happens next finds the store away')
    this.#power.fail(dice)
    this.#seats.storeAway(dice)
  }

  /** E2, E4: at the save of the recovery view, of its ack, or of both. */
  takeover(dice: Random): void {
    this.#scene.tell(() => 'what happens next is recovered by more than one view server')
    this.#power.fail(dice)
    for (let saves = 1 + dice.below(2); saves > 0; saves--)
      if (dice.chance(0.7)) this.#seats.killAtSave(dice)
      else this.#seats.freezeAtSave(dice)
  }

  butForOne(dice: Random): void {
    const { viewServer, viewServers } = this.#scene.cluster
    const spared = dice.chance(0.5) ? viewServer : dice.pick(viewServers)
    this.#scene.tell(() => `${spared.name} keeps its power`)
    this.#power.fail(dice, spared)
  }
}
