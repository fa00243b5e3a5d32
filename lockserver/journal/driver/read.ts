// Hands the names and bytes of a journal's folder to what reads them. It opens nothing for writing, so that it may be
// used beside a living server, whose old files can go while they are read: then all is read again.

import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ask, Given, Named } from '../bytes.ts'
import { type FolderReading, readFolder } from '../reading.ts'

/** As often a living server may take files away under the reader. */
const triesMax = 5

export async function readJournal(folder: string): Promise<FolderReading> {
  for (let tries = 1; ; tries++) {
    const reader = new FolderReader(folder)
    try {
      return await reader.read()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === triesMax)
        throw unreadable(folder, error)
    } finally {
      await reader.close()
    }
  }
}

class FolderReader {
  readonly #folder: string
  /** Files are read one after the other. */
  #open: { readonly path: string; readonly handle: FileHandle } | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  async read(): Promise<FolderReading> {
    const reading = readFolder()
    let step = reading.next()
    while (!step.done) step = reading.next(await this.#answer(step.value))
    return step.value
  }

  async close(): Promise<void> {
    await this.#open?.handle.close()
    this.#open = null
  }

  #answer(ask: Ask): Promise<Given> {
    return ask.is === 'list' ? this.#names(ask.path) : this.#bytes(ask.path, ask.at, ask.length)
  }

  async #names(path: string): Promise<Named[]> {
    const folder = join(this.#folder, path)
    const names = await readdir(folder)
    return Promise.all(names.map(async name => ({ name, bytes: (await stat(join(folder, name))).size })))
  }

  async #bytes(path: string, at: number, length: number): Promise<Buffer> {
    if (this.#open?.path !== path) {
      await this.close()
      this.#open = { path, handle: await open(join(this.#folder, path), 'r') }
    }
    const { handle } = this.#open
    const bytes = Buffer.allocUnsafe(length)
    let read = 0
    while (read < length) {
      const { bytesRead } = await handle.read(bytes, read, length - read, at + read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return bytes.subarray(0, read)
  }
}

function unreadable(folder: string, error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error)
  return new Error(`can't read the journal in ${folder}: ${text}`, { cause: error })
}
