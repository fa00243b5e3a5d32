// How a view server welcomes its peers, whether it is active or not.

import type { MessageOf, SlotMap, View } from '../wire/messages.ts'
import { wireVersion } from '../wire/version.ts'

/** Who welcomes. `mark`: the number of the active mark, if it has it; 0 if not (E5). */
export interface Welcoming {
  readonly id: string | null
  readonly mark: number
}

interface Told {
  readonly cluster: string | null
  readonly view: View | null
  readonly acked: boolean
  /** Of the other groups. */
  readonly others: readonly View[]
  readonly map: SlotMap | null
  readonly pingLimitMs: number
}

export function welcomeOf({ id, mark }: Welcoming, told: Told): MessageOf<'viewToServer', 'welcome'> {
  const { cluster, view, acked, others, map, pingLimitMs } = told
  const own = { wire: wireVersion, kind: 'viewserver', role: null, whole: 0, sequence: 0 } as const
  return ['welcome', { ...own, cluster, id, view, acked, others, map, pingLimitMs, mark }]
}
