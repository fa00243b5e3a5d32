// Judges what an operation answers by the state before it, counted anew: each refusal comes only when its
// reason is true, and always when it is; counts, places and ages in replies are what they say (L3, S1, B2,
// B4). It sees the state of a server, and never steps anything.

import type { Fact } from '../../lockserver/state/facts.ts'
import type { Acquire, Hold, LockEntry } from '../../lockserver/state/lock.ts'
import type { AcquireEnd } from '../../lockserver/state/lock-table.ts'
import type { OnceKey } from '../../lockserver/state/onces.ts'
import { keptOf } from '../../lockserver/state/owners.ts'
import type { Session } from '../../lockserver/state/sessions.ts'
import type { Operation, State } from '../../lockserver/state/state.ts'
import { acquireBytes, termsBytes } from '../../lockserver/state/tally.ts'
import { type Claim, claimOf } from '../../wire/claim.ts'
import { aheadMax, type StateLimits } from '../../wire/limits.ts'
import type { Blocker } from '../../wire/messages.ts'
import type { Blamed } from './checker.ts'

type Of<K extends Operation[0]> = Extract<Operation, readonly [K, ...unknown[]]>

const never = Number.POSITIVE_INFINITY
/** A large state is not walked through for each operation. */
const walkedMax = 64

export class Answers {
  readonly #verdict: Blamed
  /** What the operation that is applied just now must answer, and to what; null: that is not judged. */
  #expected: string | null = null
  #why = ''

  constructor(verdict: Blamed) {
    this.#verdict = verdict
  }

  before(state: State, operation: Operation): void {
    this.#expected = expected(state, operation)
    this.#why = operation.join(' ')
  }

  after(state: State, operation: Operation, done: readonly Fact[]): void {
    const wanted = this.#expected
    if (wanted !== null) {
      const given = answerTo(operation, done)
      if (given !== wanted)
        this.#verdict.blame(checkOf(wanted, given), `${this.#why}: the answer is ${given}, not ${wanted}`)
    }
    this.#within(state, operation)
    this.#ends(state, operation)
  }

  /** The lock was free for it at last, or the next of its names was. */
  settles(state: State, acquire: Acquire, outcome: AcquireEnd): void {
    if (outcome === 'granted') return
    if (typeof outcome === 'object' || outcome === 'ONCE_KEYS_LIMIT')
      return this.#claimSettles(state, acquire, outcome)
    const { limits, table } = state
    const { session, claim, names } = acquire
    const waits = session.owner === null ? null : hasOf(state, session.owner.name).waits
    const fair = names.some(name => {
      const lock = table.locks.get(name)
      if (lock === undefined) return false
      return outcome === 'LOCKS_LIMIT'
        ? claim.mode !== 'exclusive' && sharedBy(lock, session) >= limits.sharedHoldsPerLockMax
        : mayNotWait(limits, waits, [...lock.queue].length)
    })
    if (!fair) this.#verdict.blame('S1 limit', `${names}, after a wait, are refused with ${outcome}`)
  }

  /** C1, C5: another number of permits is in force for one of its names, or its key runs or has run. */
  #claimSettles(
    state: State,
    { names, claim }: Acquire,
    outcome: Exclude<AcquireEnd, string> | string,
  ): void {
    const [name = ''] = names
    const key = claim.terms?.once?.key
    const why = typeof outcome === 'string' ? outcome : JSON.stringify(outcome)
    let fair = false
    if (typeof outcome === 'string')
      fair = key !== undefined && keysOf(state, name).length >= state.limits.onceKeysPerNameMax
    else if ('done' in outcome)
      fair = key !== undefined && keyOf(state, name, key)?.token === outcome.done.token
    else fair = names.some(name => differs(state.table.locks.get(name), claim))
    if (!fair) this.#verdict.blame('C5 wrong reply', `${names}, after a wait, are answered with ${why}`)
  }

  /** C3, C5: what this operation ends is over. */
  #ends({ table }: State, operation: Operation): void {
    if (operation[0] === 'least-over') {
      const lasting = operation[1].find(token => table.timed.get(token)?.special?.lasting)
      if (lasting !== undefined)
        this.#verdict.blame('C3 not ended', `${lasting} lasts though its time is over`)
    } else if (operation[0] === 'most-over') {
      const held = operation[1].find(token => table.timed.get(token)?.session.isNobody === false)
      if (held !== undefined) this.#verdict.blame('C4 not ended', `${held} is held though its time is over`)
    } else if (operation[0] === 'forget-once') {
      const known = operation[1].flatMap(([name, key]) => keyOf({ table }, name, key) ?? [])
      for (const { name, key, running } of known)
        if (!running) this.#verdict.blame('C5 not ended', `${key} of ${name} is kept though its time is over`)
    }
  }

  /** No limit of the state is passed, by any way. */
  #within({ limits, sessions, table }: State, operation: Operation): void {
    if (operation[0] !== 'acquire') return
    const session = sessions.get(operation[1])
    if (session === undefined) return
    const locks = locksOf(session)
    if (locks > limits.locksPerSessionMax)
      this.#verdict.blame('S1 limit', `${session.name} holds, waits for or has lost ${locks} locks`)
    const unanswered = session.replies.size + session.waiting.size
    if (unanswered > limits.unansweredMax && session.waiting.has(operation[2]))
      this.#verdict.blame('S1 limit', `${session.name} waits beside ${unanswered} unanswered requests`)
    for (const name of operation[3]) {
      const lock = table.locks.get(name)
      if (lock === undefined) continue
      const waiters = lock.waiters > walkedMax ? lock.waiters : [...lock.queue].length
      if (waiters > limits.waitersPerLockMax) this.#verdict.blame('S1 limit', `${waiters} wait for ${name}`)
      if (lock.held <= walkedMax && sharedBy(lock, session) > limits.sharedHoldsPerLockMax)
        this.#verdict.blame('S1 limit', `${session.name} shares ${name} with itself too often`)
    }
  }
}

function checkOf(wanted: string, given: string): string {
  return /LIMIT/.test(wanted + given) ? 'S1 limit' : 'S1 wrong reply'
}

// ---- what must be answered

function expected(state: State, operation: Operation): string | null {
  switch (operation[0]) {
    case 'open':
      return opens(state, operation)
    case 'acquire':
      return acquires(state, operation)
    case 'cancel':
      return cancels(state, operation)
    case 'set-note':
      return notes(state, operation)
    case 'deny':
      return state.sessions.has(operation[1]) ? 'NOT_ALLOWED' : null
    case 'fail':
    case 'release': {
      const session = state.sessions.get(operation[1])
      const lock = session?.holds.get(operation[3])?.lock
      return `held: ${lock !== undefined && state.table.locks.get(lock.name) === lock}`
    }
    case 'force-release': {
      if (!state.slots.serves(operation[3])) return 'WRONG_GROUP'
      const all = state.table.locks.get(operation[3])?.holders ?? []
      const token = operation[4]
      return `holders: ${all.filter(hold => token === null || hold.token === token).length}`
    }
    default:
      return null
  }
}

function opens(state: State, operation: Of<'open'>): string {
  const [, id, , , , , , , , , owner] = operation
  const { sessions, sessionsById, bytes, limits } = state
  const { sessionsMax, sessionsPerOwnerMax, stateBytesMax } = limits
  if (sessions.size >= sessionsMax || bytes >= stateBytesMax || sessionsById.has(id)) return 'no session'
  if (owner === null) return 'a session'
  const has = hasOf(state, owner)
  const most = sessionsPerOwnerMax ?? sessionsMax - keptOf(sessionsMax) - sessions.size
  return has.sessions >= most || has.bytes >= bytesLeft(state) ? 'no session' : 'a session'
}

/** C6: null where it may be refused for its bytes. */
function notes(state: State, [, ordinal, , token, note]: Of<'set-note'>): string | null {
  const hold = state.sessions.get(ordinal)?.holds.get(token)
  if (hold === undefined) return 'held: false'
  const most = termsBytes(hold.special?.terms ?? null) + 2 * (note?.length ?? 0) + 512
  const owned = hold.session.owner?.bytes ?? 0
  return bytesLeft(state) < owned + most ? null : 'held: true'
}

function acquires(state: State, operation: Of<'acquire'>): string | null {
  const [, ordinal, , names, mode, manner, terms] = operation
  const session = state.sessions.get(ordinal)
  if (session === undefined) return null
  if (!names.every(name => state.slots.serves(name))) return 'WRONG_GROUP'
  const { limits, table } = state
  const bytes = acquireBytes(names, terms, session.name)
  if (session.replies.size + session.waiting.size >= limits.unansweredMax) return 'UNANSWERED_LIMIT'
  if (locksOf(session) + names.length > limits.locksPerSessionMax) return 'LOCKS_LIMIT'
  if (state.bytes + bytes > limits.stateBytesMax) return 'STATE_LIMIT'
  const owner = session.owner?.name
  const has = owner === undefined ? null : hasOf(state, owner)
  if (has !== null && has.locks + names.length > (limits.locksPerOwnerMax ?? never)) return 'LOCKS_LIMIT'
  if (has !== null && has.bytes + bytes > bytesLeft(state)) return 'STATE_LIMIT'
  const locks = [...names].sort().map(name => table.locks.get(name))
  const asked = claimOf(mode, manner, terms)
  const claim =
    manner === 'steal' && asked.mode === 'shared' ? claimOf('exclusive', manner, asked.terms) : asked
  const answer = byTerms(state, session, names, claim)
  if (answer !== null) return answer
  const free = (lock: LockEntry | undefined) =>
    !table.paused && (lock === undefined || (first(lock.queue) === undefined && fits(lock, claim)))
  if (manner === 'ifAvailable' && !locks.every(free))
    return locks.some(lock => differs(lock, claim)) ? 'PERMITS_DIFFER' : 'unavailable'
  let left = limits.changesPerOperationMax
  for (const lock of locks) {
    if (differs(lock, claim)) return 'PERMITS_DIFFER'
    const next = first(lock?.queue ?? [])
    const held = lock?.holders.length ?? 0
    const steals =
      manner === 'steal' && !table.paused && next?.claim.manner !== 'steal' && held <= Math.max(0, left)
    if (steals) left -= held
    else if (!free(lock))
      return mayNotWait(limits, has?.waits ?? null, lock?.waiters ?? 0) ? 'WAITERS_LIMIT' : 'waiting'
    // A thief's own holds go with the others'.
    if (!steals && hasTooMany(lock, session, claim, limits)) return 'LOCKS_LIMIT'
    left--
  }
  return 'granted'
}

/** C3, C5, C8: what terms alone decide. */
function byTerms(state: State, session: Session, names: readonly string[], claim: Claim): string | null {
  const { terms } = claim
  const { limits, table } = state
  if (terms === null) return null
  if ((terms.holdAtLeastMs ?? 0) > limits.holdAtLeastMsMax) return 'AT_LEAST_OUT_OF_RANGE'
  const [name = ''] = names
  if (terms.once !== null) {
    if (keyOf(state, name, terms.once.key) !== undefined) return 'done-before'
    if (keysOf(state, name).length >= limits.onceKeysPerNameMax) return 'ONCE_KEYS_LIMIT'
  }
  if (terms.victim === null) return null
  const lock = table.locks.get(name)
  const victim = lock?.holders.find(({ token }) => token === terms.victim)
  if (lock === undefined || victim === undefined) return 'not-this'
  if (differs(lock, claim)) return 'PERMITS_DIFFER'
  const stolen = first(lock.queue)?.claim.manner === 'steal'
  if (table.paused || stolen || !fits(lock, claim, victim)) return 'not-this'
  return hasTooMany(lock, session, claim, limits) ? 'LOCKS_LIMIT' : 'granted'
}

function cancels(state: State, [, ordinal, , target]: Of<'cancel'>): string | null {
  const session = state.sessions.get(ordinal)
  if (session === undefined) return null
  const waiting = session.waiting.get(target)
  if (waiting !== undefined) return `cancelled ${JSON.stringify(blocker(state, waiting))}`
  return session.replies.get(target)?.[0] === 'granted' ? 'released null' : 'nothing null'
}

/** The first who has what it waits for, since when, and how many more waited before it. */
function blocker({ table, wallMs }: State, waiting: Acquire): Blocker | null {
  const name = waiting.names[waiting.tokens.length] ?? ''
  const lock = table.locks.get(name)
  const hold = lock?.holders[0]
  if (lock === undefined || hold === undefined) return null
  return {
    name,
    mode: hold.mode,
    token: Math.min(...lock.holders.map(({ token }) => token)),
    clientId: hold.session.isNobody ? null : hold.session.publicId,
    clientName: hold.session.isNobody ? null : hold.session.name,
    heldMs: Math.max(0, wallMs - hold.since),
    note: hold.special?.terms.note ?? null,
    ahead: Math.min(aheadMax, [...lock.queue].indexOf(waiting)),
  }
}

// ---- what was answered

function answerTo(operation: Operation, done: readonly Fact[]): string {
  if (operation[0] === 'open') return done.some(({ is }) => is === 'opened') ? 'a session' : 'no session'
  const [, ordinal, request] = operation
  for (const fact of done) {
    if ((fact.is !== 'output' && fact.is !== 'granted') || fact.session.ordinal !== ordinal) continue
    const { message } = fact
    if (message[1] !== request) continue
    switch (message[0]) {
      case 'refused':
        return message[2]
      case 'cancel-done':
        return `${message[2]} ${JSON.stringify(message[3])}`
      case 'released':
      case 'noted':
        return `held: ${message[2]}`
      case 'force-released':
        return `holders: ${message[2]}`
      default:
        return message[0]
    }
  }
  return 'waiting'
}

// ---- counting

/** Those that it holds, has lost, or waits for; of several names those that it has not got yet. */
function locksOf({ holds, losses, waiting }: Session): number {
  let count = holds.size + losses.size
  for (const { names, tokens } of waiting.values()) count += names.length - tokens.length
  return count
}

interface Has {
  sessions: number
  locks: number
  waits: number
  readonly bytes: number
}

/** B7: what this owner has. */
function hasOf({ sessions, table }: State, owner: string): Has {
  const all = [...sessions.values(), ...table.unfinished.ending.values()]
  const own = all.filter(session => session.owner?.name === owner)
  const has: Has = { sessions: 0, locks: 0, waits: 0, bytes: own[0]?.owner?.bytes ?? 0 }
  for (const { holds, waiting, endReason } of own) {
    if (endReason === undefined) has.sessions++
    has.locks += holds.size
    for (const { names, tokens } of waiting.values()) {
      has.locks += names.length - tokens.length
      has.waits++
    }
  }
  for (const { holders } of table.locks.values())
    for (const { session, special } of holders)
      if (session.isNobody && special?.owner?.name === owner) has.locks++
  return has
}

function bytesLeft({ limits: { stateBytesMax }, bytes }: State): number {
  return stateBytesMax - Math.floor(stateBytesMax / 64) - bytes
}

/** `waits`: of its owner. */
function mayNotWait(limits: StateLimits, waits: number | null, waiters: number): boolean {
  const { waitersPerLockMax, waitersPerOwnerMax } = limits
  if (waiters >= waitersPerLockMax) return true
  return (
    waits !== null && waits >= (waitersPerOwnerMax ?? waitersPerLockMax - keptOf(waitersPerLockMax) - waiters)
  )
}

function sharedBy(lock: LockEntry, session: Session): number {
  return lock.holders.filter(hold => hold.session === session && hold.mode !== 'exclusive').length
}

function hasTooMany(
  lock: LockEntry | undefined,
  session: Session,
  { mode }: Claim,
  { sharedHoldsPerLockMax }: StateLimits,
): boolean {
  return lock !== undefined && mode !== 'exclusive' && sharedBy(lock, session) >= sharedHoldsPerLockMax
}

/** L1, C1: beside all holders, but for this one. */
function fits({ holders }: LockEntry, { mode, terms }: Claim, but: Hold | null = null): boolean {
  const others = holders.filter(hold => hold !== but)
  if (others.length === 0) return true
  if (mode === 'exclusive') return false
  if (mode === 'shared') return others.every(hold => hold.mode === 'shared')
  let taken = terms?.permits?.take ?? 0
  for (const { special } of others) taken += special?.terms.permits?.take ?? never
  return taken <= (terms?.permits?.of ?? 0)
}

/** C1: it is held or waited for, of another number of permits; 0: of none. */
function differs(lock: LockEntry | undefined, { terms }: Claim): boolean {
  if (lock === undefined) return false
  const [hold] = lock.holders
  const waiter = first(lock.queue)
  if (hold === undefined && waiter === undefined) return false
  const inForce = hold === undefined ? waiter?.claim.terms : hold.special?.terms
  return (inForce?.permits?.of ?? 0) !== (terms?.permits?.of ?? 0)
}

function keysOf({ table }: Pick<State, 'table'>, name: string): OnceKey[] {
  return [...table.onces.each()].filter(key => key.name === name)
}

function keyOf(state: Pick<State, 'table'>, name: string, key: string): OnceKey | undefined {
  return keysOf(state, name).find(known => known.key === key)
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item
  return undefined
}
