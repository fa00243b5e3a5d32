// A lock server that runs, without its own port: a driver around a core, and another core under another id
// after a step-down. It gets its connections from a listener, decides nothing, and takes clock, timers and
// sockets from the runtime that it is given.

import type { ConnectionEffect } from '../wire/effects.ts'
import type { ErrorCode } from '../wire/errors.ts'
import type { StateLimits } from '../wire/limits.ts'
import type { HelloFrom } from '../wire/messages.ts'
import type { Connection, ConnectionHandlers } from '../wire/net/connection.ts'
import { Driver } from '../wire/net/driver.ts'
import { Guard, openAccess, type Proven } from '../wire/net/guard.ts'
import { ownerOf, plainAddress, principalOwner } from '../wire/net/owner.ts'
import { Refusals } from '../wire/net/refusals.ts'
import type { Runtime } from '../wire/net/runtime.ts'
import type { TurnTime } from '../wire/net/turn-time.ts'
import type { PageAudit } from '../wire/serving/http.ts'
import { type Logger, sparing } from '../wire/serving/log.ts'
import { unknownEffect } from '../wire/unknown-effect.ts'
import { ServerCore } from './core.ts'
import type { ServerCounts } from './counts.ts'
import type { ServerHears, ServerInput } from './input.ts'
import type { Found, JournalSays, JournalWrite, SnapshotPiece } from './journal/asked.ts'
import type { NoteLevel, ServerEffect } from './outbox.ts'

/** Where a durable server keeps its state. A failure is handled there: it ends the process (D8). */
export interface RunningJournal {
  /** What it held when it was opened (D3); it lets go of it. Called once. */
  takeFound(): Found | null
  /** Called once: from now on this hears what the journal says. */
  start(hear: (says: JournalSays) => void): void
  write(number: number, write: JournalWrite): void
  snapshot(piece: SnapshotPiece): void
  /** D3: this server may be chosen. */
  prepare(): void
}

export interface RunningOptions {
  /** The address that other servers and clients get. */
  readonly address: string
  readonly viewServers: readonly string[]
  readonly pingIntervalMs: number
  readonly deadPings: number
  readonly drainMs: number
  readonly limits: StateLimits
  /** Quotas by address hold for this machine, too (B7). */
  readonly loopbackCounts?: boolean
  readonly secret: string | null
  /** Who may come in (A1), and what this server shows when it dials; absent: the secret alone. */
  readonly guard?: Guard
  /** A3: a session whose token was taken away ends at once. */
  readonly revokeNow?: boolean
  readonly log: Logger
  readonly pid: number
  /** The machine's name. */
  readonly host: string
  /** Absent: it serves in clusters in memory only. */
  readonly journal?: RunningJournal | undefined
  /** What its cores do is counted here; absent: nowhere. */
  readonly counts?: ServerCounts
}

/** The owner of the server. */
export interface RunningOwner {
  /** Called once: the server and its connections have ended. Its process should exit with this status. */
  ended(status: number): void
}

/** The status that a shell shows for a process that SIGKILL ended. */
export const killedStatus = 137

const tick: ServerInput = { is: 'tick' }
const turnEnd: ServerInput = { is: 'turn-end' }
const goOn: ServerInput = { is: 'continue' }

export class RunningLockServer {
  readonly #options: RunningOptions
  readonly #runtime: Runtime
  readonly #owner: RunningOwner
  readonly #log: Logger
  readonly #turnedAway = new Refusals()
  readonly #guard: Guard
  readonly #driver: Driver<ServerHears, ServerInput, Exclude<ServerEffect, ConnectionEffect>>
  #core: ServerCore
  /** Writes of all cores, and those of the cores before this one: each core numbers its own from 1. */
  #written = 0
  #writtenBefore = 0
  #status: number | undefined

  constructor(options: RunningOptions, runtime: Runtime, owner: RunningOwner) {
    this.#options = options
    this.#runtime = runtime
    this.#owner = owner
    this.#log = sparing(options.log, () => runtime.monotonic())
    this.#guard = options.guard ?? new Guard({ ...openAccess, secret: options.secret })
    this.#core = this.#newCore(null, options.journal?.takeFound() ?? null)
    this.#driver = new Driver(runtime, this.#core, () => this.#guard.ownProofs, turnEnd, {
      hear: input => this.#driver.step(input),
      perform: effect => this.#perform(effect),
      broken: error => this.#broken(error),
    })
  }

  /** The core that lives now; each step-down brings another one. */
  get core(): ServerCore {
    return this.#core
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

  start(): void {
    this.#options.journal?.start(says => this.#hearJournal(says))
    this.#driver.every(this.#options.pingIntervalMs, tick)
    this.#driver.step(tick)
  }

  /** Hello was said and is in order. */
  accepted(
    connection: Connection,
    cluster: string | null,
    from: HelloFrom,
    remote: string,
    proven?: Proven,
  ): ConnectionHandlers {
    const principal = proven?.principal ?? null
    const owner =
      principal === null
        ? ownerOf(remote, this.#options.loopbackCounts ?? false)
        : principalOwner(principal.name)
    return this.#driver.connections.accept(connection, cluster, from, owner, plainAddress(remote), proven)
  }

  /** A3: the access file was read again. */
  rightsChanged(): void {
    this.#driver.connections.rightsChanged(this.#guard)
    const { standing } = this.#guard
    if (standing !== null) this.#driver.step({ is: 'standing', standing })
  }

  /** A3: signed tokens that have run out are good no more; called more often than once in a ping limit. */
  endTokens(): void {
    this.#driver.connections.endTokens()
  }

  /** A7 */
  audit({ allowed, ...line }: PageAudit): void {
    if (allowed) this.note('info', 'done by an operator', line)
    else this.note('warn', 'not allowed', line)
  }

  turnedAway(reason: string, remote: string): void {
    this.#turnedAway.countReason(reason)
    this.note('warn', 'a connection was refused', { remote, reason })
  }

  filesShort(code: string): void {
    this.note('warn', 'no more files can be opened; no client is let in', { code })
  }

  /** Ends the server in order: it hands its role over first. A second call ends it at once. */
  leave(): void {
    if (this.#core.leaving) this.close()
    else this.#driver.step({ is: 'leave' })
  }

  /** Ends the server at once. */
  close(): void {
    this.#end(0, 'LEAVING', 'the server was closed')
  }

  /** D8: what it decides is on no disk any more. */
  fail(problem: string): void {
    this.#end(1, 'INTERNAL', problem)
  }

  /** Ends the server as the end of its process would: no peer gets any message. */
  kill(): void {
    if (this.#status !== undefined) return
    this.#driver.connections.cutAll()
    this.#over(killedStatus, 'killed')
  }

  note(level: NoteLevel, text: string, fields: object): void {
    const { view, role, id } = this.#core
    this.#log[level]({ view: view?.number ?? 0, role, server: id, ...fields }, text)
  }

  /** D3: only the first one has what the journal held. */
  #newCore(cluster: string | null, found: Found | null): ServerCore {
    const { address, viewServers, pingIntervalMs, deadPings, drainMs, limits, pid, host } = this.#options
    const { counts, journal, revokeNow } = this.#options
    const own = {
      pingIntervalMs,
      deadPings,
      drainMs,
      id: this.#runtime.newId(),
      address,
      viewServers,
      limits,
      pid,
      host,
      cluster,
      ...(counts !== undefined && { counts }),
      journal: journal !== undefined,
      revokeNow: revokeNow ?? false,
      standing: this.#guard.standing,
    }
    return new ServerCore(own, found)
  }

  #perform(effect: Exclude<ServerEffect, ConnectionEffect>): void {
    switch (effect.do) {
      case 'note':
        return this.note(effect.level, effect.text, effect.fields)
      case 'pause':
        return this.#driver.connections.pause(effect.connection, effect.paused)
      case 'continue':
        return this.#driver.stepAfterTurn(goOn)
      case 'tell sent':
        return this.#tellSent(effect.connection)
      case 'journal':
        this.#written = this.#writtenBefore + effect.number
        return this.#options.journal?.write(this.#written, effect.write)
      case 'snapshot':
        return this.#options.journal?.snapshot(effect.piece)
      case 'prepare':
        return this.#options.journal?.prepare()
      case 'step-down':
        return this.#stepDown(effect.reason)
      case 'exit':
        return this.#end(effect.status, effect.status === 0 ? 'LEAVING' : 'INTERNAL', effect.reason)
      default:
        return unknownEffect(effect)
    }
  }

  /** A later core has not asked for it. */
  #tellSent(connection: number): void {
    const core = this.#core
    const tell = (is: 'sent' | 'stuck') => () => {
      if (this.#core === core) this.#driver.step({ is, connection })
    }
    this.#driver.connections.whenSent(connection, tell('sent'), tell('stuck'))
  }

  /** What was written for an earlier core concerns this one no more. */
  #hearJournal(says: JournalSays): void {
    if (this.#status !== undefined) return
    if (says.is !== 'synced') return this.#driver.step(says)
    const number = says.number - this.#writtenBefore
    if (number > 0) this.#driver.step({ is: 'synced', number })
  }

  /** V5, R5: the state goes with its id; clients are sent away. */
  #stepDown(reason: string): void {
    this.#driver.connections.closeAll('STEPPED_DOWN', reason)
    this.#writtenBefore = this.#written
    this.#core = this.#newCore(this.#core.cluster, null)
    this.#driver.become(this.#core)
    this.note('info', 'a new server', { reason })
    this.#driver.stepAfterTurn(tick)
  }

  #broken(error: unknown): void {
    this.note('error', 'the state is broken; ending', { error: String(error) })
    this.#end(1, 'INTERNAL', 'the server found its own state broken')
  }

  #end(status: number, code: ErrorCode, reason: string): void {
    if (this.#status !== undefined) return
    this.#driver.connections.closeAll(code, reason)
    this.#over(status, reason)
  }

  #over(status: number, reason: string): void {
    this.#status = status
    this.#driver.stop()
    this.note('info', 'ended', { status, reason })
    this.#owner.ended(status)
  }
}
