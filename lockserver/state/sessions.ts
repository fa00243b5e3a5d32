// What a session is: its requests' numbers, the replies it has not acknowledged, what it holds and
// waits for, and what it has lost. It knows no clock, no view and no connection.

import type { LockEvent, LossReason } from '../../wire/messages.ts'
import { NumberMap } from '../../wire/number-map.ts'
import { nextOf } from './in-order.ts'
import type { Acquire, Hold, LockEntry } from './lock.ts'
import type { Owner } from './owners.ts'
import { Replies } from './replies.ts'
import { lossBytes, sessionBytes, type Tally, Weight } from './tally.ts'

/** The losses of nearly all grants; never added to. */
const noLosses: [number, LossReason][] = []

const noHolds: readonly Hold[] = []

/** Who a session is; given when it opens, and never changed. */
export interface Identity {
  readonly id: string
  /** SHA-256 of its key (C9). */
  readonly keyHash: string
  /** What others see of it: lists, events, errors and pages never show its id (C9). */
  readonly publicId: string
  readonly ttlMs: number
  readonly name: string
  /** Which program it belongs to, and where from; for display only, like its name. */
  readonly host: string | null
  readonly pid: number | null
  readonly version: string
  readonly address: string
  /** Since when, by the wall clock that came with its open; for display only. */
  readonly since: number
}

/** Who holds what is kept for no client (C3). */
export const nobody: Identity = {
  id: '',
  keyHash: '',
  publicId: '',
  ttlMs: 0,
  name: '',
  host: null,
  pid: null,
  version: '',
  address: '',
  since: 0,
}

export class Session implements Identity {
  /** Short name inside of the state and its operations; given in order of opening. */
  readonly ordinal: number
  readonly id: string
  readonly keyHash: string
  readonly publicId: string
  readonly ttlMs: number
  readonly name: string
  readonly host: string | null
  readonly pid: number | null
  readonly version: string
  readonly address: string
  readonly since: number
  /** Whose quotas it takes from; null: it has none (B7). */
  readonly owner: Owner | null
  /** S1: the only number that is applied next; smaller ones are repeats. */
  nextRequest = 1
  /** S1: what was answered, until it is acknowledged. */
  readonly replies: Replies
  /** Acquires without an answer yet, by request number. */
  readonly waiting = new NumberMap<Acquire>()
  /** Locks that these acquires have not got yet. */
  awaited = 0
  /** By token. The order of these maps is never walked by an operation without sorting (R4). */
  readonly holds = new NumberMap<Hold>()
  /** Holds that a steal or a force-release has ended, by token, until acknowledged (S5). */
  readonly losses = new Map<number, LossReason>()
  /** The last snapshot that this session went into, or came after (R3). */
  copied = 0
  /** Why it is over, for watches of what it held; undefined while it is not (B2). */
  endReason: LockEvent['reason'] | undefined = undefined
  /** Bytes of the session itself, its replies and its losses (B4). */
  readonly weight: Weight

  /** Tokens of acquires of several names that have no answer yet: no client knows them. Null: none. */
  #hidden: Set<number> | null = null
  /** C4: by request number, the holds of those grants whose reply it has not acknowledged; null: none matters. */
  #untold: Map<number, Hold[]> | null = null
  /** How often it holds each of its locks that it shares; null: it shares none. */
  #shares: Map<LockEntry, number> | null = null

  constructor(ordinal: number, who: Identity, owner: Owner | null, tally: Tally) {
    this.weight = new Weight(tally, owner)
    this.replies = new Replies(this.weight)
    this.owner = owner
    owner?.session(1)
    this.ordinal = ordinal
    this.id = who.id
    this.keyHash = who.keyHash
    this.publicId = who.publicId
    this.ttlMs = who.ttlMs
    this.name = who.name
    this.host = who.host
    this.pid = who.pid
    this.version = who.version
    this.address = who.address
    this.since = who.since
    this.weight.add(sessionBytes(who.name, who.host ?? '', who.version, who.address))
  }

  take(hold: Hold): void {
    this.holds.set(hold.token, hold)
    this.owner?.hold(hold, 1)
    if (hold.mode === 'exclusive') return
    this.#shares ??= new Map()
    this.#shares.set(hold.lock, this.sharedOf(hold.lock) + 1)
  }

  drop(hold: Hold): void {
    this.holds.delete(hold.token)
    this.owner?.hold(hold, -1)
    if (hold.mode === 'exclusive' || this.#shares === null) return
    const left = this.sharedOf(hold.lock) - 1
    if (left > 0) this.#shares.set(hold.lock, left)
    else this.#shares.delete(hold.lock)
    if (this.#shares.size === 0) this.#shares = null
  }

  /** It has no client: what it holds is kept for nobody (C3). */
  get isNobody(): boolean {
    return this.ordinal === 0
  }

  /** C4: the reply of this request tells of this hold. */
  tellOf(hold: Hold, request: number): void {
    this.#untold ??= new Map()
    const holds = this.#untold.get(request)
    if (holds === undefined) this.#untold.set(request, [hold])
    else holds.push(hold)
  }

  /** C4: some reply that is not acknowledged tells of a hold that has a time. */
  get hasUntold(): boolean {
    return this.#untold !== null
  }

  /** C4: what the reply of this request has told of, now that it is acknowledged. */
  told(request: number): readonly Hold[] {
    const holds = this.#untold?.get(request)
    if (holds === undefined) return noHolds
    this.#untold?.delete(request)
    if (this.#untold?.size === 0) this.#untold = null
    return holds
  }

  /** How often it holds this lock, shared or with permits. */
  sharedOf(lock: LockEntry): number {
    return this.#shares?.get(lock) ?? 0
  }

  /** B2: from now on it is neither resumed nor granted anything. */
  end(reason: LockEvent['reason']): void {
    this.endReason = reason
    this.weight.add(-this.weight.bytes)
    this.owner?.session(-1)
  }

  /** S4: it holds nothing and waits for nothing, so its end would take nothing from its client. */
  get rests(): boolean {
    return this.holds.size === 0 && this.waiting.size === 0
  }

  /** Locks that it holds or waits for, or has lost without acknowledging it. */
  get locks(): number {
    return this.holds.size + this.awaited + this.losses.size
  }

  get unanswered(): number {
    return this.replies.size + this.waiting.size
  }

  /** S5: a loss goes into the grant's own reply too, as long as that is not acknowledged. */
  lose(token: number, reason: LossReason): void {
    this.keepLoss(token, reason)
    this.replies.lose(token, reason)
  }

  /** S5: keeps the loss until its token is acknowledged. */
  keepLoss(token: number, reason: LossReason): void {
    this.losses.set(token, reason)
    this.weight.add(lossBytes)
  }

  forgetLoss(token: number): void {
    if (this.losses.delete(token)) this.weight.add(-lossBytes)
  }

  /** The token belongs to an acquire of several names, which has no answer yet. */
  hide(token: number): void {
    this.#hidden ??= new Set()
    this.#hidden.add(token)
  }

  /** The acquire has its answer, or is taken back. */
  reveal(tokens: readonly number[]): void {
    if (this.#hidden === null) return
    for (const token of tokens) this.#hidden.delete(token)
    if (this.#hidden.size === 0) this.#hidden = null
  }

  /** Whether this token belongs to an acquire that waits for its next name: no client knows of it yet. */
  isWaitingWith(token: number): boolean {
    return this.#hidden?.has(token) ?? false
  }

  /** There will be no grant of these tokens: no client ever learns of them. */
  forgetLosses(tokens: readonly number[]): void {
    this.reveal(tokens)
    for (const token of tokens) this.forgetLoss(token)
  }

  /** The losses among these tokens, as a grant's reply states them. */
  lossesAmong(tokens: readonly number[]): [number, LossReason][] {
    if (this.losses.size === 0) return noLosses
    return tokens.flatMap(token => {
      const reason = this.losses.get(token)
      return reason === undefined ? [] : [[token, reason] as [number, LossReason]]
    })
  }

  /** The next holds behind the one of this token, at most so many (B1). */
  holdsInOrder(after: number, most: number): Hold[] {
    return nextOf(this.holds.keys(), after, most).map(token => this.holds.get(token) as Hold)
  }

  waitingInOrder(): Acquire[] {
    return [...this.waiting.values()].sort((a, b) => a.request - b.request)
  }
}
