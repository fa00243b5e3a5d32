// What the view server keeps on its disk (V6, E6), and the inputs and effects of its core. It decides nothing.

import type { ConnectionEffect, ConnectionInput } from '../wire/effects.ts'
import { ttlMsDefault } from '../wire/limits.ts'
import type { Durability, MessageOf, SlotMap, View } from '../wire/messages.ts'
import { endOf, firstMap, floorOf, mapProblem } from '../wire/slots.ts'
import { recordFormat, wireVersion } from '../wire/version.ts'

/**
 * `record` grows by one with each save. `highestToken` lags behind what was granted by less than
 * 2^31 (L2). `longestTtlMs` is the longest lease that a primary may have granted.
 */
export type ViewRecord = Readonly<MessageOf<'stored', 'view-record'>[1]>

/** What it has of a group other than the first (G1). */
export type GroupPart = ViewRecord['others'][number]

/** What it has of one group, and of the cluster as far as a group needs it. */
export type GroupRecord = Pick<
  ViewRecord,
  'cluster' | 'view' | 'acked' | 'lastAcked' | 'highestToken' | 'longestTtlMs'
>

/** E6: the first record of a cluster, of which no view was made yet. */
export type Founding = Readonly<MessageOf<'stored', 'founding'>[1]>

export type StoredRecord = ViewRecord | Founding

/** The channels of a view server's peers: clients, lock servers, and the servers that its probes find. */
export type ViewHears = 'clientToView' | 'serverToView' | 'serverToClient' | 'viewToClient'
export type ViewSays = 'viewToClient' | 'viewToServer' | 'clientToView'

export type ViewInput =
  | ConnectionInput<ViewHears>
  /** Comes each pingIntervalMs, after everything that had arrived was read. */
  | { readonly is: 'tick' }
  | { readonly is: 'saved' }
  /** E4: all that were connected before have been introduced: from here on this core decides. */
  | { readonly is: 'begin' }
  /** Everything that had arrived was read: now the core decides. */
  | { readonly is: 'turn-end' }

export type NoteLevel = 'debug' | 'info' | 'warn' | 'error'

export type ViewEffect =
  | ConnectionEffect<ViewSays>
  /** The driver makes the record durable, then says `saved`. One at a time. */
  | { readonly do: 'save'; readonly record: ViewRecord }
  /** V6: a lock server knows a later view: another may have written. */
  | { readonly do: 'look' }
  | { readonly do: 'note'; readonly level: NoteLevel; readonly text: string; readonly fields: object }

export function isFounding(record: StoredRecord): record is Founding {
  return 'durability' in record
}

/** The record with a view; null: of this cluster no view was made yet. */
export function viewedIn(record: StoredRecord | null): ViewRecord | null {
  return record === null || isFounding(record) ? null : record
}

/** D11: while it is being changed, `disk`: what a server needs for one group it needs for all. */
export function durabilityOf(record: StoredRecord): Durability {
  if (isFounding(record)) return record.durability
  const all = [record.view, ...record.others.map(({ view }) => view)]
  return all.some(view => view?.durability === 'disk') ? 'disk' : 'memory'
}

/** G1: how many groups it has, those that have ended or are to come included (G8). */
export function groupsIn(record: StoredRecord): number {
  return isFounding(record) ? record.groups : 1 + record.others.length
}

/** G8: how many groups there are to be. */
export function wantedIn(record: StoredRecord): number {
  return isFounding(record) ? record.groups : record.groupsWanted
}

/** The number of this group's last view; 0: it never had one. */
export function lastViewOf(record: StoredRecord | null, group: number): number {
  const viewed = viewedIn(record)
  return partOf(viewed, group)?.view.number ?? (viewed === null ? 0 : endOf(viewed.map, group))
}

/** L2: whatever this group has granted, tokens go on above this one; also of one that has no view. */
export function highestTokenOf(record: StoredRecord | null, group: number): number {
  const viewed = viewedIn(record)
  if (viewed === null) return 0
  const part = group === 0 ? viewed : viewed.others[group - 1]
  return Math.max(part?.highestToken ?? 0, floorOf(viewed.map, group))
}

/** G2: the first map is told before there is a view. */
export function mapIn(record: StoredRecord): SlotMap {
  return isFounding(record) ? firstMap(record.groups) : record.map
}

/** What the record has of this group; null: no view yet. */
export function partOf(record: ViewRecord | null, group: number): GroupRecord | null {
  if (record === null || group === 0) return record
  const part = record.others[group - 1]
  if (part === undefined || part.view === null) return null
  const { cluster, longestTtlMs } = record
  const { view, acked, lastAcked, highestToken } = part
  return { cluster, view, acked, lastAcked, highestToken, longestTtlMs }
}

/** The record with this map, and these parts of all of its groups, in their order. L2: a token is never below its floor. */
export function recordOf(
  before: StoredRecord,
  parts: readonly (GroupRecord | null)[],
  map = mapIn(before),
): ViewRecord {
  const [first = null, ...others] = parts
  if (first === null) throw new Error('broken invariant: G1: the first group has no view, and another has')
  const { view, acked, lastAcked } = first
  const base = isFounding(before) ? recordFrom(before, view) : before
  const highest = (group: number, token: number) => Math.max(token, floorOf(map, group))
  const rest = others.map((part, i): GroupPart => {
    const of = part === null ? newPart(i + 1, highestTokenOf(before, i + 1)) : partIn(i + 1, part)
    return { ...of, highestToken: highest(i + 1, of.highestToken) }
  })
  return { ...base, map, view, acked, lastAcked, highestToken: highest(0, first.highestToken), others: rest }
}

/** What is wrong with the parts of a record; undefined: nothing. Checked before each save. */
export function partsProblem({ view, others, map }: ViewRecord): string | undefined {
  const views = [view, ...others.flatMap(part => part.view ?? [])]
  const ids = views.flatMap(({ primary, backup }) => [primary.id, ...(backup === null ? [] : [backup.id])])
  if (new Set(ids).size < ids.length) return 'G1: one server in two groups'
  const problem = mapProblem(map)
  return problem === undefined ? undefined : `G8: ${problem}`
}

function partIn(group: number, { view, acked, lastAcked, highestToken }: GroupRecord): GroupPart {
  return { group, view, acked, lastAcked, highestToken }
}

/** The record before the one of view 1. A reset during view 1's pause waits as long, too. */
export function recordFrom({ record, cluster, groups, pauseMs, ttlMaxMs }: Founding, view: View): ViewRecord {
  const others = Array.from({ length: groups - 1 }, (_, i) => newPart(i + 1))
  return {
    record,
    cluster,
    view,
    acked: false,
    lastAcked: 0,
    highestToken: 0,
    others,
    map: firstMap(groups),
    groupsWanted: groups,
    longestTtlMs: Math.max(ttlMsDefault, pauseMs),
    ttlMaxMs,
    pauseMs,
    adopted: null,
    wire: wireVersion,
    format: recordFormat,
    nonce: '',
  }
}

/** G1: of a group that has no view yet, or no more (G8). */
function newPart(group: number, highestToken = 0): GroupPart {
  return { group, view: null, acked: false, lastAcked: 0, highestToken }
}
