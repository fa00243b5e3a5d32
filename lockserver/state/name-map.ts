// A map from lock names. When entries come and go, a Map rebuilds its table again and again and leaves the
// old one behind; once that is in the old generation it keeps alive whatever it held. So the Map holds places
// only, and the values stand beside it, where a deleted one is gone at once.

/** An empty map with more room than this gives it back. */
const placesKept = 1_024

export class NameMap<V> {
  readonly #places = new Map<string, number>()
  #values: (V | undefined)[] = []
  #free: number[] = []

  get size(): number {
    return this.#places.size
  }

  get(name: string): V | undefined {
    const place = this.#places.get(name)
    return place === undefined ? undefined : this.#values[place]
  }

  /** Of a name that is in the map: below `places`. */
  placeOf(name: string): number {
    return this.#places.get(name) ?? this.#values.length
  }

  /** How many places there are, empty ones included; walked by number, they are walked once, whatever comes and goes. */
  get places(): number {
    return this.#values.length
  }

  at(place: number): V | undefined {
    return this.#values[place]
  }

  has(name: string): boolean {
    return this.#places.has(name)
  }

  set(name: string, value: V): void {
    const place = this.#places.get(name) ?? this.#free.pop() ?? this.#values.length
    this.#places.set(name, place)
    this.#values[place] = value
  }

  /** For a name that should not be there, without a look-up first; false if it was, and is lost. */
  add(name: string, value: V): boolean {
    const sizeBefore = this.size
    const place = this.#free.pop() ?? this.#values.length
    this.#values[place] = value
    return this.#places.set(name, place).size > sizeBefore
  }

  delete(name: string): void {
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#places.delete(name)
    if (this.size === 0 && this.#values.length > placesKept) {
      this.#values = []
      this.#free = []
      return
    }
    this.#values[place] = undefined
    this.#free.push(place)
  }

  /** The values in the order in which their names were first set; the map may change, as with a Map. */
  *values(): Generator<V> {
    for (const place of this.#places.values()) yield this.#values[place] as V
  }

  keys(): IterableIterator<string> {
    return this.#places.keys()
  }

  *[Symbol.iterator](): Generator<[string, V]> {
    for (const [name, place] of this.#places) yield [name, this.#values[place] as V]
  }
}
