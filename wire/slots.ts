// Where a lock's name lives (G2): its slot, and the group that the map gives the slot to. The same for clients in any
// language: docs/PROTOCOL.md has test vectors. It knows no server and no view.

import type { SlotMap } from './messages.ts'

export const slotsMax = 4_096
export const groupsMax = 64

/** FNV-1a, 32 bits. */
const offsetBasis = 0x811c9dc5
const prime = 0x01000193

/** Of all of its name; or of what stands in its first pair of braces alone, if something does. */
export function slotOf(name: string): number {
  const open = name.indexOf('{')
  const close = open < 0 ? -1 : name.indexOf('}', open)
  return close > open + 1 ? hashOf(name, open + 1, close) % slotsMax : hashOf(name, 0, name.length) % slotsMax
}

/** Of the UTF-8 bytes of this part; it makes no copy. */
function hashOf(name: string, from: number, to: number): number {
  let hash = offsetBasis
  for (let i = from; i < to; i++) {
    const code = name.charCodeAt(i)
    if (code < 0x80) hash = mix(hash, code)
    else {
      const point = name.codePointAt(i) as number
      hash = mixPoint(hash, point)
      if (point > 0xffff) i++
    }
  }
  return hash >>> 0
}

function mix(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, prime)
}

function mixPoint(hash: number, point: number): number {
  if (point < 0x800) return mix(mix(hash, 0xc0 | (point >> 6)), tail(point))
  if (point < 0x10000) return mix(mix(mix(hash, 0xe0 | (point >> 12)), tail(point >> 6)), tail(point))
  const head = mix(mix(hash, 0xf0 | (point >> 18)), tail(point >> 12))
  return mix(mix(head, tail(point >> 6)), tail(point))
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f)
}

/** Which group has this slot. */
export function groupOfSlot({ starts }: SlotMap, slot: number): number {
  let [low, high] = [0, starts.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle]?.[0] ?? slotsMax) <= slot) low = middle
    else high = middle - 1
  }
  return starts[low]?.[1] ?? 0
}

/** Which group serves this name. */
export function groupOf(map: SlotMap, name: string): number {
  return map.starts.length === 1 ? (map.starts[0]?.[1] ?? 0) : groupOfSlot(map, slotOf(name))
}

/** The first map of a cluster: each group has an equal part of the slots, in one piece. */
export function firstMap(groups: number): SlotMap {
  const starts = Array.from({ length: groups }, (_, group) => {
    return [Math.ceil((group * slotsMax) / groups), group] as const
  })
  return { number: 1, groups, starts, moves: [], floors: [], ended: [] }
}

/** What is wrong with a map; undefined: nothing. */
export function mapProblem(map: SlotMap): string | undefined {
  const { groups, starts } = map
  if (starts[0]?.[0] !== 0) return 'the first start must be slot 0'
  if (starts.some(([slot], i) => i > 0 && slot <= (starts[i - 1]?.[0] ?? 0))) return 'the starts must ascend'
  const named = [...starts.map(([, group]) => group), ...map.moves.flatMap(({ from, to }) => [from, to])]
  return named.some(group => group >= groups) ? `a group is not one of ${groups}` : movesProblem(map)
}

/** G8 */
function movesProblem(map: SlotMap): string | undefined {
  const moving = new Set<number>()
  for (const { number, from, to, slots } of map.moves) {
    if (from === to || number > map.number) return 'a move goes nowhere, or is newer than its map'
    for (const slot of slotsIn(slots)) {
      if (groupOfSlot(map, slot) !== from) return `slot ${slot} moves from a group that does not have it`
      if (moving.has(slot)) return `slot ${slot} moves twice`
      moving.add(slot)
    }
  }
  return undefined
}

/** Those in these pairs of first and last. */
export function slotsIn(ranges: readonly number[]): number[] {
  const slots: number[] = []
  for (let i = 0; i + 1 < ranges.length; i += 2)
    for (let slot = ranges[i] as number; slot <= Math.min(ranges[i + 1] as number, slotsMax - 1); slot++)
      slots.push(slot)
  return slots
}

/** G8: tokens in a slot that this group is given go on above this one. */
export function floorOf({ floors }: Pick<SlotMap, 'floors'>, group: number): number {
  return floors.find(([of]) => of === group)?.[1] ?? 0
}

/** G8: the last view of a group that has ended; 0: it has not, or began again and does not know yet. */
export function endOf({ ended }: Pick<SlotMap, 'ended'>, group: number): number {
  return ended.find(([of]) => of === group)?.[1] ?? 0
}

/** G8: whether clients are told of this map when it comes: when moves begin, when a group ends, and when the last move does. */
export function isForClients(map: SlotMap, before: SlotMap | null): boolean {
  const begins = map.moves.some(({ number }) => number === map.number)
  const ends = map.ended.some(([group, view]) => before === null || endOf(before, group) !== view)
  return begins || ends || map.moves.length === 0 || map.groups !== before?.groups
}
