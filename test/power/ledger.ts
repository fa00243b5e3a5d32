// F15, from what clients wrote down: what was granted and is not released is held, nothing else is, waiters wait, and
// each grant was told, once. A pure function of histories and listings; when it may be asked is for the run to know.

import type { Event } from '../faults/history.ts'

interface Hold {
  readonly who: string
  readonly name: string
}

export interface Listing {
  readonly held: readonly {
    readonly name: string
    readonly token: number
    readonly clientName: string | null
  }[]
  readonly pending: readonly { readonly name: string; readonly clientName: string }[]
}

interface Attempt {
  readonly who: string
  readonly names: readonly string[]
}

/** L2, D4: a recovery lifts the tokens by more than this. */
const leap = 2 ** 31

export class Ledger {
  readonly violations: string[] = []
  grants = 0
  /** By token. */
  readonly #holds = new Map<number, Hold>()
  /** By user and call. */
  readonly #open = new Map<string, Attempt>()
  #told: number[] = []

  hear(event: Event): void {
    const { who } = event
    switch (event.is) {
      case 'acquire':
        this.#open.set(`${who} ${event.call}`, { who, names: event.names })
        return
      case 'granted':
        return this.#granted(`${who} ${event.call}`, event.tokens)
      case 'refused':
        this.#open.delete(`${who} ${event.call}`)
        return
      case 'released':
        this.#holds.delete(event.token)
        return
      case 'failed':
        return this.#blame(`a call of ${who} failed: ${event.code}`)
      case 'lost':
        return this.#blame(`${who} lost token ${event.token}: ${event.code}`)
      case 'sessionLost':
        return this.#blame(`${who} lost its session: ${event.code}`)
    }
  }

  /** Asked while no call but waiting acquires is under way. */
  compare({ held, pending }: Listing): void {
    const listed = new Map(held.map(hold => [hold.token, hold]))
    for (const [token, { who, name }] of this.#holds) {
      const found = listed.get(token)
      if (found?.name !== name || found.clientName !== who)
        this.#blame(`${name} was granted to ${who} with token ${token}, and is not held any more`)
    }
    for (const { name, token, clientName } of held)
      if (!this.#holds.has(token) && !this.#isHalfOf(name, clientName))
        this.#blame(
          `${name} is held with token ${token} by ${clientName}, which released it or was never told`,
        )
    this.#comparePending(pending)
  }

  /** Asked when no call is under way: each token was told, to one call. */
  checkTokens(): void {
    const told = this.#told.sort((a, b) => a - b)
    for (const [i, token] of told.entries()) {
      const before = told[i - 1] ?? token - 1
      if (token === before) this.#blame(`token ${token} was told twice`)
      else if (token - before > 1 && token - before < leap)
        this.#blame(`${token - before - 1} grants after token ${before} were told to no client`)
    }
    this.#told = told.slice(-1)
  }

  #granted(key: string, tokens: readonly number[]): void {
    const attempt = this.#open.get(key)
    if (attempt === undefined) return this.#blame(`an answer to ${key}, which was not asked`)
    this.#open.delete(key)
    this.grants += tokens.length
    this.#told.push(...tokens)
    for (const [i, name] of attempt.names.entries())
      this.#holds.set(tokens[i] ?? 0, { who: attempt.who, name })
  }

  /** An acquire of several names may have the first ones. */
  #isHalfOf(name: string, clientName: string | null): boolean {
    return [...this.#open.values()].some(
      ({ who, names }) => who === clientName && names.length > 1 && names.includes(name),
    )
  }

  #comparePending(pending: Listing['pending']): void {
    const attempts = [...this.#open.values()]
    for (const { name, clientName } of pending)
      if (!attempts.some(({ who, names }) => who === clientName && names.includes(name)))
        this.#blame(`${clientName} is said to wait for ${name}, and does not`)
    const left = [...pending]
    for (const { who, names } of attempts) {
      const place = left.findIndex(({ name, clientName }) => clientName === who && names.includes(name))
      if (place < 0) this.#blame(`${who} waits for ${names.join(' and ')}, and has lost its place`)
      else if (names.length === 1) left.splice(place, 1)
    }
  }

  #blame(text: string): void {
    this.violations.push(`F15: ${text}`)
  }
}
