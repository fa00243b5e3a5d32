// Which test files run one after the other in one process, since a start costs more than most of them take. A file that is
// in no group has a process of its own: it starts processes or servers, measures what its process does, or takes long.

/** Each group takes some seconds. */
const groups: readonly (readonly string[])[] = [
  [
    'rules-claims',
    'rules-exact',
    'rules-joining',
    'rules-locks',
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
]

/** Those that take longest, so that no other one waits for them in the end. */
const first: readonly string[] = [
  'simulator-groups',
  'search',
  'simulator',
  'great-crowds',
  'cli-usage',
  'adoption-search',
  'many-waits',
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
