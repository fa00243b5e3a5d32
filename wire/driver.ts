// Runs a core, any core: gives it its inputs one after the other with the time, does at its connections what it
// says, and hands the rest to its owner. Both servers and a client's session stand on it. It decides nothing, and
// takes clock, timers and sockets from the runtime that it is given.

import type { Instant } from './clock.ts'
import type { ConnectionEffect, ConnectionInput } from './effects.ts'
import { Links } from './links.ts'
import type { Runtime, Timer } from './runtime.ts'

/** What decides. `Own`: what it asks for besides connections. */
export interface Core<Input, Own> {
  step(input: Input, now: Instant): readonly (ConnectionEffect | Own)[]
}

export interface DriverOwner<Own> {
  /** What came in on a connection; on to `step`. */
  hear(input: ConnectionInput): void
  /** Exhaustive: ends in `unknownEffect`. */
  perform(effect: Own): void
  /** The core, or what it asked for, threw: a dead server is replaced, a wrong one grants twice. */
  broken(error: unknown): void
  /** All inputs that there were are taken, and all effects done. */
  rested?(): void
}

export class Driver<Input, Own extends { readonly do: string }> {
  readonly links: Links
  readonly #runtime: Runtime
  readonly #owner: DriverOwner<Own>
  /** What the core hears at the end of each turn in which it heard anything; null: nothing. */
  readonly #turnEnd: Input | null
  #core: Core<Input, Own>
  #turnEnds = false
  #busy = false
  #over = false
  /** Inputs that came while effects were being done. */
  #waiting: Input[] = []
  #timer: Timer | undefined

  constructor(
    runtime: Runtime,
    core: Core<Input, Own>,
    secret: string | null,
    turnEnd: Input | null,
    owner: DriverOwner<Own>,
  ) {
    this.#runtime = runtime
    this.#core = core
    this.#turnEnd = turnEnd
    this.#owner = owner
    this.links = new Links(runtime, secret, input => owner.hear(input))
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

  /** One turn later: so that it hears first of what had arrived. */
  stepAfterTurn(input: Input): void {
    this.#runtime.afterTurn(() => this.step(input))
  }

  /** Steps with this input each `ms`. Timers run before what waits in the sockets is read; one turn later it has been (V7). */
  every(ms: number, input: Input): void {
    this.#timer = this.#runtime.after(ms, () => {
      this.every(ms, input)
      this.stepAfterTurn(input)
    })
  }

  /** Goes on with another core; what the last one had still to hear or to have done is dropped with it. */
  become(core: Core<Input, Own>): void {
    this.#core = core
    this.#waiting = []
  }

  /** The core hears nothing more. */
  stop(): void {
    this.#over = true
    this.#waiting = []
    this.#runtime.cancel(this.#timer)
  }

  #step(input: Input): void {
    if (this.#over) return
    const core = this.#core
    for (const effect of core.step(input, this.#runtime.now())) {
      if (isOfConnection(effect)) this.links.perform(effect)
      else {
        this.#owner.perform(effect)
        if (this.#over || this.#core !== core) break
      }
    }
    if (this.#turnEnd !== null && input !== this.#turnEnd) this.#planTurnEnd(this.#turnEnd)
  }

  /** What was decided in one turn of the event loop travels together. */
  #planTurnEnd(turnEnd: Input): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.#runtime.afterTurn(() => {
      this.#turnEnds = false
      this.step(turnEnd)
      this.links.flush()
    })
  }
}

function isOfConnection<Own extends { readonly do: string }>(
  effect: ConnectionEffect | Own,
): effect is ConnectionEffect {
  return effect.do === 'send' || effect.do === 'close' || effect.do === 'dial'
}
