// What a process of the search is, as plain data: a real core and what its driver keeps beside it; what it
// may be given, what it sends, and what can be seen from outside.

import type { ClientCore } from '../../../client/session/core.ts'
import type { CallResult } from '../../../client/session/effects.ts'
import type { ServerCore } from '../../../lockserver/core.ts'
import type { ViewCore } from '../../../viewservice/core.ts'
import type { ViewRecord } from '../../../viewservice/record.ts'
import type { ConnectionEffect } from '../../../wire/effects.ts'
import type { Channel, HelloFrom, Message } from '../../../wire/messages.ts'
import type { SearchedAccess } from './access.ts'
import type { SearchedDisk } from './disk.ts'

export type Place = 'viewserver' | 'lockserver' | 'client' | 'operator'

export interface ViewLocal {
  readonly place: 'viewserver'
  readonly slot: 0
  life: number
  accepted: number
  /** Null: dead. */
  core: ViewCore | null
  disk: ViewRecord | null
  saving: ViewRecord | null
}

export interface ServerLocal {
  readonly place: 'lockserver'
  readonly slot: number
  life: number
  accepted: number
  core: ServerCore | null
  /** What was decided in this turn and has not gone out. */
  pending: ConnectionEffect[]
  inTurn: boolean
  disk: SearchedDisk
  access: SearchedAccess
}

export interface ClientLocal {
  readonly place: 'client'
  readonly slot: number
  life: number
  core: ClientCore
  next: number
  calls: number
  /** Unanswered calls: of which op, and the token that a release is of. */
  asked: Map<number, { readonly op: number; readonly token: number }>
  /** By op: the tokens that it was granted. */
  tokens: Map<number, readonly number[]>
}

export interface OperatorLocal {
  readonly place: 'operator'
  readonly slot: number
  asked: boolean
  done: boolean
}

export type Local = ViewLocal | ServerLocal | ClientLocal | OperatorLocal

export type Input =
  | { readonly is: 'accepted'; readonly connection: number; readonly frame: number }
  | {
      readonly is: 'messages'
      readonly connection: number
      readonly frame: number
      readonly channel: Channel
    }
  | { readonly is: 'closed'; readonly connection: number; readonly refused: boolean }
  /** Starts the process, or starts it again. */
  | {
      readonly is:
        | 'start'
        | 'tick'
        | 'turn-end'
        | 'saved'
        | 'wake'
        | 'call'
        | 'kill'
        | 'kill after the write'
        | 'synced'
        | 'reads'
        | 'burn'
        | 'rot'
    }
  /** Of what was not synced, so many writes are kept. */
  | { readonly is: 'no power'; readonly writes: number }

export type Output =
  | { readonly do: 'send'; readonly connection: number; readonly frame: number }
  | {
      readonly do: 'dial'
      readonly connection: number
      readonly to: number
      readonly kind: HelloFrom['kind']
      readonly frame: number
    }
  | { readonly do: 'close'; readonly connection: number }
  /** Closes all; who accepted says why first. */
  | { readonly do: 'close all'; readonly frame: number | null }

/** What can be seen from outside of the cores. */
export type Seen =
  | { readonly see: 'record'; readonly record: ViewRecord }
  | {
      readonly see: 'called'
      readonly slot: number
      readonly op: number
      readonly session: string
      /** By all clocks, which are the same. */
      readonly at: number
    }
  | {
      readonly see: 'answered'
      readonly slot: number
      readonly op: number
      /** Of a release: what it gave back. */
      readonly token: number
      readonly session: string
      /** The session is over; the answer may be the client's own. */
      readonly over: boolean
      /** Its local deadline has passed (S4). */
      readonly late: boolean
      readonly at: number
      readonly result: CallResult
    }
  | {
      readonly see: 'failed'
      readonly slot: number
      readonly op: number
      readonly code: string
      readonly definite: boolean
    }
  | { readonly see: 'lost'; readonly slot: number; readonly token: number; readonly reason: string }
  /** A server tells it that the newest connection of its session was replaced. */
  | { readonly see: 'replaced'; readonly slot: number }
  /** It says that the servers gave its session up. */
  | { readonly see: 'given up'; readonly slot: number; readonly session: string }
  | { readonly see: 'over'; readonly slot: number; readonly session: string; readonly reason: string }
  | { readonly see: 'error' | 'broken' | 'stepped down'; readonly slot: number; readonly text: string }
  | { readonly see: 'exit'; readonly slot: number; readonly status: number; readonly text: string }
  | { readonly see: 'reset'; readonly answer: Message }
  /** From now on this server knows nothing but the new access file. */
  | { readonly see: 'read'; readonly slot: number }

export interface Step {
  readonly local: number
  readonly outputs: readonly Output[]
  readonly seen: readonly Seen[]
}
