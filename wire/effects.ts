// What every core hears of its connections, and what it may ask of its driver about them. A core
// knows a connection by its number: drivers number those they accept upwards from 1, cores number
// those they dial downwards from -1.

import type { Principal } from './access/principal.ts'
import type { ErrorCode } from './errors.ts'
import type { Channel, HelloFrom, Message } from './messages.ts'
import type { SaidOn } from './runs.ts'

/** What is said on these channels; anything at all, for code that only carries it. */
type Said<C extends Channel | null> = C extends Channel ? SaidOn<C> : Message

/** Why a dial failed, for display: the platform's code, such as ENOTFOUND, and what is wrong with the address. */
export interface Trouble {
  readonly code: string
  /** What follows the address: `refuses connections`. */
  readonly text: string
}

/** What became of a token (A3). */
export type TokenEnd = 'was taken away' | 'has run out'

/** What its bearer is told. */
export function tokenEndText(why: TokenEnd | null): string {
  return `the access token of this connection ${why ?? 'is good no more'}`
}

/** Of a core whose peers speak on the channels `C`. */
export type ConnectionInput<C extends Channel | null = null> =
  /** A peer connected and said hello; wire version and proof are checked already. */
  | {
      readonly is: 'accepted'
      readonly connection: number
      readonly cluster: string | null
      readonly from: HelloFrom
      /** Whose quotas it takes from (B7); null: no quota holds for it. */
      readonly owner: string | null
      /** Its machine, for display only. */
      readonly remote: string
      /** Whose rules apply to it (A2); null: none do. Servers have none. */
      readonly principal: Principal | null
    }
  /** A3: the rules of this peer have changed; null: its token is good no more, and nothing that comes from it is done. */
  | {
      readonly is: 'rights changed'
      readonly connection: number
      readonly principal: Principal | null
      /** Why its token is good no more. */
      readonly why: TokenEnd | null
    }
  /** One frame. On a dialled connection the first message is `welcome` or `error`. */
  | { readonly is: 'messages'; readonly connection: number; readonly messages: readonly Said<C>[] }
  /**
   * B1: frames of this peer have arrived that wait for their turn; or none does any more. Of a connection that a client dials (A5): the
   * dial waits for its turn; or this is its turn.
   */
  | { readonly is: 'waits'; readonly connection: number; readonly waits: boolean }
  /** Closed by the other end or the network, or never came to be; not said of one that the core closed. */
  | {
      readonly is: 'closed'
      readonly connection: number
      readonly refused: boolean
      /** Of a dial that failed, where known. */
      readonly trouble?: Trouble
      /** A3: when the signed token of this peer ends, by the wall clock. */
      readonly tokenEndsAt?: number
    }

/** Of a core that speaks on the channels `C`. */
export type ConnectionEffect<C extends Channel | null = null> =
  | { readonly do: 'send'; readonly connection: number; readonly message: Said<C> }
  | {
      readonly do: 'close'
      readonly connection: number
      readonly code: ErrorCode | null
      readonly text: string
    }
  | {
      readonly do: 'dial'
      readonly connection: number
      readonly address: string
      readonly cluster: string | null
      readonly from: HelloFrom
      /** When it would be too late, in monotonic ms: of dials that wait in this process the one with the smallest goes first (A5). Absent: at once. */
      readonly hurryAt?: number
    }

/** What came on a connection of this channel: codec.ts has let through nothing else, and the compiler can't see that. */
export function saidOn<C extends Channel>(messages: readonly Message[]): readonly Said<C>[] {
  return messages as unknown as readonly Said<C>[]
}
