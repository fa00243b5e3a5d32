// G2: what a primary must propose so that its state serves what the record's map gives to its group. It decides
// nothing about who may be given a slot: that is the record's.

import { toRanges } from '../wire/codec.ts'
import type { SlotMap } from '../wire/messages.ts'
import { groupOfSlot, slotsMax } from '../wire/slots.ts'
import type { Slots } from './state/slots.ts'
import type { Operation } from './state/state.ts'

export function levelling(slots: Slots, map: SlotMap, group: number): readonly Operation[] {
  if (map.starts.length === 1 && slots.all && map.starts[0]?.[1] === group) return []
  const [opened, closed]: [number[], number[]] = [[], []]
  for (let slot = 0; slot < slotsMax; slot++) {
    const own = groupOfSlot(map, slot) === group
    if (own === slots.isOpen(slot) || map.number <= slots.numberOf(slot)) continue
    if (own) opened.push(slot)
    else closed.push(slot)
  }
  const operations: Operation[] = []
  if (closed.length > 0) operations.push(['close-slots', map.number, toRanges(closed)])
  if (opened.length > 0) operations.push(['open-slots', map.number, toRanges(opened), 0])
  return operations
}
