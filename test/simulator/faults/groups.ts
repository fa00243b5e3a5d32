// What befalls several groups at once, or one of them beside others that go on (G3, G6): all primaries or all backups
// die together, a client loses sight of one group, or of all but one copy (G7),
// one group is lost with its state.

import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { OperatorResets } from './resets.ts'
import type { Scene } from './scene.ts'

/** So long that the age of a copy tells: a view is made in half a second. */
const aloneMs = 2_500
/** It takes its connection for good until nothing has come for so long. */
const findsOutMs = 1_000

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

  /** G7: a client, its newest view and a server that has a copy of it are alone, for long; the others make a new view. */
  strandWithCopy(dice: Random): void {
    const { cluster, livingUsers, pair } = this.#scene
    const { network, viewServers, servers } = cluster
    const copy = pair[dice.pick(['primary', 'backup'] as const)]
    if (copy === undefined || livingUsers.length === 0) return
    const user = dice.pick(livingUsers)
    const others = [...viewServers, ...servers].filter(other => other !== copy)
    const pairs = [...others, ...livingUsers.filter(other => other !== user)].flatMap(other =>
      [copy, ...(other.kind === 'client' ? [] : [user])].map(one => [one, other] as const),
    )
    this.#scene.tell(() => `strand ${user.name} with ${copy.name}`)
    for (const [one, other] of pairs) network.cutOff(one, other)
    this.#damage.doubt(copy, aloneMs * (0.5 + dice.next()), `heal ${user.name} and ${copy.name}`, () => {
      for (const [one, other] of pairs) network.heal(one, other)
      this.#scene.referee.aloneUntil.set(user.name, this.#scene.now + findsOutMs)
    })
  }

  /** F14: of one group; in careful stories only one of its two goes. */
  lose(dice: Random): void {
    if (this.#scene.shape.careful) return this.#deaths.killServer(this.#scene.pair.backup, dice)
    this.#resets.loseState(dice)
  }
}
