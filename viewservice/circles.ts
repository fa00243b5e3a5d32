// Circles of clients that wait for one another, found in a list of locks, of one group or of several (G5). Pure: it asks no
// server and words nothing.

import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { clientOf } from '../wire/public-id.ts'

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

/** From a lock, over each of its holders, to the locks that this holder waits for: with any of its sessions (G3). */
function stepsOf(listing: Held): (lock: string) => Step[] {
  const locks = byLock(listing)
  const waitsOf = new Map<string, string[]>()
  for (const { clientId, name } of listing.pending) {
    const client = clientOf(clientId)
    const names = waitsOf.get(client)
    if (names === undefined) waitsOf.set(client, [name])
    else names.push(name)
  }
  return lock =>
    (locks.get(lock)?.holders ?? []).flatMap(({ clientId, clientName }) => {
      // A hold that is kept for no client waits for nothing.
      if (clientId === null || clientName === null) return []
      const waits = waitsOf.get(clientOf(clientId)) ?? []
      return waits.map(waitsFor => ({ clientId, clientName, holds: lock, waitsFor }))
    })
}
