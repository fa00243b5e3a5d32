// What a lock server's core asks of its journal, and what it hears from it: types only, so that a core knows
// nothing of files. Every write has a number; `synced` of a number speaks for all writes up to it (D1).

import type { DiskFigures, Entry, SnapshotRecord } from '../../wire/messages.ts'
import type { Recent } from '../state/recent.ts'
import type { SnapshotHeader } from '../state/snapshot.ts'
import type { State } from '../state/state.ts'

/** What state a journal holds (D2). The op number is not in it on disk: it follows from the log. */
export interface Imprint {
  readonly cluster: string
  /** The server id that wrote it. */
  readonly id: string
  /** The address that this server had then. */
  readonly address: string
  readonly group: number
  readonly view: number
  readonly as: 'primary' | 'backup'
  /** V4: it was told, in this view, that it is in sync. */
  readonly told: boolean
  /** R4: a digest differed. */
  readonly differs: boolean
  readonly longestTtlMs: number
}

/** What the core decides, in order. */
export type JournalWrite =
  /** A new, empty state begins: view 1's or a reset's. */
  | { readonly is: 'begin'; readonly imprint: Imprint }
  /** The imprint changes; the state goes on. */
  | { readonly is: 'imprint'; readonly imprint: Imprint }
  /** The state is given up: the folder holds no imprint any more. Also drops an installation. */
  | { readonly is: 'given up' }
  /** Entries as they are replicated, at least one; `digest`: after them (R4). */
  | {
      readonly is: 'batch'
      readonly view: number
      readonly firstOp: number
      readonly wallMs: number
      readonly entries: readonly Entry[]
      readonly digest: number
    }
  /** Another whole state comes, into new files. Batches that come before it is installed follow its header. */
  | { readonly is: 'install'; readonly header: SnapshotHeader }
  /** `synced` of its number says: written. */
  | { readonly is: 'records'; readonly records: readonly SnapshotRecord[] }
  /** From its sync on this state and this imprint count; until then the old ones do. */
  | { readonly is: 'installed'; readonly imprint: Imprint }
  /** The installation is given up; the old state stays. */
  | { readonly is: 'dropped' }

/** A snapshot of the state that goes on, so that old batches can go. One copy of a state at a time. */
export type SnapshotPiece =
  /** All writes so far are inside, all later ones are not. */
  | { readonly is: 'begin'; readonly header: SnapshotHeader }
  | { readonly is: 'records'; readonly records: readonly SnapshotRecord[] }
  | { readonly is: 'end' }
  | { readonly is: 'dropped' }

/** What the journal says to the core. */
export type JournalSays =
  /** D1: all writes up to this number are on the disk. */
  | { readonly is: 'synced'; readonly number: number }
  /** The log has grown: a snapshot would let old batches go. */
  | { readonly is: 'snapshot wanted' }
  /** A `begin` or `records` of a snapshot was written: the next piece may come. */
  | { readonly is: 'snapshot taken' }
  /** D8: the disk has less room than the reserve, or has enough again. */
  | { readonly is: 'room'; readonly low: boolean }
  /** How the disk does, each tick: for operators. */
  | { readonly is: 'figures'; readonly figures: DiskFigures }

/** What the folder held when the server started, read as a whole and checked (D3). */
export interface Found {
  readonly imprint: Imprint & { readonly opNumber: number }
  /** D9: machine, boot and folder are the present ones, and the hold was free. */
  readonly here: boolean
  readonly state: State
  /** D12 */
  readonly recent: Recent
}
