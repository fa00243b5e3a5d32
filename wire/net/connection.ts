// One WebSocket, either end: batches what is sent, checks what arrives, never throws. It decides
// nothing; what a message means is the business of a core.

import { decode, encode, WireError } from '../codec.ts'
import { type ErrorCode, errors } from '../errors.ts'
import {
  bufferedBytesMax,
  clientFrameBytesMax,
  frameBytesMax,
  frameMessagesMax,
  helloBytesMax,
} from '../limits.ts'
import type { Channel, Message } from '../messages.ts'
import type { Runtime } from './runtime.ts'
import type { Socket } from './socket.ts'

export interface ConnectionHandlers {
  /** Called on a connection that we dialled. */
  opened?(): void
  messages(messages: readonly Message[]): void
  /** Called once, when the connection is over for any reason but our own `close`. */
  closed(reason: string, error?: Error): void
}

/** Limits that tests make smaller. */
export interface ConnectionLimits {
  readonly bufferedBytesMax: number
  /** Something was sent; some of it may wait for the peer to read it. */
  sent?(): void
}

export class Connection {
  /** What may arrive; changes when the hello has named the peer. */
  channel: Channel
  readonly #socket: Socket
  readonly #handlers: ConnectionHandlers
  readonly #runtime: Runtime
  readonly #limits: ConnectionLimits
  #outgoing: Message[] = []
  #flushPlanned = false
  #over = false

  /** The accepting side sends an `error` message; the dialling one gives a reason only in its close frame. */
  readonly #tellsErrors: boolean

  constructor(
    socket: Socket,
    channel: Channel,
    handlers: ConnectionHandlers,
    tellsErrors: boolean,
    runtime: Runtime,
    limits: ConnectionLimits = { bufferedBytesMax },
  ) {
    this.#tellsErrors = tellsErrors
    this.#runtime = runtime
    this.#limits = limits
    this.#socket = socket
    this.channel = channel
    this.#handlers = handlers
    socket.hear({
      opened: () => handlers.opened?.(),
      received: text => this.#receive(text),
      receivedBinary: () => this.#fail(new WireError('BAD_MESSAGE', 'a binary frame; frames must be text')),
      closed: (code, reason, error) => this.#ended(`closed with ${code} ${reason}`.trim(), error),
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** Sends with the other messages of this turn of the event loop. True if this is the first that waits. */
  send(message: Message): boolean {
    if (this.#over) return false
    this.#outgoing.push(message)
    // A failover waits for what a lock server tells its view server, and the same turn may bring a crowd of
    // clients.
    if (this.#outgoing.length >= frameMessagesMax || this.channel === 'viewToServer') this.flush()
    else if (!this.#flushPlanned) {
      this.#flushPlanned = true
      this.#runtime.afterTurn(() => {
        this.#flushPlanned = false
        this.flush()
      })
    }
    return this.#outgoing.length === 1
  }

  flush(): void {
    if (this.#over || this.#outgoing.length === 0) return
    const messages = this.#outgoing
    this.#outgoing = []
    this.#write(messages)
    this.#checkReader()
  }

  /** Tells the peer why, then closes. `closed` is not called. */
  close(code: ErrorCode | null, text: string): void {
    if (this.#over) return
    if (code !== null && this.#tellsErrors)
      this.#outgoing.push(['error', code, text.slice(0, 2_000).toWellFormed()])
    this.flush()
    if (this.#over) return
    this.#over = true
    this.#closeSocket(code === null ? 1000 : (errors[code].close ?? 1000), text)
  }

  /** What arrives waits at the other end of the socket, if the socket can make it wait (B1). */
  pause(): void {
    this.#socket.pause?.()
  }

  unpause(): void {
    this.#socket.unpause?.()
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#over = true
    this.#socket.cut()
  }

  #checkReader(): void {
    if (this.#socket.bufferedAmount > this.#limits.bufferedBytesMax)
      this.#fail(new WireError('SLOW_READER', errors.SLOW_READER.meaning))
    else this.#limits.sent?.()
  }

  #write(messages: Message[]): void {
    const text = encode(messages)
    const bytesMax =
      this.channel === 'serverToClient' || this.channel === 'viewToClient'
        ? clientFrameBytesMax
        : frameBytesMax
    // A UTF-16 unit has at most three bytes; one message alone always fits, by its limits.
    if (text.length * 3 > bytesMax && messages.length > 1 && bytesOf(text).length > bytesMax) {
      const half = messages.length >> 1
      this.#write(messages.slice(0, half))
      this.#write(messages.slice(half))
    } else if (this.#socket.open) {
      this.#socket.send(text)
    }
  }

  #receive(text: string): void {
    if (this.#over) return
    let messages: readonly Message[]
    try {
      // B3: before anything of it is parsed.
      if (this.channel === 'opening' && text.length > helloBytesMax)
        throw new WireError('TOO_LARGE', `a hello has at most ${helloBytesMax} bytes`)
      messages = decode(text, this.channel)
    } catch (error) {
      this.#fail(error instanceof WireError ? error : new WireError('INTERNAL', String(error)))
      return
    }
    this.#handlers.messages(messages)
  }

  #fail(error: WireError): void {
    if (this.#over) return
    this.#over = true
    if (error.code === 'SLOW_READER') this.#socket.cut()
    else {
      if (this.#tellsErrors) this.#write([['error', error.code, error.message]])
      this.#closeSocket(error.close, error.message)
    }
    this.#handlers.closed(`${error.code}: ${error.message}`)
  }

  #closeSocket(number: number, text: string): void {
    this.#socket.close(number, closeReason(text))
  }

  #ended(reason: string, error: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#handlers.closed(violation(error) ?? reason, error)
  }
}

/** The error of what ws itself has refused: too large, or no WebSocket. */
function violation(error: Error | undefined): string | undefined {
  const { code = '' } = (error ?? {}) as { code?: string }
  if (!code.startsWith('WS_ERR_')) return undefined
  return `${code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'TOO_LARGE' : 'BAD_MESSAGE'}: ${error?.message}`
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A close reason holds 123 bytes. */
function closeReason(text: string): string {
  const bytes = bytesOf(text)
  return bytes.length <= 123 ? text : new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\uFFFD+$/, '')
}
