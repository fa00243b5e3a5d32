// What becomes of each question to the store that view servers share (E1): mostly an answer after a while. While
// something is wrong, it takes long, reaches nothing, is done without an answer, or is done later. What it does to
// whom is told by seats.ts; here it is kept, and since when each view server has a store that is well.

import type { Machine } from '../../fixtures/machine.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Asked, Fate } from '../../fixtures/shared-store.ts'
import type { SeatShape } from '../seating.ts'

const never = Number.POSITIVE_INFINITY

/** What is wrong for one of them, or for all. */
interface Trouble {
  readonly is: 'slow' | 'away' | 'silent' | 'deaf'
  /** Null: all. */
  readonly of: string | null
}

/** What the next questions of a kind come to. */
interface Coming {
  readonly asked: readonly Asked[]
  readonly fate: (fate: Fate, by: Machine) => Fate
  left: number
}

export class StoreTrouble {
  readonly #shape: SeatShape
  readonly #dice: Random
  readonly #now: () => number
  /** How long a save takes, and what the disks below do to it. */
  onSave: ((by: Machine) => Fate) | null = null
  #troubles: Trouble[] = []
  #coming: Coming[] = []
  /** Since when each of them has been well, by name; infinite: it is not. */
  readonly #quietSince = new Map<string, number>()

  constructor(shape: SeatShape, dice: Random, now: () => number) {
    this.#shape = shape
    this.#dice = dice
    this.#now = now
  }

  /** Something is wrong from now on; returns what mends it. */
  begin(is: Trouble['is'], of: string | null): () => void {
    const trouble = { is, of }
    this.#troubles.push(trouble)
    return () => {
      this.#troubles = this.#troubles.filter(other => other !== trouble)
      this.#note(of)
    }
  }

  /** The next so many questions of these kinds come to this. */
  await(asked: readonly Asked[], times: number, fate: Coming['fate']): void {
    this.#coming.push({ asked, fate, left: times })
  }

  heal(): void {
    for (const { of } of this.#troubles) this.#note(of)
    this.#troubles = []
    this.#coming = []
  }

  #note(of: string | null): void {
    if (of === null) this.#all = this.#now()
    else this.#quietSince.set(of, this.#now())
  }
  #all = 0

  /** Since when nothing keeps this one from the store, and all its questions were answered. */
  quietSince({ name }: Machine): number {
    if (this.#troubles.some(({ of }) => of === null || of === name)) return never
    return Math.max(this.#all, this.#quietSince.get(name) ?? 0)
  }

  fateOf(by: Machine, asked: Asked): Fate {
    const fate = this.#spoilt(this.#usual(by, asked), by, asked)
    if (fate.heard !== 'answer' || fate.tellsMs > 20 * this.#shape.storeMs)
      this.#quietSince.set(by.name, this.#now() + fate.tellsMs)
    return fate
  }

  /** Null: it hears nothing of the change. */
  watchMs({ name }: Machine): number | null {
    if (this.#troubles.some(({ is, of }) => is === 'deaf' && of === name)) return null
    if (this.#is('deaf', name)) return this.#dice.chance(0.5) ? null : 50 + this.#dice.next() * 450
    if (this.#is('away', name)) return null
    return this.#shape.storeMs * this.#dice.next()
  }

  #usual(by: Machine, asked: Asked): Fate {
    const ms = this.#shape.storeMs * (0.3 + this.#dice.next() * 1.5)
    if (asked === 'save' && this.onSave !== null) return this.onSave(by)
    return { landsMs: ms * this.#dice.next(), tellsMs: ms, heard: 'answer' }
  }

  #spoilt(usual: Fate, by: Machine, asked: Asked): Fate {
    const { name } = by
    const { timeoutMs } = this.#shape
    const slowMs = this.#is('slow', name) ? this.#dice.next() * 600 : 0
    const slower = { ...usual, tellsMs: usual.tellsMs + slowMs, landsMs: later(usual.landsMs, slowMs) }
    if (this.#is('away', name))
      return this.#dice.chance(0.5)
        ? { landsMs: null, tellsMs: 0.5, heard: 'not reached' }
        : { landsMs: null, tellsMs: timeoutMs, heard: 'nothing' }
    if (this.#is('silent', name)) return this.#unanswered(slower)
    const coming = this.#coming.find(each => each.asked.includes(asked))
    if (coming !== undefined && --coming.left <= 0)
      this.#coming = this.#coming.filter(other => other !== coming)
    const fate = coming?.fate(slower, by) ?? slower
    // It has waited for long enough.
    return fate.tellsMs <= timeoutMs || fate.heard === 'broken'
      ? fate
      : { ...fate, tellsMs: timeoutMs, heard: 'nothing' }
  }

  /** Done, or not. */
  #unanswered({ landsMs }: Fate): Fate {
    const { timeoutMs } = this.#shape
    return { landsMs: this.#dice.chance(0.5) ? landsMs : null, tellsMs: timeoutMs, heard: 'nothing' }
  }

  #is(is: Trouble['is'], name: string): boolean {
    return this.#troubles.some(trouble => trouble.is === is && (trouble.of === null || trouble.of === name))
  }
}

function later(ms: number | null, byMs: number): number | null {
  return ms === null ? null : ms + byMs
}
