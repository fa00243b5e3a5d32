// The accepting half of a connection, above its socket: what a peer must say first, and what it may say after
// that. It checks what has nothing to do with locks or views: secret, wire version, a hello in time.

import { WireError } from './codec.ts'
import { Connection, type ConnectionHandlers } from './connection.ts'
import * as limits from './limits.ts'
import type { Channel, Hello, HelloFrom, Message } from './messages.ts'
import './server-channels.ts'
import type { Runtime, Timer } from './runtime.ts'
import { isSecret } from './secret.ts'
import type { Socket } from './socket.ts'
import { wireVersion } from './version.ts'

export interface AcceptOptions {
  readonly secret: string | null
  readonly role: 'viewserver' | 'lockserver'
  /** These two default to those of limits.ts; tests make them smaller. */
  readonly helloWithinMs?: number
  readonly bufferedBytesMax?: number
}

export interface AcceptHandlers {
  /** Hello was said and is in order; returns what hears of the rest. */
  accepted(connection: Connection, cluster: string | null, from: HelloFrom): ConnectionHandlers
  /** A peer was turned away. */
  turnedAway(reason: string, remote: string): void
}

/** Waits for the peer's hello. `remote`: its machine, for the log. */
export function acceptSocket(
  socket: Socket,
  options: AcceptOptions,
  handlers: AcceptHandlers,
  remote: string,
  runtime: Runtime,
): void {
  new HelloWaiter(socket, options, handlers, remote, runtime).wait()
}

/** Tells the peer why it can't stay, whatever it would have said. */
export function refuseSocket(
  socket: Socket,
  options: AcceptOptions,
  handlers: AcceptHandlers,
  remote: string,
  runtime: Runtime,
  error: WireError,
): void {
  new HelloWaiter(socket, options, handlers, remote, runtime).refuse(error)
}

/** Before its hello a peer may say one thing only; afterwards its messages go to whatever accepted it. */
class HelloWaiter implements ConnectionHandlers {
  readonly #options: AcceptOptions
  readonly #handlers: AcceptHandlers
  readonly #remote: string
  readonly #runtime: Runtime
  readonly #connection: Connection
  #next: ConnectionHandlers | undefined
  #timer: Timer | undefined

  constructor(
    socket: Socket,
    options: AcceptOptions,
    handlers: AcceptHandlers,
    remote: string,
    runtime: Runtime,
  ) {
    const { bufferedBytesMax = limits.bufferedBytesMax } = options
    this.#options = options
    this.#handlers = handlers
    this.#remote = remote
    this.#runtime = runtime
    this.#connection = new Connection(socket, 'opening', this, true, runtime, { bufferedBytesMax })
  }

  wait(): void {
    const { helloWithinMs = limits.helloWithinMs } = this.#options
    this.#timer = this.#runtime.afterQuietly(helloWithinMs, () =>
      this.refuse(new WireError('HELLO_TIMEOUT', `no hello within ${helloWithinMs} ms`)),
    )
  }

  refuse(error: WireError): void {
    this.#connection.close(error.code, error.message)
    this.#handlers.turnedAway(`${error.code}: ${error.message}`, this.#remote)
  }

  messages(messages: readonly Message[]): void {
    if (this.#next === undefined) this.#hello(messages)
    else if (this.#connection.channel === 'opening') this.#tooMuch(this.#next)
    else this.#next.messages(messages)
  }

  closed(reason: string): void {
    this.#runtime.cancel(this.#timer)
    if (this.#next !== undefined) this.#next.closed(reason)
    else this.#handlers.turnedAway(reason, this.#remote)
  }

  #hello(messages: readonly Message[]): void {
    this.#runtime.cancel(this.#timer)
    try {
      if (messages.length !== 1)
        throw new WireError('UNEXPECTED_MESSAGE', 'the first frame must hold one message, hello')
      const [, version, cluster, secret, from] = messages[0] as Hello
      this.#check(version, secret)
      this.#connection.channel = channelFor(from, this.#options.role)
      this.#next = this.#handlers.accepted(this.#connection, cluster, from)
    } catch (error) {
      this.refuse(error instanceof WireError ? error : new WireError('INTERNAL', String(error)))
    }
  }

  #check(version: number, secret: string | null): void {
    if (version !== wireVersion) {
      throw new WireError(
        'WRONG_WIRE_VERSION',
        `this server speaks wire version ${wireVersion}, not ${version}`,
      )
    }
    if (this.#options.secret !== null && (secret === null || !isSecret(secret, this.#options.secret))) {
      throw new WireError(
        'WRONG_SECRET',
        'the shared secret is missing or wrong; set --secret (HOLDFAST_SECRET) as the cluster has it',
      )
    }
  }

  /** A view server only wants to hear the welcome. */
  #tooMuch(next: ConnectionHandlers): void {
    this.#connection.close('UNEXPECTED_MESSAGE', 'after its hello a viewserver may say nothing')
    next.closed('UNEXPECTED_MESSAGE')
  }
}

/** What this peer may say after its hello. */
function channelFor(from: HelloFrom, role: AcceptOptions['role']): Channel {
  if (role === 'viewserver') {
    if (from.kind === 'client') return 'clientToView'
    if (from.kind === 'lockserver') return 'serverToView'
  } else {
    if (from.kind === 'client') return 'clientToServer'
    if (from.kind === 'primary') return 'primaryToBackup'
    if (from.kind === 'probe') return 'opening'
  }
  throw new WireError('UNEXPECTED_MESSAGE', `a ${role} takes no connection from a ${from.kind}`)
}
