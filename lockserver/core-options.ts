// What the core of a lock server is given once, when it begins, and what never changes while it lives.

import type { Standing } from '../wire/access/standing.ts'
import type { StateLimits } from '../wire/limits.ts'
import type { ServerCounts } from './counts.ts'

export interface ServerCoreOptions {
  /** 128 random bits, new for each core (V5). */
  readonly id: string
  /** The address that other servers and clients get. */
  readonly address: string
  readonly viewServers: readonly string[]
  readonly pingIntervalMs: number
  readonly deadPings: number
  readonly drainMs: number
  readonly limits: StateLimits
  readonly pid: number
  readonly host: string
  /** The cluster that this process belongs to, once it knows. */
  readonly cluster: string | null
  /** It has a journal (D1). */
  readonly journal?: boolean
  /** A3: a session whose token was taken away ends at once. */
  readonly revokeNow?: boolean
  /** A3: who may come in now; null or absent: no rules apply to any. */
  readonly standing?: Standing | null
  /** What this core does is counted here; absent: nowhere. */
  readonly counts?: ServerCounts
}
