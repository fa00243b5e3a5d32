// Judges the watches on the wires: a server never leaves more events unseen than the limit; what a watch gets
// is all that happened, in order, but for just as many events as it is told that it missed. It sees what
// happened and what crosses the wires, and nothing else of a server.

import { eventsUnseenMax } from '../../wire/limits.ts'
import type { LockEvent, Message } from '../../wire/messages.ts'
import type { Wire } from '../fixtures/network.ts'
import type { Blamed } from './checker.ts'

interface Watch {
  readonly prefix: string
  /** How many events had happened when it was asked for. */
  readonly since: number
  began: boolean
  told: number
  /** Its client has said that it has seen so many. */
  seen: number
  /** Events that it must have left out since the last one that was told. */
  missed: number
  /** Which of all that happened may be the last that was told: two may look the same. Null: none was told. */
  last: number[] | null
}

export class WatchFlow {
  readonly #verdict: Blamed
  /** By server id, what happened at it as primary while there was a watch. */
  readonly #happened = new Map<string, LockEvent[]>()
  /** By the number that the client gave. */
  readonly #watches = new WeakMap<Wire, Map<number, Watch>>()

  constructor(verdict: Blamed) {
    this.#verdict = verdict
  }

  happened(server: string, event: LockEvent): void {
    const all = this.#happened.get(server)
    if (all === undefined) this.#happened.set(server, [event])
    else all.push(event)
  }

  /** A client says this to the lock server with this id. */
  asked(server: string, [kind, number, what]: Message, wire: Wire): void {
    const watches = this.#watches.get(wire) ?? new Map<number, Watch>()
    if (kind === 'watch') {
      const since = this.#happened.get(server)?.length ?? 0
      const watch = { prefix: what as string, since, began: false, told: 0, seen: 0, missed: 0, last: null }
      watches.set(number as number, watch)
      this.#watches.set(wire, watches)
    } else if (kind === 'seen') {
      const watch = watches.get(number as number)
      if (watch !== undefined) watch.seen = Math.max(watch.seen, what as number)
    }
  }

  /** The lock server with this id says this to a client. */
  answered(server: string, [kind, number, what]: Message, wire: Wire): void {
    if (kind !== 'watching' && kind !== 'event' && kind !== 'missed') return
    const watch = this.#watches.get(wire)?.get(number as number)
    if (watch === undefined) return this.#blame(`${kind} ${number} is about no watch`)
    if (kind === 'watching') watch.began = true
    else if (!watch.began) this.#blame(`${kind} ${number} comes before "watching"`)
    else if (kind === 'missed') watch.missed += what as number
    else this.#event(this.#happened.get(server) ?? [], watch, what as LockEvent)
  }

  #event(happened: readonly LockEvent[], watch: Watch, event: LockEvent): void {
    const unseen = ++watch.told - watch.seen
    if (unseen > eventsUnseenMax) this.#blame(`${unseen} events are unseen`)
    const starts = watch.last ?? startsOf(happened, watch, event)
    const last = [...new Set(starts.flatMap(from => nextOf(happened, watch, from) ?? []))]
    watch.last = last.filter(index => isSame(happened[index] as LockEvent, event))
    if (watch.last.length === 0) {
      const next = last.map(index => JSON.stringify(happened[index])).join(' or ')
      this.#blame(`${JSON.stringify(event)} is told after ${watch.missed} missed ones; it would be ${next}`)
    }
    watch.missed = 0
  }

  #blame(text: string): void {
    this.#verdict.blame('R1 watch flow', text)
  }
}

/** Just before each event that looks like the first one that is told; anywhere if some were missed before it. */
function startsOf(happened: readonly LockEvent[], { since, missed }: Watch, event: LockEvent): number[] {
  if (missed > 0) return happened.slice(since).map((_, index) => since + index - 1)
  const starts: number[] = []
  for (let index = since; index < happened.length; index++)
    if (isSame(happened[index] as LockEvent, event)) starts.push(index - 1)
  return starts
}

/** The next event that concerns this watch, after as many as it missed. */
function nextOf(happened: readonly LockEvent[], { prefix, missed }: Watch, from: number): number | undefined {
  let left = missed
  for (let index = from + 1; index < happened.length; index++)
    if ((happened[index] as LockEvent).name.startsWith(prefix) && left-- === 0) return index
  return undefined
}

function isSame(one: LockEvent, other: LockEvent): boolean {
  return (
    one.token === other.token &&
    one.event === other.event &&
    one.name === other.name &&
    one.clientId === other.clientId &&
    one.at === other.at &&
    one.mode === other.mode &&
    one.reason === other.reason &&
    // What remains of its times is told by the primary's clock.
    one.terms?.note === other.terms?.note &&
    one.terms?.once === other.terms?.once &&
    one.terms?.permits?.take === other.terms?.permits?.take
  )
}
