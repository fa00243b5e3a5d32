// What a session is: its requests' numbers, the replies it has not acknowledged, what it holds and
// waits for, and what it has lost. It knows no clock, no view and no connection.

import type { LossReason, Reply } from '../../wire/messages.ts'
import { NumberMap } from '../../wire/number-map.ts'
import type { Acquire, Hold } from './lock.ts'

/** Of nearly all grants; never added to. */
const noLosses: [number, LossReason][] = []

export class Session {
  /** Short name inside of the state and its operations; given in order of opening. */
  readonly ordinal: number
  readonly id: string
  readonly ttlMs: number
  readonly name: string
  /** S1: the only number that is applied next; smaller ones are repeats. */
  nextRequest = 1
  /** Stored replies, by request number, until acknowledged (S1). */
  readonly replies = new NumberMap<Reply>()
  /** Acquires without an answer yet, by request number. */
  readonly waiting = new NumberMap<Acquire>()
  /** By token. The order of these maps is never walked by an operation without sorting (R4). */
  readonly holds = new NumberMap<Hold>()
  /** Holds that ended by another's doing, by token, until acknowledged (S5). */
  readonly losses = new Map<number, LossReason>()
  /** The last snapshot that this session went into, or came after (R3). */
  copied = 0

  /** Tokens of acquires of several names that have no answer yet: no client knows of them. Null: there are none. */
  #hidden: Set<number> | null = null
  /** By token the number of the stored grant; null until a loss asks for one. */
  #grants: Map<number, number> | null = null

  constructor(ordinal: number, id: string, ttlMs: number, name: string) {
    this.ordinal = ordinal
    this.id = id
    this.ttlMs = ttlMs
    this.name = name
  }

  /** S4: it holds nothing and waits for nothing, so its end would take nothing from anybody. */
  get rests(): boolean {
    return this.holds.size === 0 && this.waiting.size === 0
  }

  get unanswered(): number {
    return this.replies.size + this.waiting.size
  }

  /** S1: until it is acknowledged. */
  keep(reply: Reply): void {
    this.replies.set(reply[1], reply)
    if (this.#grants !== null && reply[0] === 'granted')
      for (const token of reply[2]) this.#grants.set(token, reply[1])
  }

  /** S1 */
  acknowledge(request: number): void {
    const reply = this.replies.take(request)
    if (this.replies.size === 0) this.#grants = null
    if (this.#grants !== null && reply?.[0] === 'granted')
      for (const token of reply[2]) this.#grants.delete(token)
  }

  /** S5: a loss goes into the grant's own reply too, as long as that is not acknowledged. */
  lose(token: number, reason: LossReason): void {
    this.losses.set(token, reason)
    this.#grants ??= grantsAmong(this.replies)
    const reply = this.replies.get(this.#grants.get(token) ?? 0)
    if (reply?.[0] === 'granted')
      this.replies.set(reply[1], ['granted', reply[1], reply[2], [...reply[3], [token, reason]]])
  }

  /** It belongs to an acquire of several names, which has no answer yet. */
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

  /** The grant that these tokens were for is not to be: nobody will ever be told of them. */
  forgetLosses(tokens: readonly number[]): void {
    this.reveal(tokens)
    for (const token of tokens) this.losses.delete(token)
  }

  /** The losses among these tokens, as a grant's reply states them. */
  lossesAmong(tokens: readonly number[]): [number, LossReason][] {
    if (this.losses.size === 0) return noLosses
    return tokens.flatMap(token => {
      const reason = this.losses.get(token)
      return reason === undefined ? [] : [[token, reason] as [number, LossReason]]
    })
  }

  holdsInOrder(): Hold[] {
    return [...this.holds.values()].sort((a, b) => a.token - b.token)
  }

  waitingInOrder(): Acquire[] {
    return [...this.waiting.values()].sort((a, b) => a.request - b.request)
  }
}

function grantsAmong(replies: NumberMap<Reply>): Map<number, number> {
  const grants = new Map<number, number>()
  for (const reply of replies.values())
    if (reply[0] === 'granted') for (const token of reply[2]) grants.set(token, reply[1])
  return grants
}
