// The replies of one session that it has not acknowledged yet (S1), by request number. A loss goes into the stored
// reply of its grant, too (S5). It decides no outcome and sends nothing.

import type { LossReason, Reply } from '../../wire/messages.ts'
import { NumberMap } from '../../wire/number-map.ts'
import { moreReplyBytes, replyBytes, type Weight } from './tally.ts'

/** The replies to a run of acquires that were granted at once: the tokens follow one another as the requests do. */
export interface Grants {
  readonly first: number
  readonly firstToken: number
}
/** The reply to a release of what was held, one of a run. */
const released = null
type Kept = Reply | Grants | typeof released

/** Of a grant of a run; never added to. */
const noLosses: readonly never[] = []

export class Replies {
  readonly #kept = new NumberMap<Kept>()
  readonly #weight: Weight
  /** By token, the request number of the stored grant; null until a loss asks for one. */
  #grants: Map<number, number> | null = null
  /** By request number, what a stored reply weighs beyond others; null: none does. */
  #more: Map<number, number> | null = null

  constructor(weight: Weight) {
    this.#weight = weight
  }

  get size(): number {
    return this.#kept.size
  }

  get(request: number): Reply | undefined {
    const kept = this.#kept.get(request)
    return kept === undefined ? undefined : replyOf(request, kept)
  }

  /** In no order (R4). */
  keys(): Iterable<number> {
    return this.#kept.keys()
  }

  /** In no order (R4). */
  *values(): Iterable<Reply> {
    for (const [request, kept] of this.#kept) yield replyOf(request, kept)
  }

  keep(reply: Reply): void {
    this.#kept.set(reply[1], reply)
    const more = moreReplyBytes(reply)
    if (more > 0) {
      this.#more ??= new Map()
      this.#more.set(reply[1], more)
    }
    this.#weight.add(replyBytes + more)
    if (this.#grants !== null && reply[0] === 'granted')
      for (const token of reply[2]) this.#grants.set(token, reply[1])
  }

  /** The reply to one of a run. */
  keepGranted(request: number, grants: Grants): void {
    this.#kept.set(request, grants)
    this.#weight.add(replyBytes)
    this.#grants?.set(tokenOf(request, grants), request)
  }

  /** Likewise; it was held. */
  keepReleased(request: number): void {
    this.#kept.set(request, released)
    this.#weight.add(replyBytes)
  }

  /** The reply itself is read only where it must be: mostly it has left the processor's caches. */
  acknowledge(request: number): void {
    if (this.#grants !== null) this.#forgetGrant(this.#grants, request)
    if (this.#kept.delete(request)) this.#weight.add(-replyBytes - this.#takeMore(request))
    if (this.size === 0) this.#grants = null
  }

  /** S5: the reply of the grant of this token states its loss, as long as it is kept. */
  lose(token: number, reason: LossReason): void {
    this.#grants ??= this.#indexed()
    const reply = this.get(this.#grants.get(token) ?? 0)
    if (reply?.[0] === 'granted')
      this.#kept.set(reply[1], ['granted', reply[1], reply[2], [...reply[3], [token, reason]]])
  }

  #indexed(): Map<number, number> {
    const grants = new Map<number, number>()
    for (const reply of this.values())
      if (reply[0] === 'granted') for (const token of reply[2]) grants.set(token, reply[1])
    return grants
  }

  #forgetGrant(grants: Map<number, number>, request: number): void {
    const reply = this.get(request)
    if (reply?.[0] === 'granted') for (const token of reply[2]) grants.delete(token)
  }

  #takeMore(request: number): number {
    const more = this.#more?.get(request)
    if (more === undefined) return 0
    this.#more?.delete(request)
    if (this.#more?.size === 0) this.#more = null
    return more
  }
}

function replyOf(request: number, kept: Kept): Reply {
  if (kept === released) return ['released', request, true]
  return 'first' in kept ? ['granted', request, [tokenOf(request, kept)], noLosses] : kept
}

function tokenOf(request: number, { first, firstToken }: Grants): number {
  return firstToken + (request - first)
}
