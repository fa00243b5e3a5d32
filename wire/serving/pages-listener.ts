// Pages at their own address (`--admin-listen`): a port that speaks only HTTP, so that operators, probes and
// scrapers do not use the port that pings go through. The limits are the same; there is no WebSocket.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecure, Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { helloWithinMs, requestsPerSocketMax } from '../limits.ts'
import type { Guard } from '../net/guard.ts'
import { isLoopback, isWildcard, type Listener } from '../net/listen.ts'
import { listenWithTls, tellsTls } from '../net/tls/listening.ts'
import type { ServerTls } from '../net/tls/server-tls.ts'

export interface PagesAddress {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
}

export interface PagesOptions {
  readonly guard: Guard
  readonly insecure: boolean
  /** B3, B5: sockets at this address have their places among the strangers of the peers' port. */
  readonly peers: Pick<Listener, 'edge' | 'visit'>
  /** A5: as at the port of the peers. */
  readonly tls: ServerTls | null
  turnedAway(reason: string, remote: string): void
}

export interface PagesListener {
  /** Such as `http://127.0.0.1:9400`. */
  readonly url: string
  close(): Promise<void>
}

/** Rejects with one clear line if the address isn't available. */
export async function listenForPages(
  at: PagesAddress,
  { guard, insecure, peers, tls, turnedAway }: PagesOptions,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<PagesListener> {
  const where = `${at.host}:${at.port}`
  if (guard.isOpen && !insecure && !isLoopback(at.host))
    throw new Error(
      `refusing to show pages on ${where} to all: set --server-secret and --access FILE (or one --secret for everything), use 127.0.0.1, or say --insecure`,
    )
  const isSecure = tls !== null && tls.own !== null
  const times = { headersTimeout: helloWithinMs, requestTimeout: helloWithinMs }
  const http = isSecure ? createSecure({ ...times, ...tls.listening }) : createServer(times)
  http.on('request', answer)
  http.maxRequestsPerSocket = requestsPerSocketMax
  http.maxConnections = peers.edge.room.sockets + peers.edge.room.strangers
  if (isSecure && http instanceof SecureServer) listenWithTls(http, { tls, enter: peers.visit, turnedAway })
  else {
    http.on('connection', peers.visit)
    tellsTls(http, turnedAway)
  }
  await new Promise<void>((resolve, reject) => {
    http.once('error', ({ message }) =>
      reject(new Error(`can't listen on ${where} for pages (--admin-listen): ${message}`)),
    )
    http.listen(at.port, at.host, resolve)
  })
  return { url: urlOf(at.host, (http.address() as AddressInfo).port, isSecure), close: () => closed(http) }
}

/** Names the loopback address instead of one that means all of this machine's own, which no caller can use. */
function urlOf(host: string, port: number, isSecure: boolean): string {
  const name = isWildcard(host) ? '127.0.0.1' : host
  return `${isSecure ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`
}

function closed(http: ReturnType<typeof createServer>): Promise<void> {
  return new Promise(resolve => {
    http.close(() => resolve())
    http.closeAllConnections()
  })
}
