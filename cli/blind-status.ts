// What lock servers know of the cluster, while no view server answers: who is primary, and that no other would
// become it. It is less than a view server's status, and says so; it decides nothing.

import type { Server, ServerStatus, Status, View, Welcome } from '../wire/messages.ts'
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
  const newest = newestView(found)
  if (newest === null || found.length === urls.length) return null
  const known = found.map(({ url }) => url)
  const named = [newest.primary, newest.backup].flatMap(server => server?.address ?? [])
  const more = named.filter(address => !known.includes(address))
  return statusOf([...found, ...(await meetAll(more, proofOf(reach)))], newest)
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

function newestView(found: readonly Found[]): View | null {
  const views = found.flatMap(({ welcome }) => welcome.view ?? [])
  return views.reduce<View | null>(
    (best, view) => (best !== null && best.number >= view.number ? best : view),
    null,
  )
}

function statusOf(found: readonly Found[], view: View): Status {
  const of = (server: Server | null) => found.find(({ welcome }) => welcome.id === server?.id)
  const backup = of(view.backup)
  const hasCopy = backup?.welcome.whole === view.number
  const named = [view.primary, view.backup].flatMap(server => server ?? [])
  const others = found
    .filter(({ welcome }) => !named.some(({ id }) => id === welcome.id))
    .flatMap(({ url, welcome }) => (welcome.id === null ? [] : { id: welcome.id, address: url }))
  return {
    cluster: found[0]?.welcome.cluster ?? null,
    durability: view.durability,
    groups: [
      {
        group: view.group,
        view,
        acked: view.backup === null || hasCopy,
        recovery: null,
        survives: 0,
        lost: null,
      },
    ],
    map: found[0]?.welcome.map ?? null,
    recovery: null,
    view,
    acked: view.backup === null || hasCopy,
    servers: [...named, ...others].map(server => serverStatus(server, view, of(server), hasCopy)),
    survives: 0,
    halted: `no view server answers; ${what(view, of(view.primary), hasCopy)}. Start a view server again on its record`,
    pid: 0,
    viewServers: [],
  }
}

function what(view: View, primary: Found | undefined, hasCopy: boolean): string {
  if (primary?.welcome.role !== 'primary')
    return `${view.primary.address} was primary of view ${view.number} and does not answer: no lock can be had`
  const copy = hasCopy ? ' and its backup has a whole copy' : view.backup === null ? ' and has no backup' : ''
  return `${view.primary.address} is primary of view ${view.number}${copy}: locks are granted, but no other would be promoted if it died`
}

function serverStatus(server: Server, view: View, found: Found | undefined, hasCopy: boolean): ServerStatus {
  const role = view.primary.id === server.id ? 'primary' : view.backup?.id === server.id ? 'backup' : 'idle'
  return {
    ...server,
    pid: 0,
    version: '',
    host: '',
    role,
    group: role === 'idle' ? null : view.group,
    inSync: role === 'backup' && hasCopy,
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
