// Who is let in: each accepted connection of a lock server is welcomed or closed, by what its hello says. What its
// peer asks for afterwards is decided elsewhere.

import type { HelloFrom, Welcome } from '../wire/messages.ts'
import { wireVersion } from '../wire/version.ts'
import type { Clients } from './clients.ts'
import type { ServerCoreOptions } from './core-options.ts'
import type { ServerInput } from './input.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Peers } from './peers.ts'
import type { CoreParts, Roles } from './roles.ts'
import type { Situation } from './situation.ts'

export class Admission {
  readonly #options: ServerCoreOptions
  readonly #out: ServerOutbox
  readonly #situation: Situation
  readonly #peers: Peers
  readonly #clients: Clients
  readonly #roles: Roles

  constructor(options: ServerCoreOptions, { out, situation, peers, clients }: CoreParts, roles: Roles) {
    this.#options = options
    this.#out = out
    this.#situation = situation
    this.#peers = peers
    this.#clients = clients
    this.#roles = roles
  }

  accepted(accepted: Extract<ServerInput, { is: 'accepted' }>): void {
    const { connection, cluster, from, owner, remote, principal } = accepted
    if (cluster !== null && this.#situation.cluster !== null && cluster !== this.#situation.cluster) {
      const text = `this server belongs to cluster ${this.#situation.cluster}, the hello names ${cluster}`
      return this.#out.close(connection, 'WRONG_CLUSTER', text)
    }
    if (from.kind === 'primary') return this.#acceptPrimary(connection, cluster, from)
    this.#welcome(connection)
    if (from.kind === 'client') this.#clients.add(connection, owner, remote, principal)
  }

  /** V5: the hello names both ids. If this server has another id, the primary reports it unreachable. */
  #acceptPrimary(
    connection: number,
    cluster: string | null,
    from: Extract<HelloFrom, { kind: 'primary' }>,
  ): void {
    const { id } = this.#options
    if (from.to !== id) {
      return this.#out.close(connection, 'WRONG_SERVER', `here is server ${id}, not ${from.to}`)
    }
    // R2: a view is not believed that its own hello contradicts; what is told of a view can't be taken back.
    if (from.id !== from.view.primary.id) {
      const text = `the hello comes from server ${from.id}, its view has the primary ${from.view.primary.id}`
      return this.#out.close(connection, 'BAD_MESSAGE', text)
    }
    // V6: a server that knows a view must name its cluster too, or the view server would not believe it.
    this.#situation.cluster ??= cluster
    this.#roles.adopt(from.view)
    if (this.#roles.over) return
    const current = this.#situation.view
    const { backup } = this.#roles
    if (current === null || from.view.group !== current.group) {
      const text = `server ${id} is of group ${this.#situation.group}, not of group ${from.view.group}`
      return this.#out.close(connection, 'WRONG_SERVER', text)
    }
    if (backup === null || from.view.number !== current.number || from.id !== current.primary.id) {
      // R2: a server refuses an older view by sending the view that it is in.
      this.#out.send(connection, ['view', this.#roles.toldView ?? current])
      return this.#out.close(connection, null, 'an older view')
    }
    if (backup.connection !== null)
      this.#out.close(backup.connection, 'REPLACED', 'the primary dialled again')
    this.#welcome(connection)
    this.#peers.set(connection, { is: 'primary' })
    backup.accepted(connection)
  }

  #welcome(connection: number): void {
    const { role, toldView, backup } = this.#roles
    const welcome: Welcome = {
      wire: wireVersion,
      cluster: this.#situation.cluster,
      kind: 'lockserver',
      id: this.#options.id,
      role,
      view: toldView,
      acked: false,
      others: [...this.#situation.others.values()],
      map: this.#situation.map,
      pingLimitMs: this.#options.pingIntervalMs * this.#options.deadPings,
      whole: backup?.whole ?? 0,
      sequence: backup?.received ?? 0,
      mark: 0,
    }
    this.#out.send(connection, ['welcome', welcome])
  }
}
