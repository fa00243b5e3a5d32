// Late words: the first frame of one connection arrives behind that of a later connection of the same
// party. A hello may then speak for a process that is dead (V5), and a resume for a client that has gone
// on elsewhere (S1, S2).

import type { Message } from '../../../wire/messages.ts'
import type { ClientParty, LockServerParty } from '../../fixtures/cluster.ts'
import type { Party, Wire } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

interface ResumesLate {
  readonly user: ClientParty
  readonly ms: number
  readonly losesMore: boolean
}

type Trap = (from: Party, to: Party, messages: readonly Message[], wire: Wire) => void

/** To numbered requests, each of which is kept until its client has heard it (S1). */
const replies: ReadonlySet<string> = new Set(['granted', 'released', 'unavailable', 'cancel-done', 'refused'])

export class LateWords {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  #resumesLate: ResumesLate | null = null
  /** Sees each frame until it has sprung. */
  #trap: Trap | null = null

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
  }

  /** V5: the hello of a process that is dead by then arrives behind that of its successor. */
  hello(server: LockServerParty, dice: Random): void {
    const { cluster, referee, now } = this.#scene
    const { network, viewServer } = cluster
    if (!server.alive || !this.#deaths.mayDie(server)) return
    this.#scene.tell(() => `cut ${server.name} VS; its next hello will be late, and it dead`)
    referee.touch(server, now + 1_000)
    network.cut(server, viewServer)
    const ms = 50 + this.#scene.duration(dice)
    network.onHello = (from, to, stall) => {
      if (from !== server || to !== viewServer) return
      network.onHello = null
      this.#damage.mendLater(ms, `the late hello of ${server.name} goes on`, stall())
      network.after(0, () => this.#startAgain(server))
    }
  }

  #startAgain(server: LockServerParty): void {
    if (this.#damage.over || !server.alive || !this.#deaths.mayDie(server)) return
    this.#scene.tell(() => `kill ${server.name} (${server.core.role}), which starts again at once`)
    this.#deaths.die(server)
    this.#deaths.restart(server.name)
  }

  /** S2: a resume arrives behind that of a later connection of its client. */
  resume(dice: Random): void {
    const { cluster, pair, livingUsers } = this.#scene
    const { primary } = pair
    const users = livingUsers.filter(user => !user.frozen)
    if (users.length === 0 || primary === undefined) return
    const user = dice.pick(users)
    this.#scene.tell(() => `cut ${user.name} ${primary.name}; its next resume will be late`)
    cluster.network.cut(user, primary)
    this.#resumesLate = { user, ms: 20 + this.#scene.duration(dice), losesMore: dice.chance(0.5) }
  }

  onFrame(from: Party, to: Party, messages: readonly Message[], wire: Wire): void {
    const resume = messages.find(([kind]) => kind === 'resume')
    if (resume !== undefined && from === this.#resumesLate?.user) this.#delay(this.#resumesLate, wire, resume)
    this.#trap?.(from, to, messages, wire)
  }

  #delay({ user, ms, losesMore }: ResumesLate, wire: Wire, [, , , , next]: Message): void {
    const { network } = this.#scene.cluster
    this.#resumesLate = null
    let letGo: (() => void) | null = network.stallOne(wire)
    const once = () => {
      letGo?.()
      letGo = null
    }
    this.#damage.mendLater(ms, `the late resume of ${user.name} goes on`, once)
    network.after(0, () => network.forsake(user, wire))
    if (losesMore) this.#loseAnswer(user, wire, next as number, once)
  }

  /** S1: the next connection is lost as well, with an answer that the late resume knows nothing of; then it arrives. */
  #loseAnswer(user: ClientParty, late: Wire, next: number, letGo: () => void): void {
    const { network } = this.#scene.cluster
    this.#trap = (from, to, messages, wire) => {
      const answer = messages.find(([kind, number]) => replies.has(kind) && (number as number) >= next)
      if (to !== user || wire === late || answer === undefined) return
      this.#trap = null
      this.#scene.tell(() => `cut ${user.name} ${from.name} at "${answer[0]}"; its late resume arrives`)
      network.after(0, () => {
        network.cutWire(wire)
        letGo()
      })
    }
  }

  heal(): void {
    this.#trap = null
  }
}
