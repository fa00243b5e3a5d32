// What `watch` returns: the events of some locks, one after the other, for `for await`. Holds back a
// bounded number for a reader that is slower than the events; the servers count the rest as missed.

import { eventsUnseenMax } from '../wire/limits.ts'
import type { LockEvent } from '../wire/messages.ts'
import { LockError } from './errors.ts'
import { rejectToCallers } from './own-frames.ts'
import type { Watched } from './session/effects.ts'
import { type ConsoleAsks, shownAs } from './shown.ts'

/**
 * What a watch reports. `watching`: it has begun, or begun again after a failover; `missed`: this many
 * events were left out, since the reader was too slow. After both, ask `query` for the state.
 */
export type WatchEvent =
  | { readonly event: 'watching' }
  | { readonly event: 'missed'; readonly events: number }
  | Readonly<LockEvent>

/** What waits for a reader, and which part of the watch told it: there is one in each group. */
interface Kept {
  readonly event: WatchEvent
  readonly part: number
}

/** How often the servers hear how far the reader is, as a part of what it may leave unread. */
const seenPart = 1 / 8
/** Each connection may bring its own share; a reader that has stopped gets no more than this. */
const keptConnections = 2

interface Reader {
  readonly resolve: (
    result: IteratorResult<WatchEvent, undefined> | Promise<IteratorResult<WatchEvent, undefined>>,
  ) => void
  readonly reject: (error: unknown) => void
}

export class LockWatch implements AsyncIterator<WatchEvent, undefined>, AsyncDisposable {
  readonly #prefix: string
  readonly #seen: (events: number, part: number) => void
  readonly #stop: () => void
  readonly #kept: Kept[] = []
  /** Parts that have not begun: until they have, the watch has not either. */
  readonly #beginning: Set<number>
  readonly #readers: Reader[] = []
  #over = false
  /** What the next reader gets instead of an event, once. */
  #error: { readonly reason: unknown } | null = null
  /** Events that were handed on, by part, whichever session brought them. */
  readonly #told = new Map<number, number>()
  /** Those of them that need no room any more: they were read or dropped. */
  readonly #read = new Map<number, number>()

  /** @internal */
  constructor(
    seen: (events: number, part: number) => void,
    stop: () => void,
    prefix = '',
    parts: readonly number[] = [0],
  ) {
    this.#beginning = new Set(parts.length > 1 ? parts : [])
    this.#prefix = prefix
    this.#seen = seen
    this.#stop = stop
  }

  /** @internal */
  toldBy(part: number): number {
    return this.#told.get(part) ?? 0
  }

  /** The next event; `done` once the client is closed or `return` was called. */
  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const kept = this.#kept.shift()
    if (kept !== undefined) {
      const { event } = kept
      this.#count(kept)
      return Promise.resolve({ done: false, value: event })
    }
    if (this.#error !== null) {
      const { reason } = this.#error
      this.#error = null
      return Promise.reject(reason)
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  /** Ends the watch; `for await` calls it when it is left. */
  return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.#kept.length = 0
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** For JSON: which watch it is, whether it is over, and how many events no reader has taken yet. */
  toJSON(): { readonly prefix: string; readonly over: boolean; readonly unread: number } {
    return { prefix: this.#prefix, over: this.#over, unread: this.#kept.length }
  }

  /** What a console shows. */
  [Symbol.for('nodejs.util.inspect.custom')](...asks: ConsoleAsks): string {
    return shownAs('LockWatch', this.toJSON(), asks)
  }

  /** @internal */
  push(event: Watched, part = 0): void {
    if (this.#over) return
    const kept = { event, part }
    if (isEvent(event)) this.#told.set(part, this.toldBy(part) + 1)
    if (!this.#begins(kept)) return
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      this.#count(kept)
      reader.resolve({ done: false, value: event })
    } else if (this.#kept.length < keptConnections * eventsUnseenMax) this.#kept.push(kept)
    else this.#missed(kept)
  }

  /** G5: it begins when all groups have; what one of them tells before that is in the state that the reader asks for then. */
  #begins(kept: Kept): boolean {
    if (this.#beginning.size === 0) return true
    if (kept.event.event === 'watching') this.#beginning.delete(kept.part)
    else this.#count(kept)
    return this.#beginning.size === 0 && kept.event.event === 'watching'
  }

  /** @internal G8: the group of this part is gone. What it had still to tell is lost, so the watch begins again. */
  leaves(part: number): void {
    this.#beginning.delete(part)
    this.push({ event: 'watching' }, part)
  }

  /** @internal Readers that still wait get the error, or learn that it is over. */
  end(error: { readonly reason: unknown } | null = null): void {
    if (this.#over) return
    this.#over = true
    const readers = this.#readers.splice(0)
    if (error !== null && readers.length > 0) rejectReader(readers.shift(), error.reason)
    else this.#error = error
    for (const reader of readers) reader.resolve({ done: true, value: undefined })
    this.#stop()
  }

  #count({ event, part }: Kept): void {
    if (!isEvent(event)) return
    const read = (this.#read.get(part) ?? 0) + 1
    this.#read.set(part, read)
    if (read % (eventsUnseenMax * seenPart) === 0 && !this.#over) this.#seen(read, part)
  }

  /** F13: counts as read, or the servers would wait for ever until it is. */
  #missed(kept: Kept): void {
    this.#count(kept)
    const { event, part } = kept
    const events = event.event === 'missed' ? event.events : event.event === 'watching' ? 0 : 1
    const last = this.#kept.at(-1)?.event
    // A beginning is no event that was missed, but a reader must learn of it.
    if (events === 0 && last?.event !== 'missed') {
      if (last?.event !== 'watching') this.#kept.push({ event: { event: 'watching' }, part })
    } else if (last?.event === 'missed')
      this.#kept.splice(-1, 1, { event: { event: 'missed', events: last.events + events }, part })
    else this.#kept.push({ event: { event: 'missed', events }, part })
  }
}

/** An error of ours shows who waits for the next event; any other is the program's own. */
function rejectReader(reader: Reader | undefined, reason: unknown): void {
  if (reason instanceof LockError && reader !== undefined) rejectToCallers(reader.resolve, reason)
  else reader?.reject(reason)
}

function isEvent({ event }: WatchEvent): boolean {
  return event !== 'watching' && event !== 'missed'
}
