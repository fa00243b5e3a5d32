// Which clients wait for which others, computed from a list of locks: the locks sorted by how much they hold
// up, and circles of waiting. Pure; it asks no server and prints nothing.

import type { HoldRecord, WaitRecord } from '../wire/messages.ts'

export interface Held {
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

/** One lock with its holders and its queue, in order. */
export interface LockRows {
  readonly name: string
  readonly holders: HoldRecord[]
  readonly queue: WaitRecord[]
}

export const sorts = ['token', 'name', 'wait', 'held'] as const
export type Sort = (typeof sorts)[number]

export function byLock({ held, pending }: Held): Map<string, LockRows> {
  const locks = new Map<string, LockRows>()
  const lock = (name: string) => {
    const known = locks.get(name) ?? { name, holders: [], queue: [] }
    locks.set(name, known)
    return known
  }
  for (const hold of held) lock(hold.name).holders.push(hold)
  for (const wait of pending) lock(wait.name).queue.push(wait)
  return locks
}

const longestWait = ({ queue }: LockRows) => Math.max(-1, ...queue.map(({ waitedMs }) => waitedMs))
const longestHold = ({ holders }: LockRows) => Math.max(-1, ...holders.map(({ heldMs }) => heldMs))

/** `token`: in the order of their grants. `wait`, `held`: the longest first. */
export function sortedLocks(listing: Held, sort: Sort): LockRows[] {
  const locks = [...byLock(listing).values()]
  const byName = (a: LockRows, b: LockRows) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  if (sort === 'name') return locks.sort(byName)
  if (sort === 'wait') return locks.sort((a, b) => longestWait(b) - longestWait(a) || byName(a, b))
  if (sort === 'held') return locks.sort((a, b) => longestHold(b) - longestHold(a) || byName(a, b))
  return locks
}

/** One step: this client holds a lock that the client before it waits for, and waits itself for `name`. */
export interface Step {
  readonly clientId: string
  readonly clientName: string
  readonly holds: string
  readonly waitsFor: string
}

/** A circle of clients that wait for one another, found from this lock; null if there is none. */
export function circleFrom(listing: Held, name: string): Step[] | null {
  const stepsFrom = stepsOf(listing)
  // The path to the present lock; a list instead of recursion, since it may be as long as the listing.
  const way: { readonly lock: string; readonly step: Step | null; readonly open: Step[] }[] = []
  const onWay = new Map<string, number>()
  const done = new Set<string>()
  const enter = (lock: string, step: Step | null) => {
    onWay.set(lock, way.length)
    done.add(lock)
    way.push({ lock, step, open: stepsFrom(lock) })
  }
  enter(name, null)
  for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
    const step = here.open.shift()
    if (step === undefined) {
      onWay.delete(here.lock)
      way.pop()
      continue
    }
    const begun = onWay.get(step.waitsFor)
    if (begun !== undefined) return [...way.slice(begun + 1).flatMap(each => each.step ?? []), step]
    if (!done.has(step.waitsFor)) enter(step.waitsFor, step)
  }
  return null
}

/** From a lock, over each of its holders, to the locks that this holder waits for. */
function stepsOf(listing: Held): (lock: string) => Step[] {
  const locks = byLock(listing)
  const waitsOf = new Map<string, string[]>()
  for (const { clientId, name } of listing.pending)
    waitsOf.set(clientId, [...(waitsOf.get(clientId) ?? []), name])
  return lock =>
    (locks.get(lock)?.holders ?? []).flatMap(({ clientId, clientName }) => {
      // A hold that is kept for no client waits for nothing.
      if (clientId === null || clientName === null) return []
      return (waitsOf.get(clientId) ?? []).map(waitsFor => ({ clientId, clientName, holds: lock, waitsFor }))
    })
}
