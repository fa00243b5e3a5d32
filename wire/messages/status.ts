// What a view server says of a cluster, its groups and its servers.

import { count, flag, list, nullable, record, type ShapeType, text } from '../shape.ts'
import { groupsMax } from '../slots.ts'
import { disk, durability, group, imprint, server, slotMap, view } from './cluster.ts'
import { address, explanation, id, milliseconds, number, positive, role, version } from './words.ts'

const serverStatus = record({
  id,
  address,
  pid: count(4711),
  host: text('host', 256),
  role,
  /** The one whose view names it; null: none does. */
  group: nullable(group),
  inSync: flag,
  view: count(3),
  opNumber: count(12),
  lag: count(0),
  copiedPart: count(0, 0, 100),
  pingAgeMs: milliseconds,
  alive: flag,
  leaving: flag,
  /** What its journal held when it started (D3); null also without a journal. */
  imprint: nullable(imprint),
  /** Its disk is nearly full (D8). */
  low: flag,
  /** Null: it has no journal, or has not told yet. */
  disk: nullable(disk),
  /** Of its package; empty: it has not told yet. */
  version,
})
export type ServerStatus = ShapeType<typeof serverStatus>
/** While the state is lost unless it is recovered (D4). */
const recoveryStatus = record({
  /** Servers with an imprint that counts, and what proves that its writer is gone; null: nothing does yet. */
  found: list(
    record({ id, address, of: id, view: positive, opNumber: number, proof: nullable(text('refuses', 64)) }),
  ),
  /** Servers of the choice whose imprint is not there. */
  waitedFor: list(server),
  /** For how much longer at most. */
  patienceMs: milliseconds,
  /** What a reset would give up now. */
  lost: explanation,
})
export type RecoveryStatus = ShapeType<typeof recoveryStatus>
/** Pid 0, and no host or version: it is known from its mark alone. */
const viewServerStatus = record({
  id,
  address,
  active: flag,
  pid: count(4711),
  host: text('host', 256),
  version,
})
export type ViewServerStatus = ShapeType<typeof viewServerStatus>

const groupStatus = record({
  group,
  view: nullable(view),
  acked: flag,
  recovery: nullable(recoveryStatus),
  survives: count(1),
  /** Why its state is lost, or waits for its recovery; null: neither. */
  lost: nullable(explanation),
})
export type GroupStatus = ShapeType<typeof groupStatus>

export const status = record({
  cluster: nullable(id),
  durability: nullable(durability),
  groups: list(groupStatus),
  map: nullable(slotMap),
  /** G8: how many groups there are to be, and what keeps it from that; null: nothing does. */
  groupsWanted: count(1, 1, groupsMax),
  groupsWait: nullable(explanation),
  /** Those of group 0. */
  recovery: nullable(recoveryStatus),
  view: nullable(view),
  acked: flag,
  servers: list(serverStatus),
  /** How many more deaths the service survives right now: the smallest of all groups. */
  survives: count(1),
  /** Why no view is made any more; null while all is well. */
  halted: nullable(explanation),
  pid: count(4711),
  /** The one that says this, the active one, and the standbys that it knows of (E5). */
  viewServers: list(viewServerStatus),
})
export type Status = ShapeType<typeof status>
