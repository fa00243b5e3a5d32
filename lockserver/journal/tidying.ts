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
    const volumes = this.#names.map(volumeIn).filter(number => number !== undefined)
    const last = Math.max(0, ...volumes)
    const aside = this.#before === null || last === 0 ? null : asideName(this.#before, last)
    const removed = [
      ...this.#names.filter(isUnfinished),
      ...volumes.filter(number => number !== last || aside === null).map(volumeName),
      ...this.#tooMany(aside === null ? 0 : 1),
    ]
    const moved: DiskAct[] = aside === null ? [] : [{ do: 'rename', from: volumeName(last), to: aside }]
    return [
      ...moved,
      ...removed.map((path): DiskAct => ({ do: 'remove', path })),
      { do: 'sync folder', path: '' },
    ]
  }

  #tooMany(more: number): string[] {
    const aside = this.#names.filter(name => asideIn(name) !== undefined)
    aside.sort((a, b) => (asideIn(b) as number) - (asideIn(a) as number))
    return aside.slice(asideMax - more)
  }
}
