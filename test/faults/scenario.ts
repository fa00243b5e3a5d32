// The form of a scenario: what it breaks, how often, and what may come of it.

import type { Allowed } from './replay.ts'
import type { Setting, Stage } from './stage.ts'

export interface Scenario {
  /** The promise that it shows (PROMISES.md). */
  readonly fault: `F${number}`
  readonly name: string
  /** Turns in the long form and in the short one. */
  readonly turns: readonly [full: number, short: number]
  readonly setting?: Setting
  readonly allowed?: Allowed
  /** One turn, on a healthy stage: breaks something, measures the gap, and heals it. */
  readonly turn: (stage: Stage, turn: number) => Promise<void>
}

/**
 * Servers that wait longer before they believe a peer dead, for scenarios in which a view must not change: on
 * a busy machine a process may stand still for half a second.
 */
export const patient: Setting = { serverArgs: ['--dead-pings', '12'] }
export const patientPingLimitMs = 1_200
