// What operators see: the status of the cluster, why it is not ready, whether its state is lost.
// Nothing is decided here.

import type { GroupStatus, RecoveryStatus, Server, ServerStatus, Status } from '../wire/messages.ts'
import type { GroupRecord, ViewRecord } from './record.ts'
import { choiceOf } from './recovery.ts'
import type { KnownServer, Servers } from './servers.ts'

export function statusOf(
  record: ViewRecord | null,
  servers: Servers,
  recovery: RecoveryStatus | null,
  halted: string | null,
  pid: number,
  now: number,
): Status {
  return {
    cluster: record?.cluster ?? null,
    durability: record?.view.durability ?? null,
    groups: record === null ? [] : [groupStatus(record, servers, recovery)],
    map: record?.map ?? null,
    recovery,
    view: record?.view ?? null,
    acked: record?.acked ?? false,
    servers: servers
      .all()
      .filter(server => server.counts || roleOf(server.id, record) !== 'idle')
      .map(server => serverStatus(server, record, servers, now)),
    survives: halted === null ? survives(record, servers) : 0,
    halted: halted ?? (record && lossOf(record, servers, recovery)),
    pid,
    viewServers: [],
  }
}

function groupStatus(record: GroupRecord, servers: Servers, recovery: RecoveryStatus | null): GroupStatus {
  const { view, acked } = record
  const lost = lossOf(record, servers, recovery)
  return { group: view.group, view, acked, recovery, survives: survives(record, servers), lost }
}

/** Why there is no primary to work with; null when there is one. */
export function unready(record: ViewRecord | null, servers: Servers): string | null {
  if (record === null) return 'there is no view yet: no idle lock server has been found'
  const { id, address } = record.view.primary
  if (servers.lives(servers.named(id))) return null
  return lossOf(record, servers) ?? `the primary ${id} at ${address} is not heard`
}

/** F14: no living server can go on with the state. Undecided while a backup may still answer. */
export function lossOf(
  record: GroupRecord,
  servers: Servers,
  recovery: RecoveryStatus | null = null,
): string | null {
  const { view, acked } = record
  const { primary, backup } = view
  if (!servers.isDead(servers.named(primary.id))) return null
  if (backup !== null && acked && !servers.isDead(servers.named(backup.id))) return null
  if (choiceOf(record).durability === 'disk') return waitText(primary, recovery)
  return `the primary ${primary.id} at ${primary.address} is dead and nobody else holds the state; if it can't come back, 'holdfast reset' starts an empty one`
}

/** D4: what the service waits for. */
function waitText(primary: Server, recovery: RecoveryStatus | null): string {
  const begin = `the primary ${primary.id} at ${primary.address} is dead and no other server lives that has the state; it`
  if (recovery === null) return `${begin} is on disk, and is recovered once its servers are back`
  const { found, waitedFor } = recovery
  const unproven = found.filter(({ proof }) => proof === null)
  if (found.length === 0 || unproven.length < found.length)
    return `${begin} is recovered from the journals once these are back: ${listOf(waitedFor)}`
  return `${begin} is found in the journals of ${listOf(found)}, but the processes that wrote it may still live; if they are gone for good: ${unproven.map(({ of }) => `holdfast recover --gone ${of}`).join(', ')}`
}

function listOf(servers: readonly Server[]): string {
  return servers.map(({ id, address }) => `${id} at ${address}`).join(', ') || 'no server'
}

/**
 * The service survives one more death if the view is acked and both its servers live; after that death, the
 * next view must be acked first.
 */
function survives(record: GroupRecord | null, servers: Servers): number {
  if (!record?.acked || record.view.backup === null) return 0
  const { primary, backup } = record.view
  return [primary, backup].every(({ id }) => servers.lives(servers.named(id))) ? 1 : 0
}

function serverStatus(
  server: KnownServer,
  record: ViewRecord | null,
  servers: Servers,
  now: number,
): ServerStatus {
  const { id, address, pid, host, version, ping } = server
  const role = roleOf(id, record)
  return {
    id,
    address,
    pid,
    host,
    role,
    group: role === 'idle' ? null : 0,
    inSync: role === 'backup' && record?.acked === true,
    view: ping?.view ?? 0,
    opNumber: ping?.opNumber ?? 0,
    lag: ping?.lag ?? 0,
    copiedPart: ping?.copiedPart ?? 0,
    pingAgeMs: Math.max(0, Math.round(now - (server.heardAt ?? now))),
    alive: servers.lives(server),
    leaving: ping?.leaving ?? false,
    imprint: server.imprint,
    low: ping?.low ?? false,
    disk: ping?.disk ?? null,
    version,
  }
}

/** The role that the view gives it: what a deposed server says of itself is of no use to operators. */
function roleOf(id: string, record: ViewRecord | null): ServerStatus['role'] {
  if (record?.view.primary.id === id) return 'primary'
  return record?.view.backup?.id === id ? 'backup' : 'idle'
}
