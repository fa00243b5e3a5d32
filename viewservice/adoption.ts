// E7 as a pure function: from what lock servers say, the view record that was lost; or what is missing, and who
// could know better. It knows no socket, no clock and no store. Silence and refusals prove nothing here.

import { ttlMsMax } from '../wire/limits.ts'
import type { Server, Testimony, View } from '../wire/messages.ts'
import { firstMap } from '../wire/slots.ts'
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
  const view = newestView(told)
  if (cluster === undefined || view === null) return refused('no server that answers knows a view')
  const active = told.find(each => each.viewServer !== null)
  if (active !== undefined)
    return refused(
      `${active.address} is connected to the active view server ${active.viewServer}: no record is lost`,
    )
  const servers = unheard(view, told).filter(server => !words.nobodyElse.includes(server.id))
  if (servers.length > 0 || !words.noResetSince)
    return { is: 'missing', view, servers, word: !words.noResetSince }
  return { is: 'adopted', record: recordOf(cluster, view, told, id) }
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

function recordOf(cluster: string, view: View, told: readonly Testimony[], adopted: string): ViewRecord {
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
    record: 1,
    cluster,
    view,
    acked,
    lastAcked: acked ? view.number : view.number - 1,
    highestToken: Math.max(0, ...told.map(({ token }) => token)),
    others: [],
    map: firstMap(1),
    longestTtlMs: ttls.length === 0 ? ttlMsMax : Math.max(...ttls),
    ttlMaxMs: ttlMsMax,
    pauseMs: ttlMsMax,
    adopted,
    wire: wireVersion,
    format: recordFormat,
    nonce: `${adopted}-0`,
  }
}
