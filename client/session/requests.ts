// The requests of one session: which wait to be sent, which are unanswered, which replies are not yet
// acknowledged. A number is taken when a request is first sent (S1), so numbers have no gaps and the
// unanswered ones are kept, and re-sent, in their order (S2). It sends nothing itself.

import { toRanges } from '../../wire/codec.ts'
import { frameMessagesMax, queriesWaitingMax, runMax, stateLimits } from '../../wire/limits.ts'
import type { HoldRecord, MessageOf, Mode, WaitRecord } from '../../wire/messages.ts'
import { NumberMap } from '../../wire/number-map.ts'
import { addToken, type SaidOn } from '../../wire/runs.ts'
import type { Call } from './effects.ts'

/** What a request is about: a call, or taking back the acquire with the number `target`. */
type What = Call | { readonly verb: 'cancel'; readonly target: number }

/** A call on its way to the servers, or what is said for its sake. */
export interface Request {
  /** The number of the call that it came with; later calls have larger ones. */
  readonly asked: number
  /** Whom to tell; null once no caller waits for it. */
  call: number | null
  readonly what: What
  /** Of a cancel: what it takes back. */
  readonly cancels: Request | null
  /** 0 until it is first sent. */
  number: number
  /** The call was aborted before it was sent. */
  dropped: boolean
  /**
   * An acquire whose cancel is not answered yet. Until then it counts as unanswered itself, whatever
   * came for it: were its grant acknowledged first, the server would find nothing to take back.
   */
  cancelling: boolean
  /** Of a query: what has come of its answer on this connection. */
  answer: Answer | null
}

interface Answer {
  readonly held: HoldRecord[]
  readonly pending: WaitRecord[]
  confirmed: boolean
  cut: boolean
}

/**
 * Unanswered requests, not counting cancels and the end. Each unanswered acquire may add a cancel, and the
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

/** Of one lock, without terms: a run can hold it. */
type PlainAcquire = Extract<What, { verb: 'acquire' }> & {
  readonly claim: { readonly mode: Exclude<Mode, 'permits'> }
}
type ReleaseCall = Extract<What, { verb: 'release' }>

export class Requests {
  /** The next unused number. */
  next = 1
  /** Sent, without a reply, by number. */
  readonly unanswered = new NumberMap<Request>()
  readonly #byCall = new NumberMap<Request>()
  readonly #waiting = new Queue<Request>()
  /** Taken out of it, when there was no room for more of their kind; all older than what is left in it. */
  readonly #heldUp: Record<Kind, Queue<Request>> = {
    waits: new Queue(),
    prompt: new Queue(),
    query: new Queue(),
  }
  /** How many are held up. */
  #held = 0
  /** Unanswered acquires that may wait. */
  #waits = 0
  /** Cancels and the end: not held up by the share, or a full share of waits could never be cancelled. */
  readonly #urgent = new Queue<Request>()
  /** Taken, and did not fit into the run before it. */
  #ahead: Request | undefined
  /** Sent queries by their number. */
  readonly queries = new Map<number, Request>()
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
    const request = requestOf(call, call.call)
    this.#byCall.set(call.call, request)
    this.#waiting.push(request)
  }

  cancel(acquire: Request): void {
    acquire.cancelling = true
    this.#urgent.push({ ...requestOf({ verb: 'cancel', target: acquire.number }, null), cancels: acquire })
  }

  end(call: number): void {
    const request = requestOf({ verb: 'end', call }, call)
    this.#byCall.set(call, request)
    this.#urgent.push(request)
  }

  ofCall(call: number): Request | undefined {
    return this.#byCall.get(call)
  }

  /** The next message that may be sent now; of neighbours that can be one, a run. To be called until there is none. */
  take(): SaidOn<'clientToServer'> | undefined {
    const request = this.#ahead ?? this.#takeNext()
    this.#ahead = undefined
    if (request === undefined) return undefined
    const { what } = request
    if (what.verb === 'query' || what.verb === 'clients') return this.#ask(request)
    const number = this.#number(request)
    if (isPlain(what)) return this.#acquires(number, what)
    return what.verb === 'release' ? this.#releases(number, what) : messageOf(what, number)
  }

  #takeNext(): Request | undefined {
    return this.#urgent.shift() ?? this.#takeHeldUp() ?? this.#takeWaiting()
  }

  #acquires(number: number, first: PlainAcquire): SaidOn<'clientToServer'> {
    const { claim } = first
    const fits = (what: What): what is PlainAcquire => isPlain(what) && what.claim === claim
    let next = this.#joining(fits)
    if (next === undefined) return messageOf(first, number)
    const names = [...first.names]
    for (; next !== undefined; next = names.length < longest() ? this.#joining(fits) : undefined)
      names.push(next.names[0] as string)
    return ['acquire-run', number, names, claim.mode, claim.manner]
  }

  #releases(number: number, first: ReleaseCall): SaidOn<'clientToServer'> {
    let next = this.#joining(isRelease)
    if (next === undefined) return messageOf(first, number)
    const tokens = [first.token, 1]
    for (
      let length = 1;
      next !== undefined;
      next = length < longest() ? this.#joining(isRelease) : undefined
    ) {
      addToken(tokens, next.token)
      length++
    }
    return ['release-run', number, tokens]
  }

  /** What the next request is about, which has its number now, if it fits into a run; else it comes behind the run. */
  #joining<W extends What>(fits: (what: What) => what is W): W | undefined {
    const next = this.#takeNext()
    if (next === undefined) return undefined
    const { what } = next
    if (fits(what)) this.#number(next)
    else this.#ahead = next
    return fits(what) ? what : undefined
  }

  /** The oldest one for which there is room now. */
  #takeHeldUp(): Request | undefined {
    if (this.#held === 0) return undefined
    let from: Queue<Request> | null = null
    for (const kind of kinds) {
      const queue = this.#heldUp[kind]
      for (; queue.first?.dropped; this.#held--) queue.shift()
      if (queue.first === undefined || !this.#hasRoom(kind)) continue
      if (from?.first === undefined || queue.first.asked < from.first.asked) from = queue
    }
    if (from !== null) this.#held--
    return from?.shift()
  }

  /** In the order of the calls, but past those for whose kind there is no room. */
  #takeWaiting(): Request | undefined {
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      if (request.dropped) continue
      const kind = kindOf(request.what)
      if (this.#hasRoom(kind)) return request
      this.#heldUp[kind].push(request)
      this.#held++
    }
    return undefined
  }

  #hasRoom(kind: Kind): boolean {
    if (kind === 'query') return this.queries.size < queriesShareMax
    if (kind === 'waits' && this.#waits >= waitsShareMax) return false
    return this.unanswered.size < unansweredShareMax
  }

  /** A read changes nothing, so it has no request number: on each connection it is asked again, under a fresh number of its own. */
  #ask(query: Request): MessageOf<'clientToServer'> {
    query.answer = { held: [], pending: [], confirmed: true, cut: false }
    this.queries.set(++this.#queryNumber, query)
    return messageOf(query.what, this.#queryNumber)
  }

  /** The queries as they go out on a new connection; answers to the old numbers are ignored from now on. */
  askAgain(): MessageOf<'clientToServer'>[] {
    const queries = [...this.queries.values()].filter(query => !query.dropped)
    this.queries.clear()
    return queries.map(query => this.#ask(query))
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
    if (request.what.verb === 'cancel') this.#answered(request.what.target)
    this.#answered(number)
    if (request.call !== null) this.#byCall.delete(request.call)
    return request
  }

  #answered(number: number): void {
    const request = this.unanswered.take(number)
    if (request === undefined) return
    if (mayWait(request.what)) this.#waits--
    this.#acknowledge(number)
  }

  #acknowledge(number: number): void {
    const last = this.#acknowledged.at(-1)
    if (last !== undefined && last >= number) this.#inOrder = false
    this.#acknowledged.push(number)
  }

  /** The whole answer is there. */
  answerQuery(number: number, query: Request): void {
    this.queries.delete(number)
    if (query.call !== null) this.#byCall.delete(query.call)
  }

  /** The user knows of this loss (S5). */
  told(token: number): void {
    this.#told.push(token)
  }

  get acknowledgementDue(): boolean {
    return this.#acknowledged.length > 0 || this.#told.length > 0
  }

  takeAcknowledgement(): MessageOf<'clientToServer'> {
    if (!this.#inOrder) this.#acknowledged.sort((a, b) => a - b)
    const message: MessageOf<'clientToServer'> = ['acknowledge', toRanges(this.#acknowledged), this.#told]
    this.forgetAcknowledgements()
    return message
  }

  /** A resume acknowledges every reply by itself, and each loss is sent again after it. */
  forgetAcknowledgements(): void {
    this.#acknowledged = []
    this.#inOrder = true
    this.#told = []
  }

  /** No caller waits for it any more. */
  forget(request: Request): void {
    if (request.call !== null) this.#byCall.delete(request.call)
    request.dropped = request.number === 0
    request.call = null
  }

  /** All calls that a caller waits for, in the order in which they were made. */
  calls(): Request[] {
    return [...this.#byCall].sort((a, b) => a[0] - b[0]).map(([, entry]) => entry)
  }

  #number(request: Request): number {
    request.number = this.next++
    this.unanswered.set(request.number, request)
    if (mayWait(request.what)) this.#waits++
    return request.number
  }
}

/** Whether the servers may know of it: they may have done what it asks for. */
export function wasSent(request: Request): boolean {
  return request.number !== 0
}

/** A steal waits for the pause after a reset only, and then there is nothing to give back. */
function mayWait(what: What): boolean {
  return what.verb === 'acquire' && what.claim.manner === 'wait'
}

function kindOf(what: What): Kind {
  if (what.verb === 'query' || what.verb === 'clients') return 'query'
  return mayWait(what) ? 'waits' : 'prompt'
}

function requestOf(what: What, call: number | null): Request {
  return {
    asked: call ?? 0,
    call,
    what,
    cancels: null,
    number: 0,
    dropped: false,
    cancelling: false,
    answer: null,
  }
}

/** How long a run may be. Tests change how much a frame holds. */
function longest(): number {
  return Math.min(frameMessagesMax, runMax)
}

function isPlain(what: What): what is PlainAcquire {
  if (what.verb !== 'acquire' || what.names.length > 1) return false
  return what.claim.terms === null && what.claim.mode !== 'permits'
}

function isRelease(what: What): what is ReleaseCall {
  return what.verb === 'release'
}

/** Always the same of the same request, however often it is sent. */
export function messageOf(what: What, number: number): MessageOf<'clientToServer'> {
  switch (what.verb) {
    case 'acquire':
      return ['acquire', number, what.names, what.claim.mode, what.claim.manner, what.claim.terms]
    case 'cancel':
      return ['cancel', number, what.target]
    case 'release':
      return ['release', number, what.token]
    case 'fail':
      return ['fail', number, what.token]
    case 'set-note':
      return ['set-note', number, what.token, what.note]
    case 'force-release':
      return ['force-release', number, what.name, what.token]
    case 'forget-key':
      return ['forget-key', number, what.name, what.key]
    case 'query':
      return ['query', number, what.prefix, what.confirmed]
    case 'clients':
      return ['clients', number, what.who, what.confirmed, what.after]
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
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
