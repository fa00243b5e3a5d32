// B4: answers of queries on their way to their sockets. One whose client must read first keeps no other waiting;
// if too many wait so, the client that waited longest has to go. It sends nothing.

import { answersStuckMax } from '../wire/limits.ts'

export class Telling {
  /** On their way, those that are stuck excepted. */
  #busy = 0
  #stuckCount = 0
  /** How many of each connection; the one that waits longest comes first. */
  readonly #stuck = new Map<number, number>()

  get busy(): number {
    return this.#busy
  }

  begins(): void {
    this.#busy++
  }

  /** An answer waits for its reader. Returns whose reader must go; null: none. */
  stuck(connection: number): number | null {
    this.#lessBusy()
    this.#stuckCount++
    this.#stuck.set(connection, (this.#stuck.get(connection) ?? 0) + 1)
    if (this.#stuckCount <= answersStuckMax) return null
    const [longest = connection] = this.#stuck.keys()
    return longest
  }

  /** It is with its socket, or its connection is over. Those of one connection come in order, the stuck ones first. */
  ends(connection: number): void {
    const stuck = this.#stuck.get(connection)
    if (stuck === undefined) return this.#lessBusy()
    this.#stuckCount--
    if (stuck > 1) this.#stuck.set(connection, stuck - 1)
    else this.#stuck.delete(connection)
  }

  /** What the server told in an earlier part does not count here. */
  #lessBusy(): void {
    if (this.#busy > 0) this.#busy--
  }
}
