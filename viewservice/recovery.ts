// D4, D5 as pure functions: from whom a lost state may be recovered, and the view that does it. They know no
// server table, no clock and no message; which imprints are there, and whose processes are gone, is found out in
// recoveries.ts and handed in.

import type { Choice, Imprint, Recovered, Server, View } from '../wire/messages.ts'
import { changeViewProblem } from './durability.ts'
import type { ViewRecord } from './record.ts'

export type Recorded = Pick<ViewRecord, 'view' | 'acked' | 'lastAcked'>

/** A state that counts, on a disk or in a living server. */
export interface Worth {
  /** The server of the choice whose state it is. */
  readonly from: string
  /** D4: what it counts as. */
  readonly view: number
}

/** An imprint that counts. */
export interface Found extends Worth {
  /** The idle server that has it in its journal. */
  readonly server: Server
  readonly imprint: Imprint
  /** What shows that the process that wrote it is gone; null: nothing does. */
  readonly proof: string | null
}

export interface LostState {
  /** A living server whose own state counts. */
  readonly living: (Server & Worth) | null
  readonly found: readonly Found[]
  /** All servers of the choice are back, or the patience is over. */
  readonly waited: boolean
}

/** L2: as after a reset, far above every token that the record may lag behind. */
export const tokenLeap = 2 ** 32
/** Fewer count than are recorded only at the cost of a chance to recover. */
const sinceMax = 16

export function isRecovery(view: View): boolean {
  return view.start !== null && view.start.choice !== null
}

/** D4: the last view that was not an unacked recovery. */
export function choiceOf({ view, acked, lastAcked }: Recorded): Choice {
  const before = view.start?.choice ?? null
  if (before !== null && !acked) return before
  const { number, primary, backup, durability, start } = view
  const empty = start === null || before !== null ? null : plainStart(start)
  return {
    number,
    acked,
    primary,
    backup,
    durability,
    start: empty,
    lastAcked: acked ? number : lastAcked,
    since: [],
  }
}

function plainStart({ tokenFloor, pauseMs }: { tokenFloor: number; pauseMs: number }): Choice['start'] {
  return { tokenFloor, pauseMs }
}

/** D5: what all servers and clients hear; of an unacked recovery view only its primary hears. */
export function toldToAll(record: Recorded): { readonly view: View; readonly acked: boolean } {
  const { view, acked } = record
  if (acked || !isRecovery(view)) return { view, acked }
  const { number, primary, backup, durability, start, acked: wasAcked } = choiceOf(record)
  const { group } = view
  const told = start === null ? null : { ...start, choice: null }
  return { view: { group, number, primary, backup, durability, start: told }, acked: wasAcked }
}

/** The servers that the record names, the choice's and those since included. */
export function namedIn(record: Recorded): Server[] {
  const { primary, backup, since } = choiceOf(record)
  return [record.view.primary, record.view.backup, primary, backup, ...since].filter(
    server => server !== null,
  )
}

/** D4: whether a state that this server wrote, or has, counts; undefined if not. */
export function worthOf(
  choice: Choice,
  { id, view, as, told }: Pick<Imprint, 'id' | 'view' | 'as' | 'told'>,
): Worth | undefined {
  const since = choice.since.find(server => server.id === id)
  if (since !== undefined) return { from: since.from, view: since.view }
  if (id === choice.primary.id) {
    const inForce = choice.acked ? view === choice.number : view >= choice.lastAcked
    return inForce && (as === 'primary' || told) ? { from: id, view } : undefined
  }
  const isBackup = id === choice.backup?.id && view === choice.number
  return isBackup && (choice.acked || told) ? { from: id, view } : undefined
}

/** D4, D11: of a view in memory nothing is left; but a change to disk that was not acked is off, and a living server goes on. */
export function mayRecover(record: Recorded): boolean {
  return choiceOf(record).durability === 'disk' || (isRecovery(record.view) && !record.acked)
}

/** D4: the recovery view that must follow now; undefined: none may. `found`: whatever counts, proven or not. */
export function recoveryView(record: Recorded, highestToken: number, lost: LostState): View | undefined {
  if (!mayRecover(record)) return undefined
  if (lost.living !== null) return recoveryBy(record, highestToken, lost.living, lost.living, lost.living.id)
  if (!lost.waited || choiceOf(record).durability === 'memory') return undefined
  const [best] = lost.found.filter(({ proof }) => proof !== null).sort(byWorth)
  return best === undefined ? undefined : recoveryBy(record, highestToken, best.server, best, best.imprint.id)
}

/** D4: the largest by view, then by op number; one whose digest differed last. */
function byWorth(a: Found, b: Found): number {
  return (
    Number(a.imprint.differs) - Number(b.imprint.differs) ||
    b.view - a.view ||
    b.imprint.opNumber - a.imprint.opNumber
  )
}

function recoveryBy(
  record: Recorded,
  highestToken: number,
  { id, address }: Server,
  { from, view }: Worth,
  /** The id in the folder that it recovers from. */
  written: string,
): View {
  const choice = choiceOf(record)
  const since = [...stillSince(choice.since, address, written), { id, address, from, view }]
  return {
    group: record.view.group,
    number: record.view.number + 1,
    primary: { id, address },
    backup: null,
    durability: choice.durability,
    start: {
      tokenFloor: highestToken + tokenLeap,
      pauseMs: 0,
      choice: { ...choice, since: since.slice(-sinceMax) },
    },
  }
}

/** What earlier recovery primaries at this address have not written, now that its folder was read again, is nowhere. */
function stillSince(since: readonly Recovered[], address: string, written: string): readonly Recovered[] {
  return since.filter(other => other.address !== address || other.id === written)
}

/** What is wrong with a recovery view, or undefined. */
export function recoveryProblem(before: Recorded | null, next: View): string | undefined {
  const choice = next.start?.choice ?? null
  if (choice === null) return undefined
  if (before === null) return 'D4: there is nothing to recover'
  if (next.durability !== choice.durability) return changeViewProblem(before, next)
  if (!mayRecover(before)) return 'D4: no state is recovered from a view in memory'
  const { since, ...kept } = choice
  const { since: _, ...right } = choiceOf(before)
  if (JSON.stringify(kept) !== JSON.stringify(right)) return 'D4: the choice is not the one of the record'
  return since.some(({ id }) => id === next.primary.id)
    ? undefined
    : 'D4: its primary is not among those that recovered'
}
