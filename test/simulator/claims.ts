// Judges what claims ask for beside a mode (C1, C3 to C6): how many permits are out, how long a hold lasts at least
// and at most, that a key runs once, which note is shown. It knows only what clients called and learned, and when.

import type { DoneRecord, LockEvent, ShownTerms, Terms, WaitRecord } from '../../wire/messages.ts'
import { type Answer, type Attempt, type Belief, type Blamed, listIn } from './checker.ts'

/** What is known of holds. */
export interface KnownHolds {
  /** G8: slots may move. */
  readonly moves: boolean
  tokenFloorOf(name: string): number
  /** Whether the tokens of these two names are in the order of their grants (L2). */
  countsWith(name: string, other: string): boolean
  grants(): Iterable<Belief>
  attemptsOn(name: string): readonly Attempt[]
  isOf(attempt: Attempt, clientId: string | null): boolean
  believed(belief: Belief): boolean
  /** Its client has called for its end. */
  isEnding(core: Attempt['core']): boolean
  /** A steal or a forced release may have ended it by now, to the good of a token up to this. */
  taken(belief: Belief, now: number, upTo?: number): boolean
  beliefIn(token: number, name: string): Belief | undefined
}

/** A note that was set, with the claim or later. Times are simulated ms. */
interface Written {
  readonly note: string | null
  readonly calledAt: number
  /** It surely was set by then. */
  doneAt: number
}

const never = Number.POSITIVE_INFINITY
/** No clock is faster than this (clocksOf in story.ts), and none slower by more. */
const fastest = 1.005
/** C4: the part of its time after which a client stops. */
const stopsAt = 0.98
/** Of a client's timers and turns. */
const slackMs = 120

export function leastOf({ terms }: Attempt): number {
  return terms?.holdAtLeastMs ?? 0
}

export function mostOf({ terms }: Attempt): number {
  return terms?.holdAtMostMs ?? never
}

/** How long the lock may be kept after its holder is gone, by any clock (C3). */
export function keptAtMost(attempt: Attempt): number {
  return leastOf(attempt) * fastest
}

/** L1, C1: these two can't be held side by side, whatever else is. */
export function clash(one: Attempt, other: Attempt): boolean {
  const [ours, theirs] = [one.terms?.permits ?? null, other.terms?.permits ?? null]
  if (ours !== null && theirs !== null) return ours.of !== theirs.of
  return ours !== null || theirs !== null || one.mode !== 'shared' || other.mode !== 'shared'
}

/** C4: by its own clock the client believes in it no more. */
export function heldTooLong(belief: Belief): boolean {
  return heldFor(belief) >= mostOf(belief.attempt) * stopsAt
}

function heldFor({ attempt, toldClock }: Belief): number {
  return attempt.user.now().monotonic - toldClock.monotonic
}

export class Claims {
  readonly #verdict: Blamed
  readonly #known: KnownHolds
  /** C5: grants by name and key. */
  readonly #runs = new Map<string, Belief[]>()
  /** C5: by name and key, when an operator's forgetting of it had taken effect at the latest. */
  readonly #forgettings = new Map<string, { overAt: number }[]>()
  /** C6 */
  readonly #notes = new Map<Belief, Written[]>()
  /** C4: those that their clients may hold too long. */
  readonly #limited = new Set<Belief>()
  /** Since when, in simulated ms, they look held for too long: a wall clock that is set may show that all at once. */
  readonly #lateSince = new Map<Belief, number>()

  constructor(verdict: Blamed, known: KnownHolds) {
    this.#verdict = verdict
    this.#known = known
  }

  /** A grant that is told just now, and all that were told before of the same lock. */
  granted(belief: Belief, others: readonly Belief[], now: number): void {
    const { attempt } = belief
    for (const other of others)
      if (clash(attempt, other.attempt) && this.#lasts(other, belief, now))
        this.#blame('C3 not kept', `${textOf(belief)} is granted while ${textOf(other)} must last`)
    this.#countPermits(belief, others, now)
    if (attempt.terms === null) return
    if (mostOf(attempt) < never) this.#limited.add(belief)
    this.#ranOnce(belief, now)
  }

  /** C1: once it was granted, and once each later one was that its client heard of before. */
  #countPermits(belief: Belief, others: readonly Belief[], now: number): void {
    const permits = belief.attempt.terms?.permits ?? null
    if (permits === null || this.#known.taken(belief, now)) return
    for (const newest of [belief, ...others.filter(({ token }) => token > belief.token)]) {
      const beside = others.filter(other => other.token <= newest.token && this.#lasts(other, newest, now))
      const taken = beside.reduce(
        (sum, { attempt }) => sum + (attempt.terms?.permits?.take ?? 0),
        permits.take,
      )
      if (taken > permits.of)
        this.#blame('C1 too many', `${taken} of ${permits.of} permits are taken with ${textOf(belief)}`)
    }
  }

  /** Believed in, without two that clash (L1), or kept though its holder is gone (C3). */
  #lasts(other: Belief, belief: Belief, now: number): boolean {
    const { attempt } = belief
    const [older, newer] = other.token < belief.token ? [other, belief] : [belief, other]
    if (this.#known.believed(other)) return !clash(attempt, other.attempt) && !this.#known.taken(other, now)
    if (other !== older || this.#acrossReset(older, newer)) return false
    return this.lastsUntil(other, now) > now && !this.#known.taken(other, now, newer.token)
  }

  #acrossReset(older: Belief, newer: Belief): boolean {
    const floor = this.#known.tokenFloorOf(older.name)
    return older.token <= floor && newer.token > floor
  }

  // ---- C3

  /** It surely lasts until then, whatever becomes of its holder; 0: it need not. */
  lastsUntil(belief: Belief, now: number): number {
    const lasts = leastOf(belief.attempt) / fastest
    if (lasts === 0 || belief.toldAt + lasts <= now) return 0
    return this.#grantedAfter(belief) + lasts
  }

  /** Tokens are in the order of the grants (L2), so it was granted after all that was asked for with a smaller one. */
  #grantedAfter({ token, name, attempt }: Belief): number {
    let after = attempt.calledAt
    for (const other of this.#known.grants()) {
      if (other.token >= token || !this.#known.countsWith(other.name, name)) continue
      after = Math.max(after, other.attempt.calledAt)
      const inTheWay = other.name === name && clash(attempt, other.attempt) && other.releasedAt < never
      if (inTheWay && !this.#known.taken(other, other.releasedAt)) after = Math.max(after, other.releasedAt)
    }
    return after
  }

  // ---- C4

  /** A client must stop by itself, by its own clock; to be called often. */
  judge(): void {
    for (const belief of this.#limited) {
      const { user, core } = belief.attempt
      // One that finishes tells of no loss, but its locks say that they are not held.
      const isGivenUp = this.#known.isEnding(core) && user.holds?.(belief.name, belief.token) === false
      if (belief.over || core.over || !user.alive || isGivenUp) this.#forget(belief)
      else if (user.frozen !== true && (user.runsSince ?? 0) + slackMs < user.network.time)
        if (heldFor(belief) > mostOf(belief.attempt) + slackMs && this.#isLateFor(belief, slackMs))
          this.#blame('C4 signal late', `${textOf(belief)} is held for longer than it may be`)
    }
  }

  #forget(belief: Belief): void {
    this.#limited.delete(belief)
    this.#lateSince.delete(belief)
  }

  /** Of a client whose clock is its wall clock it must have been seen for so long; of others once. */
  #isLateFor(belief: Belief, ms: number): boolean {
    const { user } = belief.attempt
    const { time } = user.network
    const since = this.#lateSince.get(belief) ?? time
    this.#lateSince.set(belief, since)
    return user.wallAlone !== true || time - since > ms
  }

  /** Its client hears that it is over. */
  lost(belief: Belief, reason: string): void {
    if (reason !== 'HELD_TOO_LONG') return
    const held = heldFor(belief)
    if (held < mostOf(belief.attempt) * stopsAt - 2)
      this.#blame('C4 signal early', `${textOf(belief)} is lost as HELD_TOO_LONG after ${held} ms`)
  }

  // ---- C5

  /** Its key did not run before, or may run again. */
  #ranOnce(belief: Belief, now: number): void {
    const key = belief.attempt.terms?.once?.key
    if (key === undefined) return
    const runs = listIn(this.#runs, `${belief.name} ${key}`)
    for (const other of runs) {
      const [older, newer] = other.token < belief.token ? [other, belief] : [belief, other]
      if (older.failed || this.#acrossReset(older, newer)) continue
      if (this.#wasForgotten(older, key, now)) continue
      const keep = (older.attempt.terms?.once?.keepMs ?? 0) / fastest
      if (Math.max(newer.toldAt, newer === belief ? now : 0) < this.#endedAfter(older, now) + keep)
        this.#blame('C5 ran twice', `${textOf(newer)} runs ${key} again, after ${textOf(older)}`)
    }
    runs.push(belief)
  }

  forgets(name: string, key: string): { overAt: number } {
    const forgetting = { overAt: never }
    listIn(this.#forgettings, `${name} ${key}`).push(forgetting)
    return forgetting
  }

  /** Perhaps, after it had ended: a key that runs is never forgotten. */
  #wasForgotten(belief: Belief, key: string, now: number): boolean {
    const forgettings = this.#forgettings.get(`${belief.name} ${key}`)
    if (forgettings === undefined) return false
    const ended = this.#endedAfter(belief, now)
    return ended < never && forgettings.some(({ overAt }) => overAt >= ended)
  }

  /** It surely ended not before this. */
  #endedAfter(belief: Belief, now: number): number {
    if (this.#known.taken(belief, now)) return belief.attempt.calledAt
    if (this.#known.believed(belief)) return never
    const gone = belief.releasedAt < never ? belief.releasedAt : belief.toldAt
    return Math.max(gone, this.#grantedAfter(belief) + leastOf(belief.attempt) / fastest)
  }

  /** An acquire with a key was told that it runs, or has run. */
  doneBefore(attempt: Attempt, { token, clientId }: DoneRecord): void {
    const [name = ''] = attempt.names
    const key = attempt.terms?.once?.key
    const text = `${attempt.user.name} was told that ${key} of ${name} was done with token ${token}`
    if (key === undefined) return this.#blame('C5 wrong record', `${text}, and asked for no key`)
    const asked = (other: Attempt) => this.#known.isOf(other, clientId) && other.terms?.once?.key === key
    if (!this.#known.attemptsOn(name).some(asked))
      this.#blame('C5 wrong record', `${text} by ${clientId}, which never asked for it`)
    const belief = this.#known.beliefIn(token, name)
    if (belief === undefined) return
    if (belief.name !== name || !asked(belief.attempt))
      this.#blame('C5 wrong record', `${text}, which is ${textOf(belief)}`)
    // Who takes the lock by force just before the failure is told ends the run, and frees no key.
    const failed = belief.failed && !this.#known.taken(belief, belief.freeAt)
    if (failed && belief.freeAt < attempt.calledAt)
      this.#blame('C5 failure kept', `${text}, which had failed before`)
  }

  // ---- C6

  /** A note is asked for just now: with the claim of a grant, or later. */
  writes(belief: Belief, note: string | null, calledAt: number): Written {
    const written = { note, calledAt, doneAt: never }
    listIn(this.#notes, belief).push(written)
    return written
  }

  /** What a list shows of holds, asked for and answered then. */
  shown({ held, confirmed: isConfirmed }: Answer<'query'>, calledAt: number, now: number): void {
    const taken = new Map<string, { readonly of: number; sum: number }>()
    for (const { name, token, mode, clientId, terms } of held) {
      const permits = terms?.permits ?? null
      if ((mode === 'permits') !== (permits !== null))
        this.#blame('C1 wrong list', `${name} is shown in mode ${mode} with ${JSON.stringify(permits)}`)
      const known = taken.get(name) ?? { of: permits?.of ?? 0, sum: 0 }
      taken.set(name, known)
      known.sum += permits?.take ?? 0
      // G8: two groups that had the lock one after the other may both show holds.
      if (this.#known.moves) continue
      if (known.of !== (permits?.of ?? 0) || known.sum > known.of)
        this.#blame('C1 wrong list', `${known.sum} of ${known.of} permits of ${name} are shown`)
      const belief = this.#known.beliefIn(token, name)
      if (belief === undefined) continue
      // V4: a server that was replaced may show, unconfirmed, what it alone granted, with a token that its successor
      // gave out again.
      const isThis = belief.name === name && this.#known.isOf(belief.attempt, clientId)
      if (!isConfirmed && !isThis) continue
      this.#termsOf(belief, terms, isConfirmed ? calledAt : 0, now)
      if (clientId === null && this.#known.believed(belief) && belief.attempt.terms !== null)
        this.#blame('C3 kept too soon', `${textOf(belief)} is shown as kept, and its client believes in it`)
    }
  }

  /** What a list shows of waits. */
  waits(pending: readonly WaitRecord[]): void {
    for (const { name, clientId, terms } of pending) {
      const own = this.#known.attemptsOn(name).filter(attempt => this.#known.isOf(attempt, clientId))
      const asked = own.some(
        attempt => isSame(attempt.terms, terms) && noteOf(attempt.terms) === noteOf(terms),
      )
      if (own.length > 0 && !asked)
        this.#blame('C6 wrong list', `${clientId} waits for ${name} with ${JSON.stringify(terms)}`)
    }
  }

  happened({ event, name, token, terms }: LockEvent, now: number): void {
    const belief = token === null ? undefined : this.#known.beliefIn(token, name)
    if (belief === undefined) return
    // R1: an event may be old, so any note that was asked for may be in it.
    this.#termsOf(belief, terms, 0, now)
    if (event === 'kept' && this.#known.believed(belief))
      this.#blame('R1 false event', `a watcher heard that ${textOf(belief)} is kept, which is believed in`)
  }

  #termsOf(belief: Belief, terms: ShownTerms, calledAt: number, now: number): void {
    const { attempt } = belief
    if (!isSame(attempt.terms, terms))
      this.#blame('C1 wrong list', `${textOf(belief)} is shown with ${JSON.stringify(terms)}`)
    const [keptMs, endsMs] = [terms?.keptMs ?? 0, terms?.endsMs ?? 0]
    // Rounded up.
    if (
      keptMs > leastOf(attempt) + 1 ||
      endsMs > mostOf(attempt) + 1 ||
      (endsMs > 0 && mostOf(attempt) === never)
    )
      this.#blame('C3 wrong list', `${textOf(belief)} is shown with ${keptMs} and ${endsMs} ms to go`)
    const written = this.#notes.get(belief) ?? []
    const first = { note: attempt.terms?.note ?? null, calledAt: 0, doneAt: 0 }
    const all = [first, ...written]
    const fits = all.some(
      ({ note, calledAt: since }, i) =>
        note === noteOf(terms) && since <= now && (all[i + 1]?.doneAt ?? never) >= calledAt,
    )
    if (!fits) this.#blame('C6 wrong note', `${textOf(belief)} is shown with the note ${noteOf(terms)}`)
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

function noteOf(terms: Terms | ShownTerms): string | null {
  return terms?.note ?? null
}

/** Permits and key are as they were asked for. */
function isSame(asked: Terms | null, shown: ShownTerms): boolean {
  const [ours, theirs] = [asked?.permits ?? null, shown?.permits ?? null]
  if (ours?.of !== theirs?.of || ours?.take !== theirs?.take) return false
  return (asked?.once?.key ?? null) === (shown?.once ?? null)
}

function textOf({ attempt, name, token }: Belief): string {
  const { permits = null } = attempt.terms ?? {}
  const what = permits === null ? attempt.mode : `${permits.take} of ${permits.of}`
  return `${attempt.user.name}'s ${what} ${name} (token ${token})`
}
