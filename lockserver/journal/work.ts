// What the parts of a journal share: its lanes of acts, the numbers of its files, and what it has confirmed. It
// decides nothing.

import type { JournalSays } from './asked.ts'
import { Confirmed } from './confirmed.ts'
import type { DiskAct } from './disk.ts'
import { type Job, Lanes } from './lanes.ts'
import type { Segment } from './log.ts'
import type { JournalSizes } from './sizes.ts'
import type { SnapshotFile } from './snapshot-file.ts'
import type { Composed, Volume } from './volume.ts'

export type JournalEffect =
  | Job
  | { readonly do: 'say'; readonly says: JournalSays }
  /** D8: nothing more will be said; the process must end. */
  | { readonly do: 'fail'; readonly problem: string }
  | { readonly do: 'note'; readonly text: string; readonly fields: object }

/** A segment that is being filled with zeros. */
export interface Making {
  readonly is: 'segment'
  readonly volume: Volume
  readonly segment: Segment
  /** Its name until it is full, and then. */
  readonly path: string
  readonly name: string
}

/** A full disk ends only what can be begun again; everything else that fails ends the process (D8). */
export type Purpose = Making | SnapshotFile

/** What becomes of an act of the disk that is done. */
export type Next =
  | { readonly is: 'logged'; readonly volume: Volume; readonly composed: Composed }
  | { readonly is: 'filled'; readonly making: Making; readonly upTo: number }
  | { readonly is: 'made'; readonly making: Making }
  /** A piece of a base, which has the number of its write; or of a later snapshot. */
  | { readonly is: 'written'; readonly number: number | null }
  | { readonly is: 'based'; readonly volume: Volume }
  | { readonly is: 'named'; readonly volume: Volume }
  | { readonly is: 'built'; readonly snapshot: SnapshotFile }

export class Work {
  readonly sizes: JournalSizes
  readonly lanes = new Lanes<Next, Purpose>()
  readonly confirmed = new Confirmed()
  #files = 0
  #effects: JournalEffect[] = []

  constructor(sizes: JournalSizes) {
    this.sizes = sizes
  }

  /** The number of a new open file. */
  newFile(): number {
    return ++this.#files
  }

  do(act: DiskAct, next: Next | null, purpose: Purpose | null): void {
    this.lanes.add('work', act, next, purpose)
  }

  say(says: JournalSays): void {
    this.#effects.push({ do: 'say', says })
  }

  note(text: string, fields: object): void {
    this.#effects.push({ do: 'note', text, fields })
  }

  fail(problem: string): void {
    this.#effects.push({ do: 'fail', problem })
  }

  take(): JournalEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
