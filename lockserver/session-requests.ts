// What a primary does with requests about sessions: a client opens or resumes one (S2), renews its lease (S3), or gives up
// one that it never had (C9). Whether a ttl is covered, opens.ts says; what a session holds is for others.

import { isSamePrincipal } from '../wire/access/owner.ts'
import { amongRanges, toRanges } from '../wire/codec.ts'
import { ttlPingLimitsMin, unknownSessionCost } from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { Audience, PrimaryParts } from './audience.ts'
import type { ClientRights } from './client-rights.ts'
import type { Client, Clients } from './clients.ts'
import type { Leases } from './leases.ts'
import { type OpenRequest, Opens } from './opens.ts'
import type { ServerOutbox } from './outbox.ts'
import type { PrimaryOptions } from './primary.ts'
import type { Proposals } from './proposals.ts'
import type { Replication } from './replication.ts'
import { isKeyOf, keyHashOf, publicIdOf } from './session-key.ts'
import type { InView } from './situation.ts'
import { refusalOf } from './state/refusals.ts'
import type { Session } from './state/sessions.ts'
import type { Operation, State } from './state/state.ts'
import type { Turns } from './turns.ts'

export class SessionRequests {
  readonly opens: Opens
  readonly #out: ServerOutbox
  readonly #situation: InView
  readonly #clients: Clients
  readonly #turns: Turns
  readonly #state: State
  readonly #leases: Leases
  readonly #replication: Replication
  readonly #rights: ClientRights
  readonly #options: PrimaryOptions
  readonly #audience: Audience
  readonly #proposals: Proposals

  constructor(
    parts: PrimaryParts,
    options: PrimaryOptions,
    audience: Audience,
    proposals: Proposals,
    rights: ClientRights,
  ) {
    this.opens = new Opens(parts.situation, options.deadPings)
    this.#out = parts.out
    this.#situation = parts.situation
    this.#clients = parts.clients
    this.#turns = parts.turns
    this.#state = parts.state
    this.#leases = parts.leases
    this.#replication = parts.replication
    this.#rights = rights
    this.#options = options
    this.#audience = audience
    this.#proposals = proposals
  }

  open(client: Client, request: OpenRequest): void {
    const [, id, , , ttlMs] = request
    if (client.session !== null || client.opening) {
      return this.#audience.close(client, 'UNEXPECTED_MESSAGE', 'this connection has a session already')
    }
    if (this.#isTtl(ttlMs)) this.opens.wants(ttlMs)
    if (!this.#state.sessionsById.has(id) && this.opens.mustWait(ttlMs)) this.opens.add(client, request)
    else this.#openNow(client, request)
  }

  /** S4, E6: no other one is silently taken in its place. */
  #isTtl(ttlMs: number): boolean {
    return ttlMs >= this.#smallestTtlMs && ttlMs <= this.#situation.ttlMaxMs
  }

  get #smallestTtlMs(): number {
    return ttlPingLimitsMin * this.#options.pingLimitMs
  }

  /** The view record covers a longer ttl now, or no view server can say so. B1: as many as this turn has room for. */
  openCovered(): void {
    while (this.#turns.room) {
      const open = this.opens.take()
      if (open === undefined) return
      if (!this.#audience.speaks(open.client)) continue
      open.client.opening = false
      this.#openNow(open.client, open.request)
      this.#turns.spend(1 + this.#proposals.takeCost())
    }
  }

  #openNow(client: Client, request: OpenRequest): void {
    const [, id, , count, ttlMs] = request
    if (this.#state.sessionsById.has(id)) return this.#openAgain(client, request)
    if (!this.#isTtl(ttlMs)) return this.#noTtl(client, id, ttlMs)
    const { owner } = client
    const refusal = this.#state.openRefusal(owner)
    this.#proposals.propose(this.#entryOf(client, request))
    if (refusal === undefined) this.#opened(client, this.#state.sessionsById.get(id) as Session, count)
    else {
      const [code, text] = refusalOf(refusal, owner, this.#state.limits)
      this.#out.count({ is: 'open refused', code })
      this.#audience.answer(client, ['open-refused', id, code, text])
    }
  }

  #noTtl(client: Client, id: string, ttlMs: number): void {
    const text = `the ttl is ${ttlMs} ms; this cluster takes ${this.#smallestTtlMs} to ${this.#situation.ttlMaxMs} ms`
    this.#out.count({ is: 'open refused', code: 'TTL_OUT_OF_RANGE' })
    this.#audience.answer(client, ['open-refused', id, 'TTL_OUT_OF_RANGE', text])
  }

  #entryOf({ owner, remote }: Client, request: OpenRequest): Operation {
    const [, id, key, , ttlMs, name, host, pid, version] = request
    // While the view server is away: the longest ttl that a later reset would wait for.
    const ttl = Math.min(ttlMs, this.#situation.longestTtlMs)
    return ['open', id, keyHashOf(key), publicIdOf(id, key), ttl, name, host, pid, version, remote, owner]
  }

  /** The answer to an earlier one was lost. C9: or it is not its client who asks. */
  #openAgain(client: Client, [, id, key, count]: OpenRequest): void {
    const session = this.#sessionFor(client, id, key)
    if (session === undefined) this.#audience.unknown(client, id)
    else this.#opened(client, session, count)
  }

  /** C9, A4: to a peer without its key, or of another principal, a session is one that there is not. A wrong key costs what it takes to try many. */
  #sessionFor({ owner }: Client, id: string, key: string): Session | undefined {
    const session = this.#state.sessionsById.get(id)
    const isOwn = session !== undefined && isSamePrincipal(owner, session.owner?.name ?? null)
    if (isOwn && isKeyOf(session.keyHash, key)) return session
    if (session !== undefined) this.#out.count({ is: 'wrong key' })
    this.#proposals.spend(unknownSessionCost)
    return undefined
  }

  #opened(client: Client, session: Session, count: number): void {
    if (!this.#bind(client, session, count)) return
    this.#out.count({ is: 'session opened' })
    this.#renewLease(session)
    this.#audience.answer(client, ['opened', session.id, count, session.ttlMs, session.publicId])
  }

  /** S2: false if this connection is the older one. Nothing waits any more for a replaced connection. */
  #bind(client: Client, session: Session, count: number): boolean {
    const old = this.#clients.of(session)
    const bound = this.#clients.bind(client, session, count)
    if (!bound) this.#audience.close(client, 'REPLACED', 'an older connection of its session')
    else if (old !== undefined && old !== client) this.#audience.gone(old)
    if (bound && client.principal !== null) this.#rights.bound(client, session)
    return bound
  }

  resume(client: Client, request: MessageOf<'clientToServer', 'resume'>): void {
    const [, id, key, count, next, unanswered] = request
    if (client.session !== null)
      return this.#audience.close(client, 'UNEXPECTED_MESSAGE', 'this connection has a session already')
    const session = this.#sessionFor(client, id, key)
    if (session === undefined) return this.#audience.unknown(client, id)
    if (!this.#bind(client, session, count)) return
    this.#proposals.spend(session.replies.size + session.losses.size)
    // S1: a reply that is not named is acknowledged; but a late resume can't know numbers after its own.
    const waiting = new Set(amongRanges(session.replies.keys(), unanswered))
    const done = [...session.replies.keys()].filter(n => n < next && !waiting.has(n)).sort((a, b) => a - b)
    if (done.length > 0) this.#proposals.propose(['acknowledge', session.ordinal, toRanges(done), []])
    this.#audience.answer(client, ['resumed', id, count])
    // S5: losses are sent again at each resume, but for those that only a waiting acquire's reply may state.
    for (const [token, reason] of [...session.losses].sort((a, b) => a[0] - b[0])) {
      if (!session.isWaitingWith(token)) this.#audience.answer(client, ['lost', token, reason])
    }
  }

  renew(client: Client, number: number): void {
    const session = this.#audience.sessionOf(client)
    if (session === undefined) return
    const idle = session.rests
    this.#renewLease(session, idle)
    this.#audience.show({ is: 'answer', client, message: ['renewed', number] }, idle)
  }

  /** S3, S4: the whole ttl from now; the backup hears of it in order with the operations. */
  #renewLease(session: Session, idle = false): void {
    this.#leases.renew(session, this.#situation.now.monotonic)
    this.#replication.add(['renew', session.ordinal], idle)
    this.#out.count({ is: 'renewal' })
  }

  abandon(client: Client, id: string, key: string): void {
    const session = this.#sessionFor(client, id, key)
    if (session !== undefined) this.#proposals.propose(['abandon', session.ordinal])
  }
}
