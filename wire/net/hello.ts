// The accepting half of a connection, above its socket: what a peer must say first, and what it may say after
// that. It checks what has nothing to do with locks or views: proof, wire version, a hello in time.

import { WireError } from '../codec.ts'
import { errors } from '../errors.ts'
import * as limits from '../limits.ts'
import type { Channel, Hello, HelloFrom, Message, MessageOf } from '../messages.ts'
import { Connection, type ConnectionHandlers } from './connection.ts'
import '../server-channels.ts'
import { Guard, openAccess, type Proven } from './guard.ts'
import type { Runtime, Timer } from './runtime.ts'
import type { Socket } from './socket.ts'
import type { TurnTime } from './turn-time.ts'

export interface AcceptOptions {
  readonly secret: string | null
  /** Absent: who has the secret may come in, and no rules apply. */
  readonly guard?: Guard
  readonly role: 'viewserver' | 'lockserver'
  /** These two default to those of limits.ts; tests make them smaller. */
  readonly helloWithinMs?: number
  readonly bufferedBytesMax?: number
}

export interface AcceptHandlers {
  /** A peer's hello is in order; returns the handlers for its other messages. `remote`: its machine, `proven`: who it is. */
  accepted(
    connection: Connection,
    cluster: string | null,
    from: HelloFrom,
    remote: string,
    proven: Proven,
  ): ConnectionHandlers
  /** B1: the time that peers share. Absent: none is measured. */
  readonly turn?: TurnTime
  /** A peer was turned away. */
  turnedAway(reason: string, remote: string): void
}

/** What a hello costs, and whether there is room for the peer that says it (B3, B7). */
export interface Gate {
  /** Why the peer's secret is not even looked at; undefined when it is. */
  mayTry(): WireError | undefined
  /** How many ms the answer to a wrong secret waits. */
  wrongSecret(): number
  /** A5: why the peer is taken for no server; null if its certificate proves it, or none is asked for. */
  readonly certificateProblem?: string | null
  /**
   * The hello is in order. Undefined if there is room, which `end` may take back; else why there is none. `principal`: whose
   * quotas the peer takes from; null: it has no principal.
   */
  admits(from: HelloFrom, end: (error: WireError) => void, principal?: string | null): WireError | undefined
  /** Something was sent to the peer; this many bytes more wait until it has read (B4). */
  sent(waiting: number): void
}

/** For sockets that no edge counts. */
const openGate: Gate = {
  mayTry: () => undefined,
  wrongSecret: () => 0,
  admits: () => undefined,
  sent: () => {},
}

/** Waits for the peer's hello. `remote`: its machine, for the log. */
export function acceptSocket(
  socket: Socket,
  options: AcceptOptions,
  handlers: AcceptHandlers,
  remote: string,
  runtime: Runtime,
  gate: Gate = openGate,
): void {
  new HelloWaiter(socket, options, handlers, remote, runtime, gate).wait()
}

/** A peer's first message must be its hello; afterwards its messages go to the handlers that accepted it. */
class HelloWaiter implements ConnectionHandlers {
  readonly #options: AcceptOptions
  readonly #handlers: AcceptHandlers
  readonly #remote: string
  readonly #runtime: Runtime
  readonly #connection: Connection
  readonly #gate: Gate
  readonly #guard: Guard
  #next: ConnectionHandlers | undefined
  /** The secret was wrong; the peer will learn it later. */
  #refused: WireError | undefined
  /** A3: the look at the peer's signed token that is under way. */
  #looking: PromiseLike<WireError | null> | null = null
  #timer: Timer | undefined

  constructor(
    socket: Socket,
    options: AcceptOptions,
    handlers: AcceptHandlers,
    remote: string,
    runtime: Runtime,
    gate: Gate,
  ) {
    this.#gate = gate
    const { bufferedBytesMax = limits.bufferedBytesMax } = options
    this.#options = options
    this.#guard = options.guard ?? new Guard({ ...openAccess, secret: options.secret })
    this.#handlers = handlers
    this.#remote = remote
    this.#runtime = runtime
    this.#connection = new Connection(socket, 'opening', this, true, runtime, {
      bufferedBytesMax,
      sent: waiting => gate.sent(waiting),
      turn: handlers.turn,
    })
  }

  wait(): void {
    const { helloWithinMs = limits.helloWithinMs } = this.#options
    this.#timer = this.#runtime.afterQuietly(helloWithinMs, () =>
      this.refuse(new WireError('HELLO_TIMEOUT', `no hello within ${helloWithinMs} ms`)),
    )
  }

  refuse(error: WireError): void {
    this.#connection.closeAtOnce(error.code, error.message)
    this.#handlers.turnedAway(textOf(error), this.#remote)
  }

  messages(messages: readonly Message[]): void {
    if (this.#refused !== undefined) return
    if (this.#next === undefined) this.#hello(messages)
    else if (this.#connection.channel === 'opening') this.#tooMuch(this.#next)
    else if (messages[0]?.[0] === 'token') this.#token(this.#next, messages)
    else this.#next.messages(messages)
  }

  waits(waits: boolean): void {
    this.#next?.waits?.(waits)
  }

  closed(reason: string): void {
    this.#runtime.cancel(this.#timer)
    this.#looking = null
    if (this.#next !== undefined) this.#next.closed(reason)
    else this.#handlers.turnedAway(this.#refused ? textOf(this.#refused) : reason, this.#remote)
  }

  #hello(messages: readonly Message[]): void {
    this.#runtime.cancel(this.#timer)
    try {
      if (messages.length !== 1)
        throw new WireError('UNEXPECTED_MESSAGE', 'the first frame must hold one message, hello')
      const hello = messages[0] as Hello
      const [, , , proof, from] = hello
      this.#mayTry()
      const look = this.#guard.check(from.kind, proof)
      if (look === null) return this.#admit(hello)
      // A3, B3: nothing more of the peer is read in the meantime, and it keeps its place among the strangers.
      this.#connection.hold()
      this.#look(look, problem => this.#helloLooked(hello, problem))
    } catch (error) {
      this.#refuse(wireErrorOf(error))
    }
  }

  #admit([, , cluster, proof, from]: Hello): void {
    const proven = this.#guard.prove(from.kind, proof)
    this.#connection.channel = channelFor(from, this.#options.role)
    if (from.kind !== 'client') this.#checkServer()
    const principal = proven.principal?.name ?? null
    const full = this.#gate.admits(from, error => this.#end(error), principal)
    if (full !== undefined) throw full
    this.#next = this.#handlers.accepted(this.#connection, cluster, from, this.#remote, proven)
  }

  #helloLooked(hello: Hello, problem: WireError | null): void {
    try {
      if (problem !== null) throw problem
      this.#admit(hello)
      this.#connection.goOn()
    } catch (error) {
      this.#refuse(wireErrorOf(error))
    }
  }

  /** A3, B3: the peer waits no longer than this. */
  #look(look: PromiseLike<WireError | null>, found: (problem: WireError | null) => void): void {
    this.#looking = look
    const once = (problem: WireError | null) => {
      if (this.#looking !== look) return
      this.#looking = null
      this.#runtime.cancel(this.#timer)
      found(problem)
    }
    this.#timer = this.#runtime.afterQuietly(limits.tokenWithinMs, () => once(notInTime))
    look.then(once, error => once(wireErrorOf(error)))
  }

  /** A3: a newer token for this connection. What else comes on it goes on. */
  #token(next: ConnectionHandlers, messages: readonly Message[]): void {
    const [, proof] = messages[0] as MessageOf<'clientToServer', 'token'>
    if (messages.length > 1 || this.#looking !== null)
      return this.#end(
        new WireError('UNEXPECTED_MESSAGE', 'a token comes alone in its frame, and one at a time'),
      )
    try {
      this.#mayTry()
      const look = this.#guard.check('client', proof)
      if (look === null) this.#tokenLooked(next, proof, null)
      else this.#look(look, problem => this.#tokenLooked(next, proof, problem))
    } catch (error) {
      this.#wrongToken(next, wireErrorOf(error))
    }
  }

  #tokenLooked(next: ConnectionHandlers, proof: string, problem: WireError | null): void {
    try {
      if (problem?.code === 'TOKEN_NOT_CHECKED') return void next.token?.(null)
      if (problem !== null) throw problem
      const refusal = next.token?.(this.#guard.prove('client', proof)) ?? null
      if (refusal !== null) throw refusal
    } catch (error) {
      this.#wrongToken(next, wireErrorOf(error))
    }
  }

  /** B3: an open connection is no place to guess: it costs what a wrong token at the hello does. */
  #wrongToken(next: ConnectionHandlers, error: WireError): void {
    this.#next = undefined
    next.closed('its newer token was not good')
    this.#refuse(error)
  }

  /** B3: answers to wrong secrets take longer and longer, however many connections they come on. */
  #refuse(error: WireError): void {
    const isWrong = error.code === 'WRONG_SECRET' || error.code === 'WRONG_TOKEN'
    const ms = isWrong ? this.#gate.wrongSecret() : 0
    if (ms === 0) return this.refuse(error)
    this.#refused = error
    this.#timer = this.#runtime.afterQuietly(ms, () => this.refuse(error))
  }

  /** B3 */
  #mayTry(): void {
    const refusal = this.#guard.isOpen ? undefined : this.#gate.mayTry()
    if (refusal !== undefined) throw refusal
  }

  /** A5 */
  #checkServer(): void {
    const problem = this.#gate.certificateProblem
    if (problem === undefined || problem === null) return
    throw new WireError(
      'WRONG_CERTIFICATE',
      `${errors.WRONG_CERTIFICATE.meaning} (--tls-client-ca), and of this one ${problem}`,
    )
  }

  /** Ends the connection because its room is needed. */
  #end(error: WireError): void {
    this.#connection.close(error.code, error.message)
    this.#next?.closed(textOf(error))
  }

  /** A view server that dials wants only the welcome and may say nothing more. */
  #tooMuch(next: ConnectionHandlers): void {
    this.#connection.close('UNEXPECTED_MESSAGE', 'after its hello a viewserver may say nothing')
    next.closed('UNEXPECTED_MESSAGE')
  }
}

/** What this peer may say after its hello. */
function channelFor(from: HelloFrom, role: AcceptOptions['role']): Channel {
  if (role === 'viewserver') {
    if (from.kind === 'client' || from.kind === 'viewserver') return 'clientToView'
    if (from.kind === 'lockserver') return 'serverToView'
  } else {
    if (from.kind === 'client') return 'clientToServer'
    if (from.kind === 'primary') return 'primaryToBackup'
    if (from.kind === 'probe') return 'opening'
  }
  throw new WireError('UNEXPECTED_MESSAGE', `a ${role} takes no connection from a ${from.kind}`)
}

const notInTime = new WireError(
  'TOKEN_NOT_CHECKED',
  `the signed token was not checked within ${limits.tokenWithinMs} ms`,
)

function wireErrorOf(error: unknown): WireError {
  return error instanceof WireError ? error : new WireError('INTERNAL', String(error))
}

function textOf({ code, message }: WireError): string {
  return `${code}: ${message}`
}
