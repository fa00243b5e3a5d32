// What lock servers know of the cluster, while no view server answers: who is primary, and that no other would
// become it. It is less than a view server's status, and says so; it decides nothing.

import type { GroupStatus, Server, ServerStatus, Status, View, Welcome } from '../wire/messages.ts'
import { proofOf, viewDefault } from './arguments.ts'
import { AskedServer, type Reach } from './ask.ts'

interface Found {
  readonly url: string
  readonly welcome: Welcome
}

/** Null: no lock server that knows a view answers either; or none but lock servers were given. */
export async function blindStatus({ view, ...reach }: Reach): Promise<Status | null> {
  const urls = view ?? [viewDefault]
  const found = await meetAll(urls, proofOf(reach))
  const views = newestViews(found)
  if (views.length === 0 || found.length === urls.length) return null
  const known = found.map(({ url }) => url)
  const named = views.flatMap(serversIn).map(({ address }) => address)
  const more = named.filter(address => !known.includes(address))
  return statusOf([...found, ...(await meetAll(more, proofOf(reach)))], views)
}

/** Those lock servers that answer. */
async function meetAll(urls: readonly string[], secret: string | undefined): Promise<Found[]> {
  const met = urls.map(async url => {
    try {
      using peer = await AskedServer.meet(url, secret)
      return peer.isViewServer ? [] : [{ url, welcome: peer.welcome }]
    } catch {
      return []
    }
  })
  return (await Promise.all(met)).flat()
}

/** Of each group that one of them knows, in their order. */
function newestViews(found: readonly Found[]): View[] {
  const newest = new Map<number, View>()
  for (const { welcome } of found)
    for (const view of [...(welcome.view === null ? [] : [welcome.view]), ...welcome.others])
      if (view.number > (newest.get(view.group)?.number ?? 0)) newest.set(view.group, view)
  return [...newest.values()].sort((a, b) => a.group - b.group)
}

function serversIn({ primary, backup }: View): Server[] {
  return backup === null ? [primary] : [primary, backup]
}

/** What the servers of one group say of themselves. */
interface Seen {
  readonly view: View
  readonly primary: Found | undefined
  /** Its backup has a whole copy of this view. */
  readonly hasCopy: boolean
}

function statusOf(found: readonly Found[], views: readonly View[]): Status {
  const of = (server: Server | null) => found.find(({ welcome }) => welcome.id === server?.id)
  const seen: Seen[] = views.map(view => ({
    view,
    primary: of(view.primary),
    hasCopy: of(view.backup)?.welcome.whole === view.number,
  }))
  const groups = seen.map(groupStatus)
  const [first] = groups
  const map = found.find(({ welcome }) => welcome.map !== null)?.welcome.map ?? null
  return {
    cluster: found[0]?.welcome.cluster ?? null,
    durability: views[0]?.durability ?? null,
    groups,
    map,
    groupsWanted: map?.groups ?? 1,
    groupsWait: null,
    recovery: null,
    view: first?.view ?? null,
    acked: first?.acked ?? false,
    servers: [
      ...seen.flatMap(group => serversIn(group.view).map(server => serverStatus(server, group, of(server)))),
      ...othersIn(found, views).map(server => serverStatus(server, null, of(server))),
    ],
    survives: 0,
    halted: `no view server answers; ${seen.map(group => what(group, views.length)).join('; ')}. Start a view server again on its record`,
    pid: 0,
    viewServers: [],
  }
}

function groupStatus({ view, hasCopy }: Seen): GroupStatus {
  const acked = view.backup === null || hasCopy
  return { group: view.group, view, acked, recovery: null, survives: 0, lost: null }
}

/** Those that no view names. */
function othersIn(found: readonly Found[], views: readonly View[]): Server[] {
  const named = new Set(views.flatMap(serversIn).map(({ id }) => id))
  return found.flatMap(({ url, welcome: { id } }) =>
    id === null || named.has(id) ? [] : [{ id, address: url }],
  )
}

function what({ view, primary, hasCopy }: Seen, groups: number): string {
  const of = groups === 1 ? '' : ` of group ${view.group}`
  if (primary?.welcome.role !== 'primary')
    return `${view.primary.address} was primary of view ${view.number}${of} and does not answer: no lock can be granted`
  const copy = hasCopy ? ' and its backup has a whole copy' : view.backup === null ? ' and has no backup' : ''
  return `${view.primary.address} is primary of view ${view.number}${of}${copy}: locks are granted, but no other would be promoted if it died`
}

/** `seen`: null for an idle server. */
function serverStatus(server: Server, seen: Seen | null, found: Found | undefined): ServerStatus {
  const role = seen === null ? 'idle' : seen.view.primary.id === server.id ? 'primary' : 'backup'
  return {
    ...server,
    pid: 0,
    version: '',
    host: '',
    role,
    group: seen?.view.group ?? null,
    inSync: role === 'backup' && seen?.hasCopy === true,
    view: found?.welcome.view?.number ?? 0,
    opNumber: 0,
    lag: 0,
    copiedPart: 0,
    pingAgeMs: 0,
    alive: found !== undefined,
    leaving: false,
    imprint: null,
    low: false,
    disk: null,
  }
}
