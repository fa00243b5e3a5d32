// What becomes of the names that stood in a journal's folder when its process started. An imprint that was forgotten
// and a spoilt journal are moved aside, and the newest of them are kept; what nobody can need is removed. Nothing is
// touched before another state counts.

import type { DiskAct } from './disk.ts'
import { anyVolumeIn, asideIn, asideName, isUnfinished, volumeIn, volumeName } from './names.ts'

/** What the volume that counted at the start is: one that may still be wanted, or is spoilt; null: none, or given up. */
export type Before = 'forgotten' | 'spoilt' | null

const asideMax = 2

export class Tidying {
  readonly #names: readonly string[]
  readonly #before: Before
  #done = false

  constructor(names: readonly string[], before: Before) {
    this.#names = names
    this.#before = before
  }

  /** No later volume may have a number that stood there. */
  get lastVolume(): number {
    return Math.max(0, ...this.#names.map(name => anyVolumeIn(name) ?? 0))
  }

  /** Once a state of this process counts. */
  acts(): DiskAct[] {
    if (this.#done) return []
    this.#done = true
    const moves = this.#moves()
    const kept = this.#kept(moves)
    const moved = [...moves.keys()].filter(name => kept.has(name))
    const gone = this.#names.filter(name => isUnfinished(name) || (anyVolumeIn(name) && !kept.has(name)))
    return [
      ...moved.map((from): DiskAct => ({ do: 'rename', from, to: moves.get(from) ?? from })),
      ...gone.map((path): DiskAct => ({ do: 'remove', path })),
      { do: 'sync folder', path: '' },
    ]
  }

  /** New names of volumes. One that a process did not come to move before it ended is moved now. */
  #moves(): Map<string, string> {
    const volumes = this.#names.flatMap(name => volumeIn(name) ?? [])
    const last = Math.max(0, ...volumes)
    const whyOf = (volume: number): Before => (volume === last ? this.#before : 'forgotten')
    return new Map(
      volumes.flatMap(volume => {
        const why = whyOf(volume)
        return why === null ? [] : [[volumeName(volume), asideName(why, volume)]]
      }),
    )
  }

  /** The newest of those that are aside, or will be. */
  #kept(moves: ReadonlyMap<string, string>): Set<string> {
    const aside = this.#names.filter(name => moves.has(name) || asideIn(name) !== undefined)
    aside.sort((a, b) => (anyVolumeIn(b) ?? 0) - (anyVolumeIn(a) ?? 0))
    return new Set(aside.slice(0, asideMax))
  }
}
