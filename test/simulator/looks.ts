// What an operator sees of a lock server: how it is right now, what it holds open. Judges it
// by the server's state, which it reads from outside; it never steps anything.

import type { State } from '../../lockserver/state/state.ts'
import type { Vitals } from '../../lockserver/vitals.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'
import type { Verdict } from './verdict.ts'

const looksMax = 10

export class Looks {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  /** How often in a row it had more clients than connections. */
  readonly #more = new WeakMap<LockServerParty, number>()
  /** How many peers it had turned away. */
  readonly #refused = new WeakMap<LockServerParty, number>()

  constructor(cluster: Cluster, verdict: Verdict) {
    this.#cluster = cluster
    this.#verdict = verdict
  }

  look(): void {
    for (const server of this.#cluster.servers) if (server.alive) this.#lookAt(server)
  }

  #lookAt(server: LockServerParty): void {
    const { vitals, role } = server.core
    const wrong = this.#wrong(server, vitals)
    if (wrong !== null)
      this.#verdict.blame('vitals', `${server.name} (${role}) ${wrong}: ${JSON.stringify(vitals)}`)
  }

  #wrong(server: LockServerParty, vitals: Vitals): string | null {
    const { role, state, view, pingNow } = server.core
    const [sessions, locks] = [state?.sessions.size ?? 0, state?.table.locks.size ?? 0]
    if (vitals.sessions !== sessions || vitals.locks !== locks || vitals.opNumber !== (state?.opNumber ?? 0))
      return `has ${sessions} sessions and ${locks} locks`
    if (vitals.lag !== pingNow.lag || vitals.copiedPart !== pingNow.copiedPart) return 'pings otherwise'
    if (role === 'idle' && (vitals.inSync || vitals.parked > 0)) return 'has no part'
    // D2: or its disk does not know of this view yet.
    if (role === 'primary' && view?.backup === null && !vitals.inSync && !this.#cluster.hasJournals)
      return 'is alone'
    if (!(vitals.used >= 0 && vitals.used <= usedMost(state)) || vitals.copiedPart > 100)
      return 'is more than full'
    // What a client had asked before its connection ended is done first (B1).
    const more = vitals.clients > server.connections ? (this.#more.get(server) ?? 0) + 1 : 0
    this.#more.set(server, more)
    if (more >= looksMax) return `has ${server.connections} connections`
    if (server.refused < (this.#refused.get(server) ?? 0)) return `has refused ${server.refused}`
    this.#refused.set(server, server.refused)
    return null
  }
}

/** B4: locks, holds and waits fit; what sessions are owed, refusals among it, may take more. */
function usedMost(state: State | null): number {
  if (state === null) return 0
  let owed = 0
  for (const { weight } of state.sessions.values()) owed += weight.bytes
  return 1 + owed / Math.max(1, state.limits.stateBytesMax)
}
