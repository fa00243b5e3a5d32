// What each owner has of the state: today an owner is the address that a session was opened from (B7). The
// counts are a part of the state, alike in every copy (R4), since a session's owner comes with its `open`. It
// says which quota an owner would pass; state.ts and lock-table.ts refuse. Sessions without an owner have none.

import type { ErrorCode } from '../../wire/errors.ts'
import { operatorsKept, type StateLimits } from '../../wire/limits.ts'
import type { Acquire, Hold } from './lock.ts'
import type { OnceKey } from './onces.ts'
import type { Session } from './sessions.ts'
import { holdBytes, lockBytes, onceBytes, termsBytes, waitBytes } from './tally.ts'

/** What an owner can have too much of. */
export type Quota = 'sessions' | 'locks' | 'waiters' | 'memory'

export const quotaCodes: Readonly<Record<Quota, ErrorCode>> = {
  sessions: 'SESSIONS_LIMIT',
  locks: 'LOCKS_LIMIT',
  waiters: 'WAITERS_LIMIT',
  memory: 'STATE_LIMIT',
}

/** Of these so many are left to sessions without an owner: to operators, who work on a server's own machine. */
export function keptOf(max: number): number {
  return Math.min(operatorsKept, max >> 3)
}

export class Owner {
  readonly name: string
  sessions = 0
  /** Names that its sessions hold or have asked for and wait for. */
  locks = 0
  /** Keys that its sessions run or have run (C5). */
  keys = 0
  /** Acquires of its sessions that wait. */
  waits = 0
  /** About how many bytes of the state all of this takes; a lock that several hold counts for each. */
  bytes = 0
  readonly #owners: Map<string, Owner>

  constructor(name: string, owners: Map<string, Owner>) {
    this.name = name
    this.#owners = owners
  }

  /** `by`: 1 for a session that begins, -1 for one that ends. */
  session(by: 1 | -1): void {
    this.sessions += by
    this.#forget()
  }

  hold(hold: Hold, by: 1 | -1): void {
    this.locks += by
    this.bytes += by * bytesOfHold(hold)
    this.#forget()
  }

  /** One of its holds takes more than it did (C6). */
  more(bytes: number): void {
    this.bytes += bytes
  }

  /** A key that runs or is kept (C5). */
  key(bytes: number, by: 1 | -1): void {
    this.keys += by
    this.bytes += by * bytes
    this.#forget()
  }

  /** Waits for its next name, or no longer. */
  wait(acquire: Acquire, by: 1 | -1): void {
    this.waits += by
    this.locks += by * asked(acquire)
    this.bytes += by * bytesOfWait(acquire)
    this.#forget()
  }

  #forget(): void {
    if (this.sessions === 0 && this.locks === 0 && this.keys === 0) this.#owners.delete(this.name)
  }
}

export class Owners {
  readonly #owners = new Map<string, Owner>()

  get size(): number {
    return this.#owners.size
  }

  /** The owner, known from now on, of a session that begins. */
  of(name: string): Owner {
    let owner = this.#owners.get(name)
    if (owner === undefined) {
      owner = new Owner(name, this.#owners)
      this.#owners.set(name, owner)
    }
    return owner
  }

  /** Whether another session of this owner would pass a quota. `sessions`, `bytes`: what there is in all. */
  openPasses(
    name: string | null,
    limits: StateLimits,
    { sessions, bytes }: { readonly sessions: number; readonly bytes: number },
  ): Quota | undefined {
    if (name === null) return undefined
    const owner = this.#owners.get(name)
    const { sessionsMax, sessionsPerOwnerMax } = limits
    const most = sessionsPerOwnerMax ?? sessionsMax - keptOf(sessionsMax) - sessions
    if ((owner?.sessions ?? 0) >= most) return 'sessions'
    return (owner?.bytes ?? 0) >= bytesLeft(limits, bytes) ? 'memory' : undefined
  }

  /** What is wrong with the counts, or undefined; for R4 and for tests. */
  problem(sessions: Iterable<Session>, kept: Iterable<Hold>, keys: Iterable<OnceKey>): string | undefined {
    const counted = recount(sessions, kept, keys)
    if (counted.size !== this.size) return `B7: ${this.size} owners are kept, and there are ${counted.size}`
    for (const [name, owner] of this.#owners) {
      const [is, right] = [countsOf(owner), countsOf(counted.#owners.get(name))]
      if (is !== right) return `B7: ${name} is counted with ${is}, and has ${right}`
    }
    return undefined
  }
}

/** Whether an acquire of this owner that takes so many more names and bytes would pass a quota. */
export function acquirePasses(
  owner: Owner | null,
  limits: StateLimits,
  moreNames: number,
  moreBytes: number,
  bytes: number,
): Quota | undefined {
  if (owner === null) return undefined
  if (limits.locksPerOwnerMax !== null && owner.locks + moreNames > limits.locksPerOwnerMax) return 'locks'
  return owner.bytes + moreBytes > bytesLeft(limits, bytes) ? 'memory' : undefined
}

/**
 * Whether it may not wait in a queue of this length, too. Without a quota of its own it may wait, in all
 * queues together, as often as this queue has places left.
 */
export function waitPasses(
  owner: Owner | null,
  { waitersPerOwnerMax, waitersPerLockMax }: Pick<StateLimits, 'waitersPerOwnerMax' | 'waitersPerLockMax'>,
  waiters: number,
): boolean {
  if (owner === null) return false
  return owner.waits >= (waitersPerOwnerMax ?? waitersPerLockMax - keptOf(waitersPerLockMax) - waiters)
}

/** What a refused client is told: whose quota it is, how large, and what would be right. */
export function quotaText(quota: Quota, owner: string, limits: StateLimits): string {
  const { sessionsPerOwnerMax, locksPerOwnerMax, waitersPerOwnerMax } = limits
  const text: Readonly<Record<Quota, string>> = {
    sessions: `${owner} has ${sized(sessionsPerOwnerMax, 'sessions')}; end some (quota --sessions-per-address)`,
    locks: `the sessions of ${owner} hold and wait for ${sized(locksPerOwnerMax, 'locks')}; release some first (quota --locks-per-address)`,
    waiters: `the sessions of ${owner} wait in ${sized(waitersPerOwnerMax, 'places')}; wait in fewer at a time (quota --waiters-per-address)`,
    memory: `what the sessions of ${owner} are and have takes as much memory as is left for all others; release or end something first`,
  }
  return text[quota]
}

/** Likewise for watches, which are no part of the state. */
export function watchesText(owner: string, { watchesPerOwnerMax }: StateLimits): string {
  return `${owner} has ${sized(watchesPerOwnerMax, 'watches')}; end some (quota --watches-per-address)`
}

function sized(max: number | null, what: string): string {
  return max === null ? `as many ${what} as are left for all others` : `${max} ${what}, its quota`
}

/** Of the bytes of the whole state; some are kept for sessions without an owner. */
function bytesLeft({ stateBytesMax }: StateLimits, bytes: number): number {
  return stateBytesMax - Math.floor(stateBytesMax / 64) - bytes
}

/** The names that it does not hold yet. */
function asked({ names, tokens }: Acquire): number {
  return names.length - tokens.length
}

function bytesOfHold({ lock, special }: Hold): number {
  return holdBytes + lockBytes(lock.name) + termsBytes(special?.terms ?? null)
}

function bytesOfWait(acquire: Acquire): number {
  return waitBytes(acquire) + lockBytes(acquire.names[acquire.tokens.length] as string)
}

/** `kept`: holds of no client (C3). */
function recount(sessions: Iterable<Session>, kept: Iterable<Hold>, keys: Iterable<OnceKey>): Owners {
  const counted = new Owners()
  for (const session of sessions) {
    const isGone = session.endReason !== undefined && session.rests
    if (session.owner === null || isGone) continue
    const owner = counted.of(session.owner.name)
    owner.bytes += session.weight.bytes
    if (session.endReason === undefined) owner.session(1)
    for (const hold of session.holds.values()) owner.hold(hold, 1)
    for (const acquire of session.waiting.values()) owner.wait(acquire, 1)
  }
  for (const hold of kept)
    if (hold.special !== null && hold.special.owner !== null)
      counted.of(hold.special.owner.name).hold(hold, 1)
  for (const key of keys) if (key.owner !== null) counted.of(key.owner.name).key(onceBytes(key), 1)
  return counted
}

function countsOf(owner: Owner | undefined): string {
  if (owner === undefined) return 'nothing'
  const { sessions, locks, keys, waits, bytes } = owner
  return `${sessions} sessions, ${locks} locks, ${keys} keys, ${waits} waits, ${bytes} bytes`
}
