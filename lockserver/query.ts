// Lists what is held and waited for, in order, in parts that fit a frame. Reads only.

import type { Claim } from '../wire/claim.ts'
import { queryMax, queryPartCharsMax, queryPartMax } from '../wire/limits.ts'
import type { HoldRecord, MessageOf, ShownTerms, WaitRecord } from '../wire/messages.ts'
import { share } from '../wire/shared.ts'
import type { Hold, LockEntry } from './state/lock.ts'
import type { Session } from './state/sessions.ts'
import { shownOf } from './state/special.ts'
import type { State } from './state/state.ts'
import { Walk } from './walk.ts'

export type Part = MessageOf<'serverToClient', 'locks'>
type Look = MessageOf<'serverToClient', 'looked'>

/** What an answer says, whoever gets it. */
export interface Listing {
  readonly parts: readonly { readonly held: HoldRecord[]; readonly pending: WaitRecord[] }[]
  readonly cut: boolean
  /** Holds and waits in all parts. */
  readonly size: number
}

/** What is shown of a hold beside its mode: a server knows what remains of its times. */
export type TermsOf = (hold: Hold) => ShownTerms

export function wholeTerms({ special }: Hold): ShownTerms {
  return shownOf(special?.terms ?? null, true)
}

/** Of the whole table, at once. `only`: of names that begin with one of these (A2). */
export function listLocks(
  state: State,
  prefix: string,
  wall: number,
  termsOf: TermsOf = wholeTerms,
  only: readonly string[] | null = null,
): Listing {
  const walk = new Walk({ prefix, only }, state.table.locks.values())
  walk.goOn(Number.POSITIVE_INFINITY)
  return listFound(walk, wall, termsOf)
}

/** Holds in the order of their tokens; waiters by lock name, each queue in its order. */
export function listFound(walk: Walk, wall: number, termsOf: TermsOf): Listing {
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  for (const lock of walk.found()) {
    const left = queryMax - held.length - pending.length
    const { holder, waiters } = lock
    // B1: nearly all locks have one holder and no queue, and there may be 20,000 of them in one turn.
    if (left > 0 && holder === lock && waiters === 0 && lock.held === 1)
      held.push(holdRecord(lock, age(lock.since, wall), termsOf))
    else if (!addCrowd(lock, left, held, pending, wall, termsOf)) return listingOf(held, pending, true)
  }
  // A2: that there may be more depends on the rules, and not on whether there is.
  return listingOf(held, pending, walk.scope.only !== null || !walk.sawAll)
}

/** False if there was no room for all of it. */
function addCrowd(
  lock: LockEntry,
  most: number,
  held: HoldRecord[],
  pending: WaitRecord[],
  wall: number,
  termsOf: TermsOf,
): boolean {
  let left = most
  for (const hold of lock.eachHolder()) {
    if (left-- <= 0) return false
    held.push(holdRecord(hold, age(hold.since, wall), termsOf))
  }
  for (const { session, claim, since } of lock.queue) {
    if (left-- <= 0) return false
    pending.push(waitRecord(lock.name, session, claim, age(since, wall)))
  }
  return true
}

function age(since: number, wall: number): number {
  return Math.max(0, Math.floor(wall - since))
}

function listingOf(held: HoldRecord[], pending: WaitRecord[], cut: boolean): Listing {
  held.sort((a, b) => a.token - b.token)
  pending.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return { parts: parts(held, pending), cut, size: held.length + pending.length }
}

/** A hold that is kept has no client (C3). */
export function holdRecord(hold: Hold, heldMs: number, termsOf: TermsOf): HoldRecord {
  const { lock, mode, token, session } = hold
  const client = session.isNobody ? null : session
  const [clientId, clientName] = [client?.publicId ?? null, client?.name ?? null]
  const [host, pid] = [client?.host ?? null, client?.pid ?? null]
  return { name: lock.name, mode, token, clientId, clientName, host, pid, heldMs, terms: termsOf(hold) }
}

export function waitRecord(
  name: string,
  { publicId: clientId, name: clientName, host, pid }: Session,
  claim: Claim,
  waitedMs: number,
): WaitRecord {
  const terms = shownOf(claim.terms, false)
  return { name, mode: claim.mode, clientId, clientName, host, pid, waitedMs, terms }
}

function parts(held: HoldRecord[], pending: WaitRecord[]): Listing['parts'] {
  const [holds, waits] = [partsOf(held), partsOf(pending)]
  const count = Math.max(1, holds.length, waits.length)
  return Array.from({ length: count }, (_, part) => ({
    held: share(holds[part] ?? []),
    pending: share(waits[part] ?? []),
  }))
}

/** B1: a part is encoded in one go, so one of long names has fewer records. */
function partsOf<T extends HoldRecord | WaitRecord>(records: readonly T[]): T[][] {
  const parts: T[][] = []
  let room = 0
  let from = 0
  records.forEach((record, i) => {
    if (i - from < queryPartMax && room > 0) room -= charsOf(record)
    else {
      if (i > from) parts.push(records.slice(from, i))
      from = i
      room = queryPartCharsMax - charsOf(record)
    }
  })
  if (from < records.length) parts.push(records.slice(from))
  return parts
}

function charsOf({ name, clientName, host, terms }: HoldRecord | WaitRecord): number {
  return name.length + (clientName?.length ?? 0) + (host?.length ?? 0) + (terms?.note?.length ?? 0)
}

/** The messages of one answer. */
export function answerOf({ parts, cut }: Listing, number: number, confirmed: boolean): Part[] {
  return parts.map(({ held, pending }, i) => {
    const more = i + 1 < parts.length
    return ['locks', number, { more, cut, confirmed }, held, pending]
  })
}

/** The same of an answer from a copy (G7). */
export function lookOf(
  { parts, cut }: Listing,
  number: number,
  age: Pick<Look[2], 'asOfMs' | 'onDisk'>,
): Look[] {
  return parts.map(({ held, pending }, i) => {
    const more = i + 1 < parts.length
    return ['looked', number, { more, cut, ...age }, held, pending]
  })
}
