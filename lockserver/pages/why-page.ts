// What concerns one lock, for display only: its holders and waiters, and the same for every lock that its
// holders wait for themselves, and so on. This file only reads; it walks connected locks, not the table.

import { allows, type Principal } from '../../wire/access/principal.ts'
import { whyMax } from '../../wire/limits.ts'
import type { HoldRecord, WaitRecord } from '../../wire/messages.ts'
import { holdRecord, type TermsOf, waitRecord, wholeTerms } from '../query.ts'
import type { Acquire } from '../state/lock.ts'
import type { State } from '../state/state.ts'

export interface WhyPage {
  /** How many hold this lock and wait for it, all of them. */
  readonly holders: number
  readonly waiters: number
  /** There are more records than one answer holds; the first ones are nearest to this lock. */
  readonly cut: boolean
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

/** `principal`: who asks; what it may not read is left out, and where the way leads from there (A2). */
export function whyPage(
  state: State,
  name: string,
  wall: number,
  termsOf: TermsOf = wholeTerms,
  principal: Principal | null = null,
): WhyPage {
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  const isFull = () => held.length + pending.length >= whyMax
  /** A set is walked in its order, also when it grows in the meantime. */
  const names = new Set([name])
  /** B5: a session may hold one lock thousands of times, and wait for thousands. */
  const followed = new Set<object>()
  for (const each of names) {
    if (isFull()) break
    const lock = state.table.locks.get(each)
    if (lock === undefined) continue
    for (const hold of lock.eachHolder()) {
      if (isFull()) break
      held.push(holdRecord(hold, age(hold.since), termsOf))
      if (followed.has(hold.session)) continue
      followed.add(hold.session)
      for (const waited of hold.session.waiting.values()) {
        // Each name brings a record at least, so no more than these are looked at.
        if (names.size > whyMax) break
        if (allows(principal, 'read', nameOf(waited))) names.add(nameOf(waited))
      }
    }
    for (const waiter of lock.queue) {
      if (isFull()) break
      pending.push(waitRecord(each, waiter.session, waiter.claim, age(waiter.since)))
    }
  }
  const lock = state.table.locks.get(name)
  return {
    holders: lock?.held ?? 0,
    waiters: lock?.waiters ?? 0,
    cut: isFull(),
    held,
    pending,
  }
}

/** What an acquire waits for now: it takes its names one by one. */
function nameOf({ names, tokens }: Acquire): string {
  return names[tokens.length] as string
}
