// What befalls several groups at once, or one of them beside others that go on (G3, G6): all primaries or all backups
// die together, a client loses sight of one group, one group is lost with its state.

import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { OperatorResets } from './resets.ts'
import type { Scene } from './scene.ts'

export class GroupFaults {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #resets: OperatorResets

  constructor(scene: Scene, damage: Damage, deaths: Deaths, resets: OperatorResets) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    this.#resets = resets
  }

  /** Each of them that may: its group goes on with its backup. */
  killAll(which: 'primary' | 'backup', dice: Random): void {
    const { cluster } = this.#scene
    const servers = cluster.inEach(() => this.#scene.pair[which])
    for (const server of servers) this.#deaths.killServer(server, dice)
  }

  /** For longer than a lease, or for less; with the others it goes on. */
  strand(dice: Random): void {
    const { cluster, livingUsers, pair } = this.#scene
    if (livingUsers.length === 0) return
    const user = dice.pick(livingUsers)
    const servers = [pair.primary, pair.backup].filter(server => server !== undefined)
    this.#scene.tell(() => `strand ${user.name} from ${servers.map(({ name }) => name).join(' and ')}`)
    for (const server of servers) cluster.network.cutOff(user, server)
    this.#damage.mendLater(300 + dice.next() * 4_000, `heal ${user.name}`, () => {
      for (const server of servers) cluster.network.heal(user, server)
    })
  }

  /** F14: of one group; in careful stories only one of its two goes. */
  lose(dice: Random): void {
    if (this.#scene.shape.careful) return this.#deaths.killServer(this.#scene.pair.backup, dice)
    this.#resets.loseState(dice)
  }
}
