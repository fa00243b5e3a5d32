// Lists what is held and waited for, in order, in parts that fit a frame. Reads only.

import { queryMax, queryPartMax } from '../wire/limits.ts'
import type { HoldRecord, MessageOf, WaitRecord } from '../wire/messages.ts'
import { share } from '../wire/shared.ts'
import type { State } from './state/state.ts'

export type Part = MessageOf<'serverToClient', 'locks'>

/** What an answer says, whoever gets it. */
export interface Listing {
  readonly parts: readonly { readonly held: HoldRecord[]; readonly pending: WaitRecord[] }[]
  readonly cut: boolean
  /** Holds and waits in all parts. */
  readonly size: number
}

/** Holds in the order of their tokens; waiters by lock name, each queue in its order. */
export function listLocks(state: State, prefix: string, wall: number): Listing {
  const age = (since: number) => Math.max(0, Math.floor(wall - since))
  const held: HoldRecord[] = []
  const pending: WaitRecord[] = []
  let cut = false
  for (const lock of state.table.locks.values()) {
    if (!lock.name.startsWith(prefix)) continue
    for (const { token, session, mode, since } of lock.eachHolder()) {
      if (held.length + pending.length >= queryMax) {
        cut = true
        break
      }
      held.push({
        name: lock.name,
        mode,
        token,
        clientId: session.id,
        clientName: session.name,
        heldMs: age(since),
        terms: null,
      })
    }
    for (const { session, claim, since } of lock.queue) {
      if (held.length + pending.length >= queryMax) {
        cut = true
        break
      }
      pending.push({
        name: lock.name,
        mode: claim.mode,
        clientId: session.id,
        clientName: session.name,
        waitedMs: age(since),
        terms: null,
      })
    }
    if (cut) break
  }
  held.sort((a, b) => a.token - b.token)
  pending.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return { parts: parts(held, pending), cut, size: held.length + pending.length }
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
