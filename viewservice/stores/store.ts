// Where a view server keeps its record, and the mark of the one that is active: what every store can do (E1).
// Only types, and the one error by which a store says that a save did not simply succeed. A store decides
// nothing: what follows from its answers is decided by whoever asked.

import type { StoredRecord } from '../record.ts'

/** A record as a store holds it. A save that names it succeeds only while the store holds exactly this. */
export interface Stored {
  readonly record: StoredRecord
  /** Meant for the store that gave it, and for no other. */
  readonly version: string
}

/**
 * `taken`: the store holds something else than what was expected, so nothing was written. `unknown`: it may
 * have been written, now or later. `away`: no store was reached, and nothing was written.
 */
export type Trouble = 'taken' | 'unknown' | 'away'

export class StoreError extends Error {
  readonly trouble: Trouble

  constructor(trouble: Trouble, text: string, options?: ErrorOptions) {
    super(text, options)
    this.trouble = trouble
  }
}

/** Which view server is active, as a store holds it (E3). */
export interface ActiveMark {
  /** Grows with each mark. */
  readonly number: number
  /** The view server's id, and where it listens. */
  readonly id: string
  readonly address: string
  /** For how long it stands without being confirmed. */
  readonly lifetimeMs: number
  /** Meant for the store that gave it, and for no other. */
  readonly version: string
}

/** The marks of a store. Each call fails with *taken*, *unknown* or *away* only. */
export interface ActiveMarks {
  /** The mark that stands now; null if there is none, or its owner is gone. */
  read(): PromiseLike<ActiveMark | null>
  /** Sets one's own mark in the place of exactly this one; null: of none. */
  take(owner: MarkOwner, instead: ActiveMark | null): PromiseLike<ActiveMark>
  /** It is to stand for its lifetime from now on; fails with *taken* if it does not stand any more. */
  confirm(mark: ActiveMark): PromiseLike<void>
  /** Removes exactly this mark. */
  giveUp(mark: ActiveMark): PromiseLike<void>
  /** That a view server answers nobody shows that its mark may be taken: no clock of the store ends it. */
  readonly silenceCounts: boolean
}

export interface MarkOwner {
  readonly id: string
  readonly address: string
}

/** Other errors than `StoreError` are final: the record is spoilt, or the place can't be used at all. */
export interface ViewStore {
  /** The newest record as of now, never an older one; null if there is none. Fails with *away*. */
  load(): PromiseLike<Stored | null>
  /** Compares and sets at once. `expected`: what the store is to hold before; null: nothing. */
  save(record: StoredRecord, expected: Stored | null): PromiseLike<Stored>
  /** Calls back when another may have written; some changes are missed, and some calls are for nothing. */
  watch(changed: () => void): void
  readonly marks: ActiveMarks
  /** How many records could be saved with no more files or disk; null: this store needs none. */
  readonly reserve: number | null
  /** After this, nothing is written any more. */
  close(): void
}
