// Refuses the writes of holders whose lock has gone to another one: a lease can end while its
// holder sleeps, and only the resource can tell, by the token. For one process; a resource that several
// processes write to keeps the tokens where they all see them, as docs/FENCING.md shows. With permits a token orders
// grants and makes no holder the only one: then it lets no more tokens in than there are permits, or refuses to be used.

import { permitsMax } from '../wire/limits.ts'
import { slotOf } from '../wire/slots.ts'
import type { HeldMode } from './claim-options.ts'
import { checkKeys } from './known-options.ts'
import { oneClass } from './one-class.ts'

/** What a holder shows: its lock, or what it sent of it. */
export interface Fence {
  /** Of the lock that protects the resource. */
  readonly name: string
  readonly token: number
  /** Default `exclusive`. */
  readonly mode?: HeldMode | undefined
}

export interface FenceGuardOptions {
  /**
   * Names that are remembered, from 1; default 100000. Beyond that the one that was used longest ago is
   * forgotten, and a name that is not known must then show a token as large as any that was forgotten in its slot:
   * a holder may be refused that need not be, and never the other way round. A lock that is granted anew passes.
   */
  readonly namesMax?: number
  /**
   * Of how many permits the locks are, if they are held with permits: of each lock no more than so many tokens are let
   * in that are not released (C2). Without it such a holder is refused with a `TypeError`.
   */
  readonly permits?: number
}

/** The holder has lost its lock, whatever it believes. */
export class StaleTokenError extends Error {
  static {
    oneClass(StaleTokenError, 'StaleTokenError')
  }

  /** Of the lock. */
  readonly lock: string
  readonly token: number
  readonly mode: HeldMode
  /** The token that shows it. */
  readonly seen: number

  constructor({ name, token, mode = 'exclusive' }: Fence, seen: number) {
    const what = `lock ${JSON.stringify(name)}: the ${mode} token ${token} is older than ${seen}`
    super(
      mode === 'permits'
        ? `${what}, and as many newer ones as there are permits were seen since, or another mode; its holder may have lost the lock`
        : `${what}, which was seen already; its holder has lost the lock`,
    )
    this.name = 'StaleTokenError'
    this.lock = name
    this.token = token
    this.mode = mode
    this.seen = seen
  }

  /** For logs in JSON, which would leave the message out. */
  toJSON(): Pick<StaleTokenError, 'name' | 'message' | 'lock' | 'token' | 'mode' | 'seen'> {
    const { name, message, lock, token, mode, seen } = this
    return { name, message, lock, token, mode, seen }
  }
}

/** The largest token of each mode. Readers overtake one another, and so do those with permits. */
interface Seen {
  readonly exclusive: number
  readonly shared: number
  readonly permits: number
  /** With permits: those that are let in, the smallest first. */
  readonly inside: readonly number[]
  /** With permits: the largest that had to leave for a newer one. */
  readonly left: number
}

const nothing: Seen = { exclusive: 0, shared: 0, permits: 0, inside: [], left: 0 }

export class FenceGuard {
  static {
    oneClass(FenceGuard, 'FenceGuard')
  }

  readonly #namesMax: number
  readonly #permits: number | undefined
  /** In the order of use. */
  readonly #seen = new Map<string, Seen>()
  /** By slot: the largest tokens of all names in it that were forgotten. */
  readonly #forgotten = new Map<number, Seen>()

  constructor(options: FenceGuardOptions = {}) {
    checkKeys('FenceGuard', options, ['namesMax', 'permits'])
    const { namesMax = 100_000, permits } = options
    if (!Number.isSafeInteger(namesMax) || namesMax < 1)
      throw new TypeError(`namesMax must be a whole number from 1, not ${String(namesMax)}`)
    if (permits !== undefined && !(Number.isSafeInteger(permits) && permits >= 1 && permits <= permitsMax))
      throw new TypeError(`permits must be a whole number from 1 to ${permitsMax}, not ${String(permits)}`)
    this.#namesMax = namesMax
    this.#permits = permits
  }

  /**
   * Throws a `StaleTokenError` for an exclusive token below the largest that was seen of this lock, and
   * for a shared one below the largest exclusive one. Otherwise remembers it: what follows in the same
   * turn of the event loop is safe. Takes a `Lock` as it is. With permits: for one that is older than as many that
   * were seen and not released as there are permits.
   */
  check(fence: Fence): void {
    const seen = this.#refusal(fence)
    if (seen !== null) throw new StaleTokenError(fence, seen)
  }

  /** The same as an answer: false where `check` throws. */
  accepts(fence: Fence): boolean {
    return this.#refusal(fence) === null
  }

  /** With permits: the holder has said that it is done, so that another one may come in its place. */
  released({ name, token }: Fence): void {
    const seen = this.#seen.get(name)
    if (seen?.inside.includes(token))
      this.#seen.set(name, { ...seen, inside: seen.inside.filter(each => each !== token) })
  }

  /** The token that is in the way; null if none is, and then this one is remembered. */
  #refusal({ name, token, mode = 'exclusive' }: Fence): number | null {
    checkFence(name, token, mode)
    const before = this.#seen.get(name) ?? this.#forgotten.get(slotOf(name)) ?? nothing
    if (mode === 'permits') return this.#permitsRefusal(name, token, before)
    const { exclusive, shared, permits } = before
    const least = Math.max(exclusive, permits, mode === 'exclusive' ? shared : 0)
    if (token < least) return least
    const inside: readonly number[] = []
    if (mode === 'exclusive') this.#remember(name, { ...before, inside, exclusive: token })
    else this.#remember(name, { ...before, inside, shared: Math.max(shared, token) })
    return null
  }

  /** C2 */
  #permitsRefusal(name: string, token: number, before: Seen): number | null {
    if (this.#permits === undefined)
      throw new TypeError(
        `lock ${JSON.stringify(name)} is held with permits, so its token does not make the holder the only one; say of how many: new FenceGuard({ permits: N })`,
      )
    const { exclusive, shared, inside } = before
    const least = Math.max(exclusive, shared, before.left + 1)
    if (!inside.includes(token) && token < least) return least
    const now = inside.includes(token) ? inside : [...inside, token].sort((a, b) => a - b)
    const [oldest = 0, ...others] = now
    if (now.length <= this.#permits) {
      this.#remember(name, { ...before, inside: now, permits: Math.max(before.permits, token) })
      return null
    }
    // One of them is not held any more; nobody knows which. The newest was granted last.
    if (oldest === token) return others[0] ?? token
    this.#remember(name, {
      ...before,
      inside: others,
      left: oldest,
      permits: Math.max(before.permits, token),
    })
    return null
  }

  #remember(name: string, seen: Seen): void {
    this.#seen.delete(name)
    this.#seen.set(name, seen)
    if (this.#seen.size > this.#namesMax) this.#forgetOldest()
  }

  /**
   * Tokens grow in each slot, in whichever group it is (G3, G8), so what was forgotten there bounds what may come. Across
   * slots they do not: the newest token of one group may be below the oldest of another.
   */
  #forgetOldest(): void {
    for (const [name, seen] of this.#seen) {
      this.#seen.delete(name)
      const slot = slotOf(name)
      this.#forgotten.set(slot, floorOf(this.#forgotten.get(slot) ?? nothing, seen))
      return
    }
  }
}

/** Of names that are forgotten: what a token of any of them must reach. */
function floorOf(before: Seen, { exclusive, shared, permits }: Seen): Seen {
  return {
    exclusive: Math.max(before.exclusive, exclusive),
    shared: Math.max(before.shared, shared),
    permits: Math.max(before.permits, permits),
    inside: [],
    left: Math.max(before.left, permits),
  }
}

function checkFence(name: unknown, token: unknown, mode: unknown): void {
  if (typeof name !== 'string')
    throw new TypeError(`the name of a lock must be a string, not ${String(name)}`)
  if (!Number.isSafeInteger(token) || (token as number) < 1)
    throw new TypeError(`a token must be a whole number from 1, not ${String(token)}`)
  if (mode !== 'exclusive' && mode !== 'shared' && mode !== 'permits')
    throw new TypeError(`mode must be exclusive, shared or permits, not ${String(mode)}`)
}
