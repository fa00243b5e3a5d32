// What clients are to see of what a primary has decided, as plain data, since it may have to wait for
// the backup (R1). It says what and to whom; primary.ts does it, replication.ts keeps it until then.

import type { LockEvent, Message } from '../wire/messages.ts'
import type { Client } from './clients.ts'
import type { Session } from './sessions.ts'
import type { Watch } from './watches.ts'

export type Showing =
  /** Of an operation: to the connection that speaks for the session by then. */
  | { readonly show: 'output'; readonly session: Session; readonly message: Message }
  /** Of a read: to the connection that asked, unless its word no longer counts. */
  | { readonly show: 'answer'; readonly client: Client; readonly message: Message }
  /** To a connection that is deaf already. */
  | { readonly show: 'last word'; readonly client: Client; readonly message: Message }
  /** The session is over: whoever speaks for it is told, and speaks for nobody. */
  | { readonly show: 'session over'; readonly session: Session }
  /** For the metrics: a lock was freed at this time, and its next holder was told of it just now. */
  | { readonly show: 'handed over'; readonly since: number }
  /** All parts of a query's answer stand before this. */
  | { readonly show: 'query answered' }
  /** A watch begins: what is shown from here on it hears. */
  | { readonly show: 'watching'; readonly watch: Watch }
  /** To all that watch. */
  | { readonly show: 'event'; readonly event: LockEvent }
