// Batches that a backup has been sent and has not applied: what goes out again over a new connection
// (R2), and by how much the backup lags. It sends nothing itself.

import type { Batch } from './stream.ts'

export class Backlog {
  readonly #batches: Batch[] = []
  #entries = 0

  get empty(): boolean {
    return this.#batches.length === 0
  }

  get entries(): number {
    return this.#entries
  }

  add(batch: Batch): void {
    this.#batches.push(batch)
    this.#entries += batch.size
  }

  /** Those that a backup has not received which has received all up to this one. */
  after(sequence: number): Batch[] {
    return this.#batches.filter(batch => batch.sequence > sequence)
  }

  /** Forgets what was applied; the last batch of it. */
  applied(sequence: number): Batch | undefined {
    let done = 0
    while (done < this.#batches.length && (this.#batches[done] as Batch).sequence <= sequence)
      this.#entries -= (this.#batches[done++] as Batch).size
    return done === 0 ? undefined : this.#batches.splice(0, done)[done - 1]
  }
}
