// Where the log of one volume stands: its segment, its place there, and the chain of its blocks. It makes blocks and
// says where they go; at most one of them may be unsynced at a time, and that is up to its owner.

import { bytesOf, type Encoded, encodeBlock } from './block.ts'
import type { JournalSizes } from './sizes.ts'

export interface Segment {
  readonly number: number
  readonly bytes: number
  /** The number of its open file. */
  readonly file: number
  /** The first block in it; infinity while it is not in use. */
  firstSequence: number
}

/** What a log has so far: it stands in the head of each block. */
export interface LogState {
  view: number
  opNumber: number
  digest: number
}

export class Log {
  readonly #volume: number
  readonly #boot: string
  readonly #sizes: JournalSizes
  readonly state: LogState = { view: 0, opNumber: 0, digest: 0 }
  /** The segment in use comes first, then the next one, once it is ready. */
  #segments: Segment[] = []
  /** The last block. */
  sequence = 0
  before = 0
  #at = 0

  constructor(volume: number, boot: string, sizes: JournalSizes) {
    this.#volume = volume
    this.#boot = boot
    this.#sizes = sizes
  }

  /** A segment that is in place, full of zeros, and synced. */
  add(segment: Segment): void {
    if (this.#segments.length === 0) segment.firstSequence = this.sequence + 1
    this.#segments.push(segment)
  }

  get segment(): Segment | undefined {
    return this.#segments[0]
  }

  /** Its open files. */
  get open(): readonly number[] {
    return this.#segments.map(({ file }) => file)
  }

  get hasNext(): boolean {
    return this.#segments.length > 1
  }

  /** So much of the segment in use is written that the next one should be made. */
  get needsNext(): boolean {
    return this.segment !== undefined && !this.hasNext && this.#at * 4 >= this.segment.bytes
  }

  /** Nothing was written into this segment. */
  get atStart(): boolean {
    return this.#at === 0
  }

  /** Whether a block of this size can be written now: the last one of a segment needs the next segment. */
  fits(payloadBytes: number): boolean {
    if (this.segment === undefined) return false
    return !this.#isLast(bytesOf(payloadBytes)) || this.hasNext
  }

  #isLast(bytes: number): boolean {
    const room = (this.segment as Segment).bytes - this.#at - bytes
    const { payloadBytes, prefixBytes } = this.#sizes
    return room < bytesOf(payloadBytes + prefixBytes)
  }

  /** The next block, behind the last one. `after`: what the log has once it is read. */
  block(
    text: string,
    payloadBytes: number,
    after: LogState,
  ): Encoded & { file: number; at: number; last: boolean } {
    const segment = this.segment as Segment
    const last = this.#isLast(bytesOf(payloadBytes))
    const { number: file } = segment
    const encoded = encodeBlock(
      {
        ...{ kind: 'log', last, volume: this.#volume, boot: this.#boot, file, view: after.view },
        ...{ sequence: ++this.sequence, firstOp: this.state.opNumber + 1, lastOp: after.opNumber },
        ...{ digest: after.digest, before: this.before },
      },
      text,
      payloadBytes,
    )
    const at = this.#at
    this.#at += encoded.bytes.length
    if (this.#at > segment.bytes)
      throw new Error(`D7: a block of ${encoded.bytes.length} bytes does not fit into its segment at ${at}`)
    this.before = encoded.checksum
    Object.assign(this.state, after)
    return { ...encoded, file: segment.file, at, last }
  }

  /** The segment in use is full: the next one is used. Returns the open file of the full one. */
  turn(): number {
    const [full, next] = this.#segments as [Segment, Segment]
    next.firstSequence = this.sequence + 1
    this.#segments = this.#segments.slice(1)
    this.#at = 0
    return full.file
  }
}
