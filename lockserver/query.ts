// Lists what is held and waited for, in order, in parts that fit a frame. Reads only.

import { queryMax, queryPartMax } from '../wire/limits.ts'
import type { HoldRecord, MessageOf, WaitRecord } from '../wire/messages.ts'
import { share } from '../wire/shared.ts'
import type { Acquire, Hold, LockEntry } from './state/lock.ts'
import type { State } from './state/state.ts'

export type Part = MessageOf<'serverToClient', 'locks'>

/** What an answer says, whoever gets it. */
export interface Listing {
  readonly parts: readonly { readonly held: HoldRecord[]; readonly pending: WaitRecord[] }[]
  readonly cut: boolean
  /** Holds and waits in all parts. */
  readonly size: number
}

/** Holds in the order of their tokens; waiters by lock name, each queue in its order. */
export function listLocks(state: State, prefix: string, wall: number): Listing {
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  for (const lock of state.table.locks.values()) {
    if (!lock.name.startsWith(prefix)) continue
    const left = queryMax - held.length - pending.length
    const { holder, waiters } = lock
    // B1: nearly all locks have one holder and no queue, and there may be 20,000 of them in one turn.
    if (left > 0 && holder === lock && waiters === 0 && lock.held === 1) held.push(holdRecord(lock, wall))
    else if (!addCrowd(lock, left, held, pending, wall)) return listingOf(held, pending, true)
  }
  return listingOf(held, pending, false)
}

/** False if there was no room for all of it. */
function addCrowd(
  lock: LockEntry,
  most: number,
  held: HoldRecord[],
  pending: WaitRecord[],
  wall: number,
): boolean {
  let left = most
  for (const hold of lock.eachHolder()) {
    if (left-- <= 0) return false
    held.push(holdRecord(hold, wall))
  }
  for (const wait of lock.queue) {
    if (left-- <= 0) return false
    pending.push(waitRecord(lock.name, wait, wall))
  }
  return true
}

function holdRecord({ lock, mode, token, session, since }: Hold, wall: number): HoldRecord {
  const { id, name } = session
  return { name: lock.name, mode, token, clientId: id, clientName: name, heldMs: age(since, wall) }
}

function waitRecord(lock: string, { claim, session, since }: Acquire, wall: number): WaitRecord {
  const { id, name } = session
  return { name: lock, mode: claim.mode, clientId: id, clientName: name, waitedMs: age(since, wall) }
}

function age(since: number, wall: number): number {
  return Math.max(0, Math.floor(wall - since))
}

function listingOf(held: HoldRecord[], pending: WaitRecord[], cut: boolean): Listing {
  held.sort((a, b) => a.token - b.token)
  pending.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return { parts: parts(held, pending), cut, size: held.length + pending.length }
}

function parts(held: HoldRecord[], pending: WaitRecord[]): Listing['parts'] {
  const count = Math.max(1, Math.ceil(Math.max(held.length, pending.length) / queryPartMax))
  return Array.from({ length: count }, (_, part) => {
    const [from, to] = [part * queryPartMax, (part + 1) * queryPartMax]
    return { held: share(held.slice(from, to)), pending: share(pending.slice(from, to)) }
  })
}

/** The messages of one answer. */
export function answerOf({ parts, cut }: Listing, number: number, confirmed: boolean): Part[] {
  return parts.map(({ held, pending }, i) => {
    const more = i + 1 < parts.length
    return ['locks', number, { more, cut, confirmed }, held, pending]
  })
}
