// What the board of deploy/grafana.json shows: rows of panels, each with its queries. `$job` stands for the jobs that are
// chosen on the board. It is data, and knows nothing of Grafana's format.

export interface Query {
  readonly expr: string
  /** The name of a series; labels stand in {{ }}. */
  readonly legend: string
}

export interface Panel {
  readonly title: string
  /** A unit of Grafana's. */
  readonly unit: string
  /** One number, or a chart over time. */
  readonly kind: 'stat' | 'chart' | 'states'
  readonly queries: readonly Query[]
  readonly about: string
  /** Below it is red. */
  readonly atLeast?: number
  /** When there is nothing to show. */
  readonly empty?: string
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

const query = (expr: string, legend = ''): Query => ({ expr, legend })
const of = (metric: string, more = '') => `${metric}{job=~"$job"${more === '' ? '' : `, ${more}`}}`
const rate = (metric: string, by: string) => `sum by (${by}) (rate(${of(metric)}[$__rate_interval]))`
const quantile = (part: number, metric: string) =>
  `histogram_quantile(${part}, sum by (le) (rate(${of(`${metric}_bucket`)}[$__rate_interval])))`
/** Median and 99th percentile. */
const quantiles = (metric: string) => [
  query(quantile(0.5, metric), 'p50'),
  query(quantile(0.99, metric), 'p99'),
]

const well: Row = {
  title: 'Health',
  panels: [
    {
      title: 'Deaths it survives now',
      unit: 'none',
      kind: 'stat',
      queries: [query(`min(${of('holdfast_survivable_deaths')})`)],
      about: '0: the next death of a lock server loses all locks. `holdfast status` says what to do.',
      atLeast: 1,
    },
    {
      title: 'Primary',
      unit: 'none',
      kind: 'stat',
      queries: [query(`${of('holdfast_role', 'role="primary"')} == 1`, '{{instance}}')],
      about: 'Which server grants locks; of several groups, one each.',
    },
    {
      title: 'Operations a second',
      unit: 'ops',
      kind: 'stat',
      queries: [query(`sum(rate(${of('holdfast_operations_total')}[$__rate_interval]))`)],
      about: 'What clients asked for, and what came of it.',
    },
    {
      title: 'Held',
      unit: 'short',
      kind: 'stat',
      queries: [query(`max(${of('holdfast_locks_held')})`)],
      about: 'Holds: one for each holder of each lock.',
    },
    {
      title: 'Waiting',
      unit: 'short',
      kind: 'stat',
      queries: [query(`max(${of('holdfast_waiters')})`)],
      about: '`holdfast locks --waiting` shows for what.',
    },
    {
      title: 'Longest wait',
      unit: 's',
      kind: 'stat',
      queries: [query(`max(${of('holdfast_longest_wait_seconds')})`)],
      about: '`holdfast locks --sort wait` shows whose, `holdfast why NAME` who holds it.',
    },
    {
      title: 'Clients',
      unit: 'short',
      kind: 'stat',
      queries: [query(`max(${of('holdfast_sessions')})`)],
      about: 'Open sessions. `holdfast clients` lists them.',
    },
  ],
}

const work: Row = {
  title: 'What clients do, and how long it takes',
  panels: [
    {
      title: 'Operations',
      unit: 'ops',
      kind: 'chart',
      queries: [query(rate('holdfast_operations_total', 'operation, outcome'), '{{operation}} {{outcome}}')],
      about: 'Counted at the primary; an acquire when it ends.',
    },
    {
      title: 'From acquire to grant',
      unit: 's',
      kind: 'chart',
      queries: quantiles('holdfast_lock_wait_seconds'),
      about: 'With the time in the queue.',
    },
    {
      title: 'From grant to release',
      unit: 's',
      kind: 'chart',
      queries: quantiles('holdfast_lock_hold_seconds'),
      about: 'How long programs hold their locks.',
    },
    {
      title: 'From release to the next grant',
      unit: 's',
      kind: 'chart',
      queries: quantiles('holdfast_lock_hand_over_seconds'),
      about: 'From what freed a lock until its next holder was told: the speed of the service itself.',
    },
    {
      title: 'Queues',
      unit: 'short',
      kind: 'chart',
      queries: [
        query(of('holdfast_waiters'), '{{instance}} waiting'),
        query(of('holdfast_locks_held'), '{{instance}} held'),
      ],
      about: 'Primary and backup have the same numbers.',
    },
    {
      title: 'Longest wait and hold',
      unit: 's',
      kind: 'chart',
      queries: [
        query(`max(${of('holdfast_longest_wait_seconds')})`, 'wait'),
        query(`max(${of('holdfast_longest_hold_seconds')})`, 'hold'),
      ],
      about: 'Of those that wait and hold now.',
    },
  ],
}

const failover: Row = {
  title: 'Views and copies',
  panels: [
    {
      title: 'Roles',
      unit: 'none',
      kind: 'states',
      queries: ['primary', 'backup', 'idle'].map((role, i) =>
        query(`${i + 1} * (${of('holdfast_role', `role="${role}"`)} == 1)`, `{{instance}} ${role}`),
      ),
      about: 'Who was what, and when.',
    },
    {
      title: 'New views',
      unit: 'short',
      kind: 'chart',
      queries: [
        query(`sum by (change) (increase(${of('holdfast_views_total')}[$__rate_interval]))`, '{{change}}'),
      ],
      about: 'A promotion is a failover. Its log line is `new view`.',
    },
    {
      title: 'Deaths',
      unit: 'short',
      kind: 'chart',
      queries: [
        query(
          `sum by (evidence) (increase(${of('holdfast_lock_server_deaths_total')}[$__rate_interval]))`,
          '{{evidence}}',
        ),
      ],
      about: 'Lock servers that were found dead, by how it was seen.',
    },
    {
      title: 'Round trip to the backup',
      unit: 's',
      kind: 'chart',
      queries: quantiles('holdfast_replication_round_trip_seconds'),
      about: 'Each answer waits for one.',
    },
    {
      title: 'Replication lag',
      unit: 'short',
      kind: 'chart',
      queries: [query(of('holdfast_replication_lag_entries'), '{{instance}}')],
      about: 'Entries that are not applied yet.',
    },
    {
      title: 'Copy to the next backup',
      unit: 'percentunit',
      kind: 'chart',
      queries: [query(of('holdfast_state_transfer_copied_ratio'), '{{instance}}')],
      about: 'Until it is whole the next death loses all locks.',
    },
  ],
}

const processes: Row = {
  title: 'Servers',
  panels: [
    {
      title: 'Processor',
      unit: 'percentunit',
      kind: 'chart',
      queries: [query(`rate(${of('process_cpu_seconds_total')}[$__rate_interval])`, '{{instance}}')],
      about: 'One server uses one core: 100 % is full.',
    },
    {
      title: 'Delay of the event loop, p99',
      unit: 's',
      kind: 'chart',
      queries: [query(of('holdfast_event_loop_delay_p99_seconds'), '{{instance}}')],
      about: 'At the ping limit (0.5 s unless it was set) the server counts as dead.',
    },
    {
      title: 'Memory',
      unit: 'bytes',
      kind: 'chart',
      queries: [query(of('process_resident_memory_bytes'), '{{instance}}')],
      about: 'Resident.',
    },
    {
      title: 'How full',
      unit: 'percentunit',
      kind: 'chart',
      queries: [
        query(of('holdfast_state_used_ratio'), '{{instance}} state'),
        query(`${of('process_open_fds')} / ${of('process_max_fds')}`, '{{instance}} files'),
        query(
          `${of('holdfast_sockets')} / ${of('holdfast_sockets_max')}`,
          '{{instance}} sockets of a {{standing}}',
        ),
      ],
      about: 'At 1 what comes next is refused.',
    },
    {
      title: 'Versions',
      unit: 'none',
      kind: 'states',
      queries: [query(of('holdfast_build_info'), '{{instance}} {{version}}, Node {{node}}')],
      about: 'During an upgrade there are two.',
    },
    {
      title: 'View server, seen by the others',
      unit: 'none',
      kind: 'states',
      queries: [query(of('holdfast_view_server_connected'), '{{instance}}')],
      about: '0: while it is away locks go on being granted, and a second death stops the service.',
    },
  ],
}

const disks: Row = {
  title: 'Disks',
  panels: [
    {
      title: 'Sync of a journal, p99',
      unit: 's',
      kind: 'chart',
      queries: [
        query(
          `histogram_quantile(0.99, sum by (le, instance) (rate(${of('holdfast_journal_sync_seconds_bucket')}[$__rate_interval])))`,
          '{{instance}}',
        ),
      ],
      about: 'Each answer waits for two.',
      empty: 'in a cluster in memory',
    },
    {
      title: 'Age of the sync under way',
      unit: 's',
      kind: 'chart',
      queries: [query(of('holdfast_journal_unsynced_seconds'), '{{instance}}')],
      about: 'Seconds: the disk hangs.',
      empty: 'in a cluster in memory',
    },
    {
      title: 'Free, and taken by the journal',
      unit: 'bytes',
      kind: 'chart',
      queries: [
        query(of('holdfast_journal_free_bytes'), '{{instance}} free'),
        query(of('holdfast_journal_bytes'), '{{instance}} taken'),
      ],
      about: 'Below 512 MB a server is not chosen as backup.',
      empty: 'in a cluster in memory',
    },
    {
      title: 'Saving a view record, p99',
      unit: 's',
      kind: 'chart',
      queries: [query(quantile(0.99, 'holdfast_view_record_save_seconds'))],
      about: 'A failover waits for two.',
    },
  ],
}

const refusals: Row = {
  title: 'What was refused',
  panels: [
    {
      title: 'Requests, for a limit',
      unit: 'ops',
      kind: 'chart',
      queries: [query(rate('holdfast_refused_requests_total', 'code'), '{{code}}')],
      about: 'Usually a program that leaks locks or waits.',
    },
    {
      title: 'Requests, by the access rules',
      unit: 'ops',
      kind: 'chart',
      queries: [query(rate('holdfast_not_allowed_total', 'verb'), '{{verb}}')],
      about: 'The log line `not allowed` says which program.',
    },
    {
      title: 'Connections',
      unit: 'ops',
      kind: 'chart',
      queries: [
        query(rate('holdfast_closed_connections_total', 'code'), '{{code}}'),
        query(`sum(rate(${of('holdfast_wrong_secrets_total')}[$__rate_interval]))`, 'wrong secret or token'),
      ],
      about: 'The log line `a connection was refused` says whose.',
    },
    {
      title: 'Certificates end in',
      unit: 's',
      kind: 'stat',
      queries: [
        query(
          `min by (instance) (${of('holdfast_certificate_expiry_timestamp_seconds')}) - time()`,
          '{{instance}}',
        ),
      ],
      about: 'At seven days the alarm `HoldfastCertificateEnds` comes.',
      empty: 'without TLS',
      atLeast: 7 * 86_400,
    },
  ],
}

export const rows: readonly Row[] = [well, work, failover, processes, disks, refusals]

/** Marks on all charts: the views that were made. */
export const marks = `sum by (change) (increase(${of('holdfast_views_total')}[$__rate_interval])) > 0`

/** Of the variable `$job`. */
export const jobs = 'label_values(holdfast_build_info, job)'
