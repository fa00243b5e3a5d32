// What the core of a session hears, and what it asks of its driver. Chance comes in with the inputs
// that may end in a redial; time comes in with every step.

import type { Claim } from '../../wire/claim.ts'
import type { ConnectionEffect, ConnectionInput } from '../../wire/effects.ts'
import type { ErrorCode } from '../../wire/errors.ts'
import type {
  Blocker,
  ClientRecord,
  DoneRecord,
  HoldRecord,
  LockEvent,
  LossReason,
  SlotMap,
  View,
  WaitRecord,
} from '../../wire/messages.ts'

/** For the jitter of redials: a number from 0, below 1. */
interface Chance {
  readonly chance: number
}

/** What a caller asks for; `call` is the driver's number for it. */
export type Call =
  /** Names are different and valid; any order. */
  | {
      readonly call: number
      readonly verb: 'acquire'
      readonly names: readonly string[]
      readonly claim: Claim
    }
  | { readonly call: number; readonly verb: 'release'; readonly token: number }
  /** A release; the key of this hold may run again (C5). */
  | { readonly call: number; readonly verb: 'fail'; readonly token: number }
  | { readonly call: number; readonly verb: 'set-note'; readonly token: number; readonly note: string | null }
  /** `token`: only this hold; null: all of them (C8). */
  | {
      readonly call: number
      readonly verb: 'force-release'
      readonly name: string
      readonly token: number | null
    }
  /** A key that has run may run again (C5). */
  | { readonly call: number; readonly verb: 'forget-key'; readonly name: string; readonly key: string }
  | {
      readonly call: number
      readonly verb: 'query'
      readonly prefix: string
      readonly confirmed: boolean
    }
  /** One page of the list of sessions. */
  | {
      readonly call: number
      readonly verb: 'clients'
      readonly who: string
      readonly confirmed: boolean
      readonly after: number
    }
  /** Ends the session in order; `settle`d when it is over, at the latest at the local deadline. */
  | { readonly call: number; readonly verb: 'end' }

/** All calls but the end, which no other call may follow, go to the core once a turn. */
export type TurnCall = Exclude<Call, { verb: 'end' }>

/** What a client's peers speak on: lock servers and view servers. */
export type ClientHears = 'serverToClient' | 'viewToClient'
export type ClientSays = 'clientToServer' | 'clientToView'

export type ClientInput =
  | (Extract<ConnectionInput<ClientHears>, { is: 'messages' | 'waits' | 'closed' }> & Chance)
  /** `wakeAt` has come; coming early or late does no harm. */
  | ({ readonly is: 'wake' } & Chance)
  /** Those of one turn, in their order. */
  | { readonly is: 'calls'; readonly calls: readonly TurnCall[] }
  /**
   * The limit or signal of a call has fired; answered by `fail` with TIMEOUT, or by nothing if it is
   * over. `patient`: a moment later, if the servers can say by then who has the lock.
   */
  | { readonly is: 'abort'; readonly call: number; readonly patient: boolean }
  /** No more calls, and those that wait fail with CLOSED; what is held may be released. */
  | { readonly is: 'finish' }
  /**
   * Watch the locks whose names begin with `prefix`, on this connection and later ones; `watch` is the driver's number.
   * `before`: how many of its events came in other sessions; default 0.
   */
  | { readonly is: 'watch'; readonly watch: number; readonly prefix: string; readonly before?: number }
  | { readonly is: 'unwatch'; readonly watch: number }
  /** How many events of the watch have been read, in all. */
  | { readonly is: 'seen'; readonly watch: number; readonly events: number }
  /** G3: another session of the client has learned of these; it hears of them sooner. */
  | ({ readonly is: 'told'; readonly views: readonly View[] } & Chance)
  /** G8: nothing is left in this group, and it may be gone. Calls fail with WRONG_GROUP, and are asked elsewhere. */
  | { readonly is: 'leave' }
  /** As the call of this name. */
  | { readonly is: 'end'; readonly call: number }

/** `watching`: events come from here on; `missed`: this many were left out. */
export type Watched =
  | LockEvent
  | { readonly event: 'watching' }
  | { readonly event: 'missed'; readonly events: number }

export type CallResult =
  /** Tokens in the order of the names as given; null: not available. */
  | { readonly verb: 'acquire'; readonly tokens: readonly number[] | null }
  /** C5: the key runs, or has run. */
  | { readonly verb: 'done-before'; readonly record: DoneRecord }
  /** `held`: whether the server still knew the token as held. Also of a call to `fail` or `set-note`. */
  | { readonly verb: 'release'; readonly held: boolean }
  | { readonly verb: 'force-release'; readonly released: number }
  | { readonly verb: 'forget-key'; readonly forgotten: boolean; readonly record: DoneRecord | null }
  | ({ readonly verb: 'query' } & QueryAnswer)
  | ({ readonly verb: 'clients' } & ClientsAnswer)
  | { readonly verb: 'end' }

export interface QueryAnswer {
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
  /** The primary could make sure that it still is the primary (R1). */
  readonly confirmed: boolean
  /** There is more than one answer may hold. */
  readonly cut: boolean
}

export interface ClientsAnswer {
  readonly clients: readonly ClientRecord[]
  readonly confirmed: boolean
  /** Where the next page begins; null: this is the last one. */
  readonly next: number | null
}

/** Why a lock is lost: by another's doing, by the clock, or because the servers no longer know the session. */
export type LostReason = LossReason | 'EXPIRED' | 'SESSION_LOST'

export type ClientEffect =
  | ConnectionEffect<ClientSays>
  | { readonly do: 'settle'; readonly call: number; readonly result: CallResult }
  | {
      readonly do: 'fail'
      readonly call: number
      /** Usually an ErrorCode; a newer server may have others. */
      readonly code: string
      readonly definite: boolean
      readonly text: string
      /** Who has the lock that was waited for, where known. */
      readonly blocker?: Blocker
    }
  /** `text`: more than the reason says. */
  | { readonly do: 'lost'; readonly token: number; readonly reason: LostReason; readonly text?: string }
  | { readonly do: 'watched'; readonly watch: number; readonly what: Watched }
  | { readonly do: 'watch-refused'; readonly watch: number; readonly code: string; readonly text: string }
  /** Of the session's own group: it is news. Of another one: some server has told it. */
  | { readonly do: 'event'; readonly event: 'view'; readonly view: View }
  /** G2: some server has told it. */
  | { readonly do: 'event'; readonly event: 'map'; readonly map: SlotMap }
  | { readonly do: 'event'; readonly event: 'session'; readonly ttlMs: number; readonly resumed: boolean }
  | { readonly do: 'event'; readonly event: 'reconnecting' }
  /** The session is lost; a `lost` for each of its locks came before. */
  | { readonly do: 'event'; readonly event: 'lost'; readonly reason: 'EXPIRED' | 'SESSION_LOST' }
  /** A3: the token of this connection ends soon; a newer one is to be shown on it. */
  | { readonly do: 'show token'; readonly connection: number }
  /** The last effect of a core. */
  | {
      readonly do: 'over'
      readonly reason: 'ended' | 'lost' | 'refused'
      readonly code: ErrorCode | (string & {})
      readonly text: string
    }
