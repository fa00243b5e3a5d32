// Judges a story by what its clients called and learned, and when: which client believes to hold what, which
// answers could have been given. It sees nothing of any server, and never steps anything.

import type { CallResult } from '../../client/session/effects.ts'
import { claimOf } from '../../wire/claim.ts'
import type { Instant } from '../../wire/clock.ts'
import { queryMax } from '../../wire/limits.ts'
import type { LockEvent, Manner, Mode, Terms } from '../../wire/messages.ts'
import type { Outcome } from '../fixtures/cluster.ts'
import { Claims, clash, heldTooLong, keptAtMost, leastOf, mostOf } from './claims.ts'

export type Answer<V extends CallResult['verb']> = Extract<CallResult, { verb: V }>

/** What is asked of a user's session: in a story a client's core, in a run of real processes its history. */
export interface Session {
  readonly sessionId: string
  /** What others see of it; null until it is open. */
  readonly clientId: string | null
  readonly opened: boolean
  /** It is lost or has ended. */
  readonly over: boolean
  /** G3: of this group; of the first unless it says so. */
  readonly group?: number
  /** Its user can't believe in it any more, by its own clock. */
  expired(now: Instant): boolean
}

/** The client that calls and gets the answer. */
export interface Witness {
  readonly name: string
  readonly alive: boolean
  readonly core: Session
  readonly network: { readonly time: number }
  /** Of a simulated machine: it stands still; since when it has run. */
  readonly frozen?: boolean
  readonly runsSince?: number
  /** Likewise: a wall clock that is set looks like sleep to it. */
  readonly wallAlone?: boolean
  /** Whether it believes in this lock, by its handle; null: its session says it. */
  holds?(name: string, token: number): boolean | null
  /** G3: its session of this group that is in force. */
  coreIn?(group: number): Session
  now(): Instant
}

/** Where names live (G2); and that slots may move (G8). */
export interface Places {
  groupOf(name: string): number
  readonly moves: boolean
}

const onePlace: Places = { groupOf: () => 0, moves: false }

/** What a query asks for. */
export interface Asked {
  readonly prefix: string
  readonly confirmed: boolean
  /** A2: it may not read all of it, and is told that there may be more. */
  readonly isPart?: boolean
  /** G5: these groups have not answered. */
  readonly missing?: readonly number[]
}

/** Hears of each thing that must not be. */
export interface Blamed {
  blame(check: string, text: string): void
}

/** One acquire. Times are simulated ms; Infinity: not yet. */
export interface Attempt {
  readonly user: Witness
  /** Where slots move, the one that it was granted in may be another than the one that it was asked for in. */
  core: Session
  readonly names: readonly string[]
  readonly mode: Mode
  readonly manner: Manner
  readonly terms: Terms | null
  readonly calledAt: number
  /** G4: a part of a call for locks of several groups, asked for once the parts before it are granted. */
  readonly isPart: boolean
  /** L2: for each name, the largest token of its group that any client knew when it was called. */
  readonly floors: readonly number[]
  /** S2: its place among the numbered calls of its session. */
  place: number
  /** When a later call of its session was answered: from then on it surely stands in the queue (L3). */
  appliedAt: number
  tokens: readonly number[] | null
  /** The place of the first call after its abort; an answer to that one shows that it is undone. */
  abortedBefore: number | null
  /** Its user gave it up, or its time is over. */
  givenUp: boolean
  /** It can't have any lock after this. */
  overAt: number
  /** Its user heard then that it gets no lock: until then it may have stood in a queue. */
  failedAt: number
}

/** One name of a grant, as its user believes in it. */
export interface Belief {
  readonly attempt: Attempt
  readonly name: string
  readonly token: number
  readonly toldAt: number
  /** By its user's clocks. */
  readonly toldClock: Instant
  /** The user gave it up, or learned of its loss. */
  over: boolean
  /** S2: the place of its release. */
  releasedAs: number
  /** When its release was called. */
  releasedAt: number
  /** C5: its user said that what it ran has failed. */
  failed: boolean
  /** S5: its release found it gone; the servers count its loss until they know that its client knows, which no call shows. */
  foundGone: boolean
  /** Its user surely has it no more after this. */
  freeAt: number
}

interface Reset {
  readonly at: number
  readonly floor: number
  readonly pausedUntil: number
}

interface Force {
  readonly name: string
  /** C8: only this one; null: all. */
  readonly token: number | null
  readonly calledAt: number
  overAt: number
}

const never = Number.POSITIVE_INFINITY
const longAgo = Number.NEGATIVE_INFINITY
/** Without a primary nothing ends what is kept. */
const keptSlackMs = 30_000

/** Locks of one session, where limits are low enough to be met. */
export const tightLocksMax = 6
/** How often it may hold one of them, shared (B2). */
export const tightSharedMax = 2
/** C3: the longest time that a hold may last at least there, in ms. */
export const tightLeastMax = 500
/** What is answered when a limit is passed. */
const claimCodes: ReadonlySet<string> = new Set([
  'PERMITS_DIFFER',
  'AT_LEAST_OUT_OF_RANGE',
  'ONCE_KEYS_LIMIT',
])
const sessionEnds: ReadonlySet<string> = new Set(['SESSION_LOST', 'EXPIRED'])
const limitCodes: ReadonlySet<string> = new Set(['LOCKS_LIMIT', 'WAITERS_LIMIT', 'UNANSWERED_LIMIT'])

export class Checker {
  readonly #verdict: Blamed
  /** Limits are low enough to be met. */
  readonly #tight: boolean
  /** When each session was first asked for a lock. */
  readonly #begun = new Map<Session, number>()
  readonly #attemptsByName = new Map<string, Attempt[]>()
  readonly #forces: Force[] = []
  readonly #byToken = new Map<string, Belief>()
  /** Groups count for themselves (G3). */
  readonly #byNumber = new Map<number, Belief[]>()
  readonly #byName = new Map<string, Belief[]>()
  /** Those that may still be believed in, and all. */
  readonly #byCore = new Map<Session, Belief[]>()
  readonly #grantsOf = new Map<Session, Belief[]>()
  readonly #places = new Map<Session, number>()
  readonly #ending = new Set<Session>()
  /** The largest token that any client was told, by group; where slots move, by name. */
  readonly #highest = new Map<number | string, number>()
  /** Those whose abort, or whose being queued, a later answer will show; by session. */
  readonly #open = new Map<Session, Attempt[]>()
  /** F14: the last reset of each group. */
  readonly #resets = new Map<number, Reset>()
  readonly #where: Places

  /** C1 to C6. */
  readonly claims: Claims
  /** What calls may fail with in this story: codes of limits that others have used up, or of a record that is lost. */
  readonly #usedUp: ReadonlySet<string>

  constructor(
    verdict: Blamed,
    tight: boolean,
    usedUp: ReadonlySet<string> = new Set(),
    where: Places = onePlace,
  ) {
    this.#where = where
    this.#usedUp = usedUp
    this.#verdict = verdict
    this.#tight = tight
    this.claims = new Claims(verdict, this)
  }

  /** The largest token of this group that any client was told; where slots move, of all. */
  highestIn(group: number): number {
    if (!this.#where.moves) return this.#highest.get(group) ?? 0
    const here = [...this.#highest].filter(([name]) => this.#where.groupOf(String(name)) === group)
    return Math.max(0, ...here.map(([, token]) => token))
  }

  /** G8: slots may move. */
  get moves(): boolean {
    return this.#where.moves
  }

  /** G8: it may be asked with another session of its client by now, whose id begins as the first one's (C9). */
  isOf({ core }: Attempt, clientId: string | null): boolean {
    if (!this.moves) return core.clientId === clientId
    // What was over before its client heard of it may have been another group's by then.
    return !core.clientId || core.clientId.slice(0, 16) === clientId?.slice(0, 16)
  }

  /** The largest token of this name, or of its group, that any client was told. */
  highestOf(name: string): number {
    return this.#highest.get(this.countOf(name)) ?? 0
  }

  /** The token of one of these names is above that of the other if it was granted later (L2). */
  countsWith(name: string, other: string): boolean {
    return this.countOf(name) === this.countOf(other)
  }

  /** Whose tokens are in one order: a group's, or where slots move a name's. */
  countOf(name: string): number | string {
    return this.#where.moves ? name : this.#where.groupOf(name)
  }

  /** F14: the tokens of states that resets gave up are not above it. */
  tokenFloorOf(name: string): number {
    if (this.#where.moves) return Math.max(0, ...[...this.#resets.values()].map(({ floor }) => floor))
    return this.#resets.get(this.#where.groupOf(name))?.floor ?? 0
  }

  get wasReset(): boolean {
    return this.resetAt() > Number.NEGATIVE_INFINITY
  }

  /** When the last reset was made, of this group or of any. */
  resetAt(group: number | null = null): number {
    const times = [...this.#resets].map(([of, { at }]) => (group === null || of === group ? at : longAgo))
    return Math.max(longAgo, ...times)
  }

  /** When the pauses are surely over. */
  #pausedUntil(names: readonly string[]): number {
    const groups = names.map(name => this.#where.groupOf(name))
    const until = [...this.#resets].map(([of, { pausedUntil }]) =>
      this.#where.moves || groups.includes(of) ? pausedUntil : longAgo,
    )
    return Math.max(longAgo, ...until)
  }

  /** E6: view 1 of a cluster that may have had an older one grants nothing for a while. */
  begins(now: number, pauseMs: number, group = 0): void {
    this.#resets.set(group, { at: longAgo, floor: 0, pausedUntil: now + pauseMs * 1.01 + 1_000 })
  }

  /** F14: an empty state takes the place of the old one, after a pause. */
  reset(now: number, pauseMs: number, tokenFloor = this.highestIn(0), group = 0): void {
    // S4: rates differ by 1 %; then comes the slack of ticks, failovers and clients that come over.
    this.#resets.set(group, { at: now, floor: tokenFloor, pausedUntil: now + pauseMs * 1.01 + 10_000 })
  }

  // ---- calls

  /** The place of a numbered call that is made now. */
  place(core: Session): number {
    const place = (this.#places.get(core) ?? 0) + 1
    this.#places.set(core, place)
    return place
  }

  acquires(
    user: Witness,
    names: readonly string[],
    mode: Mode,
    manner: Manner,
    asked: Terms | null = null,
    core: Session = user.core,
    isPart = false,
  ): Attempt {
    const claim = claimOf(mode, manner, asked)
    const attempt: Attempt = {
      user,
      core,
      names,
      mode: manner === 'steal' && claim.mode === 'shared' ? 'exclusive' : claim.mode,
      manner,
      terms: claim.terms,
      calledAt: user.network.time,
      isPart,
      floors: names.map(name => this.#highest.get(this.countOf(name)) ?? 0),
      place: this.place(core),
      appliedAt: never,
      tokens: null,
      abortedBefore: null,
      givenUp: false,
      overAt: never,
      failedAt: Number.NEGATIVE_INFINITY,
    }
    if (!this.#begun.has(core)) this.#begun.set(core, attempt.calledAt)
    for (const name of names) listIn(this.#attemptsByName, name).push(attempt)
    listIn(this.#open, core).push(attempt)
    return attempt
  }

  aborts(attempt: Attempt): void {
    attempt.givenUp = true
    // G4: what other groups have granted is given back once the whole call has failed.
    if (!attempt.isPart) this.#undone(attempt)
  }

  #undone(attempt: Attempt): void {
    attempt.abortedBefore ??= (this.#places.get(attempt.core) ?? 0) + 1
  }

  /** `failed`: C5. */
  releases(belief: Belief, failed = false): number {
    belief.over = true
    belief.releasedAt = belief.attempt.user.network.time
    belief.failed = failed
    belief.releasedAs = this.place(belief.attempt.core)
    return belief.releasedAs
  }

  /** A release that was not sent by then is settled by the end. */
  ends(core: Session): void {
    this.#ending.add(core)
    // Of those that are held for too long their client may still have to tell it.
    const isEnded = this.endedAtOnce.has(core.sessionId)
    for (const belief of this.#byCore.get(core) ?? []) belief.over ||= isEnded || this.believed(belief)
  }

  /** It may end at any time; until then its locks are believed in. */
  finishes(core: Session): void {
    this.#ending.add(core)
  }

  isEnding(core: Session): boolean {
    return this.#ending.has(core)
  }

  forces(user: Witness, name: string, token: number | null = null): Force {
    const force = { name, token, calledAt: user.network.time, overAt: never }
    this.#forces.push(force)
    return force
  }

  /** S2: a numbered call of this session was answered, so all before it were applied. */
  answered(core: Session, place: number, now: number): void {
    const open = this.#open.get(core)
    if (open === undefined) return
    const left = open.filter(attempt => {
      // Where slots move, a call may be asked again of another group, behind others.
      const inOrder = attempt.place < place && !attempt.isPart && !this.#where.moves
      if (inOrder && attempt.appliedAt > now) attempt.appliedAt = now
      const undone = attempt.abortedBefore !== null && attempt.abortedBefore <= place
      if (undone && attempt.tokens === null) attempt.overAt = Math.min(attempt.overAt, now)
      return attempt.overAt === never && attempt.tokens === null
    })
    this.#open.set(core, left)
  }

  // ---- answers

  acquired(attempt: Attempt, outcome: Outcome): void {
    const now = outcome.at
    if (outcome.result === undefined) return this.#failed(attempt, outcome)
    this.answered(attempt.core, attempt.place, now)
    if (outcome.result.verb === 'done-before') {
      attempt.overAt = Number.NEGATIVE_INFINITY // it never had any
      attempt.failedAt = now
      return this.claims.doneBefore(attempt, outcome.result.record)
    }
    const { tokens } = outcome.result as Answer<'acquire'>
    if (tokens === null) {
      attempt.overAt = Number.NEGATIVE_INFINITY // it never had any
      return this.#refused(attempt, now)
    }
    // A session that ends while its answers are read tells so before them.
    // Of several sessions the program says which of its handles are held.
    const byHandles = attempt.user.holds?.(attempt.names[0] ?? '', tokens[0] ?? 0) ?? null
    if (byHandles === null && !attempt.core.over && attempt.core.expired(attempt.user.now()))
      this.#blame('S4 late grant', `${attempt.user.name} is told of ${attempt.names} after its deadline`)
    if (attempt.isPart && byHandles === true && attempt.core.over) this.#askedLater(attempt)
    attempt.tokens = tokens
    this.#inOrder(attempt)
    for (const [i, name] of attempt.names.entries()) this.#granted(attempt, name, tokens[i] as number, now)
  }

  /** G4: while its call waited for another group, the session that was there then was lost: the next one has asked. */
  #askedLater(attempt: Attempt): void {
    attempt.core = attempt.user.coreIn?.(attempt.core.group ?? 0) ?? attempt.core
    attempt.place = this.place(attempt.core)
  }

  released(belief: Belief, held: boolean, now: number): void {
    const { core, user } = belief.attempt
    // With its session the servers give it back, whenever one of them serves again.
    if (core.over || core.expired(user.now()) || this.#ending.has(core)) return
    const over = (now - belief.toldAt) * 1.01 >= mostOf(belief.attempt) // C4: while its release was on its way
    belief.foundGone = !held
    if (!held && !over && !this.taken(belief, now))
      this.#blame('S1 lost hold', `the release of ${textOf(belief)} found it gone, and nobody took it`)
    belief.freeAt = Math.min(belief.freeAt, now)
  }

  lost(user: Witness, token: number, reason: string, now: number, name?: string): void {
    const belief = this.beliefIn(token, name)
    if (belief === undefined)
      return this.#blame('S5 false loss', `${user.name} lost token ${token}, which nobody was granted`)
    if (belief.attempt.user !== user)
      this.#blame('S5 false loss', `${user.name} lost token ${token} of ${belief.attempt.user.name}`)
    // C4: its time ran out while its process stood still, with the release that it had just called.
    const stoodStill = reason === 'HELD_TOO_LONG' && (user.runsSince ?? 0) > belief.releasedAt
    if (belief.over && !stoodStill)
      this.#blame('S5 loss told twice', `${user.name} was told twice that ${textOf(belief)} is over`)
    const taken = reason === 'STOLEN' || reason === 'FORCED'
    if (taken && !this.taken(belief, now, never, reason))
      this.#blame('S5 false loss', `${textOf(belief)} is lost as ${reason}, and nobody did that`)
    if (reason === 'HELD_TOO_LONG' && mostOf(belief.attempt) === never)
      this.#blame('S5 false loss', `${textOf(belief)} is lost as ${reason}, and may be held for ever`)
    this.claims.lost(belief, reason)
    belief.over = true
    if (taken) belief.freeAt = Math.min(belief.freeAt, now)
  }

  /** S4: its lease still ran, or its own core would have said so; only a reset takes a session away. */
  sessionGivenUp(user: Witness, core: Session): void {
    if (this.endedAtOnce.has(core.sessionId)) return
    if (this.resetAt(core.group ?? 0) > longAgo) return
    if (this.#where.moves && !this.#hadAny(core)) return
    const text = `the servers gave up session ${core.sessionId} of ${user.name}, which believed in it`
    this.#blame('S4 session given up', text)
  }

  /** G8: nothing is held in a group that ends; its clients may hear of that late. */
  #hadAny(core: Session): boolean {
    const grants = this.#grantsOf.get(core) ?? []
    return grants.some(
      belief => belief.releasedAs === never && belief.freeAt === never && !heldTooLong(belief),
    )
  }

  /** S4: whether this user believes in its session. */
  believesInSession(user: Witness, core: Session = user.core): boolean {
    if (!user.alive || core.over || !core.opened || this.#ending.has(core)) return false
    if (this.endedAtOnce.has(core.sessionId)) return false
    return !core.expired(user.now())
  }

  /** A3: their servers have ended these at once; whoever believes in them was told to stop. By id. */
  endedAtOnce: ReadonlySet<string> = new Set()

  /** A3: when a wait was withdrawn for a right that is gone, by session id and name. */
  withdrawnAt: ReadonlyMap<string, number> = new Map()

  /** A query that was confirmed, called then and answered now (R1): linearizable. */
  queried(answer: Answer<'query'>, calledAt: number, now: number, asked: Asked): void {
    this.#alone(answer)
    this.claims.shown(answer, calledAt, now)
    this.claims.waits(answer.pending)
    this.#asFarAsAsked(answer, asked)
    // An answer that says so is one, whoever asked for it.
    if (!asked.confirmed && !answer.confirmed) return
    if (!answer.confirmed) this.#blame('R1 unconfirmed', 'a confirmed query was answered unconfirmed')
    this.#holdsShown(answer, calledAt, now, asked)
    this.#waitsShown(answer, calledAt, asked)
  }

  /** It shows no other lock, and no more of them than an answer may have. */
  #asFarAsAsked({ held, pending, cut }: Answer<'query'>, { prefix, isPart = false }: Asked): void {
    const other = [...held, ...pending].find(({ name }) => !name.startsWith(prefix))
    if (other !== undefined) this.#blame('R1 wrong query', `a query for ${prefix} shows ${other.name}`)
    const size = held.length + pending.length
    // Each group cuts its own part (G5).
    if (this.#where !== onePlace) return
    if (cut && !isPart ? size !== queryMax : size > queryMax)
      this.#blame('R1 wrong query', `an answer that is ${cut ? '' : 'not '}cut shows ${size} of ${queryMax}`)
  }

  /** L1, in one answer. */
  #alone(answer: Answer<'query'>): void {
    if (this.#where.moves) return // Its groups answer at different moments, between which a slot may move.
    const byName = new Map<string, boolean[]>()
    for (const hold of answer.held) listIn(byName, hold.name).push(hold.mode === 'exclusive')
    for (const [name, modes] of byName)
      if (modes.length > 1 && modes.includes(true))
        this.#blame('L1 two holders', `a query shows ${name} held exclusively and by another`)
  }

  #holdsShown(answer: Answer<'query'>, calledAt: number, now: number, asked: Asked): void {
    const shown = new Map(answer.held.map(hold => [this.#keyOf(hold.name, hold.token), hold]))
    for (const [key, belief] of this.#byToken) {
      const hold = shown.get(key)
      if (hold === undefined) {
        if (!this.#isAskedOf(belief.name, asked)) continue
        const floor = this.tokenFloorOf(belief.name)
        const kept = this.claims.lastsUntil(belief, now) > now && belief.token > floor // C3
        const lasts = belief.toldAt < calledAt && (kept || this.believed(belief))
        if (lasts && !answer.cut && !this.taken(belief, now))
          this.#blame(
            kept ? 'C3 not kept' : 'R1 stale query',
            `a query does not show ${textOf(belief)}, granted before it was asked`,
          )
        continue
      }
      const kept = hold.clientId === null && leastOf(belief.attempt) > 0
      if (belief.freeAt < calledAt && !kept)
        this.#blame('R1 stale query', `a query shows ${textOf(belief)}, given up before it was asked`)
      if (hold.name !== belief.name || (hold.clientId !== belief.attempt.core.clientId && !kept))
        this.#blame('R1 wrong query', `a query shows ${textOf(belief)} as ${hold.name} of ${hold.clientId}`)
    }
  }

  /** G5: where slots move, a group that is missing may have any name. */
  #isAskedOf(name: string, { prefix, missing = [] }: Asked): boolean {
    if (!name.startsWith(prefix)) return false
    return missing.length === 0 || (!this.#where.moves && !missing.includes(this.#where.groupOf(name)))
  }

  /** Who surely waited before it was asked, and still does, is shown; as a holder, if it was granted just now. */
  #waitsShown(answer: Answer<'query'>, calledAt: number, asked: Asked): void {
    if (answer.cut) return
    const shown = new Set([...answer.pending, ...answer.held].map(({ clientId, name }) => clientId + name))
    for (const open of this.#open.values()) {
      for (const attempt of open) {
        const { core, user, names } = attempt
        const waits = attempt.manner === 'wait' && attempt.tokens === null && attempt.overAt === never
        const [name = ''] = names
        if (!waits || names.length > 1 || !this.#isAskedOf(name, asked) || attempt.appliedAt >= calledAt)
          continue
        const resetAt = this.resetAt(core.group ?? 0)
        if (attempt.calledAt <= resetAt || (this.#begun.get(core) ?? 0) <= resetAt) continue // F14
        const gone = this.#ending.has(core) || this.endedAtOnce.has(core.sessionId)
        const lives = user.alive && !core.over && !core.expired(user.now()) && !gone
        if (!lives || attempt.abortedBefore !== null || shown.has(core.clientId + name)) continue
        if ((this.withdrawnAt.get(core.sessionId + name) ?? 0) >= attempt.calledAt) continue
        if (!this.#mayBeTaken(attempt) && !this.#mayBeDone(attempt))
          this.#blame('R1 stale query', `a query does not show that ${user.name} waits for ${names[0]}`)
      }
    }
  }

  /** C5: another one has its key, or had it, all while the answer is on its way. */
  #mayBeDone(attempt: Attempt): boolean {
    const key = attempt.terms?.once?.key
    const rivals = key === undefined ? [] : this.attemptsOn(attempt.names[0] ?? '')
    return rivals.some(
      other =>
        other !== attempt &&
        other.terms?.once?.key === key &&
        (other.tokens !== null || other.overAt === never),
    )
  }

  /** Granted, and taken by force again, all while its answer is on its way. */
  #mayBeTaken({ names, calledAt }: Attempt): boolean {
    const [name = ''] = names
    const thieves = this.#attemptsByName.get(name) ?? []
    return (
      thieves.some(thief => thief.manner === 'steal' && thief.overAt > calledAt) ||
      this.#forces.some(force => force.name === name && force.overAt >= calledAt)
    )
  }

  /** R1: what a watcher hears of has happened, and stays so. */
  watched(what: LockEvent, now: number): void {
    const { event, name, token, clientId, reason } = what
    if (token === null) return
    this.claims.happened(what, now)
    const belief = this.beliefIn(token, name)
    if (belief === undefined) {
      if (event === 'granted') this.#foretold.set(this.#keyOf(name, token), clientId)
      return
    }
    const kept = clientId === null && leastOf(belief.attempt) > 0 && belief.name === name
    // G8: which of its sessions a program was granted a lock with is a guess where slots move.
    const isTheirs = this.moves || this.isOf(belief.attempt, clientId)
    if ((belief.name !== name || !isTheirs) && !kept)
      this.#blame('R1 false event', `a watcher heard of token ${token} as ${name} of ${clientId}`)
    if (event === 'released' && this.believed(belief))
      this.#blame('R1 false event', `a watcher heard that ${textOf(belief)} was released`)
    if (event !== 'lost') return
    if (reason === 'EXPIRED' && this.believed(belief) && !this.wasReset)
      this.#blame('S4 signal late', `a watcher heard that ${textOf(belief)} expired, which is believed in`)
    if (reason === 'HELD_TOO_LONG') {
      if (this.believed(belief))
        this.#blame('C4 signal late', `a watcher heard that ${textOf(belief)} was held too long`)
    } else if (reason !== 'EXPIRED' && !this.taken(belief, now, never, reason))
      this.#blame('R1 false event', `a watcher heard that ${textOf(belief)} is ${reason}`)
  }
  /** Grants that watchers heard of before their holders did. */
  readonly #foretold = new Map<string, string | null>()

  // ---- beliefs

  /** As `lock.held` says it. */
  believed(belief: Belief): boolean {
    const { user, core } = belief.attempt
    if (belief.over || !user.alive || this.endedAtOnce.has(core.sessionId)) return false
    const holds = user.holds?.(belief.name, belief.token) ?? null
    if (holds !== null) return holds
    return !core.over && !core.expired(user.now()) && !heldTooLong(belief)
  }

  /** `name`: needed where several groups count their tokens. */
  beliefIn(token: number, name?: string): Belief | undefined {
    if (name === undefined) return this.#byNumber.get(token)?.[0]
    return this.#byToken.get(this.#keyOf(name, token))
  }

  #keyOf(name: string, token: number): string {
    return this.#where === onePlace ? `${token}` : `${token} ${name}`
  }

  /** All that asked for this lock. */
  attemptsOn(name: string): readonly Attempt[] {
    return this.#attemptsByName.get(name) ?? []
  }

  /** All that was ever granted. */
  grants(): Iterable<Belief> {
    return this.#byToken.values()
  }

  beliefsOf(core: Session): Belief[] {
    const all = this.#byCore.get(core)
    if (all === undefined) return []
    const believed = all.filter(belief => this.believed(belief))
    // What its servers have ended at once may come back with an older primary's successor (A3).
    if (!this.endedAtOnce.has(core.sessionId)) this.#byCore.set(core, [...believed])
    return believed
  }

  #granted(attempt: Attempt, name: string, token: number, now: number): void {
    const belief: Belief = {
      attempt,
      name,
      token,
      toldAt: now,
      toldClock: attempt.user.now(),
      over: false,
      releasedAs: never,
      releasedAt: never,
      failed: false,
      foundGone: false,
      freeAt: never,
    }
    const key = this.#keyOf(name, token)
    const same = listIn(this.#byNumber, token)
    if (same.some(other => this.countsWith(other.name, name)))
      this.#blame('L2 token twice', `${textOf(belief)} was granted before`)
    same.push(belief)
    const floor = attempt.floors[attempt.names.indexOf(name)] ?? 0
    if (token <= floor) {
      const text = `${textOf(belief)} is not above ${floor}, told before it was asked for`
      this.#blame('L2 token not larger', text)
    }
    const foretold = this.#foretold.get(key)
    if (foretold !== undefined && !this.isOf(attempt, foretold))
      this.#blame('R1 false event', `${textOf(belief)} was told to a watcher as that of another`)
    const count = this.countOf(name)
    this.#highest.set(count, Math.max(this.#highest.get(count) ?? 0, token))
    const others = listIn(this.#byName, name)
    for (const other of others) this.#compare(belief, other, now)
    this.#queueJumped(belief)
    this.claims.granted(belief, others, now)
    others.push(belief)
    this.#byToken.set(key, belief)
    listIn(this.#byCore, attempt.core).push(belief)
    listIn(this.#grantsOf, attempt.core).push(belief)
    const held = this.#tight ? this.beliefsOf(attempt.core).length : 0
    if (held > tightLocksMax) this.#blame('S1 limit', `${attempt.user.name} holds ${held} locks`)
  }

  /** L1, S4: an older hold that is still believed in must not conflict, unless it was taken by force. */
  #compare(belief: Belief, other: Belief, now: number): void {
    if (other.over) return
    if (!clash(belief.attempt, other.attempt) || !this.believed(other)) return
    // A8: news of a grant may come to a session that was ended at once, and whose client learns so with it.
    if (this.endedAtOnce.has(belief.attempt.core.sessionId)) return
    // News that comes late may be over already at the servers.
    const [older, newer] = other.token < belief.token ? [other, belief] : [belief, other]
    // F14: a state that begins empty can tell no client of a theft: its pause excuses none.
    const floor = this.tokenFloorOf(belief.name)
    const acrossReset = older.token <= floor && newer.token > floor
    if (acrossReset || !this.taken(older, now, newer.token))
      this.#blame('L1 two holders', `${textOf(newer)} is granted while ${textOf(older)} is believed in`)
  }

  /** S2: what is granted at once gets its tokens in the order of the calls. */
  #inOrder(attempt: Attempt): void {
    const first = Math.min(...(attempt.tokens ?? []))
    if (this.#where.moves) return // A call may be asked again of another group, behind later ones.
    for (const belief of this.#grantsOf.get(attempt.core) ?? []) {
      const other = belief.attempt
      const [one, two, token] =
        other.place < attempt.place ? [other, attempt, first] : [attempt, other, belief.token]
      if (one.manner !== 'ifAvailable' || one === two) continue
      if (Math.max(...(one.tokens ?? [])) > token)
        this.#blame('S2 out of order', `${one.user.name}'s ${one.names} was asked for before ${two.names}`)
    }
  }

  /** L3: another client was surely in the queue of this lock before this one was asked for, and got a larger token. */
  #queueJumped(belief: Belief): void {
    const { attempt, name, token } = belief
    if (attempt.manner === 'steal') return
    for (const other of this.#attemptsByName.get(name) ?? []) {
      if (other.manner !== 'wait' || other.names.length !== 1) continue
      const queued = other !== attempt && other.appliedAt < attempt.calledAt
      if (queued && other.tokens !== null && (other.tokens[0] as number) > token)
        this.#blame('L3 overtaken', `${textOf(belief)} overtook ${other.user.name}`)
    }
    if (attempt.manner !== 'wait' || attempt.names.length !== 1) return
    for (const other of this.#byName.get(name) ?? []) {
      if (other.attempt.manner === 'steal' || other.token > token) continue
      if (attempt.appliedAt < other.attempt.calledAt)
        this.#blame('L3 overtaken', `${textOf(other)} overtook ${attempt.user.name}, granted ${token}`)
    }
  }

  /**
   * Whether a steal or a forced release may have ended this hold by now, to the good of a token up to `upTo`.
   * `reason`: only the one of the two that it names.
   */
  taken(belief: Belief, now: number, upTo = never, reason: string | null = null): boolean {
    const { name, token, attempt } = belief
    if (upTo === never && token <= this.tokenFloorOf(name)) return true // F14
    const stolen = (this.#attemptsByName.get(name) ?? []).some(
      thief =>
        thief.manner === 'steal' &&
        (thief.terms?.victim ?? token) === token &&
        thief !== attempt &&
        thief.calledAt <= now &&
        thief.overAt > attempt.calledAt &&
        (thief.tokens === null || thief.tokens.some(stolen => stolen > token && stolen <= upTo)),
    )
    if (stolen && reason !== 'FORCED') return true
    return (
      reason !== 'STOLEN' &&
      this.#forces.some(
        force =>
          force.name === name &&
          (force.token ?? token) === token &&
          force.calledAt <= now &&
          force.overAt >= attempt.calledAt,
      )
    )
  }

  // ---- refusals

  /** An `ifAvailable` that was refused: another client may have had one of the names, or waited for it, at that time. */
  #refused(attempt: Attempt, now: number): void {
    if (attempt.manner !== 'ifAvailable') {
      const text = `${attempt.user.name}: a waiting acquire was told "unavailable"`
      return this.#blame('S1 wrong reply', text)
    }
    if (attempt.calledAt < this.#pausedUntil(attempt.names)) return // F14
    const occupied = attempt.names.some(name =>
      (this.#attemptsByName.get(name) ?? []).some(
        other => other !== attempt && this.#mayOccupy(other, name, attempt, now),
      ),
    )
    if (occupied) return
    const text = `${attempt.user.name} was refused ${attempt.names} although nobody could have it`
    this.#blame('R1 wrong refusal', text)
  }

  /** Since when nothing surely keeps this from being answered: no other client has or waits for it, and no pause lasts (F14). Infinity: something may. */
  grantableSince(attempt: Attempt): number {
    let since = attempt.manner === 'ifAvailable' ? 0 : Math.max(0, this.#pausedUntil(attempt.names))
    if (attempt.manner !== 'wait') return since
    for (const name of attempt.names)
      for (const other of this.#attemptsByName.get(name) ?? [])
        if (other !== attempt) since = Math.max(since, this.#overSince(other, name))
    return since
  }

  #overSince(other: Attempt, name: string): number {
    if (other.tokens === null) return other.overAt
    const belief = this.beliefIn(other.tokens[other.names.indexOf(name)] as number, name)
    return belief === undefined ? never : freeOf(belief)
  }

  #mayOccupy(other: Attempt, name: string, attempt: Attempt, now: number): boolean {
    if (other.calledAt > now) return false
    // Of several names it may have had some, or stood in the queue, until it failed.
    const until = other.manner === 'wait' ? Math.max(other.overAt, other.failedAt) : other.overAt
    if (other.tokens === null) return until >= attempt.calledAt
    const belief = this.beliefIn(other.tokens[other.names.indexOf(name)] as number, name)
    // S2: its own release, called before, is done before.
    const kept = leastOf(other) > 0
    if (!kept && belief !== undefined && other.core === attempt.core && belief.releasedAs < attempt.place)
      return false
    // C3: it is kept until some primary ends it, whenever there is one.
    return (belief === undefined ? never : freeOf(belief) + (kept ? keptSlackMs : 0)) >= attempt.calledAt
  }

  /** What the servers do with it when its session is over is seen at the end. */
  #failed(attempt: Attempt, { failed = '', at, definite }: Outcome): void {
    const { core, user, givenUp, isPart } = attempt
    attempt.failedAt = at
    // What one part says of itself is no word about the others.
    if (definite && !isPart) attempt.overAt = Number.NEGATIVE_INFINITY // it surely had no effect
    if (isPart) this.#undone(attempt)
    const aborted = failed === 'TIMEOUT' && givenUp
    if (this.#tight && limitCodes.has(failed)) {
      if (failed === 'LOCKS_LIMIT' && !this.#usedUp.has(failed)) this.#limited(attempt)
      attempt.overAt = at
      return this.answered(core, attempt.place, at)
    }
    if (this.#usedUp.has('NOT_ALLOWED') && failed === 'NOT_ALLOWED') {
      attempt.overAt = at // it may have waited
      return this.answered(core, attempt.place, at)
    }
    if (this.#usedUp.has(failed)) return
    if (failed === 'NOT_THIS_TOKEN') return this.#notThisStolen(attempt, at)
    if (claimCodes.has(failed)) return this.#claimRefused(attempt, failed, at)
    // G4: the session of another part may be the lost one.
    // G8: which group it was asked of last is not known.
    const mayBeOther = isPart || this.#where.moves
    const lost = mayBeOther ? sessionEnds.has(failed) : failed === 'SESSION_LOST' && core.over
    const fair = aborted || failed === 'CLOSED' || lost
    if (!fair) this.#blame('S1 wrong reply', `${user.name}: an acquire failed with ${failed}`)
  }

  /** C8: nothing was done, since another token holds, or none. */
  notThis(user: Witness, name: string, token: number, calledAt: number, now: number): void {
    const belief = this.beliefIn(token, name)
    if (belief === undefined || belief.toldAt >= calledAt || token <= this.tokenFloorOf(belief.name)) return
    if (this.believed(belief) && !this.taken(belief, now))
      this.#blame(
        'C8 wrong refusal',
        `${user.name} named ${textOf(belief)}, and was told that it does not hold`,
      )
  }

  /** The thief would also fit beside all others, now that it names just this victim. */
  #notThisStolen(attempt: Attempt, now: number): void {
    const { core, names, place, terms, user, calledAt } = attempt
    this.answered(core, place, now)
    const [name = ''] = names
    const others = this.attemptsOn(name).filter(
      other => other !== attempt && this.#mayOccupy(other, name, attempt, now),
    )
    const alone = others.length === 1 && others[0]?.tokens?.length === 1
    if (alone && calledAt > this.#pausedUntil(names))
      this.notThis(user, name, terms?.victim ?? 0, calledAt, now)
  }

  /** C1, C3, C5: its claim does not go together with what others have or want, or with the limits. */
  #claimRefused(attempt: Attempt, code: string, now: number): void {
    const { names, terms, user, isPart } = attempt
    if (isPart) return // G4: it may be said of the names of another part.
    this.answered(attempt.core, attempt.place, now)
    const of = terms?.permits?.of
    const differs = names.some(name =>
      this.attemptsOn(name).some(
        other => other.terms?.permits?.of !== of && this.#mayOccupy(other, name, attempt, now),
      ),
    )
    const fair =
      code === 'PERMITS_DIFFER'
        ? differs
        : this.#tight && (code === 'ONCE_KEYS_LIMIT' ? terms?.once : leastOf(attempt) > tightLeastMax)
    if (!fair) this.#blame('C1 wrong refusal', `${user.name} was refused ${names} with ${code}`)
  }

  /** All that its session may hold or wait for, or have lost, goes beyond the limit. */
  #limited(attempt: Attempt): void {
    let [most, sharing] = [0, 0]
    for (const [name, attempts] of this.#attemptsByName) {
      const counted = attempts.filter(other => other.core === attempt.core && this.#mayCount(other, attempt))
      most += counted.length
      if (attempt.names.includes(name))
        sharing = Math.max(sharing, counted.filter(({ mode }) => mode !== 'exclusive').length)
    }
    if (most <= tightLocksMax && (attempt.mode === 'exclusive' || sharing <= tightSharedMax))
      this.#blame('S1 limit', `${attempt.user.name} was refused ${attempt.names} as its lock ${most}`)
  }

  #mayCount(other: Attempt, attempt: Attempt): boolean {
    if (other === attempt) return true
    if (other.tokens === null) return other.overAt >= attempt.calledAt
    // Which of its names it is makes no difference.
    return other.tokens.some((token, i) => {
      const belief = this.beliefIn(token, other.names[i])
      if (belief === undefined || belief.foundGone) return true
      return belief.freeAt >= attempt.calledAt || belief.releasedAs === never
    })
  }

  #blame(check: string, text: string): void {
    this.#verdict.blame(check, text)
  }
}

/** The list of this key, begun if there is none. */
export function listIn<K, V>(map: Map<K, V[]>, key: K): V[] {
  const known = map.get(key)
  if (known !== undefined) return known
  const list: V[] = []
  map.set(key, list)
  return list
}

export function textOf({ attempt, name, token }: Belief): string {
  return `${attempt.user.name}'s ${attempt.mode} ${name} (token ${token})`
}

/** Since when nothing of it is in the way: its holder had it no more, and it was kept for as long as it may be (C3). */
function freeOf({ attempt, toldAt, freeAt }: Belief): number {
  return freeAt === never ? never : Math.max(freeAt, toldAt + keptAtMost(attempt))
}
