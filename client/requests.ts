// The requests of one session: which wait to be sent, which are unanswered, which replies are not yet
// acknowledged. A number is taken when a request is first sent (S1), so numbers have no gaps and the
// unanswered ones are kept, and re-sent, in their order (S2). It sends nothing itself.

import { toRanges } from '../wire/codec.ts'
import { queriesWaitingMax, stateLimits } from '../wire/limits.ts'
import type { ClientRequest, HoldRecord, WaitRecord } from '../wire/messages.ts'
import { NumberMap } from '../wire/number-map.ts'
import type { Call } from './effects.ts'

export type Ask =
  | Exclude<Call, { verb: 'query' }>
  /** Takes back the acquire with the number `target`. */
  | { readonly verb: 'cancel'; readonly target: number }
  | { readonly verb: 'end' }

export interface Request {
  /** The number of the call that it came with; later calls have larger ones. */
  readonly asked: number
  /** Whom to tell; null once nobody waits for it. */
  call: number | null
  readonly ask: Ask
  /** Of a cancel: what it takes back. */
  readonly cancels: Request | null
  /** 0 until it is first sent. */
  number: number
  /** As it was first sent, for re-sending. */
  message: ClientRequest | null
  /** The call was aborted before it was sent. */
  dropped: boolean
  /**
   * An acquire whose cancel is not answered yet. Until then it counts as unanswered itself, whatever
   * came for it: were its grant acknowledged first, the server would find nothing to take back.
   */
  cancelling: boolean
}

/** A read: it changes nothing, so it has no request number and is asked anew on each connection. */
export interface Query {
  readonly asked: number
  readonly call: number
  readonly ask: Extract<Call, { verb: 'query' }>
  held: HoldRecord[]
  pending: WaitRecord[]
  confirmed: boolean
  cut: boolean
  dropped: boolean
}

/**
 * Unanswered requests besides cancels and the end. Each unanswered acquire may add a cancel, and the
 * server counts replies that are not yet acknowledged, so this is less than half of what it allows.
 */
export const unansweredShareMax = stateLimits.unansweredMax / 2 - 2
/**
 * Unanswered acquires that may wait for others, of all these. The rest is for what never waits, so that it
 * is answered soon whatever waits: a release above all, or what is waited for might never come free.
 */
export const waitsShareMax = unansweredShareMax - 1_024
/** Queries that are not answered; a server closes a connection with more than four times as many. */
export const queriesShareMax = queriesWaitingMax / 4

/** What fills up apart from the others. */
type Kind = 'waits' | 'prompt' | 'query'
const kinds: readonly Kind[] = ['waits', 'prompt', 'query']

export class Requests {
  /** The next unused number. */
  next = 1
  /** Sent, without a reply, by number. */
  readonly unanswered = new NumberMap<Request>()
  readonly #byCall = new NumberMap<Request | Query>()
  readonly #waiting = new Queue<Request | Query>()
  /** Taken out of it, when there was no room for more of their kind; all older than what is left in it. */
  readonly #heldUp: Record<Kind, Queue<Request | Query>> = {
    waits: new Queue(),
    prompt: new Queue(),
    query: new Queue(),
  }
  /** Unanswered acquires that may wait. */
  #waits = 0
  /** Cancels and the end: not held up by the share, or a full share of waits could never be cancelled. */
  readonly #urgent = new Queue<Request>()
  /** Sent queries by their number. */
  readonly queries = new Map<number, Query>()
  #queryNumber = 0
  /** Answered numbers that the server is not told of yet. */
  #acknowledged: number[] = []
  #inOrder = true
  #told: number[] = []

  /** Anything is asked for: by a caller, or of the servers. */
  get some(): boolean {
    return this.#byCall.size > 0 || this.unanswered.size > 0 || this.queries.size > 0
  }

  add(call: Call): void {
    const entry = call.verb === 'query' ? queryOf(call) : requestOf(call, call.call)
    this.#byCall.set(call.call, entry)
    this.#waiting.push(entry)
  }

  cancel(acquire: Request): void {
    acquire.cancelling = true
    this.#urgent.push({ ...requestOf({ verb: 'cancel', target: acquire.number }, null), cancels: acquire })
  }

  end(call: number): void {
    const request = requestOf({ verb: 'end' }, call)
    this.#byCall.set(call, request)
    this.#urgent.push(request)
  }

  ofCall(call: number): Request | Query | undefined {
    return this.#byCall.get(call)
  }

  /** The next one that may be sent now, numbered if it is a request. */
  take(): Request | Query | undefined {
    const urgent = this.#urgent.shift()
    if (urgent !== undefined) return this.#number(urgent)
    const entry = this.#takeHeldUp() ?? this.#takeWaiting()
    return entry === undefined || isQuery(entry) ? entry : this.#number(entry)
  }

  /** The oldest one for which there is room now. */
  #takeHeldUp(): Request | Query | undefined {
    let from: Queue<Request | Query> | null = null
    for (const kind of kinds) {
      const queue = this.#heldUp[kind]
      while (queue.first?.dropped) queue.shift()
      if (queue.first === undefined || !this.#hasRoom(kind)) continue
      if (from?.first === undefined || queue.first.asked < from.first.asked) from = queue
    }
    return from?.shift()
  }

  /** In the order of the calls, but past those for whose kind there is no room. */
  #takeWaiting(): Request | Query | undefined {
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      if (entry.dropped) continue
      const kind = kindOf(entry)
      if (this.#hasRoom(kind)) return entry
      this.#heldUp[kind].push(entry)
    }
    return undefined
  }

  #hasRoom(kind: Kind): boolean {
    if (kind === 'query') return this.queries.size < queriesShareMax
    if (kind === 'waits' && this.#waits >= waitsShareMax) return false
    return this.unanswered.size < unansweredShareMax
  }

  /** A fresh number for a query that goes out now. */
  numberQuery(query: Query): number {
    query.held = []
    query.pending = []
    query.confirmed = true
    query.cut = false
    this.queries.set(++this.#queryNumber, query)
    return this.#queryNumber
  }

  /** The queries to ask anew on a new connection; answers to the old numbers are ignored from now on. */
  takeQueries(): Query[] {
    const queries = [...this.queries.values()].filter(query => !query.dropped)
    this.queries.clear()
    return queries
  }

  /** S2: as they go out again. */
  unansweredInOrder(): Request[] {
    return [...this.unanswered.values()].sort((a, b) => a.number - b.number)
  }

  /** The request that a reply answers; undefined for a repeat, and for what is being cancelled. */
  answer(number: number): Request | undefined {
    const request = this.unanswered.get(number)
    if (request === undefined) {
      if (number < this.next) this.#acknowledge(number)
      return undefined
    }
    if (request.cancelling) return undefined
    if (request.ask.verb === 'cancel') this.#answered(request.ask.target)
    this.#answered(number)
    if (request.call !== null) this.#byCall.delete(request.call)
    return request
  }

  #answered(number: number): void {
    const request = this.unanswered.take(number)
    if (request === undefined) return
    if (mayWait(request.ask)) this.#waits--
    this.#acknowledge(number)
  }

  #acknowledge(number: number): void {
    const last = this.#acknowledged.at(-1)
    if (last !== undefined && last >= number) this.#inOrder = false
    this.#acknowledged.push(number)
  }

  answerQuery(number: number, query: Query): void {
    this.queries.delete(number)
    this.#byCall.delete(query.call)
  }

  /** The user was told of this loss (S5). */
  told(token: number): void {
    this.#told.push(token)
  }

  get acknowledgementDue(): boolean {
    return this.#acknowledged.length > 0 || this.#told.length > 0
  }

  takeAcknowledgement(): ClientRequest {
    if (!this.#inOrder) this.#acknowledged.sort((a, b) => a - b)
    const message: ClientRequest = ['acknowledge', toRanges(this.#acknowledged), this.#told]
    this.forgetAcknowledgements()
    return message
  }

  /** A resume acknowledges every reply by itself, and each loss is told again after it. */
  forgetAcknowledgements(): void {
    this.#acknowledged = []
    this.#inOrder = true
    this.#told = []
  }

  /** Nobody waits for this call any more. */
  forget(entry: Request | Query): void {
    if (entry.call !== null) this.#byCall.delete(entry.call)
    if (isQuery(entry)) entry.dropped = true
    else {
      entry.call = null
      entry.dropped = entry.number === 0
    }
  }

  /** All calls that somebody waits for, in the order in which they were made. */
  calls(): (Request | Query)[] {
    return [...this.#byCall].sort((a, b) => a[0] - b[0]).map(([, entry]) => entry)
  }

  #number(request: Request): Request {
    request.number = this.next++
    request.message = messageOf(request.ask, request.number)
    this.unanswered.set(request.number, request)
    if (mayWait(request.ask)) this.#waits++
    return request
  }
}

export function isQuery(entry: Request | Query): entry is Query {
  return entry.ask.verb === 'query'
}

/** A steal waits for the pause after a reset only, and then there is nothing to give back. */
function mayWait(ask: Ask): boolean {
  return ask.verb === 'acquire' && ask.manner === 'wait'
}

function kindOf(entry: Request | Query): Kind {
  if (isQuery(entry)) return 'query'
  return mayWait(entry.ask) ? 'waits' : 'prompt'
}

function requestOf(ask: Ask, call: number | null): Request {
  const asked = call ?? 0
  return { asked, call, ask, cancels: null, number: 0, message: null, dropped: false, cancelling: false }
}

function queryOf(ask: Extract<Call, { verb: 'query' }>): Query {
  const { call } = ask
  return { asked: call, call, ask, held: [], pending: [], confirmed: true, cut: false, dropped: false }
}

function messageOf(ask: Ask, number: number): ClientRequest {
  switch (ask.verb) {
    case 'acquire':
      return ['acquire', number, ask.names as string[], ask.mode, ask.manner]
    case 'cancel':
      return ['cancel', number, ask.target]
    case 'release':
      return ['release', number, ask.token]
    case 'force-release':
      return ['force-release', number, ask.name]
    case 'end':
      return ['end', number]
  }
}

/** First in, first out; taking from the front of a long array would cost its length each time. */
class Queue<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length || (this.#head >= 1_024 && this.#head * 2 >= this.#items.length)) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
