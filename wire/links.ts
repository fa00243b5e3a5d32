// The connections of one core, by number: does what the core says about them and tells it what it
// heard. The same for every server; it decides nothing.

import { runtime } from '#runtime'
import type { Connection, ConnectionHandlers } from './connection.ts'
import { dial, helloOf } from './dial.ts'
import type { ConnectionEffect, ConnectionInput } from './effects.ts'
import type { ErrorCode } from './errors.ts'
import type { HelloFrom, Message } from './messages.ts'
import { Refusals } from './refusals.ts'

export class Links {
  readonly #secret: string | null
  readonly #hear: (input: ConnectionInput) => void
  readonly #open = new Map<number, Connection>()
  #accepted = 0
  /** Of the connections that were accepted. */
  readonly refusals = new Refusals()
  /** Which core this is for: the next one numbers its dials anew. */
  #life = 0

  constructor(secret: string | null, hear: (input: ConnectionInput) => void) {
    this.#secret = secret
    this.#hear = hear
  }

  accept(connection: Connection, cluster: string | null, from: HelloFrom): ConnectionHandlers {
    const number = ++this.#accepted
    this.#open.set(number, connection)
    this.#hear({ is: 'accepted', connection: number, cluster, from })
    return {
      messages: messages => this.#messages(number, messages),
      closed: reason => {
        this.refusals.countReason(reason)
        this.#closed(number, false)
      },
    }
  }

  perform(effect: ConnectionEffect): void {
    switch (effect.do) {
      case 'send':
        this.#open.get(effect.connection)?.send(effect.message)
        return
      case 'close': {
        const connection = this.#open.get(effect.connection)
        this.#open.delete(effect.connection)
        if (effect.connection > 0 && effect.code !== null) this.refusals.count(effect.code)
        connection?.close(effect.code, effect.text)
        return
      }
      case 'dial':
        this.#dial(effect)
    }
  }

  /** Connections that are open or being made. */
  get size(): number {
    return this.#open.size
  }

  /** Sends at once what waits for the end of the turn. */
  flush(): void {
    for (const connection of this.#open.values()) connection.flush()
  }

  /** Closes every connection; the core hears nothing of it. */
  closeAll(code: ErrorCode | null, text: string): void {
    this.#life++
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const connection of open) connection.close(code, text)
  }

  /** Cuts every connection without a word, as the end of a process does. */
  cutAll(): void {
    this.#life++
    for (const connection of this.#open.values()) connection.cut()
    this.#open.clear()
  }

  #dial(effect: Extract<ConnectionEffect, { do: 'dial' }>): void {
    const { connection: number, address, cluster, from } = effect
    try {
      const { connection } = dial(address, helloOf(cluster, this.#secret, from), {
        messages: messages => this.#messages(number, messages),
        closed: () => this.#closed(number, false),
        failed: refused => this.#closed(number, refused),
      })
      this.#open.set(number, connection)
    } catch {
      // An address that can't be dialled at all, from a peer: a failed dial like any other.
      const life = this.#life
      runtime.afterTurn(() => {
        if (life === this.#life) this.#hear({ is: 'closed', connection: number, refused: false })
      })
    }
  }

  #messages(number: number, messages: readonly Message[]): void {
    if (this.#open.has(number)) this.#hear({ is: 'messages', connection: number, messages })
  }

  #closed(number: number, refused: boolean): void {
    if (this.#open.delete(number)) this.#hear({ is: 'closed', connection: number, refused })
  }
}
