// What a client publishes on each diagnostics channel, as those who listen see it. Types only.

import type { View } from '../wire/messages.ts'
import type { HeldMode } from './claim-options.ts'

/** In every message. */
export interface PublishedAbout {
  /** The client's name, as given to `connect`; several may have the same. */
  readonly client: string
  /** The same object in all messages of one client, and in those of no other. */
  readonly source: object
}

/** In every message about one call that asks for locks. */
interface AboutRequest {
  /** The number of the call, of its client. */
  readonly request: number
  readonly names: readonly string[]
  readonly mode: HeldMode
}

interface LostLock {
  readonly name: string
  readonly mode: HeldMode
  readonly token: number
}

export type Published = PublishedAbout &
  (
    | ({ readonly event: 'acquire' } & AboutRequest)
    | ({ readonly event: 'granted'; readonly tokens: readonly number[] } & AboutRequest)
    /** `reason`: the code of the error, `ABORTED`, `BUSY` (of `tryAcquire` and the like) or `RAN_BEFORE` (of `once`). */
    | ({ readonly event: 'not-granted'; readonly reason: string; readonly error?: unknown } & AboutRequest)
    | { readonly event: 'release'; readonly name: string; readonly token: number }
    | { readonly event: 'lost'; readonly code: string; readonly locks: readonly LostLock[] }
    | { readonly event: 'view'; readonly view: View }
    | {
        readonly event: 'session'
        readonly clientId: string
        readonly ttl: number
        readonly resumed: boolean
      }
    | { readonly event: 'reconnecting'; readonly clientId: string }
  )
