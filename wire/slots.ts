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
  return { number: 1, groups, starts }
}

/** What is wrong with a map; undefined: nothing. */
export function mapProblem({ groups, starts }: SlotMap): string | undefined {
  if (starts[0]?.[0] !== 0) return 'the first start must be slot 0'
  if (starts.some(([slot], i) => i > 0 && slot <= (starts[i - 1]?.[0] ?? 0))) return 'the starts must ascend'
  return starts.some(([, group]) => group >= groups) ? `a group is not one of ${groups}` : undefined
}
