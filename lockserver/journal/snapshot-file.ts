// A snapshot as it is written: blocks of its own, with the count of its records and their checksum at the end. It
// counts once it is whole, synced, and has its name. Nothing is written here.

import type { SnapshotRecord } from '../../wire/messages.ts'
import { type Encoded, encodeBlock } from './block.ts'
import { checksum } from './checksum.ts'
import type { Volume } from './volume.ts'

export interface SnapshotWrite {
  readonly at: number
  readonly bytes: Uint8Array
}

export class SnapshotFile {
  readonly is = 'snapshot'
  readonly volume: Volume
  readonly number: number
  /** The number of its open file. */
  readonly file: number
  readonly path: string
  /** The log goes on behind this block. */
  readonly sequence: number
  /** All writes that are inside: so many were added to the volume's log. */
  readonly inside: number
  /** All records were written; it is being named. */
  stage: 'open' | 'whole' | 'named' = 'open'
  readonly #opNumber: number
  bytes = 0
  #unsynced = 0
  #blocks = 0
  #before = 0
  #records = 0
  #checksum = 0

  constructor(
    volume: Volume,
    place: { number: number; file: number; path: string; sequence: number; opNumber: number },
  ) {
    this.volume = volume
    this.inside = volume.added
    this.number = place.number
    this.file = place.file
    this.path = place.path
    this.sequence = place.sequence
    this.#opNumber = place.opNumber
  }

  /** `text`: of the message that a snapshot begins with. */
  begin(text: string): SnapshotWrite {
    return this.#placed(this.#block('snapshot', `[${text}]`))
  }

  add(records: readonly SnapshotRecord[]): SnapshotWrite {
    const block = this.#block('records', JSON.stringify(records))
    this.#records += records.length
    this.#checksum = checksum(block.payload, this.#checksum)
    return this.#placed(block)
  }

  end(): SnapshotWrite {
    return this.#placed(this.#block('end', JSON.stringify([['snapshot-end', this.#records, this.#checksum]])))
  }

  /** Whether the next write should be synced at once: it was long ago. */
  mustSync(everyBytes: number): boolean {
    if (this.#unsynced < everyBytes) return false
    this.#unsynced = 0
    return true
  }

  #block(kind: 'snapshot' | 'records' | 'end', text: string): Encoded {
    const { number: volume, boot } = this.volume
    return encodeBlock(
      {
        ...{ kind, last: kind === 'end', volume, boot, file: this.number, view: 0, digest: 0 },
        ...{ sequence: ++this.#blocks, firstOp: this.#opNumber + 1, lastOp: this.#opNumber },
        before: this.#before,
      },
      text,
    )
  }

  /** Where it goes: behind the block before. */
  #placed({ bytes, checksum }: Encoded): SnapshotWrite {
    const at = this.bytes
    this.#before = checksum
    this.bytes += bytes.length
    this.#unsynced += bytes.length
    return { at, bytes }
  }
}
