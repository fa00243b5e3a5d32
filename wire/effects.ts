// What every core hears of its connections, and what it may ask of its driver about them. A core
// knows a connection by its number: drivers number those they accept upwards from 1, cores number
// those they dial downwards from -1.

import type { ErrorCode } from './errors.ts'
import type { HelloFrom, Message } from './messages.ts'

export type ConnectionInput =
  /** A peer connected and said hello; wire version and secret are checked already. */
  | {
      readonly is: 'accepted'
      readonly connection: number
      readonly cluster: string | null
      readonly from: HelloFrom
    }
  /** One frame. On a dialled connection the first message is `welcome` or `error`. */
  | { readonly is: 'messages'; readonly connection: number; readonly messages: readonly Message[] }
  /** Closed by the other end or the network, or never came to be; not said of one that the core closed. */
  | { readonly is: 'closed'; readonly connection: number; readonly refused: boolean }

export type ConnectionEffect =
  | { readonly do: 'send'; readonly connection: number; readonly message: Message }
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
    }
