// G8: how much of a state is in use in each slot: locks that are held, kept or waited for, the later names of those that
// wait for several, and keys that run or are remembered. Counted once, in shares, and from then on kept with each change,
// so that an empty slot is found without a walk. It is derived from the state and no part of it (R4).

import { slotOf, slotsMax } from '../../wire/slots.ts'
import type { Acquire, LockEntry } from './lock.ts'
import type { NameMap } from './name-map.ts'
import type { OnceName } from './onces.ts'

/** All of a map is counted. */
const whole = Number.MAX_SAFE_INTEGER

export class SlotUse {
  readonly #locks: NameMap<LockEntry>
  readonly #keys: NameMap<OnceName>
  readonly #counts: number[] = Array.from({ length: slotsMax }, () => 0)
  /** What stands before these places is counted; whatever comes to a place behind them will be. */
  #locksTo = 0
  #keysTo = 0

  constructor(locks: NameMap<LockEntry>, keys: NameMap<OnceName>) {
    this.#locks = locks
    this.#keys = keys
  }

  get isWhole(): boolean {
    return this.#locksTo === whole && this.#keysTo === whole
  }

  /** B2: counts so many more. */
  count(most: number): void {
    let left = most
    for (; left > 0 && this.#locksTo < this.#locks.places; this.#locksTo++) {
      left--
      for (const lock of this.#locks.at(this.#locksTo)) left -= this.#addLock(lock)
    }
    if (this.#locksTo >= this.#locks.places) this.#locksTo = whole
    for (; left > 0 && this.#keysTo < this.#keys.places; this.#keysTo++) {
      left--
      for (const { keys } of this.#keys.at(this.#keysTo)) left -= this.#addKeys(keys)
    }
    if (left > 0 && this.#keysTo >= this.#keys.places) this.#keysTo = whole
  }

  /** Returns the work that it was. */
  #addLock(lock: LockEntry): number {
    this.#add(lock.name, 1)
    let work = 1
    if (lock.waiters > 0)
      for (const acquire of lock.queue) {
        this.#addLater(acquire, 1)
        work += acquire.names.length
      }
    return work
  }

  /** Likewise. */
  #addKeys(keys: OnceName['keys']): number {
    const [first] = keys.values()
    if (first !== undefined) this.#add(first.name, keys.size)
    return 1
  }

  inUse(slot: number): boolean {
    return this.#counts[slot] !== 0
  }

  // ---- changes

  /** A lock comes into use, while `by` is 1; or it goes out of use, and is still in its map. */
  lock(name: string, by: 1 | -1): void {
    if (this.#isCounted(name)) this.#add(name, by)
  }

  /** An acquire begins or ceases to wait for this lock: it may want others later. */
  waiter(lock: LockEntry, acquire: Acquire, by: 1 | -1): void {
    if (acquire.names.length > 1 && this.#isCounted(lock.name)) this.#addLater(acquire, by)
  }

  /** A key has come; or it goes, and is still in its map. */
  key(name: string, by: 1 | -1): void {
    if (this.#keys.placeOf(name) < this.#keysTo) this.#add(name, by)
  }

  #isCounted(name: string): boolean {
    return this.#locks.placeOf(name) < this.#locksTo
  }

  #addLater({ names, tokens }: Acquire, by: 1 | -1): void {
    for (let i = tokens.length + 1; i < names.length; i++) this.#add(names[i] as string, by)
  }

  #add(name: string, by: number): void {
    const slot = slotOf(name)
    this.#counts[slot] = (this.#counts[slot] as number) + by
  }

  /** What is counted wrong; undefined: nothing. For a state's own check (R4). */
  problem(): string | undefined {
    if (!this.isWhole) return undefined
    const again = new SlotUse(this.#locks, this.#keys)
    while (!again.isWhole) again.count(slotsMax)
    const slot = this.#counts.findIndex((count, i) => count !== again.#counts[i])
    return slot < 0
      ? undefined
      : `G8: in slot ${slot} ${this.#counts[slot]} are counted, not ${again.#counts[slot]}`
  }
}
