// What servers answer over HTTP: pages for people, probes and scrapers. Read only: GET and HEAD, nothing
// is ever cached, and what tells of the cluster is told only to who calls the server by a name of its own.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'

export interface Page {
  readonly status: number
  /** A content type; JSON unless told otherwise. */
  readonly type?: string
  readonly body: string | object
}

export interface Route {
  /** Answers by whatever name the server is called: probes know only addresses, and it tells little. */
  readonly anyHost?: true
  readonly read: () => Page | Promise<Page>
}

export type Routes = ReadonlyMap<string, Route>

export function routesOf(routes: Readonly<Record<string, Route>>): Routes {
  return new Map(Object.entries(routes))
}

/** `hosts`: names beside IP addresses, localhost and the machine's own that the server goes by. */
export async function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  hosts: readonly string[],
): Promise<void> {
  const page = await pageOf(request, response, routes, hosts).catch((error: unknown) => ({
    status: 500,
    body: { error: String(error) },
  }))
  send(request, response, page)
}

async function pageOf(
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  hosts: readonly string[],
): Promise<Page> {
  const route = routes.get(url?.split('?')[0] ?? '')
  if (route === undefined)
    return problem(404, `there is nothing here; there are ${[...routes.keys()].join(', ')}`)
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return problem(405, `${method} does nothing here; use GET or HEAD`)
  }
  if (!route.anyHost && !isOwnName(headers.host, hosts))
    return problem(
      421,
      `this server does not go by the name of ${headers.host}; call it by its IP address, or start it with --origin http://${headers.host}`,
    )
  return await route.read()
}

function problem(status: number, error: string): Page {
  return { status, body: { error } }
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, type, body }: Page): void {
  const text = Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`)
  response.writeHead(status, {
    'content-type': type ?? 'application/json',
    'content-length': text.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(method === 'HEAD' ? undefined : text)
}

/**
 * A page of somebody else's can make a browser ask this server under that page's own name (DNS
 * rebinding), and read the answer; never under an IP address, or under a name that is ours.
 */
export function isOwnName(host: string | undefined, hosts: readonly string[]): boolean {
  if (host === undefined) return true // HTTP/1.0: no browser
  const name = nameIn(`http://${host}`)
  if (name === undefined) return false
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true
  return name === 'localhost' || name === hostname().toLowerCase() || hosts.includes(name)
}

/** The host names in these URLs, or names as they are. */
export function hostNames(urls: readonly string[]): string[] {
  return urls.flatMap(url => nameIn(url.includes('://') ? url : `http://${url}`) ?? [])
}

function nameIn(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}
