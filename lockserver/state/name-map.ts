// A map from lock names. When entries come and go, a Map rebuilds its table again and again and leaves the
// old one behind; once that is in the old generation it keeps alive whatever it held. So the Map holds places
// only, and the values stand beside it, where a deleted one is gone at once. It stays small, too (B1): of very many names
// those that it has no room for stand in parts.

import { NameParts } from './name-parts.ts'

/** An empty map with more room than this gives it back. */
const placesKept = 1_024
/** So many names have a place: a Map takes a few ms to grow to that, and is as fast as any. */
const hereMax = 32_768

export class NameMap<V> {
  readonly #places = new Map<string, number>()
  #values: (V | undefined)[] = []
  #free: number[] = []
  /** Null: there are none. */
  #others: NameParts<V> | null = null

  get size(): number {
    return this.#places.size + (this.#others?.size ?? 0)
  }

  get(name: string): V | undefined {
    return this.#others === null ? this.#here(name) : (this.#others.get(name) ?? this.#here(name))
  }

  #here(name: string): V | undefined {
    const place = this.#places.get(name)
    return place === undefined ? undefined : this.#values[place]
  }

  has(name: string): boolean {
    return (this.#others?.has(name) ?? false) || this.#places.has(name)
  }

  set(name: string, value: V): void {
    if (this.#others?.has(name)) return this.#others.replace(name, value)
    const place = this.#places.get(name)
    if (place === undefined) this.#put(name, value)
    else this.#values[place] = value
  }

  /** For a name that should not be there; false if it was, and is lost. */
  add(name: string, value: V): boolean {
    if (this.#others !== null || this.#places.size >= hereMax) return this.#addToMany(name, value)
    const sizeBefore = this.#places.size
    const place = this.#free.pop() ?? this.#values.length
    this.#values[place] = value
    return this.#places.set(name, place).size > sizeBefore
  }

  #addToMany(name: string, value: V): boolean {
    if (this.#places.has(name)) return false
    if (this.#places.size < hereMax && this.#others?.has(name)) return false
    return this.#put(name, value)
  }

  /** Of one that has no place; false: it was among the others. */
  #put(name: string, value: V): boolean {
    if (this.#places.size >= hereMax) {
      this.#others ??= new NameParts()
      return this.#others.add(name, value)
    }
    const place = this.#free.pop() ?? this.#values.length
    this.#places.set(name, place)
    this.#values[place] = value
    return true
  }

  delete(name: string): void {
    if (this.#others?.delete(name)) {
      if (this.#others.size === 0) this.#others = null
      return
    }
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#places.delete(name)
    if (this.#places.size === 0 && this.#values.length > placesKept) {
      this.#values = []
      this.#free = []
      return
    }
    this.#values[place] = undefined
    this.#free.push(place)
  }

  // ---- by place, so that all are walked once, whatever comes and goes

  /** How many places there are, empty ones included. Behind those of one value each stand the parts. */
  get places(): number {
    return this.#others === null ? this.#values.length : hereMax + this.#others.count
  }

  /** Of a name that is in the map: below `places`. */
  placeOf(name: string): number {
    return this.#places.get(name) ?? hereMax + (this.#others?.numberOf(name) ?? 0)
  }

  /** What stands there. */
  *at(place: number): Generator<V> {
    if (place >= hereMax) return yield* this.#others?.part(place - hereMax).values() ?? []
    const value = this.#values[place]
    if (value !== undefined) yield value
  }

  // ---- all of them: what is there from the beginning of the walk to its end is seen once, and what comes meanwhile may be

  *values(): Generator<V> {
    for (const place of this.#places.values()) yield this.#values[place] as V
    if (this.#others !== null) yield* this.#others.values()
  }

  *keys(): Generator<string> {
    for (const [name] of this) yield name
  }

  *[Symbol.iterator](): Generator<[string, V]> {
    for (const [name, place] of this.#places) yield [name, this.#values[place] as V]
    if (this.#others !== null) yield* this.#others.entries()
  }
}
