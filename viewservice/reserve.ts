// Holds ready what the next view records need (B6): the folder and a few new files stay open, with room for
// a record in each. A failover writes records at the very time when a machine may be short of files or disk.
// A record is still a new file that link() brings in (V6): a reserved file is used once.

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { lackOf } from './shortage.ts'

/** A view and its acknowledgement are two records. */
const sparesMax = 2
/** No record is this long. */
const recordBytesMax = 8_192
const spareName = /^\.spare-[0-9a-f]{12}\.tmp$/

interface Spare {
  readonly path: string
  readonly file: number
}

export class Reserve {
  readonly #folder: string
  readonly #spares: Spare[] = []
  /** The folder, to sync it; also open as `place`, which is closed when a call needs a file for a moment. */
  #open: { readonly folder: number; place: number | null } | null = null
  /** Our own last record: the steps after its link may have to be tried again. */
  #linked: { readonly path: string; readonly text: string } | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  /** How many records can be saved while no files or disk are available. */
  get size(): number {
    return this.#spares.length
  }

  /** Throws the error that prevents it. Also clears away the spares of a process that has died. */
  fill(): void {
    const isFirst = this.#open === null
    this.#open ??= { folder: openSync(this.#folder, 'r'), place: openSync(this.#folder, 'r') }
    if (isFirst) for (const name of this.names()) if (spareName.test(name)) remove(join(this.#folder, name))
    this.#open.place ??= openSync(this.#folder, 'r')
    while (this.#spares.length < sparesMax) this.#spares.push(this.#make())
  }

  /** Does what a save does, with a file that is removed at once; the reserve must be filled. */
  check(text: string): void {
    const path = join(this.#folder, `.check-${randomBytes(6).toString('hex')}.tmp`)
    try {
      this.bringIn(text, path)
    } finally {
      remove(path)
    }
    this.fill()
  }

  /** V6: the text is durable under this name when this returns; throws EEXIST if the name exists already. */
  bringIn(text: string, path: string): void {
    if (this.#linked?.path !== path || this.#linked.text !== text) this.#link(text, path)
    this.#linked = { path, text }
    fsyncSync((this.#open as { folder: number }).folder)
  }

  #link(text: string, path: string): void {
    if (this.#open === null) this.fill()
    const held = this.#spares.pop()
    const spare = held ?? this.#make()
    const problem = linked(spare, text, path)
    if (problem === null) return discard(spare)
    // The spare can be used again once what its link lacked is available.
    if (lackOf(problem) !== undefined) this.#spares.push(spare)
    else discard(spare)
    // Another view server that starts here clears away files that it takes for left behind.
    if (problem.code === 'ENOENT' && held !== undefined) this.#link(text, path)
    else throw problem
  }

  /** Reads the folder, even when no more files may be opened. */
  names(): string[] {
    this.#leavePlace()
    const names = readdirSync(this.#folder)
    if (this.#open !== null) this.#open.place = openSync(this.#folder, 'r')
    return names
  }

  close(): void {
    for (const spare of this.#spares.splice(0)) discard(spare)
    if (this.#open === null) return
    this.#leavePlace()
    closeSync(this.#open.folder)
    this.#open = null
  }

  #leavePlace(): void {
    if (this.#open === null || this.#open.place === null) return
    closeSync(this.#open.place)
    this.#open.place = null
  }

  #make(): Spare {
    const path = join(this.#folder, `.spare-${randomBytes(6).toString('hex')}.tmp`)
    const spare = { path, file: openSync(path, 'wx', 0o600) }
    try {
      writeSync(spare.file, ' '.repeat(recordBytesMax))
      fsyncSync(spare.file)
      return spare
    } catch (error) {
      discard(spare)
      throw error
    }
  }
}

/** Null: the text is on the disk under this name. */
function linked({ path: from, file }: Spare, text: string, to: string): NodeJS.ErrnoException | null {
  try {
    const bytes = Buffer.from(text)
    ftruncateSync(file, writeSync(file, bytes, 0, bytes.length, 0))
    fsyncSync(file)
    linkSync(from, to)
    return null
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

/** Removes the name; a record that was made of the file has its own name. */
function discard({ path, file }: Spare): void {
  closeSync(file)
  remove(path)
}

/** A file that stays does no harm: nothing reads it. */
export function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {}
}
