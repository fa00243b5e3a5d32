// What follows from what the probes find (V5): which lock servers count, and which are gone. It decides no view.

import type { ErrorCode } from '../wire/errors.ts'
import type { Server } from '../wire/messages.ts'
import type { Evidence } from './counts.ts'
import type { ViewOutbox } from './outbox.ts'
import type { Finding, Probes } from './probes.ts'
import { addressTaken, type KnownServer, type Servers } from './servers.ts'
import type { Verifying } from './verifying.ts'

/** How often a lost server's address is dialled again at once after a cut dial; after that, each tick. */
const cutsMax = 5

export class Findings {
  readonly #out: ViewOutbox
  readonly #servers: Servers
  readonly #probes: Probes
  readonly #verifying: Verifying
  readonly #cluster: string

  constructor(out: ViewOutbox, servers: Servers, probes: Probes, verifying: Verifying, cluster: string) {
    this.#out = out
    this.#servers = servers
    this.#probes = probes
    this.#verifying = verifying
    this.#cluster = cluster
  }

  found({ probe, outcome }: Finding): void {
    const server = this.#servers.get(probe.server.id)
    if (server === undefined) return
    if (probe.purpose === 'verify') {
      this.#onVerifyFinding(server, outcome)
      return this.#verifying.next(this.#cluster)
    }
    if (outcome.is === 'refused') {
      if (!this.#servers.isDead(server)) this.countDeath('refused')
      server.refused = true
      this.#out.note('warn', 'lock server is gone', { peer: server.id, address: server.address })
    } else if (outcome.is === 'answered' && outcome.id !== server.id) {
      this.#servers.replace(server)
      this.countDeath('replaced')
      this.#out.note('warn', 'lock server was replaced', { peer: server.id, by: outcome.id })
    } else if (outcome.is === 'cut' && ++server.cuts < cutsMax) {
      // A kill may close the connection just before the listening socket; a moment later the address refuses.
      this.#probes.start('lost', server, this.#cluster)
    }
  }

  /** V5: a server counts once its advertised address has answered with its very id. */
  #onVerifyFinding(server: KnownServer, outcome: Finding['outcome']): void {
    const holder = this.#servers.holder(server)
    if (holder !== undefined) return this.expel(server, 'ADDRESS_TAKEN', addressTaken(holder))
    if (outcome.is !== 'answered' || outcome.id !== server.id) return this.#noteUnverified(server, outcome)
    this.#verifying.answered()
    for (const other of this.#servers.verify(server))
      this.expel(other, 'ADDRESS_TAKEN', `server ${server.id} has taken over ${server.address}`)
    this.#out.note('info', 'lock server verified', { peer: server.id, address: server.address })
  }

  #noteUnverified(server: KnownServer, outcome: Finding['outcome']): void {
    if (server.noted) return
    server.noted = true
    this.#out.note('warn', 'lock server does not answer at its advertised address', {
      peer: server.id,
      address: server.address,
      found: outcome.is === 'answered' ? outcome.id : outcome.is,
      reason: reasonOf(outcome),
    })
  }

  countDeath(evidence: Evidence): void {
    if (this.#out.counts !== undefined) this.#out.counts.deaths[evidence]++
  }

  // ---- asking again

  /** Whether a lost server is gone (each tick) and whether a new one counts (ever more rarely). */
  probeAgain(): void {
    this.#verifying.next(this.#cluster)
    for (const server of this.#servers.all()) {
      const { counts, connection } = server
      const suspect = counts && connection === null && server.ping !== null && !this.#servers.isDead(server)
      if (suspect) this.#probes.start('lost', server, this.#cluster)
    }
  }

  /** E4: whom the record names and no connection is from: a refusal is a death as ever. */
  probeNamed(named: readonly Server[]): void {
    for (const { id } of named) {
      const server = this.#servers.named(id)
      if (server.connection === null) this.#probes.start('lost', server, this.#cluster)
    }
  }

  // ---- turning away

  expel(server: KnownServer, code: ErrorCode, text: string): void {
    const { connection } = server
    this.#servers.disconnect(server)
    if (connection !== null) this.turnAway(connection, server, code, text)
  }

  turnAway(connection: number, { id, address }: Server, code: ErrorCode, text: string): void {
    this.#out.close(connection, code, text)
    this.#out.note('warn', 'lock server refused', { peer: id, address, code, text })
  }
}

/** What is wrong with the address that a server advertises, for the log. */
function reasonOf(outcome: Finding['outcome']): string {
  switch (outcome.is) {
    case 'answered':
      return 'another server is there; is --advertise right?'
    case 'refused':
      return 'refuses connections'
    case 'cut':
      return outcome.trouble?.text ?? 'ended the connection'
    case 'no news':
      return 'no lock server of this cluster has answered there in time'
  }
}
