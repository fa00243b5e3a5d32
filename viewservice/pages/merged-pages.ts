// Pages of the primaries of several groups as one page (G5): counts added up, locks in one order, and why a lock isn't
// available through all groups. It asks nothing itself but through `pageOfPrimary`, and decides nothing.

import type { Status } from '../../wire/messages.ts'
import { nameProblem } from '../../wire/name.ts'
import { BadQuery, type Page } from '../../wire/serving/http.ts'
import { groupOf } from '../../wire/slots.ts'
import { circleFrom } from '../circles.ts'
import { type WhyAnswer, type WhyAsk, WhyWalk, whyPath } from '../why-walk.ts'
import { type Asking, contentOf, pageOfAll, pageOfPrimary } from './peer-pages.ts'

interface Counted {
  readonly counts: readonly number[]
  readonly count: number
  readonly sumMs: number
}

/** Of `/stats`, as far as it is put together. */
interface Stats {
  readonly operations: Readonly<Record<string, number>>
  readonly losses: Readonly<Record<string, number>>
  readonly vitals: { readonly held: number; readonly waiting: number; readonly sessions: number }
  readonly longestHoldMs: number
  readonly longestWaitMs: number
  readonly longestQueue: number
  readonly boundsMs: readonly number[]
  readonly wait: Counted
  readonly hold: Counted
  readonly handOver: Counted
  readonly roundTrip: Counted
}

interface Deadlocks {
  readonly circles: readonly unknown[]
  readonly cut: boolean
}

/** Those within a group; `why` of a lock also follows a circle through several. */
export function deadlocksOfAll(status: Status, how: Asking): Promise<Page> {
  return pageOfAll<Deadlocks>(status, how, '/deadlocks', all => ({
    circles: all.flatMap(({ circles }) => circles),
    cut: all.some(({ cut }) => cut),
  }))
}

export function statsOfAll(status: Status, how: Asking): Promise<Page> {
  return pageOfAll<Stats>(status, how, '/stats', mergedStats)
}

export function mergedStats(all: readonly Stats[]): Stats {
  const most = (of: (stats: Stats) => number) => Math.max(...all.map(of))
  const sum = (of: (stats: Stats) => number) => all.reduce((total, stats) => total + of(stats), 0)
  const added = (of: (stats: Stats) => Counted): Counted => ({
    counts: (all[0]?.boundsMs ?? []).map((_, i) => sum(stats => of(stats).counts[i] ?? 0)),
    count: sum(stats => of(stats).count),
    sumMs: sum(stats => of(stats).sumMs),
  })
  return {
    operations: together(all.map(({ operations }) => operations)),
    losses: together(all.map(({ losses }) => losses)),
    vitals: {
      held: sum(({ vitals }) => vitals.held),
      waiting: sum(({ vitals }) => vitals.waiting),
      // Each client has a session in group 0, and perhaps more (G3).
      sessions: most(({ vitals }) => vitals.sessions),
    },
    longestHoldMs: most(({ longestHoldMs }) => longestHoldMs),
    longestWaitMs: most(({ longestWaitMs }) => longestWaitMs),
    longestQueue: most(({ longestQueue }) => longestQueue),
    boundsMs: all[0]?.boundsMs ?? [],
    wait: added(({ wait }) => wait),
    hold: added(({ hold }) => hold),
    handOver: added(({ handOver }) => handOver),
    roundTrip: added(({ roundTrip }) => roundTrip),
  }
}

function together(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
  return sums
}

/** `rank`: null comes last. */
interface Row {
  readonly name: string
  readonly rank: number | null
}

/** A page of the lock table, as far as it is put together. */
interface Table {
  readonly total: number
  readonly matching: number
  readonly more: boolean
  readonly locks: readonly Row[]
}

export function locksOfAll(status: Status, how: Asking, query: URLSearchParams): Promise<Page> {
  const limit = Number(query.get('limit') ?? locksPerPage)
  return pageOfAll<Table>(status, how, `/locks?${query}`, tables => mergedTables(tables, limit))
}

/** Of a query that does not say it. */
const locksPerPage = 100

export function mergedTables(tables: readonly Table[], limit: number): Table {
  const rank = (lock: Row) => lock.rank ?? Number.POSITIVE_INFINITY
  const all = tables.flatMap(({ locks }) => locks)
  const order = (a: Row, b: Row) =>
    rank(a) === rank(b) ? (a.name < b.name ? -1 : 1) : rank(a) < rank(b) ? -1 : 1
  all.sort(order)
  // A page may be shorter than it was asked to be: what comes behind its last lock is not known yet.
  const ends = tables.flatMap(({ more, locks }) => (more ? locks.slice(-1) : []))
  const known = all.filter(lock => ends.every(end => lock === end || order(lock, end) < 0))
  return {
    total: tables.reduce((sum, { total }) => sum + total, 0),
    matching: tables.reduce((sum, { matching }) => sum + matching, 0),
    more: all.length > Math.min(limit, known.length) || tables.some(({ more }) => more),
    locks: known.slice(0, limit),
  }
}

/** Who holds a lock and waits for it, what its holders wait for in any group, and whether they wait for one another. */
export async function whyOfAll(status: Status, how: Asking, name: string | null): Promise<Page> {
  const problem = nameProblem(name)
  if (problem !== undefined || name === null) throw new BadQuery(`name ${problem}`)
  const own = status.map === null ? 0 : groupOf(status.map, name)
  const walk = new WhyWalk(name, own, status.groups.length)
  for (let asks = walk.next(); asks.length > 0; asks = walk.next()) {
    const pages = await Promise.all(
      asks.map(asked => pageOfPrimary(status, how, whyPath(asked), asked.group)),
    )
    const refused = pages.find((page, i) => page.status !== 200 && asks[i]?.name !== null)
    if (refused !== undefined) return refused
    for (const [i, page] of pages.entries()) hear(walk, asks[i] as WhyAsk, page)
  }
  const found = walk.found()
  return { status: 200, body: { ...found, circle: circleFrom(found, name) } }
}

function hear(walk: WhyWalk, asked: WhyAsk, page: Page): void {
  if (page.status === 200) walk.heard(asked, contentOf<WhyAnswer>(page))
  else walk.failed(asked)
}
