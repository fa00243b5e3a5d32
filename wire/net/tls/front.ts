// What stands before the TLS of a port (B3, A5): each socket has its place at the edge from its first byte, and a time limit
// for its handshake; handshakes take turns with everything else; and whoever speaks no TLS is told so in plain words.

import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { readClock } from '../../clock.ts'
import { handshakesPerTurnMax, helloBytesMax, helloWithinMs } from '../../limits.ts'
import { clearTimeout, setImmediate, setTimeout } from '../timers-node.ts'
import { helloIn } from './hello.ts'
import { handleBelow, socketBelow } from './inside.ts'
import { handshakeTrouble, notAServer, plainAnswer, quietEnd } from './said.ts'
import type { ServerTls, TlsRefusal } from './server-tls.ts'
import { type Readable, Shaking } from './shaking.ts'

/** The socket's place at the edge. */
export interface TlsGuest {
  /** The handshake is done. `problem`: why the peer is no server of the cluster; null: it is, or need not prove it. */
  secured(socket: TLSSocket, problem: string | null): void
}

export interface TlsFrontOptions<G extends TlsGuest> {
  readonly tls: ServerTls
  readonly withinMs?: number
  /** A socket has come. */
  enter(socket: Socket): G
  /** `quiet`: to be called if the peer ends the connection before it asks for anything. */
  secured?(socket: TLSSocket, guest: G, quiet: () => void): void
  turnedAway(reason: string, remote: string): void
}

interface Knock<G> {
  readonly guest: G
  readonly remote: string
  readonly local: string
  readonly timer: NodeJS.Timeout
  /** Its first bytes have come. */
  begun: boolean
  /** Of its hello, until that is whole (B1). */
  bytes: Buffer
  /** Below the socket, while the handshake is under way. */
  handle: Readable | null
  isDone: boolean
}

const nothing = Buffer.alloc(0)

/** The first byte of a TLS connection: a record of its handshake. */
const handshakeByte = 0x16

/** Takes over the new connections of a server of Node. */
export function standBefore<G extends TlsGuest>(server: Server, options: TlsFrontOptions<G>): void {
  new TlsFront(server, options)
}

class TlsFront<G extends TlsGuest> {
  readonly #options: TlsFrontOptions<G>
  readonly #knocks = new WeakMap<Socket, Knock<G>>()
  /** What Node does with a socket whose peer speaks TLS. */
  readonly #toTls: (socket: Socket) => void
  readonly #waiting: Socket[] = []
  readonly #shaking = new Shaking()

  constructor(server: Server, options: TlsFrontOptions<G>) {
    this.#options = options
    const own = server.listeners('connection')
    server.removeAllListeners('connection')
    this.#toTls = socket => {
      for (const listener of own) listener.call(server, socket)
    }
    server.on('connection', (socket: Socket) => this.#enter(socket))
    server.prependListener('secureConnection', (socket: TLSSocket) => this.#secured(socket))
    server.on('tlsClientError', (error, socket) => this.#failed(error, socket))
    options.tls.onTaken(now => server.setSecureContext(now))
  }

  #enter(socket: Socket): void {
    const { withinMs = helloWithinMs } = this.#options
    const { remoteAddress: remote = 'unknown', localAddress: local = '' } = socket
    const guest = this.#options.enter(socket)
    const timer = setTimeout(() => this.#late(socket, knock), withinMs).unref()
    const knock: Knock<G> = {
      guest,
      remote,
      local,
      timer,
      begun: false,
      bytes: nothing,
      handle: null,
      isDone: false,
    }
    this.#knocks.set(socket, knock)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#shaken(knock, true)
    })
    socket.on('error', () => {}) // 'close' follows
    const read = () => {
      if (this.#read(socket, knock)) socket.off('readable', read)
    }
    socket.on('readable', read)
  }

  /** True once nothing more is to be read here. */
  #read(socket: Socket, knock: Knock<G>): boolean {
    const more: Buffer | null = socket.read()
    if (more === null) return false
    knock.begun = true
    knock.bytes = knock.bytes.length === 0 ? more : Buffer.concat([knock.bytes, more])
    if (knock.bytes[0] !== handshakeByte) this.#plain(socket, knock)
    else {
      const hello = helloIn(knock.bytes)
      if (hello === 'begun') return false
      if (hello === 'whole') this.#line(socket, knock)
      else this.#tooLarge(socket, knock)
    }
    return true
  }

  /** It takes its place among those that wait for their handshake. */
  #line(socket: Socket, knock: Knock<G>): void {
    socket.unshift(knock.bytes)
    knock.bytes = nothing
    this.#waiting.push(socket)
    if (this.#waiting.length === 1) setImmediate(() => this.#goOn())
  }

  #tooLarge(socket: Socket, knock: Knock<G>): void {
    this.#refuse('handshake', `TLS: the hello of the peer has more than ${helloBytesMax} bytes`, knock)
    socket.destroy()
  }

  /**
   * B1: a handshake costs most of a millisecond; a crowd of them must not keep pings waiting. The newest come first: in a crowd
   * that is too large the oldest give up soon, and what was done for them would be in vain.
   */
  #goOn(): void {
    const turn = this.#waiting.splice(-handshakesPerTurnMax)
    for (const socket of turn.reverse()) if (!socket.destroyed) this.#shake(socket)
    if (this.#waiting.length > 0) setImmediate(() => this.#goOn())
  }

  #shake(socket: Socket): void {
    const knock = this.#knocks.get(socket)
    const handle = handleBelow(socket)
    this.#toTls(socket)
    // TLS begins to read it with what this turn does next.
    if (knock !== undefined && handle !== null)
      setImmediate(() => {
        if (socket.destroyed || knock.isDone) return
        knock.handle = handle
        this.#shaking.enter(handle)
      })
  }

  #shaken(knock: Knock<G>, isOver: boolean): void {
    knock.isDone = true
    if (knock.handle !== null) this.#shaking.leave(knock.handle, isOver)
    knock.handle = null
  }

  #plain(socket: Socket, knock: Knock<G>): void {
    this.#refuse(
      'plain',
      'TLS: the peer speaks no TLS; its address must begin with wss:// or https://',
      knock,
    )
    socket.resume()
    socket.end(plainAnswer)
  }

  #late(socket: Socket, knock: Knock<G>): void {
    if (knock.begun) this.#refuse('late', 'TLS: the handshake was not done in time', knock)
    socket.destroy()
  }

  #secured(socket: TLSSocket): void {
    const knock = this.#knockOf(socket)
    if (knock === undefined) return void socket.destroy()
    clearTimeout(knock.timer)
    this.#shaken(knock, false)
    const { tls, secured } = this.#options
    knock.guest.secured(socket, tls.provesServers ? notAServer(socket) : null)
    secured?.(socket, knock.guest, () => this.#quiet(socket.servername, knock))
  }

  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const knock = this.#knockOf(socket)
    if (error.code === 'ECONNRESET') this.#quiet(socket.servername, knock)
    else this.#refuse('handshake', handshakeTrouble(error), knock)
  }

  #knockOf(socket: TLSSocket): Knock<G> | undefined {
    const below = socketBelow(socket)
    return below && this.#knocks.get(below)
  }

  /** A client that does not take the certificate ends the connection, before the handshake is done or right after it. */
  #quiet(servername: string | false | null, knock: Knock<G> | undefined): void {
    const { own } = this.#options.tls
    if (own === null) return
    this.#refuse('quiet', quietEnd(servername, knock?.local ?? '', own.leaf, readClock().wall), knock)
  }

  #refuse(why: TlsRefusal, reason: string, knock: Pick<Knock<G>, 'remote'> = { remote: 'unknown' }): void {
    this.#options.tls.refusals[why]++
    this.#options.turnedAway(reason, knock.remote)
  }
}
