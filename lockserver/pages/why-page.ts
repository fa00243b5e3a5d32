// What concerns one lock, for display only: its holders and waiters, and the same for every lock that its
// holders wait for themselves, and so on; likewise from what some clients wait for. This file only reads; it walks
// connected locks, not the table.

import { allows, type Principal } from '../../wire/access/principal.ts'
import { whyMax } from '../../wire/limits.ts'
import type { HoldRecord, WaitRecord } from '../../wire/messages.ts'
import { clientOf } from '../../wire/public-id.ts'
import { holdRecord, type TermsOf, waitRecord, wholeTerms } from '../query.ts'
import type { Acquire } from '../state/lock.ts'
import type { State } from '../state/state.ts'
import { TextRoom } from '../text-room.ts'

export interface WhyPage {
  /** How many hold this lock (the first, if it began at several) and wait for it, all of them. */
  readonly holders: number
  readonly waiters: number
  /** There are more records than one answer holds; the first ones are nearest to this lock. */
  readonly cut: boolean
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

/**
 * `from`: the lock, or the locks, that it begins at. `principal`: who asks; what it may not read is left out, and where
 * the way leads from there (A2).
 */
export function whyPage(
  state: State,
  from: string | readonly string[],
  wall: number,
  termsOf: TermsOf = wholeTerms,
  principal: Principal | null = null,
): WhyPage {
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  let waitsLeft = whyWaitsMax
  const room = new TextRoom()
  const isFull = () => held.length + pending.length >= whyMax || room.isFull
  /** A set is walked in its order, also when it grows in the meantime. */
  const names = new Set(typeof from === 'string' ? [from] : from)
  const [first = ''] = names
  /** B5: a session may hold one lock thousands of times, and wait for thousands. */
  const followed = new Set<object>()
  for (const each of names) {
    if (isFull()) break
    const lock = state.table.locks.get(each)
    if (lock === undefined) continue
    for (const hold of lock.eachHolder()) {
      if (isFull()) break
      const record = holdRecord(hold, age(hold.since), termsOf)
      room.take(record)
      held.push(record)
      if (followed.has(hold.session)) continue
      followed.add(hold.session)
      for (const waited of hold.session.waiting.values()) {
        // Each name brings a record at least, so no more than these are looked at.
        if (names.size > whyMax || waitsLeft-- <= 0) break
        if (allows(principal, 'read', nameOf(waited))) names.add(nameOf(waited))
      }
    }
    for (const waiter of lock.queue) {
      if (isFull()) break
      const record = waitRecord(each, waiter.session, waiter.claim, age(waiter.since))
      room.take(record)
      pending.push(record)
    }
  }
  const lock = state.table.locks.get(first)
  return {
    holders: lock?.held ?? 0,
    waiters: lock?.waiters ?? 0,
    cut: isFull() || waitsLeft <= 0,
    held,
    pending,
  }
}

/** Waits that are looked at for the way from one lock to others (B1). */
const whyWaitsMax = 20_000
/** Sessions and waits that are looked at in one turn: a fraction of a millisecond. */
const looksPerTurn = 2_000

/** What these clients wait for here with any of their sessions (G5), and this principal may read (A2). */
export async function waitedForBy(
  state: State,
  clients: ReadonlySet<string>,
  principal: Principal | null,
  nextTurn: () => Promise<void>,
): Promise<string[]> {
  const names = new Set<string>()
  let seen = 0
  for (const session of state.sessions.values()) {
    if (++seen % looksPerTurn === 0) await nextTurn()
    if (!clients.has(clientOf(session.publicId))) continue
    for (const waited of session.waiting.values()) {
      if (names.size >= whyMax) break
      if (++seen % looksPerTurn === 0) await nextTurn()
      if (allows(principal, 'read', nameOf(waited))) names.add(nameOf(waited))
    }
  }
  return [...names]
}

/** What an acquire waits for now: it takes its names one by one. */
function nameOf({ names, tokens }: Acquire): string {
  return names[tokens.length] as string
}
