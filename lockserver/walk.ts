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
  /** As the table gives them: each that is there all the time, and of those that come, some. */
  readonly #locks: Iterator<LockEntry>
  /** Those that have come in the meantime. */
  readonly #came = new Set<LockEntry>()
  #found: LockEntry[] = []
  /** How many holds and waits they have, or had when they were found. */
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
      else if (isIn(this.scope, value) && !this.#came.has(value)) {
        this.#found.push(value)
        this.#size += sizeOf(value)
      }
    }
    // Where locks come and go, much of what was counted may be gone.
    if (this.#isOver) this.#recount()
    return this.#isOver
  }

  /** The table has one more, just now. */
  comes(lock: LockEntry): void {
    if (!isIn(this.scope, lock)) return
    this.#came.add(lock)
    this.#size++
  }

  #recount(): void {
    this.#found = this.#found.filter(lock => lock.inUse)
    for (const lock of this.#came) if (!lock.inUse) this.#came.delete(lock)
    this.#size = 0
    for (const lock of this.found()) this.#size += sizeOf(lock)
  }

  get #isOver(): boolean {
    return this.#sawAll || this.#size > queryMax
  }

  /** In the turn in which all are found: those that are there. */
  *found(): Generator<LockEntry> {
    yield* this.#found
    yield* this.#came
  }
}

function sizeOf({ held, waiters }: LockEntry): number {
  return held + waiters
}

function isIn({ prefix, only }: Scope, { name }: LockEntry): boolean {
  return name.startsWith(prefix) && (only === null || startsWithAny(name, only))
}
