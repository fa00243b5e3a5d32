// Every planted bug, by area.

import { apart } from './apart.ts'
import { asking } from './asking.ts'
import { budget } from './budget.ts'
import { client } from './client.ts'
import { drivers } from './drivers.ts'
import { edge } from './edge.ts'
import { judged } from './judged.ts'
import { leases } from './leases.ts'
import { locks } from './locks.ts'
import type { Mutant } from './mutant.ts'
import { quotas } from './quotas.ts'
import { replication } from './replication.ts'
import { sessions } from './sessions.ts'
import { surface } from './surface.ts'
import { views } from './views.ts'

export const mutants: readonly Mutant[] = [
  ...views,
  ...replication,
  ...leases,
  ...locks,
  ...sessions,
  ...client,
  ...surface,
  ...drivers,
  ...edge,
  ...apart,
  ...asking,
  ...budget,
  ...quotas,
  ...judged,
]
