// Reading files as a pure function of their bytes: it asks for names and bytes, and somebody hands them over. A file
// is read in windows, from its beginning to its end.

import {
  type Block,
  bytesOf,
  headBytes,
  magic,
  payloadBytesMax,
  type Sight,
  sectorBytes,
  sightOf,
} from './block.ts'

export interface Named {
  readonly name: string
  readonly bytes: number
}

export type Ask =
  /** The names in a folder; '' is the journal's own. */
  | { readonly is: 'list'; readonly path: string }
  /** So many bytes, or as many as there are. */
  | { readonly is: 'read'; readonly path: string; readonly at: number; readonly length: number }
export type Given = readonly Named[] | Buffer

/** What reads; it returns a T. */
export type Asking<T> = Generator<Ask, T, Given>

export function* namesIn(path: string): Asking<readonly Named[]> {
  const given = yield { is: 'list', path }
  if (Buffer.isBuffer(given)) throw new Error('names were asked for, and bytes came')
  return given as readonly Named[]
}

/** All that a place can hold, once its bytes are here. */
export type Seen = Exclude<Sight, { is: 'more' }>

const windowBytes = 1_048_576

/** As long as a window may be. */
const zeros = Buffer.alloc(Math.max(windowBytes, bytesOf(payloadBytesMax)))

export class FileBytes {
  readonly path: string
  readonly bytes: number
  #window: Buffer = Buffer.alloc(0)
  #from = 0

  constructor(path: string, bytes: number) {
    this.path = path
    this.bytes = bytes
  }

  /** From this place on, at least so many bytes, unless the file ends. */
  *from(at: number, length: number): Asking<Buffer> {
    const end = Math.min(this.bytes, at + length)
    if (at < this.#from || end > this.#from + this.#window.length) {
      const given = yield { is: 'read', path: this.path, at, length: Math.max(length, windowBytes) }
      if (!Buffer.isBuffer(given)) throw new Error('bytes were asked for, and names came')
      this.#window = given
      this.#from = at
    }
    return this.#window.subarray(at - this.#from)
  }

  /** What stands at this place. */
  *sight(at: number): Asking<Seen> {
    const sight = sightOf(yield* this.from(at, headBytes))
    if (sight.is !== 'more') return sight
    const whole = sightOf(yield* this.from(at, sight.bytes))
    return whole.is === 'more' ? { is: 'nothing' } : whole
  }

  /** D7: the next good block from this place on; no length of a bad one is followed. */
  *next(at: number, isGood: (block: Block) => boolean): Asking<number | undefined> {
    for (let place = at; place < this.bytes; ) {
      const bytes = yield* this.from(place, headBytes)
      const found = bytes.indexOf(magic)
      if (found < 0) {
        place += Math.max(sectorBytes, bytes.length - (bytes.length % sectorBytes))
        continue
      }
      place = Math.floor((place + found) / sectorBytes) * sectorBytes
      if (found % sectorBytes === 0) {
        const sight = yield* this.sight(place)
        if (sight.is === 'block' && isGood(sight.block)) return place
      }
      place += sectorBytes
    }
    return undefined
  }

  /** Whether anything but zeros stands from this place on. */
  *hasMore(at: number): Asking<boolean> {
    for (let place = at; place < this.bytes; ) {
      const bytes = yield* this.from(place, 1)
      if (bytes.length === 0) return false
      if (!bytes.equals(zeros.subarray(0, bytes.length))) return true
      place += bytes.length
    }
    return false
  }
}
