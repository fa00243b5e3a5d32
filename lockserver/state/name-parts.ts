// The names of a map of very many (B1): each part is a Map of its own, which stays small. A name's part goes by its hash, so
// somebody may choose names of one part; what has no room in it goes to other parts, by another hash.

import { mixed, partOf, parts } from '../../wire/parts.ts'

/** So many names stand in one part. */
const namesMax = 16_384

export class NameParts<V> {
  /** Of all parts, those behind them included. */
  size = 0
  readonly #seed: number
  readonly #parts: Map<string, V>[] = Array.from({ length: parts }, () => new Map())
  /** For names whose part is full; null: there are none. */
  #behind: NameParts<V> | null = null

  constructor(seed = 1) {
    this.#seed = seed
  }

  get(name: string): V | undefined {
    const value = this.#partOf(name).get(name)
    return value === undefined && this.#behind !== null ? this.#behind.get(name) : value
  }

  has(name: string): boolean {
    return this.#partOf(name).has(name) || (this.#behind?.has(name) ?? false)
  }

  /** Of one that is here: its value is another one now. */
  replace(name: string, value: V): void {
    const part = this.#partOf(name)
    if (this.#behind === null || part.has(name)) part.set(name, value)
    else this.#behind.replace(name, value)
  }

  /** For a name that should not be here; false if it was, and is lost. */
  add(name: string, value: V): boolean {
    const part = this.#partOf(name)
    const sizeBefore = part.size
    const isNew =
      this.#behind === null && sizeBefore < namesMax
        ? part.set(name, value).size > sizeBefore
        : this.#addToFull(part, name, value)
    if (isNew) this.size++
    return isNew
  }

  #addToFull(part: Map<string, V>, name: string, value: V): boolean {
    if (this.has(name)) return false
    if (part.size < namesMax) part.set(name, value)
    else {
      this.#behind ??= new NameParts(this.#seed + 1)
      this.#behind.add(name, value)
    }
    return true
  }

  delete(name: string): boolean {
    if (!this.#partOf(name).delete(name) && !this.#deleteBehind(name)) return false
    this.size--
    return true
  }

  #deleteBehind(name: string): boolean {
    if (this.#behind === null || !this.#behind.delete(name)) return false
    if (this.#behind.size === 0) this.#behind = null
    return true
  }

  /** How many parts there are, those behind them included. */
  get count(): number {
    return parts + (this.#behind?.count ?? 0)
  }

  /** Which of them has this name, or would have it. */
  numberOf(name: string): number {
    const number = this.#numberOf(name)
    if (this.#behind === null || (this.#parts[number] as Map<string, V>).has(name)) return number
    return parts + this.#behind.numberOf(name)
  }

  part(number: number): ReadonlyMap<string, V> {
    if (number < parts) return this.#parts[number] as Map<string, V>
    return this.#behind?.part(number - parts) ?? none
  }

  *entries(): Generator<[string, V]> {
    for (let number = 0; number < this.count; number++) yield* this.part(number)
  }

  *values(): Generator<V> {
    for (let number = 0; number < this.count; number++)
      for (const value of this.part(number).values()) yield value
  }

  #partOf(name: string): Map<string, V> {
    return this.#parts[this.#numberOf(name)] as Map<string, V>
  }

  #numberOf(name: string): number {
    let hash = this.#seed
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    return partOf(mixed(hash))
  }
}

const none: ReadonlyMap<string, never> = new Map<string, never>()
