// Keeps the view record in its store (E2): what a view core has decided is saved here, and what became of a
// save is found out before anybody is told. Safety is the store's compare-and-set alone, so this needs no
// clock and no mark. One question to the store at a time; it decides no view.

import { groupsIn, isFounding, lastViewOf, type StoredRecord, viewedIn } from './record.ts'
import type { Stored, Trouble } from './stores/store.ts'

export type StoreInput =
  /** The store's answer to `load`. */
  | { readonly is: 'loaded'; readonly stored: Stored | null }
  | { readonly is: 'not loaded'; readonly text: string }
  /** Its answers to `write`. */
  | { readonly is: 'written'; readonly stored: Stored }
  | { readonly is: 'not written'; readonly trouble: Trouble; readonly text: string }
  /** Another may have written. */
  | { readonly is: 'changed' }

export type StoreEffect =
  | { readonly do: 'load' }
  | { readonly do: 'write'; readonly record: StoredRecord; readonly expected: Stored | null }

/** What its owner learns. */
export type Kept =
  /** The record that was given to `save` is durable. */
  | { readonly is: 'saved' }
  /** Another has written a newer record: what was given to `save` is dropped. Null: there is none. */
  | { readonly is: 'found'; readonly record: StoredRecord | null }
  /** E2: the store was put back to an older time, or emptied, or is not this cluster's. */
  | { readonly is: 'halted'; readonly reason: string }
  /** The store is again as it was when this process knew it last. */
  | { readonly is: 'resumed' }

export class Keeping {
  /** Every nonce begins with it; random, new for each process. */
  readonly #self: string
  #saves = 0
  /** What the store held when this process knew it last; undefined before its first answer. */
  #known: Stored | null | undefined
  #wanted: StoredRecord | null = null
  #asking: 'load' | 'write' | null = null
  /** The store is to be read once the present question is answered. */
  #looks = false
  #halted: string | null = null
  /** Why the store does not answer; null when it did. */
  #away: string | null = null
  readonly #effects: StoreEffect[] = []

  /** `known`: what was loaded before; undefined: nothing was. */
  constructor(self: string, known: Stored | null | undefined) {
    this.#self = self
    this.#known = known
  }

  take(): StoreEffect[] {
    return this.#effects.splice(0)
  }

  get record(): StoredRecord | null {
    return this.#known?.record ?? null
  }

  /** The store has answered once. */
  get isRead(): boolean {
    return this.#known !== undefined
  }

  /** It holds what is known, as of after the last time that it was asked to look. */
  get isCurrent(): boolean {
    return this.isRead && !this.#looks && this.#asking === null
  }

  get away(): string | null {
    return this.#away
  }

  get halted(): string | null {
    return this.#halted
  }

  get isSaving(): boolean {
    return this.#wanted !== null
  }

  /** One record at a time (V6). Each gets a nonce, which it keeps however often it is written. */
  save(record: StoredRecord): void {
    if (this.#wanted !== null) throw new Error('broken invariant: E2: two saves at a time')
    this.#saves += 1
    this.#wanted = { ...record, nonce: `${this.#self}-${this.#saves}` }
    this.#ask()
  }

  /** What is being saved is nobody's any more; it may have been written. */
  drop(): void {
    if (this.#wanted === null) return
    this.#wanted = null
    this.#looks = true
    this.#ask()
  }

  /** The store may hold something else than what is known. */
  look(): void {
    this.#looks = true
    this.#ask()
  }

  /** Asks again what failed; without a failure there is nothing to do. */
  tick(): void {
    this.#ask()
  }

  /** Undefined: nothing that its owner need know. */
  heard(input: StoreInput): Kept | undefined {
    switch (input.is) {
      case 'changed':
        return void this.look()
      case 'written':
        this.#answered(null)
        return this.#written(input.stored)
      case 'not written':
        this.#answered(input.trouble === 'away' ? input.text : null)
        // E2: *taken* too is looked into: a repeated save may have been overtaken by itself.
        if (input.trouble !== 'away') this.look()
        return undefined
      case 'not loaded':
        this.#answered(input.text)
        this.#looks = true
        return undefined
      case 'loaded': {
        this.#answered(null)
        const kept = this.#loaded(input.stored)
        this.#ask()
        return kept
      }
    }
  }

  #answered(away: string | null): void {
    this.#asking = null
    this.#away = away
  }

  #written(stored: Stored): Kept | undefined {
    const isWanted = this.#wanted?.nonce === stored.record.nonce
    this.#known = stored
    this.#wanted = null
    this.#ask()
    // Dropped meanwhile: then it is as if another had written it.
    return isWanted ? { is: 'saved' } : { is: 'found', record: stored.record }
  }

  #loaded(stored: Stored | null): Kept | undefined {
    const known = this.#known
    if (this.#halted !== null) return this.#loadedWhileHalted(stored, known ?? null)
    if (known === undefined) {
      this.#known = stored
      return { is: 'found', record: stored?.record ?? null }
    }
    if (isSame(stored, known)) return void this.#sameAgain(stored)
    if (isAdopted(stored, known)) return this.#found(stored)
    const problem = problemOf(stored, known)
    if (problem !== null) return this.#halt(problem)
    if (stored !== null && stored.record.nonce === this.#wanted?.nonce) return this.#written(stored)
    return this.#found(stored)
  }

  #found(stored: Stored | null): Kept {
    this.#known = stored
    this.#wanted = null
    return { is: 'found', record: stored?.record ?? null }
  }

  /** A save that is wanted is not there, and is written again. The version may be another one. */
  #sameAgain(stored: Stored | null): void {
    this.#known = stored
  }

  /** E2: only what was known before, and nothing that follows something else, ends it; or what `adopt` has rebuilt. */
  #loadedWhileHalted(stored: Stored | null, known: Stored | null): Kept | undefined {
    const isSameAgain = isSame(stored, known)
    if (!isSameAgain && !isAdopted(stored, known)) return undefined
    this.#halted = null
    if (!isSameAgain) return this.#found(stored)
    this.#sameAgain(stored)
    return { is: 'resumed' }
  }

  #halt(reason: string): Kept {
    this.#halted = reason
    this.#wanted = null
    return { is: 'halted', reason }
  }

  #ask(): void {
    if (this.#asking !== null) return
    if (this.#looks || this.#known === undefined) return this.#load()
    if (this.#wanted === null || this.#halted !== null) return
    this.#asking = 'write'
    this.#effects.push({ do: 'write', record: this.#wanted, expected: this.#known })
  }

  #load(): void {
    this.#looks = false
    this.#asking = 'load'
    this.#effects.push({ do: 'load' })
  }
}

function isSame(a: Stored | null, b: Stored | null): boolean {
  if (a === null || b === null) return a === b
  return a.record.record === b.record.record && a.record.nonce === b.record.nonce
}

/** E7: `adopt` has rebuilt the record since, and what was known here is in it. */
function isAdopted(found: Stored | null, known: Stored | null): boolean {
  const record = viewedIn(found?.record ?? null)
  if (record === null || known === null || record.adopted === null) return false
  if (isFounding(known.record)) return true
  const { cluster, adopted } = known.record
  return record.adopted !== adopted && record.cluster === cluster && !isBehind(record, known.record)
}

/** E2: why this is no later state of what is known; null if it may be one. */
function problemOf(found: Stored | null, known: Stored | null): string | null {
  if (known === null) return null
  const { record, cluster } = known.record
  const knew = `this view server knew ${named(known.record)}`
  if (found === null) return `the view record is gone; ${knew}`
  if (found.record.cluster !== cluster)
    return `the store holds the record of cluster ${found.record.cluster}, and this view server knew that of ${cluster}`
  const older = `the store holds ${named(found.record)}; ${knew}`
  if (found.record.record < record || isBehind(found.record, known.record)) return older
  return found.record.record === record ? `${older}, and another one of this number` : null
}

/** Of a group it has an older view. */
function isBehind(found: StoredRecord, known: StoredRecord): boolean {
  const groups = Array.from({ length: groupsIn(known) }, (_, group) => group)
  return groups.some(group => lastViewOf(found, group) < lastViewOf(known, group))
}

function named(record: StoredRecord): string {
  const views = Array.from({ length: groupsIn(record) }, (_, group) => lastViewOf(record, group))
  return `record ${record.record} of view ${views.join(', ')}`
}
