// A running view server, without a port or a disk: a driver around the view core. It gets its connections
// from a listener, and writes to the store that it is given. It decides nothing. When a record can't be
// saved, or the core finds an invariant broken, it ends at once and tells no peer anything more (V6).

import type { ConnectionEffect } from '../wire/effects.ts'
import * as limits from '../wire/limits.ts'
import type { HelloFrom, Status } from '../wire/messages.ts'
import type { Connection, ConnectionHandlers } from '../wire/net/connection.ts'
import { Driver } from '../wire/net/driver.ts'
import { Guard, openAccess, type Proven } from '../wire/net/guard.ts'
import { plainAddress } from '../wire/net/owner.ts'
import { Refusals } from '../wire/net/refusals.ts'
import type { Runtime } from '../wire/net/runtime.ts'
import type { TurnTime } from '../wire/net/turn-time.ts'
import type { PageAudit } from '../wire/serving/http.ts'
import { type Logger, sparing } from '../wire/serving/log.ts'
import { unknownEffect } from '../wire/unknown-effect.ts'
import { ViewCounts } from './counts.ts'
import type { Founding, NoteLevel, StoredRecord, ViewHears } from './record.ts'
import { SeatCore, type SeatEffect, type SeatInput, ticksPerPing } from './seat.ts'
import { type Stored, StoreError, type ViewStore } from './stores/store.ts'

/** What a view server needs of its store (E1). */
export type SeatStore = Pick<ViewStore, 'load' | 'save' | 'watch' | 'marks'>

export interface RunningOptions {
  /** Where the server listens; for the log. */
  readonly address: string
  readonly pingIntervalMs: number
  readonly deadPings: number
  /** What was loaded from the store; undefined: it was not reached. */
  readonly stored: Stored | null | undefined
  /** Where other view servers reach it; absent: where it listens. */
  readonly reachedAt?: string
  /** Its address is good on this machine only, so it need not reach itself there. */
  readonly isLocal: boolean
  /** E6: what it writes into a store that never held a record; absent: it waits for one. */
  readonly founding?: Founding
  /** E6: what it says as long as there is no record. */
  readonly noRecord?: string
  /** D4: for how long it waits for the other servers whose state could be recovered. */
  readonly recoveryPatienceMs?: number
  readonly secret: string | null
  /** Who may come in (A1), and what this server shows when it dials; absent: the secret alone. */
  readonly guard?: Guard
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

const turnEnd: SeatInput = { is: 'turn-end' }

export class RunningViewServer {
  readonly counts = new ViewCounts()
  readonly core: SeatCore
  readonly #options: RunningOptions
  readonly #runtime: Runtime
  readonly #store: SeatStore
  readonly #owner: RunningOwner
  readonly #log: Logger
  readonly #turnedAway = new Refusals()
  readonly #guard: Guard
  readonly #driver: Driver<ViewHears, SeatInput, Exclude<SeatEffect, ConnectionEffect>>
  #saving: PromiseLike<void> = Promise.resolve()
  #givingUp: PromiseLike<void> = Promise.resolve()
  #over = false

  constructor(options: RunningOptions, runtime: Runtime, store: SeatStore, owner: RunningOwner) {
    const { founding, noRecord, recoveryPatienceMs } = options
    this.#guard = options.guard ?? new Guard({ ...openAccess, secret: options.secret })
    this.#options = options
    this.#runtime = runtime
    this.#store = store
    this.#owner = owner
    this.#log = sparing(options.log, () => runtime.monotonic())
    this.core = new SeatCore({
      ...options,
      address: options.reachedAt ?? options.address,
      id: runtime.newId(),
      founding: founding ?? null,
      noRecord: noRecord ?? 'there is no view record',
      recoveryPatienceMs: recoveryPatienceMs ?? limits.recoveryPatienceMs,
      silenceCounts: store.marks.silenceCounts,
      counts: this.counts,
    })
    this.#driver = new Driver(runtime, this.core, () => this.#guard.ownProofs, turnEnd, {
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

  /** Settles when the mark is given up, if it was to be. */
  get givingUp(): PromiseLike<void> {
    return this.#givingUp
  }

  /** Settles when nothing is being written. */
  get saving(): PromiseLike<void> {
    return this.#saving
  }

  status(): Status {
    return this.core.status(this.#runtime.now())
  }

  start(): void {
    const { pingIntervalMs } = this.#options
    this.#driver.every(pingIntervalMs / ticksPerPing(pingIntervalMs), { is: 'tick' })
    this.#store.watch(() => this.#driver.step({ is: 'changed' }))
    this.#driver.step({ is: 'begin' })
  }

  /** A peer said hello, and its hello is in order. */
  accepted(
    connection: Connection,
    cluster: string | null,
    from: HelloFrom,
    remote = '',
    proven?: Proven,
  ): ConnectionHandlers {
    return this.#driver.connections.accept(connection, cluster, from, null, plainAddress(remote), proven)
  }

  /** A3: the access file was read again. */
  rightsChanged(): void {
    this.#driver.connections.rightsChanged(this.#guard)
  }

  /** A3: signed tokens that have run out are good no more; called more often than once in a ping limit. */
  endTokens(): void {
    this.#driver.connections.endTokens()
  }

  /** A7 */
  audit({ allowed, ...line }: PageAudit): void {
    if (!allowed) this.note('warn', 'not allowed', line)
    else if (line.verb === 'operate') this.note('info', 'done by an operator', line)
    else this.note('info', 'logged in', line)
  }

  turnedAway(reason: string, remote: string): void {
    this.#turnedAway.countReason(reason)
    this.note('warn', 'a connection was refused', { reason, remote })
  }

  filesShort(code: string): void {
    this.note('warn', 'no more files can be opened; no client is let in', { code })
  }

  /** Ends the server at once; a record that is being written is still written. */
  close(): void {
    if (this.#over) return
    this.note('info', 'closing', {})
    this.#driver.step({ is: 'leave' })
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

  #perform(effect: Exclude<SeatEffect, ConnectionEffect>): void {
    const { marks } = this.#store
    switch (effect.do) {
      case 'load':
        return void this.#ask(this.#store.load(), stored => ({ is: 'loaded', stored }), notLoaded)
      case 'write':
        return this.#write(effect.record, effect.expected)
      case 'read mark':
        return void this.#ask(marks.read(), mark => ({ is: 'mark read', mark }), markFailed)
      case 'take mark':
        return void this.#ask(
          marks.take(effect.owner, effect.instead),
          mark => ({ is: 'mark taken', mark }),
          markFailed,
        )
      case 'confirm mark':
        return void this.#ask(marks.confirm(effect.mark), () => ({ is: 'mark confirmed' }), markFailed)
      case 'give up mark':
        this.#givingUp = marks.giveUp(effect.mark).then(undefined, () => {}) // in vain: it lapses by itself
        return
      case 'note':
        return this.note(effect.level, effect.text, effect.fields)
      default:
        return unknownEffect(effect)
    }
  }

  #write(record: StoredRecord, expected: Stored | null): void {
    const began = this.#runtime.monotonic()
    this.#saving = this.#ask(
      this.#store.save(record, expected),
      stored => {
        this.counts.save.observe(this.#runtime.monotonic() - began)
        return { is: 'written', stored }
      },
      ({ trouble, message }) => ({ is: 'not written', trouble, text: message }),
    )
  }

  /**
   * `then` instead of await: a simulated store answers when it likes, without a promise. Errors that are no
   * store's answer end the server: a dead view server is restarted, a wrong one loses locks.
   */
  #ask<T>(
    answer: PromiseLike<T>,
    input: (value: T) => SeatInput,
    failure: (error: StoreError) => SeatInput,
  ): PromiseLike<void> {
    return answer.then(
      value => this.#driver.step(input(value)),
      error => {
        if (error instanceof StoreError) this.#driver.step(failure(error))
        else this.#fail(error)
      },
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

function notLoaded({ message }: StoreError): SeatInput {
  return { is: 'not loaded', text: message }
}

function markFailed({ trouble, message }: StoreError): SeatInput {
  return { is: 'mark failed', trouble, text: message }
}
