// Makes the files that a log is written into: filled with zeros and synced before use, since the sync of a growing
// file writes more than its data. The next one is made while another is in use, but not before a part of that is full:
// a server that has just got its part has better things to do with its disk. No file's bytes are used twice.

import { segmentName, unfinished } from './names.ts'
import type { Volume } from './volume.ts'
import type { Making, Work } from './work.ts'

/** After a full disk stopped a segment, it is tried again after so many ticks; at once if the log waits for it. */
const ticksAfterFull = 20

export class Segments {
  readonly #work: Work
  #waitTicks = 0

  constructor(work: Work) {
    this.#work = work
  }

  /** And the folder of the volume. */
  makeFirst(volume: Volume): void {
    const making = this.#making(volume, 1, this.#work.sizes.firstSegmentBytes)
    this.#work.do({ do: 'make folder', path: volume.path }, null, making)
    this.#make(making)
  }

  /** Once it is needed before long; unless it is there, or being made. */
  makeNext(volume: Volume): void {
    if (volume.stage !== 'counts' || volume.making !== null) return
    if (!volume.stuck && (this.#waitTicks > 0 || !volume.log.needsNext)) return
    const { segmentBytes } = this.#work.sizes
    this.#make(this.#making(volume, (volume.segments.at(-1)?.number ?? 0) + 1, segmentBytes))
  }

  /** D7: in a volume that counts, it gets its name when it is full and synced, so that a shorter one is spoilt. */
  #making(volume: Volume, number: number, bytes: number): Making {
    const name = `${volume.path}/${segmentName(number, bytes)}`
    const path = volume.stage === 'counts' ? unfinished(name) : name
    const segment = { number, bytes, file: this.#work.newFile(), firstSequence: Number.POSITIVE_INFINITY }
    const making: Making = { is: 'segment', volume, segment, path, name }
    volume.making = making
    return making
  }

  #make(making: Making): void {
    const { segment, path } = making
    this.#work.do({ do: 'create', file: segment.file, path }, null, making)
    this.#fill(making, 0)
  }

  #fill(making: Making, from: number): void {
    const { file, bytes: length } = making.segment
    const upTo = Math.min(length, from + this.#work.sizes.fillBytes)
    const bytes = new Uint8Array(upTo - from)
    this.#work.do({ do: 'write', file, at: from, bytes, sync: true }, { is: 'filled', making, upTo }, making)
  }

  onFilled(making: Making, upTo: number): void {
    const { volume, segment, path, name } = making
    if (volume.making !== making) return
    if (upTo < segment.bytes) return this.#fill(making, upTo)
    if (path !== name) this.#work.do({ do: 'rename', from: path, to: name }, null, making)
    this.#work.do({ do: 'sync folder', path: volume.path }, { is: 'made', making }, making)
  }

  onMade(making: Making): void {
    const { volume, segment } = making
    if (volume.making !== making) return
    volume.making = null
    volume.segments.push(segment)
    volume.log.add(segment)
  }

  onTick(volume: Volume): void {
    if (this.#waitTicks > 0) this.#waitTicks--
    else this.makeNext(volume)
  }

  onFull(making: Making): void {
    this.drop(making)
    this.#waitTicks = ticksAfterFull
    this.#work.note('the disk has no room for the next segment of the journal; it is tried again', {})
  }

  drop(making: Making): void {
    const { volume, segment, path } = making
    volume.making = null
    this.#work.lanes.forget(making)
    this.#work.do({ do: 'close', file: segment.file }, null, null)
    this.#work.do({ do: 'remove', path }, null, null)
  }
}
