// Where a lock server stands: the time of its step, its view, its cluster, and what its view server says.
// There is one, which core.ts alone writes; the parts read it, so that none has a copy that could be old.

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

/** Of the parts that are made when there is a view. */
export type InView = Readonly<Situation> & { readonly view: View }
