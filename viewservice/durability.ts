// D11 as pure functions: whether the durability of a cluster may be changed now, and the view that does it. They know
// no server table, no clock and no message; what is known of the servers is handed in.

import type { Choice, Durability, Server, View } from '../wire/messages.ts'
import type { ViewRecord } from './record.ts'

type Recorded = Pick<ViewRecord, 'view' | 'acked' | 'lastAcked'>

export interface Readiness {
  /** The primary has pinged of late. */
  readonly primaryHeard: boolean
  /** The disk of its journal has less room than its reserve (D8). */
  readonly primaryLow: boolean
  /** Living servers that have no journal. */
  readonly withoutJournal: readonly Server[]
}

/** Why the durability can't be changed now; undefined if it can. */
export function whyNoChange(
  { view, acked }: Recorded,
  to: Durability,
  { primaryHeard, primaryLow, withoutJournal }: Readiness,
): string | undefined {
  const { number, primary } = view
  if (!acked) return `view ${number} is not acked yet; ask again when status says that it is`
  if (!primaryHeard) return `the primary ${primary.id} at ${primary.address} is silent`
  if (to === 'memory') return undefined
  if (withoutJournal.length > 0) {
    const list = withoutJournal.map(({ id, address }) => `${id} at ${address}`).join(', ')
    return `these lock servers have no journal: ${list}; start them again with --data FOLDER, one after the other, and ask again`
  }
  return primaryLow
    ? `the disk of the primary ${primary.id} at ${primary.address} is nearly full; make room there first`
    : undefined
}

/** The view that changes it: of the same primary, told to no other before it is acked (D5). `choice`: the view before. */
export function changeView(group: number, choice: Choice, highestToken: number, to: Durability): View {
  const { id, address } = choice.primary
  const since = [{ id, address, from: id, view: choice.number }]
  return {
    group,
    number: choice.number + 1,
    primary: { id, address },
    backup: null,
    durability: to,
    start: { tokenFloor: highestToken, pauseMs: 0, choice: { ...choice, since } },
  }
}

/** It is to change the durability of the view before. */
export function isChange({ durability, start }: View): boolean {
  return start !== null && start.choice !== null && start.choice.durability !== durability
}

/** What is wrong with a change view, or undefined. */
export function changeViewProblem({ view, acked }: Recorded, next: View): string | undefined {
  if (!acked) return 'D11: the durability is changed from an acked view'
  return next.primary.id === view.primary.id ? undefined : 'D11: a change of durability keeps the primary'
}
