// One WebSocket, either end: batches what is sent, checks what arrives, never throws. It decides
// nothing; what a message means is the business of a core.

import type { RawData, WebSocket } from 'ws'
import { decode, encode, WireError } from './codec.ts'
import { type ErrorCode, errors } from './errors.ts'
import { bufferedBytesMax, frameBytesMax, frameMessagesMax } from './limits.ts'
import type { Channel, Message } from './messages.ts'

export interface ConnectionHandlers {
  messages(messages: readonly Message[]): void
  /** Once, when the connection is over for whatever reason but our own `close`. */
  closed(reason: string): void
}

/** Limits that tests make smaller. */
export interface ConnectionLimits {
  readonly bufferedBytesMax: number
}

/** How long a peer may take to answer our close. */
const closeWithinMs = 1_000

export class Connection {
  /** What may arrive; changes when the hello has said who the peer is. */
  channel: Channel
  readonly #socket: WebSocket
  readonly #handlers: ConnectionHandlers
  readonly #limits: ConnectionLimits
  #outgoing: Message[] = []
  #flushPlanned = false
  #over = false

  /** Who accepted tells errors; who dialled gives its reason in the close frame only. */
  readonly #tellsErrors: boolean

  constructor(
    socket: WebSocket,
    channel: Channel,
    handlers: ConnectionHandlers,
    tellsErrors: boolean,
    limits: ConnectionLimits = { bufferedBytesMax },
  ) {
    this.#tellsErrors = tellsErrors
    this.#limits = limits
    this.#socket = socket
    this.channel = channel
    this.#handlers = handlers
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('close', (code, reason) => this.#ended(`closed with ${code} ${reason.toString()}`.trim()))
    // ws reports protocol violations and oversized frames here and closes by itself; 'close' follows.
    socket.on('error', () => {})
  }

  get over(): boolean {
    return this.#over
  }

  /** Sends with the other messages of this turn of the event loop. */
  send(message: Message): void {
    if (this.#over) return
    this.#outgoing.push(message)
    if (this.#outgoing.length >= frameMessagesMax) this.flush()
    else if (!this.#flushPlanned) {
      this.#flushPlanned = true
      setImmediate(() => {
        this.#flushPlanned = false
        this.flush()
      })
    }
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

  /** Cuts the connection without a word. */
  cut(): void {
    this.#over = true
    this.#socket.terminate()
  }

  #checkReader(): void {
    if (this.#socket.bufferedAmount > this.#limits.bufferedBytesMax)
      this.#fail(new WireError('SLOW_READER', errors.SLOW_READER.meaning))
  }

  #write(messages: Message[]): void {
    const text = encode(messages)
    // Three bytes a UTF-16 unit at the most; one message alone always fits, by its limits.
    if (text.length * 3 > frameBytesMax && messages.length > 1 && Buffer.byteLength(text) > frameBytesMax) {
      const half = messages.length >> 1
      this.#write(messages.slice(0, half))
      this.#write(messages.slice(half))
    } else if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(text)
    }
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#over) return
    let messages: readonly Message[]
    try {
      if (isBinary) throw new WireError('BAD_MESSAGE', 'a binary frame; frames must be text')
      messages = decode(String(data), this.channel)
    } catch (error) {
      this.#fail(error instanceof WireError ? error : new WireError('INTERNAL', String(error)))
      return
    }
    this.#handlers.messages(messages)
  }

  #fail(error: WireError): void {
    if (this.#over) return
    this.#over = true
    if (error.code === 'SLOW_READER') this.#socket.terminate()
    else {
      if (this.#tellsErrors) this.#write([['error', error.code, error.message]])
      this.#closeSocket(error.close, error.message)
    }
    this.#handlers.closed(`${error.code}: ${error.message}`)
  }

  #closeSocket(number: number, text: string): void {
    this.#socket.close(number, closeReason(text))
    setTimeout(() => this.#socket.terminate(), closeWithinMs).unref()
  }

  #ended(reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#handlers.closed(reason)
  }
}

/** A close reason holds 123 bytes. */
function closeReason(text: string): string {
  const bytes = Buffer.from(text)
  return bytes.length <= 123
    ? text
    : bytes
        .subarray(0, 120)
        .toString()
        .replace(/\uFFFD+$/, '')
}
