// Lists what is held and waited for, in order, in parts that fit a frame. Reads only.

import type { Claim } from '../wire/claim.ts'
import { queryMax, queryPartMax } from '../wire/limits.ts'
import type { HoldRecord, MessageOf, ShownTerms, WaitRecord } from '../wire/messages.ts'
import { share } from '../wire/shared.ts'
import type { Hold } from './state/lock.ts'
import type { Session } from './state/sessions.ts'
import { shownOf } from './state/special.ts'
import type { State } from './state/state.ts'

export type Part = MessageOf<'serverToClient', 'locks'>

/** What an answer says, whoever gets it. */
export interface Listing {
  readonly parts: readonly { readonly held: HoldRecord[]; readonly pending: WaitRecord[] }[]
  readonly cut: boolean
  /** Holds and waits in all parts. */
  readonly size: number
}

/** What is shown of a hold beside its mode: a server knows what remains of its times. */
export type TermsOf = (hold: Hold) => ShownTerms

export function wholeTerms({ special }: Hold): ShownTerms {
  return shownOf(special?.terms ?? null, true)
}

/** Holds in the order of their tokens; waiters by lock name, each queue in its order. */
export function listLocks(
  state: State,
  prefix: string,
  wall: number,
  termsOf: TermsOf = wholeTerms,
): Listing {
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  let cut = false
  for (const lock of state.table.locks.values()) {
    if (!lock.name.startsWith(prefix)) continue
    for (const hold of lock.eachHolder()) {
      if (held.length + pending.length >= queryMax) {
        cut = true
        break
      }
      held.push(holdRecord(hold, age(hold.since), termsOf))
    }
    for (const { session, claim, since } of lock.queue) {
      if (held.length + pending.length >= queryMax) {
        cut = true
        break
      }
      pending.push(waitRecord(lock.name, session, claim, age(since)))
    }
    if (cut) break
  }
  held.sort((a, b) => a.token - b.token)
  pending.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return { parts: parts(held, pending), cut, size: held.length + pending.length }
}

/** A hold that is kept has no client (C3). */
export function holdRecord(hold: Hold, heldMs: number, termsOf: TermsOf): HoldRecord {
  const { lock, mode, token, session } = hold
  const client = session.isNobody ? null : session
  const [clientId, clientName] = [client?.publicId ?? null, client?.name ?? null]
  return { name: lock.name, mode, token, clientId, clientName, heldMs, terms: termsOf(hold) }
}

export function waitRecord(
  name: string,
  { publicId: clientId, name: clientName }: Session,
  claim: Claim,
  waitedMs: number,
): WaitRecord {
  return { name, mode: claim.mode, clientId, clientName, waitedMs, terms: shownOf(claim.terms, false) }
}

function parts(held: HoldRecord[], pending: WaitRecord[]): Listing['parts'] {
  const count = Math.max(1, Math.ceil(Math.max(held.length, pending.length) / queryPartMax))
  return Array.from({ length: count }, (_, part) => {
    const [from, to] = [part * queryPartMax, (part + 1) * queryPartMax]
    return { held: share(held.slice(from, to)), pending: share(pending.slice(from, to)) }
  })
}

/** The messages of one answer. */
export function answerOf({ parts, cut }: Listing, number: number, confirmed: boolean): Part[] {
  return parts.map(({ held, pending }, i) => {
    const more = i + 1 < parts.length
    return ['locks', number, { more, cut, confirmed }, held, pending]
  })
}
