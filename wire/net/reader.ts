// B4: whether the peer reads what is sent to it. While it has much to read, what else is for it waits as
// messages, which others may share, and not as bytes of its own; one that reads too slowly is given up.

import { readAheadBytesMax, readWithinMs } from '../limits.ts'
import type { Runtime, Timer } from './runtime.ts'
import type { Socket } from './socket.ts'

export class Reader {
  readonly #socket: Socket
  readonly #runtime: Runtime
  readonly #hasRead: () => void
  readonly #tooSlow: () => void
  #patience: Timer | undefined

  constructor(socket: Socket, runtime: Runtime, hasRead: () => void, tooSlow: () => void) {
    this.#socket = socket
    this.#runtime = runtime
    this.#hasRead = hasRead
    this.#tooSlow = tooSlow
  }

  /** It must read before more is sent. */
  get awaited(): boolean {
    return this.#patience !== undefined
  }

  /** Whether it must read before the next frame; then `hasRead` follows, or `tooSlow`. */
  mustRead(): boolean {
    const socket = this.#socket
    if (socket.whenDrained === undefined || socket.bufferedAmount <= readAheadBytesMax) return false
    this.#patience ??= this.#runtime.afterQuietly(readWithinMs, () => {
      this.#patience = undefined
      this.#tooSlow()
    })
    socket.whenDrained(() => {
      this.forget()
      this.#hasRead()
    })
    return true
  }

  /** The connection is over. */
  forget(): void {
    if (this.#patience === undefined) return
    this.#runtime.cancel(this.#patience)
    this.#patience = undefined
  }
}
