// A simulated runtime inside one process, for rehearsals and benchmarks of drivers: sockets in memory, turns
// that run when their owner says so, a clock that hardly moves, timers that never fire. It needs no network
// and leaves nothing behind that would keep a process alive.

import type { Instant } from '../clock.ts'
import { randomId } from '../id.ts'
import { memorySockets } from './memory-socket.ts'
import type { Runtime, Timer } from './runtime.ts'
import type { Socket } from './socket.ts'

interface Listening {
  readonly runtime: MemoryRuntime
  accept(socket: Socket): void
}

/** Which runtime listens at which address; runtimes that share a network reach each other. */
export type MemoryNetwork = Map<string, Listening>

/** Far more than any work needs. */
const roundsMax = 10_000

export class MemoryRuntime implements Runtime {
  readonly #network: MemoryNetwork
  #turns: (() => void)[] = []
  #elapsedMs = 0

  constructor(network: MemoryNetwork) {
    this.#network = network
  }

  listen(address: string, accept: (socket: Socket) => void): void {
    this.#network.set(address, { runtime: this, accept })
  }

  /** Runs all planned turns and those that they plan; false if there were none. */
  run(): boolean {
    if (this.#turns.length === 0) return false
    for (let rounds = 1; this.#turns.length > 0; rounds++) {
      if (rounds > roundsMax) throw new Error('turns that plan turns without end')
      const turns = this.#turns
      this.#turns = []
      for (const turn of turns) turn()
    }
    return true
  }

  /**
   * The clock is slow, so that no lease runs out however slow the machine is. Its values are as large as real
   * times, since tokens are too, and V8 compiles code for numbers of this size.
   */
  now(): Instant {
    const monotonic = this.monotonic()
    return { monotonic, wall: 1_800_000_000_000 + monotonic }
  }

  monotonic(): number {
    this.#elapsedMs += 0.000_1
    return this.#elapsedMs
  }

  after(): Timer {
    return this
  }

  afterQuietly(): Timer {
    return this
  }

  cancel(): void {}

  afterTurn(run: () => void): void {
    this.#turns.push(run)
  }

  chance(): number {
    return 0
  }

  newId(): string {
    return randomId()
  }

  openSocket(address: string): Socket {
    const listening = this.#network.get(address)
    if (listening === undefined) throw new Error(`nothing listens at ${address}`)
    const [dialled, accepted] = memorySockets(this, listening.runtime)
    listening.accept(accepted)
    return dialled
  }
}
