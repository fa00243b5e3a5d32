// The locks of a list, each with its holders and its queue, sorted by how much they hold up. Pure; it asks no server
// and prints nothing.

import { byLock, type Held, type LockRows } from '../viewservice/circles.ts'

export const sorts = ['token', 'name', 'wait', 'held'] as const
export type Sort = (typeof sorts)[number]

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
