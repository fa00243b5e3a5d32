// Leavings that go wrong: all who could relieve a server die while it hands over, or the view server is away for
// longer than it may take. Whether the state is lost by that, the referee says (F9, F14).

import type { LockServerParty } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

export class Leavings {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
  }

  inVain(dice: Random): void {
    const { pair, cluster } = this.#scene
    const { primary, backup } = pair
    const alone = cluster.viewServers.length === 1
    if (backup !== undefined && alone && dice.chance(0.4)) return this.#unheard(backup)
    if (primary === undefined || backup === undefined || !cluster.viewServer.acked) return
    if ([primary, backup].some(server => server.frozen || !this.#deaths.mayDie(server))) return
    this.#scene.tell(() => `${primary.name} is told to leave, and all others die`)
    this.#deaths.leave(primary)
    const ms = 100 + this.#scene.duration(dice) / 4
    const { group } = cluster
    cluster.network.after(dice.next(), () => {
      for (const server of [...cluster.servers]) {
        // G1: those of other groups have states of their own.
        if ((cluster.groupOf(server.id) ?? group) !== group) continue
        if (server === primary || !server.alive || this.#damage.over) continue
        this.#deaths.die(server)
        this.#deaths.restartLater(server, ms)
      }
    })
  }

  /** Nobody relieves this backup: no view server hears it. */
  #unheard(backup: LockServerParty): void {
    const { cluster, referee, shape, now } = this.#scene
    const { viewServer } = cluster
    if (!viewServer.alive || viewServer.saving || backup.frozen || !this.#deaths.mayDie(backup)) return
    const ms = shape.drainMs + 300
    this.#scene.tell(() => `kill VS, and ${backup.name} is told to leave`)
    for (const party of [viewServer, backup]) referee.touch(party, now + ms)
    referee.viewServerDied()
    viewServer.kill()
    this.#damage.doubt(viewServer, ms, 'restart VS', () => this.#deaths.restartViewServer(viewServer))
    this.#deaths.leave(backup)
  }
}
