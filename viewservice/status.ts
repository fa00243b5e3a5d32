// What operators see: the status of the cluster, why it is not ready, whether its state is lost.
// Nothing is decided here.

import type { GroupStatus, RecoveryStatus, Server, ServerStatus, Status } from '../wire/messages.ts'
import type { GroupRecord } from './record.ts'
import { choiceOf } from './recovery.ts'
import type { KnownServer, Servers } from './servers.ts'

/** A group as its status shows it. */
export interface Shown {
  readonly number: number
  readonly record: GroupRecord | null
  readonly recovery: RecoveryStatus | null
}

/** What the groups and the servers show; the rest, whoever has it adds. `serving`: how many groups have slots. */
export function statusOf(
  groups: readonly Shown[],
  servers: Servers,
  halted: string | null,
  now: number,
  serving = groups.length,
): Omit<Status, 'cluster' | 'map' | 'pid' | 'groupsWanted' | 'groupsWait'> {
  const shown = groups.filter(({ number, record }) => number < serving || record !== null)
  const all = shown.map(group => groupStatus(group, servers, serving))
  const [first] = all
  // G8: what has no slots is nothing to lose.
  const serves = all.filter(({ group }) => group < serving)
  return {
    groups: all,
    durability: first?.view?.durability ?? null,
    recovery: first?.recovery ?? null,
    view: first?.view ?? null,
    acked: first?.acked ?? false,
    servers: servers
      .all()
      .filter(server => server.counts || roleOf(server.id, all) !== 'idle')
      .map(server => serverStatus(server, all, servers, now)),
    survives: halted === null ? Math.min(...serves.map(group => group.survives)) : 0,
    halted: halted ?? lossesIn(serves),
    viewServers: [],
  }
}

/** F14: of each group with slots whose state is lost, why; null: none is. */
export function lossAmong(groups: readonly Shown[], servers: Servers, serving: number): string | null {
  const serves = groups.filter(({ number }) => number < serving)
  return lossesIn(serves.map(group => groupStatus(group, servers, serving)))
}

/** Of all groups whose state is lost; null: of none. */
function lossesIn(groups: readonly GroupStatus[]): string | null {
  const losses = groups.flatMap(({ group, lost }) =>
    lost === null ? [] : [groups.length === 1 ? lost : `group ${group}: ${lost}`],
  )
  return losses.length === 0 ? null : losses.join('; ')
}

function groupStatus({ number, record, recovery }: Shown, servers: Servers, groups: number): GroupStatus {
  return {
    group: number,
    view: record?.view ?? null,
    acked: record?.acked ?? false,
    recovery,
    survives: survives(record, servers),
    lost: record && lossOf(record, servers, { recovery, groups }),
  }
}

/** Why there is no primary to work with; null when each group has one. */
export function unready(groups: readonly Shown[], servers: Servers): string | null {
  for (const { number, record } of groups) {
    const reason = unreadyGroup(record, servers, groups.length)
    if (reason !== null) return groups.length === 1 ? reason : `group ${number}: ${reason}`
  }
  return null
}

function unreadyGroup(record: GroupRecord | null, servers: Servers, groups: number): string | null {
  if (record === null) return 'there is no view yet: no idle lock server has been found'
  const { id, address } = record.view.primary
  if (servers.lives(servers.named(id))) return null
  return lossOf(record, servers, { groups }) ?? `the primary at ${address} (${id}) is silent`
}

/** F14: no living server can go on with the state. Undecided while a backup may still answer. `groups`: how many there are at least. */
export function lossOf(
  record: GroupRecord,
  servers: Servers,
  about: { readonly recovery?: RecoveryStatus | null; readonly groups?: number } = {},
): string | null {
  const { view, acked } = record
  const { primary, backup, group } = view
  const { recovery = null, groups = group + 1 } = about
  if (!servers.isDead(servers.named(primary.id))) return null
  if (backup !== null && acked && !servers.isDead(servers.named(backup.id))) return null
  if (choiceOf(record).durability === 'disk') return waitText(primary, recovery)
  const reset = groups === 1 ? 'holdfast reset' : `holdfast reset --group ${group}`
  return `the primary at ${primary.address} (${primary.id}) is dead and no other server holds the state; if it can't come back, '${reset}' starts an empty one`
}

/** D4: what the service waits for. */
function waitText(primary: Server, recovery: RecoveryStatus | null): string {
  const begin = `the primary at ${primary.address} (${primary.id}) is dead and no other server lives that has the state; it`
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
  groups: readonly GroupStatus[],
  servers: Servers,
  now: number,
): ServerStatus {
  const { id, address, pid, host, version, ping } = server
  const role = roleOf(id, groups)
  const own = groupOf(id, groups)
  return {
    id,
    address,
    pid,
    host,
    role,
    group: own?.group ?? null,
    inSync: role === 'backup' && own?.acked === true,
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

/** The role that the views give it: what a deposed server says of itself is of no use to operators. */
export function roleOf(
  id: string,
  groups: readonly Pick<GroupStatus, 'group' | 'view'>[],
): ServerStatus['role'] {
  const view = groupOf(id, groups)?.view
  if (view === undefined || view === null) return 'idle'
  return view.primary.id === id ? 'primary' : 'backup'
}

/** The group whose view names this server. */
export function groupOf<G extends Pick<GroupStatus, 'view'>>(
  id: string,
  groups: readonly G[],
): G | undefined {
  return groups.find(({ view }) => view?.primary.id === id || view?.backup?.id === id)
}
