// Requests that change something in a session, each with its number (S1): a new one that may be done becomes an
// operation, a repeat gets its stored reply, and what comes out of order closes the connection.

import { allows } from '../wire/access/principal.ts'
import { amongRanges, toRanges } from '../wire/codec.ts'
import { acknowledgedAtOnce } from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { Audience, PrimaryParts } from './audience.ts'
import type { Audit } from './audit.ts'
import type { Client } from './clients.ts'
import type { Leases } from './leases.ts'
import type { Proposals } from './proposals.ts'
import type { InView } from './situation.ts'
import type { Session } from './state/sessions.ts'
import type { Operation, State } from './state/state.ts'
import { type Denied, deniedOf } from './verbs.ts'

type Numbered = MessageOf<
  'clientToServer',
  'acquire' | 'cancel' | 'release' | 'fail' | 'set-note' | 'force-release' | 'forget-key' | 'end'
>

/** Numbers that the ranges of one acknowledgement span (B2). */
const acknowledgedWidthMax = 1_024

export class NumberedRequests {
  readonly #situation: InView
  readonly #state: State
  readonly #leases: Leases
  readonly #audit: Audit
  readonly #audience: Audience
  readonly #proposals: Proposals

  constructor({ situation, state, leases, audit }: PrimaryParts, audience: Audience, proposals: Proposals) {
    this.#situation = situation
    this.#state = state
    this.#leases = leases
    this.#audit = audit
    this.#audience = audience
    this.#proposals = proposals
  }

  ask(client: Client, request: Numbered): void {
    const session = this.#audience.sessionOf(client)
    if (session === undefined) return
    const number = request[1]
    if (number < session.nextRequest) return this.#repeat(client, session, number)
    if (number > session.nextRequest) {
      return this.#audience.close(
        client,
        'OUT_OF_ORDER',
        `request ${number} came, ${session.nextRequest} is next`,
      )
    }
    if (session.unanswered >= 2 * this.#state.limits.unansweredMax) {
      return this.#audience.close(client, 'UNEXPECTED_MESSAGE', 'far too many replies are not acknowledged')
    }
    this.#leases.wake(session, this.#situation.now.monotonic)
    const denied = client.principal === null ? undefined : deniedOf(client.principal, request)
    if (denied !== undefined) return this.#deny(client, session, number, denied)
    this.#proposals.propose(operationOf(session, request))
  }

  /** A2: the refusal is an operation (S1). */
  #deny(client: Client, session: Session, number: number, denied: Denied): void {
    this.#audience.refused(client, denied)
    this.#proposals.propose(['deny', session.ordinal, number, denied.verb, denied.lock])
  }

  /** A7: an operator's act; a repeat is none. */
  force(client: Client, request: MessageOf<'clientToServer', 'force-release' | 'forget-key'>): void {
    const [act, , lock] = request
    const next = client.session?.nextRequest
    this.ask(client, request)
    const isTaken = client.session?.nextRequest !== next
    if (isTaken && allows(client.principal, 'force', lock))
      this.#audit.done(client, act, { verb: 'force', lock })
  }

  acknowledge(client: Client, ranges: readonly number[], tokens: readonly number[]): void {
    const session = this.#audience.sessionOf(client)
    if (session === undefined) return
    // F13: of an oversized list only numbers that change something go on, in pieces that fit a batch.
    const few = ranges.length + tokens.length <= acknowledgedAtOnce && isNarrow(ranges)
    const cost = few ? (ranges.length + tokens.length) >> 2 : session.replies.size + tokens.length
    this.#proposals.spend(cost)
    const done = few ? ranges : toRanges(amongRanges(session.replies.keys(), ranges))
    const told = few ? tokens : tokens.filter(token => session.losses.has(token))
    for (let i = 0; i === 0 || i < told.length; i += acknowledgedAtOnce)
      this.#proposals.propose([
        'acknowledge',
        session.ordinal,
        i === 0 ? done : [],
        told.slice(i, i + acknowledgedAtOnce),
      ])
  }

  /** S1: a repeat gets the stored reply, or stays the same waiter. The reply is a read (R1). */
  #repeat(client: Client, session: Session, number: number): void {
    const stored = session.replies.get(number)
    if (stored !== undefined) this.#audience.answer(client, stored)
    else if (!session.waiting.has(number)) {
      this.#audience.close(
        client,
        'OUT_OF_ORDER',
        `request ${number} was answered, and the answer acknowledged`,
      )
    }
  }
}

/** Whether these ranges span few numbers; B2: numbers that name no reply are not walked through. */
function isNarrow(ranges: readonly number[]): boolean {
  let width = 0
  for (let i = 0; i + 1 < ranges.length; i += 2) width += (ranges[i + 1] as number) - (ranges[i] as number)
  return width <= acknowledgedWidthMax
}

function operationOf(session: Session, request: Numbered): Operation {
  const { ordinal } = session
  switch (request[0]) {
    case 'acquire':
      return ['acquire', ordinal, request[1], request[2], request[3], request[4], request[5]]
    case 'cancel':
      return ['cancel', ordinal, request[1], request[2]]
    case 'release':
      return ['release', ordinal, request[1], request[2]]
    case 'fail':
      return ['fail', ordinal, request[1], request[2]]
    case 'set-note':
      return ['set-note', ordinal, request[1], request[2], request[3]]
    case 'force-release':
      return ['force-release', ordinal, request[1], request[2], request[3]]
    case 'forget-key':
      return ['forget-key', ordinal, request[1], request[2], request[3]]
    case 'end':
      return ['end', ordinal, request[1]]
  }
}
