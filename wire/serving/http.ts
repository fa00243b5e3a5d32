// What servers answer over HTTP: pages, probes and metrics. Nothing is ever cached. Pages about the cluster
// require that the request names the server by one of its own names, pages about locks also the cluster's
// secret, and pages that change something also that the request comes from the server's own page.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { isSecret } from '../net/secret.ts'

export interface Page {
  readonly status: number
  /** A content type; the default is JSON. */
  readonly type?: string
  readonly body: string | Buffer | object
}

export interface Route {
  /** Answers under any host name: probes know only addresses, and the page reveals little. */
  readonly anyHost?: true
  /** Requires the secret, if the cluster has one; a browser asks its user for it (Basic, any name). */
  readonly guarded?: true
  /** It changes something: POST instead of GET, and not from another site's page. */
  readonly changes?: true
  readonly read: (query: URLSearchParams) => Page | Promise<Page>
}

/** A query that makes no sense: 400 with this message. */
export class BadQuery extends Error {}

export type Routes = ReadonlyMap<string, Route>

export function routesOf(routes: Readonly<Record<string, Route>>): Routes {
  return new Map(Object.entries(routes))
}

export interface HttpOptions {
  /** The server's names, apart from IP addresses, localhost and the machine's own name. */
  readonly hosts: readonly string[]
  readonly secret: string | null
}

export async function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  options: HttpOptions,
): Promise<void> {
  const page = await pageOf(request, response, routes, options).catch((error: unknown) =>
    error instanceof BadQuery ? problem(400, error.message) : problem(500, String(error)),
  )
  send(request, response, page)
}

async function pageOf(
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  { hosts, secret }: HttpOptions,
): Promise<Page> {
  const [path = '', query = ''] = url?.split('?') ?? []
  const route = routes.get(path)
  if (route === undefined)
    return problem(404, `there is nothing here; there are ${[...routes.keys()].join(', ')}`)
  const methods = route.changes ? ['POST'] : ['GET', 'HEAD']
  if (!methods.includes(method ?? '')) {
    response.setHeader('allow', methods.join(', '))
    return problem(405, `${method} does nothing here; use ${methods.join(' or ')}`)
  }
  if (!route.anyHost && !isOwnName(headers.host, hosts))
    return problem(
      421,
      `this server does not go by the name of ${headers.host}; call it by its IP address, or start it with --origin http://${headers.host}`,
    )
  if (
    route.changes &&
    headers.origin !== `http://${headers.host}` &&
    headers.origin !== `https://${headers.host}`
  )
    return problem(403, `a page of ${headers.origin ?? 'nowhere'} may not ask for this`)
  if (route.guarded && secret !== null && !isProof(headers.authorization, secret)) {
    response.setHeader(
      'www-authenticate',
      'Basic realm="the secret of this Holdfast cluster is the password"',
    )
    return problem(401, 'this needs the secret of the cluster as the password of HTTP Basic authentication')
  }
  return await route.read(new URLSearchParams(query))
}

function isProof(authorization: string | undefined, secret: string): boolean {
  const [, encoded] = /^Basic ([\w+/=]+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return false
  const password = Buffer.from(encoded, 'base64')
    .toString()
    .replace(/^[^:]*:/, '')
  return isSecret(password, secret)
}

/** How one server proves to another that it may read guarded pages. */
export function proofOf(secret: string | null): Record<string, string> {
  return secret === null ? {} : { authorization: `Basic ${Buffer.from(`:${secret}`).toString('base64')}` }
}

function problem(status: number, error: string): Page {
  return { status, body: { error } }
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, type, body }: Page): void {
  const text = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`)
  response.writeHead(status, {
    'content-type': type ?? 'application/json',
    'content-length': text.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': contentPolicy,
    'referrer-policy': 'no-referrer',
  })
  response.end(method === 'HEAD' ? undefined : text)
}

/** Nothing from other origins, nothing inline, in no frame. */
const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * A page of another site can make a browser send requests to this server under that page's own name (DNS
 * rebinding), and read the answers; but never under an IP address, or under one of our names.
 */
export function isOwnName(host: string | undefined, hosts: readonly string[]): boolean {
  if (host === undefined) return true // HTTP/1.0: no browser
  const name = nameIn(`http://${host}`)
  if (name === undefined) return false
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true
  return name === 'localhost' || name === hostname().toLowerCase() || hosts.includes(name)
}

/** The host names in these URLs; an entry may also be a plain name. */
export function hostNames(urls: readonly string[]): string[] {
  return urls.flatMap(url => nameIn(url.includes('://') ? url : `http://${url}`) ?? [])
}

function nameIn(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}
