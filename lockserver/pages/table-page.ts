// A page of the lock table, for display only: a few locks, however many there are. This file only reads, and
// keeps no more than the page while it walks the table, a piece in each turn of the event loop (B5): it may
// change between two pieces, so a page does not show one moment.

import { startsWithAny } from '../../wire/access/principal.ts'
import { locksPerPageMax } from '../../wire/limits.ts'
import type { Mode, ShownTerms } from '../../wire/messages.ts'
import { BadQuery } from '../../wire/serving/http.ts'
import { type TermsOf, wholeTerms } from '../query.ts'
import type { Acquire, Hold, LockEntry } from '../state/lock.ts'
import { shownOf } from '../state/special.ts'
import type { State } from '../state/state.ts'
import { TextRoom } from '../text-room.ts'
import { FirstFew } from './first-few.ts'
import { whole } from './whole.ts'

/** `name`: by name; `wait`: longest wait first; `age`: longest hold first; `queue`: most waiters first. */
export type Sort = 'name' | 'wait' | 'age' | 'queue'
const sorts: readonly Sort[] = ['name', 'wait', 'age', 'queue']

/** At most this many holders and waiters are listed for one lock; their counts are exact. */
const peoplePerLockMax = 20

export interface TableQuery {
  /** Only names that begin with this. */
  readonly prefix: string
  /** A2: of them only those that begin with one of these; null or absent: all. */
  readonly only?: readonly string[] | null
  readonly sort: Sort
  /** Only locks that come after the lock of this name. */
  readonly after: string | null
  /** Its rank, as its row said, if another group has it (G5) or it may be gone; undefined: it is looked up. */
  readonly rank?: number | undefined
  readonly limit: number
}

export interface TablePage {
  /** Locks that are held or waited for, and those of the prefix. */
  readonly total: number
  readonly matching: number
  /** Other locks come after these. */
  readonly more: boolean
  readonly locks: readonly TableRow[]
}

export interface TableRow {
  readonly name: string
  /** Its place in the order that was asked for: the smallest comes first, null last; those that are equal go by name. */
  readonly rank: number | null
  readonly holders: number
  readonly waiters: number
  /** Of a hold that is kept for no client, client and id are null (C3). */
  readonly held: readonly {
    client: string | null
    clientId: string | null
    mode: Mode
    token: number
    heldMs: number
    terms: ShownTerms
  }[]
  readonly waiting: readonly {
    client: string
    clientId: string
    mode: Mode
    waitedMs: number
    terms: ShownTerms
  }[]
}

export function tableQuery(query: URLSearchParams): TableQuery {
  const sort = (query.get('sort') ?? 'name') as Sort
  if (!sorts.includes(sort)) throw new BadQuery(`sort must be one of ${sorts.join(', ')}, not ${sort}`)
  return {
    prefix: query.get('prefix') ?? '',
    sort,
    after: query.get('after'),
    rank: rankIn(query.get('rank')),
    limit: whole(query, 'limit', 100, locksPerPageMax),
  }
}

/** As a row says it, where null is `none`. */
function rankIn(text: string | null): number | undefined {
  if (text === null) return undefined
  const rank = text === 'none' ? Number.POSITIVE_INFINITY : Number(text)
  if (text === '' || Number.isNaN(rank)) throw new BadQuery(`rank must be a number or none, not ${text}`)
  return rank
}

/** Null: the lock after which the page should begin is gone. Only a page sorted by name doesn't need it. */
export async function tablePage(
  state: State,
  query: TableQuery,
  wall: number,
  nextTurn: () => Promise<void>,
  termsOf: TermsOf = wholeTerms,
): Promise<TablePage | null> {
  const { prefix, only = null, sort, after, rank, limit } = query
  const { locks } = state.table
  const isHidden = after !== null && only !== null && !startsWithAny(after, only)
  const last = after === null ? null : placeAfter(state, isHidden ? 'name' : sort, after, rank)
  if (last === undefined) return null
  const before = (a: Place, b: Place) => (a.rank === b.rank ? a.name < b.name : a.rank < b.rank)
  const first = new FirstFew<Place>(limit + 1, before)
  let matching = 0
  let seen = 0
  for (const lock of locks.values()) {
    if (++seen % locksPerTurn === 0) await nextTurn()
    if (!lock.name.startsWith(prefix) || (only !== null && !startsWithAny(lock.name, only))) continue
    matching++
    const place = { name: lock.name, rank: rankOf(lock, sort) }
    if (last === null || before(last, place)) first.offer(place)
  }
  const places = first.items
  const rows: TableRow[] = []
  const room = new TextRoom()
  let looked = 0
  for (const { name, rank } of places.slice(0, limit)) {
    if (room.isFull) break
    looked++
    const lock = locks.get(name)
    if (lock === undefined) continue
    const row = { ...rowOf(lock, wall, termsOf), rank: shownRank(rank) }
    room.take(row)
    rows.push(row)
  }
  // What may not be read is not counted either.
  return { total: only === null ? locks.size : matching, matching, more: places.length > looked, locks: rows }
}

/** Locks that are looked at in one turn: a fraction of a millisecond. */
const locksPerTurn = 2_000

/** A lock may be freed while the table is walked, so a page keeps names and ranks. */
interface Place {
  readonly name: string
  /** The smallest rank comes first; equal ranks are in the order of their names. */
  readonly rank: number
}

function placeAfter(state: State, sort: Sort, name: string, rank?: number): Place | undefined {
  if (sort === 'name') return { name, rank: 0 }
  if (rank !== undefined) return { name, rank }
  const lock = state.table.locks.get(name)
  return lock && { name, rank: rankOf(lock, sort) }
}

const since = (of: Hold | Acquire | null | undefined) => of?.since ?? Number.POSITIVE_INFINITY

/** Reads only the front of each queue: it is in the order of its waits, but for a steal at its front. */
function rankOf({ next, waiters, holder }: LockEntry, sort: Sort): number {
  switch (sort) {
    case 'name':
      return 0
    case 'wait':
      return Math.min(since(next), since(next?.behind))
    case 'age':
      return since(holder)
    case 'queue':
      return -waiters
  }
}

/** JSON knows no infinity. */
function shownRank(rank: number): number | null {
  return rank === Number.POSITIVE_INFINITY ? null : rank
}

/** B2: walks over what the row shows, however many hold the lock or wait for it. */
function rowOf(lock: LockEntry, wall: number, termsOf: TermsOf): Omit<TableRow, 'rank'> {
  const { name, held, waiters, queue } = lock
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  return {
    name,
    holders: held,
    waiters,
    held: firstOf(lock.eachHolder()).map(hold => ({
      client: hold.session.isNobody ? null : hold.session.name,
      clientId: hold.session.isNobody ? null : hold.session.publicId,
      mode: hold.mode,
      token: hold.token,
      heldMs: age(hold.since),
      terms: termsOf(hold),
    })),
    waiting: firstOf(queue).map(({ session, claim, since }) => ({
      client: session.name,
      clientId: session.publicId,
      mode: claim.mode,
      waitedMs: age(since),
      terms: shownOf(claim.terms, false),
    })),
  }
}

function firstOf<T>(people: Iterable<T>): T[] {
  const first: T[] = []
  for (const each of people) {
    if (first.length >= peoplePerLockMax) break
    first.push(each)
  }
  return first
}
