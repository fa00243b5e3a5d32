// Finds the locks of a list a share at a time, since there may be a million of them (B1). Meanwhile the table goes on: a
// lock that comes is found too, and one that is gone is left out at the end. So the list that is made when all are found
// shows one moment, the last. It reads only, and makes no list.

import { startsWithAny } from '../wire/access/principal.ts'
import { queryMax } from '../wire/limits.ts'
import type { LockEntry } from './state/lock.ts'

/** Which locks a list is of. */
export interface Scope {
  readonly prefix: string
  /** A2: those alone that begin with one of these; null: all. */
  readonly only: readonly string[] | null
}

export class Walk {
  readonly scope: Scope
  /** As the table gives them, which goes on with what comes. */
  readonly #locks: Iterator<LockEntry>
  readonly #found: LockEntry[] = []
  /** How many holds and waits they had. */
  #size = 0
  /** There are no others. */
  #sawAll = false

  constructor(scope: Scope, locks: Iterable<LockEntry>) {
    this.scope = scope
    this.#locks = locks[Symbol.iterator]()
  }

  get sawAll(): boolean {
    return this.#sawAll
  }

  /** Looks at so many more; true: all are found, or more than a list has room for. */
  goOn(most: number): boolean {
    for (let left = most; left > 0 && !this.#isOver; left--) {
      const { done, value } = this.#locks.next()
      if (done) this.#sawAll = true
      else if (isIn(this.scope, value)) {
        this.#found.push(value)
        this.#size += value.held + value.waiters
      }
    }
    return this.#isOver
  }

  get #isOver(): boolean {
    return this.#sawAll || this.#size > queryMax
  }

  /** Those that are still there, in the order of the table. */
  *found(): Generator<LockEntry> {
    for (const lock of this.#found) if (lock.inUse) yield lock
  }
}

function isIn({ prefix, only }: Scope, { name }: LockEntry): boolean {
  return name.startsWith(prefix) && (only === null || startsWithAny(name, only))
}
