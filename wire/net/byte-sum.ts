// A bound on the bytes that many connections hold together (B4): the sum is kept as it changes, and when it
// passes the bound, the largest holder is cut first, until there is some room again. This class knows no
// sockets; it asks how much each one holds.

export interface Holder {
  /** An exempt holder is never cut: others are cut for it. */
  readonly exempt: boolean
}

export class ByteSum<H extends Holder> {
  readonly #max: number
  readonly #now: (holder: H) => number
  readonly #cut: (holder: H) => void
  /** How much each held when last asked; holders of nothing are left out. */
  readonly #held = new Map<H, number>()
  #sum = 0

  /** `now`: how much a holder holds at this moment. */
  constructor(max: number, now: (holder: H) => number, cut: (holder: H) => void) {
    this.#max = max
    this.#now = now
    this.#cut = cut
  }

  get sum(): number {
    return this.#sum
  }

  /** May cut this holder or others. */
  note(holder: H): void {
    this.#set(holder, this.#now(holder))
    if (this.#sum > this.#max) this.#makeRoom()
  }

  forget(holder: H): void {
    this.#set(holder, 0)
  }

  /** For metrics: many holders have less by now than when they were last asked. */
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
