// The table of holders and waiters: grants, queues and tokens (L1, L2, L3). It knows no clock, no view and
// no connection; what it decides depends on the order of the calls alone (R4).

import { type Claim, noTerms } from '../../wire/claim.ts'
import type { StateLimits } from '../../wire/limits.ts'
import type { DoneRecord, LockEvent, LossReason, Mode, ShownTerms } from '../../wire/messages.ts'
import { NumberMap } from '../../wire/number-map.ts'
import { type Fact, Facts, type TableFact } from './facts.ts'
import { type Acquire, type Hold, LockEntry } from './lock.ts'
import { NameMap } from './name-map.ts'
import { doneOf, type OnceKey, Onces } from './onces.ts'
import { waitPasses } from './owners.ts'
import { nobody, Session } from './sessions.ts'
import { SlotUse } from './slot-use.ts'
import { ofPermits, type Special, shownOf, specialOf, takeOf } from './special.ts'
import { holdBytes, lockBytes, onceBytes, Tally, termsBytes, waitBytes } from './tally.ts'
import { Unfinished } from './unfinished.ts'

/** Gets each session and lock before it changes (R3): a snapshot under way keeps it as it was. */
export interface Touch {
  touchSession(session: Session): void
  touchLock(lock: LockEntry): void
  touchKey(key: OnceKey): void
}

/** Walks through the locks in shares, and learns of each that comes in the meantime (B1). */
export interface Walker {
  comes(lock: LockEntry): void
}

/** Why a hold ended; null: its holder ended it. */
export type EndReason = LockEvent['reason']

export type AcquireOutcome = 'waiting' | AcquireEnd
export type AcquireEnd = 'granted' | AcquireRefusal | DoneBefore

/** LOCKS_LIMIT: its session holds this lock too often; waiters: a quota of its owner (B7). */
export type AcquireRefusal = 'WAITERS_LIMIT' | 'LOCKS_LIMIT' | 'ONCE_KEYS_LIMIT' | 'waiters' | Differs

/** C1: the lock is in use, of so many permits; 0: of none. */
export interface Differs {
  readonly code: 'PERMITS_DIFFER'
  readonly name: string
  readonly of: number
}

/** C5 */
export interface DoneBefore {
  readonly done: DoneRecord
}

type Limits = Pick<
  StateLimits,
  | 'waitersPerLockMax'
  | 'waitersPerOwnerMax'
  | 'sharedHoldsPerLockMax'
  | 'changesPerOperationMax'
  | 'onceKeysPerNameMax'
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
    onceKeysPerNameMax: 0,
  }
  /** B4 */
  readonly tally = new Tally()
  readonly unfinished = new Unfinished()
  /** C5 */
  readonly onces = new Onces()
  /** C3: the session of holds that are kept for no client. Its weight is nobody's. */
  readonly nobody = new Session(0, nobody, null, new Tally())
  /** C3, C4: by token, holds that some time may end, or that are kept until then. */
  readonly timed = new NumberMap<Hold>()
  /** C3: how many holds are kept for no client. */
  kept = 0
  /** G8: null: nothing is counted, since no slot moves. */
  #use: SlotUse | null = null
  /** B2: how many more holds and waits may begin or end in this operation. */
  #left = 0
  /** Marks new locks as not part of the snapshot that is under way. */
  #copyNumber = 0
  #touch: Touch | null = null
  /** This is no part of the state. */
  #walker: Walker | null = null
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

  /** L2: the next token is larger than this one, too. */
  raiseToken(token: number): void {
    this.#lastToken = Math.max(this.#lastToken, token)
  }

  // ---- what is in use in each slot (G8)

  /** Counts so many more; true: all is counted. */
  countUse(most: number): boolean {
    this.#use ??= new SlotUse(this.locks, this.onces.names)
    if (!this.#use.isWhole) this.#use.count(most)
    return this.#use.isWhole
  }

  /** No slot moves. */
  endUse(): void {
    this.#use = null
  }

  /** All is counted by then. */
  isInUse(slot: number): boolean {
    while (!this.countUse(wholeTable));
    return this.#use?.inUse(slot) ?? true
  }

  get useProblem(): string | undefined {
    return this.#use?.problem()
  }

  /** B2 */
  beginOperation(): void {
    this.#left = this.#limits.changesPerOperationMax
  }

  /** B1: a look at so many holders or sessions is work, too. */
  looked(count: number): void {
    this.#left -= count >> 5
  }

  /** How many holds and waits have begun or ended in this operation. */
  get changes(): number {
    return this.#limits.changesPerOperationMax - this.#left
  }

  /** B2: something that was begun must go on. */
  get isUnfinished(): boolean {
    const { ending, evictions, telling, unserved } = this.unfinished
    if (ending.size > 0 || evictions.size > 0 || telling.size > 0) return true
    return unserved.size > 0 && !this.#paused
  }

  /** Whether changes of locks become events. */
  watch(watched: boolean): void {
    this.#watched = watched
  }

  /** From now on this one alone learns of locks that come. */
  tellNew(walker: Walker | null): void {
    this.#walker = walker
  }

  /** Returns the number of the copy that begins; until it ends it learns of each change in advance. */
  beginCopy(touch: Touch): number {
    this.#touch = touch
    return ++this.#copyNumber
  }

  /** No other copy that has begun since ends with it. */
  endCopy(touch: Touch): void {
    if (this.#touch === touch) this.#touch = null
  }

  /** A copy is under way, and learns of each change. */
  get isCopied(): boolean {
    return this.#touch !== null
  }

  isCopiedBy(touch: Touch): boolean {
    return this.#touch === touch
  }

  touch(session: Session): void {
    this.#touch?.touchSession(session)
  }

  /** L3: the lock is free for this claim, and has no waiters. */
  available(name: string, claim: Claim): boolean {
    if (this.#paused) return false
    const lock = this.locks.get(name)
    return lock === undefined || (lock.waiters === 0 && compatible(lock, claim))
  }

  /** C1: a lock that is in use stays of as many permits as it is. */
  differs(name: string, { terms }: Claim): Differs | undefined {
    const lock = this.locks.get(name)
    if (lock === undefined || lock.of === ofPermits(terms) || !lock.inUse) return undefined
    return { code: 'PERMITS_DIFFER', name, of: lock.of }
  }

  /** C5: who runs this key or has run it, or why it can't run; undefined: it may. */
  onceProblem(name: string, { terms }: Claim): DoneBefore | 'ONCE_KEYS_LIMIT' | undefined {
    if (terms === null || terms.once === null) return undefined
    const known = this.onces.get(name, terms.once.key)
    if (known !== undefined) return { done: doneOf(known) }
    return this.onces.sizeOf(name) >= this.#limits.onceKeysPerNameMax ? 'ONCE_KEYS_LIMIT' : undefined
  }

  /** Takes the names one by one, in order, until one is not free (L3). */
  advance(acquire: Acquire, wallMs: number): AcquireOutcome {
    while (acquire.tokens.length < acquire.names.length) {
      const lock = this.#lock(acquire.names[acquire.tokens.length] as string)
      this.#touch?.touchLock(lock)
      if (lock.of !== ofPermits(acquire.claim.terms) && lock.inUse)
        return this.#giveBack(acquire, { code: 'PERMITS_DIFFER', name: lock.name, of: lock.of }, wallMs)
      if (this.#mayStealNow(lock, acquire)) this.#evict(lock, 'STOLEN', wallMs)
      else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim))
        return this.#enqueue(lock, acquire, wallMs)
      if (this.#hasTooMany(lock, acquire)) return this.#giveBack(acquire, 'LOCKS_LIMIT', wallMs)
      this.#take(lock, acquire, wallMs)
      // C1: a thief may leave permits to those who wait.
      if (acquire.claim.manner === 'steal' && lock.waiters > 0) this.serve(lock, wallMs)
    }
    return 'granted'
  }

  /** A token for a lock that is not in use, exclusive and plain, so that nothing has to be decided; 0: it has to be. */
  takeFree(name: string, session: Session, wallMs: number): number {
    if (this.#paused || this.#watched || this.locks.has(name)) return 0
    const token = ++this.#lastToken // L2
    session.take(this.#newLock(name).hold(token, session, 'exclusive', wallMs))
    this.tally.bytes += holdBytes
    return token
  }

  /** Whether a release of this hold frees its lock, and does nothing else. */
  endsPlainly(hold: Hold): boolean {
    return hold === hold.lock && hold.lock.isUncontended && !this.#watched
  }

  /** Such a release. */
  free(hold: Hold): void {
    const { lock, session } = hold
    this.#touch?.touchLock(lock)
    session.drop(hold)
    lock.free(hold)
    this.tally.bytes -= holdBytes
    this.#forget(lock)
  }

  /** Its holder gives it up: frees it, unless it must be kept (C3), and serves the waiters of its lock. */
  release(hold: Hold, wallMs: number): void {
    this.#leave(hold, wallMs, null)
    this.serve(hold.lock, wallMs)
  }

  /** C5: what ran has failed, so that its key is free again. */
  fail(hold: Hold, wallMs: number): void {
    this.#freeKey(hold)
    this.release(hold, wallMs)
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

  /** C8: takes the lock away from this holder alone. */
  forceOne(hold: Hold, wallMs: number): void {
    this.#remove(hold, wallMs, 'FORCED', 'FORCED')
    this.serve(hold.lock, wallMs)
  }

  /** C8: once this holder has lost the lock, nothing is in the way of this claim. */
  mayReplace(victim: Hold, claim: Claim): boolean {
    const { lock } = victim
    if (this.#paused || lock.next?.claim.manner === 'steal') return false
    const { permits } = claim.terms ?? noTerms
    if (permits === null) return lock.held === 1
    return lock.taken - takeOf(victim.special) + permits.take <= permits.of
  }

  /** C8: takes the lock away from this holder alone, in favour of the acquire. */
  replace(victim: Hold, acquire: Acquire, wallMs: number): AcquireOutcome {
    const { lock } = victim
    if (this.#hasTooMany(lock, acquire)) return 'LOCKS_LIMIT'
    this.#remove(victim, wallMs, 'STOLEN', 'STOLEN')
    this.#take(lock, acquire, wallMs)
    this.serve(lock, wallMs)
    return 'granted'
  }

  /** C6 */
  note(hold: Hold, note: string | null, wallMs: number): void {
    const before = termsBytes(hold.special?.terms ?? null)
    this.#left--
    this.#touch?.touchLock(hold.lock)
    const noted = hold.special === null ? this.#specialise(hold) : hold
    const special = noted.special as Special
    special.terms = { ...special.terms, note }
    const more = termsBytes(special.terms) - before
    this.tally.bytes += more
    noted.session.owner?.more(more)
    if (this.#watched) this.#happened('noted', noted, wallMs)
  }

  #specialise(hold: Hold): Hold {
    const special: Special = { terms: noTerms, lasting: false, untold: 0, owner: null }
    const { session } = hold
    const later = hold.lock.specialise(hold, special)
    session.holds.set(later.token, later)
    return later
  }

  /** All of the acquire's locks are granted: from here on their times count. */
  granted(acquire: Acquire): void {
    const { session, request, tokens, claim } = acquire
    if (claim.terms === null) return
    for (const token of tokens) {
      const hold = session.holds.get(token)
      if (hold === undefined || hold.special === null) continue
      this.#touch?.touchLock(hold.lock)
      const { terms } = hold.special
      if (terms.holdAtLeastMs !== null) {
        hold.special.lasting = true
        this.#done.add({ is: 'lasts', hold })
      }
      if (terms.holdAtMostMs === null) continue
      hold.special.untold = request
      session.tellOf(hold, request)
    }
  }

  /** C4: the client has acknowledged the reply of this request, and so knows of what it was granted. */
  told(session: Session, request: number): void {
    for (const hold of session.told(request)) {
      if (hold.special === null || session.holds.get(hold.token) !== hold) continue
      this.#touch?.touchLock(hold.lock)
      hold.special.untold = 0
      this.#done.add({ is: 'told', hold })
    }
  }

  /** C3: these need not last any longer; those that are kept are free. */
  leastOver(tokens: readonly number[], wallMs: number): void {
    const freed = new Set<LockEntry>()
    for (const token of tokens) {
      const hold = this.timed.get(token)
      if (hold === undefined || hold.special === null || !hold.special.lasting) continue
      this.#touch?.touchLock(hold.lock)
      if (hold.session.isNobody) freed.add(this.#remove(hold, wallMs, null))
      else {
        hold.special.lasting = false
        this.#done.add({ is: 'lasted', token })
      }
    }
    for (const lock of freed) this.serve(lock, wallMs)
  }

  /** C4: these were held for as long as they may be. */
  mostOver(tokens: readonly number[], wallMs: number): void {
    const freed = new Set<LockEntry>()
    for (const token of tokens) {
      const hold = this.timed.get(token)
      if (hold === undefined || hold.session.isNobody) continue
      freed.add(this.#leave(hold, wallMs, 'HELD_TOO_LONG', 'HELD_TOO_LONG'))
    }
    for (const lock of freed) this.serve(lock, wallMs)
  }

  /** C5: these keys may run again. */
  forgetKeys(keys: readonly (readonly [name: string, key: string])[]): void {
    for (const [name, key] of keys) this.forgetKey(name, key)
  }

  /** C5: this key may run again; false: it runs now, or there is no such key. */
  forgetKey(name: string, key: string): boolean {
    const known = this.onces.get(name, key)
    if (known === undefined || known.running) return false
    this.#left--
    this.#deleteKey(known)
    return true
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
   * go (L3: dead waiters don't block the queue). No client has acted on these holds: nothing is kept of them (C3, C5).
   */
  dropAll(waiters: readonly Acquire[], holds: readonly Hold[], wallMs: number): void {
    const freed = new Set<LockEntry>()
    for (const waiter of waiters) freed.add(this.#dequeue(waiter, wallMs))
    for (const hold of holds) {
      this.#freeKey(hold)
      freed.add(this.#remove(hold, wallMs, null))
    }
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
    while (!this.#paused && this.mayGo(lock)) {
      this.#touch?.touchLock(lock)
      if (this.#left <= 0) return void this.unfinished.unserved.add(lock.name)
      const next = lock.next as Acquire
      if (next.claim.manner === 'steal' && !this.#evict(lock, 'STOLEN', wallMs)) return
      this.#unqueue(lock, next)
      this.#goOn(lock, next, wallMs)
    }
    const empty = lock.waiters === 0 && lock.holder === null
    if (empty && this.locks.get(lock.name) === lock) this.#forget(lock)
  }

  /** It is not in use any more. */
  #forget({ name }: LockEntry): void {
    this.#use?.lock(name, -1)
    this.locks.delete(name)
    this.tally.bytes -= lockBytes(name)
    this.unfinished.forget(name)
  }

  #unqueue(lock: LockEntry, acquire: Acquire): void {
    lock.dequeue(acquire)
    this.#use?.waiter(lock, acquire, -1)
    this.tally.bytes -= waitBytes(acquire)
    acquire.session.owner?.wait(acquire, -1)
    if (acquire.claim.terms !== null) this.onces.leave(acquire)
  }

  /** The acquire's turn for this lock has come. */
  #goOn(lock: LockEntry, acquire: Acquire, wallMs: number): void {
    const problem = this.onceProblem(lock.name, acquire.claim)
    if (problem !== undefined) {
      this.#left--
      if (this.#watched) this.#waitHappened('cancelled', acquire, lock, wallMs)
      return this.#settled(acquire, problem)
    }
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
    const { ending, evictions, telling, unserved } = this.unfinished
    const freed = new Set<LockEntry>()
    for (const session of ending.values()) if (!this.#endShare(session, freed, wallMs)) break
    for (const lock of freed) this.serve(lock, wallMs)
    for (const [name, { through, reason }] of evictions) {
      if (this.#left <= 0) return
      this.#evictShare(name, through, reason, wallMs)
    }
    for (const [name, keys] of telling)
      for (const key of keys) {
        if (this.#left <= 0) return
        this.#tell(name, key, wallMs)
        const lock = this.locks.get(name)
        if (lock !== undefined) this.serve(lock, wallMs)
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
      freed.add(this.#leave(hold, wallMs, session.endReason ?? null))
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
    return this.locks.get(name) ?? this.#newLock(name)
  }

  #newLock(name: string): LockEntry {
    const lock = new LockEntry(name, this.#copyNumber)
    this.locks.add(name, lock)
    this.#use?.lock(name, 1)
    this.tally.bytes += lockBytes(name)
    this.#walker?.comes(lock)
    return lock
  }

  #take(lock: LockEntry, acquire: Acquire, wallMs: number): void {
    const token = ++this.#lastToken // L2
    const { mode, terms } = acquire.claim
    const hold = lock.hold(token, acquire.session, mode, wallMs, terms === null ? null : specialOf(terms))
    this.#left--
    this.tally.bytes += holdBytes
    acquire.session.take(hold)
    if (acquire.names.length > 1) acquire.session.hide(token)
    // The first push to an empty array would take room for seventeen; most acquires have one token.
    if (acquire.tokens.length === 0) acquire.tokens = [token]
    else acquire.tokens.push(token)
    if (this.#watched) this.#happened('granted', hold, wallMs)
    if (hold.special !== null) this.#takeSpecial(hold, hold.special, wallMs)
  }

  #takeSpecial(hold: Hold, { terms }: Special, wallMs: number): void {
    const { token, session, lock } = hold
    this.tally.bytes += termsBytes(terms)
    this.remember(hold)
    if (terms.once === null) return
    const { key, keepMs } = terms.once
    const { publicId: clientId, name: clientName, owner } = session
    const times = { grantedAt: wallMs, endedAt: null, running: true, keepMs }
    const copied = this.#copyNumber
    this.addKey({ name: lock.name, key, token, clientId, clientName, ...times, owner, copied })
    this.#tell(lock.name, key, wallMs)
  }

  /** Also for a copy that is put together (snapshot.ts). */
  remember(hold: Hold): void {
    const { holdAtLeastMs, holdAtMostMs } = hold.special?.terms ?? noTerms
    if (holdAtLeastMs !== null || holdAtMostMs !== null) this.timed.set(hold.token, hold)
    if (hold.session.isNobody) this.kept++
  }

  /** Also for a copy that is put together (snapshot.ts). */
  addKey(key: OnceKey): void {
    this.onces.add(key)
    this.#use?.key(key.name, 1)
    this.tally.bytes += onceBytes(key)
  }

  #deleteKey(key: OnceKey): void {
    this.#touch?.touchKey(key)
    this.#use?.key(key.name, -1)
    this.onces.delete(key)
    this.tally.bytes -= onceBytes(key)
    this.#done.add({ is: 'key gone', key })
  }

  /** C5: the key that this hold runs may run again at once. */
  #freeKey(hold: Hold): void {
    const key = this.#keyOf(hold)
    if (key !== undefined) this.#deleteKey(key)
  }

  #keyOf({ special, lock, token }: Hold): OnceKey | undefined {
    const once = special?.terms.once
    const key = once === undefined || once === null ? undefined : this.onces.get(lock.name, once.key)
    return key?.token === token ? key : undefined
  }

  /** C5: tells those who wait with a key that runs or has run, as many as this operation has room for (B2). */
  #tell(name: string, key: string, wallMs: number): void {
    const known = this.onces.get(name, key)
    for (const waiter of known === undefined ? noWaiters : this.onces.waitersOf(name, key)) {
      if (this.#left <= 0) return this.unfinished.tell(name, key)
      // A session that is over ends its waits itself.
      if (waiter.session.endReason !== undefined) this.onces.leave(waiter)
      else this.#settled(this.#dequeued(waiter, wallMs), { done: doneOf(known as OnceKey) })
    }
    this.unfinished.told(name, key)
  }

  #dequeued(acquire: Acquire, wallMs: number): Acquire {
    this.#dequeue(acquire, wallMs)
    return acquire
  }

  #enqueue(lock: LockEntry, acquire: Acquire, wallMs: number): AcquireOutcome {
    if (lock.waiters >= this.#limits.waitersPerLockMax)
      return this.#giveBack(acquire, 'WAITERS_LIMIT', wallMs)
    if (waitPasses(acquire.session.owner, this.#limits, lock.waiters)) {
      // In a reset's pause the lock may be one that was made for this acquire.
      if (!lock.inUse) this.#forget(lock)
      return this.#giveBack(acquire, 'waiters', wallMs)
    }
    this.#left--
    this.tally.bytes += waitBytes(acquire)
    acquire.session.owner?.wait(acquire, 1)
    lock.enqueue(acquire)
    this.#use?.waiter(lock, acquire, 1)
    if (acquire.claim.terms !== null) this.onces.wait(acquire)
    if (this.#paused) this.unfinished.unserved.add(lock.name)
    else if (acquire.claim.manner === 'steal' && lock.next === acquire) this.#evict(lock, 'STOLEN', wallMs)
    if (this.#watched) this.#waitHappened('waiting', acquire, lock, wallMs)
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
    return claim.mode !== 'exclusive' && session.sharedOf(lock) >= this.#limits.sharedHoldsPerLockMax
  }

  #dequeue(acquire: Acquire, wallMs: number): LockEntry {
    this.#left--
    const lock = this.locks.get(acquire.names[acquire.tokens.length] as string) as LockEntry
    this.#touch?.touchLock(lock)
    this.#unqueue(lock, acquire)
    if (this.#watched) this.#waitHappened('cancelled', acquire, lock, wallMs)
    return lock
  }

  /** Its holder has it no longer; it is kept for nobody as long as it must last (C3). */
  #leave(hold: Hold, wallMs: number, reason: EndReason, loss: LossReason | null = null): LockEntry {
    if (hold.special === null || !hold.special.lasting) return this.#remove(hold, wallMs, reason, loss)
    this.#keep(hold, hold.special, wallMs, reason, loss)
    return hold.lock
  }

  #keep(hold: Hold, special: Special, wallMs: number, reason: EndReason, loss: LossReason | null): void {
    const { lock, session, token } = hold
    this.#left--
    this.#touch?.touchLock(lock)
    if (this.#watched) this.#happened('kept', hold, wallMs, reason)
    // B7: it counts for its owner all the time, which might be forgotten otherwise.
    special.owner = session.owner
    special.owner?.hold(hold, 1)
    session.drop(hold)
    lock.keep(hold, this.nobody)
    this.kept++
    this.#done.add({ is: 'freed', heldMs: wallMs - hold.since })
    this.#done.add({ is: 'untimed', token, kept: true })
    this.#endKey(hold, wallMs, true)
    if (loss !== null) this.#lost(session, token, loss)
  }

  /** `loss`: a steal, a force-release or its own time ends it, so its session must learn of it. */
  #remove(hold: Hold, wallMs: number, reason: EndReason, loss: LossReason | null = null): LockEntry {
    const { lock, session, token } = hold
    this.#left--
    this.#touch?.touchLock(lock)
    this.tally.bytes -= holdBytes
    if (this.#watched) this.#happened(reason === null ? 'released' : 'lost', hold, wallMs, reason)
    if (hold.special !== null) this.#removeSpecial(hold, hold.special, wallMs)
    if (!session.isNobody) {
      session.drop(hold)
      this.#done.add({ is: 'freed', heldMs: wallMs - hold.since })
      if (loss !== null) this.#lost(session, token, loss)
    }
    lock.free(hold)
    return lock
  }

  #removeSpecial(hold: Hold, { terms, owner }: Special, wallMs: number): void {
    this.tally.bytes -= termsBytes(terms)
    if (hold.session.isNobody) {
      owner?.hold(hold, -1)
      this.kept--
    }
    if (this.timed.delete(hold.token)) this.#done.add({ is: 'untimed', token: hold.token, kept: false })
    this.#endKey(hold, wallMs, false)
  }

  /** C5: the key is kept for its time from the moment at which its lock is free. */
  #endKey(hold: Hold, wallMs: number, running: boolean): void {
    const key = this.#keyOf(hold)
    if (key === undefined) return
    this.#touch?.touchKey(key)
    key.endedAt ??= wallMs
    key.running = running
    if (!running) this.#done.add({ is: 'key ended', key })
  }

  /** B2: all holders can lose it in this operation. */
  #areFew(lock: LockEntry): boolean {
    return lock.held <= Math.max(0, this.#left)
  }

  /** B2: at once if the holders are few; true: all of them have lost it. */
  #evict(lock: LockEntry, reason: LossReason, wallMs: number): boolean {
    if (!this.#areFew(lock)) {
      const last = lock.lastHolder as Hold
      const begun = this.unfinished.evictions.get(lock.name)
      if (begun === undefined || begun.through < last.token)
        this.unfinished.evict(lock.name, last.token, reason)
      return false
    }
    for (const hold of lock.holders) this.#remove(hold, wallMs, reason, reason)
    return true
  }

  // ---- what was done

  #settled(acquire: Acquire, outcome: AcquireEnd): void {
    this.#touch?.touchSession(acquire.session)
    this.facts.add({ is: 'settled', acquire, outcome })
  }

  #lost(session: Session, token: number, reason: LossReason): void {
    this.#touch?.touchSession(session)
    this.facts.add({ is: 'lost', session, token, reason })
  }

  /** A hold began, ended or changed. */
  #happened(event: LockEvent['event'], hold: Hold, at: number, reason: EndReason = null): void {
    const { lock, token, mode, session, special } = hold
    this.#tellWatchers(event, lock, mode, token, reason, session, shownOf(special?.terms ?? null, true), at)
  }

  #waitHappened(event: LockEvent['event'], { session, claim }: Acquire, lock: LockEntry, at: number): void {
    this.#tellWatchers(event, lock, claim.mode, null, null, session, shownOf(claim.terms, false), at)
  }

  #tellWatchers(
    event: LockEvent['event'],
    { name }: LockEntry,
    mode: Mode,
    token: number | null,
    reason: EndReason,
    session: Session,
    terms: ShownTerms,
    at: number,
  ): void {
    const clientId = session.isNobody ? null : session.publicId
    const clientName = session.isNobody ? null : session.name
    this.facts.add({
      is: 'event',
      event: { event, name, mode, token, reason, clientId, clientName, terms, at },
    })
  }

  /**
   * Whether the front of the queue gets this lock now, or learns that its key was run (C5). A steal waits for no
   * holder; a session that is over gets nothing (B2).
   */
  mayGo(lock: LockEntry): boolean {
    const { next } = lock
    if (next === null || next.session.endReason !== undefined) return false
    if (next.claim.manner === 'steal' || compatible(lock, next.claim)) return true
    const once = next.claim.terms?.once
    return once !== undefined && once !== null && this.onces.get(lock.name, once.key) !== undefined
  }
}

/** L1, C1: whether the claim fits beside the holders; all of a lock in use name as many permits. */
function compatible(lock: LockEntry, { mode, terms }: Claim): boolean {
  if (lock.holder === null) return true
  if (mode === 'shared') return lock.holder.mode === 'shared'
  const permits = terms?.permits ?? null
  return permits !== null && lock.taken + permits.take <= permits.of
}

const noWaiters: readonly Acquire[] = []
const wholeTable = Number.MAX_SAFE_INTEGER
