// Disks that are not where they were, or not as they were (D4, D9): with the power off two machines change their disks, or
// one is restored from an image of before. What an image holds from before the last acked view must never come back.

import type { JournalDisk } from '../../fixtures/journal-disk.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Power } from './power.ts'
import type { Scene } from './scene.ts'

export class MovedDisks {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #power: Power
  readonly #diskOf: (name: string) => JournalDisk

  constructor(scene: Scene, damage: Damage, power: Power, diskOf: (name: string) => JournalDisk) {
    this.#scene = scene
    this.#damage = damage
    this.#power = power
    this.#diskOf = diskOf
  }

  /** Each imprint names another address than that of the server that has it: proof comes from there (D4). */
  exchange(dice: Random): void {
    const { cluster, referee } = this.#scene
    const names = cluster.servers.map(({ name }) => name)
    const one = dice.pick(names)
    const other = dice.pick(names.filter(name => name !== one))
    this.#scene.tell(
      () => `the power fails, and the disks of ${one} and ${other} are exchanged: gone from there`,
    )
    this.#power.fail(dice)
    referee.exchange(one, other)
    this.#diskOf(one).exchange(this.#diskOf(other))
  }

  /** One that was made within the last acked view may only be told from the copy by the other one: it is left out. */
  oldImage(dice: Random): void {
    const { cluster } = this.#scene
    const { name } = this.#scene.server(dice)
    const image = this.#diskOf(name).disk.copy()
    const before = this.#diskOf(name).found?.imprint?.view ?? null
    if (before === null || cluster.groups > 1) return
    this.#scene.tell(() => `an image is made of the disk of ${name}`)
    cluster.network.after(200 + dice.next() * 2_000, () => {
      const { careful } = this.#scene.shape
      const { leftCopies } = this.#scene.referee
      const isOlder = leftCopies.settled && before < this.#scene.viewNumber
      if (this.#damage.over || !this.#power.mayFail || !isOlder || (careful && !leftCopies.mayBurn(name)))
        return
      this.#scene.trace.tell(
        () => `!! the power fails, and ${name} is restored from its image of view ${before}`,
      )
      this.#power.fail(dice)
      leftCopies.burns(name)
      this.#diskOf(name).restore(image)
    })
  }
}
