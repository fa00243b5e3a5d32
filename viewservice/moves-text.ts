// What becomes of the groups while their number changes (G8), in a sentence or two, for display only. It reads the status
// and asks no server.

import type { Status } from '../wire/messages.ts'
import { slotsIn } from '../wire/slots.ts'

/** Empty: as many groups as were asked for share the names, and no slot is on the move. */
export function movesText({ map, groups, groupsWanted, groupsWait }: Status): string[] {
  const moves = map?.moves ?? []
  const each = moves.map(
    ({ from, to, slots }) => `${slotsIn(slots).length} from group ${from} to group ${to}`,
  )
  return [
    ...(map === null || groupsWanted === groups.length
      ? []
      : [`from ${groups.length} to ${groupsWanted} ${groupsWanted === 1 ? 'group' : 'groups'}`]),
    ...(groupsWait === null ? [] : [groupsWait]),
    ...(moves.length === 0 ? [] : [`slots on the move: ${each.join(', ')}`]),
  ]
}
