// Who is logged in to the pages of a server (A9), as plain data: by the hash of what a browser shows, for a limited time, and
// a limited number. It draws no key, reads no clock, and does not know what a principal may do.

import { loginIdleMs, loginMs, loginsMax, loginsPerOwnerMax } from '../limits.ts'

interface Login<T> {
  readonly owner: string
  readonly what: T
  readonly begunAt: number
  readonly usedAt: number
}

export class Logins<T> {
  /** By the hash of the key, the one that was not used for the longest time first. */
  readonly #open = new Map<string, Login<T>>()

  /** `owner`: whose it is; one owner pushes out no log-in of another before there are too many in all. */
  begin(hash: string, owner: string, what: T, now: number): void {
    this.#sweep(now)
    const own = [...this.#open].filter(([, login]) => login.owner === owner)
    if (own.length >= loginsPerOwnerMax) this.#dropFirst(own)
    if (this.#open.size >= loginsMax) this.#dropFirst(this.#open)
    this.#open.set(hash, { owner, what, begunAt: now, usedAt: now })
  }

  /** Undefined: there is none, or it has ended. Whoever asks uses it. */
  find(hash: string, now: number): T | undefined {
    const login = this.#open.get(hash)
    if (login === undefined) return undefined
    this.#open.delete(hash)
    if (isOver(login, now)) return undefined
    this.#open.set(hash, { ...login, usedAt: now })
    return login.what
  }

  end(hash: string): void {
    this.#open.delete(hash)
  }

  get size(): number {
    return this.#open.size
  }

  #sweep(now: number): void {
    for (const [hash, login] of this.#open) if (isOver(login, now)) this.#open.delete(hash)
  }

  #dropFirst(logins: Iterable<[string, Login<T>]>): void {
    for (const [hash] of logins) return void this.#open.delete(hash)
  }
}

function isOver({ begunAt, usedAt }: Login<unknown>, now: number): boolean {
  return now - begunAt >= loginMs || now - usedAt >= loginIdleMs
}
