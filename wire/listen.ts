// The one place where connections are accepted: HTTP for people and probes, WebSocket for peers. It
// checks what has nothing to do with locks or views: origin, secret, wire version, a hello in time.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WebSocketServer } from 'ws'
import { WireError } from './codec.ts'
import { Connection, type ConnectionHandlers } from './connection.ts'
import * as limits from './limits.ts'
import type { Channel, Hello, HelloFrom, Message } from './messages.ts'
import './server-channels.ts'
import { isSecret } from './secret.ts'
import { wireVersion } from './version.ts'
import ws from './ws.cjs'
import { WsSocket } from './ws-socket.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly secret: string | null
  /** Listen beyond loopback without a secret. */
  readonly insecure: boolean
  /** Origins of web pages that may connect, such as `https://example.org`. */
  readonly origins: readonly string[]
  readonly role: 'viewserver' | 'lockserver'
  /** These three default to those of limits.ts; tests make them smaller. */
  readonly helloWithinMs?: number
  readonly connectionsMax?: number
  readonly bufferedBytesMax?: number
}

export interface ListenHandlers {
  /** Hello was said and is in order; returns who hears of the rest. */
  accepted(connection: Connection, cluster: string | null, from: HelloFrom): ConnectionHandlers
  /** Someone was turned away. */
  turnedAway(reason: string, remote: string): void
  http(request: IncomingMessage, response: ServerResponse): void
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Takes no more connections and ends those that are left. */
  close(): Promise<void>
  /** The same without a word to anybody, and at once; resolves when the port is free. */
  kill(): Promise<void>
}

/** Rejects with a clear error when the address can't be had. */
export async function listen(options: ListenOptions, handlers: ListenHandlers): Promise<Listener> {
  if (options.secret === null && !options.insecure && !isLoopback(options.host)) {
    throw new Error(
      `refusing to listen on ${options.host} without a secret: set --secret (HOLDFAST_SECRET), listen on 127.0.0.1, or say --insecure`,
    )
  }
  const {
    helloWithinMs = limits.helloWithinMs,
    connectionsMax = limits.connectionsMax,
    bufferedBytesMax = limits.bufferedBytesMax,
  } = options
  const http = createServer(
    // Who never finishes a request may not stay longer than who never says hello.
    { headersTimeout: helloWithinMs, requestTimeout: helloWithinMs, connectionsCheckingInterval: 500 },
    (request, response) => handlers.http(request, response),
  )
  http.maxRequestsPerSocket = limits.requestsPerSocketMax
  const sockets = new ws.WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    verifyClient: ({ origin, req }: Upgrade, answer: Verdict) => {
      if (originAllowed(origin, options.origins)) return answer(true)
      handlers.turnedAway(`WRONG_ORIGIN: ${origin}`, remoteOf(req))
      answer(false, 403, 'WRONG_ORIGIN')
    },
  })
  sockets.on('connection', (socket, request) => {
    const waiter = new HelloWaiter(options, handlers, remoteOf(request))
    const connection = new Connection(new WsSocket(socket), 'opening', waiter, true, { bufferedBytesMax })
    if (sockets.clients.size <= connectionsMax) waiter.waitOn(connection, helloWithinMs)
    else
      waiter.refuse(connection, new WireError('TOO_MANY_CONNECTIONS', `there are ${connectionsMax} already`))
  })
  await new Promise<void>((resolve, reject) => {
    // ws re-emits the HTTP server's errors; one that nobody hears would end the process.
    sockets.on('error', () => {})
    http.once('error', error => reject(listenError(error, options)))
    http.listen(options.port, options.host, resolve)
  })
  const { port } = http.address() as AddressInfo
  return {
    host: options.host,
    port,
    close: () => closeAll(http, sockets),
    kill: () => killAll(http, sockets),
  }
}

type Upgrade = { readonly origin: string; readonly req: IncomingMessage }
type Verdict = (accepted: boolean, status?: number, reason?: string) => void

/** The machine; its port is another at each try. */
function remoteOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'unknown'
}

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

/** Before its hello a peer may say one thing only; afterwards its messages go to whoever accepted it. */
class HelloWaiter implements ConnectionHandlers {
  readonly #options: ListenOptions
  readonly #handlers: ListenHandlers
  readonly #remote: string
  #connection: Connection | undefined
  #next: ConnectionHandlers | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ListenOptions, handlers: ListenHandlers, remote: string) {
    this.#options = options
    this.#handlers = handlers
    this.#remote = remote
  }

  waitOn(connection: Connection, helloWithinMs: number): void {
    this.#connection = connection
    this.#timer = setTimeout(
      () => this.refuse(connection, new WireError('HELLO_TIMEOUT', `no hello within ${helloWithinMs} ms`)),
      helloWithinMs,
    )
    this.#timer.unref()
  }

  messages(messages: readonly Message[]): void {
    if (this.#next === undefined) this.#hello(messages)
    else if (this.#connection?.channel === 'opening') this.#tooMuch(this.#next)
    else this.#next.messages(messages)
  }

  closed(reason: string): void {
    clearTimeout(this.#timer)
    if (this.#next !== undefined) this.#next.closed(reason)
    else this.#handlers.turnedAway(reason, this.#remote)
  }

  #hello(messages: readonly Message[]): void {
    clearTimeout(this.#timer)
    const connection = this.#connection as Connection
    try {
      if (messages.length !== 1)
        throw new WireError('UNEXPECTED_MESSAGE', 'the first frame must hold one message, hello')
      const [, version, cluster, secret, from] = messages[0] as Hello
      if (version !== wireVersion) {
        throw new WireError(
          'WRONG_WIRE_VERSION',
          `this server speaks wire version ${wireVersion}, not ${version}`,
        )
      }
      if (this.#options.secret !== null && (secret === null || !isSecret(secret, this.#options.secret))) {
        throw new WireError(
          'WRONG_SECRET',
          'the shared secret is missing or wrong; set --secret (HOLDFAST_SECRET) as the cluster has it',
        )
      }
      connection.channel = channelFor(from, this.#options.role)
      this.#next = this.#handlers.accepted(connection, cluster, from)
    } catch (error) {
      this.refuse(connection, error instanceof WireError ? error : new WireError('INTERNAL', String(error)))
    }
  }

  /** A view server only wants to hear the welcome. */
  #tooMuch(next: ConnectionHandlers): void {
    this.#connection?.close('UNEXPECTED_MESSAGE', 'after its hello a viewserver may say nothing')
    next.closed('UNEXPECTED_MESSAGE')
  }

  refuse(connection: Connection, error: WireError): void {
    connection.close(error.code, error.message)
    this.#handlers.turnedAway(`${error.code}: ${error.message}`, this.#remote)
  }
}

/** What this peer may say after its hello. */
function channelFor(from: HelloFrom, role: ListenOptions['role']): Channel {
  if (role === 'viewserver') {
    if (from.kind === 'client') return 'clientToView'
    if (from.kind === 'lockserver') return 'serverToView'
  } else {
    if (from.kind === 'client') return 'clientToServer'
    if (from.kind === 'primary') return 'primaryToBackup'
    if (from.kind === 'probe') return 'opening'
  }
  throw new WireError('UNEXPECTED_MESSAGE', `a ${role} takes no connection from a ${from.kind}`)
}

function originAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  return origin === undefined || allowed.includes(origin)
}

/** ws://host:port, with brackets around an IPv6 address. */
export function urlOf(host: string, port: number): string {
  return `ws://${host.includes(':') ? `[${host}]` : host}:${port}`
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
