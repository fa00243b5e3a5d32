// Up to which write everything is on the disk, whatever order the disk confirms them in (D1).

export class Confirmed {
  /** Numbers of writes, in order, from the first that is not confirmed. */
  readonly #open: number[] = []
  readonly #done = new Set<number>()
  #told = 0
  #upTo = 0

  expect(number: number): void {
    this.#open.push(number)
  }

  done(numbers: readonly number[]): void {
    for (const number of numbers) this.#done.add(number)
    let next = 0
    while (next < this.#open.length && this.#done.delete(this.#open[next] as number))
      this.#upTo = this.#open[next++] as number
    if (next > 0) this.#open.splice(0, next)
  }

  get level(): boolean {
    return this.#open.length === 0
  }

  /** The last of all that are confirmed, if that is news. */
  take(): number | undefined {
    if (this.#upTo === this.#told) return undefined
    this.#told = this.#upTo
    return this.#upTo
  }
}
