// A state that was read from the disk, written anew as a whole (D5, D12): what was read may never have been synced. A few
// chunks at a time (B1). It decides nothing.

import { chunksInFlightMax } from '../wire/limits.ts'
import type { OwnDisk } from './disk.ts'
import { Leases } from './leases.ts'
import { Copy, headerOf } from './state/snapshot.ts'
import type { State } from './state/state.ts'
import { WholeTimes } from './whole-times.ts'

export class StateWriting {
  readonly #disk: OwnDisk
  readonly #state: State
  /** What is not written yet. */
  readonly #copy: Copy
  #writing: number[] = []

  constructor(disk: OwnDisk, state: State) {
    this.#disk = disk
    this.#state = state
    this.#copy = new Copy(state, new WholeTimes())
    disk.install(headerOf(state, 0, state.pauseMs > 0 ? state.pauseMs : null))
  }

  /** True when all of it was handed over; the marks are gone then. Called until then, whenever more of it is on the disk. */
  goOn(): boolean {
    this.#writing = this.#writing.filter(number => !this.#disk.has(number))
    while (this.#writing.length < chunksInFlightMax) {
      const records = this.#copy.nextChunk()
      if (records === null) {
        this.end()
        return true
      }
      this.#writing.push(this.#disk.records(records))
    }
    return false
  }

  /** It is given up. */
  end(): void {
    this.#state.table.endCopy(this.#copy)
  }
}

/** D6: what remained of leases is on no disk: from now on each is whole. */
export function wholeLeases(state: State, now: number): Leases {
  const leases = new Leases()
  for (const session of state.sessions.values()) leases.renew(session, now)
  if (state.pauseMs > 0) leases.startPause(now + state.pauseMs)
  leases.times.beginAgain(now, state)
  return leases
}
