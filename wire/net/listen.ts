// The port of a server's peers: HTTP for browsers and probes, WebSocket for peers, whose hello hello.ts
// checks, behind an edge that counts them. It turns away pages of other origins; all else is decided above.

import {
  createServer,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecure, Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { WebSocketServer } from 'ws'
import { runtime } from '#runtime'
import * as limits from '../limits.ts'
import { Edge } from './edge.ts'
import { filesAllowed, filesLack, filesOpen, roomOf } from './edge-room.ts'
import { FewAtATime } from './few-at-a-time.ts'
import { type AcceptHandlers, type AcceptOptions, acceptSocket } from './hello.ts'
import { ReadingTurns } from './reading-turns.ts'
import { clearTimeout, setInterval, setTimeout } from './timers-node.ts'
import type { TlsGuest } from './tls/front.ts'
import { listenWithTls, tellsTls } from './tls/listening.ts'
import type { ServerTls } from './tls/server-tls.ts'
import { Visitor } from './visitor.ts'
import ws from './ws.cjs'
import { WsSocket } from './ws-socket.ts'

export interface ListenOptions extends AcceptOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Allows to listen beyond loopback without any proof. */
  readonly insecure: boolean
  /** Origins of web pages that may connect, such as `https://example.org`. */
  readonly origins: readonly string[]
  /** Quotas of addresses (B7); absent or null: the default, from which loopback is exempt. */
  readonly connectionsPerAddress?: number | null
  readonly framesPerAddress?: number | null
  /** A5: with it the port speaks TLS alone. */
  readonly tls?: ServerTls | null
  /** Defaults to the limit of limits.ts; tests make it smaller. */
  readonly connectionsMax?: number
  /** How many files the process may open; the system is asked unless a test gives the number. */
  readonly files?: number
}

export interface ListenHandlers extends AcceptHandlers {
  /** At this moment no more file can be opened: whoever connects is cut by the system, or waits. `code`: EMFILE or ENFILE. */
  filesShort?(code: string): void
  http(request: IncomingMessage, response: ServerResponse): void
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Such as `ws://127.0.0.1:7400`. */
  readonly url: string
  /** The connected peers, and what was refused before a core had the connection. */
  readonly edge: Edge
  /** B3: a socket that came in at another port of the server has its place at this edge, too. */
  visit(socket: Socket): TlsGuest
  /** Takes no more connections and ends the open ones. */
  close(): Promise<void>
  /** The same, at once and without a word to any peer; resolves when the port is free. */
  kill(): Promise<void>
}

/** Rejects with a clear error if the address isn't available. */
export async function listen(options: ListenOptions, handlers: ListenHandlers): Promise<Listener> {
  checkPlatform()
  if ((options.guard?.isOpen ?? options.secret === null) && !options.insecure && !isLoopback(options.host)) {
    throw new Error(
      `refusing to listen on ${options.host} for all: set --server-secret and --access FILE (or one --secret for everything), listen on 127.0.0.1, or say --insecure`,
    )
  }
  const { helloWithinMs = limits.helloWithinMs } = options
  const edge = edgeOf(options)
  const turns = new ReadingTurns(runtime)
  const enter = (socket: Socket) => new Visitor(socket, edge, runtime, turns)
  const { http, visitors } = openPort(options, enter, handlers, helloWithinMs)
  // B3: this is the last resort; the edge cuts strangers before it is reached.
  http.maxConnections = edge.room.sockets + edge.room.strangers
  http.maxRequestsPerSocket = limits.requestsPerSocketMax
  const sockets = new ws.WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // B3: this holds until the hello was accepted.
    maxPayload: limits.helloBytesMax,
    verifyClient: ({ origin, req }: Upgrade, answer: Verdict) => {
      if (originAllowed(origin, options.origins)) return answer(true)
      handlers.turnedAway(`WRONG_ORIGIN: ${origin.slice(0, originShownMax)}`, remoteOf(req))
      answer(false, 403, 'WRONG_ORIGIN')
    },
  })
  const upgrades = new FewAtATime(limits.upgradesPerTurnMax, runtime)
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {}) // 'close' follows
    visitors.get(request.socket)?.brings()
    upgrades.enter(() =>
      sockets.handleUpgrade(request, socket, head, peer => sockets.emit('connection', peer, request)),
    )
  })
  sockets.on('connection', (socket, request) => {
    const visitor = visitors.get(request.socket)
    const reading = new WsSocket(socket)
    visitor?.upgraded(socket, reading)
    acceptSocket(reading, options, handlers, remoteOf(request), runtime, visitor)
  })
  const sweepEdge = () => {
    if (edge.sweep(runtime.monotonic())) runtime.afterTurn(sweepEdge)
  }
  const sweep = setInterval(() => {
    sweepEdge()
    lookAtFiles(edge, handlers)
  }, sweepMs).unref()
  http.once('close', () => clearInterval(sweep))
  await new Promise<void>((resolve, reject) => {
    http.once('error', error => reject(listenError(error, options)))
    http.listen(options.port, options.host, resolve)
  })
  const { port } = http.address() as AddressInfo
  return {
    host: options.host,
    port,
    url: urlOf(options.host, port, http instanceof SecureServer),
    edge,
    visit: enter,
    close: () => closeAll(http, sockets),
    kill: () => killAll(http, sockets),
  }
}

interface Port {
  readonly http: Server
  /** By the socket that HTTP reads: with TLS, the one above it. */
  readonly visitors: WeakMap<Socket, Visitor>
}

/** HTTP, with TLS or without; each socket has a visitor from its first byte. */
function openPort(
  { tls = null }: ListenOptions,
  visit: (socket: Socket) => Visitor,
  handlers: ListenHandlers,
  withinMs: number,
): Port {
  const visitors = new WeakMap<Socket, Visitor>()
  // A caller that never finishes its request may stay no longer than a peer that never says hello.
  const times = { headersTimeout: withinMs, requestTimeout: withinMs, connectionsCheckingInterval: 500 }
  const enter = (socket: Socket) => {
    const visitor = visit(socket)
    visitors.set(socket, visitor)
    return visitor
  }
  const requests = new FewAtATime(limits.requestsPerTurnMax, runtime)
  const ask = (request: IncomingMessage, response: ServerResponse) => {
    visitors.get(request.socket)?.brings()
    requests.enter(() => handlers.http(request, response))
  }
  const turnedAway: ListenHandlers['turnedAway'] = (reason, remote) => handlers.turnedAway(reason, remote)
  if (tls !== null && tls.own !== null) {
    const http = createSecure({ ...times, ...tls.listening }, ask)
    const secured = (socket: Socket, visitor: Visitor) => void visitors.set(socket, visitor)
    listenWithTls(http, { tls, withinMs, enter, secured, turnedAway })
    return { http, visitors }
  }
  const http = createServer(times, ask)
  http.on('connection', enter)
  tellsTls(http, turnedAway)
  return { http, visitors }
}

/** Of an origin that may not connect, in the log. */
const originShownMax = 200

/** How often the edge looks for clients that say nothing, and whether files can be opened. */
const sweepMs = 1_000

function lookAtFiles(edge: Edge, handlers: ListenHandlers): void {
  const code = filesLack()
  if (code === null) return
  edge.filesShort++
  handlers.filesShort?.(code)
}

function edgeOf({ connectionsPerAddress = null, framesPerAddress = null, ...options }: ListenOptions): Edge {
  const { connectionsMax = limits.connectionsMax, files = filesAllowed() } = options
  const room = roomOf(files, filesOpen(), connectionsMax)
  return new Edge(room, { connectionsPerAddress, framesPerAddress }, limits)
}

type Upgrade = { readonly origin: string; readonly req: IncomingMessage }
type Verdict = (accepted: boolean, status?: number, reason?: string) => void

/** The peer's machine; the port differs at each try. */
function remoteOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'unknown'
}

/** Bun puts its own in the place of ws, which has no bound for a frame that grows after the hello (B3). */
function checkPlatform(): void {
  if ('bun' in process.versions)
    throw new Error(
      'servers do not run in Bun, whose ws has no bounds for frames: run them with Node (npx holdfast cluster) and connect from Bun',
    )
}

type Server = PlainServer | SecureServer

/** How long peers may take to answer the close, so that what was sent last arrives. */
const closeWithinMs = 200

function closeAll(http: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.close(1001)
  sockets.close()
  return new Promise(resolve => {
    const cut = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
    }, closeWithinMs)
    http.close(() => {
      clearTimeout(cut)
      resolve()
    })
    http.closeIdleConnections()
  })
}

function killAll(http: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate()
  sockets.close()
  const closed = new Promise<void>(resolve => http.close(() => resolve()))
  http.closeAllConnections()
  return closed
}

function originAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  return origin === undefined || allowed.includes(origin)
}

/** ws://host:port, with brackets around an IPv6 address. */
export function urlOf(host: string, port: number, isSecure = false): string {
  return `${isSecure ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** An address that others can't dial: it means all of this machine's own. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ListenOptions): Error {
  const where = `${host}:${port}`
  if (error.code === 'EADDRINUSE')
    return new Error(
      `can't listen on ${where}: the port is taken; choose another with --listen, or 0 for a free one`,
    )
  if (error.code === 'EACCES')
    return new Error(`can't listen on ${where}: not allowed; ports below 1024 need rights`)
  return new Error(`can't listen on ${where}: ${error.message}`)
}
