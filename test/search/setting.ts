// What a search is about: how many servers, what each client's program calls, and the few options.

import type { Manner, Mode, Terms } from '../../wire/messages.ts'

/** One call of a client's program. Each is made when the one before is answered; the first, and those with `anytime`, at any moment. */
export type Op =
  | {
      readonly do: 'acquire'
      readonly names: readonly string[]
      readonly mode?: Mode
      readonly manner?: Manner
      /** Beside the mode (C1, C3, C5, C8). */
      readonly terms?: Partial<Terms>
      readonly anytime?: true
    }
  /** Releases what the op with this index was granted. */
  | { readonly do: 'release'; readonly of: number; readonly anytime?: true }
  | { readonly do: 'query'; readonly anytime?: true }
  /** C6: of what the op with this index was granted. */
  | { readonly do: 'set-note'; readonly of: number; readonly note: string; readonly anytime?: true }
  | { readonly do: 'force-release'; readonly name: string; readonly anytime?: true }
  /** Gives up waiting for the op with this index; has no answer. */
  | { readonly do: 'abort'; readonly of: number; readonly anytime: true }
  | { readonly do: 'end'; readonly anytime?: true }

export interface Setting {
  readonly servers: number
  readonly programs: readonly (readonly Op[])[]
  readonly ttlMs: number
  /** Ticks without a ping after which the view server believes in a death; lock servers have 5. */
  readonly deadPings: number
  /** The view server's write ends by an event of its own; otherwise at once. */
  readonly slowDisk: boolean
  /** The cluster is durable, and each write of a lock server is synced by an event of its own, or at once. */
  readonly disks: 'none' | 'slow' | 'fast'
  /** D4: how long the view server waits for the other copy. */
  readonly patienceMs: number
  /** Servers that may read more than one frame before what they decided goes out. */
  readonly openTurns: readonly number[]
  /** What may happen in this search spares the state: one who may go on with it must always live. */
  readonly spared: boolean
  /** Somebody who asks the view server for a reset. */
  readonly operator: 'none' | 'careful' | 'forcing'
  /** Each client is a principal that may do all; there is another access file, in which C1 has no rule, or no token. */
  readonly access: 'none' | 'no rule' | 'no token'
}
