// What a lock server says of itself: to view servers in its hello, its pings and its answers, and to an operator
// as its testimony (E7). It changes nothing.

import type { HelloFrom, Imprint, MessageOf, Ping, Testimony } from '../wire/messages.ts'
import { packageVersion } from '../wire/version.ts'
import type { ServerCoreOptions } from './core-options.ts'
import type { Found } from './journal/asked.ts'
import type { Leaving } from './leaving.ts'
import type { CoreParts, Roles } from './roles.ts'
import type { Situation } from './situation.ts'
import type { ViewLinks } from './view-links.ts'

export class SelfReport {
  readonly #options: ServerCoreOptions
  readonly #situation: Readonly<Situation>
  readonly #viewLinks: ViewLinks
  readonly #roles: Roles
  readonly #leaving: Leaving

  constructor(
    options: ServerCoreOptions,
    { situation, viewLinks }: CoreParts,
    roles: Roles,
    leaving: Leaving,
  ) {
    this.#options = options
    this.#situation = situation
    this.#viewLinks = viewLinks
    this.#roles = roles
    this.#leaving = leaving
  }

  get hello(): Extract<HelloFrom, { kind: 'lockserver' }> {
    const { id, address, pid, host } = this.#options
    const { found, disk, spokenRole } = this.#roles
    return {
      kind: 'lockserver',
      id,
      address,
      role: spokenRole,
      group: this.#situation.group,
      view: Math.max(this.#viewNumber, found?.imprint.view ?? 0),
      pid,
      version: packageVersion,
      host,
      journal: disk !== null,
      imprint: found === null ? null : imprintOf(found),
    }
  }

  get ping(): Ping {
    const { primary, backup, state, disk, spokenRole, ackable } = this.#roles
    return {
      group: this.#situation.group,
      view: this.#viewNumber,
      role: spokenRole,
      acked: ackable,
      inSync: backup?.toldInSync ?? false,
      opNumber: state?.opNumber ?? 0,
      lag: primary?.replication.lag ?? backup?.lag ?? 0,
      copiedPart: primary?.replication.join.copiedPart ?? 0,
      token: state?.table.lastToken ?? 0,
      unreachable: primary?.link.unreachable ?? [],
      leaving: this.#leaving.asksForRelief,
      ttlMs: primary?.opens.wantedTtlMs ?? 0,
      low: disk?.low ?? false,
      disk: disk?.figures ?? null,
      left: primary?.left ?? null,
    }
  }

  /** V3: the view server asks once the primary is dead; the answer says whether this copy may be promoted. */
  get answer(): MessageOf<'serverToView', 'answer'>[2] {
    return {
      group: this.#situation.group,
      view: this.#viewNumber,
      role: this.#roles.spokenRole,
      inSync: this.#roles.backup?.toldInSync ?? false,
    }
  }

  /** E7: what a lost view record is rebuilt from. */
  get testimony(): Testimony {
    const { id, address } = this.#options
    const { cluster, group, view, longestTtlMs, map } = this.#situation
    const { role, primary, backup, recovery, found } = this.#roles
    const state = this.#roles.state ?? found?.state ?? null
    return {
      cluster,
      id,
      address,
      role,
      group,
      view,
      acked: primary?.ackable ?? backup?.toldInSync ?? false,
      latched: primary?.replication.join.latched ?? false,
      recovering: recovery !== null,
      token: state?.table.lastToken ?? 0,
      longestTtlMs,
      imprint: found === null ? null : imprintOf(found),
      map,
      actedBy: state?.slots.newest ?? 0,
      viewServer: this.#viewLinks.active,
    }
  }

  /** 0: it knows of none. */
  get #viewNumber(): number {
    return this.#situation.view?.number ?? 0
  }
}

/** D3: as its hello says it. */
function imprintOf({ imprint, here }: Found): Imprint {
  // Whatever else the journal notes with it (D9) is its own affair.
  const { cluster, id, address, group, view, as, told, differs, opNumber, longestTtlMs } = imprint
  return { cluster, id, address, group, view, as, told, differs, opNumber, longestTtlMs, free: here }
}
