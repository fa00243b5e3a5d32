// G1: idle servers as one decision gives them out: each to one group at most, to the needier group first, and to a
// primary on another host if that can be, where it may have a copy already (D12). It decides no view; who may be chosen at all, servers.ts knows.

import type { Server, View } from '../wire/messages.ts'
import type { KnownServer, Servers } from './servers.ts'

/** What is looked for. */
export interface Wanted {
  readonly group: number
  /** The server beside which it will stand; null: none. */
  readonly beside: Server | null
  /** Addresses at which it must not be. */
  readonly unreachable: readonly string[]
}

export class Spares {
  readonly #servers: Servers
  /** D4: those that only this group may have, by id. */
  readonly #reserved: ReadonlyMap<string, number>
  /** Those that no group has; the longest known first. */
  #free: readonly KnownServer[]

  /** `named`: whoever has, or had, a part that the record tells of. */
  constructor(servers: Servers, named: ReadonlySet<string>, reserved: ReadonlyMap<string, number>) {
    this.#servers = servers
    this.#reserved = reserved
    this.#free = servers.idle().filter(({ id }) => !named.has(id))
  }

  /** The best one. It stays free: what comes of it is not decided yet. */
  best({ group, beside, unreachable }: Wanted): Server | null {
    const host = beside === null ? '' : (this.#servers.get(beside.id)?.host ?? '')
    const fitting = this.#free.filter(
      ({ id, address }) => (this.#reserved.get(id) ?? group) === group && !unreachable.includes(address),
    )
    const elsewhere = fitting.filter(server => host !== '' && server.host !== host)
    const best = elsewhere.length > 0 ? elsewhere : fitting
    const found = beside === null ? best[0] : newestOf(best, group)
    return found === undefined ? null : { id: found.id, address: found.address }
  }

  /** This view has whom it names. */
  take({ primary, backup }: View): void {
    this.#free = this.#free.filter(({ id }) => id !== primary.id && id !== backup?.id)
  }

  /** A group will need one, and can't take it yet. */
  keep(wanted: Wanted): void {
    const kept = this.best(wanted)
    this.#free = this.#free.filter(({ id }) => id !== kept?.id)
  }
}

/** D12: the one whose journal has the newest state of this group; without any, the first. */
function newestOf(servers: readonly KnownServer[], group: number): KnownServer | undefined {
  const of = ({ imprint }: KnownServer) => (imprint?.group === group ? imprint : null)
  return servers.toSorted((a, b) => {
    const [one, other] = [of(a), of(b)]
    return (other?.view ?? 0) - (one?.view ?? 0) || (other?.opNumber ?? 0) - (one?.opNumber ?? 0)
  })[0]
}
