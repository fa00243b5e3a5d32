// D7: a flipped bit in the last block of a copy passes for a torn end, so that the copy reads as an older one. Then the
// other copy is needed, and must be taken: so nothing else befalls the cluster until the state is recovered.

import type { JournalDisk } from '../../fixtures/journal-disk.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Power } from './power.ts'
import type { Scene } from './scene.ts'

/** How long the cluster may take to be well before, and to recover after. */
const tries = 60
const tryMs = 50
const recoversMs = 5_000

export class RotAtEnd {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #power: Power
  readonly #diskOf: (name: string) => JournalDisk
  /** Nothing lies in wait any more. */
  readonly #disarm: () => void

  constructor(
    scene: Scene,
    damage: Damage,
    power: Power,
    diskOf: (name: string) => JournalDisk,
    disarm: () => void,
  ) {
    this.#scene = scene
    this.#damage = damage
    this.#power = power
    this.#diskOf = diskOf
    this.#disarm = disarm
  }

  /** Where a slow network may keep the other copy away for as long as the patience lasts, it comes as other rot does. */
  come(dice: Random): void {
    const { cluster, referee } = this.#scene
    if (referee.roughNetwork || cluster.groups > 1) return this.#power.rot(dice)
    this.#damage.lull(true)
    this.#disarm()
    this.#whenWell(dice, tries)
  }

  #whenWell(dice: Random, left: number): void {
    const { cluster, referee } = this.#scene
    if (this.#damage.healing) return
    if (left === 0) return this.#damage.lull(false)
    const { unmended, doubted } = this.#damage
    const [...machines] = referee.leftCopies.machines
    if (unmended === 0 && doubted.size === 0 && referee.leftCopies.settled && machines.length === 2)
      return this.#afterWrite(dice, dice.pick(machines))
    cluster.network.after(tryMs, () => this.#whenWell(dice, left - 1))
  }

  /** So that the last block holds something. */
  #afterWrite(dice: Random, name: string): void {
    const { network } = this.#scene.cluster
    const disk = this.#diskOf(name)
    const ms = this.#scene.shape.disk?.actMs ?? 1
    const happens = () => {
      if (disk.onWrite !== begun) return
      disk.onWrite = null
      network.after(2 * ms, () => this.#rots(dice, name))
    }
    const begun = () => void network.after(0, happens)
    disk.onWrite = begun
    network.after(1_000, happens)
  }

  #rots(dice: Random, name: string): void {
    const { cluster, referee } = this.#scene
    const [other = ''] = [...referee.leftCopies.machines].filter(machine => machine !== name)
    if (this.#damage.healing) return
    if (!referee.leftCopies.settled || other === '') return this.#damage.lull(false)
    const { viewText } = cluster
    this.#scene.tell(() => `the power fails in ${viewText}, and there is rot in the last block of ${name}`)
    this.#power.allOut(dice)
    const left = this.#diskOf(name).flipAtEnd()
    const whole = this.#diskOf(other).found
    const isOlder =
      left?.imprint?.view !== whole?.imprint?.view || (left?.opNumber ?? 0) < (whole?.opNumber ?? 0)
    if (left !== null && isOlder) referee.leftCopies.burns(name)
    this.#power.allBackAtOnce(dice)
    cluster.network.after(recoversMs, () => this.#damage.lull(false))
  }
}
