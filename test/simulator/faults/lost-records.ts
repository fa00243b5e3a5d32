// V6: the view server is started with an older record than the last one, or with none, as from a wrong folder; or
// a lock server tells it of a view to come. It must halt as soon as it hears from a server that knows more, and
// decide nothing; then it is started again as it should be.

import { HandParty } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Scene } from './scene.ts'

export class LostRecords {
  readonly #scene: Scene
  readonly #damage: Damage
  #operators = 0

  constructor(scene: Scene, damage: Damage) {
    this.#scene = scene
    this.#damage = damage
  }

  lose(dice: Random): void {
    const { cluster, referee, now } = this.#scene
    const { viewServer, view, servers } = cluster
    if (cluster.store !== null) return // seats.ts puts it back
    if (view === null || this.#damage.unmended > 0 || !viewServer.acked || viewServer.saving) return
    // Each of them can tell it.
    if (servers.some(({ alive, frozen, core }) => !alive || frozen || core.view?.number !== view.number))
      return
    const older = viewServer.disk.filter(record => record.view.number < view.number).at(-1)
    const record = dice.chance(0.5) ? null : (older ?? null)
    this.#scene.tell(
      () => `VS starts again with ${record === null ? 'no record' : `view ${record.view.number}`}`,
    )
    referee.touch(viewServer, now + 1_000)
    referee.viewServerDied()
    viewServer.kill()
    const { injected } = this.#damage
    viewServer.restartMisled(record, () => {
      if (this.#damage.injected === injected && !this.#damage.over) referee.decidedMisled()
    })
    if (record !== null) this.#reset(record.view.number)
    // A client that knows this server alone is told that it is another cluster's.
    else cluster.usedUp.add('WRONG_CLUSTER')
    const ms = 900 + dice.next() * 1_000
    this.#damage.doubt(viewServer, ms, 'VS gets its own record', () => {
      if (viewServer.alive && viewServer.misled) referee.misled(viewServer.running.status())
      this.mend()
    })
  }

  /** An operator asks it, too. */
  #reset(view: number): void {
    const { cluster } = this.#scene
    const operator = new HandParty(cluster, `misled operator ${++this.#operators}`)
    operator.dial(cluster.viewServer.address).say(['reset', 1, 0, view, false])
    cluster.network.after(1_000, () => operator.kill())
  }

  mend(): void {
    const { cluster, referee } = this.#scene
    const { viewServer } = cluster
    if ((viewServer.alive && !viewServer.misled) || this.#scene.cannotStart(viewServer.name)) return
    referee.viewServerDied()
    if (viewServer.alive) viewServer.kill()
    viewServer.restart()
  }
}
