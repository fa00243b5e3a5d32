// Where a lock server stands: the time of its step, its view, its cluster, and what its view server says.
// There is one situation, which core.ts alone writes; the parts read it, so none has a stale copy.

import type { Instant } from '../wire/clock.ts'
import type { View } from '../wire/messages.ts'

export interface Situation {
  now: Instant
  view: View | null
  cluster: string | null
  /** The longest ttl that the view record is known to cover. */
  longestTtlMs: number
  viewServerConnected: boolean
}

/** The situation for parts that exist only in a view. */
export type InView = Readonly<Situation> & { readonly view: View }
