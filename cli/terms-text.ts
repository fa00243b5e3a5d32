// What a hold or waiter has beside its mode, in few words for a terminal: permits, what is kept or ends when, the
// key that it runs, its note. Nothing is left out and nothing decided.

import type { Mode, ShownTerms } from '../wire/messages.ts'
import { showDuration } from './duration.ts'
import { oneLine } from './output.ts'

/** `exclusive`, `shared`, or `2 of 5`. */
export function modeText(mode: Mode, terms: ShownTerms): string {
  const permits = terms?.permits ?? null
  return permits === null ? mode : `${permits.take} of ${permits.of}`
}

/** Empty if there is nothing to say. */
export function termsText(terms: ShownTerms): string {
  if (terms === null) return ''
  const { keptMs, endsMs, once, note } = terms
  return [
    ...(keptMs === null ? [] : [`kept for ${showDuration(keptMs)} more`]),
    ...(endsMs === null ? [] : [`ends in ${showDuration(endsMs)}`]),
    ...(once === null ? [] : [`runs ${oneLine(JSON.stringify(once))} once`]),
    ...(note === null ? [] : [oneLine(note)]),
  ].join('; ')
}
