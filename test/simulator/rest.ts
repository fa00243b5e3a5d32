// A client that opens a session in a long life and asks for nothing: it must have that session at the end, whatever
// has failed meanwhile (S4). It judges only itself.

import type { State } from '../../lockserver/state/state.ts'
import type { Cluster, SessionParty } from '../fixtures/cluster.ts'
import type { Verdict } from './verdict.ts'

export const restName = 'rests'
const ttlMs = 40_000

export class Rest {
  readonly #client: SessionParty
  readonly #verdict: Verdict
  readonly #began: number

  constructor(cluster: Cluster, verdict: Verdict) {
    this.#client = cluster.client(restName, {
      ttlMs,
      seeds: [cluster.viewServer.address, ...cluster.servers.map(({ address }) => address)],
    })
    this.#verdict = verdict
    this.#began = cluster.network.time
  }

  judge(state: State | null): void {
    const { core, events, network } = this.#client
    const session = state?.sessionsById.get(core.sessionId)
    const after = `after ${network.time - this.#began} ms`
    if (events.some(({ event }) => event === 'session lost') || core.over || core.expired(this.#client.now()))
      this.#verdict.blame('S4 session given up', `the client that rests has lost its session ${after}`)
    else if (session === undefined)
      this.#verdict.blame('S4 session given up', `the servers do not know the client that rests ${after}`)
    else if (!session.rests)
      this.#verdict.blame('S4 session given up', `the client that rests is not said to rest ${after}`)
  }
}
