// G2: what a primary must propose so that its state serves what the record's map gives to its group. It decides
// nothing about who may be given a slot: that is the record's. Slots that are under way are left in slot-moves.ts.

import { toRanges } from '../wire/codec.ts'
import type { SlotMap } from '../wire/messages.ts'
import { floorOf, groupOfSlot, slotsIn, slotsMax } from '../wire/slots.ts'
import type { Slots } from './state/slots.ts'
import type { Operation } from './state/state.ts'

export function levelling(slots: Slots, map: SlotMap, group: number): readonly Operation[] {
  if (map.starts.length === 1 && slots.all && map.starts[0]?.[1] === group) return []
  // One that was left is not opened again, and one that was never opened is left as it is (G8).
  const moving = new Set(map.moves.flatMap(move => slotsIn(move.slots)))
  const [opened, closed]: [number[], number[]] = [[], []]
  for (let slot = 0; slot < slotsMax; slot++) {
    const own = groupOfSlot(map, slot) === group
    if (own === slots.isOpen(slot) || map.number <= slots.numberOf(slot)) continue
    if (!own) closed.push(slot)
    else if (!moving.has(slot)) opened.push(slot)
  }
  const operations: Operation[] = []
  if (closed.length > 0) operations.push(['close-slots', map.number, toRanges(closed)])
  if (opened.length > 0) operations.push(['open-slots', map.number, toRanges(opened), floorOf(map, group)])
  return operations
}
