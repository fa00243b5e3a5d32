// Dials the advertised addresses of lock servers: which server answers there, if any does? Probes only
// find out; what follows from it is decided in core.ts. A probe that neither opens nor closes within the
// ping limit, counted in the view server's own ticks, brings no news.

import type { Trouble } from '../wire/effects.ts'
import type { Server } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import type { ViewOutbox } from './outbox.ts'
import type { ViewHears } from './record.ts'

/**
 * `verify`: does this id live there (V5)? `lost`: its connection closed, is the process gone? `reset`: may
 * its state still serve?
 */
export type Purpose = 'verify' | 'lost' | 'reset'

export interface Probe {
  readonly connection: number
  readonly purpose: Purpose
  readonly server: Server
  ticks: number
}

export type Outcome =
  /** Every address of the name said ECONNREFUSED: no process listens. */
  | { readonly is: 'refused' }
  | { readonly is: 'answered'; readonly id: string }
  /** The dial failed in another way, or was cut: it shows nothing, but the next dial may. */
  | { readonly is: 'cut'; readonly trouble: Trouble | null }
  /** Silence, another error or a stranger show nothing. */
  | { readonly is: 'no news' }

export interface Finding {
  readonly probe: Probe
  readonly outcome: Outcome
}

export class Probes {
  readonly #out: ViewOutbox
  readonly #ticksMax: number
  readonly #byConnection = new Map<number, Probe>()
  /** The probes of one purpose, by the id that they ask for. */
  readonly #byPurpose: Readonly<Record<Purpose, Map<string, Probe>>> = {
    verify: new Map(),
    lost: new Map(),
    reset: new Map(),
  }
  /** Numbers of connections are new also after those of an earlier term. */
  readonly #dials: { last: number }

  constructor(out: ViewOutbox, ticksMax: number, dials = { last: 0 }) {
    this.#out = out
    this.#ticksMax = ticksMax
    this.#dials = dials
  }

  /** Nothing happens if the same question is being asked already. */
  start(purpose: Purpose, { id, address }: Server, cluster: string | null): void {
    if (this.asks(purpose, id)) return
    this.#dials.last -= 1
    const probe: Probe = { connection: this.#dials.last, purpose, server: { id, address }, ticks: 0 }
    this.#byConnection.set(probe.connection, probe)
    this.#byPurpose[purpose].set(id, probe)
    this.#out.dial(probe.connection, probe.server, cluster)
  }

  asks(purpose: Purpose, id: string): boolean {
    return this.#byPurpose[purpose].has(id)
  }

  /** How many servers are asked this. */
  asked(purpose: Purpose): number {
    return this.#byPurpose[purpose].size
  }

  /** Forgets the question; with an id, only about that server. */
  cancel(purpose: Purpose, id?: string): void {
    const probes = this.#byPurpose[purpose]
    const probe = id === undefined ? undefined : probes.get(id)
    if (probe !== undefined) this.#end(probe)
    else if (id === undefined) for (const each of [...probes.values()]) this.#end(each)
  }

  /** The first message that arrives answers the question. */
  heard(connection: number, message: SaidOn<ViewHears> | undefined): Finding | undefined {
    const probe = this.#byConnection.get(connection)
    if (probe === undefined) return undefined
    this.#end(probe)
    return { probe, outcome: outcomeOf(message) }
  }

  closed(connection: number, refused: boolean, trouble: Trouble | null): Finding | undefined {
    const probe = this.#byConnection.get(connection)
    if (probe === undefined) return undefined
    this.#forget(probe)
    return { probe, outcome: refused ? { is: 'refused' } : { is: 'cut', trouble } }
  }

  tick(): Finding[] {
    const late = [...this.#byConnection.values()].filter(probe => ++probe.ticks >= this.#ticksMax)
    for (const probe of late) this.#end(probe)
    return late.map(probe => ({ probe, outcome: { is: 'no news' } }))
  }

  #end(probe: Probe): void {
    this.#forget(probe)
    this.#out.close(probe.connection, null, 'this is all the view server wanted to know')
  }

  #forget({ connection, purpose, server }: Probe): void {
    this.#byConnection.delete(connection)
    this.#byPurpose[purpose].delete(server.id)
  }
}

function outcomeOf(message: SaidOn<ViewHears> | undefined): Outcome {
  if (message?.[0] !== 'welcome') return { is: 'no news' }
  const { kind, id } = message[1]
  return kind === 'lockserver' && id !== null ? { is: 'answered', id } : { is: 'no news' }
}
