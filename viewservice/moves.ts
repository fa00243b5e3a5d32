// G8 as pure functions: which slots must move so that there are as many groups as wanted, and the map that follows when
// some begin to move, arrive, or a group ends. They know no server table, no clock and no message; what a group's primary
// reports, and which groups may get slots, is found out elsewhere and handed in.

import { toRanges } from '../wire/codec.ts'
import type { SlotMap, SlotMove, SlotsLeft } from '../wire/messages.ts'
import { floorOf, groupOfSlot, slotsIn, slotsMax } from '../wire/slots.ts'

/** Which group has each slot, and which one it goes to; the same one if it does not move. */
interface Places {
  readonly owner: readonly number[]
  readonly goal: readonly number[]
}

function placesIn(map: SlotMap): Places {
  const owner = Array.from({ length: slotsMax }, (_, slot) => groupOfSlot(map, slot))
  const goal = [...owner]
  for (const { to, slots } of map.moves) for (const slot of slotsIn(slots)) goal[slot] = to
  return { owner, goal }
}

/** How many slots each of these many groups has, or gets. */
export function countsIn(map: SlotMap, groups: number): { has: number[]; gets: number[] } {
  const { owner, goal } = placesIn(map)
  return { has: countOf(owner, groups), gets: countOf(goal, groups) }
}

function countOf(places: readonly number[], groups: number): number[] {
  const counts = Array.from({ length: Math.max(groups, 1 + Math.max(...places)) }, () => 0)
  for (const group of places) counts[group] = (counts[group] ?? 0) + 1
  return counts
}

/** Each group gets an equal part; those that have most keep the slots that are left over, so that few move. */
function quotas(gets: readonly number[], wanted: number): number[] {
  const order = Array.from({ length: wanted }, (_, group) => group)
  order.sort((a, b) => (gets[b] ?? 0) - (gets[a] ?? 0) || a - b)
  const part = Math.floor(slotsMax / wanted)
  const quota = gets.map(() => 0)
  for (const [i, group] of order.entries()) quota[group] = part + (i < slotsMax % wanted ? 1 : 0)
  return quota
}

/**
 * The map in which the slots begin to move that must, so that each of the wanted groups has an equal part, or gets it;
 * undefined: none must, or none can yet. A slot that is under way is left alone.
 */
export function begunFrom(map: SlotMap, wanted: number): SlotMap | undefined {
  const { owner, goal } = placesIn(map)
  const gets = countOf(goal, wanted)
  const left = quotas(gets, wanted).map((quota, group) => quota - (gets[group] ?? 0))
  const pairs = new Map<string, { from: number; to: number; slots: number[] }>()
  let to = 0
  for (let slot = slotsMax - 1; slot >= 0; slot--) {
    const from = owner[slot] ?? 0
    if (goal[slot] !== from || (left[from] ?? 0) >= 0) continue
    while (to < left.length && (left[to] ?? 0) <= 0) to++
    if (to >= left.length) break
    left[from] = (left[from] ?? 0) + 1
    left[to] = (left[to] ?? 0) - 1
    const pair = pairs.get(`${from} ${to}`) ?? { from, to, slots: [] }
    pair.slots.unshift(slot)
    pairs.set(`${from} ${to}`, pair)
  }
  if (pairs.size === 0) return undefined
  const number = map.number + 1
  const begun = [...pairs.values()].map(pair => ({ number, ...pair, slots: toRanges(pair.slots) }))
  return withGroups({ ...map, number, moves: [...map.moves, ...begun] })
}

/** Those that have slots, or get some, are told of. */
function withGroups(map: SlotMap): SlotMap {
  const { owner, goal } = placesIn(map)
  return { ...map, groups: 1 + Math.max(...owner, ...goal) }
}

/**
 * Step 3: the map in which the slots that were left have arrived; undefined: none has. `left`: what the primary of each
 * group's view says, in this view.
 */
export function arrivedIn(map: SlotMap, left: (group: number) => SlotsLeft | null): SlotMap | undefined {
  // Nearly always no slot is under way, or none was left.
  if (map.moves.every(({ from }) => left(from) === null)) return undefined
  const owner = Array.from({ length: slotsMax }, (_, slot) => groupOfSlot(map, slot))
  const floors = new Map(map.floors)
  let arrived = false
  const moves = map.moves.flatMap(move => {
    const gone = goneOf(move, left(move.from))
    if (gone.length === 0) return [move]
    arrived = true
    for (const slot of gone) owner[slot] = move.to
    const floor = Math.max(left(move.from)?.floor ?? 0, floorOf(map, move.from), floors.get(move.to) ?? 0)
    floors.set(move.to, floor)
    const rest = slotsIn(move.slots).filter(slot => owner[slot] === move.from)
    return rest.length === 0 ? [] : [{ ...move, slots: toRanges(rest) }]
  })
  if (!arrived) return undefined
  return withGroups({ ...map, number: map.number + 1, starts: startsOf(owner), moves, floors: [...floors] })
}

/** Those that A has left for this very move. */
function goneOf({ number, slots }: SlotMove, left: SlotsLeft | null): readonly number[] {
  const reported = left?.moves.find(move => move.number === number)
  if (reported === undefined) return []
  const gone = new Set(slotsIn(reported.slots))
  return slotsIn(slots).filter(slot => gone.has(slot))
}

function startsOf(owner: readonly number[]): SlotMap['starts'] {
  return owner.flatMap((group, slot) => (group === owner[slot - 1] ? [] : [[slot, group] as const]))
}

/** The map in which this group, whose last view had this number, is no more. */
export function endedIn(map: SlotMap, group: number, view: number): SlotMap {
  const ended = [...map.ended.filter(([of]) => of !== group), [group, view] as const]
  return { ...map, number: map.number + 1, ended: ended.sort(([a], [b]) => a - b) }
}

/** A group that has no slot, and gets none. */
export function isEmpty(map: SlotMap, group: number): boolean {
  const { starts, moves } = map
  return !starts.some(([, of]) => of === group) && !moves.some(({ to }) => to === group)
}
