// Does what the journal asks of its disk, off the event loop: every act is a call of Node's thread pool. It decides
// nothing, and tries nothing a second time (D8).

import { close, fdatasync, fsync, mkdir, open, rename, rm, write } from 'node:fs'
import { join } from 'node:path'
import type { DiskAct } from '../disk.ts'

/** Null: it is done. */
export interface DiskFailure {
  readonly problem: string
  readonly full: boolean
}
type Answer = (failure: DiskFailure | null) => void
type Callback = (error: NodeJS.ErrnoException | null) => void

export class DiskDriver {
  readonly #folder: string
  /** Descriptors of open files, by the numbers that the journal has given them. */
  readonly #open = new Map<number, { readonly descriptor: number; readonly path: string }>()

  constructor(folder: string) {
    this.#folder = folder
  }

  do(act: DiskAct, answer: Answer): void {
    const done: Callback = error => answer(error === null ? null : this.#failure(act, error))
    switch (act.do) {
      case 'make folder':
        return mkdir(this.#path(act.path), { mode: 0o700 }, done)
      case 'create':
        return this.#create(act.file, act.path, done)
      case 'write':
        return this.#write(act, done)
      case 'sync':
        return this.#withFile(act.file, done, descriptor => fdatasync(descriptor, done))
      case 'close':
        return this.#close(act.file, done)
      case 'rename':
        return rename(this.#path(act.from), this.#path(act.to), done)
      case 'sync folder':
        return this.#syncFolder(act.path, done)
      case 'remove':
        return rm(this.#path(act.path), { recursive: true, force: true }, done)
    }
  }

  /** Of all files that are still open; the process goes on without them. */
  close(): void {
    for (const { descriptor } of this.#open.values()) close(descriptor, () => {})
    this.#open.clear()
  }

  #path(path: string): string {
    return join(this.#folder, path)
  }

  #create(file: number, path: string, done: Callback): void {
    open(this.#path(path), 'wx', 0o600, (error, descriptor) => {
      if (error === null) this.#open.set(file, { descriptor, path })
      done(error)
    })
  }

  #write({ file, at, bytes, sync }: DiskAct & { do: 'write' }, done: Callback): void {
    this.#withFile(file, done, descriptor => {
      writeAll(descriptor, bytes, at, error => {
        if (error !== null || !sync) return done(error)
        fdatasync(descriptor, done)
      })
    })
  }

  #withFile(file: number, done: Callback, use: (descriptor: number) => void): void {
    const found = this.#open.get(file)
    if (found === undefined) return done(new Error(`file ${file} of the journal is not open`))
    use(found.descriptor)
  }

  /** One that was never opened is closed. */
  #close(file: number, done: Callback): void {
    const found = this.#open.get(file)
    this.#open.delete(file)
    if (found === undefined) return done(null)
    close(found.descriptor, error => done(error ?? null))
  }

  #syncFolder(path: string, done: Callback): void {
    open(this.#path(path), 'r', (error, descriptor) => {
      if (error !== null) return done(error)
      fsync(descriptor, failed => close(descriptor, () => done(failed)))
    })
  }

  #failure(act: DiskAct, error: NodeJS.ErrnoException): DiskFailure {
    const full = error.code === 'ENOSPC' || error.code === 'EDQUOT'
    const what = 'path' in act ? act.path : 'from' in act ? act.from : (this.#open.get(act.file)?.path ?? '')
    return { problem: `can't ${act.do} ${this.#path(what)}: ${error.message}`, full }
  }
}

/** A write may take less than it is given. */
function writeAll(descriptor: number, bytes: Uint8Array, at: number, done: Callback): void {
  write(descriptor, bytes, 0, bytes.length, at, (error, written) => {
    if (error !== null || written === bytes.length) return done(error)
    writeAll(descriptor, bytes.subarray(written), at + written, done)
  })
}
