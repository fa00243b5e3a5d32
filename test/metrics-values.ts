// What each metric of both servers says of what is known: its value, its unit, its labels, and that nothing else moves
// with it. How the numbers move with the work of a whole cluster is shown by metrics.ts.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import t from 'tap'
import type { ServerCore } from '../lockserver/core.ts'
import { type Noted, ServerCounts } from '../lockserver/counts.ts'
import type { JournalMeasured } from '../lockserver/pages/journal-metrics.ts'
import { lockServerMetrics } from '../lockserver/pages/metrics.ts'
import type { Fact, Output } from '../lockserver/state/facts.ts'
import type { Session } from '../lockserver/state/sessions.ts'
import type { Vitals } from '../lockserver/vitals.ts'
import { ViewCounts } from '../viewservice/counts.ts'
import { viewServerMetrics } from '../viewservice/pages/metrics.ts'
import { boundsMs, Histogram } from '../wire/histogram.ts'
import { receivingBytesMax, unreadBytesMax } from '../wire/limits.ts'
import type { DiskFigures, RecoveryStatus, ServerStatus, Status, View } from '../wire/messages.ts'
import { Edge, type Guest } from '../wire/net/edge.ts'
import { Refusals } from '../wire/net/refusals.ts'
import { edgeMetrics } from '../wire/serving/edge-metrics.ts'
import { type Metric, Metrics } from '../wire/serving/metrics.ts'
import { ProcessMetrics } from '../wire/serving/process-metrics.ts'
import { firstMap } from '../wire/slots.ts'
import { wireVersion } from '../wire/version.ts'
import { until } from './fixtures/deadline.ts'
import { Scrape } from './fixtures/scrape.ts'

type Values = Record<string, number>

/** All series that are not 0; buckets are left out. */
async function valuesOf(metrics: readonly Metric[]): Promise<Values> {
  const { families } = new Scrape(await new Metrics(metrics).text())
  const all = [...families.values()].flatMap(({ name, series }) =>
    [...series].map(([rest, value]) => [name + rest, value] as const),
  )
  return Object.fromEntries(all.filter(([name, value]) => value !== 0 && !name.includes('_bucket')))
}

/** By how much each has grown. */
function grown(before: Values, after: Values): Values {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return Object.fromEntries(
    names.flatMap(name => {
      const by = (after[name] ?? 0) - (before[name] ?? 0)
      return by === 0 ? [] : [[name, Number(by.toFixed(6))]]
    }),
  )
}

const room = { sockets: 60, strangers: 11, servers: 12, clients: 13, distantClients: 9 }

function edge(): Edge {
  return new Edge(
    room,
    { connectionsPerAddress: null, framesPerAddress: null },
    { connectionsPerAddress: 5, framesPerAddress: 5 },
  )
}

const emptyEdge: Values = {
  'holdfast_sockets_max{standing="stranger"}': 11,
  'holdfast_sockets_max{standing="client"}': 13,
  'holdfast_sockets_max{standing="server"}': 12,
  'holdfast_held_bytes_max{what="receiving"}': receivingBytesMax,
  'holdfast_held_bytes_max{what="unread"}': unreadBytesMax,
}

/** Closed connections of each side: before the hello, and after it. */
function refusals(): Refusals[] {
  const [before, after] = [new Refusals(), new Refusals()]
  for (const code of ['BAD_MESSAGE', 'BAD_MESSAGE', 'WRONG_SECRET'] as const) before.count(code)
  for (const code of ['BAD_MESSAGE', 'TOO_LARGE'] as const) after.count(code)
  return [before, after]
}

const refused: Values = {
  'holdfast_closed_connections_total{code="BAD_MESSAGE"}': 3,
  'holdfast_closed_connections_total{code="WRONG_SECRET"}': 1,
  'holdfast_closed_connections_total{code="TOO_LARGE"}': 1,
}

const vitals: Vitals = {
  opNumber: 101,
  lag: 102,
  copiedPart: 25,
  inSync: true,
  viewServerConnected: true,
  unreachable: 103,
  clients: 104,
  parked: 105,
  sessions: 106,
  locks: 107,
  held: 108,
  waiting: 109,
  kept: 111,
  keys: 112,
  used: 0.75,
}

function ofLockServer(
  counts: ServerCounts,
  vital: Vitals = vitals,
  unready: string | null = null,
  journal: JournalMeasured | null = null,
): Metric[] {
  const core = { view: { number: 7 }, role: 'backup' } as unknown as ServerCore
  const known = {
    core,
    vitals: vital,
    counts,
    refusals: refusals(),
    connections: 110,
    edge: edge(),
    access: { problem: 'spoilt', spoilt: 301, keys: [{ issuer: 'login', problem: 'away', spoilt: 303 }] },
    longestHoldMs: 1_500,
    longestWaitMs: 2_500,
    longestQueue: 113,
    journal,
    unready,
  }
  return lockServerMetrics(() => known)
}

t.test('each gauge of a lock server says what it is called after, in its unit', async t => {
  t.same(await valuesOf(ofLockServer(new ServerCounts())), {
    ...emptyEdge,
    holdfast_access_file_spoilt: 1,
    holdfast_access_file_spoilt_total: 301,
    'holdfast_access_keys_spoilt{issuer="login"}': 1,
    'holdfast_access_keys_spoilt_total{issuer="login"}': 303,
    ...refused,
    holdfast_view_number: 7,
    'holdfast_role{role="backup"}': 1,
    holdfast_ready: 1,
    holdfast_connections: 110,
    holdfast_operation_number: 101,
    holdfast_replication_lag_entries: 102,
    holdfast_state_transfer_copied_ratio: 0.25,
    holdfast_in_sync: 1,
    holdfast_view_server_connected: 1,
    holdfast_unreachable_servers: 103,
    holdfast_clients: 104,
    holdfast_parked_requests: 105,
    holdfast_sessions: 106,
    holdfast_locks: 107,
    holdfast_locks_held: 108,
    holdfast_waiters: 109,
    holdfast_locks_kept: 111,
    holdfast_once_keys: 112,
    holdfast_longest_hold_seconds: 1.5,
    holdfast_longest_wait_seconds: 2.5,
    holdfast_longest_queue: 113,
    holdfast_state_used_ratio: 0.75,
  })
  const apart = { ...vitals, inSync: false }
  const other = await valuesOf(ofLockServer(new ServerCounts(), apart, 'no view yet'))
  t.same([other.holdfast_ready, other.holdfast_in_sync], [undefined, undefined])
})

t.test('D1, D7, D8: each gauge of a journal, and no series without one', async t => {
  const syncTimes = new Histogram()
  syncTimes.observe(4)
  const figures: DiskFigures = {
    imprint: { view: 7, as: 'backup', told: true, opNumber: 301 },
    bytes: 302,
    freeBytes: 303,
    syncAgeMs: 4_000,
    unsyncedMs: 5_000,
    syncP50Us: 1,
    syncP99Us: 2,
    spoilt: 'segment-000001-512 at 0: another magic',
  }
  const of = (journal: JournalMeasured | null) =>
    valuesOf(ofLockServer(new ServerCounts(), vitals, null, journal))
  const without = await of(null)
  t.same(
    Object.keys(without).filter(name => name.includes('journal')),
    [],
  )
  t.same(grown(without, await of({ figures, low: true, syncTimes })), {
    holdfast_journal_view: 7,
    holdfast_journal_operation_number: 301,
    holdfast_journal_bytes: 302,
    holdfast_journal_free_bytes: 303,
    holdfast_journal_low: 1,
    holdfast_journal_spoilt: 1,
    holdfast_journal_sync_age_seconds: 4,
    holdfast_journal_unsynced_seconds: 5,
    ...length('journal_sync', 0.004),
  })
  const young = { ...figures, imprint: null, freeBytes: null, syncAgeMs: null, spoilt: null, unsyncedMs: 0 }
  t.same(
    grown(without, await of({ figures: { ...young, bytes: 0 }, low: false, syncTimes: new Histogram() })),
    {},
  )
})

const session = {} as Session
const output = (...message: Output): Fact => ({ is: 'output', session, message })
const operation = (name: string, outcome: string): Values => ({
  [`holdfast_operations_total{operation="${name}",outcome="${outcome}"}`]: 1,
})
const labelled = (name: string, label: string, value: string): Values => ({
  [`holdfast_${name}_total{${label}="${value}"}`]: 1,
})
const refusal = (code: string) => labelled('refused_requests', 'code', code)
const length = (name: string, seconds: number): Values => ({
  [`holdfast_${name}_seconds_sum`]: seconds,
  [`holdfast_${name}_seconds_count`]: 1,
})

const done = { token: 5, clientId: 'a', clientName: 'a', grantedAt: 1, endedAt: null }

/** What an operation does, and all that its primary counts for it. */
const facts: readonly (readonly [Fact, Values])[] = [
  [output('released', 1, true), operation('release', 'released')],
  [output('released', 1, false), operation('release', 'not_held')],
  [output('unavailable', 1), operation('acquire', 'unavailable')],
  [output('cancelled', 1), operation('acquire', 'cancelled')],
  [output('done-before', 1, done), operation('acquire', 'done_before')],
  [output('not-this', 1, null), operation('acquire', 'not_this')],
  [output('noted', 1, true), operation('set-note', 'noted')],
  [output('noted', 1, false), operation('set-note', 'not_held')],
  [output('cancel-done', 1, 'cancelled', null), operation('cancel', 'cancelled')],
  [output('cancel-done', 1, 'released', null), operation('cancel', 'released')],
  [output('cancel-done', 1, 'nothing', null), operation('cancel', 'nothing')],
  [output('force-released', 1, 2, null), operation('force-release', 'released')],
  [output('force-released', 1, 0, null), operation('force-release', 'not_held')],
  [output('key-forgotten', 1, true, done), operation('forget-key', 'forgotten')],
  [output('key-forgotten', 1, false, null), operation('forget-key', 'not_forgotten')],
  [output('ended', 1), operation('end', 'ended')],
  [output('lost', 5, 'STOLEN'), labelled('losses', 'reason', 'stolen')],
  [output('lost', 5, 'FORCED'), labelled('losses', 'reason', 'forced')],
  [output('lost', 5, 'HELD_TOO_LONG'), labelled('losses', 'reason', 'held_too_long')],
  ...(
    [
      'LOCKS_LIMIT',
      'WAITERS_LIMIT',
      'UNANSWERED_LIMIT',
      'STATE_LIMIT',
      'PERMITS_DIFFER',
      'ONCE_KEYS_LIMIT',
      'AT_LEAST_OUT_OF_RANGE',
    ] as const
  ).map(
    code =>
      [output('refused', 1, code, ''), { ...operation('acquire', 'refused'), ...refusal(code) }] as const,
  ),
  [
    {
      is: 'granted',
      session,
      message: ['granted', 1, [5]],
      waitedMs: 1_500,
      handed: true,
    } as unknown as Fact,
    { ...operation('acquire', 'granted'), ...length('lock_wait', 1.5) },
  ],
  [{ is: 'freed', heldMs: 2_500 }, length('lock_hold', 2.5)],
  ...(['ended', 'expired', 'abandoned'] as const).map(
    how => [{ is: 'dropped', session, how }, labelled('session_ends', 'reason', how)] as const,
  ),
  ...(['sessions', 'locks', 'waiters', 'memory'] as const).map(
    quota => [{ is: 'over quota', quota }, labelled('over_quota', 'quota', quota)] as const,
  ),
  [{ is: 'opened', session }, {}],
]

t.test('S1, S5: each outcome, refusal, loss and end is counted once, under its own label', async t => {
  const counts = new ServerCounts()
  const metrics = ofLockServer(counts)
  for (const [fact, expected] of facts) {
    const before = await valuesOf(metrics)
    counts.fact(fact)
    t.same(grown(before, await valuesOf(metrics)), expected, JSON.stringify(fact))
  }
})

/** What a server notes at a time in ms, in this order, and all that it counts for it. */
const notes: readonly (readonly [Noted, number, Values])[] = [
  [{ is: 'renewal' }, 0, { holdfast_renewals_total: 1 }],
  [{ is: 'query' }, 0, { holdfast_queries_total: 1 }],
  [{ is: 'wrong key' }, 0, { holdfast_wrong_session_keys_total: 1 }],
  [{ is: 'not allowed', verb: 'steal' }, 0, labelled('not_allowed', 'verb', 'steal')],
  [{ is: 'view' }, 0, { holdfast_views_learned_total: 1 }],
  [{ is: 'step-down' }, 0, { holdfast_step_downs_total: 1 }],
  [{ is: 'digest differs' }, 0, { holdfast_digest_mismatches_total: 1 }],
  [{ is: 'session opened' }, 0, operation('open', 'opened')],
  ...(['SESSIONS_LIMIT', 'TTL_OUT_OF_RANGE'] as const).map(
    code => [{ is: 'open refused', code }, 0, { ...operation('open', 'refused'), ...refusal(code) }] as const,
  ),
  ...(['watches', 'queries'] as const).map(
    quota => [{ is: 'over quota', quota }, 0, labelled('over_quota', 'quota', quota)] as const,
  ),
  [{ is: 'handed over', since: 1_000 }, 1_007, length('lock_hand_over', 0.007)],
  // R1: one batch is timed, until it is applied; one before it is no answer to it.
  [{ is: 'batches applied', sequence: 7 }, 5, {}],
  [{ is: 'batch sent', sequence: 8 }, 10, {}],
  [{ is: 'batch sent', sequence: 9 }, 11, {}],
  [{ is: 'batches applied', sequence: 7 }, 12, {}],
  [{ is: 'batches applied', sequence: 9 }, 40, length('replication_round_trip', 0.03)],
  [{ is: 'batches applied', sequence: 9 }, 50, {}],
  // R3: a copy is whole or cut; the end of the stream behind a whole one is neither.
  [{ is: 'transfer begun' }, 100, {}],
  [
    { is: 'transferred' },
    350,
    { ...labelled('state_transfers', 'outcome', 'completed'), ...length('state_transfer', 0.25) },
  ],
  [{ is: 'transferred' }, 360, {}],
  [{ is: 'batch sent', sequence: 10 }, 400, {}],
  [{ is: 'stream ended' }, 400, {}],
  [{ is: 'batches applied', sequence: 10 }, 401, {}],
  [{ is: 'transfer begun' }, 500, {}],
  [{ is: 'stream ended' }, 501, labelled('state_transfers', 'outcome', 'cut')],
  [{ is: 'stream ended' }, 502, {}],
]

t.test('R1, R3: what a server notes is counted once, and timed from its beginning to its end', async t => {
  const counts = new ServerCounts()
  const metrics = ofLockServer(counts)
  for (const [noted, now, expected] of notes) {
    const before = await valuesOf(metrics)
    counts.note(noted, now)
    t.same(grown(before, await valuesOf(metrics)), expected, `${JSON.stringify(noted)} at ${now}`)
  }
})

t.test('a histogram tells seconds: bounds, cumulative buckets, sum and count', async t => {
  const lengths = new Histogram()
  for (const ms of [0.1, 3, 3, 1_000, 400_000]) lengths.observe(ms)
  const metric: Metric = { name: 'x_seconds', help: 'X.', type: 'histogram', read: () => lengths }
  const scrape = new Scrape(await new Metrics([metric]).text())
  const bucket = (le: string) => scrape.value('x_seconds', `_bucket{le="${le}"}`)
  for (const ms of boundsMs) {
    const upTo = [0.1, 3, 3, 1_000, 400_000].filter(each => each <= ms).length
    t.equal(bucket(String(ms / 1_000)), upTo, `up to ${ms} ms`)
  }
  t.equal(bucket('+Inf'), 5)
  t.equal(scrape.value('x_seconds', '_count'), 5)
  t.equal(scrape.value('x_seconds', '_sum').toFixed(6), '401.006100')
})

function server(role: ServerStatus['role'], alive: boolean): ServerStatus {
  return { role, alive } as ServerStatus
}

const servers = [
  server('primary', true),
  server('backup', false),
  server('idle', true),
  server('idle', true),
  server('idle', false),
]

function ofViewServer(counts: ViewCounts, more: Partial<Status> = {}): Metric[] {
  const moves = [{ number: 2, from: 0, to: 1, slots: [4_000, 4_006] }]
  const none = { recovery: null, map: { ...firstMap(1), groups: 2, moves }, groupsWanted: 3 }
  const status = {
    view: { number: 9 },
    acked: true,
    servers,
    survives: 4,
    halted: null,
    ...none,
    ...more,
  } as Status
  const unready = status.view === null ? 'no view yet' : null
  const about = {
    status,
    counts,
    unready,
    refusals: refusals(),
    edge: edge(),
    access: { problem: null, spoilt: 302, keys: [] },
  }
  return viewServerMetrics(() => ({ ...about, clients: 201, active: true, connections: 202, reserve: 203 }))
}

t.test('each gauge of a view server says what it is called after', async t => {
  t.same(await valuesOf(ofViewServer(new ViewCounts())), {
    ...emptyEdge,
    holdfast_access_file_spoilt_total: 302,
    ...refused,
    holdfast_view_number: 9,
    holdfast_view_acked: 1,
    holdfast_ready: 1,
    holdfast_survivable_deaths: 4,
    holdfast_active: 1,
    holdfast_groups: 2,
    holdfast_groups_wanted: 3,
    'holdfast_group_slots{group="0"}': 4096,
    holdfast_slots_moving: 7,
    holdfast_clients: 201,
    holdfast_connections: 202,
    holdfast_view_record_reserve: 203,
    'holdfast_lock_servers{role="primary",state="alive"}': 1,
    'holdfast_lock_servers{role="backup",state="dead"}': 1,
    'holdfast_lock_servers{role="idle",state="alive"}': 2,
    'holdfast_lock_servers{role="idle",state="dead"}': 1,
  })
  const young = await valuesOf(ofViewServer(new ViewCounts(), { view: null, acked: false }))
  t.same(
    [young.holdfast_ready, young.holdfast_view_acked, young.holdfast_view_number],
    [undefined, undefined, undefined],
  )
})

t.test('the gap of the last failover, by group; none before the first', async t => {
  const counts = new ViewCounts()
  const view = (group: number, number: number) =>
    ({ group, number, primary: { address: 'ws://a' }, backup: null }) as unknown as View
  counts.history.made(view(0, 1), 'first', { silentSince: null, cause: null }, 0)
  t.equal((await valuesOf(ofViewServer(counts)))['holdfast_last_gap_seconds{group="0"}'], undefined)
  counts.history.made(view(0, 2), 'promotion', { silentSince: 500, cause: 'gone' }, 600)
  counts.history.entered(0, 2, 750)
  counts.history.made(view(1, 7), 'promotion', { silentSince: 500, cause: 'silent' }, 900)
  counts.history.entered(1, 7, 2_500)
  counts.history.made(view(1, 8), 'backup_added', { silentSince: null, cause: null }, 2_600)
  counts.history.entered(1, 8, 2_650)
  const values = await valuesOf(ofViewServer(counts))
  t.equal(values['holdfast_last_gap_seconds{group="0"}'], 0.25)
  t.equal(values['holdfast_last_gap_seconds{group="1"}'], 2)
})

t.test('F14: a cluster that is halted shows as halted', async t => {
  const values = await valuesOf(ofViewServer(new ViewCounts(), { halted: 'the state is lost' }))
  t.equal(values.holdfast_halted, 1)
})

t.test('D4: a recovery that waits shows, and for what it waits', async t => {
  const found = (proof: string | null) => ({ proof }) as RecoveryStatus['found'][number]
  const recovery = {
    found: [found('its address refuses'), found(null), found(null)],
    waitedFor: [{ id: 'a', address: 'b' }],
  } as unknown as RecoveryStatus
  const before = await valuesOf(ofViewServer(new ViewCounts()))
  t.same(grown(before, await valuesOf(ofViewServer(new ViewCounts(), { recovery }))), {
    holdfast_recovery_waits: 1,
    'holdfast_recovery_journals{state="proven"}': 1,
    'holdfast_recovery_journals{state="unproven"}': 2,
    'holdfast_recovery_journals{state="waited_for"}': 1,
  })
})

t.test('V7: views, acks, deaths and shortages are counted under their own labels', async t => {
  const counts = new ViewCounts()
  const before = await valuesOf(ofViewServer(counts))
  counts.acks = 301
  counts.save.observe(250)
  Object.assign(counts.views, { first: 1, promotion: 2, backup_added: 3, backup_dropped: 4 })
  Object.assign(counts.views, { backup_replaced: 5, reset: 6 })
  Object.assign(counts.deaths, { missed_pings: 7, refused: 8, replaced: 9 })
  Object.assign(counts.lacks, { files: 10, room: 11, memory: 12 })
  t.same(grown(before, await valuesOf(ofViewServer(counts))), {
    holdfast_acks_total: 301,
    ...length('view_record_save', 0.25),
    'holdfast_views_total{change="first"}': 1,
    'holdfast_views_total{change="promotion"}': 2,
    'holdfast_views_total{change="backup_added"}': 3,
    'holdfast_views_total{change="backup_dropped"}': 4,
    'holdfast_views_total{change="backup_replaced"}': 5,
    'holdfast_views_total{change="reset"}': 6,
    'holdfast_lock_server_deaths_total{evidence="missed_pings"}': 7,
    'holdfast_lock_server_deaths_total{evidence="refused"}': 8,
    'holdfast_lock_server_deaths_total{evidence="replaced"}': 9,
    'holdfast_view_record_shortages_total{lack="files"}': 10,
    'holdfast_view_record_shortages_total{lack="room"}': 11,
    'holdfast_view_record_shortages_total{lack="memory"}': 12,
  })
})

function guest(held: { receiving: number; unread: number }): Guest {
  return {
    address: '10.0.0.1',
    loopback: false,
    standing: 'stranger',
    exempt: false,
    since: 0,
    receiving: () => held.receiving,
    unread: () => held.unread,
    cut() {},
    end() {},
  }
}

t.test('B3, B4, B7: the edge tells who is there, what they hold now, and what it has cut', async t => {
  const it = edge()
  const metrics = edgeMetrics(() => it)
  t.same(await valuesOf(metrics), emptyEdge)
  const held = { receiving: 1_000, unread: 2_000 }
  const guests = Array.from({ length: 6 }, () => guest(held))
  for (const each of guests) it.enter(each)
  for (const each of guests.slice(0, 2)) it.admit(each, { kind: 'client', name: 'c' }, 0)
  it.admit(guests[2] as Guest, { kind: 'probe' }, 0)
  it.receiving.note(guests[0] as Guest)
  it.unread.note(guests[0] as Guest)
  held.unread = 500 // The peer has read the rest since.
  Object.assign(it.cuts, { strangers: 1, receiving: 2, unread: 3, silent: 4 })
  it.wrongSecrets.total = 5
  it.filesShort = 6
  t.same(await valuesOf(metrics), {
    ...emptyEdge,
    'holdfast_sockets{standing="stranger"}': 3,
    'holdfast_sockets{standing="client"}': 2,
    'holdfast_sockets{standing="server"}': 1,
    holdfast_receiving_bytes: 1_000,
    holdfast_unread_bytes: 500,
    'holdfast_edge_cuts_total{reason="strangers"}': 1,
    'holdfast_edge_cuts_total{reason="receiving"}': 2,
    'holdfast_edge_cuts_total{reason="unread"}': 3,
    'holdfast_edge_cuts_total{reason="silent"}': 4,
    holdfast_wrong_secrets_total: 5,
    holdfast_files_short_total: 6,
  })
})

/** What `read` says at this moment: a scrape would end later. */
function nowOf(metrics: ProcessMetrics, name: string): number {
  const metric = metrics.all.find(each => each.name === name)
  if (metric === undefined || metric.type === 'histogram') throw new Error(`no plain metric ${name}`)
  const read = metric.read()
  return typeof read === 'number' ? read : (read[0]?.value ?? Number.NaN)
}

t.test('B1: the delay of the event loop is what comes on top of the sampling', async t => {
  const own = monitorEventLoopDelay({ resolution: 20 })
  const metrics = new ProcessMetrics()
  own.enable()
  metrics.start()
  try {
    await until('there are samples', () => own.count > 10)
    const median = nowOf(metrics, 'holdfast_event_loop_delay_median_seconds')
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - 0.02)
    t.ok(Math.abs(median - late(own.percentile(50))) < 0.01, `${median} s`)
    const [p99, max] = ['p99', 'max'].map(part => nowOf(metrics, `holdfast_event_loop_delay_${part}_seconds`))
    t.ok((p99 as number) >= median && (max as number) >= (p99 as number))
  } finally {
    metrics.stop()
    own.disable()
  }
})

t.test('the process tells its start, its processor time, its memory and its versions', async t => {
  const metrics = new ProcessMetrics()
  const seconds = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  const before = seconds()
  const told = nowOf(metrics, 'process_cpu_seconds_total')
  t.ok(before <= told && told <= seconds(), `${told} s`)
  const startedAt = Date.now() / 1_000 - process.uptime()
  t.ok(Math.abs(nowOf(metrics, 'process_start_time_seconds') - startedAt) < 60)
  const ratio = nowOf(metrics, 'process_resident_memory_bytes') / process.memoryUsage.rss()
  t.ok(ratio > 0.5 && ratio < 2)
  const build = Object.keys(await valuesOf(metrics.all)).find(name => name.startsWith('holdfast_build_info'))
  t.match(build, `wire="${wireVersion}",node="${process.versions.node}"`)
})
