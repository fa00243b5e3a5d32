// What clients and operators know so far, where it matters to what they may learn later,
// and the newest view record. Histories never change; equal ones have one number.

import type { Mode, Permits, View } from '../../wire/messages.ts'
import { frozen } from './plain.ts'

export interface Grant {
  readonly token: number
  readonly name: string
  readonly mode: Mode
  /** C1: what it takes, of so many; null: no permits. */
  readonly permits: Permits | null
  readonly slot: number
  readonly op: number
  readonly session: string
  /** `leaving`: its release was called. `taken`: another client has asked for it by force. `gone`: both. */
  readonly is: 'held' | 'leaving' | 'taken' | 'gone'
}

/** C3: a hold that lasts until then at least, whatever becomes of its holder. */
export interface Kept {
  readonly token: number
  readonly name: string
  readonly until: number
}

/** C5: a key that was run, by this call; no other may run it until then. Null: its release was not called yet. */
export interface Ran {
  readonly key: string
  readonly slot: number
  readonly op: number
  readonly until: number | null
}

export interface OpenCall {
  readonly slot: number
  readonly op: number
  readonly session: string
  /** The largest token that any client knew when it was made. */
  readonly above: number
  /** No other client held or wanted the same since it was made. */
  readonly alone: boolean
  /** Another client tried to take the same by force since. */
  readonly forced: boolean
  /** A query must list these, unless they go before it is answered. */
  readonly shown: readonly number[]
  /** A query may not list these: their release was answered before it was made. */
  readonly gone: readonly number[]
  /** L3: a query has listed it as waiting. */
  readonly waits: boolean
  /** L3: those that were known to wait for the same lock when it was made. */
  readonly behind: readonly string[]
  /** L3: the smallest token of those that were called behind it; 0: none was granted. */
  readonly passedBy: number
  /** When it was made, where it asks for something that lasts (C3); else 0. */
  readonly at: number
  /** C6, of a query: notes that were set before it was made. */
  readonly noted: readonly Noted[]
  /** F21: no server that may serve lets this client do it any more. */
  readonly forbidden: boolean
}

export interface Noted {
  readonly token: number
  readonly note: string
}

export interface History {
  readonly view: View | null
  readonly acked: boolean
  /** A reset has given up a state. */
  readonly reset: boolean
  /** Tokens up to here are of the state that a reset gave up. */
  readonly floor: number
  readonly grants: readonly Grant[]
  readonly calls: readonly OpenCall[]
  readonly largest: number
  /** Tokens whose release was answered. */
  readonly released: readonly number[]
  readonly kept: readonly Kept[]
  readonly ran: readonly Ran[]
  /** C6: notes that were surely set. */
  readonly noted: readonly Noted[]
  /** A3: lock servers that know nothing but the new access file. */
  readonly read: readonly number[]
}

export const blankHistory: History = {
  view: null,
  acked: false,
  reset: false,
  floor: 0,
  grants: [],
  calls: [],
  largest: 0,
  released: [],
  kept: [],
  ran: [],
  noted: [],
  read: [],
}

export class Histories {
  readonly #all: History[] = []
  readonly #numbers = new Map<string, number>()

  numberOf(history: History): number {
    const text = JSON.stringify(history)
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#all.length)
    return this.#all.push(frozen(history)) - 1
  }

  get(number: number): History {
    return this.#all[number] as History
  }
}
