// The view server's disk: its writes are slow, fail, or are the last that the view server does. How long
// a write takes is drawn here even when nothing is wrong.

import type { Write } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

export class Disk {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #dice: Random
  #slowerMs = 0
  #failingWrites = 0
  #killAfterWrite = false

  constructor(scene: Scene, damage: Damage, deaths: Deaths, dice: Random) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    this.#dice = dice
  }

  slowDown(dice: Random): void {
    const { cluster, referee, now } = this.#scene
    this.#slowerMs = dice.pick([20, 100, 600])
    this.#scene.tell(() => `each write of VS takes ${this.#slowerMs} ms longer`)
    const ms = this.#scene.duration(dice)
    referee.touch(cluster.viewServer, now + ms)
    this.#damage.mendLater(ms, 'the disk of VS is well again', () => {
      this.#slowerMs = 0
    })
  }

  fail(dice: Random): void {
    this.#failingWrites = 1 + dice.below(2)
    this.#scene.tell(() => `the next writes of VS fail`)
  }

  /** The view server is to die between its next write and telling of it. */
  killAfterWrite(): void {
    this.#killAfterWrite = true
    this.#scene.tell(() => 'VS is to die after its next write')
  }

  onWrite(): Write {
    const { referee, shape } = this.#scene
    const dice = this.#dice
    referee.wrote()
    const saveMs = shape.diskMs * (0.3 + dice.next() * 1.5) + this.#slowerMs
    if (this.#failingWrites > 0) {
      this.#failingWrites--
      return { saveMs, tellMs: 0, fails: dice.chance(0.5) ? 'lost' : 'late' }
    }
    if (!this.#killAfterWrite) return { saveMs, tellMs: dice.pick([0, 0, 0.5]), fails: 'no' }
    this.#killAfterWrite = false
    this.#dieAt(saveMs + 0.25)
    return { saveMs, tellMs: 0.5, fails: 'no' }
  }

  #dieAt(ms: number): void {
    const { network, viewServer } = this.#scene.cluster
    network.after(ms, () => {
      if (this.#damage.over || !viewServer.alive) return
      this.#scene.tell(() => 'kill VS between its write and its telling')
      this.#deaths.viewServerDies(this.#dice, viewServer)
    })
  }

  heal(): void {
    this.#slowerMs = 0
    this.#failingWrites = 0
    this.#killAfterWrite = false
  }
}
