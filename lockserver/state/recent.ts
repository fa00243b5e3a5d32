// The end of what a recovered state has come from, and what was decided since: a backup whose journal ends at one of these
// batches gets the rest of them, and not the whole state again (D12). It decides nothing.

import { joinBacklogMax } from '../../wire/limits.ts'
import type { Entry } from '../../wire/messages.ts'

/** Of the batches of its log so many are kept while a journal is read. */
const batchesMax = 512

export interface RecentBatch {
  readonly firstOp: number
  readonly wallMs: number
  readonly entries: readonly Entry[]
  readonly size: number
  /** After it. */
  readonly digest: number
}

interface Kept extends RecentBatch {
  /** The last operation that was applied then. */
  readonly opNumber: number
}

/** Up to where a copy goes: an operation of the stream of this view's primary. */
export interface Point {
  readonly view: number
  readonly opNumber: number
  readonly digest: number
}

export class Recent {
  /** What stands before the first batch. */
  #before: Omit<Point, 'view'>
  #batches: Kept[] = []
  #entries = 0
  /** The recovered state as it was read: what comes later, its primary alone has decided. Null: it is still being read. */
  #read: Point | null = null

  constructor(opNumber: number, digest: number) {
    this.#before = { opNumber, digest }
  }

  add(batch: RecentBatch, opNumber: number): void {
    const { firstOp, wallMs, entries, size, digest } = batch
    this.#batches.push({ firstOp, wallMs, entries, size, digest, opNumber })
    this.#entries += size
    if (this.#batches.length < 2 * batchesMax && this.#entries < 2 * joinBacklogMax) return
    while (this.#batches.length > batchesMax || this.#entries > joinBacklogMax) this.#forget(batchesMax / 8)
  }

  #forget(batches: number): void {
    const gone = this.#batches.splice(0, batches)
    for (const { size } of gone) this.#entries -= size
    const last = gone.at(-1)
    if (last !== undefined) this.#before = last
  }

  /** All of it is read; `view`: of its imprint. */
  end(view: number): void {
    this.#read = { view, ...(this.#batches.at(-1) ?? this.#before) }
  }

  /**
   * The batches behind this operation; undefined: it is not one of them. Two journals whose imprints are of one view have
   * the stream of one primary, so that an operation of this number is the same one in both (R2); the digest only checks it.
   */
  since({ view, opNumber, digest }: Point): readonly RecentBatch[] | undefined {
    if (this.#read === null || view !== this.#read.view || opNumber > this.#read.opNumber) return undefined
    const at = this.#batches.findLastIndex(batch => batch.opNumber === opNumber)
    const moment = at < 0 ? this.#before : (this.#batches[at] as Kept)
    return moment.opNumber === opNumber && moment.digest === digest ? this.#batches.slice(at + 1) : undefined
  }
}
