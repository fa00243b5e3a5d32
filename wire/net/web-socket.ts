// The WebSocket of a page: it does not say why a connection failed, limits no frame, and can't be cut.

import { frameBytesMax } from '../limits.ts'
import type { Socket, SocketHandlers } from './socket.ts'

/** The used part of the standard's WebSocket. */
export interface PageSocket {
  readonly readyState: number
  readonly bufferedAmount: number
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

const open = 1
// As they are when this file is loaded: a test that fakes timers later does not stop those of a connection.
const { setTimeout, clearTimeout } = globalThis

export class WebSocketOfPage implements Socket {
  readonly #socket: PageSocket
  readonly #openWithinMs: number

  constructor(socket: PageSocket, openWithinMs: number) {
    this.#socket = socket
    this.#openWithinMs = openWithinMs
  }

  get open(): boolean {
    return this.#socket.readyState === open
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  hear(handlers: SocketHandlers): void {
    const socket = this.#socket
    const timer = setTimeout(() => socket.close(), this.#openWithinMs)
    socket.onopen = () => {
      clearTimeout(timer)
      handlers.opened()
    }
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') handlers.receivedBinary()
      else if (data.length > frameBytesMax) this.close(1009, 'a frame is larger than the limit')
      else handlers.received(data)
    }
    socket.onclose = ({ code, reason }) => {
      clearTimeout(timer)
      handlers.closed(code, reason, undefined)
    }
  }

  send(text: string): void {
    this.#socket.send(text)
  }

  close(code: number, reason: string): void {
    // A page may close with 1000, or 3000 and above.
    this.#socket.close(code === 1000 || code >= 3000 ? code : 3000 + (code % 1000), reason)
  }

  cut(): void {
    this.#socket.close()
  }
}
