// What an acquire asks of each of its locks, as one value: it travels whole from a caller's options to the lock
// table and into snapshots. In messages it is the fields `claim` of messages.ts; how holds go together is decided
// in lockserver/state/lock-table.ts.

import { holdMsMax, noteBytesMax, onceKeyBytesMax } from './limits.ts'
import type { Manner, Mode, Terms } from './messages.ts'
import { fitsBytes } from './name.ts'
import { bytesOf } from './text-bytes.ts'

export interface Claim {
  readonly mode: Mode
  /** What to do when a lock is not free. */
  readonly manner: Manner
  /** What few claims ask for; null for a plain one. */
  readonly terms: Terms | null
}

const manners = (mode: Mode): Readonly<Record<Manner, Claim>> => ({
  wait: { mode, manner: 'wait', terms: null },
  ifAvailable: { mode, manner: 'ifAvailable', terms: null },
  steal: { mode, manner: 'steal', terms: null },
})
const exclusive = manners('exclusive')
const shared = manners('shared')

/** Of no terms: what an acquire asks for unless it says more. */
export const noTerms: Terms = {
  permits: null,
  holdAtLeastMs: null,
  holdAtMostMs: null,
  note: null,
  once: null,
  victim: null,
}

/**
 * There are few plain claims, so none is made for a request. C1: one permit of one is `exclusive`, and permits
 * are their own mode.
 */
export function claimOf(mode: Mode, manner: Manner, terms: Terms | null = null): Claim {
  if (terms === null) return plainClaim(mode, manner)
  if (terms.permits?.of === 1) return claimOf('exclusive', manner, { ...terms, permits: null })
  const kept = termsOf(terms)
  return kept === null ? plainClaim(mode, manner) : { mode, manner, terms: kept }
}

function plainClaim(mode: Mode, manner: Manner): Claim {
  return mode === 'shared' ? shared[manner] : exclusive[manner]
}

/** Null if there is nothing in them. */
export function termsOf(terms: Terms): Terms | null {
  return Object.values(terms).some(term => term !== null) ? terms : null
}

/** What does not go together in the terms of an acquire, or undefined: what no schema can say. */
export function claimProblem(
  names: readonly string[],
  mode: Mode,
  manner: Manner,
  terms: Terms | null,
): string | undefined {
  const { permits, note, once, victim, holdAtLeastMs, holdAtMostMs } = terms ?? noTerms
  if (Math.max(holdAtLeastMs ?? 0, holdAtMostMs ?? 0) > holdMsMax)
    return `a hold can't be asked to last longer than ${holdMsMax} ms`
  if ((mode === 'permits') !== (permits !== null))
    return 'the mode "permits" goes with permits, and with nothing else'
  if (permits !== null && permits.take > permits.of)
    return `can't take ${permits.take} permits of ${permits.of}`
  if (note !== null && noteProblem(note) !== undefined) return `the note ${noteProblem(note)}`
  if (victim !== null && manner !== 'steal')
    return 'only a steal may name the token that it takes the lock from'
  if (once !== null && manner === 'steal') return "what runs once can't steal: it might run beside its victim"
  const key = once === null ? undefined : keyProblem(once.key)
  if (key !== undefined) return key
  if (names.length > 1 && (once !== null || victim !== null))
    return 'a key, or the token of a steal, goes with a single name'
  return undefined
}

export function keyProblem(key: string): string | undefined {
  return fitsBytes(key, onceKeyBytesMax)
    ? undefined
    : `the key must be at most ${onceKeyBytesMax} bytes of UTF-8`
}

/** What is wrong with a note, or undefined. */
export function noteProblem(note: string): string | undefined {
  if (fitsBytes(note, noteBytesMax)) return undefined
  return `must be at most ${noteBytesMax} bytes of UTF-8, not ${bytesOf(note)}`
}
