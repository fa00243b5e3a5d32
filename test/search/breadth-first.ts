// Breadth-first over all that may happen: every state once, its invariants checked when it is found, so
// that the first violation is the nearest. Keeps of a visited state only a hash of 64 bits, and which step led to it from which state.

import type { Model } from './model.ts'
import type { Happening, State } from './transition.ts'

export interface Limits {
  readonly statesMax: number
  readonly depthMax: number
  readonly msMax: number
}

export interface Found {
  readonly problem: string
  readonly depth: number
  /** From the start. */
  readonly path: readonly Happening[]
}

export interface Outcome {
  readonly states: number
  readonly transitions: number
  readonly depth: number
  readonly ms: number
  /** Every state within the search's freedom was visited. */
  readonly exhausted: boolean
  readonly violation: Found | null
  /** The nearest state that is a goal, if one was asked for. */
  readonly goal: Found | null
}

export interface Aims {
  /** Something good that must be found; the search ends there. */
  readonly goal?: (state: State) => boolean
  /** What follows such a state is not looked at. */
  readonly prune?: (state: State) => boolean
}

export function breadthFirst(model: Model, start: State, aims: Aims, limits: Limits): Outcome {
  const search = new BreadthFirst(model, start, aims, limits)
  return search.run()
}

class BreadthFirst {
  readonly #model: Model
  readonly #start: State
  readonly #aims: Aims
  readonly #limits: Limits
  readonly #visited = new Hashes()
  /** By state: the state that led to it, and which of that one's happenings did. */
  readonly #cameFrom: number[] = []
  readonly #by: number[] = []
  #transitions = 0
  #depth = 0

  constructor(model: Model, start: State, aims: Aims, limits: Limits) {
    this.#model = model
    this.#start = start
    this.#aims = aims
    this.#limits = limits
  }

  run(): Outcome {
    const begin = performance.now()
    const end = begin + this.#limits.msMax
    this.#visited.add(this.#start)
    this.#remember(-1, 0)
    let level: { index: number; state: State }[] = [{ index: 0, state: this.#start }]
    const result = (exhausted: boolean, violation: Found | null, goal: Found | null): Outcome => ({
      states: this.#cameFrom.length,
      transitions: this.#transitions,
      depth: this.#depth,
      ms: Math.round(performance.now() - begin),
      exhausted,
      violation,
      goal,
    })
    while (level.length > 0) {
      if (this.#depth >= this.#limits.depthMax) return result(false, null, null)
      this.#depth++
      const next: { index: number; state: State }[] = []
      for (const { index, state } of level) {
        const happenings = this.#model.happenings(state)
        for (let by = 0; by < happenings.length; by++) {
          const found = this.#model.next(state, happenings[by] as Happening)
          this.#transitions++
          if (found.problem !== undefined) return result(false, this.#found(index, by, found.problem), null)
          if (!this.#visited.add(found.state)) continue
          if (this.#aims.goal?.(found.state)) return result(false, null, this.#found(index, by, 'goal'))
          const number = this.#remember(index, by)
          if (!this.#aims.prune?.(found.state)) next.push({ index: number, state: found.state })
        }
        if (this.#cameFrom.length >= this.#limits.statesMax || performance.now() > end)
          return result(false, null, null)
      }
      level = next
    }
    return result(true, null, null)
  }

  #remember(from: number, by: number): number {
    this.#by.push(by)
    return this.#cameFrom.push(from) - 1
  }

  /** The way there, walked again from the start. */
  #found(last: number, by: number, problem: string): Found {
    const steps = [by]
    for (let at = last; at > 0; at = this.#cameFrom[at] as number) steps.unshift(this.#by[at] as number)
    const path: Happening[] = []
    let state = this.#start
    for (const step of steps) {
      const happening = this.#model.happenings(state)[step] as Happening
      path.push(happening)
      state = this.#model.next(state, happening).state
    }
    return { problem, depth: steps.length, path }
  }
}

/** A set of 64-bit hashes of states, in two numbers each; grows by doubling. */
class Hashes {
  #low = new Uint32Array(1 << 16)
  #high = new Uint32Array(1 << 16)
  #size = 0

  /** False if it was in it already. */
  add(state: State): boolean {
    const [low, high] = hashOf(state)
    if (!this.#put(low, high)) return false
    if (++this.#size * 2 > this.#low.length) this.#grow()
    return true
  }

  #put(low: number, high: number): boolean {
    const mask = this.#low.length - 1
    let at = (low ^ (high >>> 7)) & mask
    while (this.#low[at] !== 0 || this.#high[at] !== 0) {
      if (this.#low[at] === low && this.#high[at] === high) return false
      at = (at + 1) & mask
    }
    this.#low[at] = low
    this.#high[at] = high
    return true
  }

  #grow(): void {
    const [low, high] = [this.#low, this.#high]
    this.#low = new Uint32Array(low.length * 2)
    this.#high = new Uint32Array(low.length * 2)
    for (let i = 0; i < low.length; i++)
      if (low[i] !== 0 || high[i] !== 0) this.#put(low[i] as number, high[i] as number)
  }
}

function hashOf({ clock, history, used, locals, connections }: State): [number, number] {
  let [low, high] = [0x5eadbeef, 0x41c6ce57]
  const fold = (value: number) => {
    low = Math.imul(low ^ value, 2654435761)
    low ^= low >>> 15
    high = Math.imul(high ^ value, 1597334677)
    high ^= high >>> 13
  }
  fold(clock)
  fold(history)
  for (const value of used) fold(value)
  for (const value of locals) fold(value)
  for (const value of connections) fold(value)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  // 0, 0 marks an empty place.
  return [low >>> 0 || 1, high >>> 0]
}
