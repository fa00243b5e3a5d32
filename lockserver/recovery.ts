// D5: a state that is being recovered. It is written anew as a whole, with its imprint, and then the view may be
// acked; until that is known to be on the record, this server is nobody's primary. It shows and proposes nothing.

import { chunksInFlightMax } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
import type { OwnDisk } from './disk.ts'
import { Leases } from './leases.ts'
import { Copy, headerOf } from './state/snapshot.ts'
import type { State } from './state/state.ts'
import { WholeTimes } from './whole-times.ts'

export class Recovery {
  readonly state: State
  /** The recovery view. */
  readonly view: View
  /** Null: the view keeps nothing on disk (D11). */
  readonly #disk: OwnDisk | null
  /** What is not written yet of a state that was read from a disk. */
  #copy: Copy | null = null
  #writing: number[] = []
  /** The write that makes it count; null: not asked for yet. */
  #counts: number | null = null

  /** `isWritten`: this server had the state all the time, and its journal has it; one that it has read was perhaps never synced. */
  constructor(disk: OwnDisk | null, view: View, state: State, isWritten: boolean) {
    this.#disk = disk
    this.view = view
    this.state = state
    if (disk === null) this.#counts = 0
    else if (this.isEmpty) this.#counts = disk.begin(view)
    else if (isWritten) this.#counts = disk.imprint(view, 'primary')
    else this.#begin(disk)
  }

  #begin(disk: OwnDisk): void {
    const { state } = this
    this.#copy = new Copy(state, new WholeTimes())
    disk.install(headerOf(state, 0, state.pauseMs > 0 ? state.pauseMs : null))
    this.#write(disk)
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
    const disk = this.#disk
    if (disk === null) return
    this.#writing = this.#writing.filter(number => !disk.has(number))
    this.#write(disk)
  }

  /** B1: a few chunks at a time. */
  #write(disk: OwnDisk): void {
    while (this.#copy !== null && this.#writing.length < chunksInFlightMax) {
      const records = this.#copy.nextChunk()
      if (records !== null) this.#writing.push(disk.records(records))
      else this.#end(disk, this.#copy)
    }
  }

  #end(disk: OwnDisk, copy: Copy): void {
    this.state.table.endCopy(copy)
    this.#copy = null
    this.#counts = disk.installed(this.view, 'primary')
  }

  /** D6: the leases from the moment at which this server may answer. */
  leasesFrom(now: number): Leases {
    const leases = new Leases()
    const { state } = this
    for (const session of state.sessions.values()) leases.renew(session, now)
    if (state.pauseMs > 0) leases.startPause(now + state.pauseMs)
    leases.times.beginAgain(now, state)
    return leases
  }
}
