// The keys that run once (C5): by name and key, who runs it or ran it last, and who waits with that key. It
// grants nothing and knows no clock; lock-table.ts decides, and an operation of the primary forgets a key.

import type { DoneRecord } from '../../wire/messages.ts'
import type { Acquire } from './lock.ts'
import { NameMap } from './name-map.ts'
import type { Owner } from './owners.ts'
import { onceBytes } from './tally.ts'

export interface OnceKey {
  readonly name: string
  readonly key: string
  readonly token: number
  readonly clientId: string
  readonly clientName: string
  /** Wall clock of the operations in ms, for display only. */
  readonly grantedAt: number
  /** When its holder was gone; null before. */
  endedAt: number | null
  /** Its hold is there, be it kept for no client (C3): it is not forgotten. */
  running: boolean
  readonly keepMs: number
  /** Whose quotas it takes from (B7). */
  readonly owner: Owner | null
  /** The last snapshot that it went into, or came after (R3). */
  copied: number
}

export interface OnceName {
  readonly keys: Map<string, OnceKey>
  /** By key, acquires that wait in the queue of this name, in its order. */
  readonly waiting: Map<string, Set<Acquire>>
}

const none: readonly never[] = []

export class Onces {
  readonly #names = new NameMap<OnceName>()
  /** Keys of all names. */
  size = 0

  get names(): NameMap<OnceName> {
    return this.#names
  }

  get(name: string, key: string): OnceKey | undefined {
    return this.#names.get(name)?.keys.get(key)
  }

  /** How many keys of this name run or are kept. */
  sizeOf(name: string): number {
    return this.#names.get(name)?.keys.size ?? 0
  }

  add(key: OnceKey): void {
    this.#name(key.name).keys.set(key.key, key)
    this.size++
    key.owner?.key(onceBytes(key), 1)
  }

  delete(key: OnceKey): void {
    const name = this.#names.get(key.name)
    if (!name?.keys.delete(key.key)) return
    this.size--
    key.owner?.key(onceBytes(key), -1)
    this.#forgetEmpty(key.name, name)
  }

  /** In the order in which names and keys came; both may change in the meantime. */
  *each(): Generator<OnceKey, void, void> {
    for (const { keys } of this.#names.values()) yield* keys.values()
  }

  // ---- who waits

  wait(acquire: Acquire): void {
    const { key, name } = keyOf(acquire)
    if (key === undefined) return
    const { waiting } = this.#name(name)
    const waiters = waiting.get(key)
    if (waiters === undefined) waiting.set(key, new Set([acquire]))
    else waiters.add(acquire)
  }

  /** Waits no longer. */
  leave(acquire: Acquire): void {
    const { key, name } = keyOf(acquire)
    const known = key === undefined ? undefined : this.#names.get(name)
    if (key === undefined || known === undefined) return
    const waiters = known.waiting.get(key)
    waiters?.delete(acquire)
    if (waiters?.size === 0) known.waiting.delete(key)
    this.#forgetEmpty(name, known)
  }

  waitersOf(name: string, key: string): Iterable<Acquire> {
    return this.#names.get(name)?.waiting.get(key) ?? none
  }

  #name(name: string): OnceName {
    let known = this.#names.get(name)
    if (known === undefined) {
      known = { keys: new Map(), waiting: new Map() }
      this.#names.set(name, known)
    }
    return known
  }

  #forgetEmpty(name: string, { keys, waiting }: OnceName): void {
    if (keys.size === 0 && waiting.size === 0) this.#names.delete(name)
  }
}

/** A key goes with a single name. */
function keyOf({ claim, names }: Acquire): { key: string | undefined; name: string } {
  return { key: claim.terms?.once?.key, name: names[0] as string }
}

export function doneOf({ token, clientId, clientName, grantedAt, endedAt }: OnceKey): DoneRecord {
  return { token, clientId, clientName, grantedAt, endedAt }
}
