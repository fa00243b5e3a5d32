// Which test files run one after the other in one process, since a start costs more than most of them take. A file that is
// in no group has a process of its own: it starts processes or many servers, measures what its process does, waits outside of
// its stories, or takes long.

/** Each group takes some seconds. */
const groups: readonly (readonly string[])[] = [
  [
    'rules-claims',
    'rules-exact',
    'rules-joining',
    'rules-locks',
    'rules-mixtures',
    'rules-notes',
    'rules-once',
    'rules-permits',
  ],
  [
    'rules-replication',
    'rules-sessions',
    'rules-slots',
    'rules-snapshot',
    'rules-times',
    'holdback',
    'slots',
  ],
  [
    'classic-bugs-copies',
    'classic-bugs-requests',
    'classic-bugs-views',
    'labs-uw-primary-backup',
    'view-labs',
  ],
  [
    'labs-mit-locks',
    'labs-mit-primary-backup',
    'lone-primary',
    'replaced',
    'roles',
    'group-roles',
    'server-parts',
  ],
  [
    'view-durability',
    'view-groups',
    'view-record',
    'view-recovery',
    'view-reset',
    'view-servers',
    'view-succession',
  ],
  [
    'client-calls',
    'client-claims',
    'client-failover',
    'client-lease',
    'next-sessions',
    'session-keys',
    'deadlines',
  ],
  [
    'durability-change',
    'groups-in-cluster',
    'nearest-copies',
    'times-in-cluster',
    'clock-steps',
    'access-in-cluster',
  ],
  ['keeping', 'leading', 'seats', 'journal-rules', 'hello', 'edge', 'access', 'least-privilege', 'given-up'],
  [
    'watch-bounds',
    'watch-reader',
    'watch-shares',
    'slow-readers',
    'whole-runs',
    'told-alike',
    'dials-in-turn',
  ],
  [
    'wire-docs',
    'wire-messages',
    'wire-runs',
    'clock',
    'driver',
    'machine',
    'name-and-number-maps',
    'untaken',
  ],
  [
    'api-docs',
    'figures-docs',
    'operations-docs',
    'claims-pages',
    'cli-disks',
    'cli-lists',
    'cli-live',
    'cli-waiting',
    'deadlocks',
    'faults-replay',
    'power-ledger',
    'own-folder',
    'why-groups',
  ],
  [
    'client-groups',
    'client-moves',
    'client-parts',
    'web-locks-held',
    'web-locks-request',
    'nearest-reads',
    'fencing',
  ],
  [
    'view-moves',
    'view-reserve',
    'view-server',
    'view-store',
    'store-contract',
    'kept-copy',
    'quotas',
    'principal-quotas',
    'rules-moves',
    'durable-server',
    'formats-before',
  ],
  ['page-history', 'rehearsal', 'walk', 'moves-in-cluster', 'simulator-moves', 'budget', 'durable-cluster'],
]

/** Those that take longest, so that no other one waits for them in the end: in turns one that computes, and one that mostly waits. */
const first: readonly string[] = [
  'search',
  'revocation',
  'simulator',
  'cli-usage',
  'signed-in-cluster',
  'many-waits',
  'dashboard-groups',
  'simulator-groups',
]

/** Of these files: the names that each process runs. */
export function processesOf(names: readonly string[]): readonly (readonly string[])[] {
  const grouped = groups.flat()
  const alone = names.filter(name => !grouped.includes(name))
  const early = first.filter(name => alone.includes(name))
  const late = alone.filter(name => !first.includes(name))
  const there = groups
    .map(group => group.filter(name => names.includes(name)))
    .filter(group => group.length > 0)
  return [...early.map(name => [name]), ...there, ...late.map(name => [name])]
}
