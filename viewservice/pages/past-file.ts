// The file of a view server's history: beside the view record, never in its way (B6). It is written whole under another name
// and put in its place, not synced, and not at all where the disk is nearly full: the record has more need of the room.

import { constants } from 'node:fs'
import { lstat, open, readFile, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** So much stays free for the view record and others. */
const freeBytesMin = 16_777_216
/** More than 64 groups with an hour each take. */
const bytesMax = 16_777_216

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants

export class PastFile {
  readonly #folder: string
  readonly #path: string

  constructor(folder: string) {
    this.#folder = folder
    this.#path = join(folder, 'history.json')
  }

  /** Null: there is none. */
  async read(): Promise<string | null> {
    const stats = await lstat(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (stats === null) return null
    if (!stats.isFile()) throw new Error(`${this.#path} is no file`)
    if (stats.size > bytesMax) throw new Error(`${this.#path} is larger than ${bytesMax} bytes`)
    return await readFile(this.#path, 'utf8')
  }

  async write(text: string): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder)
    if (bavail * bsize < freeBytesMin + text.length)
      throw new Error(`the disk of ${this.#folder} is nearly full`)
    const next = `${this.#path}.tmp`
    try {
      const file = await open(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
      try {
        await file.writeFile(text)
      } finally {
        await file.close()
      }
      await rename(next, this.#path)
    } catch (error) {
      await rm(next, { force: true }).catch(() => {})
      throw error
    }
  }
}
