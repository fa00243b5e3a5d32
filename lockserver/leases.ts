// Lease deadlines of the sessions, on this server's own monotonic clock (S3). A lease that has run out here
// is only a reason: it ends by an `expire` operation, which only a primary proposes.

import { restLeaseMs } from '../wire/limits.ts'
import type { Session } from './state/sessions.ts'
import { Times } from './times.ts'

/** A reset's pause is a lease of the state itself, under this key. */
const pause = 0

export class Leases {
  /** C3, C4, C5: the times of holds and keys, which go wherever the leases go. */
  readonly times: Times
  /** Deadlines in monotonic ms, by session ordinal. */
  readonly #until = new Map<number, number>()
  /** S4: sessions that rested when their ttl was over, and got the rest of a longer lease. */
  readonly #resting = new Set<number>()
  /** No deadline is earlier than this. */
  #earliest = Number.POSITIVE_INFINITY

  constructor(times = new Times()) {
    this.times = times
  }

  /** S4: the whole ttl from now, the moment at which the renewal was received. */
  renew(session: Session, now: number): void {
    this.#set(session.ordinal, now + session.ttlMs)
  }

  /** S3: the session asks for something: if it dies now, it holds up others for no longer than its ttl. */
  wake(session: Session, now: number): void {
    if (this.#resting.has(session.ordinal)) this.renew(session, now)
  }

  set(ordinal: number, until: number): void {
    this.#set(ordinal, until)
  }

  startPause(until: number): void {
    this.#set(pause, until)
  }

  pauseRemainingMs(now: number): number | null {
    const until = this.#until.get(pause)
    return until === undefined ? null : Math.max(0, Math.ceil(until - now))
  }

  endPause(): void {
    this.#until.delete(pause)
  }

  forget(session: Session): void {
    this.#until.delete(session.ordinal)
    this.#resting.delete(session.ordinal)
  }

  /** What remains of the ttl. A server that takes over gives the rest itself, or it would be given twice. */
  remainingMs(session: Session, now: number): number {
    const rest = this.#resting.has(session.ordinal) ? restOf(session) : 0
    return Math.max(0, (this.#until.get(session.ordinal) ?? now) - rest - now)
  }

  /** S3: a promoted backup gives each lease at least this much more. */
  extendAll(until: number): void {
    for (const [ordinal, old] of this.#until) if (old < until) this.#until.set(ordinal, until)
  }

  /** Ordinals of sessions whose leases have run out, in order; and whether the pause is over. */
  due(now: number, known: ReadonlyMap<number, Session>): { sessions: number[]; pauseOver: boolean } {
    if (now < this.#earliest) return { sessions: [], pauseOver: false }
    const sessions: number[] = []
    let earliest = Number.POSITIVE_INFINITY
    for (const [ordinal, old] of this.#until) {
      const until = old > now ? old : old + this.#giveRest(ordinal, known)
      if (until <= now) sessions.push(ordinal)
      else if (until < earliest) earliest = until
    }
    this.#earliest = earliest
    const pauseOver = sessions.includes(pause)
    return { sessions: sessions.filter(ordinal => ordinal !== pause).sort((a, b) => a - b), pauseOver }
  }

  /** A session that was due has not been ended: the next tick finds it again. */
  lookAgain(): void {
    this.#earliest = 0
  }

  /** Whether the session's lease had run out at this moment, by what is known now. */
  over(ordinal: number, at: number): boolean {
    const until = this.#until.get(ordinal)
    return until !== undefined && until <= at
  }

  /** How much longer a session may be silent, because it rests; given once, until it is heard again. */
  #giveRest(ordinal: number, known: ReadonlyMap<number, Session>): number {
    const session = known.get(ordinal)
    if (session === undefined || !session.rests || this.#resting.has(ordinal)) return 0
    this.#resting.add(ordinal)
    this.#until.set(ordinal, (this.#until.get(ordinal) as number) + restOf(session))
    return restOf(session)
  }

  #set(ordinal: number, until: number): void {
    this.#resting.delete(ordinal)
    this.#until.set(ordinal, until)
    if (until < this.#earliest) this.#earliest = until
  }
}

function restOf({ ttlMs }: Session): number {
  return restLeaseMs(ttlMs) - ttlMs
}
