// A runtime inside one process for drivers that rehearse or are measured: sockets in memory, turns that run when
// they are told to, a clock that hardly moves, and timers that never fire. It needs no network and leaves nothing
// behind that would keep a process alive.

import type { Instant } from './clock.ts'
import { randomId } from './id.ts'
import { memorySockets } from './memory-socket.ts'
import type { Runtime, Timer } from './runtime.ts'
import type { Socket } from './socket.ts'

interface Listening {
  readonly runtime: MemoryRuntime
  accept(socket: Socket): void
}

/** Who listens where; runtimes that share one reach each other. */
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

  /** All that was planned, and what that plans; false: there was nothing. */
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

  /** Slow, so that no lease runs out however slow the machine is; of the size of real times, as tokens are: V8 learns that, too. */
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
