// Who holds and who waits: grants, queues and tokens (L1, L2, L3). It knows no clock, no view and no
// connection; what it decides depends on the order of the calls alone (R4).

import type { Claim } from '../../wire/claim.ts'
import type { LockEvent, LossReason, Mode } from '../../wire/messages.ts'
import { type Fact, Facts, type TableFact } from './facts.ts'
import { type Acquire, type Hold, LockEntry } from './lock.ts'
import { NameMap } from './name-map.ts'
import type { Session } from './sessions.ts'

/** Hears of each session and lock before it changes (R3): a snapshot under way keeps what it was. */
export interface Touch {
  touchSession(session: Session): void
  touchLock(lock: LockEntry): void
}

/** Why a hold ended; null: its holder wished it. */
export type EndReason = LockEvent['reason']

export type AcquireOutcome = 'granted' | 'waiting' | 'WAITERS_LIMIT'

export class LockTable {
  readonly locks = new NameMap<LockEntry>()
  /** What the state does not have to look at: its place among the other facts is of no account. */
  readonly #done: Facts<Fact>
  /** What was done, for the state to take. */
  readonly facts = new Facts<TableFact>()
  /** L2: every grant's token is larger than this was. */
  #lastToken = 0
  /** A reset's pause: nothing is granted (F14). */
  #paused = false
  #waitersPerLockMax = 0
  /** Marks new locks as not part of the snapshot that is under way. */
  #copyNumber = 0
  #touch: Touch | null = null
  /** There is a watch on the locks of this copy; no part of the state. */
  #watched = false
  #serving = false
  /** What came free while another lock was served, in order. */
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

  start(tokenBase: number, paused: boolean, waitersPerLockMax: number): void {
    this.#lastToken = tokenBase
    this.#paused = paused
    this.#waitersPerLockMax = waitersPerLockMax
  }

  /** Whether what happens to locks is to be told. */
  watch(watched: boolean): void {
    this.#watched = watched
  }

  /** The number of the copy that begins; until it ends it hears of each change before it is made. */
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

  /** L3: free for this mode, and nobody is waiting before it. */
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
      if (acquire.claim.manner === 'steal' && !this.#paused) this.#evict(lock, 'STOLEN', wallMs)
      else if (this.#paused || lock.waiters > 0 || !compatible(lock, acquire.claim.mode))
        return this.#enqueue(lock, acquire, wallMs)
      this.#take(lock, acquire, wallMs)
    }
    return 'granted'
  }

  /** Frees one hold and serves who waits for it. */
  release(hold: Hold, wallMs: number): void {
    this.#remove(hold, wallMs, null)
    this.serve(hold.lock, wallMs)
  }

  /** Takes a hold away from each holder; the number of them. */
  force(name: string, wallMs: number): number {
    const lock = this.locks.get(name)
    if (lock === undefined) return 0
    this.#touch?.touchLock(lock)
    const count = lock.holders.length
    this.#evict(lock, 'FORCED', wallMs)
    this.serve(lock, wallMs)
    return count
  }

  /** Takes an acquire out of the queue, and back what it has got so far. */
  cancel(acquire: Acquire, wallMs: number): void {
    this.dropAll([acquire], this.heldBy(acquire), wallMs)
  }

  heldBy(acquire: Acquire): Hold[] {
    return acquire.tokens.flatMap(token => acquire.session.holds.get(token) ?? [])
  }

  /**
   * Ends all of these before anybody is served, so that nothing is granted to one that is about to
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
    // One that is given back while others are served waits for its turn: a call for each would go as
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
      const next = lock.next as Acquire
      lock.dequeue(next)
      if (next.claim.manner === 'steal') this.#evict(lock, 'STOLEN', wallMs)
      this.#take(lock, next, wallMs)
      const outcome = this.advance(next, wallMs)
      if (outcome !== 'waiting') this.#settled(next, outcome)
    }
    const empty = lock.waiters === 0 && lock.holder === null
    if (empty && this.locks.get(lock.name) === lock) this.locks.delete(lock.name)
  }

  /** A reset's pause is over (F14). */
  unpause(wallMs: number): void {
    this.#paused = false
    // Sorted, since the order of the map differs between a state and its copy (R4).
    for (const name of [...this.locks.keys()].sort()) {
      const lock = this.locks.get(name)
      if (lock !== undefined) this.serve(lock, wallMs)
    }
  }

  #lock(name: string): LockEntry {
    let lock = this.locks.get(name)
    if (lock === undefined) {
      lock = new LockEntry(name, this.#copyNumber)
      this.locks.set(name, lock)
    }
    return lock
  }

  #take(lock: LockEntry, acquire: Acquire, wallMs: number): void {
    const token = ++this.#lastToken // L2
    const hold = lock.hold(token, acquire.session, acquire.claim.mode, wallMs)
    acquire.session.holds.set(token, hold)
    if (acquire.names.length > 1) acquire.session.hide(token)
    // The first of an array that grows would take room for seventeen; most have one.
    if (acquire.tokens.length === 0) acquire.tokens = [token]
    else acquire.tokens.push(token)
    if (this.#watched) this.#happened('granted', hold.session, hold.mode, lock, wallMs, token)
  }

  #enqueue(lock: LockEntry, acquire: Acquire, wallMs: number): AcquireOutcome {
    if (lock.waiters >= this.#waitersPerLockMax) {
      this.dropAll([], this.heldBy(acquire), wallMs)
      return 'WAITERS_LIMIT'
    }
    // A steal waits for the end of a pause only, before all others, and behind earlier steals.
    lock.enqueue(acquire, acquire.claim.manner === 'steal' ? firstBehindSteals(lock) : null)
    if (this.#watched) this.#happened('waiting', acquire.session, acquire.claim.mode, lock, wallMs)
    return 'waiting'
  }

  #dequeue(acquire: Acquire, wallMs: number): LockEntry {
    const lock = this.locks.get(acquire.names[acquire.tokens.length] as string) as LockEntry
    this.#touch?.touchLock(lock)
    lock.dequeue(acquire)
    if (this.#watched) this.#happened('cancelled', acquire.session, acquire.claim.mode, lock, wallMs)
    return lock
  }

  /** `loss`: by another's doing, so that its session is to be told. */
  #remove(hold: Hold, wallMs: number, reason: EndReason, loss: LossReason | null = null): LockEntry {
    const { lock, session, token } = hold
    this.#touch?.touchLock(lock)
    session.holds.delete(token)
    this.#done.add({ is: 'freed', heldMs: wallMs - hold.since })
    if (this.#watched)
      this.#happened(reason === null ? 'released' : 'lost', session, hold.mode, lock, wallMs, token, reason)
    if (loss !== null) this.#lost(session, token, loss)
    lock.free(hold)
    return lock
  }

  #evict(lock: LockEntry, reason: LossReason, wallMs: number): void {
    for (const hold of lock.holders) this.#remove(hold, wallMs, reason, reason)
  }

  // ---- what was done

  #settled(acquire: Acquire, outcome: 'granted' | 'WAITERS_LIMIT'): void {
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

function firstBehindSteals(lock: LockEntry): Acquire | null {
  for (const waiter of lock.queue) if (waiter.claim.manner !== 'steal') return waiter
  return null
}

/** Whether the front of the queue gets this lock now. A steal never waits for a holder. */
export function mayGo(lock: LockEntry): boolean {
  const { next } = lock
  return next !== null && (next.claim.manner === 'steal' || compatible(lock, next.claim.mode))
}

/** L1 */
function compatible(lock: LockEntry, mode: Mode): boolean {
  return lock.holder === null || (mode === 'shared' && lock.holder.mode === 'shared')
}
