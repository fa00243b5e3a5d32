// Events that clients may see and that not every watcher has been told yet, in order, each under its place. It
// keeps a limited number, and decides nothing.

import { eventsKeptMax } from '../wire/limits.ts'
import type { LockEvent, MessageOf } from '../wire/messages.ts'
import { share } from '../wire/shared.ts'

export type Told = MessageOf<'serverToClient', 'event'>

interface Kept {
  readonly event: LockEvent
  /** The message for the watch that was told last. */
  message: Told | null
}

export class EventLog {
  #kept: Kept[] = []
  /** The place of the first one that is kept. */
  #first = 0

  /** The place of the next event. */
  get end(): number {
    return this.#first + this.#kept.length
  }

  /** There is no room for another one: whoever lags furthest must do without the first. */
  get full(): boolean {
    return this.#kept.length >= eventsKeptMax
  }

  add(event: LockEvent): void {
    this.#kept.push({ event, message: null })
  }

  nameAt(place: number): string {
    return this.#at(place).event.name
  }

  /** B7: from the second watcher on it becomes text once, and so does the message, if they give the same number. */
  messageAt(place: number, number: number): Told {
    const kept = this.#at(place)
    if (kept.message?.[1] === number) return share(kept.message)
    kept.message = ['event', number, kept.message === null ? kept.event : share(kept.event)]
    return kept.message
  }

  /** Every watcher has been told, or has missed, what stands before this place. */
  forgetBefore(place: number): void {
    if (place === this.#first) return
    this.#kept.splice(0, place - this.#first)
    this.#first = place
  }

  #at(place: number): Kept {
    return this.#kept[place - this.#first] as Kept
  }
}
