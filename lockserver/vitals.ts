// How a lock server is right now, in figures: for display and metrics only. It decides nothing.

import type { Clients } from './clients.ts'
import type { Roles } from './roles.ts'
import type { ViewLinks } from './view-links.ts'

/** How a server is right now. */
export interface Vitals {
  readonly opNumber: number
  /** Entries that are not with the backup yet, or that a backup has not applied. */
  readonly lag: number
  /** How much of its state a primary has copied to its backup, in percent. */
  readonly copiedPart: number
  /** Primary: the view is in force, its backup in sync. Backup: it has learned that from its primary. */
  readonly inSync: boolean
  readonly viewServerConnected: boolean
  /** Addresses that a primary can't reach. */
  readonly unreachable: number
  readonly clients: number
  /** Requests that wait for a joining backup. */
  readonly parked: number
  readonly sessions: number
  /** Names that a session holds or waits for. */
  readonly locks: number
  readonly held: number
  /** Holds that are kept for no client (C3). */
  readonly kept: number
  /** Keys that run or are kept (C5). */
  readonly keys: number
  readonly waiting: number
  /** The part of its memory budget that the state takes, from 0 to 1 (B4). */
  readonly used: number
}

/** Walks over the sessions. */
export function vitalsOf(roles: Roles, clients: Clients, viewLinks: ViewLinks): Vitals {
  const { primary, backup, state } = roles
  const replication = primary?.replication
  let [held, waiting] = [0, 0]
  for (const session of state?.sessions.values() ?? []) {
    held += session.holds.size
    waiting += session.waiting.size
  }
  return {
    opNumber: state?.opNumber ?? 0,
    lag: replication?.lag ?? backup?.lag ?? 0,
    copiedPart: replication?.join.copiedPart ?? 0,
    inSync: primary?.ackable ?? backup?.toldInSync ?? false,
    viewServerConnected: viewLinks.connected,
    unreachable: primary?.link.unreachable.length ?? 0,
    clients: clients.size,
    parked: primary?.parked ?? 0,
    sessions: state?.sessions.size ?? 0,
    locks: state?.table.locks.size ?? 0,
    held,
    kept: state?.table.kept ?? 0,
    keys: state?.table.onces.size ?? 0,
    waiting,
    used: state?.used ?? 0,
  }
}
