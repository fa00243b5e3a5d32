// What the core of a lock server hears, step by step: from its connections, its journal and its driver.

import type { Standing } from '../wire/access/standing.ts'
import type { ConnectionInput } from '../wire/effects.ts'
import type { JournalSays } from './journal/asked.ts'

/** Connections to its peers: clients, its view server, its primary, its backup, servers that it probes. */
export type ServerHears =
  | 'clientToServer'
  | 'viewToServer'
  | 'primaryToBackup'
  | 'backupToPrimary'
  | 'serverToClient'

export type ServerInput =
  | ConnectionInput<ServerHears>
  /** Each pingIntervalMs, after what had arrived was read. */
  | { readonly is: 'tick' }
  /** No more input for now: what was decided goes to the backup. */
  | { readonly is: 'turn-end' }
  /** Answers a `continue` effect. */
  | { readonly is: 'continue' }
  /** Answers a `tell sent` effect; `stuck` comes before, if the peer must read first (B4). */
  | { readonly is: 'sent' | 'stuck'; readonly connection: number }
  /** A3: the access file was read again, and each connection was told what that means for it. */
  | { readonly is: 'standing'; readonly standing: Standing }
  /** Shut down in order. */
  | { readonly is: 'leave' }
  /** What becomes of what it wrote, and of its disk. */
  | JournalSays
