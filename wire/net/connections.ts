// The connections of one core, by number: does what the core says about them, and tells the core what
// arrives on them. All servers use the same class; it decides nothing.

import { sameRights } from '../access/principal.ts'
import { WireError } from '../codec.ts'
import {
  type ConnectionEffect,
  type ConnectionInput,
  saidOn,
  type TokenEnd,
  type Trouble,
} from '../effects.ts'
import type { ErrorCode } from '../errors.ts'
import type { Channel, HelloFrom, Message } from '../messages.ts'
import { unknownEffect } from '../unknown-effect.ts'
import type { Connection, ConnectionHandlers } from './connection.ts'
import { dial, helloOf } from './dial.ts'
import type { Guard, Proven } from './guard.ts'
import { Refusals } from './refusals.ts'
import type { Runtime } from './runtime.ts'

type DialEffect = Extract<ConnectionEffect, { do: 'dial' }>

/** What a dial shows, one after the other until one is taken (A8); asked for anew at each dial. */
export type Proofs = () => readonly (string | null)[] | PromiseLike<readonly (string | null)[]>

/** The connections of a core whose peers speak on the channels `C`. */
export class Connections<C extends Channel> {
  readonly #runtime: Runtime
  readonly #proofs: Proofs | null
  readonly #hear: (input: ConnectionInput<C>) => void
  readonly #open = new Map<number, Connection>()
  /** Connections with messages that wait for the end of the turn: going over thousands each turn is slow. */
  #unflushed: Connection[] = []
  /** The driver flushes in this very turn, so no turn of its own has to. */
  #gathering = false
  /** Connections that the core has closed, and that wait for a turn with time for their last words (B1). */
  readonly #closing = new Set<Connection>()
  /** Dials that wait for the end of the turn. */
  readonly #dials = new Map<number, DialEffect>()
  /** Dials that wait for what they are to show. */
  readonly #proving = new Set<number>()
  /** A3: those that have shown a token. */
  readonly #proven = new Map<number, Proven>()
  /** Those of them whose token ends by itself. */
  readonly #ending = new Map<number, number>()
  #accepted = 0
  /** Counts only connections that were accepted. */
  readonly refusals = new Refusals()

  /** `proofs`: null if it has none. */
  constructor(runtime: Runtime, proofs: Proofs | null, hear: (input: ConnectionInput<C>) => void) {
    this.#runtime = runtime
    this.#proofs = proofs
    this.#hear = hear
  }

  accept(
    connection: Connection,
    cluster: string | null,
    from: HelloFrom,
    owner: string | null = null,
    remote = '',
    proven: Proven = anyone,
  ): ConnectionHandlers {
    const number = ++this.#accepted
    connection.gathered = true
    const { principal } = proven
    this.#open.set(number, connection)
    if (principal !== null) this.#provenAs(number, proven)
    this.#hear({ is: 'accepted', connection: number, cluster, from, owner, remote, principal })
    if (this.#ending.has(number) && connection.channel === 'clientToServer') this.#tellEnd(number)
    return {
      messages: messages => this.#messages(number, messages),
      token: newer => this.#newToken(number, newer),
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
        this.#forget(effect.connection)
        this.#dials.delete(effect.connection)
        this.#proving.delete(effect.connection)
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

  /** A3: the core hears whose rules are others now, and whose token was taken away. */
  rightsChanged(guard: Guard): void {
    for (const [connection, proven] of [...this.#proven]) {
      const now = guard.again(proven)
      const principal = now?.principal ?? null
      if (principal !== null && proven.principal !== null && sameRights(principal, proven.principal)) continue
      if (now === undefined) this.#tokenEnded(connection, 'was taken away')
      else {
        this.#proven.set(connection, now)
        this.#hear({ is: 'rights changed', connection, principal, why: null })
      }
    }
  }

  /** A3: the core hears whose token has run out; called again and again, more often than once in a ping limit. */
  endTokens(): void {
    if (this.#ending.size === 0) return
    const { wall } = this.#runtime.now()
    for (const [connection, endsAt] of [...this.#ending])
      if (endsAt <= wall) this.#tokenEnded(connection, 'has run out')
  }

  #provenAs(connection: number, proven: Proven): void {
    this.#proven.set(connection, proven)
    if (proven.signed === undefined) this.#ending.delete(connection)
    else this.#ending.set(connection, proven.signed.endsAt)
  }

  #newToken(connection: number, proven: Proven | null): WireError | null {
    const before = this.#proven.get(connection)?.principal ?? null
    const principal = proven?.principal ?? null
    if (proven !== null && before?.name !== principal?.name) return anotherPrincipal
    if (proven !== null && before !== null && principal !== null) {
      this.#provenAs(connection, proven)
      if (!sameRights(before, principal))
        this.#hear({ is: 'rights changed', connection, principal, why: null })
    }
    this.#tellEnd(connection)
    return null
  }

  /** A3: so that the peer has a newer one in time. */
  #tellEnd(connection: number): void {
    const endsAt = this.#ending.get(connection)
    const left = endsAt === undefined ? null : Math.ceil(endsAt - this.#runtime.now().wall)
    const ms = left === null ? null : Math.min(Math.max(0, left), tokenLastsMsMax)
    this.#send({ do: 'send', connection, message: ['token-lasts', ms] })
  }

  /** A3: shows on an open connection what a dial would show now. In vain, if it can't be sent now: it is asked for again in good time. */
  showToken(number: number): void {
    const show = ([proof = null]: readonly (string | null)[]) => {
      if (proof !== null) this.#open.get(number)?.sendAlone(['token', proof])
    }
    const proofs = this.#proofs?.() ?? [null]
    if ('then' in proofs)
      proofs.then(show, () => {}) // in vain, likewise
    else show(proofs)
  }

  #tokenEnded(connection: number, why: TokenEnd): void {
    this.#proven.delete(connection)
    this.#ending.delete(connection)
    this.#hear({ is: 'rights changed', connection, principal: null, why })
  }

  /** B1: while paused, reads no more from this connection. */
  pause(number: number, paused: boolean): void {
    const connection = this.#open.get(number)
    if (paused) connection?.pause()
    else connection?.unpause()
  }

  /** Runs the function when the socket has all that was sent on this connection, or it is over; `stuck`: see there. */
  whenSent(number: number, run: () => void, stuck: () => void): void {
    const connection = this.#open.get(number)
    if (connection === undefined) run()
    else connection.whenSent(run, stuck)
  }

  /** Connections that are open or being made. */
  get size(): number {
    return this.#open.size + this.#dials.size + this.#proving.size
  }

  /** What `run` sends goes out when it is done. */
  gather(run: () => void): void {
    this.#gathering = true
    try {
      run()
    } finally {
      this.#gathering = false
    }
    this.flush()
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
    this.#proving.clear()
    const open = [...this.#closing, ...this.#open.values()]
    this.#forgetAll()
    for (const connection of open) connection.closeAtOnce(code, text)
  }

  /** Cuts every connection without a word, as the end of a process does. */
  cutAll(): void {
    this.#dials.clear()
    this.#proving.clear()
    for (const connection of [...this.#closing, ...this.#open.values()]) connection.cut()
    this.#forgetAll()
  }

  #forgetAll(): void {
    this.#open.clear()
    this.#proven.clear()
    this.#ending.clear()
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
    if (this.#unflushed.length === 1 && !this.#gathering) this.#runtime.afterTurn(() => this.flush())
  }

  /** Making a socket takes up to a millisecond, so messages that others wait for go out first. */
  #dialAll(): void {
    this.flush()
    for (const dial of [...this.#dials.values()]) if (this.#dials.delete(dial.connection)) this.#dial(dial)
    // The core may have answered a dial that failed at once with another dial.
    if (this.#dials.size > 0) this.#runtime.afterTurn(() => this.#dialAll())
  }

  #dial(effect: DialEffect): void {
    const proofs = this.#proofs?.() ?? [null]
    if (!('then' in proofs)) return this.#dialWith(effect, proofs)
    const { connection } = effect
    this.#proving.add(connection)
    proofs.then(
      known => this.#proving.delete(connection) && this.#dialWith(effect, known),
      error => this.#proving.delete(connection) && this.#notDialled(connection, noToken(error)),
    )
  }

  /** A8: if the peer does not take the first proof it is dialled again with the next one; the core hears of the last. */
  #dialWith(effect: DialEffect, [proof = null, ...others]: readonly (string | null)[]): void {
    const { connection: number, address, cluster, from, hurryAt } = effect
    try {
      const handlers = {
        messages: (messages: readonly Message[]) => {
          if (others.length > 0 && isWrong(messages[0]) && this.#open.has(number)) {
            connection.close(null, 'another proof')
            return this.#dialWith(effect, others)
          }
          this.#messages(number, messages)
        },
        waits: (waits: boolean) => {
          if (from.kind === 'client') this.#hear({ is: 'waits', connection: number, waits })
        },
        closed: () => this.#open.get(number) === connection && this.#closed(number, false),
        failed: (refused: boolean, trouble: Trouble) => this.#closed(number, refused, trouble),
      }
      const { connection } = dial(address, helloOf(cluster, proof, from), handlers, this.#runtime, hurryAt)
      connection.gathered = true
      this.#open.set(number, connection)
    } catch {
      // A peer gave an address that can't be dialled at all: it counts as a failed dial like any other.
      this.#notDialled(number, notDialable)
    }
  }

  #notDialled(connection: number, trouble: Trouble): void {
    this.#forget(connection)
    this.#hear({ is: 'closed', connection, refused: false, trouble })
  }

  /** False if it is gone already. */
  #forget(number: number): boolean {
    this.#proven.delete(number)
    this.#ending.delete(number)
    return this.#open.delete(number)
  }

  #messages(number: number, messages: readonly Message[]): void {
    if (this.#open.has(number))
      this.#hear({ is: 'messages', connection: number, messages: saidOn<C>(messages) })
  }

  #closed(number: number, refused: boolean, trouble?: Trouble): void {
    const tokenEndsAt = this.#ending.get(number)
    if (!this.#forget(number)) return
    this.#hear({
      is: 'closed',
      connection: number,
      refused,
      ...(trouble !== undefined && { trouble }),
      ...(tokenEndsAt !== undefined && { tokenEndsAt }),
    })
  }
}

function isWrong(message: Message | undefined): boolean {
  return message?.[0] === 'error' && (message[1] === 'WRONG_SECRET' || message[1] === 'WRONG_TOKEN')
}

/** No timer takes more, and no token need be told to last longer. */
const tokenLastsMsMax = 2_147_483_647

const anotherPrincipal = new WireError(
  'WRONG_TOKEN',
  'the newer token is of another principal than this connection',
)

const anyone: Proven = { principal: null, hash: null }

/** What a program's own function says is wrong; no token is in it but by that program's doing. */
function noToken(error: unknown): Trouble {
  const text = error instanceof Error ? error.message : String(error)
  return {
    code: 'NO_TOKEN',
    text: `was not dialled: the function that gives the access token failed: ${text}`,
  }
}

const notDialable: Trouble = { code: 'ERR_INVALID_URL', text: 'is no address that can be dialled' }
