// One connection that a session has dialled, as its route sees it: to whom it leads, and when it was last heard. It decides nothing.

import type { Role, View } from '../../wire/messages.ts'
import type { Address } from './addresses.ts'

/** One connection that we dialled. */
export interface Link {
  readonly number: number
  readonly address: Address
  /** Null until it has said welcome. */
  kind: 'viewserver' | 'lockserver' | null
  /** The lock server's id. */
  id: string | null
  role: Role | null
  /** The newest view that this server itself has told. */
  viewNumber: number
  /** When it was last heard, or dialled; monotonic ms, like all times here. */
  heardAt: number
  welcomedAt: number
  /** When its token ends, and when a newer one is to be shown; Infinity: as far as is known never. */
  tokenEndsAt: number
  tokenAt: number
  /** When it was asked to show life; null when it has shown it. */
  echoAt: number | null
  /** Its dial waits for its turn in this process. */
  waits: boolean
}

export function newLink(number: number, address: Address, dialledAt: number): Link {
  return {
    number,
    address,
    kind: null,
    id: null,
    role: null,
    viewNumber: 0,
    heardAt: dialledAt,
    welcomedAt: 0,
    echoAt: null,
    waits: false,
    tokenEndsAt: Number.POSITIVE_INFINITY,
    tokenAt: Number.POSITIVE_INFINITY,
  }
}

/** What its server is in this view. */
export function roleIn(view: View, id: string | null): Role {
  if (view.primary.id === id) return 'primary'
  return view.backup?.id === id ? 'backup' : 'idle'
}
