// V1, V2, V3, V7: which view record may follow which on the view server's disk, judged from the records alone.

import type { History } from '../history.ts'
import type { SeenAs } from './seen-as.ts'

/** V1, V2, V3 of one view and the next. */
export function viewProblem(
  { view: before, acked }: History,
  { record: { view } }: SeenAs<'record'>,
): string | undefined {
  if (before === null)
    return view.number === 1 && view.start !== null ? undefined : 'V1: the first view is not view 1'
  if (view.number === before.number)
    return JSON.stringify(view) === JSON.stringify(before) ? undefined : 'V1: one view number for two views'
  if (view.number !== before.number + 1) return `V1: view ${view.number} follows view ${before.number}`
  if (view.start !== null && view.backup !== null) return 'V3: a view that begins with a start names a backup'
  if (view.start !== null) return undefined
  const stays = view.primary.id === before.primary.id
  if (!stays && view.primary.id !== before.backup?.id)
    return `V2: the primary of view ${view.number} comes from nowhere`
  if (!stays && !acked) return `V3: promoted from view ${before.number}, which was not acked`
  if (stays && view.backup?.id === before.backup?.id) return `V7: view ${view.number} changes nothing`
  return undefined
}
