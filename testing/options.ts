// The options of a test cluster, checked before anything is started.

import { knownOnly, texts, wholeNumber } from '../wire/options.ts'
import { checkSecret } from '../wire/secret-problem.ts'
import { type Logger, silent } from '../wire/serving/log.ts'

export interface TestClusterOptions {
  /** Groups of a primary and a backup that share the lock names, 1 to 15; default 1. */
  readonly groups?: number
  /** Lock servers to start with, 1 to 32; default 3, of several groups two each and one more. */
  readonly servers?: number
  /**
   * In ms; default 20. A server that is silent for `deadPings` of them is dead. (A killed server is found
   * dead at once.) The smallest ttl is three times their product: 300 ms.
   */
  readonly pingIntervalMs?: number
  /** Default 5. */
  readonly deadPings?: number
  /** In ms: how long a call of the cluster may wait for what it needs; default 10,000. */
  readonly withinMs?: number
  /** Shared secret; default: none. */
  readonly secret?: string | undefined
  /** Origins of web pages that may connect. */
  readonly origins?: readonly string[]
  /** The logger of all servers; default: silent. */
  readonly log?: Logger
}

export const groupsInOneProcess = 15

export type CheckedOptions = Required<TestClusterOptions>

export function checkOptions(options: TestClusterOptions): CheckedOptions {
  knownOnly(options, [
    'groups',
    'servers',
    'pingIntervalMs',
    'deadPings',
    'withinMs',
    'secret',
    'origins',
    'log',
  ])
  const groups = wholeNumber('groups', options.groups, 1, 1, groupsInOneProcess)
  return {
    groups,
    servers: wholeNumber('servers', options.servers, 2 * groups + 1, groups, 32),
    pingIntervalMs: wholeNumber('pingIntervalMs', options.pingIntervalMs, 20, 1, 60_000),
    deadPings: wholeNumber('deadPings', options.deadPings, 5, 2, 1_000),
    withinMs: wholeNumber('withinMs', options.withinMs, 10_000, 1, 600_000),
    secret: checkSecret(options.secret) ?? undefined,
    origins: texts('origins', options.origins ?? []),
    log: options.log ?? silent,
  }
}
