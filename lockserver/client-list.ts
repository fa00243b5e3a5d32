// Who has a session (C9): one page of the list of sessions, in the order in which they were opened, with what each
// holds and waits for as counts, and as lists if the caller names a client. A page is as large as one turn has room for
// (B1); the next one begins after the last session of this one, whether or not that is still there. Reads only.

import { principalNameOf } from '../wire/access/owner.ts'
import { allows, type Principal, readable } from '../wire/access/principal.ts'
import { clientLocksMax, clientsPartMax } from '../wire/limits.ts'
import type { ClientLocks, ClientRecord } from '../wire/messages.ts'
import { type TermsOf, wholeTerms } from './query.ts'
import type { Acquire, Hold } from './state/lock.ts'
import type { Session } from './state/sessions.ts'
import { shownOf } from './state/special.ts'
import type { State } from './state/state.ts'
import { TextRoom } from './text-room.ts'

/** What is asked for. */
export interface ClientsAsked {
  /** The name of a client, or its public id or how that begins; empty: all of them. */
  readonly who: string
  /** Only sessions behind this one; 0: from the first one on. */
  readonly after: number
  /** Who asks (A2); null or absent: no rules apply. */
  readonly principal?: Principal | null
}

export interface ClientsPage {
  readonly clients: readonly ClientRecord[]
  /** What the next page comes after; null: there is none. */
  readonly next: number | null
}

/** By which clock it tells ages, and what of a hold's terms. */
export interface Shows {
  readonly wall: number
  readonly termsOf: TermsOf
}

/** Fewer digits of a public id are more likely to be a name. */
const digitsMin = 8

export function listClients(
  state: State,
  asked: ClientsAsked,
  wall: number,
  termsOf: TermsOf = wholeTerms,
): ClientsPage {
  const ordinals: number[] = []
  for (const session of state.sessions.values()) if (isMeant(session, asked)) ordinals.push(session.ordinal)
  return clientsPage(state, ordinals, asked.who !== '', { wall, termsOf })
}

export function isMeant({ ordinal, name, publicId, owner }: Session, asked: ClientsAsked): boolean {
  const { who, after, principal = null } = asked
  if (ordinal <= after) return false
  if (principal !== null && !seesAll(principal) && principalNameOf(owner?.name ?? null) !== principal.name)
    return false
  return who === '' || name === who || (who.length >= digitsMin && publicId.startsWith(who))
}

/** A2: all sessions, and not only its own. */
function seesAll(principal: Principal): boolean {
  return allows(principal, 'operate', null) || readable(principal, '') === null
}

/** The first of these sessions, those that are still there; `listed`: with their locks. */
export function clientsPage(
  state: State,
  ordinals: readonly number[],
  listed: boolean,
  shows: Shows,
  limit = clientsPartMax,
): ClientsPage {
  // A copy has its sessions in another order (R3); mostly they are in order already, so this costs next to nothing.
  const sorted = [...ordinals].sort((a, b) => a - b)
  const shown = sorted.slice(0, limit)
  const room = { left: clientLocksMax, text: new TextRoom() }
  const clients: ClientRecord[] = []
  for (const ordinal of shown) {
    const session = state.sessions.get(ordinal)
    if (session === undefined) continue
    const locks = listed ? locksOf(session, room, shows) : null
    clients.push(recordOf(session, locks, shows.wall))
  }
  return { clients, next: sorted.length > shown.length ? (shown.at(-1) ?? null) : null }
}

function recordOf(session: Session, locks: ClientLocks | null, wall: number): ClientRecord {
  const { publicId, name, host, pid, version, address, since, ttlMs } = session
  return {
    clientId: publicId,
    clientName: name,
    host,
    pid,
    version,
    address,
    openMs: age(since, wall),
    ttlMs,
    held: session.holds.size,
    waiting: session.waiting.size,
    locks,
  }
}

/** What is left of a page for what its sessions hold and wait for. */
interface Room {
  left: number
  readonly text: TextRoom
}

/** B2: walks over what it shows, however much the session has. */
function locksOf(session: Session, room: Room, shows: Shows): ClientLocks {
  const held = firstOf(session.holds.values(), room, hold => heldOf(hold, shows))
  const pending = firstOf(session.waiting.values(), room, acquire => pendingOf(acquire, shows.wall))
  return {
    held: held.sort((a, b) => a.token - b.token),
    pending,
    cut: held.length < session.holds.size || pending.length < session.waiting.size,
  }
}

function heldOf(hold: Hold, { wall, termsOf }: Shows): ClientLocks['held'][number] {
  const { lock, mode, token, since } = hold
  return { name: lock.name, mode, token, heldMs: age(since, wall), terms: termsOf(hold) }
}

/** An acquire takes its names one by one: it waits for the first that it has not got. */
function pendingOf({ names, tokens, claim, since }: Acquire, wall: number): ClientLocks['pending'][number] {
  const name = names[tokens.length] as string
  return { name, mode: claim.mode, waitedMs: age(since, wall), terms: shownOf(claim.terms, false) }
}

function age(since: number, wall: number): number {
  return Math.max(0, Math.floor(wall - since))
}

function firstOf<T, R extends object>(all: Iterable<T>, room: Room, recordOf: (one: T) => R): R[] {
  const first: R[] = []
  for (const each of all) {
    if (room.left <= 0 || room.text.isFull) break
    const record = recordOf(each)
    room.left--
    room.text.take(record)
    first.push(record)
  }
  return first
}
