// A WebSocket of ws, dialled or accepted.

import type { WebSocket } from 'ws'
import { closeWithinMs, type Socket, type SocketHandlers } from './socket.ts'
import { setTimeout } from './timers-node.ts'
import { whenDrained } from './ws-inside.ts'

export class WsSocket implements Socket {
  readonly #socket: WebSocket
  #wanted = true
  #held = false

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  hear(handlers: SocketHandlers): void {
    const socket = this.#socket
    let failure: Error | undefined
    socket.on('open', () => handlers.opened())
    socket.on('message', (data, isBinary) => {
      // Once the socket was closed its handlers hear no more, so what still comes is not even decoded (B3).
      if (!this.open) return
      if (isBinary) handlers.receivedBinary()
      else handlers.received(String(data))
    })
    // ws reports protocol violations and oversized frames here and closes by itself; 'close' follows.
    socket.on('error', error => {
      failure = error
    })
    socket.on('close', (code, reason) => handlers.closed(code, reason.toString(), failure))
  }

  send(text: string): void {
    this.#socket.send(text)
  }

  whenDrained(run: () => void): void {
    whenDrained(this.#socket, run)
  }

  pause(): void {
    this.#wanted = false
    this.#read()
  }

  unpause(): void {
    this.#wanted = true
    this.#read()
  }

  /** For code between this socket and its connection: nothing is read while `held`, even if wanted (B7). */
  hold(held: boolean): void {
    this.#held = held
    this.#read()
  }

  #read(): void {
    if (this.#wanted && !this.#held) this.#socket.resume()
    else this.#socket.pause()
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    setTimeout(() => this.#socket.terminate(), closeWithinMs).unref()
  }

  cut(): void {
    this.#socket.terminate()
  }
}
