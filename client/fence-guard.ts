// Refuses the writes of holders whose lock has gone to another one: a lease can end while its
// holder sleeps, and only the resource can tell, by the token. For one process; a resource that several
// processes write to keeps the tokens where they all see them, as docs/FENCING.md shows.

import type { Mode } from '../wire/messages.ts'

/** What a holder shows: its lock, or what it sent of it. */
export interface Fence {
  /** Of the lock that protects the resource. */
  readonly name: string
  readonly token: number
  /** Default `exclusive`. */
  readonly mode?: Mode | undefined
}

export interface FenceGuardOptions {
  /**
   * Names that are remembered, from 1; default 100000. Beyond that the one that was used longest ago is
   * forgotten, and a name that is not known must then show a token as large as any that was forgotten: a
   * holder may be refused that need not be, and never the other way round.
   */
  readonly namesMax?: number
}

/** The holder has lost its lock, whatever it believes. */
export class StaleTokenError extends Error {
  /** Of the lock. */
  readonly lock: string
  readonly token: number
  readonly mode: Mode
  /** The token that shows it. */
  readonly seen: number

  constructor({ name, token, mode = 'exclusive' }: Fence, seen: number) {
    super(
      `lock ${JSON.stringify(name)}: the ${mode} token ${token} is older than ${seen}, which was seen already; its holder has lost the lock`,
    )
    this.name = 'StaleTokenError'
    this.lock = name
    this.token = token
    this.mode = mode
    this.seen = seen
  }
}

/** The largest tokens. A shared one is measured by the exclusive ones only: readers overtake one another. */
interface Seen {
  readonly any: number
  readonly exclusive: number
}

const nothing: Seen = { any: 0, exclusive: 0 }

export class FenceGuard {
  readonly #namesMax: number
  /** In the order of use. */
  readonly #seen = new Map<string, Seen>()
  #forgotten = nothing

  constructor({ namesMax = 100_000 }: FenceGuardOptions = {}) {
    if (!Number.isSafeInteger(namesMax) || namesMax < 1)
      throw new TypeError(`namesMax must be a whole number from 1, not ${String(namesMax)}`)
    this.#namesMax = namesMax
  }

  /**
   * Throws a `StaleTokenError` for an exclusive token below the largest that was seen of this lock, and
   * for a shared one below the largest exclusive one. Otherwise remembers it: what follows in the same
   * turn of the event loop is safe. Takes a `Lock` as it is.
   */
  check(fence: Fence): void {
    const seen = this.#refusal(fence)
    if (seen !== null) throw new StaleTokenError(fence, seen)
  }

  /** The same as an answer: false where `check` throws. */
  accepts(fence: Fence): boolean {
    return this.#refusal(fence) === null
  }

  /** The token that is in the way; null if none is, and then this one is remembered. */
  #refusal({ name, token, mode = 'exclusive' }: Fence): number | null {
    checkFence(name, token, mode)
    const before = this.#seen.get(name) ?? this.#forgotten
    const least = mode === 'exclusive' ? before.any : before.exclusive
    if (token < least) return least
    this.#remember(name, {
      any: Math.max(before.any, token),
      exclusive: mode === 'exclusive' ? token : before.exclusive,
    })
    return null
  }

  #remember(name: string, seen: Seen): void {
    this.#seen.delete(name)
    this.#seen.set(name, seen)
    if (this.#seen.size > this.#namesMax) this.#forgetOldest()
  }

  /** Tokens grow across all locks, so what was forgotten still bounds what may come. */
  #forgetOldest(): void {
    for (const [name, { any, exclusive }] of this.#seen) {
      this.#seen.delete(name)
      this.#forgotten = {
        any: Math.max(this.#forgotten.any, any),
        exclusive: Math.max(this.#forgotten.exclusive, exclusive),
      }
      return
    }
  }
}

function checkFence(name: unknown, token: unknown, mode: unknown): void {
  if (typeof name !== 'string')
    throw new TypeError(`the name of a lock must be a string, not ${String(name)}`)
  if (!Number.isSafeInteger(token) || (token as number) < 1)
    throw new TypeError(`a token must be a whole number from 1, not ${String(token)}`)
  if (mode !== 'exclusive' && mode !== 'shared')
    throw new TypeError(`mode must be exclusive or shared, not ${String(mode)}`)
}
