// The snapshot of a living state for its own disk, after which older batches may go (D2): in shares of turns, and
// never beside a copy for a backup, so that the two never share their marks. It decides nothing.

import type { SnapshotPiece } from './journal/asked.ts'
import type { ServerOutbox } from './outbox.ts'
import { Copy, headerOf } from './state/snapshot.ts'
import type { State } from './state/state.ts'
import { WholeTimes } from './whole-times.ts'

export class DiskCopy {
  readonly #out: ServerOutbox
  /** The journal has asked for one. */
  #wanted = false
  #copy: { readonly state: State; readonly copy: Copy } | null = null

  constructor(out: ServerOutbox) {
    this.#out = out
  }

  want(): void {
    this.#wanted = true
  }

  /** Begins one if it is wanted and no other copy of this state is under way. All batches so far are written. */
  begin(state: State): void {
    if (!this.#wanted || this.#copy !== null || state.table.isCopied) return
    this.#wanted = false
    this.#copy = { state, copy: new Copy(state, new WholeTimes()) }
    this.#piece({ is: 'begin', header: headerOf(state, 0, state.pauseMs > 0 ? state.pauseMs : null) })
  }

  get wanted(): boolean {
    return this.#wanted && this.#copy === null
  }

  /** The last piece was written. `state`: the one that this server has now. */
  taken(state: State | null): void {
    if (this.#copy === null) return
    const { copy } = this.#copy
    if (this.#copy.state !== state || !state.table.isCopiedBy(copy)) return this.#drop()
    const records = copy.nextChunk()
    if (records !== null) return this.#piece({ is: 'records', records })
    state.table.endCopy(copy)
    this.#copy = null
    this.#piece({ is: 'end' })
  }

  /** A copy for a backup has begun, or the state is another one: it is wanted again later. */
  #drop(): void {
    this.#copy = null
    this.#wanted = true
    this.#piece({ is: 'dropped' })
  }

  #piece(piece: SnapshotPiece): void {
    this.#out.do({ do: 'snapshot', piece })
  }
}
