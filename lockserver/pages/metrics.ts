// The metrics of a lock server: what each is called and where its number is read. Nothing is counted
// here, and nothing is read before a scrape.

import type { Edge } from '../../wire/net/edge.ts'
import { type Refusals, samplesOf } from '../../wire/net/refusals.ts'
import type { ServerTls } from '../../wire/net/tls/server-tls.ts'
import { type AccessMeasured, accessMetrics } from '../../wire/serving/access-metrics.ts'
import { edgeMetrics } from '../../wire/serving/edge-metrics.ts'
import { byLabel, type Metric, type Sample, stateOf } from '../../wire/serving/metrics.ts'
import { tlsMetrics } from '../../wire/serving/tls-metrics.ts'
import type { ServerCore } from '../core.ts'
import type { ServerCounts } from '../counts.ts'
import type { Vitals } from '../vitals.ts'
import { type JournalMeasured, journalMetrics } from './journal-metrics.ts'

export interface Measured {
  readonly core: ServerCore
  readonly vitals: Vitals
  readonly counts: ServerCounts
  /** Connections before the hello, and after it. */
  readonly refusals: readonly Refusals[]
  readonly connections: number
  readonly edge: Edge
  /** Absent or null: it has no TLS. */
  readonly tls?: ServerTls | null
  /** Null: it has none. */
  readonly journal: JournalMeasured | null
  readonly access: AccessMeasured
  readonly longestHoldMs: number
  readonly longestWaitMs: number
  readonly longestQueue: number
  /** Why the server is not ready; null when it is. */
  readonly unready: string | null
}

/** `now` is called at each scrape. */
export function lockServerMetrics(now: () => Measured): Metric[] {
  return [
    ...standing(now),
    ...vitals(now),
    ...longest(now),
    ...counters(now),
    overQuota(now),
    wrongKeys(now),
    notAllowed(now),
    ...histograms(now),
    ...journalMetrics(() => now().journal),
    ...edgeMetrics(() => now().edge),
    ...tlsMetrics(() => now().tls),
    ...accessMetrics(() => now().access),
  ]
}

/** Where the server stands. */
function standing(now: () => Measured): Metric[] {
  return [
    {
      name: 'holdfast_view_number',
      help: 'Number of the newest view that this server knows; 0 when it knows none.',
      type: 'gauge',
      read: () => now().core.view?.number ?? 0,
    },
    {
      name: 'holdfast_role',
      help: 'Role of this lock server: 1 for the one that it has.',
      type: 'gauge',
      labels: ['role'],
      read: () => stateOf('role', ['primary', 'backup', 'idle'], now().core.role),
    },
    {
      name: 'holdfast_ready',
      help: '1 while /readyz says that this server is ready.',
      type: 'gauge',
      read: () => (now().unready === null ? 1 : 0),
    },
    {
      name: 'holdfast_connections',
      help: 'Connections that are open or being made, to clients and servers.',
      type: 'gauge',
      read: () => now().connections,
    },
  ]
}

/** How the server is. */
function vitals(now: () => Measured): Metric[] {
  const vital = (name: string, help: string, read: (vitals: Vitals) => number | boolean): Metric => ({
    name,
    help,
    type: 'gauge',
    read: () => Number(read(now().vitals)),
  })
  return [
    vital('holdfast_operation_number', 'Number of the last operation in the state.', v => v.opNumber),
    vital(
      'holdfast_replication_lag_entries',
      'Primary: entries that its backup has not applied. Backup: entries received and not applied.',
      v => v.lag,
    ),
    vital(
      'holdfast_state_transfer_copied_ratio',
      'Primary: how much of its state it has copied to the backup of this view.',
      v => v.copiedPart / 100,
    ),
    vital(
      'holdfast_in_sync',
      'Primary: 1 if its view is in force with the backup in sync. Backup: 1 if it was told so.',
      v => v.inSync,
    ),
    vital(
      'holdfast_view_server_connected',
      '1 while this server is connected to a view server.',
      v => v.viewServerConnected,
    ),
    vital(
      'holdfast_unreachable_servers',
      'Primary: addresses of lock servers that it reports as unreachable.',
      v => v.unreachable,
    ),
    vital('holdfast_clients', 'Connected clients.', v => v.clients),
    vital('holdfast_sessions', 'Sessions in the state.', v => v.sessions),
    vital('holdfast_locks', 'Lock names that a client holds or waits for.', v => v.locks),
    vital('holdfast_locks_held', 'Holds: one for each holder of each lock.', v => v.held),
    vital('holdfast_locks_kept', 'Holds that are kept for no client, until their time is over.', v => v.kept),
    vital(
      'holdfast_once_keys',
      'Keys of what runs once: those that run, and those that are kept.',
      v => v.keys,
    ),
    vital('holdfast_state_used_ratio', 'How much of what the state may take it takes.', v => v.used),
    vital('holdfast_waiters', 'Acquires that wait in queues.', v => v.waiting),
    vital(
      'holdfast_parked_requests',
      'Requests that wait for a joining backup to catch up, or for a leaving server.',
      v => v.parked,
    ),
  ]
}

/** Of a few seconds ago, at most: they are looked for in pieces. */
function longest(now: () => Measured): Metric[] {
  return [
    {
      name: 'holdfast_longest_hold_seconds',
      help: 'How long the oldest hold that a client has is held.',
      type: 'gauge',
      read: () => now().longestHoldMs / 1_000,
    },
    {
      name: 'holdfast_longest_wait_seconds',
      help: 'How long the acquire that waits longest has waited for the lock that it waits for.',
      type: 'gauge',
      read: () => now().longestWaitMs / 1_000,
    },
    {
      name: 'holdfast_longest_queue',
      help: 'Acquires that wait for the lock that most wait for.',
      type: 'gauge',
      read: () => now().longestQueue,
    },
  ]
}

function counters(now: () => Measured): Metric[] {
  const count = (name: string, help: string, read: (counts: ServerCounts) => number): Metric => ({
    name,
    help,
    type: 'counter',
    read: () => read(now().counts),
  })
  return [
    {
      name: 'holdfast_operations_total',
      help: 'What clients asked of this primary and what came of it; an acquire is counted when it ends, not while it waits.',
      type: 'counter',
      labels: ['operation', 'outcome'],
      read: () => operationsOf(now().counts),
    },
    {
      name: 'holdfast_refused_requests_total',
      help: 'Requests that were refused for a limit, by error code.',
      type: 'counter',
      labels: ['code'],
      read: () => byLabel('code', now().counts.refused),
    },
    {
      name: 'holdfast_closed_connections_total',
      help: 'Accepted connections that this server refused or closed, by error code.',
      type: 'counter',
      labels: ['code'],
      read: () => samplesOf(now().refusals),
    },
    {
      name: 'holdfast_session_ends_total',
      help: 'Sessions that are over: ended by their client, abandoned by it, or expired.',
      type: 'counter',
      labels: ['reason'],
      read: () => byLabel('reason', now().counts.sessionEnds),
    },
    {
      name: 'holdfast_losses_total',
      help: 'Holds that were taken away: stolen, forced by an operator, or held for too long.',
      type: 'counter',
      labels: ['reason'],
      read: () => [
        { labels: { reason: 'stolen' }, value: now().counts.losses.STOLEN },
        { labels: { reason: 'forced' }, value: now().counts.losses.FORCED },
        { labels: { reason: 'held_too_long' }, value: now().counts.losses.HELD_TOO_LONG },
      ],
    },
    {
      name: 'holdfast_state_transfers_total',
      help: 'Copies of the state that this primary has sent: completed, or cut before they were whole.',
      type: 'counter',
      labels: ['outcome'],
      read: () => byLabel('outcome', now().counts.transfers),
    },
    count('holdfast_renewals_total', 'Leases renewed at this primary.', c => c.renewals),
    count('holdfast_queries_total', 'Lists of locks or clients that were asked for.', c => c.queries),
    count('holdfast_views_learned_total', 'Views that this server has come to know.', c => c.views),
    count(
      'holdfast_step_downs_total',
      'Times that this server gave up its role and state.',
      c => c.stepDowns,
    ),
    count(
      'holdfast_digest_mismatches_total',
      'Times that the backup had another state than this primary.',
      c => c.digestsDiffered,
    ),
  ]
}

/** B7 */
function overQuota(now: () => Measured): Metric {
  return {
    name: 'holdfast_over_quota_total',
    help: 'What was refused for a quota of an address, by quota.',
    type: 'counter',
    labels: ['quota'],
    read: () => byLabel('quota', now().counts.overQuota),
  }
}

/** C9 */
function wrongKeys(now: () => Measured): Metric {
  return {
    name: 'holdfast_wrong_session_keys_total',
    help: 'Opens, resumes and abandons that named a session and showed another key than its own.',
    type: 'counter',
    read: () => now().counts.wrongKeys,
  }
}

/** A2 */
function notAllowed(now: () => Measured): Metric {
  return {
    name: 'holdfast_not_allowed_total',
    help: 'Requests that the access rules did not allow, by the verb that was missing.',
    type: 'counter',
    labels: ['verb'],
    read: () => byLabel('verb', now().counts.notAllowed),
  }
}

function histograms(now: () => Measured): Metric[] {
  return [
    {
      name: 'holdfast_lock_wait_seconds',
      help: 'From an acquire until it was granted.',
      type: 'histogram',
      read: () => now().counts.wait,
    },
    {
      name: 'holdfast_lock_hold_seconds',
      help: 'From the grant of a lock until that hold ended.',
      type: 'histogram',
      read: () => now().counts.hold,
    },
    {
      name: 'holdfast_lock_hand_over_seconds',
      help: 'From what freed a lock until its next holder was told, which waits for the backup.',
      type: 'histogram',
      read: () => now().counts.handOver,
    },
    {
      name: 'holdfast_replication_round_trip_seconds',
      help: 'From sending a batch to the backup until it had applied it; one batch at a time is measured.',
      type: 'histogram',
      read: () => now().counts.roundTrip,
    },
    {
      name: 'holdfast_state_transfer_seconds',
      help: 'Copies of the state, from the first chunk until the backup held all of it.',
      type: 'histogram',
      read: () => now().counts.transfer,
    },
  ]
}

function operationsOf({ operations }: ServerCounts): Sample[] {
  return Object.entries(operations).map(([key, value]) => {
    const [operation = '', outcome = ''] = key.split(' ')
    return { labels: { operation, outcome }, value }
  })
}
