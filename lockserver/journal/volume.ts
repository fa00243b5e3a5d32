// The files of one state, as they are written: its log, and the snapshots that it can be read from. A volume is made
// under a name that counts for nothing, and counts from the moment that its plain name is synced, when its base and
// its imprint are on the disk. A server never writes into a volume of an earlier process.

import type { JournalImprint } from '../../wire/messages.ts'
import type { Encoded } from './block.ts'
import { Log, type LogState } from './log.ts'
import { unfinished, volumeName } from './names.ts'
import type { JournalSizes } from './sizes.ts'
import type { SnapshotFile } from './snapshot-file.ts'
import type { Making } from './work.ts'

/** A message that waits for its block. */
interface Pending {
  readonly number: number
  readonly text: string
  /** What it changes in the log's state. */
  readonly changes: Partial<LogState>
  /** The imprint that holds from here on; null: none does any more. Undefined: the same. */
  readonly imprint?: JournalImprint | null
}

/** A state that the log builds on: a snapshot, or none of it (null). */
interface Base {
  readonly snapshot: number | null
  /** The log goes on behind this block. */
  readonly sequence: number
}

/** A block, and the numbers of the writes in it. */
export interface Composed extends Encoded {
  readonly file: number
  readonly at: number
  readonly last: boolean
  readonly numbers: readonly number[]
}

/** Its files are being made; all is written, and it gets its name; it counts. */
export type VolumeStage = 'made' | 'named' | 'counts'

export class Volume {
  readonly number: number
  readonly boot: string
  readonly log: Log
  readonly #sizes: JournalSizes
  stage: VolumeStage = 'made'
  /** Nothing is written into it any more. */
  left = false
  /** The snapshot that is being written: its base, or a later one. */
  snapshot: SnapshotFile | null = null
  /** The last snapshot that was begun. */
  snapshots = 0
  /** These are on the disk, so that it may count. */
  readonly has = { base: false, imprint: false }
  /** The number of the write whose imprint makes it count; null: it is not here yet. */
  wholeWith: number | null = null
  /** Written, but it does not count yet. */
  held: number[] = []
  bases: Base[] = []
  /** Numbers, lengths and first blocks of the segments in place. */
  segments: { readonly number: number; readonly bytes: number; firstSequence: number }[] = []
  making: Making | null = null
  /** Bytes of the log since the last snapshot began; of the last snapshot. */
  logBytes = 0
  snapshotBytes = 0
  imprint: JournalImprint | null = null
  #pending: Pending[] = []
  #begun: 'nothing' | 'snapshot' | null = null
  /** The log waits for its next segment. */
  stuck = false
  /** How many messages were added, and how many of these are in synced blocks. */
  added = 0
  logged = 0
  /** The last block holds no messages. */
  #quiet = false

  constructor(number: number, boot: string, sizes: JournalSizes) {
    this.number = number
    this.boot = boot
    this.#sizes = sizes
    this.log = new Log(number, boot, sizes)
  }

  /** It is known what state it is for: one that builds on nothing, or on a snapshot that comes. */
  begin(base: 'nothing' | 'snapshot', state: LogState): void {
    this.#begun = base
    Object.assign(this.log.state, state)
    if (base === 'nothing') {
      this.has.base = true
      this.bases = [{ snapshot: null, sequence: 0 }]
    }
  }

  /** Of its folder. */
  get path(): string {
    const name = volumeName(this.number)
    return this.stage === 'counts' ? name : unfinished(name)
  }

  get waits(): boolean {
    return this.#pending.length > 0
  }

  /** The numbers of all that waits, and waits no more. */
  dropPending(): number[] {
    const numbers = [...this.#pending.map(({ number }) => number), ...this.held]
    this.#pending = []
    this.held = []
    return numbers
  }

  add(message: Pending): void {
    this.added++
    this.#pending.push(message)
  }

  /** D7: after a sync one block without messages is written, so that rot in the last one that has some shows. */
  get mayRest(): boolean {
    return this.stage === 'counts' && !this.#quiet && !this.waits && !this.log.atStart
  }

  /** The next block, of as many messages as fit; undefined: its segment is not there yet. */
  compose(): Composed | undefined {
    const texts = this.#begun === null ? [] : [JSON.stringify(['begun', this.#begun])]
    let bytes = 2 + texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0)
    const prefix = texts.length
    for (const { text } of this.#pending) {
      const more = Buffer.byteLength(text) + 1
      if (texts.length > prefix && bytes + more > this.#sizes.payloadBytes) break
      texts.push(text)
      bytes += more
    }
    if (texts.length > 0) bytes-- // there is one comma less than messages
    this.stuck = !this.log.fits(bytes)
    if (this.stuck) return undefined
    const taken = this.#pending.splice(0, texts.length - prefix)
    this.#begun = null
    this.#quiet = taken.length === 0
    const block = this.log.block(`[${texts.join(',')}]`, bytes, this.#after(taken))
    this.logBytes += block.bytes.length
    return { ...block, numbers: taken.map(({ number }) => number) }
  }

  #after(taken: readonly Pending[]): LogState {
    const after = { ...this.log.state }
    for (const { changes, imprint } of taken) {
      Object.assign(after, changes)
      if (imprint !== undefined) this.imprint = imprint
    }
    return after
  }

  /** A snapshot is in place: what only older ones than the one before it need may go. */
  built(base: Base): { segments: { number: number; bytes: number }[]; snapshots: number[] } {
    const before = this.bases
    this.bases = [...before, base].slice(-2)
    const oldest = this.bases[0] as Base
    const needed = this.segments.findLastIndex(({ firstSequence }) => firstSequence <= oldest.sequence + 1)
    const segments = this.segments.splice(0, Math.max(0, needed))
    const snapshots = before.flatMap(({ snapshot }) => snapshot ?? [])
    return {
      segments,
      snapshots: snapshots.filter(number => !this.bases.some(({ snapshot }) => snapshot === number)),
    }
  }
}
