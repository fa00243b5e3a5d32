// Why a lock isn't available, through all groups (G5): which primary is to be asked what next, and what they have said put
// together. Each walks in its own group; from there the holders' other sessions lead on. Asks no server itself.

import { whyClientsMax, whyMax } from '../wire/limits.ts'
import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { clientOf } from '../wire/public-id.ts'

/** The locks, holders and waiters connected with one lock, as its primary knows them. */
export interface WhyAnswer {
  readonly cut: boolean
  /** Of the lock itself: all of them, also those that the answer leaves out. */
  readonly holders: number
  readonly waiters: number
  readonly held: readonly HoldRecord[]
  readonly pending: readonly WaitRecord[]
}

/** Of one primary: about a lock, or about what these clients wait for there. */
export interface WhyAsk {
  readonly group: number
  readonly name: string | null
  readonly clients: readonly string[]
}

/** Where a primary answers it. */
export function whyPath({ name, clients }: WhyAsk): string {
  const query = new URLSearchParams(name === null ? {} : { name })
  for (const client of clients) query.append('client', client)
  return `/why?${query}`
}

/** More rounds than this, and the answer is cut. */
const roundsMax = 40

export class WhyWalk {
  readonly #groups: number
  readonly #first: WhyAsk
  /** Clients whose waits in this group are known. */
  readonly #followed: readonly Set<string>[]
  readonly #missing = new Set<number>()
  /** Holders that were found in any group. */
  readonly #clients = new Set<string>()
  readonly #names = new Set<string>()
  readonly #held: HoldRecord[] = []
  readonly #pending: WaitRecord[] = []
  #own: WhyAnswer | null = null
  #rounds = 0
  #cut = false

  /** `group`: that of the lock; `groups`: how many there are. */
  constructor(name: string, group: number, groups: number) {
    this.#groups = groups
    this.#first = { group, name, clients: [] }
    this.#followed = Array.from({ length: groups }, () => new Set<string>())
  }

  /** What to ask now, all at once; empty: no more. */
  next(): WhyAsk[] {
    if (this.#rounds++ === 0) return [this.#first]
    if (this.#groups === 1) return []
    const asks = Array.from({ length: this.#groups }, (_, group) => this.#askOf(group))
    const due = asks.filter(({ clients }) => clients.length > 0)
    const isFull = this.#held.length + this.#pending.length >= whyMax || this.#rounds > roundsMax
    if (isFull && due.length > 0) this.#cut = true
    return isFull ? [] : due
  }

  #askOf(group: number): WhyAsk {
    const followed = this.#followed[group] as Set<string>
    const isAway = this.#missing.has(group)
    const left = isAway ? [] : [...this.#clients].filter(client => !followed.has(client))
    const clients = left.slice(0, whyClientsMax)
    for (const client of clients) followed.add(client)
    return { group, name: null, clients }
  }

  heard({ group }: WhyAsk, answer: WhyAnswer): void {
    this.#own ??= answer
    this.#cut ||= answer.cut
    // What an answer before has told is told already: a name lives in one group.
    const before = new Set(this.#names)
    for (const hold of answer.held) {
      this.#names.add(hold.name)
      if (!before.has(hold.name)) this.#held.push(hold)
      if (hold.clientId === null) continue
      const client = clientOf(hold.clientId)
      this.#clients.add(client)
      this.#followed[group]?.add(client)
    }
    for (const wait of answer.pending) {
      this.#names.add(wait.name)
      if (!before.has(wait.name)) this.#pending.push(wait)
    }
  }

  /** This group's primary could not be asked. */
  failed({ group }: WhyAsk): void {
    this.#missing.add(group)
  }

  /** What was found; `missing`: groups that could not be asked. */
  found(): WhyAnswer & { readonly missing: readonly number[] } {
    const { holders = 0, waiters = 0 } = this.#own ?? {}
    const missing = [...this.#missing].sort((a, b) => a - b)
    return { cut: this.#cut, holders, waiters, held: this.#held, pending: this.#pending, missing }
  }
}
