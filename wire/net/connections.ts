// The connections of one core, by number: does what the core says about them, and tells the core what
// arrives on them. All servers use the same class; it decides nothing.

import { type ConnectionEffect, type ConnectionInput, saidOn, type Trouble } from '../effects.ts'
import type { ErrorCode } from '../errors.ts'
import type { Channel, HelloFrom, Message } from '../messages.ts'
import { unknownEffect } from '../unknown-effect.ts'
import type { Connection, ConnectionHandlers } from './connection.ts'
import { dial, helloOf } from './dial.ts'
import { Refusals } from './refusals.ts'
import type { Runtime } from './runtime.ts'

type DialEffect = Extract<ConnectionEffect, { do: 'dial' }>

/** The connections of a core whose peers speak on the channels `C`. */
export class Connections<C extends Channel> {
  readonly #runtime: Runtime
  readonly #secret: string | null
  readonly #hear: (input: ConnectionInput<C>) => void
  readonly #open = new Map<number, Connection>()
  /** Connections with messages that wait for the end of the turn: going over thousands each turn is slow. */
  #unflushed: Connection[] = []
  /** Connections that the core has closed, and that wait for a turn with time for their last words (B1). */
  readonly #closing = new Set<Connection>()
  /** Dials that wait for the end of the turn. */
  readonly #dials = new Map<number, DialEffect>()
  #accepted = 0
  /** Counts only connections that were accepted. */
  readonly refusals = new Refusals()

  constructor(runtime: Runtime, secret: string | null, hear: (input: ConnectionInput<C>) => void) {
    this.#runtime = runtime
    this.#secret = secret
    this.#hear = hear
  }

  accept(
    connection: Connection,
    cluster: string | null,
    from: HelloFrom,
    owner: string | null = null,
    remote = '',
  ): ConnectionHandlers {
    const number = ++this.#accepted
    this.#open.set(number, connection)
    this.#hear({ is: 'accepted', connection: number, cluster, from, owner, remote })
    return {
      messages: messages => this.#messages(number, messages),
      waits: waits => this.#hear({ is: 'waits', connection: number, waits }),
      closed: reason => {
        this.refusals.countReason(reason)
        this.#closed(number, false)
      },
    }
  }

  perform(effect: ConnectionEffect): void {
    switch (effect.do) {
      case 'send':
        return this.#send(effect)
      case 'close': {
        const connection = this.#open.get(effect.connection)
        this.#open.delete(effect.connection)
        this.#dials.delete(effect.connection)
        if (effect.connection > 0 && effect.code !== null) this.refusals.count(effect.code)
        if (connection !== undefined) this.#close(connection, effect.code, effect.text)
        return
      }
      case 'dial':
        this.#dials.set(effect.connection, effect)
        if (this.#dials.size === 1) this.#runtime.afterTurn(() => this.#dialAll())
        return
      default:
        return unknownEffect(effect)
    }
  }

  /** B1: while paused, reads no more from this connection. */
  pause(number: number, paused: boolean): void {
    const connection = this.#open.get(number)
    if (paused) connection?.pause()
    else connection?.unpause()
  }

  /** Runs the function when the socket has all that was sent on this connection, or it is over. */
  whenSent(number: number, run: () => void): void {
    const connection = this.#open.get(number)
    if (connection === undefined) run()
    else connection.whenSent(run)
  }

  /** Connections that are open or being made. */
  get size(): number {
    return this.#open.size + this.#dials.size
  }

  /** Sends at once the messages that wait for the end of the turn. */
  flush(): void {
    const connections = this.#unflushed
    this.#unflushed = []
    for (const connection of connections) connection.flush()
  }

  /** R5: closes every connection at once; the core hears nothing of it. */
  closeAll(code: ErrorCode | null, text: string): void {
    this.#dials.clear()
    const open = [...this.#closing, ...this.#open.values()]
    this.#open.clear()
    this.#closing.clear()
    for (const connection of open) connection.closeAtOnce(code, text)
  }

  /** Cuts every connection without a word, as the end of a process does. */
  cutAll(): void {
    this.#dials.clear()
    for (const connection of [...this.#closing, ...this.#open.values()]) connection.cut()
    this.#open.clear()
    this.#closing.clear()
  }

  #close(connection: Connection, code: ErrorCode | null, text: string): void {
    connection.close(code, text)
    if (!connection.closesLater) return
    this.#closing.add(connection)
    connection.whenSent(() => this.#closing.delete(connection))
  }

  #send({ connection: number, message }: Extract<ConnectionEffect, { do: 'send' }>): void {
    const connection = this.#open.get(number)
    if (!connection?.send(message)) return
    this.#unflushed.push(connection)
    if (this.#unflushed.length === 1) this.#runtime.afterTurn(() => this.flush())
  }

  /** Making a socket takes up to a millisecond, so messages that others wait for go out first. */
  #dialAll(): void {
    this.flush()
    for (const dial of [...this.#dials.values()]) if (this.#dials.delete(dial.connection)) this.#dial(dial)
    // The core may have answered a dial that failed at once with another dial.
    if (this.#dials.size > 0) this.#runtime.afterTurn(() => this.#dialAll())
  }

  #dial({ connection: number, address, cluster, from }: DialEffect): void {
    try {
      const handlers = {
        messages: (messages: readonly Message[]) => this.#messages(number, messages),
        closed: () => this.#closed(number, false),
        failed: (refused: boolean, trouble: Trouble) => this.#closed(number, refused, trouble),
      }
      const { connection } = dial(address, helloOf(cluster, this.#secret, from), handlers, this.#runtime)
      this.#open.set(number, connection)
    } catch {
      // A peer gave an address that can't be dialled at all: it counts as a failed dial like any other.
      this.#hear({ is: 'closed', connection: number, refused: false, trouble: notDialable })
    }
  }

  #messages(number: number, messages: readonly Message[]): void {
    if (this.#open.has(number))
      this.#hear({ is: 'messages', connection: number, messages: saidOn<C>(messages) })
  }

  #closed(number: number, refused: boolean, trouble?: Trouble): void {
    if (!this.#open.delete(number)) return
    this.#hear({ is: 'closed', connection: number, refused, ...(trouble !== undefined && { trouble }) })
  }
}

const notDialable: Trouble = { code: 'ERR_INVALID_URL', text: 'is no address that can be dialled' }
