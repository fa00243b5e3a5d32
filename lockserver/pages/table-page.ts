// A page of the lock table for people: the few locks that they look at, however many there are. Only
// reads, and keeps no more than the page while it walks the table.

import { locksPerPageMax } from '../../wire/limits.ts'
import type { Mode } from '../../wire/messages.ts'
import { BadQuery } from '../../wire/serving/http.ts'
import type { Acquire, Hold, LockEntry } from '../state/lock.ts'
import type { State } from '../state/state.ts'

/** `name`: by name; `wait`: the longest wait first; `age`: what has been held longest first; `queue`: the most waiters first. */
export type Sort = 'name' | 'wait' | 'age' | 'queue'
const sorts: readonly Sort[] = ['name', 'wait', 'age', 'queue']

/** Holders and waiters that are told of one lock; their numbers are told whole. */
const peoplePerLockMax = 20

export interface TableQuery {
  /** Only names that begin so. */
  readonly prefix: string
  readonly sort: Sort
  readonly offset: number
  readonly limit: number
}

export interface TablePage {
  /** Locks that are held or waited for, and those of the prefix. */
  readonly total: number
  readonly matching: number
  readonly locks: readonly TableRow[]
}

export interface TableRow {
  readonly name: string
  readonly holders: number
  readonly waiters: number
  readonly held: readonly { client: string; clientId: string; mode: Mode; token: number; heldMs: number }[]
  readonly waiting: readonly { client: string; clientId: string; mode: Mode; waitedMs: number }[]
}

export function tableQuery(query: URLSearchParams): TableQuery {
  const sort = (query.get('sort') ?? 'name') as Sort
  if (!sorts.includes(sort)) throw new BadQuery(`sort must be one of ${sorts.join(', ')}, not ${sort}`)
  return {
    prefix: query.get('prefix') ?? '',
    sort,
    offset: whole(query, 'offset', 0, 1_000_000),
    limit: whole(query, 'limit', 100, locksPerPageMax),
  }
}

function whole(query: URLSearchParams, name: string, absent: number, max: number): number {
  const text = query.get(name)
  const number = text === null ? absent : Number(text)
  if (Number.isInteger(number) && number >= 0 && number <= max) return number
  throw new BadQuery(`${name} must be a whole number from 0 to ${max}, not ${text}`)
}

export function tablePage(
  state: State,
  { prefix, sort, offset, limit }: TableQuery,
  wall: number,
): TablePage {
  const first = new First<LockEntry>(offset + limit, before[sort])
  let matching = 0
  for (const lock of state.table.locks.values()) {
    if (!lock.name.startsWith(prefix)) continue
    matching++
    first.offer(lock)
  }
  const locks = first.items.slice(offset).map(lock => rowOf(lock, wall))
  return { total: state.table.locks.size, matching, locks }
}

const byName = (a: LockEntry, b: LockEntry) => a.name < b.name
const since = (of: Hold | Acquire | null | undefined) => of?.since ?? Number.POSITIVE_INFINITY
/** Ends of queues are looked at, not queues: a queue is in the order of its waits, but for a steal at its front. */
const waitsSince = ({ next }: LockEntry) => Math.min(since(next), since(next?.behind))
const heldSince = ({ holder }: LockEntry) => since(holder)

function ranked(rank: (lock: LockEntry) => number) {
  return (a: LockEntry, b: LockEntry) => {
    const [left, right] = [rank(a), rank(b)]
    return left === right ? byName(a, b) : left < right
  }
}

const before: Record<Sort, (a: LockEntry, b: LockEntry) => boolean> = {
  name: byName,
  wait: ranked(waitsSince),
  age: ranked(heldSince),
  queue: ranked(({ waiters }) => -waiters),
}

/** The first few of many in an order: a heap whose root is the last of them. */
class First<T> {
  readonly #max: number
  readonly #before: (a: T, b: T) => boolean
  readonly #heap: T[] = []

  constructor(max: number, before: (a: T, b: T) => boolean) {
    this.#max = max
    this.#before = before
  }

  offer(item: T): void {
    if (this.#heap.length < this.#max) {
      this.#heap.push(item)
      this.#rise(this.#heap.length - 1)
    } else if (this.#max > 0 && this.#before(item, this.#heap[0] as T)) {
      this.#heap[0] = item
      this.#sink()
    }
  }

  get items(): T[] {
    return [...this.#heap].sort((a, b) => (this.#before(a, b) ? -1 : 1))
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(this.#heap[parent] as T, this.#heap[at] as T)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      let last = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#before(this.#heap[last] as T, this.#heap[child] as T))
          last = child
      }
      if (last === at) return
      this.#swap(at, last)
      at = last
    }
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a] as T
    this.#heap[a] = this.#heap[b] as T
    this.#heap[b] = kept
  }
}

function rowOf({ name, holders, waiters, queue }: LockEntry, wall: number): TableRow {
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  return {
    name,
    holders: holders.length,
    waiters,
    held: holders.slice(0, peoplePerLockMax).map(({ session, mode, token, since }) => ({
      client: session.name,
      clientId: session.id,
      mode,
      token,
      heldMs: age(since),
    })),
    waiting: [...queue].slice(0, peoplePerLockMax).map(({ session, claim, since }) => ({
      client: session.name,
      clientId: session.id,
      mode: claim.mode,
      waitedMs: age(since),
    })),
  }
}
