// What the view server's pages answer, as this page reads it. Types only: the page imports no code of the
// servers, so that none of it travels to a browser.

import type { CircleStep, DeadlocksPage } from '../lockserver/pages/deadlocks.ts'
import type { TablePage, TableRow } from '../lockserver/pages/table-page.ts'
import type { LossCause } from '../viewservice/cause.ts'
import type { Step } from '../viewservice/circles.ts'
import type { ViewChange } from '../viewservice/counts.ts'
import type { Standing } from '../viewservice/pages/door-pages.ts'
import type { ServerStatus, Status } from '../wire/messages.ts'

export type { ServerStatus, Standing, Status, Step, TablePage, TableRow, ViewChange }

/** Clients that wait for one another. */
export type Circle = readonly CircleStep[]
/** Of `/deadlocks`. */
export type Deadlocks = DeadlocksPage

/** Of `/cluster`. */
export interface Cluster {
  readonly status: Status
  /** Why no primary serves. */
  readonly unready: string | null
  /** What an operator should do; empty: nothing. */
  readonly advice: readonly string[]
  /** What becomes of the groups while their number changes; empty: it does not change. */
  readonly moves: readonly string[]
  readonly clients: number
  /** This page may kill and freeze servers. */
  readonly play: boolean
  /** This page may end holds, and start an empty state. */
  readonly acts: boolean
  /** For how long each lock server that has told it has run, by id; and the view server that answers. */
  readonly upMs: Readonly<Record<string, number>>
  readonly ownUpMs: number
  /** The newest comes last. */
  readonly views: readonly PastView[]
}

export interface PastView {
  readonly group: number
  readonly number: number
  readonly change: ViewChange
  readonly cause: LossCause | null
  readonly primary: string
  readonly backup: string | null
  readonly ageMs: number
  readonly gapMs: number | null
  readonly ackedAfterMs: number | null
}

/** Of `/locks`: of several groups also those that have not answered. */
export type LocksPage = TablePage & { readonly missing?: readonly number[] }

/** Of `/why`, as far as it is shown. */
export interface Why {
  readonly circle: readonly Step[] | null
}

/** Of `/hour`, the oldest first; null where the primary gave no figures. */
export interface Hour {
  readonly stepMs: number
  readonly groups: readonly HourOfGroup[]
}

export interface HourOfGroup {
  readonly group: number
  readonly ageMs: readonly number[]
  readonly held: readonly (number | null)[]
  readonly waiting: readonly (number | null)[]
  readonly longestWaitMs: readonly (number | null)[]
  readonly clients: readonly (number | null)[]
  readonly perSecond: readonly (number | null)[]
}

export interface Buckets {
  readonly counts: readonly number[]
  readonly count: number
}

/** Of `/stats`: counts since the primary's start, and how it is now. */
export interface Stats extends Record<Latency, Buckets> {
  readonly operations: Readonly<Record<string, number>>
  /** Of the whole cluster, now. */
  readonly vitals: { readonly held: number; readonly waiting: number; readonly sessions: number }
  readonly longestWaitMs: number
  readonly boundsMs: readonly number[]
  /** Groups that have not answered; absent: there is one. */
  readonly missing?: readonly number[]
}

export type Latency = 'roundTrip' | 'wait' | 'handOver'
