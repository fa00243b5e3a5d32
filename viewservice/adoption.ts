// E7 as a pure function: from what lock servers say, the view record that was lost; or what is missing, and who
// could know better. It knows no socket, no clock and no store. Silence and refusals prove nothing here.

import { ttlMsMax } from '../wire/limits.ts'
import type { Server, SlotMap, Testimony, View } from '../wire/messages.ts'
import { endOf, firstMap, floorOf } from '../wire/slots.ts'
import { recordFormat, wireVersion } from '../wire/version.ts'
import type { ViewRecord } from './record.ts'

/** What an operator vouches for, since no server can. */
export interface Words {
  /** No forced reset was made since the newest view that is told of. */
  readonly noResetSince: boolean
  /** Of each of these ids: neither it nor a server that went on after it runs any more. */
  readonly nobodyElse: readonly string[]
}

export type Adoption =
  | { readonly is: 'adopted'; readonly record: ViewRecord }
  /** `servers`: who could know better, each needs a word; `word`: one about resets is missing, too. */
  | {
      readonly is: 'missing'
      readonly view: View
      readonly servers: readonly Server[]
      readonly word: boolean
    }
  | { readonly is: 'refused'; readonly reason: string }

/** `id`: of this adoption, random. */
export function adoptionOf(told: readonly Testimony[], words: Words, id: string): Adoption {
  const clusters = new Set(told.flatMap(each => (knows(each) ? (each.cluster ?? []) : [])))
  if (clusters.size > 1)
    return refused(`they tell of different clusters: ${[...clusters].join(', ')}; name the servers of one`)
  const [cluster] = clusters
  const groups = Array.from({ length: groupsIn(told) }, (_, group) => groupOf(told, group))
  const unknown = groups.findIndex(({ view }) => view === null)
  if (cluster === undefined || unknown >= 0)
    return refused(`no server that answers knows a view${groups.length > 1 ? ` of group ${unknown}` : ''}`)
  const active = told.find(each => each.viewServer !== null)
  if (active !== undefined)
    return refused(
      `${active.address} is connected to the active view server ${active.viewServer}: no record is lost`,
    )
  const parts = groups.flatMap(({ told: of, view }) => (view === null ? [] : { view, told: of }))
  const missing = parts.map(({ view, told: of }) => {
    return { view, servers: unheard(view, of).filter(server => !words.nobodyElse.includes(server.id)) }
  })
  const servers = missing.flatMap(part => part.servers)
  const [first] = [...missing.filter(part => part.servers.length > 0), ...missing]
  if (first !== undefined && (servers.length > 0 || !words.noResetSince))
    return { is: 'missing', view: first.view, servers, word: !words.noResetSince }
  const map = newestMap(told, parts.length)
  const ahead = told.find(({ actedBy }) => actedBy > Math.max(map.number, 1))
  if (ahead !== undefined)
    return refused(
      `the state of ${ahead.address} has moved slots by map ${ahead.actedBy}, and no server that answers knows a newer map than ${map.number}; name a lock server that does`,
    )
  return { is: 'adopted', record: recordOf(cluster, parts, map, id) }
}

/** G1: as many as are told of. */
function groupsIn(told: readonly Testimony[]): number {
  const map = newestMap(told, 0)
  // G8: a server may still tell of a group that has ended.
  const named = told.flatMap(({ view, imprint }) => {
    return [view, imprint && { group: imprint.group, number: imprint.view }].flatMap(each =>
      each !== null && each.number > endOf(map, each.group) ? each.group : [],
    )
  })
  return Math.max(1 + Math.max(0, ...named), ...told.map(({ map }) => map?.groups ?? 1))
}

function newestMap(told: readonly Testimony[], groups: number): SlotMap {
  return told.reduce((best, { map }) => (map !== null && map.number > best.number ? map : best), {
    ...firstMap(groups),
    number: 0,
  })
}

/** G1: what they say of this group, and its newest view. */
function groupOf(told: readonly Testimony[], group: number) {
  const of = told.map(each => {
    const view = each.view?.group === group ? each.view : null
    const imprint = each.imprint?.group === group ? each.imprint : null
    return each.group === group ? { ...each, view, imprint } : { ...each, ...noPart, view, imprint }
  })
  return { told: of, view: newestView(of) }
}

/** What a server is to a group that it has no part in. */
const noPart = { role: 'idle', acked: false, latched: false, recovering: false, token: 0 } as const

interface Part {
  readonly view: View
  readonly told: readonly Testimony[]
}

function refused(reason: string): Adoption {
  return { is: 'refused', reason }
}

function knows({ view, imprint }: Testimony): boolean {
  return view !== null || imprint !== null
}

function newestView(told: readonly Testimony[]): View | null {
  const views = told.flatMap(({ view, imprint }) => [
    ...(view === null ? [] : [view]),
    ...(imprint === null ? [] : writtenView(told, imprint.view)),
  ])
  return views.reduce<View | null>(
    (best, view) => (best !== null && best.number >= view.number ? best : view),
    null,
  )
}

/** The view that these journals are of. Its primary, if only the backup's is there, is that backup: it has the state. */
function writtenView(told: readonly Testimony[], number: number): View[] {
  const of = told.flatMap(({ imprint }) => (imprint?.view === number ? [imprint] : []))
  const primary = of.find(({ as }) => as === 'primary') ?? of[0]
  const backup = of.find(({ as, id }) => as === 'backup' && id !== primary?.id)
  if (primary === undefined) return []
  return [
    {
      group: primary.group,
      number,
      primary: serverOf(primary),
      backup: backup ? serverOf(backup) : null,
      durability: 'disk',
      start: null,
    },
  ]
}

function serverOf({ id, address }: Server): Server {
  return { id, address }
}

/**
 * Who might have gone on from this view and does not say that it has not. The next view has the primary or the backup as
 * its primary (V2): while both are heard, no server operates in it. While the primary has not latched, no backup was told
 * that it is in sync, and only the primary can go on (V3). Any of the choice could have recovered after a recovery view.
 */
function unheard(view: View, told: readonly Testimony[]): Server[] {
  const isHeard = ({ id }: Server) => told.some(each => each.id === id)
  const primary = told.find(({ id }) => id === view.primary.id)
  const choice = view.start?.choice ?? null
  if (choice !== null && (primary === undefined || primary.recovering)) {
    const all = [
      view.primary,
      choice.primary,
      ...(choice.backup === null ? [] : [choice.backup]),
      ...choice.since,
    ]
    return all.map(serverOf).filter(server => !isHeard(server))
  }
  const isOpen = primary !== undefined && ((primary.view?.number ?? 0) < view.number || !primary.latched)
  if (isOpen) return []
  return [view.primary, ...(view.backup === null ? [] : [view.backup])].filter(server => !isHeard(server))
}

function recordOf(cluster: string, parts: readonly Part[], map: SlotMap, adopted: string): ViewRecord {
  const [first, ...others] = parts.map(part => partOf(part, map))
  if (first === undefined) throw new Error('broken invariant: E7: a record without a view')
  const { ttls: _, ...own } = first
  const all = [first, ...others]
  return {
    ...{ record: 1, cluster, ...own },
    others: others.map(({ ttls: _ttls, ...part }) => ({ group: part.view.group, ...part })),
    map: map.number === 0 ? { ...map, number: 1 } : map,
    groupsWanted: all.length,
    longestTtlMs: all.some(({ ttls }) => ttls.length === 0)
      ? ttlMsMax
      : Math.max(...all.flatMap(({ ttls }) => ttls)),
    ...{ ttlMaxMs: ttlMsMax, pauseMs: ttlMsMax, adopted },
    ...{ wire: wireVersion, format: recordFormat, nonce: `${adopted}-0` },
  }
}

/** `ttls`: the longest that each server with a part knows; none: nobody with a part is there. */
function partOf({ view, told }: Part, map: SlotMap) {
  const inView = told.filter(each => each.view?.number === view.number || each.imprint?.view === view.number)
  const acked = inView.some(
    each =>
      (each.acked && each.view?.number === view.number) ||
      (each.imprint?.view === view.number && (each.imprint.as === 'primary' || each.imprint.told)),
  )
  // Who has, or had, a part in the view knows the longest ttl that was ever confirmed.
  const parts = inView.filter(({ role, imprint }) => role !== 'idle' || imprint !== null)
  const ttls = parts.flatMap(({ longestTtlMs, imprint }) => [longestTtlMs, imprint?.longestTtlMs ?? 0])
  return {
    view,
    acked,
    lastAcked: acked ? view.number : view.number - 1,
    highestToken: Math.max(floorOf(map, view.group), ...told.map(({ token }) => token)),
    ttls,
  }
}
