// What a step has decided so far, for the driver to do, and what is counted. The parts of a core write
// here, so that none of them needs to know another one for it.

import type { ConnectionEffect } from '../wire/effects.ts'
import type { ErrorCode } from '../wire/errors.ts'
import type { HelloFrom } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import type { Noted, ServerCounts } from './counts.ts'
import type { JournalWrite, SnapshotPiece } from './journal/asked.ts'
import { dialledAs, type Peers } from './peers.ts'
import type { Situation } from './situation.ts'
import type { Fact } from './state/facts.ts'

export type NoteLevel = 'debug' | 'info' | 'warn' | 'error'

export type ServerSays = 'serverToClient' | 'serverToView' | 'primaryToBackup' | 'backupToPrimary'

export type ServerEffect =
  | ConnectionEffect<ServerSays>
  /** Drop this core with its state and connections; go on as a new server with a new id (V5). */
  | { readonly do: 'step-down'; readonly reason: string }
  /** The process ends. */
  | { readonly do: 'exit'; readonly status: number; readonly reason: string }
  /** Reads no more from this connection, until it may be heard again (B1). */
  | { readonly do: 'pause'; readonly connection: number; readonly paused: boolean }
  /** Call again in the next turn with `continue`: there is more to do. */
  | { readonly do: 'continue' }
  /** Give the input `sent` once the socket has all that was sent on this connection, or the connection is over. */
  | { readonly do: 'tell sent'; readonly connection: number }
  /** Goes into the journal, in this order; `synced` answers once it is on the disk (D1). */
  | { readonly do: 'journal'; readonly number: number; readonly write: JournalWrite }
  /** D3: the files that a state begins with may be made ahead. */
  | { readonly do: 'prepare' }
  /** A piece of a snapshot for the disk; `snapshot taken` answers. */
  | { readonly do: 'snapshot'; readonly piece: SnapshotPiece }
  /** Something that an operator wants to read. */
  | { readonly do: 'note'; readonly level: NoteLevel; readonly text: string; readonly fields: object }

/** What a lock server says of itself when it dials. */
type Dialled = Exclude<HelloFrom, { kind: 'client' | 'viewserver' }>

export class ServerOutbox {
  readonly #situation: Readonly<Situation>
  /** Undefined: nothing is counted. */
  readonly #counts: ServerCounts | undefined
  /** Peers that are dialled and closed here; admission.ts adds those that are accepted. */
  readonly #peers: Peers
  #effects: ServerEffect[] = []
  #dialled = 0

  constructor(situation: Readonly<Situation>, peers: Peers, counts?: ServerCounts) {
    this.#situation = situation
    this.#peers = peers
    this.#counts = counts
  }

  /** Whether times for the metrics are worth noting. */
  get counting(): boolean {
    return this.#counts !== undefined
  }

  /** What an operation has done. */
  countFact(fact: Fact): void {
    this.#counts?.fact(fact)
  }

  count(what: Noted): void {
    this.#counts?.note(what, this.#situation.now.monotonic)
  }

  send(connection: number, message: SaidOn<ServerSays>): void {
    this.#effects.push({ do: 'send', connection, message })
  }

  close(connection: number, code: ErrorCode | null, text: string): void {
    this.#peers.delete(connection)
    this.#effects.push({ do: 'close', connection, code, text })
  }

  /** The number of the new connection. */
  dial(address: string, cluster: string | null, from: Dialled): number {
    const connection = --this.#dialled
    this.#peers.set(connection, { is: dialledAs[from.kind] })
    this.#effects.push({ do: 'dial', connection, address, cluster, from })
    return connection
  }

  note(level: NoteLevel, text: string, fields: object = {}): void {
    this.#effects.push({ do: 'note', level, text, fields })
  }

  do(effect: ServerEffect): void {
    this.#effects.push(effect)
  }

  take(): ServerEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
