// What a lock server has done, in plain numbers, for its metrics. Nothing is decided by them and none of them
// is replicated; they go on when a step-down makes a new core.

import { type Verb, verbs } from '../wire/access/principal.ts'
import type { ErrorCode } from '../wire/errors.ts'
import { Histogram } from '../wire/histogram.ts'
import type { Fact, Output, ReleasedRun, SessionEnd } from './state/facts.ts'
import type { Quota } from './state/owners.ts'

/** Each outcome that clients see, as `operation outcome`. */
const outcomes = [
  'acquire granted',
  'acquire unavailable',
  'acquire cancelled',
  'acquire refused',
  'acquire done_before',
  'acquire not_this',
  'set-note noted',
  'set-note not_held',
  'cancel cancelled',
  'cancel released',
  'cancel nothing',
  'release released',
  'release not_held',
  'force-release released',
  'force-release not_held',
  'forget-key forgotten',
  'forget-key not_forgotten',
  'open opened',
  'open refused',
  'end ended',
] as const
export type OperationOutcome = (typeof outcomes)[number]

/** What the parts of a server note to be counted, beside the facts of its operations. */
export type Noted =
  | { readonly is: 'renewal' | 'query' | 'session opened' | 'view' | 'step-down' | 'digest differs' }
  /** The rules do not allow it (A2). */
  | { readonly is: 'not allowed'; readonly verb: Verb }
  /** A peer has shown another key than the session's (C9). */
  | { readonly is: 'wrong key' }
  | { readonly is: 'open refused'; readonly code: ErrorCode }
  | { readonly is: 'over quota'; readonly quota: 'watches' | 'queries' }
  /** A batch went to a backup that is in sync; it has applied all batches up to this one. */
  | { readonly is: 'batch sent' | 'batches applied'; readonly sequence: number }
  /** A new backup is being copied to; it holds the whole snapshot; nothing is streamed to it any more. */
  | { readonly is: 'transfer begun' | 'transferred' | 'stream ended' }
  /** A lock was freed at this time, and its next holder has learned of it just now. */
  | { readonly is: 'handed over'; readonly since: number }

export class ServerCounts {
  readonly operations = Object.fromEntries(outcomes.map(outcome => [outcome, 0])) as Record<
    OperationOutcome,
    number
  >
  /** By the code of the limit that was passed. */
  readonly refused: Partial<Record<ErrorCode, number>> = {
    LOCKS_LIMIT: 0,
    WAITERS_LIMIT: 0,
    UNANSWERED_LIMIT: 0,
    SESSIONS_LIMIT: 0,
    STATE_LIMIT: 0,
    TTL_OUT_OF_RANGE: 0,
    PERMITS_DIFFER: 0,
    ONCE_KEYS_LIMIT: 0,
    AT_LEAST_OUT_OF_RANGE: 0,
  }
  /** By the quota of an owner that was passed (B7). */
  readonly overQuota: Record<Quota | 'watches' | 'queries', number> = {
    sessions: 0,
    locks: 0,
    waiters: 0,
    memory: 0,
    watches: 0,
    queries: 0,
  }
  readonly sessionEnds: Record<SessionEnd, number> = { ended: 0, expired: 0, abandoned: 0 }
  readonly losses = { STOLEN: 0, FORCED: 0, HELD_TOO_LONG: 0 }
  renewals = 0
  queries = 0
  wrongKeys = 0
  /** By the verb that was not allowed (A2). */
  readonly notAllowed = Object.fromEntries(verbs.map(verb => [verb, 0])) as Record<Verb, number>
  views = 0
  stepDowns = 0
  digestsDiffered = 0
  readonly transfers = { completed: 0, cut: 0 }
  /** From acquire to grant, and from grant to the hold's end: by the state's wall clock, for display only. */
  readonly wait = new Histogram()
  readonly hold = new Histogram()
  /** From what freed the lock until its next holder learned of it (R1 holds it back for the backup). */
  readonly handOver = new Histogram()
  /** From sending a batch to the backup until it has applied it. */
  readonly roundTrip = new Histogram()
  readonly transfer = new Histogram()
  /** One batch at a time is timed. */
  #timedBatch = 0
  #timedSince = 0
  #transferSince: number | null = null

  /** What an operation has done. */
  fact(fact: Fact): void {
    switch (fact.is) {
      case 'output':
        return this.#output(fact.message)
      case 'granted':
        return this.#granted(fact.message[0] === 'granted-run' ? fact.message[2] : 1, fact.waitedMs)
      case 'freed':
        return this.hold.observe(fact.heldMs)
      case 'freed run':
        for (const ms of fact.heldMs) this.hold.observe(ms)
        return
      case 'over quota':
        this.overQuota[fact.quota]++
        return
      case 'dropped':
        this.sessionEnds[fact.how]++
    }
  }

  /** `now`: the monotonic clock. */
  note(what: Noted, now: number): void {
    switch (what.is) {
      case 'renewal':
        this.renewals++
        return
      case 'query':
        this.queries++
        return
      case 'wrong key':
        this.wrongKeys++
        return
      case 'not allowed':
        this.notAllowed[what.verb]++
        return
      case 'session opened':
        this.operations['open opened']++
        return
      case 'open refused':
        this.operations['open refused']++
        return this.#refuse(what.code)
      case 'over quota':
        this.overQuota[what.quota]++
        return
      case 'view':
        this.views++
        return
      case 'step-down':
        this.stepDowns++
        return
      case 'digest differs':
        this.digestsDiffered++
        return
      case 'handed over':
        return this.handOver.observe(now - what.since)
      case 'batch sent':
        return this.#batchSent(what.sequence, now)
      case 'batches applied':
        return this.#batchesApplied(what.sequence, now)
      case 'transfer begun':
        this.#transferSince = now
        return
      case 'transferred':
        return this.#transferred(now)
      case 'stream ended':
        return this.#streamEnded()
    }
  }

  #granted(count: number, waitedMs: number): void {
    this.operations['acquire granted'] += count
    this.wait.observe(waitedMs, count)
  }

  #output(output: Output | ReleasedRun): void {
    switch (output[0]) {
      case 'released-run':
        this.operations['release released'] += output[2]
        return
      case 'released':
        this.operations[output[2] ? 'release released' : 'release not_held']++
        return
      case 'unavailable':
        this.operations['acquire unavailable']++
        return
      case 'cancelled':
        this.operations['acquire cancelled']++
        return
      case 'done-before':
        this.operations['acquire done_before']++
        return
      case 'not-this':
        this.operations['acquire not_this']++
        return
      case 'noted':
        this.operations[output[2] ? 'set-note noted' : 'set-note not_held']++
        return
      case 'cancel-done':
        this.operations[`cancel ${output[2]}`]++
        return
      case 'force-released':
        this.operations[output[2] > 0 ? 'force-release released' : 'force-release not_held']++
        return
      case 'key-forgotten':
        this.operations[output[2] ? 'forget-key forgotten' : 'forget-key not_forgotten']++
        return
      case 'refused':
        this.operations['acquire refused']++
        this.#refuse(output[2])
        return
      case 'ended':
        this.operations['end ended']++
        return
      case 'lost':
        this.losses[output[2]]++
    }
  }

  #refuse(code: string): void {
    const known = code as ErrorCode
    if (this.refused[known] !== undefined) this.refused[known]++
  }

  #batchSent(sequence: number, now: number): void {
    if (this.#timedBatch !== 0) return
    this.#timedBatch = sequence
    this.#timedSince = now
  }

  #batchesApplied(sequence: number, now: number): void {
    if (this.#timedBatch === 0 || sequence < this.#timedBatch) return
    this.roundTrip.observe(now - this.#timedSince)
    this.#timedBatch = 0
  }

  /** The stream to this backup is over, or a new one begins: the batch being timed will not be answered. */
  #streamEnded(): void {
    this.#timedBatch = 0
    if (this.#transferSince !== null) this.transfers.cut++
    this.#transferSince = null
  }

  #transferred(now: number): void {
    if (this.#transferSince === null) return
    this.transfers.completed++
    this.transfer.observe(now - this.#transferSince)
    this.#transferSince = null
  }
}
