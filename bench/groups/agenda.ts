// Who is next in a simulation: a heap of times. A time that no longer holds may stand in it; whoever takes it looks.

export class Agenda<T> {
  readonly #heap: { readonly at: number; readonly who: T }[] = []

  plan(at: number, who: T): void {
    const heap = this.#heap
    let place = heap.push({ at, who }) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      if (this.#at(above) <= at) return
      this.#swap(place, above)
      place = above
    }
  }

  /** The earliest; undefined: nothing is planned. */
  take(): { readonly at: number; readonly who: T } | undefined {
    const [first] = this.#heap
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    this.#heap[0] = last
    this.#sink()
    return first
  }

  #sink(): void {
    for (let place = 0; ; ) {
      const below = 2 * place + 1
      const least = this.#at(below + 1) < this.#at(below) ? below + 1 : below
      if (this.#at(place) <= this.#at(least)) return
      this.#swap(place, least)
      place = least
    }
  }

  #at(place: number): number {
    return this.#heap[place]?.at ?? Number.POSITIVE_INFINITY
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]]
    if (one === undefined || other === undefined) return
    this.#heap[a] = other
    this.#heap[b] = one
  }
}
