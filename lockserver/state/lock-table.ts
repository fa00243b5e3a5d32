// The table of holders and waiters: grants, queues and tokens (L1, L2, L3). It knows no clock, no view and
// no connection; what it decides depends on the order of the calls alone (R4).

import type { Claim } from '../../wire/claim.ts'
import type { StateLimits } from '../../wire/limits.ts'
import type { LockEvent, LossReason, Mode } from '../../wire/messages.ts'
import { type Fact, Facts, type TableFact } from './facts.ts'
import { type Acquire, type Hold, LockEntry } from './lock.ts'
import { NameMap } from './name-map.ts'
import { waitPasses } from './owners.ts'
import type { Session } from './sessions.ts'
import { holdBytes, lockBytes, Tally, waitBytes } from './tally.ts'
import { Unfinished } from './unfinished.ts'

/** Gets each session and lock before it changes (R3): a snapshot under way keeps it as it was. */
export interface Touch {
  touchSession(session: Session): void
  touchLock(lock: LockEntry): void
}

/** Why a hold ended; null: its holder ended it. */
export type EndReason = LockEvent['reason']

export type AcquireOutcome = 'granted' | 'waiting' | AcquireRefusal

/** LOCKS_LIMIT: its session holds this lock too often; waiters: a quota of its owner (B7). */
export type AcquireRefusal = 'WAITERS_LIMIT' | 'LOCKS_LIMIT' | 'waiters'

type Limits = Pick<
  StateLimits,
  'waitersPerLockMax' | 'waitersPerOwnerMax' | 'sharedHoldsPerLockMax' | 'changesPerOperationMax'
>

export class LockTable {
  readonly locks = new NameMap<LockEntry>()
  /** Facts that the state does not have to read; their place among the other facts doesn't matter. */
  readonly #done: Facts<Fact>
  /** Facts for the state to take. */
  readonly facts = new Facts<TableFact>()
  /** L2: every grant's token is larger than this was. */
  #lastToken = 0
  /** A reset's pause: nothing is granted (F14). */
  #paused = false
  #limits: Limits = {
    waitersPerLockMax: 0,
    waitersPerOwnerMax: null,
    sharedHoldsPerLockMax: 0,
    changesPerOperationMax: 0,
  }
  /** B4 */
  readonly tally = new Tally()
  readonly unfinished = new Unfinished()
  /** B2: how many more holds and waits may begin or end in this operation. */
  #left = 0
  /** Marks new locks as not part of the snapshot that is under way. */
  #copyNumber = 0
  #touch: Touch | null = null
  /** There is a watch on the locks of this copy; this is no part of the state. */
  #watched = false
  #serving = false
  /** Locks that came free while another lock was served, in order. */
  readonly #freed: LockEntry[] = []

  constructor(done: Facts<Fact>) {
    this.#done = done
  }

  get lastToken(): number {
    return this.#lastToken
  }

  get paused(): boolean {
    return this.#paused
  }

  get watched(): boolean {
    return this.#watched
  }

  get copyNumber(): number {
    return this.#copyNumber
  }

  start(tokenBase: number, paused: boolean, limits: Limits): void {
    this.#lastToken = tokenBase
    this.#paused = paused
    this.#limits = limits
  }

  /** B2 */
  beginOperation(): void {
    this.#left = this.#limits.changesPerOperationMax
  }

  /** How many holds and waits have begun or ended in this operation. */
  get changes(): number {
    return this.#limits.changesPerOperationMax - this.#left
  }

  /** B2: something that was begun must go on. */
  get isUnfinished(): boolean {
    const { ending, evictions, unserved } = this.unfinished
    return ending.size > 0 || evictions.size > 0 || (unserved.size > 0 && !this.#paused)
  }

  /** Whether changes of locks become events. */
  watch(watched: boolean): void {
    this.#watched = watched
  }

  /** Returns the number of the copy that begins; until it ends it learns of each change in advance. */
  beginCopy(touch: Touch): number {
    this.#touch = touch
    return ++this.#copyNumber
  }

  endCopy(): void {
    this.#touch = null
  }

  touch(session: Session): void {
    this.#touch?.touchSession(session)
  }

  /** L3: the lock is free for this mode, and has no waiters. */
  available(name: string, { mode }: Claim): boolean {
    if (this.#paused) return false
    const lock = this.locks.get(name)
    return lock === undefined || (lock.waiters === 0 && compatible(lock, mode))
  }

  /** Takes the names one by one, in order, until one is not free (L3). */
  advance(acquire: Acquire, wallMs: number): AcquireOutcome {
    while (acquire.tokens.length < acquire.names.length) {
      const lock = this.#lock(acquire.names[acquire.tokens.length] as string)
      this.#touch?.touchLock(lock)
      if (this.#mayStealNow(lock, acquire)) this.#evict(lock, 'STOLEN', wallMs)
      else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim.mode))
        return this.#enqueue(lock, acquire, wallMs)
      if (this.#hasTooMany(lock, acquire)) return this.#giveBack(acquire, 'LOCKS_LIMIT', wallMs)
      this.#take(lock, acquire, wallMs)
    }
    return 'granted'
  }

  /** Frees one hold and serves the waiters of its lock. */
  release(hold: Hold, wallMs: number): void {
    this.#remove(hold, wallMs, null)
    this.serve(hold.lock, wallMs)
  }

  /** Takes the lock away from each holder; returns their number. */
  force(name: string, wallMs: number): number {
    const lock = this.locks.get(name)
    if (lock === undefined) return 0
    this.#touch?.touchLock(lock)
    const count = lock.held
    this.#evict(lock, 'FORCED', wallMs)
    this.serve(lock, wallMs)
    return count
  }

  /** Takes an acquire out of the queue, and takes back what it has got so far. */
  cancel(acquire: Acquire, wallMs: number): void {
    this.dropAll([acquire], this.heldBy(acquire), wallMs)
  }

  heldBy(acquire: Acquire): Hold[] {
    return acquire.tokens.flatMap(token => acquire.session.holds.get(token) ?? [])
  }

  /**
   * Ends all of these before any waiter is served, so that nothing is granted to one that is about to
   * go (L3: dead waiters don't block the queue).
   */
  dropAll(
    waiters: readonly Acquire[],
    holds: readonly Hold[],
    wallMs: number,
    reason: EndReason = null,
  ): void {
    const freed = new Set<LockEntry>()
    for (const waiter of waiters) freed.add(this.#dequeue(waiter, wallMs))
    for (const hold of holds) freed.add(this.#remove(hold, wallMs, reason))
    for (const lock of freed) this.serve(lock, wallMs)
  }

  /** L3: grants to the front of the queue for as long as that is possible; forgets an empty lock. */
  serve(lock: LockEntry, wallMs: number): void {
    // A lock that is given back while others are served waits for its turn: a call for each would go as
    // deep as the queue is long.
    if (this.#serving) return void this.#freed.push(lock)
    this.#serving = true
    this.#serve(lock, wallMs)
    for (let i = 0; i < this.#freed.length; i++) this.#serve(this.#freed[i] as LockEntry, wallMs)
    if (this.#freed.length > 0) this.#freed.length = 0
    this.#serving = false
  }

  #serve(lock: LockEntry, wallMs: number): void {
    while (!this.#paused && mayGo(lock)) {
      this.#touch?.touchLock(lock)
      if (this.#left <= 0) return void this.unfinished.unserved.add(lock.name)
      const next = lock.next as Acquire
      if (next.claim.manner === 'steal' && !this.#evict(lock, 'STOLEN', wallMs)) return
      lock.dequeue(next)
      this.tally.bytes -= waitBytes(next.names)
      next.session.owner?.wait(next, -1)
      this.#goOn(lock, next, wallMs)
    }
    const empty = lock.waiters === 0 && lock.holder === null
    if (!empty || this.locks.get(lock.name) !== lock) return
    this.locks.delete(lock.name)
    this.tally.bytes -= lockBytes(lock.name)
    this.unfinished.forget(lock.name)
  }

  /** The acquire's turn for this lock has come. */
  #goOn(lock: LockEntry, acquire: Acquire, wallMs: number): void {
    if (this.#hasTooMany(lock, acquire))
      return this.#settled(acquire, this.#giveBack(acquire, 'LOCKS_LIMIT', wallMs))
    this.#take(lock, acquire, wallMs)
    const outcome = this.advance(acquire, wallMs)
    if (outcome !== 'waiting') this.#settled(acquire, outcome)
  }

  /** A reset's pause is over (F14). */
  unpause(wallMs: number): void {
    this.#paused = false
    this.goOn(wallMs)
  }

  // ---- what is cut into several operations

  /** B2: a share of what was begun, oldest first. Nothing is granted to a session that is over. */
  goOn(wallMs: number): void {
    const { ending, evictions, unserved } = this.unfinished
    const freed = new Set<LockEntry>()
    for (const session of ending.values()) if (!this.#endShare(session, freed, wallMs)) break
    for (const lock of freed) this.serve(lock, wallMs)
    for (const [name, { through, reason }] of evictions) {
      if (this.#left <= 0) return
      this.#evictShare(name, through, reason, wallMs)
    }
    if (this.#paused) return
    for (const name of unserved) {
      if (this.#left <= 0) return
      unserved.delete(name)
      const lock = this.locks.get(name)
      if (lock !== undefined) this.serve(lock, wallMs)
    }
  }

  /** L3: waits end before holds, or a freed lock would go to this session. True: all of them have ended. */
  #endShare(session: Session, freed: Set<LockEntry>, wallMs: number): boolean {
    const { unfinished } = this
    for (; this.#left > 0; ) {
      const waiter = unfinished.nextWait(session)
      if (waiter !== undefined) {
        session.waiting.delete(waiter.request)
        freed.add(this.#dequeue(waiter, wallMs))
        continue
      }
      const hold = unfinished.nextHold(session)
      if (hold === undefined) {
        unfinished.ended(session)
        return true
      }
      freed.add(this.#remove(hold, wallMs, session.endReason ?? null))
    }
    return false
  }

  #evictShare(name: string, through: number, reason: LossReason, wallMs: number): void {
    const lock = this.locks.get(name)
    for (
      let hold = lock?.holder ?? null;
      hold !== null && hold.token <= through;
      hold = lock?.holder ?? null
    ) {
      if (this.#left <= 0) return
      this.#remove(hold, wallMs, reason, reason)
    }
    this.unfinished.evictions.delete(name)
    if (lock !== undefined) this.serve(lock, wallMs)
  }

  #lock(name: string): LockEntry {
    let lock = this.locks.get(name)
    if (lock === undefined) {
      lock = new LockEntry(name, this.#copyNumber)
      this.locks.set(name, lock)
      this.tally.bytes += lockBytes(name)
    }
    return lock
  }

  #take(lock: LockEntry, acquire: Acquire, wallMs: number): void {
    const token = ++this.#lastToken // L2
    const hold = lock.hold(token, acquire.session, acquire.claim.mode, wallMs)
    this.#left--
    this.tally.bytes += holdBytes
    acquire.session.take(hold)
    if (acquire.names.length > 1) acquire.session.hide(token)
    // The first push to an empty array would take room for seventeen; most acquires have one token.
    if (acquire.tokens.length === 0) acquire.tokens = [token]
    else acquire.tokens.push(token)
    if (this.#watched) this.#happened('granted', hold.session, hold.mode, lock, wallMs, token)
  }

  #enqueue(lock: LockEntry, acquire: Acquire, wallMs: number): AcquireOutcome {
    if (lock.waiters >= this.#limits.waitersPerLockMax)
      return this.#giveBack(acquire, 'WAITERS_LIMIT', wallMs)
    if (waitPasses(acquire.session.owner, this.#limits, lock.waiters))
      return this.#giveBack(acquire, 'waiters', wallMs)
    this.#left--
    this.tally.bytes += waitBytes(acquire.names)
    acquire.session.owner?.wait(acquire, 1)
    lock.enqueue(acquire)
    if (this.#paused) this.unfinished.unserved.add(lock.name)
    else if (acquire.claim.manner === 'steal' && lock.next === acquire) this.#evict(lock, 'STOLEN', wallMs)
    if (this.#watched) this.#happened('waiting', acquire.session, acquire.claim.mode, lock, wallMs)
    return 'waiting'
  }

  #giveBack(acquire: Acquire, why: AcquireRefusal, wallMs: number): AcquireRefusal {
    this.dropAll([], this.heldBy(acquire), wallMs)
    return why
  }

  /** A steal waits for a pause's end, for earlier steals, and for holders too many to end at once (B2). */
  #mayStealNow(lock: LockEntry, { claim }: Acquire): boolean {
    if (claim.manner !== 'steal' || this.#paused) return false
    return lock.next?.claim.manner !== 'steal' && this.#areFew(lock)
  }

  /** B2 */
  #hasTooMany(lock: LockEntry, { session, claim }: Acquire): boolean {
    return claim.mode === 'shared' && session.sharedOf(lock) >= this.#limits.sharedHoldsPerLockMax
  }

  #dequeue(acquire: Acquire, wallMs: number): LockEntry {
    this.#left--
    const lock = this.locks.get(acquire.names[acquire.tokens.length] as string) as LockEntry
    this.#touch?.touchLock(lock)
    lock.dequeue(acquire)
    this.tally.bytes -= waitBytes(acquire.names)
    acquire.session.owner?.wait(acquire, -1)
    if (this.#watched) this.#happened('cancelled', acquire.session, acquire.claim.mode, lock, wallMs)
    return lock
  }

  /** `loss`: a steal or a force-release ends it, so its session must learn of it. */
  #remove(hold: Hold, wallMs: number, reason: EndReason, loss: LossReason | null = null): LockEntry {
    const { lock, session, token } = hold
    this.#left--
    this.#touch?.touchLock(lock)
    this.tally.bytes -= holdBytes
    session.drop(hold)
    this.#done.add({ is: 'freed', heldMs: wallMs - hold.since })
    if (this.#watched)
      this.#happened(reason === null ? 'released' : 'lost', session, hold.mode, lock, wallMs, token, reason)
    if (loss !== null) this.#lost(session, token, loss)
    lock.free(hold)
    return lock
  }

  /** B2: all holders can lose it in this operation. */
  #areFew(lock: LockEntry): boolean {
    return lock.held <= Math.max(0, this.#left)
  }

  /** B2: at once if the holders are few; true: all of them have lost it. */
  #evict(lock: LockEntry, reason: LossReason, wallMs: number): boolean {
    if (!this.#areFew(lock)) {
      const last = lock.lastHolder
      const begun = this.unfinished.evictions.get(lock.name)
      if (begun === undefined || begun.through < last.token)
        this.unfinished.evict(lock.name, last.token, reason)
      return false
    }
    for (const hold of lock.holders) this.#remove(hold, wallMs, reason, reason)
    return true
  }

  // ---- what was done

  #settled(acquire: Acquire, outcome: 'granted' | AcquireRefusal): void {
    this.#touch?.touchSession(acquire.session)
    this.facts.add({ is: 'settled', acquire, outcome })
  }

  #lost(session: Session, token: number, reason: LossReason): void {
    this.#touch?.touchSession(session)
    this.facts.add({ is: 'lost', session, token, reason })
  }

  /** A wait or hold began or ended. No token: a wait. */
  #happened(
    event: LockEvent['event'],
    session: Session,
    mode: Mode,
    { name }: LockEntry,
    at: number,
    token: number | null = null,
    reason: EndReason = null,
  ): void {
    const { id: clientId, name: clientName } = session
    this.facts.add({
      is: 'event',
      event: { event, name, mode, token, reason, clientId, clientName, at },
    })
  }
}

/**
 * Whether the front of the queue gets this lock now. A steal waits for no holder; a session that is over gets
 * nothing (B2).
 */
export function mayGo(lock: LockEntry): boolean {
  const { next } = lock
  if (next === null || next.session.endReason !== undefined) return false
  return next.claim.manner === 'steal' || compatible(lock, next.claim.mode)
}

/** L1 */
function compatible(lock: LockEntry, mode: Mode): boolean {
  return lock.holder === null || (mode === 'shared' && lock.holder.mode === 'shared')
}
