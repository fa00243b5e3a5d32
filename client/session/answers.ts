// What answers of the servers mean for the calls of a program and for what it holds: which call an answer is for, and what
// it comes to. What the session itself hears is in core.ts.

import type { Instant } from '../../wire/clock.ts'
import { isDefinite } from '../../wire/errors.ts'
import type { LossReason, MessageOf } from '../../wire/messages.ts'
import type { Calls } from './calls.ts'
import type { CallResult, ClientHears } from './effects.ts'
import type { Holds } from './holds.ts'
import type { SessionOutbox } from './outbox.ts'
import type { Request, Requests } from './requests.ts'

/** What answers a request, under its number. */
type Reply = MessageOf<
  'serverToClient',
  | 'granted'
  | 'unavailable'
  | 'done-before'
  | 'not-this'
  | 'cancelled'
  | 'cancel-done'
  | 'released'
  | 'noted'
  | 'force-released'
  | 'key-forgotten'
  | 'refused'
  | 'ended'
>

/** Likewise, and what servers say of what is held or was asked. */
export type Answer =
  | Reply
  | MessageOf<ClientHears, 'lost' | 'locks' | 'clients' | 'query-refused'>
  | MessageOf<'replyRuns'>

export class SessionAnswers {
  readonly #out: SessionOutbox
  readonly #requests: Requests
  readonly #holds: Holds
  readonly #calls: Calls
  #ended = false

  constructor(out: SessionOutbox, requests: Requests, holds: Holds, calls: Calls) {
    this.#out = out
    this.#requests = requests
    this.#holds = holds
    this.#calls = calls
  }

  /** What the servers say of calls and holds; true: the session has ended, as it was asked to. */
  message(message: Answer, now: Instant): boolean {
    switch (message[0]) {
      case 'granted-run':
        this.#grants(message, now)
        break
      case 'released-run':
        this.#releases(message)
        break
      case 'lost':
        this.#lost(message[1], message[2])
        break
      case 'locks':
        this.#locks(message)
        break
      case 'clients':
        this.#clients(message)
        break
      case 'query-refused':
        this.#queryRefused(message)
        break
      default:
        this.#reply(message, now)
    }
    return this.#ended
  }

  #reply(reply: Reply, now: Instant): void {
    const request = this.#requests.answer(reply[1])
    if (request !== undefined) this.#conclude(request, reply, now)
    // S5: no call waits for this grant, but its losses are sent until they are acknowledged.
    else if (reply[0] === 'granted') for (const [token, reason] of reply[3]) this.#lost(token, reason)
  }

  /** One lock each. */
  #grants([, first, count, firstToken]: MessageOf<'replyRuns', 'granted-run'>, now: Instant): void {
    for (let i = 0; i < count; i++) {
      const request = this.#requests.answer(first + i)
      if (request !== undefined) this.#granted(request, [firstToken + i], noLosses, now)
    }
  }

  #releases([, first, count]: MessageOf<'replyRuns', 'released-run'>): void {
    for (let number = first; number < first + count; number++) {
      const request = this.#requests.answer(number)
      if (request !== undefined) this.#out.settle(request.call, wasHeld)
    }
  }

  /** `cancelled` concludes nothing: the answer to the cancel does. */
  #conclude(request: Request, reply: Reply, now: Instant): void {
    switch (reply[0]) {
      case 'granted':
        this.#granted(request, reply[2], reply[3], now)
        return
      case 'unavailable':
        this.#out.settle(request.call, { verb: 'acquire', tokens: null })
        return
      case 'done-before':
        this.#out.settle(request.call, { verb: 'done-before', record: reply[2] })
        return
      case 'not-this':
        this.#out.fail(request.call, 'NOT_THIS_TOKEN', true, notThisText(request, reply[2]))
        return
      case 'noted':
      case 'released':
        this.#out.settle(request.call, { verb: 'release', held: reply[2] })
        return
      case 'force-released':
        this.#out.settle(request.call, { verb: 'force-release', released: reply[2] })
        return
      case 'key-forgotten':
        this.#out.settle(request.call, { verb: 'forget-key', forgotten: reply[2], record: reply[3] })
        return
      case 'refused':
        this.#out.fail(request.call, reply[2], isDefinite(reply[2]), reply[3])
        return
      case 'ended':
        this.#out.settle(request.call, { verb: 'end' })
        this.#ended = true
        return
      case 'cancel-done':
        // A grant that crossed the cancel was undone by it.
        this.#calls.cancelled(request, reply[2], reply[3])
        return
    }
  }

  #granted(request: Request, tokens: readonly number[], losses: Losses, now: Instant): void {
    if (request.call !== null && request.what.verb === 'acquire') {
      this.#holds.begin(tokens, request.what.claim.terms?.holdAtMostMs ?? null, now.monotonic)
      this.#out.settle(request.call, { verb: 'acquire', tokens: inOrderOf(request.what.names, tokens) })
    }
    for (const [token, reason] of losses) this.#lost(token, reason)
  }

  #lost(token: number, reason: LossReason): void {
    const isTold = this.#holds.isOver(token)
    if (this.#holds.drop(token) && !isTold) this.#out.do({ do: 'lost', token, reason })
    // One that is not held, or was reported before, is acknowledged all the same (S5).
    this.#requests.told(token)
  }

  #locks(message: MessageOf<ClientHears, 'locks'>): void {
    const [, number, { more, cut, confirmed }, held, pending] = message
    const query = this.#requests.queries.get(number)
    if (query === undefined || query.what.verb !== 'query' || query.answer === null) return
    const { answer } = query
    for (const hold of held) answer.held.push(hold)
    for (const wait of pending) answer.pending.push(wait)
    answer.cut ||= cut
    answer.confirmed &&= confirmed
    if (more) return
    this.#requests.answerQuery(number, query)
    this.#out.settle(query.call, { verb: 'query', ...answer })
  }

  #clients([, number, { next, confirmed }, clients]: MessageOf<ClientHears, 'clients'>): void {
    const query = this.#requests.queries.get(number)
    if (query === undefined || query.what.verb !== 'clients') return
    this.#requests.answerQuery(number, query)
    this.#out.settle(query.call, { verb: 'clients', clients, confirmed, next })
  }

  /** A2 */
  #queryRefused([, number, code, text]: MessageOf<ClientHears, 'query-refused'>): void {
    const query = this.#requests.queries.get(number)
    if (query === undefined) return
    this.#requests.answerQuery(number, query)
    this.#out.fail(query.call, code, isDefinite(code), text)
  }
}

/** C8 */
function notThisText({ what }: Request, holder: number | null): string {
  const named = what.verb === 'acquire' ? what.claim.terms?.victim : null
  const holds = holder === null ? 'no client holds it' : `token ${holder} holds it`
  return `nothing was done: it is not held by token ${named} alone, ${holds}`
}

type Losses = readonly (readonly [number, LossReason])[]
const noLosses: Losses = []
const wasHeld: CallResult = { verb: 'release', held: true }

/** The server takes and answers names in sorted order; the caller has its own. */
function inOrderOf(names: readonly string[], tokens: readonly number[]): readonly number[] {
  if (names.length === 1) return tokens
  const sorted = [...names].sort()
  return names.map(name => tokens[sorted.indexOf(name)] as number)
}
