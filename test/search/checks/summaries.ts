// What the checks need of one lock server and of one client, worked out once for each of its states. It
// judges nothing.

import type { State } from '../../../lockserver/state/state.ts'
import { wallAtStart } from '../ids.ts'
import type { Parties } from '../parties.ts'
import { requestsOf, rolesOf } from '../plain.ts'

/** What the checks need of one lock server; worked out once for each of its states. */
export interface Summary {
  readonly id: string
  readonly role: 'primary' | 'backup' | 'idle'
  readonly view: number
  /** It answers without a backup's word. */
  readonly alone: boolean
  readonly latched: boolean
  readonly toldInSync: boolean
  readonly whole: number
  readonly state: State | null
  readonly opNumber: number
  readonly problem: string | undefined
  /** By session id. */
  readonly sessions: ReadonlyMap<string, Standing>
}

/** What a server knows of one session. */
export interface Standing {
  readonly next: number
  readonly holds: ReadonlySet<number>
  /** Tokens that its client can't know of yet. */
  readonly untold: ReadonlySet<number>
  /** S5: tokens that were lost, which its client has not acknowledged. */
  readonly losses: ReadonlySet<number>
  /** S1: requests that wait, or whose reply is stored. */
  readonly kept: ReadonlySet<number>
}

/** What the checks need of one client. */
export interface ClientSummary {
  readonly session: string
  /** When it stops to believe in its session, if nothing is renewed (S4); the two clocks run alike here. */
  readonly until: number
  readonly ending: boolean
  /** The next request number, and which of those before it are unanswered. */
  readonly next: number
  readonly unanswered: ReadonlySet<number>
}

export class Summaries {
  readonly #parties: Parties
  readonly #summaries = new Map<number, Summary | null>()
  readonly #clients = new Map<number, ClientSummary | null>()

  constructor(parties: Parties) {
    this.#parties = parties
  }

  client(number: number): ClientSummary | null {
    let client = this.#clients.get(number)
    if (client === undefined) {
      client = this.#summarizeClient(number)
      this.#clients.set(number, client)
    }
    return client
  }

  #summarizeClient(number: number): ClientSummary | null {
    const local = this.#parties.local(number)
    if (local.place !== 'client') return null
    const { core } = local
    const { next, unanswered } = requestsOf(core)
    return {
      session: core.sessionId,
      until: core.remainingMs({ monotonic: 0, wall: wallAtStart }),
      ending: [...local.asked.values()].some(({ op }) => this.#parties.program(local.slot)[op]?.do === 'end'),
      next,
      unanswered: new Set(unanswered.keys()),
    }
  }

  server(local: number): Summary | null {
    let summary = this.#summaries.get(local)
    if (summary === undefined) {
      summary = this.#summarize(local)
      this.#summaries.set(local, summary)
    }
    return summary
  }

  #summarize(number: number): Summary | null {
    const local = this.#parties.local(number)
    if (local.place !== 'lockserver' || local.core === null) return null
    const { core } = local
    const { primary, backup } = rolesOf(core)
    const { state } = core
    const sessions = new Map<string, Standing>()
    for (const session of state?.sessions.values() ?? []) {
      const untold = [...session.replies.values()].flatMap(reply => (reply[0] === 'granted' ? reply[2] : []))
      for (const acquire of session.waiting.values()) untold.push(...acquire.tokens)
      sessions.set(session.id, {
        next: session.nextRequest,
        holds: new Set(session.holds.keys()),
        untold: new Set(untold),
        losses: new Set(session.losses.keys()),
        kept: new Set([...session.replies.keys(), ...session.waiting.keys()]),
      })
    }
    return {
      id: core.id,
      role: core.role,
      view: core.view?.number ?? 0,
      alone: primary !== null && !primary.replication.join.latched,
      latched: primary?.replication.join.latched ?? false,
      toldInSync: backup?.toldInSync ?? false,
      whole: backup?.whole ?? 0,
      state,
      opNumber: state?.opNumber ?? 0,
      problem: state?.problem(),
      sessions,
    }
  }
}
