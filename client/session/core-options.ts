// What the core of one session is given once, when it begins.

import type { View } from '../../wire/messages.ts'

export interface ClientCoreOptions {
  /** 32 hex digits, random, used for one session only. */
  readonly sessionId: string
  /** 32 hex digits, random: shows the servers that the session is this client's (C9). It goes nowhere else. */
  readonly sessionKey: string
  /** URLs of servers of the cluster. */
  readonly addresses: readonly string[]
  readonly ttlMs: number
  readonly name: string
  /** Where the program runs, for display; null where it can't know. */
  readonly host: string | null
  readonly pid: number | null
  /** Learnt by an earlier core; null: not known. */
  readonly cluster: string | null
  /** G3: the group that the session is in; 0 unless told otherwise. */
  readonly group?: number
  /** The newest view of it that the client knows. */
  readonly view?: View | null
  /** Another session of the client watches for views, and hands them on. */
  readonly told?: boolean
  /** Sessions that were given up and may still be open on the servers (S4): their ids, with their keys. */
  readonly abandoned: ReadonlyMap<string, string>
}
