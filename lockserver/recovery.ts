// D5: a state that is being recovered. It is written anew as a whole, with its imprint, and then the view may be
// acked; until that is known to be on the record, this server is nobody's primary. It shows and proposes nothing.

import type { View } from '../wire/messages.ts'
import type { OwnDisk } from './disk.ts'
import type { Leases } from './leases.ts'
import type { Recent } from './state/recent.ts'
import type { State } from './state/state.ts'
import { StateWriting, wholeLeases } from './state-writing.ts'

export class Recovery {
  readonly state: State
  /** The recovery view. */
  readonly view: View
  /** D12: what it has come from; null: from no journal. */
  readonly recent: Recent | null
  /** Null: the view keeps nothing on disk (D11). */
  readonly #disk: OwnDisk | null
  /** Of a state that was read from a disk, until all of it is handed over. */
  #writing: StateWriting | null = null
  /** The write that makes it count; null: not asked for yet. */
  #counts: number | null = null

  /** `isWritten`: this server had the state all the time, and its journal has it; one that it has read was perhaps never synced. */
  constructor(
    disk: OwnDisk | null,
    view: View,
    state: State,
    isWritten: boolean,
    recent: Recent | null = null,
  ) {
    this.#disk = disk
    this.view = view
    this.state = state
    this.recent = recent
    if (disk === null) this.#counts = 0
    else if (this.isEmpty) this.#counts = disk.begin(view)
    else if (isWritten) this.#counts = disk.imprint(view, 'primary')
    else {
      this.#writing = new StateWriting(disk, state)
      this.#write(disk)
    }
  }

  /** Nothing but the imprint of view 1 or of a reset's view was on the disk: the state begins now. */
  get isEmpty(): boolean {
    return this.state.opNumber === 0
  }

  /** The view may be acked. */
  get ackable(): boolean {
    return this.#counts !== null && (this.#disk?.has(this.#counts) ?? true)
  }

  synced(): void {
    if (this.#disk !== null) this.#write(this.#disk)
  }

  #write(disk: OwnDisk): void {
    if (!this.#writing?.goOn()) return
    this.#writing = null
    this.#counts = disk.installed(this.view, 'primary')
  }

  /** D6: the leases from the moment at which this server may answer. */
  leasesFrom(now: number): Leases {
    return wholeLeases(this.state, now)
  }
}
