// All searches, theme by theme.

import type { Search } from './search.ts'
import { accessSearches } from './searches/access.ts'
import { callSearches } from './searches/calls.ts'
import { claimSearches } from './searches/claims.ts'
import { deathSearches } from './searches/deaths.ts'
import { deposedSearches } from './searches/deposed.ts'
import { joinSearches } from './searches/joins.ts'
import { labSearches } from './searches/labs.ts'
import { leaseSearches } from './searches/leases.ts'
import { powerSearches } from './searches/power.ts'
import { resetSearches } from './searches/resets.ts'
import { viewSearches } from './searches/views.ts'

export const searches: readonly Search[] = [
  ...labSearches,
  ...joinSearches,
  ...deathSearches,
  ...deposedSearches,
  ...viewSearches,
  ...leaseSearches,
  ...resetSearches,
  ...callSearches,
  ...claimSearches,
  ...accessSearches,
  ...powerSearches,
]
