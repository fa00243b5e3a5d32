// One WebSocket, either end: batches what is sent, checks what arrives, never throws. It decides
// nothing; what a message means is the business of a core.

import { decode, encode, WireError } from '../codec.ts'
import { closeNumber, type ErrorCode, errors } from '../errors.ts'
import {
  bufferedBytesMax,
  clientFrameBytesMax,
  frameBytesMax,
  frameMessagesMax,
  helloBytesMax,
  readAheadBytesMax,
} from '../limits.ts'
import type { Channel, Message, MessageOf } from '../messages.ts'
import { inMessages, lengthOf, sizeOf } from '../runs.ts'
import { bytesOf, cutToBytes } from '../text-bytes.ts'
import type { Proven } from './guard.ts'
import { Reader } from './reader.ts'
import type { Runtime } from './runtime.ts'
import type { Socket } from './socket.ts'
import type { Later, TurnTime } from './turn-time.ts'

export interface ConnectionHandlers {
  /** Called on a connection that we dialled. */
  opened?(): void
  messages(messages: readonly Message[]): void
  /** A3: the peer has shown a newer token; null: it could not be looked at, and the one from before counts. Returns why it won't do. */
  token?(proven: Proven | null): WireError | null
  /** B1: something has arrived that is not read yet; or all of that is read by now. */
  waits?(waits: boolean): void
  /** Called once, when the connection is over for any reason but our own `close`. */
  closed(reason: string, error?: Error): void
}

/** Limits that tests make smaller. */
export interface ConnectionLimits {
  readonly bufferedBytesMax: number
  /** Something was sent; some of it may wait for the peer to read it, and this many bytes more behind it. */
  sent?(waiting: number): void
  /** B1: what the peer asks must not take longer than this. Absent: it may. */
  readonly turn?: TurnTime | undefined
}

/** B1: these peers wait for their turn. Pings never do, nor does what a server has dialled. */
const inTurns: ReadonlySet<Channel> = new Set<Channel>([
  'opening',
  'clientToServer',
  'clientToView',
  'primaryToBackup',
])

/** B4: these peers get no more than they read. */
const readers: ReadonlySet<Channel> = new Set<Channel>(['clientToServer', 'clientToView'])
/** About as much as a message takes that waits for its reader; what is in lists is shared. */
const waitingMessageBytes = 256

/** What waits until this many messages have been sent. */
interface Mark {
  left: number
  readonly run: () => void
  /** B4: is told, once, that the peer must read before that. */
  stuck: (() => void) | undefined
}

export class Connection {
  /** What may arrive; changes when the hello has named the peer. */
  channel: Channel
  readonly #socket: Socket
  readonly #handlers: ConnectionHandlers
  readonly #runtime: Runtime
  readonly #limits: ConnectionLimits
  #outgoing: Message[] = []
  /** How many messages these are, those of runs counted. */
  #size = 0
  /** Its owner flushes it at the end of the turn. */
  gathered = false
  #flushPlanned = false
  /** Nothing more is heard, and nothing but what waits already is sent. */
  #over = false
  /** How to close once everything is sent; null: not to be closed, or closed. */
  #closing: { readonly number: number; readonly text: string } | null = null
  #marks: Mark[] = []
  /** B1: frames that came when their turn was over, in order. */
  #kept: string[] = []
  /** The end came behind them. */
  #endedBehind: (() => void) | null = null
  #paused = false
  /** What arrives is kept as it is. */
  #held = false
  readonly #reading: Later = { goOn: () => this.#readKept() }
  /** B1: what waits to be sent is sent in a later turn. */
  #sendsLater = false
  /** B4 */
  readonly #reader: Reader
  /** After the last frame there was much that this client had not read. */
  #isBehind = false
  readonly #sending: Later = {
    large: true,
    goOn: () => {
      this.#sendsLater = this.#sendMore()
      return this.#sendsLater
    },
  }

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
    this.#reader = new Reader(
      socket,
      runtime,
      () => this.flush(),
      () => this.#fail(new WireError('SLOW_READER', errors.SLOW_READER.meaning)),
    )
    socket.hear({
      waits: waits => handlers.waits?.(waits),
      opened: () => handlers.opened?.(),
      received: text => this.#received(text),
      receivedBinary: () => this.#fail(new WireError('BAD_MESSAGE', 'a binary frame; frames must be text')),
      closed: (code, reason, error) => this.#closed(`closed with ${code} ${reason}`.trim(), error),
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** It was closed, and what it sends before its end waits for a later turn. */
  get closesLater(): boolean {
    return this.#closing !== null
  }

  /** Sends with the other messages of this turn of the event loop. True if this is the first that waits. */
  send(message: Message): boolean {
    if (this.#over) return false
    this.#outgoing.push(message)
    this.#size += lengthOf(message, inMessages)
    if (this.#reader.awaited) return this.#waitForReader()
    // A failover waits for what a lock server tells its view server, and the same turn may bring a crowd of
    // clients.
    if (this.#size >= frameMessagesMax || this.channel === 'viewToServer') this.flush()
    else if (!this.gathered && !this.#flushPlanned) {
      this.#flushPlanned = true
      this.#runtime.afterTurn(() => {
        this.#flushPlanned = false
        this.flush()
      })
    }
    return this.#outgoing.length === 1
  }

  flush(): void {
    if (this.#over || this.#outgoing.length === 0 || this.#sendsLater || this.#reader.awaited) return
    if (!this.#maySend) {
      this.#sendsLater = true
      this.#turn?.due(this.#sending)
    } else if (this.#sendMore()) {
      this.#sendsLater = true
      this.#turn?.later(this.#sending)
    }
  }

  /** In a frame of its own, behind all that waits. Not sent, if the peer must read first (B4), or a turn has no time for it (B1). */
  sendAlone(message: Message): void {
    this.flush()
    if (this.#over || this.#outgoing.length > 0 || this.#sendsLater || this.#reader.awaited) return
    this.#write([message])
    this.#checkReader()
  }

  /**
   * Runs the function when all that was sent until now is with the socket, or never will be. `stuck`: once before that, if the
   * peer must read first (B4).
   */
  whenSent(run: () => void, stuck?: () => void): void {
    if (this.#outgoing.length === 0) return run()
    const isStuck = this.#reader.awaited
    this.#marks.push({ left: this.#outgoing.length, run, stuck: isStuck ? undefined : stuck })
    if (isStuck) stuck?.()
  }

  /** Tells the peer why, then closes. `closed` is not called. */
  close(code: ErrorCode | null, text: string): void {
    if (this.#over) return
    if (code !== null && this.#tellsErrors)
      this.#outgoing.push(['error', code, text.slice(0, 2_000).toWellFormed()])
    this.#closing = { number: code === null ? 1000 : closeNumber(code), text }
    this.flush()
    this.#over = true
    this.#dropKept()
    if (this.#reader.awaited) this.#closeNow()
    else this.#closeIfSent()
  }

  /** R5: closes in this very turn, also if it was to be closed later. */
  closeAtOnce(code: ErrorCode | null, text: string): void {
    this.close(code, text)
    this.#closeNow()
  }

  /** Of what waits only a frame goes out, and the reason. */
  #closeNow(): void {
    const closing = this.#closing
    if (closing === null) return
    const reason = this.#outgoing.slice(this.#nextFrame()).filter(([kind]) => kind === 'error')
    this.#sendFrame()
    if (reason.length > 0) this.#write(reason)
    this.#forget()
    this.#closeSocket(closing.number, closing.text)
  }

  /** What arrives waits at the other end of the socket, if the socket can make it wait (B1). */
  pause(): void {
    this.#paused = true
    this.#socket.pause?.()
  }

  unpause(): void {
    this.#paused = false
    if (this.#kept.length === 0 && !this.#held) this.#socket.unpause?.()
  }

  /** What arrives from now on is not even decoded, and waits: at the other end of the socket, if that can make it wait. */
  hold(): void {
    this.#held = true
    this.#socket.pause?.()
  }

  /** What was held is read, in order. */
  goOn(): void {
    if (!this.#held) return
    this.#held = false
    if (this.#kept.length > 0) this.#keptWaits()
    else if (!this.#paused) this.unpause()
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#over = true
    this.#socket.cut()
    this.#forget()
  }

  /** B1: sends as much as this turn has time for, at least one frame; true if there is more. */
  #sendMore(): boolean {
    while (this.#outgoing.length > 0) {
      if (this.#isBehind && this.#reader.mustRead()) {
        this.#stuck()
        return false
      }
      this.#sendFrame()
      if (this.#outgoing.length > 0 && !this.#maySend) return true
    }
    this.#closeIfSent()
    return false
  }

  /** B4: the end of a connection does not wait for its reader. */
  #stuck(): void {
    if (this.#closing !== null) return this.#closeNow()
    for (const mark of [...this.#marks]) {
      const { stuck } = mark
      mark.stuck = undefined
      stuck?.()
    }
  }

  /** B4: one more message for a peer that must read first. */
  #waitForReader(): boolean {
    this.#limits.sent?.(this.#size * waitingMessageBytes)
    return false
  }

  /** B1: this turn has time to send something to this peer. */
  get #maySend(): boolean {
    return this.#turn?.maySend ?? true
  }

  /** B1: the time that this peer shares with others; undefined if it waits for none. */
  get #turn(): TurnTime | undefined {
    return inTurns.has(this.channel) ? this.#limits.turn : undefined
  }

  #sendFrame(): void {
    const count = this.#nextFrame()
    const messages = this.#outgoing
    this.#outgoing = count < messages.length ? messages.splice(count) : []
    this.#size = sizeOf(this.#outgoing, inMessages)
    this.#write(messages)
    this.#checkReader()
    this.#passMarks(count)
  }

  /** How many of the messages that wait go into the next frame. */
  #nextFrame(): number {
    let weight = 0
    let count = 0
    while (count < this.#outgoing.length && weight < frameMessagesMax)
      weight += weightOf(this.#outgoing[count++] as Message)
    return count
  }

  #passMarks(sent: number): void {
    if (this.#marks.length === 0) return
    for (const mark of this.#marks) mark.left -= sent
    const passed = this.#marks.filter(({ left }) => left <= 0)
    this.#marks = this.#marks.filter(({ left }) => left > 0)
    for (const { run } of passed) run()
  }

  #closeIfSent(): void {
    const closing = this.#closing
    if (closing === null || this.#outgoing.length > 0) return
    this.#closing = null
    this.#reader.forget()
    this.#closeSocket(closing.number, closing.text)
  }

  /** Nothing that waits is done any more. */
  #forget(): void {
    this.#closing = null
    this.#outgoing = []
    this.#reader.forget()
    this.#dropKept()
    this.#passMarks(Number.POSITIVE_INFINITY)
  }

  #dropKept(): void {
    this.#kept = []
    this.#endedBehind = null
  }

  #checkReader(): void {
    const { bufferedAmount } = this.#socket
    if (bufferedAmount > this.#limits.bufferedBytesMax)
      return this.#fail(new WireError('SLOW_READER', errors.SLOW_READER.meaning))
    this.#isBehind = bufferedAmount > readAheadBytesMax && readers.has(this.channel)
    this.#limits.sent?.(0)
  }

  #write(messages: Message[]): void {
    const text = encode(messages)
    const bytesMax =
      this.channel === 'serverToClient' || this.channel === 'viewToClient'
        ? clientFrameBytesMax
        : frameBytesMax
    // A UTF-16 unit has at most three bytes; one message alone always fits, by its limits.
    if (text.length * 3 > bytesMax && messages.length > 1 && bytesOf(text) > bytesMax) {
      const half = messages.length >> 1
      this.#write(messages.slice(0, half))
      this.#write(messages.slice(half))
    } else if (this.#socket.open) {
      this.#socket.send(text)
    }
  }

  /** B1: a frame for which this turn has no time is not even decoded in it. */
  #received(text: string): void {
    if (this.#over) return
    if (this.#kept.length === 0 && !this.#held && (this.#turn?.mayRead ?? true)) return this.#receive(text)
    this.#kept.push(text)
    if (this.#kept.length > 1 || this.#held) return
    this.#socket.pause?.()
    this.#keptWaits()
  }

  #keptWaits(): void {
    this.#handlers.waits?.(true)
    if (this.#turn !== undefined) this.#turn.later(this.#reading)
    else while (this.#readKept());
  }

  /** Reads the first frame that waits; true if there are more. */
  #readKept(): boolean {
    const text = this.#kept.shift()
    if (text === undefined) return false
    this.#receive(text)
    if (this.#held) return false
    if (this.#kept.length > 0) return true
    if (this.#over) return false
    this.#handlers.waits?.(false)
    if (!this.#paused) this.#socket.unpause?.()
    this.#endedBehind?.()
    return false
  }

  #closed(reason: string, error: Error | undefined): void {
    if (this.#kept.length === 0) this.#ended(reason, error)
    else this.#endedBehind = () => this.#ended(reason, error)
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
    this.#forget()
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
    const over = this.#over
    this.#over = true
    this.#forget()
    if (over) return
    this.#handlers.closed(violation(error) ?? reason, error)
  }
}

/** The error of what ws itself has refused: too large, or no WebSocket. */
function violation(error: Error | undefined): string | undefined {
  const { code = '' } = (error ?? {}) as { code?: string }
  if (!code.startsWith('WS_ERR_')) return undefined
  return `${code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'TOO_LARGE' : 'BAD_MESSAGE'}: ${error?.message}`
}

/** A row of a list takes as much of a frame as so many messages (B1). */
const rowMessages = 4

/** One part of a query's answer may fill a frame (B1); a run counts as the messages that it stands for. */
function weightOf(message: Message): number {
  if (message[0] !== 'locks' && message[0] !== 'looked') return lengthOf(message, inMessages)
  const [, , , held, pending] = message as MessageOf<'serverToClient', 'locks' | 'looked'>
  return Math.max(1, rowMessages * (held.length + pending.length))
}

/** A close reason holds 123 bytes. */
function closeReason(text: string): string {
  return bytesOf(text) <= 123 ? text : cutToBytes(text, 120)
}
