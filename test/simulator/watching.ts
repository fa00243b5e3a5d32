// Judges what watches report: a watch reports each grant that it could see, in the order
// of tokens, or counts it as missed, over reconnects, sessions and views. It knows no
// server, only the users' grants and what they read.

import type { WatchEvent } from '../../client/watch.ts'
import { type Belief, type Blamed, listIn } from './checker.ts'

/** What has tokens of its own: a group, or where slots move a name. */
type Count = number | string

/** From one `watching` to the next: events between two of them may stay unreported. */
interface Segment {
  readonly startAt: number
  readonly heard: Set<string>
  /** The last token that was told, of each count of tokens (G3). */
  readonly highest: Map<Count, number>
  missed: number
  /** Another connection came in the meantime. */
  reconnected: boolean
}

interface Watched {
  readonly text: string
  readonly prefix: string
  segment: Segment | null
}

const never = Number.POSITIVE_INFINITY

export class Watching<User extends { readonly name: string }> {
  readonly #verdict: Blamed
  /** All grants so far, in no order. */
  readonly #grants: () => Iterable<Belief>
  readonly #countOf: (name: string) => Count
  /** G8: where slots move, two groups may tell of one lock, in any order. */
  readonly #isOrdered: boolean
  readonly #watches = new Map<number, Watched>()
  readonly #of = new Map<User, number[]>()

  constructor(
    verdict: Blamed,
    grants: () => Iterable<Belief>,
    countOf: (name: string) => Count,
    isOrdered = true,
  ) {
    this.#verdict = verdict
    this.#isOrdered = isOrdered
    this.#countOf = countOf
    this.#grants = grants
  }

  begins(user: User, watch: number, prefix: string): void {
    this.#watches.set(watch, { text: `the watch ${watch} of ${user.name}`, prefix, segment: null })
    listIn(this.#of, user).push(watch)
  }

  ends(watch: number): void {
    const watched = this.#watches.get(watch)
    if (watched?.segment) this.#complete(watched, watched.segment)
    this.#watches.delete(watch)
  }

  /** Its session is open on a new connection, or it is another session. */
  reconnects(user: User): void {
    for (const watch of this.#of.get(user) ?? []) {
      const segment = this.#watches.get(watch)?.segment
      if (segment) segment.reconnected = true
    }
  }

  /** It is gone, and so are its watches. */
  gone(user: User): void {
    for (const watch of this.#of.get(user) ?? []) this.#watches.delete(watch)
    this.#of.delete(user)
  }

  reads(watch: number, event: WatchEvent, now: number): void {
    const watched = this.#watches.get(watch)
    if (watched === undefined) return
    if (event.event === 'watching') return this.#anew(watched, now)
    const { segment, text } = watched
    if (segment === null)
      return this.#verdict.blame('R1 watch', `${text} tells ${event.event} before it has begun`)
    if (event.event === 'missed') {
      if (event.events < 1) this.#verdict.blame('R1 watch', `${text} has missed ${event.events} events`)
      segment.missed += event.events
    } else this.#event(watched, segment, event)
  }

  #anew(watched: Watched, startAt: number): void {
    const { segment } = watched
    if (segment !== null) this.#complete(watched, segment)
    watched.segment = { startAt, heard: new Set(), highest: new Map(), missed: 0, reconnected: false }
  }

  #event({ text, prefix }: Watched, segment: Segment, event: Extract<WatchEvent, { name: string }>): void {
    if (!event.name.startsWith(prefix))
      this.#verdict.blame('R1 watch', `${text} tells of ${event.name}, and watches ${prefix}`)
    if (event.event !== 'granted' || event.token === null) return
    const count = this.#countOf(event.name)
    const highest = segment.highest.get(count) ?? 0
    if (!this.#isOrdered && segment.heard.has(`${event.token} ${count}`))
      this.#verdict.blame('R1 watch', `${text} tells token ${event.token} of ${event.name} twice`)
    if (this.#isOrdered && event.token <= highest)
      this.#verdict.blame('R1 watch', `${text} tells token ${event.token} after ${highest}`)
    segment.highest.set(count, event.token)
    segment.heard.add(`${event.token} ${count}`)
  }

  /** Every grant after the watch's beginning and before its last report is reported or counted. */
  #complete(watched: Watched, segment: Segment): void {
    if (!this.#isOrdered) return
    const untold = this.#untold(watched, segment, count => segment.highest.get(count) ?? 0)
    if (untold !== null) this.#verdict.blame('R1 watch', untold)
  }

  #untold({ text, prefix }: Watched, segment: Segment, upTo: (count: Count) => number): string | null {
    const { startAt, heard, missed, reconnected } = segment
    // A reader this slow may have missed that the watch began again.
    if (reconnected && missed > 0) return null
    const untold: number[] = []
    for (const { attempt, name, token } of this.#grants()) {
      if (attempt.calledAt <= startAt || !name.startsWith(prefix)) continue
      const count = this.#countOf(name)
      if (token < upTo(count) && !heard.has(`${token} ${count}`)) untold.push(token)
    }
    return untold.length <= missed ? null : `${text} has not told ${untold}, and counts ${missed} as missed`
  }

  /** When nothing happens any more: the grants still to be reported. */
  unheard(): string | null {
    for (const watched of this.#watches.values()) {
      if (watched.segment === null) return `${watched.text} has not begun`
      const untold = this.#untold(watched, watched.segment, () => never)
      if (untold !== null) return untold
    }
    return null
  }
}
