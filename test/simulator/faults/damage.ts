// What is broken and not mended yet, and who may be believed dead meanwhile. Each fault says here how it
// is to be mended; that happens after a while, or when the story heals, and never twice.

import type { Machine } from '../../fixtures/machine.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Scene } from './scene.ts'

/** After this long a server that was cut off or frozen is surely seen as what it is again. */
export const recoveryMs = 1_000

export class Damage {
  #heals = false
  #lull = false
  /** How many faults have been injected. */
  injected = 0
  /** How much is broken and not mended yet. */
  unmended = 0
  /** Since when nothing has broken or was mended. */
  quietSince = 0
  /** Since when somebody may be believed dead that lives. */
  readonly doubted = new Map<Party, number>()
  readonly #scene: Scene
  readonly #mending: (() => void)[] = []

  constructor(scene: Scene) {
    this.#scene = scene
  }

  /** Nothing breaks any more: the story heals; or for a while. */
  get over(): boolean {
    return this.#heals || this.#lull
  }

  /** The story heals. */
  end(): void {
    this.#heals = true
  }

  /** What happens next must happen alone. */
  lull(is: boolean): void {
    this.#lull = is
  }

  get healing(): boolean {
    return this.#heals
  }

  mendLater(ms: number, what: string, mend: () => void): void {
    const { cluster, trace } = this.#scene
    let mended = false
    this.unmended++
    const once = () => {
      if (mended) return
      mended = true
      this.unmended--
      this.quietSince = this.#scene.now
      trace.tell(() => `-- ${what}`)
      mend()
    }
    this.#mending.push(once)
    cluster.network.after(ms, once)
  }

  mendAll(): void {
    for (const mend of this.#mending.splice(0)) mend()
  }

  /** Until it is mended somebody may be believed dead that lives; who holds the state with it must not die then. */
  doubt(party: Party, ms: number, what: string, mend: () => void): void {
    const { cluster, referee, now: since } = this.#scene
    this.doubted.set(party, since)
    // F9: that the view server stands still or is alone makes it suspect nobody.
    if (party.kind !== 'viewserver') referee.touch(party, since + ms)
    this.mendLater(ms, what, () => {
      mend()
      if (party.kind === 'viewserver') referee.viewServerIsBack(since)
      cluster.network.after(recoveryMs * cluster.slowness, () => this.doubted.delete(party))
    })
  }
}

export function thaw(party: Machine): () => void {
  return () => {
    if (party.alive && party.frozen) party.thaw()
  }
}
