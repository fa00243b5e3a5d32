// A map from safe integers, for the tables of the hot path whose entries come and go with every call: it
// makes no garbage, whereas a Map is built again each time that its deleted entries fill it. Its entries have
// no order: callers that need one sort. It stays small (B1): of very many entries those that it has no room for stand in
// parts, each of which is such a map.

import { mixed, partOf, parts } from './parts.ts'

const free = -1
const slotsMin = 4
/** An empty map with more room than this gives it back. */
const slotsKept = 1_024
/** It does not grow beyond these. */
const slotsMax = 65_536
/** Shared by all empty maps: a map with one slot grows before it takes anything. */
const noKeys: number[] = [free]
const noValues: undefined[] = [undefined]

export class NumberMap<V> {
  /** Parts included. */
  size = 0
  #keys = noKeys
  #values: (V | undefined)[] = noValues
  #mask = 0
  /** How far to shift a 32-bit hash right, so that its highest bits make a slot. */
  #shift = 31
  /** With how many slots it begins again once it was empty. */
  #again = slotsMin
  /** Null: there is none. */
  #parts: NumberParts<V> | null = null

  /** The keys are integers from 0. */
  get(key: number): V | undefined {
    const value = this.#values[this.#find(key)]
    return value === undefined && this.#parts !== null ? this.#parts.of(key).get(key) : value
  }

  has(key: number): boolean {
    return this.#keys[this.#find(key)] === key || (this.#parts?.of(key).has(key) ?? false)
  }

  set(key: number, value: V): void {
    let slot = this.#find(key)
    if (this.#keys[slot] === free) {
      if (this.#parts?.of(key).has(key)) return this.#parts.of(key).set(key, value)
      // At most four of five slots are taken, so that a search for a missing key is short.
      if ((++this.size - (this.#parts?.size ?? 0)) * 5 > this.#keys.length * 4) {
        if (this.#keys.length >= slotsMax) return this.#addToPart(key, value)
        this.#grow()
        slot = this.#find(key)
      }
      this.#keys[slot] = key
    }
    this.#values[slot] = value
  }

  #addToPart(key: number, value: V): void {
    this.#parts ??= new NumberParts()
    this.#parts.size++
    this.#parts.of(key).set(key, value)
  }

  /** Removes the entry and returns its value; undefined if it was not there. */
  take(key: number): V | undefined {
    const slot = this.#find(key)
    const isHere = this.#keys[slot] === key
    const value = isHere || this.#parts === null ? this.#values[slot] : this.#parts.of(key).get(key)
    if (isHere) this.#remove(slot)
    else this.#deleteFromPart(key)
    return value
  }

  delete(key: number): boolean {
    const slot = this.#find(key)
    if (this.#keys[slot] !== key) return this.#deleteFromPart(key)
    this.#remove(slot)
    return true
  }

  #deleteFromPart(key: number): boolean {
    if (this.#parts === null || !this.#parts.of(key).delete(key)) return false
    this.size--
    if (--this.#parts.size === 0) this.#parts = null
    if (this.size === 0) this.#giveBack()
    return true
  }

  clear(): void {
    this.#again = slotsMin
    this.#empty()
  }

  #empty(): void {
    this.size = 0
    this.#keys = noKeys
    this.#values = noValues
    this.#mask = 0
    this.#shift = 31
    this.#parts = null
  }

  /** In no order. The map must not change during the walk. */
  *keys(): Generator<number> {
    for (const key of this.#keys) if (key !== free) yield key
    if (this.#parts !== null) for (const part of this.#parts.all) yield* part.keys()
  }

  /** In no order. The map must not change during the walk. */
  *values(): Generator<V> {
    for (let slot = 0; slot < this.#keys.length; slot++)
      if (this.#keys[slot] !== free) yield this.#values[slot] as V
    if (this.#parts !== null) for (const part of this.#parts.all) yield* part.values()
  }

  /** In no order. The map must not change during the walk. */
  *[Symbol.iterator](): Generator<[number, V]> {
    for (let slot = 0; slot < this.#keys.length; slot++)
      if (this.#keys[slot] !== free) yield [this.#keys[slot] as number, this.#values[slot] as V]
    if (this.#parts !== null) for (const part of this.#parts.all) yield* part
  }

  /** The slot where the key is, or would be put. */
  #find(key: number): number {
    const keys = this.#keys
    let slot = this.#home(key)
    while (keys[slot] !== key && keys[slot] !== free) slot = (slot + 1) & this.#mask
    return slot
  }

  /** Consecutive numbers end up far apart (Fibonacci hashing: the high bits are the mixed ones). */
  #home(key: number): number {
    return (Math.imul(key, 0x9e3779b1) >>> this.#shift) & this.#mask
  }

  /** Closes the gap, so that no marks of deleted entries are needed. */
  #remove(slot: number): void {
    if (--this.size === 0 && this.#keys.length > slotsKept) return this.#giveBack()
    const [keys, values, mask] = [this.#keys, this.#values, this.#mask]
    let gap = slot
    for (let next = (gap + 1) & mask; keys[next] !== free; next = (next + 1) & mask) {
      const home = this.#home(keys[next] as number)
      // An entry moves only if its home slot does not lie behind the gap.
      if (((next - home) & mask) < ((next - gap) & mask)) continue
      keys[gap] = keys[next] as number
      values[gap] = values[next]
      gap = next
    }
    keys[gap] = free
    values[gap] = undefined
  }

  /** Where calls come in waves it is empty after each of them: it begins again with what it may keep, and does not grow ten times. */
  #giveBack(): void {
    this.#again = slotsKept
    this.#empty()
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values]
    const slots = Math.max(this.#again, 2 * keys.length)
    this.#keys = Array(slots).fill(free)
    this.#values = Array(slots).fill(undefined)
    this.#mask = slots - 1
    this.#shift = Math.clz32(this.#mask)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number
      if (key === free) continue
      const slot = this.#find(key)
      this.#keys[slot] = key
      this.#values[slot] = values[i]
    }
  }
}

class NumberParts<V> {
  /** Of all of them. */
  size = 0
  readonly all: readonly NumberMap<V>[] = Array.from({ length: parts }, () => new NumberMap())

  of(key: number): NumberMap<V> {
    return this.all[partOf(mixed(key))] as NumberMap<V>
  }
}
