// An accepted socket, from its first byte to its last: bare at first, then one of HTTP or a WebSocket. It
// tells the edge what happens on the socket, and does what the edge says.

import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { WebSocket } from 'ws'
import { WireError } from '../codec.ts'
import { clientFrameBytesMax, frameBytesMax } from '../limits.ts'
import type { HelloFrom } from '../messages.ts'
import type { Edge, Guest, Standing } from './edge.ts'
import { readAgain, stopReading } from './handle-inside.ts'
import type { Gate } from './hello.ts'
import { isLoopbackAddress } from './own-address.ts'
import type { Reading, ReadingTurns } from './reading-turns.ts'
import type { Runtime } from './runtime.ts'
import type { TlsGuest } from './tls/front.ts'
import { allowFrames, bytesKept } from './ws-inside.ts'
import type { WsSocket } from './ws-socket.ts'

export class Visitor implements Guest, Gate, TlsGuest, Reading {
  readonly address: string
  readonly loopback: boolean
  standing: Standing = 'stranger'
  principal?: string
  since = 0
  broughtIn = 0
  /** A5: why it is no server of the cluster; null: it is, or need not prove it. */
  certificateProblem: string | null = null
  readonly #socket: Socket
  /** What HTTP reads: the socket, or the TLS on it. */
  #stream: Socket
  readonly #edge: Edge
  readonly #runtime: Runtime
  readonly #turns: ReadingTurns
  #webSocket: WebSocket | undefined
  #reading: WsSocket | undefined
  #endOf: ((error: WireError) => void) | undefined
  #answerWaits = false
  #paused = false
  /** B4: bytes that wait until the peer has read what is with its socket. */
  #waiting = 0

  constructor(socket: Socket, edge: Edge, runtime: Runtime, turns: ReadingTurns) {
    this.#socket = socket
    this.#stream = socket
    this.#edge = edge
    this.#runtime = runtime
    this.#turns = turns
    this.address = socket.remoteAddress ?? 'unknown'
    this.loopback = isLoopbackAddress(socket.remoteAddress)
    socket.once('close', () => this.#left())
    edge.enter(this)
    turns.enter(this)
    this.#endsIn(socket)
  }

  get exempt(): boolean {
    return this.standing === 'server'
  }

  secured(socket: TLSSocket, problem: string | null): void {
    this.#stream = socket
    this.certificateProblem = problem
    this.#endsIn(socket)
  }

  /** B1: an end takes its turn, too. */
  #endsIn(socket: Socket): void {
    const brings = () => this.brings()
    socket.on('end', brings).on('error', brings)
  }

  /** The socket has become a WebSocket. Called after ws listens to it, and before any other code does. */
  upgraded(webSocket: WebSocket, reading: WsSocket): void {
    this.#webSocket = webSocket
    this.#reading = reading
    webSocket.on('message', () => this.#framed(reading))
    this.#stream.prependListener('data', (bytes: Buffer) => this.brings(bytes.length))
    // ws has taken the part that it could use.
    this.#stream.on('data', () => {
      this.#edge.receiving.note(this)
      this.#turns.check()
    })
  }

  // ---- its turns to be read (B1)

  brings(bytes = 0): void {
    this.#turns.brings(this, bytes)
  }

  stopReading(): void {
    stopReading(this.#socket)
  }

  readAgain(): void {
    readAgain(this.#socket)
  }

  receiving(): number {
    return this.#webSocket === undefined || this.#socket.destroyed ? 0 : bytesKept(this.#webSocket)
  }

  unread(): number {
    return this.#socket.destroyed ? 0 : (this.#webSocket?.bufferedAmount ?? 0) + this.#waiting
  }

  cut(): void {
    this.#socket.destroy()
  }

  end(error: WireError): void {
    if (this.#endOf === undefined) this.cut()
    else this.#endOf(error)
  }

  // ---- the gate, for the hello

  mayTry(): WireError | undefined {
    if (this.#edge.wrongSecrets.mayTry(this.address, this.loopback)) return undefined
    return new WireError('TOO_MANY_CONNECTIONS', 'too many wrong secrets came from this address; come again')
  }

  wrongSecret(): number {
    const ms = this.#edge.wrongSecrets.wrong(this.address, this.#runtime.monotonic())
    this.#answerWaits = ms > 0
    if (ms === 0) return 0
    // B3: nothing more of this socket is read until it must answer the close.
    this.#reading?.hold(true)
    this.#runtime.afterQuietly(ms, () => this.#reading?.hold(false))
    return ms
  }

  admits(
    from: HelloFrom,
    end: (error: WireError) => void,
    principal: string | null = null,
  ): WireError | undefined {
    this.#edge.wrongSecrets.right(this.address)
    const refusal = this.#edge.admit(this, from, this.#runtime.monotonic(), principal)
    if (refusal !== undefined) return refusal
    this.#endOf = end
    if (this.#webSocket !== undefined && from.kind !== 'probe')
      allowFrames(this.#webSocket, from.kind === 'client' ? clientFrameBytesMax : frameBytesMax)
    return undefined
  }

  sent(waiting: number): void {
    this.#waiting = waiting
    this.#edge.unread.note(this)
  }

  /** B7: when an address is over its share, what it sends waits in the network. */
  #framed(reading: WsSocket): void {
    const ms = this.#edge.took(this, 1, this.#runtime.monotonic())
    if (ms === 0 || this.#paused) return
    this.#paused = true
    reading.hold(true)
    this.#resumeIn(ms, reading)
  }

  /** In the meantime more frames may have come out of what was read already. */
  #resumeIn(ms: number, reading: WsSocket): void {
    this.#runtime.afterQuietly(ms, () => {
      const more = this.#edge.took(this, 0, this.#runtime.monotonic())
      if (more > 0) return this.#resumeIn(more, reading)
      this.#paused = false
      reading.hold(false)
    })
  }

  #left(): void {
    if (this.#answerWaits) this.#edge.wrongSecrets.answered(this.address)
    this.#edge.leave(this)
    this.#turns.leave(this)
  }
}
