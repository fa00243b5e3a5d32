// Well-aimed promotions: the primary ends just when its backup lacks something, or is about to end too.
// They happen only when nothing else is wrong with the view, so that what the rules promise is known.

import type { LockServerParty } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import { type Damage, thaw } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { NetworkTrouble } from './network.ts'
import type { Scene } from './scene.ts'

/** A primary and its backup, with which nothing is wrong; `well` says whether that is still so. */
interface CalmPair {
  readonly primary: LockServerParty
  readonly backup: LockServerParty
  readonly well: () => boolean
}

export class Promotions {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #network: NetworkTrouble

  constructor(scene: Scene, damage: Damage, deaths: Deaths, network: NetworkTrouble) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    this.#network = network
  }

  #calmPair(): CalmPair | null {
    const { cluster, pair } = this.#scene
    const { viewServer, view, group } = cluster
    const { primary, backup } = pair
    if (primary === undefined || backup === undefined) return null
    if (primary.core.leaving || backup.core.leaving) return null
    const parties = [viewServer, primary, backup]
    const isHere = () => viewServer.acked && !viewServer.saving && cluster.view === view
    const well = () => cluster.within(group, isHere) && parties.every(p => p.alive)
    const sound = parties.every(party => !party.frozen && !this.#damage.doubted.has(party))
    return well() && sound ? { primary, backup, well } : null
  }

  /** What the primary decides does not reach the backup any more; it dies before anybody doubts it (R1). */
  silentDeath(dice: Random): void {
    const calm = this.#calmPair()
    if (calm === null) return
    const { primary, backup, well } = calm
    const { cluster, users, referee, now } = this.#scene
    const { network } = cluster
    const ms = dice.next() * 300
    this.#scene.tell(() => `${primary.name} reaches ${backup.name} no more`)
    referee.touch(primary, now + ms)
    network.block(primary, backup)
    for (let cuts = dice.below(4); cuts > 0; cuts--)
      network.after(dice.next() * ms, () => network.cut(primary, dice.pick(users.users)))
    this.#damage.mendLater(ms, `${primary.name} dies, or reaches ${backup.name} again`, () => {
      if (!this.#damage.over && well() && !backup.frozen && !primary.frozen) {
        for (const other of [...network.parties]) network.cut(primary, other)
        this.#deaths.killServer(primary, dice)
      }
      network.heal(primary, backup)
    })
  }

  /** V3: the primary is found dead, and so would be the backup, a moment later: it must not be promoted. */
  freezeBoth(dice: Random): void {
    const { seats, delay } = this.#scene.shape
    const late = this.#damage.unmended > 0 || delay.rarePart > 0 || seats !== null
    if (dice.chance(0.3) && !late) return this.#lastWords(dice)
    const calm = this.#calmPair()
    if (calm === null) return
    const { primary, backup } = calm
    this.#scene.tell(() => `freeze ${primary.name}, and soon ${backup.name}`)
    primary.freeze()
    this.#damage.doubt(primary, 400 + dice.next() * 1_000, `thaw ${primary.name}`, thaw(primary))
    this.#scene.cluster.network.after(dice.next() * 450, () => this.#freezeBackup(calm, dice))
  }

  #freezeBackup({ backup, well }: CalmPair, dice: Random): void {
    if (this.#damage.over || !well() || backup.frozen) return
    this.#scene.tell(() => `freeze ${backup.name}`)
    backup.freeze()
    this.#damage.doubt(backup, 100 + dice.next() * 900, `kill or thaw ${backup.name}`, () => {
      if (!backup.alive || !backup.frozen) return
      if (this.#damage.over || !well() || dice.chance(0.3)) return backup.thaw()
      this.#kill(backup, dice)
    })
  }

  /**
   * V3: the view server sleeps while the primary says that it cannot reach its backup, and dies. Not while
   * something else holds these words back: what comes late after the sleep would be believed (TESTING.md).
   */
  #lastWords(dice: Random): void {
    const calm = this.#calmPair()
    if (calm === null) return
    const { primary, backup, well } = calm
    const { cluster, referee, now: began } = this.#scene
    const { network, viewServer } = cluster
    // Late enough for the report, and too soon for the primary to give the sleeping view server up.
    const sleepMs = 300 + dice.next() * 200
    const ms = 620 + dice.next() * 200
    this.#scene.tell(() => `${primary.name} reaches ${backup.name} no more, and soon VS is frozen`)
    referee.touch(primary, began + ms)
    network.cutOff(primary, backup)
    this.#damage.mendLater(ms, `${primary.name} dies, or reaches ${backup.name} again`, () => {
      if (this.#saysNoMore(calm, began)) {
        referee.diesUnseen(primary.id)
        this.#kill(primary, dice)
      }
      network.heal(primary, backup)
    })
    network.after(sleepMs, () => {
      if (this.#damage.over || !well() || viewServer.frozen) return
      viewServer.freeze()
      this.#damage.doubt(viewServer, ms - sleepMs + 5 + dice.next() * 200, 'thaw VS', thaw(viewServer))
    })
  }

  /** Whether the view server sleeps, and nothing else is wrong since then. */
  #saysNoMore({ primary, backup, well }: CalmPair, began: number): boolean {
    const { viewServer } = this.#scene.cluster
    const { over, unmended } = this.#damage
    if (over || unmended > 1 || this.#network.viewServerIsolatedAt >= began) return false
    return well() && viewServer.frozen && !backup.frozen && !primary.frozen && !backup.core.leaving
  }

  /** It starts again soon. */
  #kill(server: LockServerParty, dice: Random): void {
    this.#scene.tell(() => `kill ${server.name}`)
    this.#deaths.die(server)
    this.#deaths.restartLater(server, dice.next() * 500)
  }
}
