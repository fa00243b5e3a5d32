// The metrics of a view server: what each is called and where its number is read. Nothing is counted
// here, and nothing is read before a scrape.

import type { Status } from '../../wire/messages.ts'
import type { Edge } from '../../wire/net/edge.ts'
import { type Refusals, samplesOf } from '../../wire/net/refusals.ts'
import type { ServerTls } from '../../wire/net/tls/server-tls.ts'
import { type AccessMeasured, accessMetrics } from '../../wire/serving/access-metrics.ts'
import { edgeMetrics } from '../../wire/serving/edge-metrics.ts'
import { byLabel, type Metric, type Sample } from '../../wire/serving/metrics.ts'
import { tlsMetrics } from '../../wire/serving/tls-metrics.ts'
import { slotsIn } from '../../wire/slots.ts'
import type { ViewCounts } from '../counts.ts'
import { gapMs, type PastView } from '../history.ts'
import { countsIn } from '../moves.ts'

export interface Measured {
  readonly status: Status
  readonly counts: ViewCounts
  /** Connections before their hello, and after. */
  readonly refusals: readonly Refusals[]
  readonly connections: number
  readonly edge: Edge
  /** Absent or null: it has no TLS. */
  readonly tls?: ServerTls | null
  readonly access: AccessMeasured
  readonly clients: number
  /** Why the service is not ready; null when it is. */
  readonly unready: string | null
  /** How many records could be saved with no more files or disk. */
  /** E3 */
  readonly active: boolean
  /** Null: the store needs none. */
  readonly reserve: number | null
}

/** `now` is called at each scrape. */
export function viewServerMetrics(now: () => Measured): Metric[] {
  return [
    ...gauges(now),
    ...groupGauges(now),
    lastGap(now),
    ...since(now),
    ...edgeMetrics(() => now().edge),
    ...accessMetrics(() => now().access),
    ...tlsMetrics(() => now().tls),
  ]
}

/** The state of the server now. */
function gauges(now: () => Measured): Metric[] {
  const gauge = (name: string, help: string, read: (measured: Measured) => number | boolean): Metric => ({
    name,
    help,
    type: 'gauge',
    read: () => Number(read(now())),
  })
  return [
    gauge(
      'holdfast_view_number',
      'Number of the view in force; 0 when there is none.',
      m => m.status.view?.number ?? 0,
    ),
    gauge(
      'holdfast_view_acked',
      '1 if the view is acked: its backup, if it has one, is in sync.',
      m => m.status.acked,
    ),
    gauge(
      'holdfast_ready',
      '1 while /readyz says that this server is ready: there is a primary.',
      m => m.unready === null,
    ),
    gauge(
      'holdfast_survivable_deaths',
      'How many more deaths of lock servers the service survives right now.',
      m => m.status.survives,
    ),
    gauge(
      'holdfast_halted',
      '1 when no view can be made any more without an operator: the state is lost, or another view server decides too.',
      m => m.status.halted !== null,
    ),
    gauge(
      'holdfast_active',
      '1 when this view server has the active mark and makes views; 0 when it is a standby.',
      m => m.active,
    ),
    gauge(
      'holdfast_recovery_waits',
      '1 while the state is lost unless it is recovered from the journals of lock servers.',
      m => m.status.recovery !== null,
    ),
    {
      name: 'holdfast_recovery_journals',
      help: 'While a recovery waits: journals that could be recovered, by whether their writer is surely gone, and servers that are waited for.',
      type: 'gauge',
      labels: ['state'],
      read: () => journalsOf(now().status),
    },
    gauge('holdfast_clients', 'Connected clients.', m => m.clients),
    gauge(
      'holdfast_connections',
      'Connections that are open or being made, to clients and servers.',
      m => m.connections,
    ),
    gauge(
      'holdfast_view_record_reserve',
      'How many view records could be saved if no more files or disk were to be had.',
      m => m.reserve ?? Number.POSITIVE_INFINITY,
    ),
    {
      name: 'holdfast_lock_servers',
      help: 'Lock servers that count, by the role that the view gives them and whether they are alive.',
      type: 'gauge',
      labels: ['role', 'state'],
      read: () => serversOf(now().status),
    },
  ]
}

/** G8 */
function groupGauges(now: () => Measured): Metric[] {
  const gauge = (name: string, help: string, read: (status: Status) => number): Metric => {
    return { name, help, type: 'gauge', read: () => read(now().status) }
  }
  return [
    gauge('holdfast_groups', 'Groups that have slots, or get some.', ({ map }) => map?.groups ?? 0),
    gauge('holdfast_groups_wanted', 'How many groups there are to be.', status => status.groupsWanted),
    {
      name: 'holdfast_group_slots',
      help: 'Slots of lock names that each group has.',
      type: 'gauge',
      labels: ['group'],
      read: () => slotsOf(now().status),
    },
    gauge(
      'holdfast_slots_moving',
      'Slots under way to another group, each as long as something in it is held, waited for, kept or remembered.',
      ({ map }) => map?.moves.reduce((sum, { slots }) => sum + slotsIn(slots).length, 0) ?? 0,
    ),
  ]
}

function slotsOf({ map }: Status): Sample[] {
  if (map === null) return []
  return countsIn(map, map.groups).has.map((value, group) => ({ labels: { group: String(group) }, value }))
}

function lastGap(now: () => Measured): Metric {
  return {
    name: 'holdfast_last_gap_seconds',
    help: 'How long no client was served at the last change of the view for a lost server, by group; no series before the first.',
    type: 'gauge',
    labels: ['group'],
    read: () => gapsOf(now().counts.history.views),
  }
}

/** What has happened since the server's start. */
function since(now: () => Measured): Metric[] {
  return [
    {
      name: 'holdfast_views_total',
      help: 'Views made since this view server started, by what they changed.',
      type: 'counter',
      labels: ['change'],
      read: () => byLabel('change', now().counts.views),
    },
    {
      name: 'holdfast_acks_total',
      help: 'Views acked since this view server started.',
      type: 'counter',
      read: () => now().counts.acks,
    },
    {
      name: 'holdfast_lock_server_deaths_total',
      help: 'Lock servers found dead, by how it was seen.',
      type: 'counter',
      labels: ['evidence'],
      read: () => byLabel('evidence', now().counts.deaths),
    },
    {
      name: 'holdfast_closed_connections_total',
      help: 'Accepted connections that this server refused or closed, by error code.',
      type: 'counter',
      labels: ['code'],
      read: () => samplesOf(now().refusals),
    },
    {
      name: 'holdfast_view_record_shortages_total',
      help: 'Tries to save a view record, or to hold room for the next ones, that failed for want of something.',
      type: 'counter',
      labels: ['lack'],
      read: () => byLabel('lack', now().counts.lacks),
    },
    {
      name: 'holdfast_view_record_save_seconds',
      help: 'How long the disk took for a view record.',
      type: 'histogram',
      read: () => now().counts.save,
    },
  ]
}

/** Of each group that has lost a server, the last gap that is over. */
function gapsOf(views: readonly PastView[]): Sample[] {
  const gaps = new Map<number, number>()
  for (const view of views) {
    const gap = gapMs(view)
    if (gap !== null) gaps.set(view.group, gap)
  }
  return [...gaps].map(([group, ms]) => ({ labels: { group: String(group) }, value: ms / 1_000 }))
}

/** D4 */
function journalsOf({ recovery }: Status): Sample[] {
  const found = recovery?.found ?? []
  const proven = found.filter(({ proof }) => proof !== null).length
  const counts = { proven, unproven: found.length - proven, waited_for: recovery?.waitedFor.length ?? 0 }
  return byLabel('state', counts)
}

function serversOf({ servers }: Status): Sample[] {
  return ['primary', 'backup', 'idle'].flatMap(role =>
    ['alive', 'dead'].map(state => ({
      labels: { role, state },
      value: servers.filter(server => server.role === role && server.alive === (state === 'alive')).length,
    })),
  )
}
