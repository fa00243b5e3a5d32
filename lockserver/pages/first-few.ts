// The first few of many in an order: a heap whose root is the last of them. It keeps no more than that.

export class FirstFew<T> {
  readonly #max: number
  readonly #before: (a: T, b: T) => boolean
  readonly #heap: T[] = []

  constructor(max: number, before: (a: T, b: T) => boolean) {
    this.#max = max
    this.#before = before
  }

  offer(item: T): void {
    if (this.#heap.length < this.#max) {
      this.#heap.push(item)
      this.#rise(this.#heap.length - 1)
    } else if (this.#max > 0 && this.#before(item, this.#heap[0] as T)) {
      this.#heap[0] = item
      this.#sink()
    }
  }

  get items(): T[] {
    return [...this.#heap].sort((a, b) => (this.#before(a, b) ? -1 : 1))
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(this.#heap[parent] as T, this.#heap[at] as T)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      let last = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#before(this.#heap[last] as T, this.#heap[child] as T))
          last = child
      }
      if (last === at) return
      this.#swap(at, last)
      at = last
    }
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a] as T
    this.#heap[a] = this.#heap[b] as T
    this.#heap[b] = kept
  }
}
