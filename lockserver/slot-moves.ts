// G8: what a primary does about slots that are under way from its group: the operations by which its state leaves those
// that are empty, and what it may tell the view server of that. Whether a slot is empty is decided by the state.

import { toRanges } from '../wire/codec.ts'
import type { SlotMap, SlotMove, SlotsLeft } from '../wire/messages.ts'
import { floorOf, slotsIn } from '../wire/slots.ts'
import type { Operation, State } from './state/state.ts'

export function movesFrom(map: SlotMap | null, group: number): readonly SlotMove[] {
  return map?.moves.filter(({ from }) => from === group) ?? []
}

/** One for each move that has slots which may be left now. */
export function leavings(state: State, moves: readonly SlotMove[]): Operation[] {
  if (state.table.paused) return []
  return moves.flatMap(({ number, slots }): Operation[] => {
    const empty = slotsIn(slots).filter(slot => !isLeft(state, slot, number) && !state.table.isInUse(slot))
    return empty.length === 0 ? [] : [['leave-slots', number, toRanges(empty)]]
  })
}

/** L2: its own floor counts too: it may have been given the slot, and not have opened it. Null: none is left. */
export function leftOf(state: State, map: SlotMap | null, group: number): SlotsLeft | null {
  const moves = movesFrom(map, group).flatMap(({ number, slots }) => {
    const left = slotsIn(slots).filter(slot => isLeft(state, slot, number))
    return left.length === 0 ? [] : [{ number, slots: toRanges(left) }]
  })
  if (map === null || moves.length === 0) return null
  return { floor: Math.max(state.table.lastToken, floorOf(map, group)), moves }
}

/** By the move of this number. */
function isLeft({ slots }: State, slot: number, number: number): boolean {
  return !slots.isOpen(slot) && slots.numberOf(slot) === number
}
