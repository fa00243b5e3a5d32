// Reads one snapshot: every block must be good, they must follow one another, and count and checksum at the end must
// come out. Anything else makes the snapshot unreadable; whether another one will do is decided in reading.ts.

import { decode } from '../../wire/codec.ts'
import { type Block, headBytes } from './block.ts'
import { type Asking, FileBytes } from './bytes.ts'
import { checksum } from './checksum.ts'
import { Loading, textOf } from './loading.ts'
import type { LogStart, Spot } from './log-reading.ts'

export type SnapshotReading =
  | { readonly is: 'read'; readonly loading: Loading; readonly start: LogStart; readonly records: number }
  | { readonly is: 'unreadable'; readonly spot: Spot }

class Unreadable extends Error {}

export function* readSnapshot(
  file: string,
  bytes: number,
  volume: number,
  number: number,
): Asking<SnapshotReading> {
  const reader = new SnapshotReader(volume, number)
  const source = new FileBytes(file, bytes)
  let at = 0
  try {
    for (; at < bytes; ) {
      const sight = yield* source.sight(at)
      if (sight.is !== 'block') throw new Unreadable('no block is readable there')
      reader.take(sight.block)
      at += sight.block.bytes
    }
    return reader.finish()
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { is: 'unreadable', spot: { file, at, problem } }
  }
}

class SnapshotReader {
  readonly #volume: number
  readonly #number: number
  readonly #loading = new Loading()
  #last: Block | null = null
  #start: LogStart | null = null
  #records = 0
  #checksum = 0

  constructor(volume: number, number: number) {
    this.#volume = volume
    this.#number = number
  }

  take(block: Block): void {
    const { sequence = 0, checksum: before = 0, boot = block.boot, kind } = this.#last ?? {}
    const belongs = block.volume === this.#volume && block.file === this.#number && block.boot === boot
    if (!belongs || block.sequence !== sequence + 1 || block.before !== before || kind === 'end')
      throw new Unreadable('a block stands there that does not follow')
    if ((block.kind === 'snapshot') !== (sequence === 0))
      throw new Unreadable(`"${block.kind}" can't stand there`)
    this.#last = block
    if (block.kind === 'snapshot') return this.#begin(block)
    if (block.kind === 'end') return this.#end(block)
    if (block.kind !== 'records') throw new Unreadable(`"${block.kind}" can't stand there`)
    const records = decode(textOf(block), 'records')
    this.#checksum = checksum(block.payload, this.#checksum)
    this.#records += records.length
    this.#loading.addRecords(records)
  }

  #begin(block: Block): void {
    const [message] = decode(textOf(block), 'journalled')
    if (message?.[0] !== 'snapshot-of') throw new Unreadable('it does not begin as a snapshot does')
    const [, header, imprint, sequence, before] = message
    this.#start = { sequence, before }
    this.#loading.beginSnapshot(header, imprint)
  }

  #end(block: Block): void {
    const [message] = decode(textOf(block), 'journalled')
    if (message?.[0] !== 'snapshot-end') throw new Unreadable('it does not end as a snapshot does')
    const [, records, sum] = message
    if (records !== this.#records || sum !== this.#checksum)
      throw new Unreadable(`it has ${this.#records} records, and must have ${records}, or others`)
  }

  finish(): SnapshotReading {
    if (this.#last?.kind !== 'end' || this.#start === null) throw new Unreadable('its end is missing')
    this.#loading.finishSnapshot()
    return { is: 'read', loading: this.#loading, start: this.#start, records: this.#records }
  }
}

/** Shorter than this it holds nothing. */
export const snapshotBytesMin = headBytes
