// What happens before a search begins, without choice: everything that is sent arrives, in its order;
// when nothing is on its way all tick. As dslabs' `initView`, it leads to an acked view that all know.

import type { Model, Name } from './model.ts'
import type { Happening, State } from './transition.ts'

export class Prelude {
  state: State
  readonly #model: Model

  constructor(model: Model) {
    this.#model = model
    this.state = model.blank()
  }

  /** Makes these happen one after the other, and lets all follow that follows from each. */
  each(what: 'start' | 'kill' | 'call' | 'tick' | 'wake', ...names: Name[]): this {
    for (const name of names) {
      this.#make({ do: what, slot: this.#model.parties.slotOf(name) })
      this.quiet()
    }
    return this
  }

  /** Cuts all connections between two processes. */
  cut(one: Name, two: Name): this {
    const [a, b] = [this.#model.parties.slotOf(one), this.#model.parties.slotOf(two)]
    for (let index = 0; index < this.state.connections.length; index++) {
      const { dialler, acceptor } = this.#model.connections.get(this.state.connections[index] as number)
      const between =
        (dialler.slot === a && acceptor.slot === b) || (dialler.slot === b && acceptor.slot === a)
      if (between) this.#make({ do: 'cut', connection: index })
    }
    return this
  }

  pass(ms: number): this {
    this.#make({ do: 'pass', ms })
    return this
  }

  /** Until nothing is on its way. */
  quiet(): this {
    for (let steps = 0; steps < 10_000; steps++) {
      const next = this.#model.happenings(this.state).find(isDelivery)
      if (next === undefined) return this
      this.#make(next)
    }
    throw new Error('the prelude does not come to rest')
  }

  #make(happening: Happening): void {
    const { state, problem } = this.#model.next(this.state, happening)
    if (problem !== undefined) throw new Error(`the prelude goes wrong: ${problem}`)
    this.state = state
  }
}

function isDelivery(happening: Happening): boolean {
  return (
    happening.do === 'deliver' ||
    happening.do === 'close' ||
    happening.do === 'saved' ||
    happening.do === 'turn-end'
  )
}
