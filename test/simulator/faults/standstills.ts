// Standstills and wall clocks: processes freeze, machines are suspended, and wall clocks are set. What
// stood still goes on later.

import type { Message } from '../../../wire/messages.ts'
import type { Machine } from '../../fixtures/machine.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import { type Damage, thaw } from './damage.ts'
import type { Scene } from './scene.ts'

/** More than the 250 ms of wire/clock.ts, by a clock of any rate. */
const pageSleepMs = 260

export class Standstills {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #suspended = new Set<Party>()
  readonly #setBack = new Set<Party>()
  /** Whose wall clock is to be set right, and by how much. */
  #wrong: { readonly party: Machine; readonly byMs: number } | null = null

  constructor(scene: Scene, damage: Damage) {
    this.#scene = scene
    this.#damage = damage
  }

  freeze(party: Machine, dice: Random): void {
    if (!party.alive || party.frozen) return
    this.#scene.tell(() => `freeze ${party.name}`)
    party.freeze()
    this.#damage.doubt(party, this.#scene.duration(dice) * 1.5, `thaw ${party.name}`, thaw(party))
  }

  /** If its wall clock alone shows it, that must not have been set back in the meantime (S4). */
  suspend(dice: Random): void {
    const { viewServer, servers } = this.#scene.cluster
    const party: Machine = dice.chance(0.6)
      ? dice.pick(this.#scene.livingUsers)
      : dice.pick([viewServer, ...servers.filter(server => server.alive)])
    if (!party.alive || party.frozen || (party.wallAlone && this.#setBack.has(party))) return
    const what = `the machine of ${party.name}`
    this.#scene.tell(() => `suspend ${what}`)
    this.#suspended.add(party)
    party.suspend()
    this.#damage.doubt(party, this.#scene.duration(dice) * 1.5, `wake ${what}`, this.#wakes(party))
  }

  /** S4: a page takes less than that for the rounding of its clocks, and no machine sleeps so shortly. */
  #wakes(party: Machine): () => void {
    const leastAt = this.#scene.now + (party.wallAlone ? pageSleepMs : 0)
    const wakes = thaw(party)
    return () => {
      const leftMs = leastAt - this.#scene.now
      if (leftMs <= 0) wakes()
      else this.#scene.cluster.network.after(leftMs, wakes)
    }
  }

  setWallClock(dice: Random): void {
    const { viewServer, servers } = this.#scene.cluster
    const party: Machine = dice.pick([...this.#scene.livingUsers, viewServer, ...servers])
    if (!party.alive || (party.wallAlone && this.#suspended.has(party))) return
    if (party.kind === 'client' && dice.chance(0.5)) return this.#setBackAndRight(party, dice)
    const byMs = Math.floor((dice.next() - 0.5) * 10_000)
    this.#scene.tell(() => `set the wall clock of ${party.name} by ${byMs} ms`)
    this.#setBack.add(party)
    party.setWall(byMs)
  }

  /** S4: and it is set right while a renewal is on its way, which then seems to be older than the one before. */
  #setBackAndRight(party: Machine, dice: Random): void {
    if (this.#wrong !== null) return
    const byMs = 2_000 + Math.floor(dice.next() * 8_000)
    this.#scene.tell(() => `set the wall clock of ${party.name} by ${-byMs} ms, for a while`)
    this.#setBack.add(party)
    this.#wrong = { party, byMs }
    party.setWall(-byMs)
  }

  onFrame(from: Party, messages: readonly Message[]): void {
    const wrong = this.#wrong
    if (wrong === null || wrong.party !== from || !messages.some(([kind]) => kind === 'renew')) return
    this.#wrong = null
    this.#scene.cluster.network.after(0, () => wrong.party.setWall(wrong.byMs))
  }
}
