// What few holds have beside a mode: permits, times, a note, a key. A plain hold has none of it and pays
// nothing for it. Nothing is decided here; lock-table.ts does.

import { termsOf } from '../../wire/claim.ts'
import type { ShownTerms, Terms } from '../../wire/messages.ts'
import type { Owner } from './owners.ts'

export interface Special {
  /** The note in it may change (C6). */
  terms: Terms
  /** C3: granted as a whole, and the time that it lasts at least is not over. */
  lasting: boolean
  /** C4: the request whose reply tells of it and is not acknowledged; 0: none. */
  untold: number
  /** C3, B7: whose quotas it takes from once its holder is gone. */
  owner: Owner | null
}

/** Of a hold with these terms; null for a plain one. A token that was stolen is nothing to keep. */
export function specialOf(terms: Terms | null): Special | null {
  if (terms === null) return null
  const kept = termsOf({ ...terms, victim: null })
  return kept === null ? null : { terms: kept, lasting: false, untold: 0, owner: null }
}

/** How many permits a hold takes (C1). */
export function takeOf(special: Special | null): number {
  return special?.terms.permits?.take ?? 0
}

/** Of how many permits this is; 0: of none. */
export function ofPermits(terms: Terms | null): number {
  return terms?.permits?.of ?? 0
}

/** What lists and events show. Times are whole; a server that knows what remains of them puts that in their place. */
export function shownOf(terms: Terms | null, holds: boolean): ShownTerms {
  if (terms === null) return null
  const { permits, note, once, holdAtLeastMs, holdAtMostMs } = terms
  return {
    permits,
    note,
    keptMs: holds ? holdAtLeastMs : null,
    endsMs: holds ? holdAtMostMs : null,
    once: once?.key ?? null,
  }
}
