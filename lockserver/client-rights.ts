// What becomes of a client's waits and of its session when its token or its rules change (A3). What must be looked at,
// revocations.ts keeps; that no client may ask for what its rules forbid is decided where it asks.

import type { Standing } from '../wire/access/standing.ts'
import type { TokenEnd } from '../wire/effects.ts'
import type { PrimaryParts } from './audience.ts'
import type { Client, Clients } from './clients.ts'
import type { ServerOutbox } from './outbox.ts'
import type { PrimaryOptions } from './primary.ts'
import type { Proposals } from './proposals.ts'
import type { Revocations } from './revocations.ts'
import type { InView } from './situation.ts'
import type { Session } from './state/sessions.ts'
import type { State } from './state/state.ts'

export class ClientRights {
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #clients: Clients
  readonly #state: State
  readonly #revocations: Revocations
  readonly #options: PrimaryOptions
  readonly #proposals: Proposals

  constructor(parts: PrimaryParts, options: PrimaryOptions, proposals: Proposals) {
    this.#out = parts.out
    this.#situation = parts.situation
    this.#clients = parts.clients
    this.#state = parts.state
    this.#revocations = parts.revocations
    this.#options = options
    this.#proposals = proposals
  }

  tick(): void {
    this.#revocations.tick(this.#situation.now.wall, this.#endsWithToken)
  }

  /** A3: its connection is gone; its session may outlive it, but not its token. */
  left(client: Client): void {
    const { session, tokenEndsAt } = client
    if (tokenEndsAt !== null && session !== null && this.#clients.of(session) === client)
      this.#revocations.lasts(session, tokenEndsAt)
  }

  /** A3: what this client waits for and may not have any more is refused. */
  changed(client: Client): void {
    this.#revocations.look(client)
    if (this.#revocations.more) this.#out.do({ do: 'continue' })
  }

  /** A3: by the rules of now; they may have changed while it was away. */
  bound(client: Client, session: Session): void {
    this.#revocations.returned(session)
    this.#proposals.spend(session.waiting.size)
    this.changed(client)
  }

  /** A3: nothing more of this client is done; its session may come back with another token. */
  revoked({ session, principal, remote }: Client, why: TokenEnd | null): void {
    const fields = { principal: principal?.name ?? null, address: remote }
    if (why === 'has run out') this.#out.note('info', 'a token has run out', fields)
    else this.#out.note('warn', 'a token was taken away', fields)
    if (session === null || !this.#state.sessions.has(session.ordinal)) return
    if (this.#options.revokeNow) this.#proposals.propose(['abandon', session.ordinal])
    else this.#revocations.wait(session, this.#options.deadPings)
  }

  /** A3: sessions without a connection are judged by the file, when it changes and when this server takes them over. */
  survey(standing: Standing): void {
    for (const session of this.#state.sessions.values())
      if (this.#clients.of(session) === undefined)
        this.#revocations.survey(session, standing, this.#endsWithToken)
    if (this.#revocations.more) this.#out.do({ do: 'continue' })
  }

  get #endsWithToken(): number | 'now' {
    return this.#options.revokeNow ? 'now' : this.#options.deadPings
  }
}
