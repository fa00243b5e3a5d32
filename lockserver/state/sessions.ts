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

  /** S5: a loss goes into the grant's own reply too, as long as that is not acknowledged. */
  lose(token: number, reason: LossReason): void {
    this.losses.set(token, reason)
    for (const reply of [...this.replies.values()]) {
      if (reply[0] === 'granted' && reply[2].includes(token)) {
        this.replies.set(reply[1], ['granted', reply[1], reply[2], [...reply[3], [token, reason]]])
      }
    }
  }

  /** Whether this token belongs to an acquire that waits for its next name: no client knows of it yet. */
  isWaitingWith(token: number): boolean {
    for (const acquire of this.waiting.values()) if (acquire.tokens.includes(token)) return true
    return false
  }

  /** The grant that these tokens were for is not to be: nobody will ever be told of them. */
  forgetLosses(tokens: readonly number[]): void {
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
