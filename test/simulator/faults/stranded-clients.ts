// Stranded clients: the last renewals of a client are confirmed late, or its primary is about to die; then
// it is alone for longer than its lease.

import type { ClientParty, LockServerParty } from '../../fixtures/cluster.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

export class StrandedClients {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
  }

  strand(dice: Random): void {
    const { pair, livingUsers } = this.#scene
    const { primary, backup } = pair
    const users = livingUsers.filter(user => !user.frozen)
    if (users.length === 0 || primary === undefined) return
    const user = dice.pick(users)
    if (dice.chance(0.5)) this.#atFailover(user, primary, backup, dice)
    else this.#afterRenewals(user, primary, dice)
  }

  /** S4: its last renewals are confirmed late. */
  #afterRenewals(user: ClientParty, primary: LockServerParty, dice: Random): void {
    const { network } = this.#scene.cluster
    this.#scene.tell(() => `strand ${user.name}`)
    network.block(primary, user)
    this.#damage.mendLater(50 + dice.next() * 650, `${primary.name} reaches ${user.name}`, () => {
      network.heal(primary, user)
      if (this.#damage.over) return
      // What was said to it arrives, and its last words do not.
      network.after(dice.next() * 12, () => {
        if (!this.#damage.over) this.#leaveAlone(user, dice)
      })
    })
  }

  /** S3: it is alone while the next primary takes over, which knows of its lease by renewals, or only by its copy. */
  #atFailover(
    user: ClientParty,
    primary: LockServerParty,
    backup: LockServerParty | undefined,
    dice: Random,
  ): void {
    this.#scene.tell(() => `strand ${user.name}, while ${primary.name} is about to die`)
    this.#leaveAlone(user, dice)
    if (backup !== undefined && dice.chance(0.5)) this.#deaths.killServer(backup, dice)
    this.#killWithBackup(primary, dice, 50)
  }

  /** As soon as the primary has a backup that may take over. */
  #killWithBackup(primary: LockServerParty, dice: Random, tries: number): void {
    if (this.#damage.over || !primary.alive) return
    const { cluster } = this.#scene
    const hasBackup = cluster.withinOf(primary, () => {
      const { pair } = this.#scene
      return pair.primary === primary && pair.backup !== undefined && cluster.viewServer.acked
    })
    if (hasBackup && this.#deaths.mayDie(primary)) this.#deaths.killServer(primary, dice)
    else if (tries > 0) cluster.network.after(10, () => this.#killWithBackup(primary, dice, tries - 1))
  }

  #leaveAlone(user: ClientParty, dice: Random): void {
    const { network, viewServer, servers } = this.#scene.cluster
    const others = [viewServer, ...servers]
    for (const other of others) network.cutOff(user, other)
    this.#damage.mendLater(1_000 + dice.next() * 3_000, `heal ${user.name}`, () => {
      for (const other of others) network.heal(user, other)
    })
  }
}
