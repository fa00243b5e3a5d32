// Where a lock server stands: the time of its step, its view, its cluster, and what its view server says.
// There is one situation, which core.ts, roles.ts and admission.ts write; all other parts read it, so none has a
// stale copy.

import type { Instant } from '../wire/clock.ts'
import type { SlotMap, View } from '../wire/messages.ts'

export interface Situation {
  now: Instant
  /** The group that it has, or had last, a part in (G1). */
  group: number
  /** Of this group the newest that it knows. */
  view: View | null
  /** Those of all other groups. */
  readonly others: Map<number, View>
  /** The newest that it knows (G2). */
  map: SlotMap | null
  cluster: string | null
  /** The longest ttl that the view record is known to cover. */
  longestTtlMs: number
  /** The longest ttl that the cluster grants, as its view server says; until then the longest that there is. */
  ttlMaxMs: number
  viewServerConnected: boolean
}

/** The situation for parts that exist only in a view. */
export type InView = Readonly<Situation> & { readonly view: View }
