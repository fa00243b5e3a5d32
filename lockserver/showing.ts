// What clients will see of a primary's decisions, as plain data, since it may have to wait for the
// backup (R1). It says what and to which client; primary.ts does it, holdback.ts keeps it until then.

import type { MessageOf, SlotsLeft } from '../wire/messages.ts'
import type { Client } from './clients.ts'
import type { Fact } from './state/facts.ts'
import type { Watch } from './watches.ts'

export type Showing =
  /**
   * Of an operation: an output goes to the connection that speaks for the session by then, an event to
   * all watches. A connection whose session was dropped learns that, and speaks for no session then.
   */
  | Extract<Fact, { is: 'output' | 'granted' | 'event' | 'dropped' }>
  /** Of a read: to the connection that asked, unless its word no longer counts. */
  | { readonly is: 'answer'; readonly client: Client; readonly message: MessageOf<'serverToClient'> }
  /** To a connection that is deaf already. */
  | { readonly is: 'last word'; readonly client: Client; readonly message: MessageOf<'serverToClient'> }
  /** For the metrics: a lock was freed at this time, and its next holder has learned of it just now. */
  | { readonly is: 'handed over'; readonly since: number }
  /** All parts of a query's answer stand before this. */
  | { readonly is: 'query answered'; readonly client: Client }
  /** G8: to the view server: slots that move from this group, which the state has left. */
  | { readonly is: 'left'; readonly left: SlotsLeft }
  /** A watch begins: it gets what is shown from here on. */
  | { readonly is: 'watching'; readonly watch: Watch }
