// One lock: its holders and waiters. A service may hold a million locks, nearly all with one holder and no
// queue, so each is as small as it can be: it is its own first hold, and lists are made only when a second
// session comes. It decides nothing; lock-table.ts does.

import type { Claim } from '../../wire/claim.ts'
import type { Mode } from '../../wire/messages.ts'
import { type InLine, Line } from './line.ts'
import type { Session } from './sessions.ts'
import { ofPermits, type Special, takeOf } from './special.ts'

/** Invalid once it is freed. */
export interface Hold {
  readonly token: number
  readonly session: Session
  readonly lock: LockEntry
  readonly mode: Mode
  /** Wall clock of the operation in ms, for display only. */
  readonly since: number
  /** What few holds have; null for a plain one. */
  readonly special: Special | null
}

/** One acquire on its way: it has a token for each of its first names and waits for the next name. */
export interface Acquire extends InLine<Acquire> {
  readonly session: Session
  readonly request: number
  /** In sorted order. */
  readonly names: readonly string[]
  readonly claim: Claim
  tokens: number[]
  readonly since: number
}

interface LaterHold extends Hold, InLine<LaterHold> {
  /** C3: changes once, when the hold is kept for no client. */
  session: Session
  special: Special | null
}

interface Crowd {
  /** L1, C1: shared ones or permits, younger than the first one; and those that are special, be they alone. */
  readonly others: Line<LaterHold>
  /** C1: the permits that they take, so that no walk has to add them up. */
  taken: number
  readonly queue: Line<Acquire>
  /** L3: the last steal in the queue; all steals stand in front. */
  lastSteal: Acquire | null
}

const none: readonly never[] = []

/** No private methods: each instance would pay 8 bytes for having some. */
export class LockEntry implements Hold {
  readonly name: string
  /** The last snapshot that this lock went into, or came after (R3). */
  copied: number
  #token = 0
  /** The session of the first hold; null: there is none. */
  #session: Session | null = null
  /** Two small numbers, since V8 keeps a large one in 16 more bytes: seconds, and 2 * ms, + 1 if shared. */
  #seconds = 0
  #rest = 0
  /** Null until there is a second holder or a waiter. */
  #crowd: Crowd | null = null

  constructor(name: string, copied: number) {
    this.name = name
    this.copied = copied
  }

  // ---- as its first hold

  get lock(): LockEntry {
    return this
  }

  get token(): number {
    return this.#token
  }

  get session(): Session {
    return this.#session as Session
  }

  get mode(): Mode {
    return this.#rest % 2 === 1 ? 'shared' : 'exclusive'
  }

  /** A hold that is special stands among the others, so that a plain one pays nothing for it. */
  get special(): null {
    return null
  }

  get since(): number {
    return this.#seconds * 1_000 + (this.#rest >> 1)
  }

  // ---- holders

  /** In the order of their tokens. */
  get holders(): readonly Hold[] {
    const others = this.#crowd?.others ?? none
    return this.#session === null ? [...others] : [this, ...others]
  }

  /** The oldest hold. */
  get holder(): Hold | null {
    return this.#session === null ? (this.#crowd?.others.first ?? null) : this
  }

  /** As `holders`, for callers that may stop before the last one. */
  *eachHolder(): Generator<Hold, void, void> {
    if (this.#session !== null) yield this
    yield* this.#crowd?.others ?? none
  }

  /** The youngest hold. */
  get lastHolder(): Hold | null {
    return this.#crowd?.others.last ?? this.holder
  }

  /** How many hold it. */
  get held(): number {
    return (this.#session === null ? 0 : 1) + (this.#crowd?.others.size ?? 0)
  }

  /** One holder at most, and no waiter. */
  get isUncontended(): boolean {
    return this.#crowd === null || (this.held <= 1 && this.waiters === 0)
  }

  /** C1: of how many permits it is while it is held or waited for; 0: of none. */
  get of(): number {
    if (this.#crowd === null || this.#session !== null) return 0
    const { others, queue } = this.#crowd
    if (others.first !== null) return ofPermits(others.first.special?.terms ?? null)
    return ofPermits(queue.first?.claim.terms ?? null)
  }

  /** C1: how many permits its holders take. */
  get taken(): number {
    return this.#crowd?.taken ?? 0
  }

  /** Somebody holds it or waits for it. */
  get inUse(): boolean {
    return this.holder !== null || this.waiters > 0
  }

  hold(token: number, session: Session, mode: Mode, since: number, special: Special | null = null): Hold {
    if (special !== null || this.holder !== null) {
      const hold: LaterHold = { token, session, lock: this, mode, since, special, ahead: null, behind: null }
      this.#crowd ??= newCrowd()
      this.#crowd.others.enter(hold)
      this.#crowd.taken += takeOf(special)
      return hold
    }
    this.#token = token
    this.#session = session
    this.#seconds = Math.floor(since / 1_000)
    this.#rest = 2 * Math.floor(since % 1_000) + (mode === 'shared' ? 1 : 0)
    return this
  }

  free(hold: Hold): void {
    if (hold === this) {
      this.#session = null
      return
    }
    this.#crowd?.others.leave(hold as LaterHold)
    if (this.#crowd !== null) this.#crowd.taken -= takeOf(hold.special)
  }

  /** C6: this plain hold gets something special; the first one is another object from then on. */
  specialise(hold: Hold, special: Special): Hold {
    if (hold !== this) {
      ;(hold as LaterHold).special = special
      return hold
    }
    const { token, session, mode, since } = this
    const later: LaterHold = { token, session, lock: this, mode, since, special, ahead: null, behind: null }
    this.#session = null
    this.#crowd ??= newCrowd()
    this.#crowd.others.enter(later, this.#crowd.others.first)
    return later
  }

  /** C3: its holder is gone, and it goes on for no client. */
  keep(hold: Hold, nobody: Session): void {
    ;(hold as LaterHold).session = nobody
  }

  // ---- waiters

  /** In the order in which they are served (L3). */
  get queue(): Iterable<Acquire> {
    return this.#crowd?.queue ?? none
  }

  get waiters(): number {
    return this.#crowd?.queue.size ?? 0
  }

  /** The first of the queue. */
  get next(): Acquire | null {
    return this.#crowd?.queue.first ?? null
  }

  /** L3: at the end; a steal in front of all others, and behind earlier steals. */
  enqueue(acquire: Acquire): void {
    acquire.session.awaited += namesAhead(acquire)
    this.#crowd ??= newCrowd()
    const { queue, lastSteal } = this.#crowd
    if (acquire.claim.manner !== 'steal') return queue.enter(acquire)
    queue.enter(acquire, lastSteal === null ? queue.first : lastSteal.behind)
    this.#crowd.lastSteal = acquire
  }

  dequeue(acquire: Acquire): void {
    const crowd = this.#crowd as Crowd
    acquire.session.awaited -= namesAhead(acquire)
    if (crowd.lastSteal === acquire) crowd.lastSteal = acquire.ahead
    crowd.queue.leave(acquire)
  }
}

/** Those that it has not got yet. */
function namesAhead({ names, tokens }: Acquire): number {
  return names.length - tokens.length
}

function newCrowd(): Crowd {
  return { others: new Line(), taken: 0, queue: new Line(), lastSteal: null }
}
