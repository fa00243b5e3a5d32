// The replicated state: a pure function of its operations (R4). `apply` is the only way to change it;
// primary and backup run it on the same entries and get the same state, tokens and replies.

import { principalNameOf } from '../../wire/access/owner.ts'
import type { LockVerb } from '../../wire/access/principal.ts'
import { type Claim, claimOf, noTerms } from '../../wire/claim.ts'
import { inRanges } from '../../wire/codec.ts'
import { aheadMax, type StateLimits } from '../../wire/limits.ts'
import type { Blocker, Entry, LossReason, MessageOf, Reply, Terms } from '../../wire/messages.ts'
import { slotsIn } from '../../wire/slots.ts'
import { problemOf } from './check.ts'
import { type Fact, Facts, type Output, type SessionEnd } from './facts.ts'
import type { Acquire, Hold } from './lock.ts'
import {
  type AcquireEnd,
  type AcquireRefusal,
  type DoneBefore,
  type EndReason,
  LockTable,
} from './lock-table.ts'
import { doneOf } from './onces.ts'
import { acquirePasses, Owners } from './owners.ts'
import { isQuota, notAllowedText, type Refusal, refusalOf } from './refusals.ts'
import { acquireRun, releaseRun } from './runs.ts'
import { type Identity, Session } from './sessions.ts'
import { Slots } from './slots.ts'
import { acquireBytes, termsBytes } from './tally.ts'

/** The reply to an acquire that has its locks. */
type Granted = MessageOf<'serverToClient', 'granted'>

export type Operation = Exclude<Entry, MessageOf<'entries', 'renew'>>
type Single = Exclude<MessageOf<'entries'>, MessageOf<'entries', 'renew'>>

/** Before the first operation. */
const noLimits: StateLimits = {
  sessionsMax: 0,
  locksPerSessionMax: 0,
  sharedHoldsPerLockMax: 0,
  waitersPerLockMax: 0,
  unansweredMax: 0,
  changesPerOperationMax: 0,
  holdAtLeastMsMax: 0,
  onceKeysPerNameMax: 0,
  stateBytesMax: 0,
  sessionsPerOwnerMax: null,
  locksPerOwnerMax: null,
  waitersPerOwnerMax: null,
  watchesPerOwnerMax: null,
}

/** The tokens of each acquire that begins; never added to. */
const noTokens: number[] = []

export class State {
  /** The number of the last operation applied. */
  opNumber = 0
  /** R4: running digest of all that the operations let clients see. */
  digest = 0
  nextOrdinal = 1
  limits: StateLimits = noLimits
  /** F14: how long a reset's pause is that is not over; 0: there is none (D6). */
  pauseMs = 0
  /** The wall clock as the primary stated it with these operations; for display only. */
  wallMs = 0
  readonly sessions = new Map<number, Session>()
  readonly sessionsById = new Map<string, Session>()
  /** What the last operation has done; the server that applied it takes them. */
  readonly facts = new Facts<Fact>()
  readonly table = new LockTable(this.facts)
  /** G2 */
  readonly slots = new Slots()
  /** B7 */
  readonly owners = new Owners()
  /** B1: holds and waits that the last `apply` has begun or ended. */
  changes = 0

  /** A run counts as the operations that it stands for. */
  apply(operation: Operation): void {
    this.facts.drop()
    this.changes = 0
    if (operation[0] === 'acquire-run') acquireRun(this, operation)
    else if (operation[0] === 'release-run') releaseRun(this, operation)
    else this.applySingle(operation)
  }

  /** For `apply` alone, and for what a run can't do at once. */
  applySingle(operation: Single): void {
    this.opNumber++
    this.#fold(this.opNumber)
    this.table.beginOperation()
    this.#do(operation)
    this.changes += this.table.changes
  }

  #do(operation: Single): void {
    switch (operation[0]) {
      case 'acquire':
        return this.#acquire(
          operation[1],
          operation[2],
          operation[3],
          claimOf(operation[4], operation[5], operation[6]),
        )
      case 'release':
        return this.#release(operation[1], operation[2], operation[3])
      case 'acknowledge':
        return this.#acknowledge(operation[1], operation[2], operation[3])
      case 'cancel':
        return this.#cancel(operation[1], operation[2], operation[3])
      case 'open':
        return this.#open(operation)
      case 'expire':
        return this.#drop(operation[1], 'EXPIRED', 'expired')
      case 'end':
        return this.#end(operation[1], operation[2])
      case 'abandon':
        return this.#drop([operation[1]], 'EXPIRED', 'abandoned')
      case 'fail':
        return this.#fail(operation[1], operation[2], operation[3])
      case 'set-note':
        return this.#note(operation[1], operation[2], operation[3], operation[4])
      case 'force-release':
        return this.#force(operation[1], operation[2], operation[3], operation[4])
      case 'forget-key':
        return this.#forgetKey(operation[1], operation[2], operation[3], operation[4])
      case 'deny':
        return this.#deny(operation[1], operation[2], operation[3], operation[4])
      case 'least-over':
        this.table.leastOver(operation[1], this.wallMs)
        return this.#timesOver()
      case 'most-over':
        this.table.mostOver(operation[1], this.wallMs)
        return this.#timesOver()
      case 'forget-once':
        this.table.forgetKeys(operation[1])
        return this.#timesOver()
      case 'start':
        return this.#start(operation[1], operation[2], operation[3])
      case 'recover':
        return this.#recover(operation[1])
      case 'unpause':
        return this.#unpause()
      case 'open-slots':
        this.table.raiseToken(operation[3])
        return this.#setSlots(operation[2], true, operation[1])
      case 'close-slots':
        return this.#setSlots(operation[2], false, operation[1])
      case 'leave-slots':
        return this.#leaveSlots(operation[2], operation[1])
      case 'go-on':
        return this.#goOn()
    }
  }

  /** What is broken in this state, or undefined; for R4 and for tests. */
  problem(): string | undefined {
    return problemOf(this)
  }

  /** About how many bytes it takes (B4). */
  get bytes(): number {
    return this.table.tally.bytes
  }

  /** The part of its memory budget that the state takes, from 0 to 1. */
  get used(): number {
    return this.bytes / Math.max(1, this.limits.stateBytesMax)
  }

  /** B4: no client gets more of it until some of it is given back. */
  get isFull(): boolean {
    return this.bytes >= this.limits.stateBytesMax
  }

  /** Why this owner gets no other session now; undefined if it gets one. */
  openRefusal(owner: string | null): Refusal | undefined {
    if (this.isFull) return 'STATE_LIMIT'
    const { size } = this.sessions
    if (size >= this.limits.sessionsMax) return 'SESSIONS_LIMIT'
    return this.owners.openPasses(owner, this.limits, { sessions: size, bytes: this.bytes })
  }

  newSession(ordinal: number, who: Identity, owner: string | null): Session {
    return new Session(ordinal, who, owner === null ? null : this.owners.of(owner), this.table.tally)
  }

  /** Wires a copy together (see snapshot.ts). */
  addSession(session: Session): void {
    this.sessions.set(session.ordinal, session)
    this.sessionsById.set(session.id, session)
  }

  /** B2: the session is over, and what it holds and waits for must still be ended. */
  leave(session: Session, reason: EndReason): void {
    this.sessions.delete(session.ordinal)
    this.sessionsById.delete(session.id)
    session.end(reason)
    if (!session.rests) this.table.unfinished.ending.set(session.ordinal, session)
  }

  #start(tokenBase: number, pauseMs: number, limits: StateLimits): void {
    this.limits = limits
    this.pauseMs = pauseMs
    this.table.start(tokenBase, pauseMs > 0, limits)
  }

  /** D6: whatever a disk did, tokens go on above this one. */
  #recover(token: number): void {
    this.#fold(token)
    this.table.raiseToken(token)
  }

  /** G2. A slot in which something is held, waited for or remembered is not closed. */
  #setSlots(ranges: readonly number[], open: boolean, number: number): void {
    const changed = this.slots.set(open ? slotsIn(ranges) : this.#emptyOf(ranges), open, number)
    this.#fold(number)
    this.#fold(changed)
    this.#fold(this.table.lastToken % 4294967296)
  }

  /** G8. During a reset's pause holders may still believe in locks that are nowhere any more. */
  #leaveSlots(ranges: readonly number[], number: number): void {
    if (!this.table.paused) return this.#setSlots(ranges, false, number)
    this.#fold(number)
  }

  #emptyOf(ranges: readonly number[]): number[] {
    return slotsIn(ranges).filter(slot => !this.table.isInUse(slot))
  }

  #open(operation: MessageOf<'entries', 'open'>): void {
    const [, id, keyHash, publicId, ttlMs, name, host, pid, version, address, owner] = operation
    // C9: also if its key is another one; an open changes nothing of a session that there is.
    if (this.sessionsById.has(id)) return
    const refusal = this.openRefusal(owner)
    if (refusal !== undefined) return this.#countQuota(refusal)
    const since = this.wallMs
    const who = { id, keyHash, publicId, ttlMs, name, host, pid, version, address, since }
    const session = this.newSession(this.nextOrdinal++, who, owner)
    session.copied = this.table.copyNumber
    this.addSession(session)
    this.#fold(session.ordinal)
    this.#fold(firstOf(keyHash) ^ firstOf(publicId))
    this.facts.add({ is: 'opened', session })
  }

  #acquire(ordinal: number, request: number, names: readonly string[], claim: Claim): void {
    const session = this.#next(ordinal, request)
    const refusal = this.#unserved(names) ?? this.#refusal(session, names, claim.terms)
    if (refusal !== undefined) return this.#refuse(session, request, refusal)
    // L3: sorted, so that such acquires do not lock each other out. By UTF-16 units, the same everywhere.
    const sorted = names.length === 1 ? names : [...names].sort()
    const acquire: Acquire = {
      session,
      request,
      names: sorted,
      claim:
        claim.manner === 'steal' && claim.mode === 'shared'
          ? claimOf('exclusive', 'steal', claim.terms)
          : claim,
      tokens: noTokens,
      since: this.wallMs,
      ahead: null,
      behind: null,
    }
    if (claim.terms !== null && this.#isAnswered(acquire)) return
    if (claim.manner === 'ifAvailable' && !sorted.every(name => this.table.available(name, claim))) {
      const differs = sorted.flatMap(name => this.table.differs(name, claim) ?? [])[0]
      if (differs !== undefined) return this.#refuse(session, request, differs)
      return this.#reply(session, ['unavailable', request])
    }
    const outcome = this.table.advance(acquire, this.wallMs)
    this.#takeFacts()
    if (outcome === 'waiting') session.waiting.set(request, acquire)
    else this.#answer(acquire, outcome, false)
  }

  /** Whether its terms alone decide what becomes of it. */
  #isAnswered(acquire: Acquire): boolean {
    const { session, request, names, claim } = acquire
    const terms = claim.terms ?? noTerms
    if ((terms.holdAtLeastMs ?? 0) > this.limits.holdAtLeastMsMax) {
      this.#refuse(session, request, 'AT_LEAST_OUT_OF_RANGE')
      return true
    }
    const name = names[0] as string
    const problem = this.table.onceProblem(name, claim)
    if (problem !== undefined) this.#answer(acquire, problem, false)
    else if (terms.victim !== null) this.#replace(acquire, name, terms.victim)
    return problem !== undefined || terms.victim !== null
  }

  /** C8: takes the place of exactly this holder, or does nothing. */
  #replace(acquire: Acquire, name: string, token: number): void {
    const { session, request, claim } = acquire
    const victim = this.#holdOf(name, token)
    const differs = this.table.differs(name, claim)
    if (victim !== undefined && differs !== undefined) return this.#refuse(session, request, differs)
    if (victim === undefined || !this.table.mayReplace(victim, claim))
      return this.#reply(session, ['not-this', request, this.#otherHolder(name, token)])
    const outcome = this.table.replace(victim, acquire, this.wallMs)
    this.#takeFacts()
    if (outcome !== 'waiting') this.#answer(acquire, outcome, false)
  }

  /** C8. B2: a crowd is not walked over if there are fewer sessions than holders; the walk counts as work. */
  #holdOf(name: string, token: number): Hold | undefined {
    const lock = this.table.locks.get(name)
    if (lock === undefined) return undefined
    if (lock.holder?.token === token) return lock.holder
    const { ending } = this.table.unfinished
    this.table.looked(Math.min(lock.held, this.sessions.size + ending.size))
    if (lock.held <= this.sessions.size + ending.size) {
      for (const hold of lock.eachHolder()) if (hold.token === token) return hold
      return undefined
    }
    const timed = this.table.timed.get(token)
    if (timed?.lock === lock) return timed
    for (const { holds } of this.#allSessions()) {
      const hold = holds.get(token)
      if (hold?.lock === lock) return hold
    }
    return undefined
  }

  *#allSessions(): Generator<Session, void, void> {
    yield* this.sessions.values()
    yield* this.table.unfinished.ending.values()
  }

  /** One that holds it, other than this, for display only; null: none does. */
  #otherHolder(name: string, token: number): number | null {
    const lock = this.table.locks.get(name)
    if (lock?.holder?.token !== token) return lock?.holder?.token ?? null
    return lock.lastHolder?.token ?? null
  }

  /** A2, A3: its session may not do this; or may not have any more what it waits for. */
  #deny(ordinal: number, request: number, verb: LockVerb, name: string): void {
    const waiting = this.sessions.get(ordinal)?.waiting.get(request)
    const session = waiting === undefined ? this.#next(ordinal, request) : waiting.session
    if (waiting !== undefined) this.#withdraw(session, waiting)
    const text = notAllowedText(principalNameOf(session.owner?.name ?? null) ?? '', verb, name)
    this.#reply(session, ['refused', request, 'NOT_ALLOWED', text])
  }

  /** What waits gives back what it has got, and goes. */
  #withdraw(session: Session, waiting: Acquire): void {
    this.table.touch(session)
    session.waiting.delete(waiting.request)
    session.forgetLosses(waiting.tokens)
    this.table.cancel(waiting, this.wallMs)
    this.#takeFacts()
  }

  #cancel(ordinal: number, request: number, target: number): void {
    const session = this.#next(ordinal, request)
    const waiting = session.waiting.get(target)
    const stored = session.replies.get(target)
    let outcome: 'cancelled' | 'released' | 'nothing' = 'nothing'
    let blocker: Blocker | null = null
    if (waiting !== undefined) {
      outcome = 'cancelled'
      blocker = this.#blockerOf(waiting)
      this.#withdraw(session, waiting)
      this.#reply(session, ['cancelled', target])
    } else if (stored?.[0] === 'granted') {
      // The grant crossed the cancel: exactly that grant is given back.
      outcome = 'released'
      const holds = stored[2].flatMap(token => session.holds.get(token) ?? [])
      session.replies.acknowledge(target)
      session.replies.keep(['cancelled', target])
      this.table.dropAll([], holds, this.wallMs)
      this.#takeFacts()
    }
    this.#reply(session, ['cancel-done', request, outcome, blocker])
  }

  /** The holder of what this acquire waits for; null while, in a reset's pause, no client can have it. */
  #blockerOf(waiting: Acquire): Blocker | null {
    const name = waiting.names[waiting.tokens.length] as string
    const lock = this.table.locks.get(name)
    const hold = lock?.holder ?? null
    if (lock === undefined || hold === null) return null
    const client = hold.session.isNobody ? null : hold.session
    return {
      name,
      mode: hold.mode,
      token: hold.token,
      clientId: client?.publicId ?? null,
      clientName: client?.name ?? null,
      heldMs: Math.max(0, this.wallMs - hold.since),
      note: hold.special?.terms.note ?? null,
      ahead: waitersBefore(waiting),
    }
  }

  #release(ordinal: number, request: number, token: number): void {
    const session = this.#next(ordinal, request)
    const hold = session.holds.get(token)
    if (hold !== undefined) this.table.release(hold, this.wallMs)
    this.#takeFacts()
    this.#reply(session, ['released', request, hold !== undefined])
  }

  /** C5: as a release; its key may run again. */
  #fail(ordinal: number, request: number, token: number): void {
    const session = this.#next(ordinal, request)
    const hold = session.holds.get(token)
    if (hold !== undefined) this.table.fail(hold, this.wallMs)
    this.#takeFacts()
    this.#reply(session, ['released', request, hold !== undefined])
  }

  /** C6 */
  #note(ordinal: number, request: number, token: number, note: string | null): void {
    const session = this.#next(ordinal, request)
    const hold = session.holds.get(token)
    if (hold === undefined) return this.#reply(session, ['noted', request, false])
    const before = hold.special?.terms ?? null
    const bytes = termsBytes({ ...(before ?? noTerms), note }) - termsBytes(before)
    const refusal = this.#bytesRefusal(session, 0, bytes)
    if (bytes > 0 && refusal !== undefined) return this.#refuse(session, request, refusal)
    this.table.note(hold, note, this.wallMs)
    this.#takeFacts()
    this.#reply(session, ['noted', request, true])
  }

  #force(ordinal: number, request: number, name: string, token: number | null): void {
    if (!this.slots.serves(name)) return this.#refuse(this.#next(ordinal, request), request, 'WRONG_GROUP')
    if (token !== null) return this.#forceOne(ordinal, request, name, token)
    const session = this.#next(ordinal, request)
    const count = this.table.force(name, this.wallMs)
    this.#takeFacts()
    this.#reply(session, ['force-released', request, count, null])
  }

  /** C8 */
  #forceOne(ordinal: number, request: number, name: string, token: number): void {
    const session = this.#next(ordinal, request)
    const hold = this.#holdOf(name, token)
    if (hold === undefined)
      return this.#reply(session, ['force-released', request, 0, this.#otherHolder(name, token)])
    this.table.forceOne(hold, this.wallMs)
    this.#takeFacts()
    this.#reply(session, ['force-released', request, 1, null])
  }

  /** C5: an operator lets a key run again. */
  #forgetKey(ordinal: number, request: number, name: string, key: string): void {
    const session = this.#next(ordinal, request)
    if (!this.slots.serves(name)) return this.#refuse(session, request, 'WRONG_GROUP')
    const known = this.table.onces.get(name, key)
    const forgotten = this.table.forgetKey(name, key)
    this.#timesOver()
    const record = known === undefined ? null : doneOf(known)
    this.#reply(session, ['key-forgotten', request, forgotten, record])
  }

  /** S1: replies one by one; S5: losses by their token. Repeating it changes nothing. */
  #acknowledge(ordinal: number, ranges: readonly number[], tokens: readonly number[]): void {
    const session = this.sessions.get(ordinal) as Session
    this.table.touch(session)
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const first = ranges[i] as number
      const last = ranges[i + 1] as number
      if (last - first <= session.replies.size) {
        for (let n = first; n <= last; n++) this.#heard(session, n)
      } else {
        for (const n of [...session.replies.keys()].sort((a, b) => a - b))
          if (inRanges([first, last], n)) this.#heard(session, n)
      }
    }
    for (const token of tokens) session.forgetLoss(token)
  }

  /** S1, C4: the client has this reply, and knows of what it was granted. */
  #heard(session: Session, request: number): void {
    session.replies.acknowledge(request)
    if (session.hasUntold) this.table.told(session, request)
  }

  #end(ordinal: number, request: number): void {
    const session = this.#next(ordinal, request)
    this.#show(session, ['ended', request])
    this.#drop([ordinal], null, 'ended')
  }

  /** `reason`: why the sessions' holds end, for watches. */
  #drop(ordinals: readonly number[], reason: EndReason, how: SessionEnd): void {
    const sessions = ordinals.flatMap(ordinal => this.sessions.get(ordinal) ?? [])
    for (const session of sessions) {
      this.table.touch(session)
      this.leave(session, reason)
      this.#fold(session.ordinal)
    }
    this.#goOn()
    for (const session of sessions) this.facts.add({ is: 'dropped', session, how })
  }

  /** S1: the primary has checked that this is the session's next number. */
  #next(ordinal: number, request: number): Session {
    const session = this.begins(ordinal, request)
    session.nextRequest++
    return session
  }

  // ---- for runs.ts

  /** The session whose next number this is. */
  begins(ordinal: number, request: number): Session {
    const session = this.sessions.get(ordinal)
    if (session === undefined) throw new Error(`S1: operation ${this.opNumber} is of no session`)
    if (session.nextRequest !== request) {
      throw new Error(`S1: operation ${this.opNumber} is request ${request}, next was ${session.nextRequest}`)
    }
    this.table.touch(session)
    return session
  }

  /** The next operation of a run, which begins or ends one hold. */
  beginNext(session: Session): void {
    this.#fold(++this.opNumber)
    this.changes++
    session.nextRequest++
  }

  /** G2 */
  #unserved(names: readonly string[]): Refusal | undefined {
    return this.slots.all || names.every(name => this.slots.serves(name)) ? undefined : 'WRONG_GROUP'
  }

  #refusal(session: Session, names: readonly string[], terms: Terms | null): Refusal | undefined {
    if (session.unanswered >= this.limits.unansweredMax) return 'UNANSWERED_LIMIT'
    if (session.locks + names.length > this.limits.locksPerSessionMax) return 'LOCKS_LIMIT'
    return this.#bytesRefusal(session, names.length, acquireBytes(names, terms, session.name))
  }

  /** Why this session can't have so many more names and bytes (B4, B7). */
  #bytesRefusal(session: Session, names: number, bytes: number): Refusal | undefined {
    if (this.bytes + bytes > this.limits.stateBytesMax) return 'STATE_LIMIT'
    return acquirePasses(session.owner, this.limits, names, bytes, this.bytes)
  }

  /** C3, C4, C5. R4: what no client sees at once is in the digest, too. */
  #timesOver(): void {
    this.#takeFacts()
    for (const count of [this.table.kept, this.table.timed.size, this.table.onces.size]) this.#fold(count)
  }

  #unpause(): void {
    this.pauseMs = 0
    this.table.unpause(this.wallMs)
    this.#takeFacts()
  }

  /** B2: a share of what earlier operations have begun. */
  #goOn(): void {
    this.table.goOn(this.wallMs)
    this.#takeFacts()
  }

  // ---- what the table has done

  /** Takes the table's facts in order, before anything else is answered. */
  #takeFacts(): void {
    const { facts } = this.table
    for (let fact = facts.take(); fact !== undefined; fact = facts.take()) {
      if (fact.is === 'settled') this.#settled(fact.acquire, fact.outcome)
      else if (fact.is === 'lost') this.#lost(fact.session, fact.token, fact.reason)
      else this.facts.add(fact)
    }
  }

  #settled(acquire: Acquire, outcome: AcquireEnd): void {
    acquire.session.waiting.delete(acquire.request)
    this.#answer(acquire, outcome, true)
  }

  #lost(session: Session, token: number, reason: LossReason): void {
    if (session.endReason !== undefined) return
    session.lose(token, reason)
    this.#fold(token % 4294967296)
    // One of several names, granted before the others: its client does not know the token yet, so it
    // would acknowledge the loss and believe in the grant later. That grant's own reply states the loss.
    if (!session.isWaitingWith(token)) this.#show(session, ['lost', token, reason])
  }

  // ---- answers

  /** `handed`: the acquire had waited. */
  #answer(acquire: Acquire, outcome: AcquireEnd, handed: boolean): void {
    const { session, request, tokens } = acquire
    if (outcome !== 'granted') {
      session.forgetLosses(tokens)
      if (isDone(outcome)) return this.#reply(session, ['done-before', request, outcome.done])
      return this.#refuse(session, request, outcome)
    }
    session.reveal(tokens)
    if (acquire.claim.terms !== null) this.table.granted(acquire)
    for (const token of tokens) this.#fold(token % 4294967296)
    const message: Granted = ['granted', request, tokens, session.lossesAmong(tokens)]
    this.#keep(session, message)
    this.facts.add({ is: 'granted', session, message, waitedMs: this.wallMs - acquire.since, handed })
  }

  #refuse(session: Session, request: number, refusal: Refusal): void {
    const [code, text] = refusalOf(refusal, session.owner?.name ?? null, this.limits)
    this.#reply(session, ['refused', request, code, text])
    this.#countQuota(refusal)
  }

  #countQuota(refusal: Refusal): void {
    if (isQuota(refusal)) this.facts.add({ is: 'over quota', quota: refusal })
  }

  #reply(session: Session, reply: Reply): void {
    this.#keep(session, reply)
    this.facts.add({ is: 'output', session, message: reply })
  }

  /** S1: keeps the reply until it is acknowledged. */
  #keep(session: Session, reply: Reply): void {
    session.replies.keep(reply)
    this.#fold(session.ordinal)
    this.#foldOutput(reply)
  }

  /** Shows a message that is no reply, and so is not kept. */
  #show(session: Session, message: Output): void {
    this.#foldOutput(message)
    this.facts.add({ is: 'output', session, message })
  }

  #foldOutput(output: Output): void {
    this.#foldOutcome(output[0], output[1], outcomeOf(output))
    if (output[0] === 'cancel-done' && output[3] !== null) this.#fold(output[3].token % 4294967296)
  }

  #foldOutcome(kind: string, number: number, outcome: number): void {
    this.#fold(kind.length)
    this.#fold(number % 4294967296)
    this.#fold(outcome)
  }

  /** For runs.ts: the reply to one of a run. */
  foldReply(session: Session, kind: 'granted' | 'released', request: number, outcome: number): void {
    this.#fold(session.ordinal)
    this.#foldOutcome(kind, request, outcome)
  }

  /** For runs.ts. */
  fold(value: number): void {
    this.#fold(value)
  }

  #fold(value: number): void {
    this.digest = Math.imul(this.digest ^ value, 16777619) >>> 0
  }
}

function isDone(outcome: AcquireRefusal | DoneBefore): outcome is DoneBefore {
  return typeof outcome === 'object' && 'done' in outcome
}

/** The first 32 bits of what is written in hexadecimal digits. */
function firstOf(digits: string): number {
  return Number.parseInt(digits.slice(0, 8), 16)
}

/** B2: counts at most as many as are worth showing. */
function waitersBefore(waiting: Acquire): number {
  let count = 0
  for (let other = waiting.ahead; other !== null && count < aheadMax; other = other.ahead) count++
  return count
}

/** R4: the outcome as a number: T or F, how many, or which word. Tokens are folded where they are granted. */
function outcomeOf(output: Output): number {
  const outcome = output[2]
  if (typeof outcome === 'string') return outcome.length * 256 + outcome.charCodeAt(0)
  if (output[0] === 'done-before') return output[2].token % 4294967296
  return typeof outcome === 'boolean' || typeof outcome === 'number' ? Number(outcome) % 4294967296 : 0
}
