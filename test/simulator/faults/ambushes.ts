// Ambushes wait for a message, and act when it is sent: its sender or receiver dies or freezes, or the
// message is lost, held up or cut.

import type { Message, Ping } from '../../../wire/messages.ts'
import type { Machine } from '../../fixtures/machine.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { NetworkTrouble } from './network.ts'
import type { Scene } from './scene.ts'
import type { Standstills } from './standstills.ts'

const acts = [
  'kill sender',
  'kill receiver',
  'cut',
  'sever',
  'stall',
  'lose and kill sender',
  'lose and kill sender',
  'freeze receiver',
  'freeze sender',
] as const
/** Laid for itself: the power of all machines fails. */
type Act = (typeof acts)[number] | 'power'

interface Ambush {
  readonly kind: string
  /** So many such frames pass first. */
  skip: number
  readonly act: Act
  readonly dice: Random
}

const ambushesMax = 3
/** G8: at which steps of a move; `left`: a ping that reports it. */
const moveSteps = ['map', 'leave-slots', 'left', 'left', 'open-slots'] as const

export class Ambushes {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #standstills: Standstills
  readonly #network: NetworkTrouble
  readonly #reset: () => void
  /** The power fails. */
  onPower: ((dice: Random) => void) | null = null
  #laid: Ambush[] = []

  constructor(
    scene: Scene,
    damage: Damage,
    deaths: Deaths,
    standstills: Standstills,
    network: NetworkTrouble,
    reset: () => void,
  ) {
    this.#reset = reset
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    this.#standstills = standstills
    this.#network = network
  }

  lay(dice: Random): void {
    const act = dice.pick(acts)
    const ambush = { kind: dice.pick(this.#scene.shape.moments), skip: dice.below(3), act, dice }
    this.#laid = [...this.#laid.slice(1 - ambushesMax), ambush]
  }

  layPower(dice: Random): void {
    const kind = dice.pick(this.#scene.shape.moments)
    this.#laid = [...this.#laid.slice(1 - ambushesMax), { kind, skip: dice.below(2), act: 'power', dice }]
  }

  /** G8: at a step of a move. */
  layMove(dice: Random, act: Act = dice.pick(acts)): void {
    const ambush = { kind: dice.pick(moveSteps), skip: dice.below(2), act, dice }
    this.#laid = [...this.#laid.slice(1 - ambushesMax), ambush]
  }

  /** S3: the primary stands still while it ends many sessions, one after the other. */
  awaitExpiry(dice: Random): void {
    this.#laid = [
      ...this.#laid.slice(1 - ambushesMax),
      { kind: 'expire', skip: 0, act: 'freeze sender', dice },
    ]
  }

  /** Says what happens to the frame where an ambush was laid for it; null: there was none. */
  onFrame(from: Party, to: Party, messages: readonly Message[]): 'pass' | 'cut' | null {
    for (const ambush of this.#laid) {
      if (!messages.some(message => isAbout(message, ambush.kind)) || ambush.skip-- > 0) continue
      this.#laid = this.#laid.filter(other => other !== ambush)
      this.#spring(ambush, from, to)
      return ambush.act === 'cut' || ambush.act === 'lose and kill sender' ? 'cut' : 'pass'
    }
    return null
  }

  #spring({ kind, act, dice }: Ambush, from: Party, to: Party): void {
    const { cluster, referee, now } = this.#scene
    this.#scene.tell(() => `at "${kind}" from ${from.name} to ${to.name}: ${act}`)
    referee.touch(from, now)
    referee.touch(to, now)
    const soon = (run: () => void) => cluster.network.after(0, run)
    if (act === 'kill receiver') soon(() => this.#deaths.kill(to, dice))
    else if (act === 'kill sender') soon(() => this.#deaths.kill(from, dice))
    else if (act === 'lose and kill sender') this.#deaths.killSoon(from, dice)
    else if (act === 'sever') soon(() => this.#network.sever([from, to], dice, dice.chance(0.5)))
    else if (act === 'freeze sender') soon(() => this.#freezeSender(kind, from as Machine, dice))
    else if (act === 'freeze receiver') soon(() => this.#standstills.freeze(to as Machine, dice))
    else if (act === 'power') soon(() => this.#damage.over || this.onPower?.(dice))
    else if (act === 'stall') this.#network.stall([from, to], dice)
  }

  /** F14: an operator asks for a reset, just while the view comes into force. */
  #freezeSender(kind: string, sender: Machine, dice: Random): void {
    this.#standstills.freeze(sender, dice)
    if (kind === 'in-sync') this.#reset()
  }

  heal(): void {
    this.#laid = []
  }
}

/** A batch is about its operations, too. */
function isAbout([kind, first, , , , entries]: Message, wanted: string): boolean {
  if (wanted === 'left') return kind === 'ping' && (first as Ping).left !== null
  if (kind !== 'replicate') return kind === wanted
  return wanted === kind || (entries as readonly Message[]).some(([operation]) => operation === wanted)
}
