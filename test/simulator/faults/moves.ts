// What befalls a cluster whose number of groups changes (G8): operators who ask for more or fewer, once more while the
// change before is under way, and deaths of those who give or get slots. What befalls them at a step of a move is laid in
// ambushes.ts.

import { mapIn } from '../../../viewservice/record.ts'
import type { Message } from '../../../wire/messages.ts'
import { HandParty } from '../../fixtures/cluster.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

/** An operator waits so long for an answer, and is then away. */
const staysMs = 5_000
const looksMs = 20

/** What an operator asks for. */
export interface Wish {
  readonly operator: Party
  readonly groups: number
  readonly at: number
}

export class MoveFaults {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  #operators = 0
  /** Hears of each wish, and of its answer; null: none has come. */
  onWish: ((wish: Wish) => void) | null = null
  onAnswer: ((wish: Wish, answer: Message | null) => void) | null = null

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
  }

  /** For more of them or fewer; now and then for as many as there are. */
  ask(dice: Random): void {
    const { most = 1 } = this.#scene.shape.moves ?? {}
    this.#asks(1 + dice.below(most))
  }

  /** The second wish comes before the first change is done, mostly. */
  askTwice(dice: Random): void {
    this.ask(dice)
    this.#scene.cluster.network.after(dice.pick([0, 30, 150, 400]) * dice.next(), () => {
      if (!this.#damage.over) this.ask(dice)
    })
  }

  #asks(groups: number): void {
    const { cluster, trace } = this.#scene
    const operator = new HandParty(cluster, `regrouper ${++this.#operators}`)
    const wish = { operator, groups, at: this.#scene.now }
    this.#scene.tell(() => `${operator.name} asks for ${groups} groups`)
    this.onWish?.(wish)
    operator.dial(cluster.viewServer.address).say(['groups', 1, groups])
    const looks = () => {
      const answer = operator.heard.find(([kind]) => kind.startsWith('groups-'))
      if (answer === undefined && !operator.closed && this.#scene.now - wish.at < staysMs)
        return void operator.after(looksMs, looks)
      trace.tell(() => `   ${operator.name} hears ${JSON.stringify(answer ?? 'nothing')}`)
      this.onAnswer?.(wish, answer ?? null)
      operator.kill()
    }
    operator.after(looksMs, looks)
  }

  /** The primary, or the backup, of a group that gives or gets slots just now. */
  kill(which: 'from' | 'to', dice: Random): void {
    const { cluster } = this.#scene
    const { moves } = mapIn(cluster.viewServer.record ?? cluster.founding)
    if (moves.length === 0) return
    const group = dice.pick(moves)[which]
    const part = dice.pick(['primary', 'backup'] as const)
    cluster.within(group, () => this.#deaths.killServer(this.#scene.pair[part], dice))
  }
}
