// What happens before a search begins, without choice: everything that is sent arrives, in its order;
// when nothing is on its way all tick. As dslabs' `initView`, it leads to an acked view that all know.

import type { Model, Name } from './model.ts'
import type { Happening, State } from './transition.ts'

export class Prelude {
  state: State
  readonly #model: Model
  readonly #held: [number, number][] = []

  constructor(model: Model) {
    this.#model = model
    this.state = model.blank()
  }

  /** Makes these happen one after the other, and lets all follow that follows from each. */
  each(what: 'start' | 'kill' | 'call' | 'tick' | 'wake' | 'reads', ...names: Name[]): this {
    for (const name of names) {
      this.#make({ do: what, slot: this.#model.parties.slotOf(name) })
      this.quiet()
    }
    return this
  }

  /** Makes this happen; what follows from it is left to the search. */
  suddenly(what: 'kill' | 'tick', name: Name): this {
    this.#make({ do: what, slot: this.#model.parties.slotOf(name) })
    return this
  }

  /** Cuts all connections between two processes. */
  cut(one: Name, two: Name): this {
    const [a, b] = [this.#model.parties.slotOf(one), this.#model.parties.slotOf(two)]
    for (let index = 0; index < this.state.connections.length; index++) {
      const { dialler, acceptor } = this.#model.connections.get(this.state.connections[index] as number)
      if (isBetween(a, b, dialler.slot, acceptor.slot)) this.#make({ do: 'cut', connection: index })
    }
    return this
  }

  /** The power of all machines fails; what was not synced is gone. */
  outage(): this {
    this.#make({ do: 'outage', keeps: [], spares: null, burns: null, rots: null })
    return this.quiet()
  }

  pass(ms: number): this {
    this.#make({ do: 'pass', ms })
    return this
  }

  /** What is sent between these two stays on its way, from now on and into the search. */
  holding(one: Name, two: Name): this {
    this.#held.push([this.#model.parties.slotOf(one), this.#model.parties.slotOf(two)])
    return this
  }

  /** Of what is held between these two, so much arrives. */
  arrives(one: Name, two: Name, times: number): this {
    const [a, b] = [this.#model.parties.slotOf(one), this.#model.parties.slotOf(two)]
    for (let left = times; left > 0; left--) {
      const next = this.#model.happenings(this.state).find(happening => this.#isBetween(happening, a, b))
      if (next === undefined) throw new Error(`nothing is on its way between ${one} and ${two}`)
      this.#make(next)
    }
    return this.quiet()
  }

  /** This one learns that its connections with the other, which died, are closed; what is held on them is lost. */
  loses(one: Name, two: Name): this {
    const [a, b] = [this.#model.parties.slotOf(one), this.#model.parties.slotOf(two)]
    const closes = (happening: Happening) => happening.do === 'close' && this.#isBetween(happening, a, b)
    const next = this.#model.happenings(this.state).find(closes)
    if (next === undefined) throw new Error(`no connection between ${one} and ${two} is closed`)
    this.#make(next)
    return this.quiet()
  }

  /** Until nothing is on its way. */
  quiet(): this {
    for (let steps = 0; steps < 10_000; steps++) {
      const next = this.#model.happenings(this.state).find(happening => this.#arrives(happening))
      if (next === undefined) return this
      this.#make(next)
    }
    throw new Error('the prelude does not come to rest')
  }

  #arrives(happening: Happening): boolean {
    if (happening.do !== 'deliver' && happening.do !== 'close')
      return happening.do === 'saved' || happening.do === 'turn-end' || happening.do === 'synced'
    return !this.#held.some(([a, b]) => this.#isBetween(happening, a, b))
  }

  #isBetween(happening: Happening, a: number, b: number): boolean {
    if (happening.do !== 'deliver' && happening.do !== 'close') return false
    const number = this.state.connections[happening.connection] as number
    const { dialler, acceptor } = this.#model.connections.get(number)
    return isBetween(a, b, dialler.slot, acceptor.slot)
  }

  #make(happening: Happening): void {
    const { state, problem } = this.#model.next(this.state, happening)
    if (problem !== undefined) throw new Error(`the prelude goes wrong: ${problem}`)
    this.state = state
  }
}

function isBetween(a: number, b: number, one: number, two: number): boolean {
  return (a === one && b === two) || (a === two && b === one)
}
