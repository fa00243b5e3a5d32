// Runs any core: gives it its inputs one after the other with the time, does what the core says about its
// connections, and hands the other effects to its owner. Both servers and a client's session use this driver.
// It decides nothing, and takes clock, timers and sockets from the runtime that it is given.

import type { Instant } from '../clock.ts'
import type { ConnectionEffect, ConnectionInput } from '../effects.ts'
import type { Channel } from '../messages.ts'
import { Connections, type Proofs } from './connections.ts'
import type { Runtime, Timer } from './runtime.ts'
import { TurnTime } from './turn-time.ts'

/** The part that decides. `Own`: its effects apart from those of connections. */
export interface Core<Input, Own> {
  step(input: Input, now: Instant): readonly (ConnectionEffect | Own)[]
}

/** `C`: the channels of the core's peers. */
export interface DriverOwner<C extends Channel, Own> {
  /** Takes what came in on a connection and passes it on to `step`. */
  hear(input: ConnectionInput<C>): void
  /** Must be exhaustive and end in `unknownEffect`. */
  perform(effect: Own): void
  /** The core or one of its effects threw: a dead server is replaced, a wrong one grants twice. */
  broken(error: unknown): void
  /** Called when all inputs are taken and all effects done. */
  rested?(): void
}

export class Driver<C extends Channel, Input, Own extends { readonly do: string }> {
  readonly connections: Connections<C>
  /** B1 */
  readonly turn: TurnTime
  readonly #runtime: Runtime
  readonly #owner: DriverOwner<C, Own>
  /** The input that the core gets at the end of each turn in which it got any; null if none. */
  readonly #turnEnd: Input | null
  #core: Core<Input, Own>
  #turnEnds = false
  #busy = false
  #over = false
  /** Inputs that came while the core's effects were being done. */
  #waiting: Input[] = []
  #timer: Timer | undefined

  constructor(
    runtime: Runtime,
    core: Core<Input, Own>,
    proofs: Proofs | null,
    turnEnd: Input | null,
    owner: DriverOwner<C, Own>,
  ) {
    this.#runtime = runtime
    this.#core = core
    this.#turnEnd = turnEnd
    this.#owner = owner
    this.turn = new TurnTime(runtime)
    this.connections = new Connections(runtime, proofs, input => owner.hear(input))
  }

  step(input: Input): void {
    if (this.#busy) {
      if (!this.#over) this.#waiting.push(input)
      return
    }
    this.#busy = true
    try {
      this.#step(input)
      while (this.#waiting.length > 0) this.#step(this.#waiting.shift() as Input)
    } catch (error) {
      this.#owner.broken(error)
    } finally {
      this.#busy = false
    }
    this.#owner.rested?.()
  }

  /** Steps one turn later, so that the core gets first what had arrived. */
  stepAfterTurn(input: Input): void {
    this.#runtime.afterTurn(() => this.step(input))
  }

  /** Steps with this input each `ms`, a turn after its timer: timers run before sockets are read (V7). */
  every(ms: number, input: Input): void {
    this.#timer = this.#runtime.after(ms, () => {
      this.every(ms, input)
      this.stepAfterTurn(input)
    })
  }

  /** Goes on with another core; inputs and effects of the last one that are not done are dropped with it. */
  become(core: Core<Input, Own>): void {
    this.#core = core
    this.#waiting = []
  }

  /** The core gets no more inputs. */
  stop(): void {
    this.#over = true
    this.#waiting = []
    this.#runtime.cancel(this.#timer)
  }

  #step(input: Input): void {
    if (this.#over) return
    // B1: what the core does by itself takes time of its turn, too.
    if (this.#turnEnd !== null) this.turn.open()
    const core = this.#core
    for (const effect of core.step(input, this.#runtime.now())) {
      if (isOfConnection(effect)) this.connections.perform(effect)
      else {
        this.#owner.perform(effect)
        if (this.#over || this.#core !== core) break
      }
    }
    if (this.#turnEnd !== null && input !== this.#turnEnd) this.#planTurnEnd(this.#turnEnd)
  }

  /** Messages that were decided in one turn of the event loop travel together. */
  #planTurnEnd(turnEnd: Input): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.#runtime.afterTurn(() => {
      this.#turnEnds = false
      this.connections.gather(() => this.step(turnEnd))
      this.turn.end()
    })
  }
}

function isOfConnection<Own extends { readonly do: string }>(
  effect: ConnectionEffect | Own,
): effect is ConnectionEffect {
  return effect.do === 'send' || effect.do === 'close' || effect.do === 'dial'
}
