// Reads the log of one volume and judges it (D7): bad with nothing good behind it is a torn end, which was never
// synced; bad with something good behind it is rot. Good is what has its checksums, belongs to the volume, and comes
// later; blocks must follow one another without a gap from where they are needed on.

import type { Block } from './block.ts'
import { type Asking, FileBytes, type Seen } from './bytes.ts'
import { segmentName } from './names.ts'

export interface Spot {
  /** Relative to the journal's folder. */
  readonly file: string
  readonly at: number
  readonly problem: string
}

export interface LogEnd {
  readonly is: 'end'
  readonly blocks: number
  /** An end that was never synced, and is not read. */
  readonly torn: Spot | null
  /** Bad places before all that is needed. */
  readonly damage: readonly Spot[]
}

export type LogReading =
  | LogEnd
  | { readonly is: 'spoilt'; readonly spot: Spot }
  | { readonly is: 'other format'; readonly file: string; readonly format: number }

/** The last block that is not needed, and its checksum. */
export interface LogStart {
  readonly sequence: number
  readonly before: number
}

export interface SegmentFile {
  readonly number: number
  /** As its name says, and as it is. */
  readonly bytes: number
  readonly actualBytes: number
}

/** A bad place; `sure`: no loss of power makes it, whatever stands behind it. */
interface Gap extends Spot {
  readonly sure: boolean
}

class SpoiltLog extends Error {
  readonly spot: Spot
  constructor({ file, at, problem }: Spot) {
    super(problem)
    this.spot = { file, at, problem }
  }
}

/** `take`: each block that is needed, in order; what it throws makes the block's place spoilt. */
export function* readLog(
  folder: string,
  volume: number,
  segments: readonly SegmentFile[],
  start: LogStart,
  take: (block: Block) => void,
): Asking<LogReading> {
  const walk = new Walk(folder, volume, start, take)
  try {
    for (const segment of segments) {
      const other = yield* walk.segment(segment)
      if (other !== null) return other
    }
    return yield* walk.end()
  } catch (error) {
    if (error instanceof SpoiltLog) return { is: 'spoilt', spot: error.spot }
    throw error
  }
}

class Walk {
  readonly #folder: string
  readonly #volume: number
  readonly #start: LogStart
  readonly #take: (block: Block) => void
  readonly #damage: Spot[] = []
  #last: Block | null = null
  #gap: (Gap & { bytes: FileBytes | null }) | null = null
  #segment: SegmentFile | null = null
  #blocks = 0

  constructor(folder: string, volume: number, start: LogStart, take: (block: Block) => void) {
    this.#folder = folder
    this.#volume = volume
    this.#start = start
    this.#take = take
  }

  *segment(segment: SegmentFile): Asking<Extract<LogReading, { is: 'other format' }> | null> {
    const file = this.#nameOf(segment)
    const missing = this.#segment === null ? segment.number : this.#segment.number + 1
    this.#segment = segment
    if (segment.number !== missing)
      this.#bad({ file: `${this.#folder}/segment ${missing}`, at: 0, problem: 'it is missing', sure: true })
    const bytes = new FileBytes(file, segment.actualBytes)
    for (let at: number | undefined = 0; at !== undefined && at < segment.actualBytes; ) {
      const sight: Seen = yield* bytes.sight(at)
      if (sight.is === 'other format') return { is: 'other format', file, format: sight.format }
      if (sight.is === 'block' && this.#follows(sight.block)) {
        this.#good(sight.block, file, at)
        at = sight.block.last ? undefined : at + sight.block.bytes
      } else {
        const problem =
          sight.is === 'block' ? 'a block stands there that does not follow' : 'no block is readable there'
        this.#bad({ file, at, problem, sure: false }, bytes)
        at = yield* bytes.next(at + 512, block => this.#isLater(block))
      }
    }
    if (segment.actualBytes !== segment.bytes) {
      const problem = `it is ${segment.actualBytes} bytes long, and must be ${segment.bytes}`
      this.#bad({ file, at: Math.min(segment.bytes, segment.actualBytes), problem, sure: true })
    }
    return null
  }

  #nameOf({ number, bytes }: SegmentFile): string {
    return `${this.#folder}/${segmentName(number, bytes)}`
  }

  #belongs(block: Block): boolean {
    const boot = this.#last?.boot ?? block.boot
    return (
      block.kind === 'log' &&
      block.volume === this.#volume &&
      block.file === this.#segment?.number &&
      block.boot === boot
    )
  }

  #isLater(block: Block): boolean {
    return this.#belongs(block) && block.sequence > (this.#last?.sequence ?? 0)
  }

  /** Behind a gap any later block will do: the gap is judged by it. */
  #follows(block: Block): boolean {
    const last = this.#last
    if (last === null || this.#gap !== null) return this.#isLater(block)
    if (!this.#belongs(block) || block.sequence !== last.sequence + 1) return false
    return block.before === last.checksum && block.firstOp === last.lastOp + 1
  }

  #bad(gap: Gap, bytes: FileBytes | null = null): void {
    if (this.#gap === null || (gap.sure && !this.#gap.sure)) this.#gap = { ...gap, bytes }
  }

  #good(block: Block, file: string, at: number): void {
    const needed = this.#start.sequence + 1
    if (this.#gap !== null) {
      if (block.sequence > needed) throw new SpoiltLog(this.#gap)
      this.#damage.push(this.#gap)
      this.#gap = null
    }
    if (this.#last === null && block.sequence > needed)
      throw new SpoiltLog({
        file,
        at,
        problem: `the log begins with block ${block.sequence}, and block ${needed} is needed`,
      })
    if (block.sequence === needed && block.before !== this.#start.before)
      throw new SpoiltLog({ file, at, problem: 'the log does not go on where the snapshot ends' })
    this.#last = block
    this.#blocks++
    if (block.sequence >= needed) this.#taken(block, file, at)
  }

  #taken(block: Block, file: string, at: number): void {
    try {
      this.#take(block)
    } catch (error) {
      throw new SpoiltLog({ file, at, problem: error instanceof Error ? error.message : String(error) })
    }
  }

  *end(): Asking<LogEnd> {
    const [last, gap, segment] = [this.#last, this.#gap, this.#segment]
    if (gap?.sure) throw new SpoiltLog(gap)
    if (last === null || segment === null)
      throw new SpoiltLog({ file: this.#folder, at: 0, problem: 'its log has no readable block' })
    if (last.last && last.file === segment.number)
      throw new SpoiltLog({
        file: `${this.#folder}/segment ${segment.number + 1}`,
        at: 0,
        problem: 'it is missing',
      })
    if (last.sequence < this.#start.sequence)
      throw new SpoiltLog({
        file: this.#nameOf(segment),
        at: 0,
        problem: `the log ends with block ${last.sequence}, and the snapshot goes on behind block ${this.#start.sequence}`,
      })
    if (last.sequence === this.#start.sequence && last.checksum !== this.#start.before)
      throw new SpoiltLog({
        file: this.#nameOf(segment),
        at: 0,
        problem: 'the log does not go on where the snapshot ends',
      })
    const isTorn = gap?.bytes != null && (yield* gap.bytes.hasMore(gap.at))
    const torn = isTorn && gap !== null ? { file: gap.file, at: gap.at, problem: 'the end is torn' } : null
    return { is: 'end', blocks: this.#blocks, torn, damage: this.#damage }
  }
}
