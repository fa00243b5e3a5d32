// A bound on the bytes that many hold together (B4): the sum is kept as it changes, and when it is passed whoever
// holds most is cut first, until there is some room again. It knows no sockets; what each holds it asks.

export interface Holder {
  /** Never cut: others would pay for it. */
  readonly exempt: boolean
}

export class ByteSum<H extends Holder> {
  readonly #max: number
  readonly #now: (holder: H) => number
  readonly #cut: (holder: H) => void
  /** As last heard; none with nothing. */
  readonly #held = new Map<H, number>()
  #sum = 0

  /** `now`: what a holder holds, afresh. */
  constructor(max: number, now: (holder: H) => number, cut: (holder: H) => void) {
    this.#max = max
    this.#now = now
    this.#cut = cut
  }

  get sum(): number {
    return this.#sum
  }

  /** May cut this one or others. */
  note(holder: H): void {
    this.#set(holder, this.#now(holder))
    if (this.#sum > this.#max) this.#makeRoom()
  }

  forget(holder: H): void {
    this.#set(holder, 0)
  }

  /** For those who measure: many have less by now than when they were last heard. */
  refresh(): void {
    for (const holder of [...this.#held.keys()]) this.#set(holder, this.#now(holder))
  }

  #set(holder: H, bytes: number): void {
    this.#sum += bytes - (this.#held.get(holder) ?? 0)
    if (bytes > 0) this.#held.set(holder, bytes)
    else this.#held.delete(holder)
  }

  /** B4: an eighth is made free, so that this is not done for each byte. */
  #makeRoom(): void {
    this.refresh()
    if (this.#sum <= this.#max) return
    const largest = [...this.#held].filter(([{ exempt }]) => !exempt).sort(([, a], [, b]) => b - a)
    for (const [holder] of largest) {
      if (this.#sum <= this.#max - this.#max / 8) return
      this.forget(holder)
      this.#cut(holder)
    }
  }
}
