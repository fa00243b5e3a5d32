// A running view server, without a port or a disk: a driver around the view core. It gets its connections
// from a listener, and writes to the store that it is given. It decides nothing. When a record can't be
// saved, or the core finds an invariant broken, it ends at once and tells no peer anything more (V6).

import type { ConnectionEffect } from '../wire/effects.ts'
import * as limits from '../wire/limits.ts'
import type { Durability, HelloFrom, Status } from '../wire/messages.ts'
import type { Connection, ConnectionHandlers } from '../wire/net/connection.ts'
import { Driver } from '../wire/net/driver.ts'
import { Refusals } from '../wire/net/refusals.ts'
import type { Runtime } from '../wire/net/runtime.ts'
import type { TurnTime } from '../wire/net/turn-time.ts'
import { type Logger, sparing } from '../wire/serving/log.ts'
import { unknownEffect } from '../wire/unknown-effect.ts'
import { ViewCore } from './core.ts'
import { ViewCounts } from './counts.ts'
import type { NoteLevel, ViewEffect, ViewHears, ViewInput, ViewRecord } from './record.ts'

/** Makes a record durable; rejects if it is not, or if another view server writes, too. */
export interface Saves {
  save(record: ViewRecord): PromiseLike<void>
}

export interface RunningOptions {
  /** Where the server listens; for the log. */
  readonly address: string
  readonly pingIntervalMs: number
  readonly deadPings: number
  /** What the store holds; null if nothing. */
  readonly record: ViewRecord | null
  /** The cluster is known to be new: view 1 need not wait for a ping limit of listening. */
  readonly newCluster: boolean
  /** D1: of a cluster whose first record this view server makes; default memory. */
  readonly durability?: Durability
  /** D4: for how long it waits for the other servers whose state could be recovered. */
  readonly recoveryPatienceMs?: number
  readonly secret: string | null
  readonly log: Logger
  readonly pid: number
  /** The machine's name. */
  readonly host: string
}

/** The owner of a running server. */
export interface RunningOwner {
  /** The server has ended by itself, and its connections with it. */
  failed(error: Error): void
}

const turnEnd: ViewInput = { is: 'turn-end' }

export class RunningViewServer {
  readonly counts = new ViewCounts()
  readonly core: ViewCore
  readonly #options: RunningOptions
  readonly #runtime: Runtime
  readonly #store: Saves
  readonly #owner: RunningOwner
  readonly #log: Logger
  readonly #turnedAway = new Refusals()
  readonly #driver: Driver<ViewHears, ViewInput, Exclude<ViewEffect, ConnectionEffect>>
  #saving: PromiseLike<void> = Promise.resolve()
  #over = false

  constructor(options: RunningOptions, runtime: Runtime, store: Saves, owner: RunningOwner) {
    const { pingIntervalMs, deadPings, record, newCluster, durability, recoveryPatienceMs, pid, host } =
      options
    this.#options = options
    this.#runtime = runtime
    this.#store = store
    this.#owner = owner
    this.#log = sparing(options.log, () => runtime.monotonic())
    this.core = new ViewCore({
      pingIntervalMs,
      deadPings,
      record,
      newClusterId: runtime.newId(),
      newCluster,
      durability: durability ?? 'memory',
      recoveryPatienceMs: recoveryPatienceMs ?? limits.recoveryPatienceMs,
      pid,
      host,
      counts: this.counts,
    })
    this.#driver = new Driver(runtime, this.core, options.secret, turnEnd, {
      hear: input => this.#driver.step(input),
      perform: effect => this.#perform(effect),
      broken: error => this.#fail(error),
    })
  }

  /** B1: the time of its turns, for its listener. */
  get turn(): TurnTime {
    return this.#driver.turn
  }

  /** Connections that are open or being made. */
  get connections(): number {
    return this.#driver.connections.size
  }

  get refusals(): readonly Refusals[] {
    return [this.#turnedAway, this.#driver.connections.refusals]
  }

  /** Settles when nothing is being written. */
  get saving(): PromiseLike<void> {
    return this.#saving
  }

  status(): Status {
    return this.core.status(this.#runtime.now())
  }

  start(): void {
    this.#driver.every(this.#options.pingIntervalMs, { is: 'tick' })
  }

  /** A peer said hello, and its hello is in order. */
  accepted(connection: Connection, cluster: string | null, from: HelloFrom): ConnectionHandlers {
    return this.#driver.connections.accept(connection, cluster, from)
  }

  turnedAway(reason: string, remote: string): void {
    this.#turnedAway.countReason(reason)
    this.note('warn', 'a connection was refused', { reason, remote })
  }

  /** Ends the server at once; a record that is being written is still written. */
  close(): void {
    if (this.#over) return
    this.note('info', 'closing', {})
    this.#end('LEAVING', 'the view server shuts down')
  }

  /** Ends the server as the end of its process would: no peer hears anything. */
  kill(): void {
    if (this.#over) return
    this.#over = true
    this.#driver.stop()
    this.#driver.connections.cutAll()
  }

  note(level: NoteLevel, text: string, fields: object): void {
    const view = this.core.record?.view.number ?? 0
    this.#log[level]({ view, role: 'viewserver', server: this.#options.address, ...fields }, text)
  }

  #perform(effect: Exclude<ViewEffect, ConnectionEffect>): void {
    switch (effect.do) {
      case 'save':
        return this.#save(effect.record)
      case 'note':
        return this.note(effect.level, effect.text, effect.fields)
      default:
        return unknownEffect(effect)
    }
  }

  /** `then` instead of await: a simulated store answers when it likes, without a promise. */
  #save(record: ViewRecord): void {
    const began = this.#runtime.monotonic()
    this.#saving = this.#store.save(record).then(
      () => {
        this.counts.save.observe(this.#runtime.monotonic() - began)
        this.#driver.step({ is: 'saved' })
      },
      error => this.#fail(error),
    )
  }

  #fail(cause: unknown): void {
    if (this.#over) return
    const error = cause instanceof Error ? cause : new Error(String(cause))
    this.note('error', 'shutting down after an internal error', { error: error.message, stack: error.stack })
    this.#end('INTERNAL', 'the view server ends itself')
    this.#owner.failed(error)
  }

  #end(code: 'LEAVING' | 'INTERNAL', text: string): void {
    this.#over = true
    this.#driver.stop()
    this.#driver.connections.closeAll(code, text)
  }
}
