// Which lock servers that do not count yet are dialled at their addresses, and when (V5, B3). Any peer can
// invent such an address: so there are few of these servers, few are dialled at a time, those that were tried
// least come first, and one that does not answer is tried more and more rarely.

import { unverifiedMax, verifyingMax } from '../wire/limits.ts'
import type { Probes } from './probes.ts'
import type { KnownServer, Servers } from './servers.ts'

/** A server is dialled each tick this many times; then the pause doubles. */
const eagerTries = 5
/** The longest pause, in the view server's own ticks. */
const pauseMax = 32

export class Verifying {
  readonly #servers: Servers
  readonly #probes: Probes
  #tick = 0
  /** How many were dialled in this tick. */
  #begun = 0

  constructor(servers: Servers, probes: Probes) {
    this.#servers = servers
    this.#probes = probes
  }

  /** Null if there is room for this server; else the one that must make room; undefined if there is none. */
  roomFor(id: string): KnownServer | null | undefined {
    if (this.#servers.get(id) !== undefined) return null
    const all = this.#servers.unverified()
    if (all.length < unverifiedMax) return null
    const idle = all.filter(server => server.tries > 0 && !this.#probes.asks('verify', server.id))
    return idle.sort((a, b) => b.tries - a.tries)[0]
  }

  tick(): void {
    this.#tick += 1
    this.#begun = 0
  }

  /** A server did answer as it should: its address was not invented. */
  answered(): void {
    this.#begun -= 1
  }

  /** Dials the servers whose turn it is. */
  next(cluster: string | null): void {
    const due = this.#servers
      .unverified()
      .filter(({ id, triedNext }) => triedNext <= this.#tick && !this.#probes.asks('verify', id))
      .sort((a, b) => a.tries - b.tries)
    for (const server of due) {
      if (this.#begun >= verifyingMax || this.#probes.asked('verify') >= verifyingMax) return
      this.#begun += 1
      server.tries += 1
      server.triedNext = this.#tick + pauseAfter(server.tries)
      this.#probes.start('verify', server, cluster)
    }
  }
}

function pauseAfter(tries: number): number {
  return tries < eagerTries ? 1 : Math.min(2 ** (tries - eagerTries + 1), pauseMax)
}
