// Random walks through the same states, for what lies deeper than breadth-first comes: from each seed one
// walk, its happenings drawn; then the faults stop, and what can be finished must be finished.

import { type Random, random } from '../fixtures/random.ts'
import type { Found } from './breadth-first.ts'
import type { Model } from './model.ts'
import type { Happening, State } from './transition.ts'

export interface Walked {
  readonly steps: number
  readonly violation: Found | null
  /** All clients are done, or the state was lost by what was allowed. */
  readonly ending: 'done' | 'state lost'
}

/** Rounds of ticks in which everything must come to its end once the faults have stopped. */
const roundsMax = 80

export function walk(model: Model, start: State, seed: number, stepsMax: number): Walked {
  return new Walk(model, start, random(seed)).run(stepsMax)
}

class Walk {
  readonly #model: Model
  readonly #dice: Random
  readonly #path: Happening[] = []
  #state: State
  #problem: string | undefined

  constructor(model: Model, start: State, dice: Random) {
    this.#model = model
    this.#state = start
    this.#dice = dice
  }

  run(stepsMax: number): Walked {
    while (this.#problem === undefined && this.#path.length < stepsMax) {
      const happenings = this.#model.happenings(this.#state)
      if (happenings.length === 0) break
      this.#make(this.#draw(happenings))
    }
    const ending = this.#heal()
    const problem = this.#problem ?? this.#endProblem(ending)
    const violation = problem === undefined ? null : { problem, depth: this.#path.length, path: this.#path }
    return { steps: this.#path.length, violation, ending: ending ?? 'done' }
  }

  /**
   * D4: all disks are back, so no state is lost in a durable cluster; but for one that had not begun on any disk, and of
   * which nothing was shown.
   */
  #endProblem(ending: Walked['ending'] | undefined): string | undefined {
    if (ending === undefined) return 'nothing good happens: somebody waits for ever'
    const { view } = this.#model.checks.histories.get(this.#state.history)
    const young = view === null || (view.start !== null && view.start.choice === null)
    const durable = this.#model.parties.setting.disks !== 'none' && !young
    return durable && ending === 'state lost' ? 'D4: all machines are back, and the state is lost' : undefined
  }

  /** Faults are rarer than what goes well, or nothing would ever be reached. */
  #draw(happenings: readonly Happening[]): Happening {
    const good = happenings.filter(
      ({ do: what }) =>
        what !== 'cut' && what !== 'kill' && what !== 'kill after the write' && what !== 'outage',
    )
    return this.#dice.pick(good.length > 0 && this.#dice.chance(0.95) ? good : happenings)
  }

  #make(happening: Happening): void {
    this.#path.push(happening)
    const { state, problem } = this.#model.next(this.#state, happening)
    this.#state = state
    this.#problem ??= problem
  }

  /** Everything arrives, all tick, the dead start again, time passes. */
  #heal(): Walked['ending'] | undefined {
    for (let round = 0; round < roundsMax && this.#problem === undefined; round++) {
      this.#deliverAll()
      if (this.#isDone()) return 'done'
      for (let slot = this.#model.parties.setting.servers; slot >= 0; slot--) this.#startOrTick(slot)
      this.#make({ do: 'pass', ms: 100 })
    }
    return this.#isLost() ? 'state lost' : undefined
  }

  #deliverAll(): void {
    const goes = new Set(['deliver', 'close', 'saved', 'synced', 'turn-end', 'wake', 'call'])
    for (let steps = 0; steps < 2_000 && this.#problem === undefined; steps++) {
      const next = this.#model.happenings(this.#state).find(({ do: what }) => goes.has(what))
      if (next === undefined) return
      this.#make(next)
    }
  }

  #startOrTick(slot: number): void {
    const local = this.#model.parties.local(this.#state.locals[slot] as number)
    if (local.place !== 'lockserver' && local.place !== 'viewserver') return
    this.#make({ do: local.core === null ? 'start' : 'tick', slot })
    if (slot > 0) this.#deliverAll()
  }

  #isDone(): boolean {
    return this.#state.locals.every((number, slot) => {
      const local = this.#model.parties.local(number)
      return (
        local.place !== 'client' ||
        (local.asked.size === 0 && local.next === this.#model.parties.program(slot).length)
      )
    })
  }

  #isLost(): boolean {
    const local = this.#model.parties.local(this.#state.locals[0] as number)
    return local.place === 'viewserver' && (local.core?.status({ monotonic: 0 }).halted ?? null) !== null
  }
}
