// The network: connections are cut, half open or stalled, and parties lose sight of each other for a
// while. Nothing else is lost (see fixtures/network.ts).

import type { LockServerParty } from '../../fixtures/cluster.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import { type Damage, recoveryMs } from './damage.ts'
import type { Scene } from './scene.ts'

const never = Number.POSITIVE_INFINITY

export class NetworkTrouble {
  /** When the view server was cut off from all others last. */
  viewServerIsolatedAt = Number.NEGATIVE_INFINITY
  readonly #scene: Scene
  readonly #damage: Damage

  constructor(scene: Scene, damage: Damage) {
    this.#scene = scene
    this.#damage = damage
  }

  // ---- connections

  /** At any byte: part of what is in flight still arrives. A half-open end notices it late, or never. */
  sever([a, b]: readonly [Party, Party], dice: Random, halfOpen: boolean): void {
    const { cluster, referee, now } = this.#scene
    const notice = () => (halfOpen ? dice.pick([0, 50, 1_000, never]) : dice.pick([0, 0, 1]))
    this.#scene.tell(() => `cut ${a.name} ${b.name}${halfOpen ? ', half open' : ''}`)
    referee.touch(a, now)
    referee.touch(b, now)
    const arrives = [dice.next(), dice.next()] as const
    cluster.network.sever(a, b, { arrives, noticeMs: [notice(), notice()] })
  }

  stall([a, b]: readonly [Party, Party], dice: Random): void {
    const { cluster, referee, now } = this.#scene
    this.#scene.tell(() => `stall ${a.name} ${b.name}`)
    const ms = this.#scene.duration(dice)
    referee.touch(a, now + ms)
    referee.touch(b, now + ms)
    this.#damage.mendLater(ms, `let go ${a.name} ${b.name}`, cluster.network.stall(a, b))
  }

  block([a, b]: readonly [Party, Party], dice: Random): void {
    const { cluster, referee, now } = this.#scene
    const { network } = cluster
    const { doubted } = this.#damage
    const bothWays = dice.chance(0.5)
    const ms = this.#scene.duration(dice)
    this.#scene.tell(() => `block ${a.name} ${bothWays ? '<>' : '>'} ${b.name}`)
    network.block(a, b)
    if (bothWays) network.block(b, a)
    doubted.set(b, now)
    referee.touch(b, now + ms)
    this.#damage.doubt(a, ms, `heal ${a.name} ${b.name}`, () => {
      network.heal(a, b)
      doubted.delete(b)
    })
  }

  /** Between lock servers each frame takes long. They know that each other live. */
  slowServers(dice: Random): void {
    const { network, servers } = this.#scene.cluster
    const pairs = servers.flatMap(one =>
      servers.filter(other => one.name < other.name).map(other => [one, other] as const),
    )
    this.#scene.tell(() => 'the network of the lock servers is slow')
    for (const [one, other] of pairs) network.slow(one, other, 90)
    this.#damage.mendLater(
      this.#scene.duration(dice),
      'the network of the lock servers is well again',
      () => {
        for (const [one, other] of pairs) network.slow(one, other, 0)
      },
    )
  }

  // ---- who sees whom

  /** A server loses sight of all but a few. */
  isolate(server: LockServerParty, dice: Random): void {
    const { cluster, users } = this.#scene
    const { network, viewServer, servers } = cluster
    const others = [viewServer, ...servers, ...users.users].filter(
      other => other !== server && dice.chance(other === viewServer ? 0.8 : 0.5),
    )
    this.#scene.tell(() => `isolate ${server.name} from ${others.map(({ name }) => name).join(' ')}`)
    for (const other of others) network.cutOff(server, other)
    this.#damage.doubt(server, this.#scene.duration(dice), `heal ${server.name}`, () => {
      for (const other of others) network.heal(server, other)
    })
  }

  /** F9: a view server that hears nobody suspects nobody: this explains no new view. */
  isolateViewServer(dice: Random): void {
    const { cluster, users, referee, now: since, viewNumber } = this.#scene
    const { network, viewServer, servers, group } = cluster
    const others = [...servers, ...users.users]
    this.#scene.tell(() => 'isolate VS')
    this.viewServerIsolatedAt = since
    referee.diesHeard()
    for (const other of others) network.cutOff(viewServer, other)
    const { injected, unmended, quietSince } = this.#damage
    const number = unmended === 0 && since - quietSince > recoveryMs ? viewNumber : null
    this.#damage.mendLater(this.#scene.duration(dice), 'heal VS', () => {
      for (const other of others) network.heal(viewServer, other)
      referee.viewServerIsBack(since)
      network.after(recoveryMs, () => {
        if (number !== null && this.#damage.injected === injected)
          cluster.within(group, () => referee.undisturbed(number))
      })
    })
  }

  /** The primary and some clients on one side, all others on the other. */
  split(dice: Random): void {
    const { cluster, users, pair } = this.#scene
    const { network, viewServer, servers } = cluster
    const { primary } = pair
    if (primary === undefined) return
    const here: Party[] = [primary, ...users.users.filter(() => dice.chance(0.4))]
    const there = [viewServer, ...servers, ...users.users].filter(party => !here.includes(party))
    const pairs = here.flatMap(one => there.map(other => [one, other] as const))
    this.#scene.tell(() => `split ${here.map(({ name }) => name).join(' ')} from the others`)
    for (const [one, other] of pairs) network.cutOff(one, other)
    this.#damage.doubt(primary, this.#scene.duration(dice) + 300, `heal the split of ${primary.name}`, () => {
      for (const [one, other] of pairs) network.heal(one, other)
    })
  }
}
