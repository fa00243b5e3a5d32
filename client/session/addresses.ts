// The addresses that a client knows, and when each may be dialled again: redials back off, with
// jitter, each address by itself. It dials nothing.

import type { Trouble } from '../../wire/effects.ts'
import { redialMs, redialMsMax } from '../../wire/limits.ts'

export interface Address {
  readonly url: string
  /** From the caller; stays for good. Others come and go with the view. */
  readonly seed: boolean
  /** Dials in a row that led to nothing. */
  failures: number
  /** Monotonic ms. */
  retryAt: number
  /** A connection to it exists or is being made. */
  inUse: boolean
  /** The lock server that was last met there. */
  serverId: string | null
  /** What was wrong with it last, for display only. */
  trouble: Trouble | null
  /** It does not take us: wrong cluster, secret, token or version. */
  refusal: { readonly code: string; readonly text: string } | null
}

export class Addresses {
  readonly #known = new Map<string, Address>()

  constructor(seeds: readonly string[]) {
    for (const url of seeds) this.#add(url, true)
  }

  get(url: string): Address {
    return this.#known.get(url) ?? this.#add(url, false)
  }

  /** Whether it is still one to dial. */
  knows(address: Address): boolean {
    return this.#known.get(address.url) === address
  }

  all(): Iterable<Address> {
    return this.#known.values()
  }

  /** A new view: what is in it is known, what was in older ones is forgotten, and all may be tried at once. */
  renew(urls: readonly string[]): void {
    for (const address of this.#known.values()) {
      if (!address.seed && !urls.includes(address.url)) this.#known.delete(address.url)
    }
    for (const url of urls) this.get(url)
    for (const address of this.#known.values()) {
      address.failures = 0
      address.retryAt = 0
    }
  }

  /** The dial or the connection failed; `chance` from 0 to 1 spreads the redials of many clients. */
  failed(address: Address, trouble: Trouble, now: number, chance: number): void {
    const delay = Math.min(redialMs * 2 ** Math.min(address.failures, 16), redialMsMax)
    address.failures++
    address.retryAt = now + delay * (0.5 + chance / 2)
    address.trouble = trouble
  }

  /** The refusal to report when no address is left to try. */
  refusal(): { code: string; text: string } | null {
    let last: Address['refusal'] = null
    for (const address of this.#known.values()) {
      if (address.refusal === null) return null
      last = address.refusal
    }
    return last
  }

  /** One line, for display only: what is wrong with each. */
  describe(): string {
    return [...this.#known.values()]
      .map(address => `${address.url} ${problemOf(address)?.text ?? 'was not tried'}`)
      .join('; ')
  }

  /** What is wrong with each, for programs. */
  troubles(): { readonly url: string; readonly code: string; readonly text: string }[] {
    return [...this.#known.values()].flatMap(address => {
      const wrong = problemOf(address)
      // It answers, and is not the primary.
      if (wrong === null || wrong.code === 'NOT_PRIMARY') return []
      return [{ url: address.url, code: wrong.code, text: wrong.text }]
    })
  }

  #add(url: string, seed: boolean): Address {
    const address: Address = {
      url,
      seed,
      failures: 0,
      retryAt: 0,
      inUse: false,
      serverId: null,
      trouble: null,
      refusal: null,
    }
    this.#known.set(url, address)
    return address
  }
}

const unanswered: Trouble = { code: 'NO_ANSWER', text: 'has not answered yet' }

/** What keeps it from leading to the primary; null: nothing is known. */
function problemOf({
  refusal,
  trouble,
  inUse,
}: Address): { readonly code: string; readonly text: string } | null {
  return refusal ?? trouble ?? (inUse ? unanswered : null)
}
