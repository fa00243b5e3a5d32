// E6: how a cluster begins. Its first record is made by an act of its own and by nothing else: a view server that
// finds no record invents none. What such a view server says, and what stops a cluster that only seems to be new.

import { ttlMaxMsDefault } from '../wire/limits.ts'
import type { Durability } from '../wire/messages.ts'
import { recordFormat, wireVersion } from '../wire/version.ts'
import type { Founding } from './record.ts'
import type { LockServerHello } from './servers.ts'

export interface NewCluster {
  /** 32 random hex digits. */
  readonly cluster: string
  readonly durability?: Durability
  /** G1: how many groups it has. */
  readonly groups?: number
  /** The longest ttl that it grants. */
  readonly ttlMaxMs?: number
  /** No server of an older cluster of this name can have granted anything that still lasts. */
  readonly nobodyHasRun?: boolean
}

/** A lease of an older cluster may last as long as the longest that this one would grant. */
export function foundingOf({ cluster, durability, groups, ttlMaxMs, nobodyHasRun }: NewCluster): Founding {
  const longest = ttlMaxMs ?? ttlMaxMsDefault
  return {
    record: 1,
    cluster,
    durability: durability ?? 'memory',
    groups: groups ?? 1,
    pauseMs: nobodyHasRun ? 0 : longest,
    ttlMaxMs: longest,
    wire: wireVersion,
    format: recordFormat,
    nonce: `${cluster}-0`,
  }
}

/** What a view server without a record says. `place`: the option that names the place of its record. */
export function noRecordText(place: string): string {
  return `there is no view record (${place}), and none is invented. If the cluster is new: holdfast init ${place}. If this is the wrong folder or prefix: start this view server with the right one. If the record was lost: holdfast adopt ${place} --servers LOCKSERVER,… rebuilds it from the lock servers, and no lock is lost; do not run init then, and restart no lock server`
}

/** E6: this lock server has a part in a cluster already, or its journal has. */
export function knowsCluster({ view, role, imprint }: LockServerHello): boolean {
  return view > 0 || role !== 'idle' || imprint !== null
}

/** E6: why a new cluster goes no further. */
export function stoppedText({ id, address, view }: LockServerHello, theirs: string, ours: string): string {
  return `lock server ${id} at ${address} knows view ${view} of cluster ${theirs}, and the record that this view server was given begins the new cluster ${ours}: no view of it is made. If that cluster's record was lost: holdfast adopt. If the new cluster is meant: end all lock servers of the old one, or give them the right --view, and restart this view server`
}
