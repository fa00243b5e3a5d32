// R2, R4: two copies of the state that are level are the same. It sees no client.

import type { State } from '../../../lockserver/state/state.ts'
import { textOf } from '../../fixtures/state-story.ts'
import type { Summary } from './summaries.ts'

/** R4: copies that are level are the same. */
export function sameProblem(primary: Summary | null, backup: Summary | null): string | undefined {
  if (primary === null || backup === null || primary.view !== backup.view || backup.whole !== backup.view)
    return undefined
  if (primary.role !== 'primary' || backup.role !== 'backup') return undefined
  if (backup.opNumber > primary.opNumber)
    return `R2: the backup has applied operation ${backup.opNumber}, the primary ${primary.opNumber}`
  if (backup.opNumber < primary.opNumber) return undefined
  return contentOf(backup) === contentOf(primary)
    ? undefined
    : `R4: at operation ${primary.opNumber} the copies differ`
}

const contents = new WeakMap<State, string>()

/** All that a state holds; a state that was summed up changes no more. */
function contentOf({ state }: Summary): string {
  if (state === null) return ''
  const content = contents.get(state) ?? textOf(state)
  contents.set(state, content)
  return content
}
