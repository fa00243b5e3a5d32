// What `leader` returns: who leads, now and for `for await`. A reader that is slow gets the last state, not each one, so
// nothing piles up; it never misses that state. How what is heard is put in order stands in leader.ts.

import { LockError } from './errors.ts'
import { type Leader, Succession } from './leader.ts'
import { type ConsoleAsks, shownAs } from './shown.ts'
import type { LockWatch } from './watch.ts'
import type { Snapshot } from './web-locks.ts'

type Told = IteratorResult<Leader | null, undefined>

interface Reader {
  readonly resolve: (result: Told) => void
  readonly reject: (error: unknown) => void
}

export interface LeaderOptions {
  /** Ends it: the reader's next step rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

export class LeaderWatch implements AsyncIterator<Leader | null, undefined>, AsyncDisposable {
  readonly #name: string
  readonly #watch: LockWatch
  readonly #ask: (signal: AbortSignal) => Promise<Snapshot>
  readonly #succession: Succession
  readonly #readers: Reader[] = []
  readonly #over = new AbortController()
  #error: { readonly reason: unknown } | null = null
  /** What the last reader got. */
  #told: Leader | null | undefined
  #asking = false
  #asksAgain = false

  /** @internal */
  constructor(name: string, watch: LockWatch, ask: (signal: AbortSignal) => Promise<Snapshot>) {
    this.#name = name
    this.#watch = watch
    this.#ask = ask
    this.#succession = new Succession(name)
    void this.#follow()
  }

  /** The last that is known: who leads, null if nobody does, undefined before the first answer. */
  get current(): Leader | null | undefined {
    return this.#succession.leader
  }

  /** Who leads, at first and once that has changed; `done` once the client is closed or `return` was called. */
  next(): Promise<Told> {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject })
      this.#tell()
    })
  }

  /** Ends it; `for await` calls it when it is left. */
  async return(): Promise<Told> {
    this.#end(null)
    await this.#watch.return()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** For JSON, and what a console shows. */
  toJSON(): { readonly name: string; readonly current?: Leader | null | undefined; readonly over: boolean } {
    return { name: this.#name, current: this.current, over: this.#over.signal.aborted }
  }

  [Symbol.for('nodejs.util.inspect.custom')](...asks: ConsoleAsks): string {
    return shownAs('LeaderWatch', this.toJSON(), asks)
  }

  async #follow(): Promise<void> {
    try {
      for await (const event of this.#watch) {
        this.#succession.hears(event)
        if (event.event === 'watching' || event.event === 'missed') void this.#asks()
        this.#tell()
      }
      this.#end(null)
    } catch (reason) {
      this.#end({ reason })
    }
  }

  /** What was not heard is asked for. One query at a time: a gap that comes meanwhile needs another one. */
  async #asks(): Promise<void> {
    this.#asksAgain = true
    if (this.#asking) return
    this.#asking = true
    while (this.#asksAgain && !this.#over.signal.aborted) {
      this.#asksAgain = false
      await this.#askOnce()
    }
    this.#asking = false
  }

  async #askOnce(): Promise<void> {
    const before = this.#succession.asks()
    try {
      this.#succession.sees(await this.#ask(this.#over.signal), before)
      this.#tell()
    } catch (reason) {
      // The watch goes on in the next session, and begins with another query there.
      if (reason instanceof LockError && reason.code === 'SESSION_LOST') return
      if (!this.#over.signal.aborted) this.#watch.end({ reason })
    }
  }

  #tell(): void {
    if (this.#over.signal.aborted) return this.#sayOver()
    const leader = this.current
    if (leader === undefined || isSame(leader, this.#told)) return
    const reader = this.#readers.shift()
    if (reader === undefined) return
    this.#told = leader
    reader.resolve({ done: false, value: leader })
  }

  #sayOver(): void {
    const error = this.#error
    const readers = this.#readers.splice(0)
    if (error !== null && readers.length > 0) {
      this.#error = null
      readers.shift()?.reject(error.reason)
    }
    for (const { resolve } of readers) resolve({ done: true, value: undefined })
  }

  #end(error: { readonly reason: unknown } | null): void {
    if (this.#over.signal.aborted) return
    this.#error = error
    this.#over.abort()
    this.#sayOver()
  }
}

function isSame(leader: Leader | null, told: Leader | null | undefined): boolean {
  if (leader === null || told === null || told === undefined) return leader === told
  return leader.token === told.token && leader.note === told.note
}
