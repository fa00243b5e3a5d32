// Begins a cluster: writes its first record into a store that holds none (E6). Whether that is right, only whoever
// asks for it can know.

import { runtime } from '#runtime'
import type { Durability } from '../wire/messages.ts'
import { knownOnly, trueOrFalse } from '../wire/options.ts'
import { foundingOf } from './founding.ts'
import { beginningOf, placeOf } from './options.ts'
import { openStore, placeOption } from './stores/place.ts'
import { StoreError } from './stores/store.ts'

export interface InitOptions {
  /** Where the view record is to live, as for `startViewServer`: a folder, or a URL. */
  readonly data?: string | undefined
  readonly record?: string | undefined
  /**
   * What becomes of the state when all machines lose power at once: with `memory`, the default, it is lost; `disk` keeps
   * it, and takes only lock servers with a journal.
   */
  readonly durability?: Durability | undefined
  /** The longest lease that this cluster grants, in ms; default 60,000, at most 600,000. */
  readonly ttlMaxMs?: number | undefined
  /** How many groups of a primary and a backup share the lock names, from 1 to 64; default 1. */
  readonly groups?: number | undefined
  /**
   * No lock server of an earlier cluster with the same users can have granted anything that still lasts. Without it
   * nothing is granted for `ttlMaxMs`.
   */
  readonly nobodyHasRun?: boolean | undefined
}

export interface NewRecord {
  readonly cluster: string
  readonly durability: Durability
  readonly ttlMaxMs: number
  readonly groups: number
  /** For how long view 1 grants nothing. */
  readonly pauseMs: number
}

/** Rejects if there is a record already; nothing is written then. */
export async function initCluster(options: InitOptions): Promise<NewRecord> {
  knownOnly(options, ['data', 'record', 'durability', 'ttlMaxMs', 'groups', 'nobodyHasRun'])
  const nobodyHasRun = trueOrFalse('nobodyHasRun', options.nobodyHasRun)
  const founding = foundingOf({ ...beginningOf(options), nobodyHasRun, cluster: runtime.newId() })
  const place = placeOf(options)
  const store = openStore(place, () => {})
  try {
    const held = await store.load()
    if (held !== null) throw new Error(`${placeOption(place)} has ${recordText(held.record.cluster)}`)
    await store.save(founding, null)
  } catch (error) {
    if (error instanceof StoreError && error.trouble === 'taken')
      throw new Error(`${placeOption(place)} has got a view record meanwhile: another has begun this cluster`)
    throw error
  } finally {
    store.close()
  }
  const { cluster, durability, ttlMaxMs, groups, pauseMs } = founding
  return { cluster, durability, ttlMaxMs, groups, pauseMs }
}

function recordText(cluster: string): string {
  return `a view record already, of cluster ${cluster}: nothing was written. Start the view server on it`
}
