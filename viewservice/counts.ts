// What a view server has done, in plain numbers, for its metrics. Nothing is decided by them, and each
// start begins at zero.

import { Histogram } from '../wire/histogram.ts'
import type { View } from '../wire/messages.ts'
import { isChange } from './durability.ts'
import { History } from './history.ts'

/** What a new view has changed. */
export const viewChanges = [
  'first',
  'promotion',
  'backup_added',
  'backup_dropped',
  'backup_replaced',
  'reset',
  'recovery',
  'durability',
] as const
export type ViewChange = (typeof viewChanges)[number]
/** How a lock server was found dead. */
export type Evidence = 'missed_pings' | 'refused' | 'replaced'

export class ViewCounts {
  readonly views: Record<ViewChange, number> = {
    first: 0,
    promotion: 0,
    backup_added: 0,
    backup_dropped: 0,
    backup_replaced: 0,
    reset: 0,
    recovery: 0,
    durability: 0,
  }
  readonly deaths: Record<Evidence, number> = { missed_pings: 0, refused: 0, replaced: 0 }
  acks = 0
  readonly history = new History()
  /** Failed tries to save a record, or to hold its room ready, by what was short; set by the driver. */
  readonly lacks: Record<'files' | 'room' | 'memory', number> = { files: 0, room: 0, memory: 0 }
  /** How long the disk takes for a view record; set by the driver. */
  readonly save = new Histogram()
}

export function changeOf(before: View | null, view: View): ViewChange {
  if (view.start !== null && view.start.choice !== null) return isChange(view) ? 'durability' : 'recovery'
  // G8: a group that begins again gives up no state.
  if (view.start !== null) return before === null ? 'first' : 'reset'
  if (before?.primary.id !== view.primary.id) return 'promotion'
  if (before.backup === null) return 'backup_added'
  return view.backup === null ? 'backup_dropped' : 'backup_replaced'
}
