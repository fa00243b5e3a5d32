// What a primary has decided, in numbered batches: always, also when no backup reads them. A batch without
// entries only asks the backup to confirm (R1). This file knows no backup and shows nothing.

import { replicateChangesMax, replicateEntriesMax, replicateTextMax } from '../wire/limits.ts'
import type { Entry, Terms } from '../wire/messages.ts'
import { inEntries, lengthOf } from '../wire/runs.ts'
import type { InView } from './situation.ts'
import type { State } from './state/state.ts'
import { charactersOf } from './state/tally.ts'

export interface Batch {
  readonly sequence: number
  readonly firstOp: number
  /** The wall clock that its operations were applied with. */
  readonly wallMs: number
  readonly entries: readonly Entry[]
  /** How many these are, those of runs counted. */
  readonly size: number
  /** R4: what the digest must be once this is applied. */
  readonly digest: number
}

export class Stream {
  readonly #situation: InView
  readonly #state: State
  /** The last batch that was closed. */
  #sequence = 0
  #entries: Entry[] = []
  #size = 0
  /** Characters of lock names in the open batch: a frame has a limit. */
  #text = 0
  /** B1: changes of holds and waits in the open batch, since a backup applies a batch in one go. */
  #changes = 0
  #firstOp = 0
  /** A client waits for what is in the open batch. */
  #urgent = false

  constructor(situation: InView, state: State) {
    this.#situation = situation
    this.#state = state
  }

  get sequence(): number {
    return this.#sequence
  }

  /** Entries in the open batch. */
  get open(): number {
    return this.#size
  }

  get urgent(): boolean {
    return this.#urgent
  }

  get full(): boolean {
    return (
      this.#size >= replicateEntriesMax ||
      this.#text >= replicateTextMax ||
      this.#changes >= replicateChangesMax
    )
  }

  /** The open batch states a wall clock that is not the present one. */
  get late(): boolean {
    return this.#firstOp !== 0 && this.#state.wallMs !== Math.floor(this.#situation.now.wall)
  }

  /** Before the state applies an operation: states the wall clock of the batch that it goes into. */
  beforeOperation(): void {
    if (this.#firstOp !== 0) return
    this.#firstOp = this.#state.opNumber + 1
    this.#state.wallMs = Math.floor(this.#situation.now.wall)
  }

  /** `idle`: no client waits for it. */
  add(entry: Entry, idle: boolean, changes: number): void {
    this.#entries.push(entry)
    this.#size += lengthOf(entry, inEntries)
    this.#changes += changes
    if (!idle) this.#urgent = true
    this.#text += textOf(entry)
  }

  /** A client waits for the open batch, though none of its entries may be that client's. */
  ask(): void {
    this.#urgent = true
  }

  /** Closes the open batch and returns it. */
  close(): Batch {
    const { opNumber, wallMs, digest } = this.#state
    const firstOp = this.#firstOp === 0 ? opNumber + 1 : this.#firstOp
    const [entries, size] = [this.#entries, this.#size]
    const batch = { sequence: ++this.#sequence, firstOp, wallMs, entries, size, digest }
    this.#entries = []
    this.#size = 0
    this.#text = 0
    this.#changes = 0
    this.#firstOp = 0
    this.#urgent = false
    return batch
  }
}

function termsText({ note, once }: Terms): number {
  return 128 + (note?.length ?? 0) + (once?.key.length ?? 0)
}

/** About how many characters an entry has in addition to its few numbers. */
function textOf(entry: Entry): number {
  switch (entry[0]) {
    case 'acquire':
      return charactersOf(entry[3]) + (entry[6] === null ? 0 : termsText(entry[6]))
    case 'acquire-run':
      return charactersOf(entry[3])
    case 'acknowledge':
      return 17 * (entry[2].length + entry[3].length)
    case 'force-release':
      return entry[3].length
    case 'forget-key':
      return entry[3].length + entry[4].length
    case 'set-note':
      return entry[4]?.length ?? 0
    case 'forget-once':
      return entry[1].reduce((sum, [name, key]) => sum + name.length + key.length, 0)
    default:
      return 0
  }
}
