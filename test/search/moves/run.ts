// The searches of slots that move: breadth-first over what may happen, and random walks behind that. From some of the
// states the world is left alone: then no slot is under way any more, and each is served by exactly one group.

import { createHash } from 'node:crypto'
import type { firstMap } from '../../../wire/slots.ts'
import { random } from '../../fixtures/random.ts'
import { copyOf, loadCores, textOf } from '../plain.ts'
import type { Report } from '../run.ts'
import type { Freedom, Happening, Parts, SlotWorld } from './world.ts'

export interface MoveSearch {
  readonly name: string
  readonly about: string
  readonly freedom: Freedom
  /** States in the short form, and in the long one. */
  readonly short: number
  readonly statesMax: number
}

const none = { kills: 0, deposes: 0, forgets: 0, lateMaps: 0, acquires: 0, wishes: [2] }

export const moveSearches: readonly MoveSearch[] = [
  {
    name: 'a slot moves',
    about: 'and its lock is taken and given back, at any step',
    ...{ short: 1_500, statesMax: 100_000, freedom: { ...none, acquires: 2 } },
  },
  {
    name: 'deaths while it moves',
    about: 'any two servers die at any two steps; then a reset, too',
    ...{ short: 1_500, statesMax: 100_000, freedom: { ...none, kills: 2, acquires: 1 } },
  },
  {
    name: 'late words while it moves',
    about: 'a primary is deposed and does not know, reports and maps come late, the view server forgets',
    ...{
      short: 1_500,
      statesMax: 100_000,
      freedom: { ...none, deposes: 1, forgets: 1, lateMaps: 1, kills: 1 },
    },
  },
  {
    name: 'there and back',
    about: 'the slot goes back at once, and there again',
    ...{
      short: 1_500,
      statesMax: 100_000,
      freedom: { ...none, kills: 1, acquires: 1, lateMaps: 1, wishes: [2, 1, 2] },
    },
  },
]

/** One state of so many is left alone, to see whether all comes right. */
const leftAlone = 10
const walks = { short: 200, long: 5_000 }
const walkLength = 80
const settledWithin = 400

export async function searchMoves(search: MoveSearch, short: boolean, most?: number): Promise<Report> {
  const begin = performance.now()
  await loadCores(true)
  const small = async (file: string) => await import(new URL(`${file}?plain-small`, import.meta.url).href)
  const [state, leaving, level, moves, slots, world] = [
    await small('../../../lockserver/state/state.js'),
    await small('../../../lockserver/slot-moves.js'),
    await small('../../../lockserver/levelling.js'),
    await small('../../../viewservice/moves.js'),
    await small('../../../wire/slots.js'),
    await small('world.js'),
  ]
  const parts: Parts = { ...state, ...leaving, ...level, ...moves, ...slots }
  const { SlotWorld: Around } = world as { SlotWorld: typeof SlotWorld }
  const first = (slots as { firstMap: typeof firstMap }).firstMap(1)
  const searched = new Search(search, parts, new Around(parts, first))
  const found = searched.run(
    most ?? (short ? search.short : search.statesMax),
    short ? walks.short : walks.long,
  )
  return { name: search.name, goal: null, ...found, ms: Math.round(performance.now() - begin) }
}

type Found = Omit<Report, 'name' | 'goal' | 'ms'>

class Search {
  readonly #search: MoveSearch
  readonly #parts: Parts
  readonly #start: SlotWorld
  readonly #visited = new Set<string>()
  /** By state: where it came from, and by what. */
  readonly #from: { readonly state: number; readonly by: Happening | null }[] = [{ state: 0, by: null }]
  #steps = 0
  #depth = 0

  constructor(search: MoveSearch, parts: Parts, start: SlotWorld) {
    this.#search = search
    this.#parts = parts
    this.#start = start
  }

  run(statesMax: number, walks: number): Found {
    const found = this.#breadthFirst(statesMax)
    return found.violation === null && !found.exhausted ? (this.#walks(walks) ?? found) : found
  }

  #happenings(world: SlotWorld): Happening[] {
    return world.happenings(this.#search.freedom, this.#parts)
  }

  #breadthFirst(statesMax: number): Found {
    let level = [{ number: 0, world: this.#start }]
    while (level.length > 0) {
      this.#depth++
      const next: typeof level = []
      for (const { number, world } of level)
        for (const happening of this.#happenings(world)) {
          const after = this.#after(world, happening)
          if (!this.#isNew(after)) continue
          const found = this.#from.push({ state: number, by: happening }) - 1
          const problem = after.problem ?? (found % leftAlone === 0 ? this.#alone(after) : undefined)
          if (problem !== undefined) return this.#report(false, problem, this.#pathTo(found))
          next.push({ number: found, world: after })
          if (this.#from.length >= statesMax) return this.#report(false, null, [])
        }
      level = next
    }
    return this.#report(true, null, [])
  }

  /** What lies deeper than all that was visited. */
  #walks(times: number): Found | undefined {
    for (let seed = 1; seed <= times; seed++) {
      const dice = random(seed)
      let world = this.#start
      const path = [`      walk ${seed}`]
      for (let left = walkLength; left > 0 && world.problem === undefined; left--) {
        const happenings = this.#happenings(world)
        if (happenings.length === 0) break
        const happening = dice.pick(happenings)
        path.push(textOfHappening(happening))
        world = this.#after(world, happening)
      }
      const problem = world.problem ?? this.#alone(world)
      if (problem !== undefined) return this.#report(false, problem, path)
    }
    return undefined
  }

  #after(world: SlotWorld, happening: Happening): SlotWorld {
    const after = copyOf(world)
    after.make(happening, this.#parts)
    this.#steps++
    return after
  }

  /** Nothing more befalls it; clients let go of what they hold. */
  #alone(after: SlotWorld): string | undefined {
    const world = copyOf(after)
    const calm: Freedom = { ...none, wishes: this.#search.freedom.wishes.slice(0, world.used.wishes) }
    for (let left = settledWithin; left > 0; left--) {
      const [next] = world.happenings(calm, this.#parts)
      if (next === undefined) break
      world.make(next, this.#parts)
      if (world.problem !== undefined) return `left alone: ${world.problem}`
    }
    if (world.map.moves.length > 0) return 'G8: left alone, a slot is under way for ever'
    if (world.used.wishes === 0) return undefined
    for (const slot of [0, 1])
      if (world.serving(slot).length !== 1)
        return `G8: left alone, slot ${slot} is served by ${world.serving(slot).length} groups`
    return undefined
  }

  #isNew(world: SlotWorld): boolean {
    const print = createHash('md5').update(textOf(world)).digest('base64')
    if (this.#visited.has(print)) return false
    this.#visited.add(print)
    return true
  }

  #pathTo(last: number): string[] {
    const path: string[] = []
    for (let at = last; at > 0; at = this.#from[at]?.state ?? 0)
      path.unshift(textOfHappening(this.#from[at]?.by ?? null))
    return path
  }

  #report(exhausted: boolean, problem: string | null, path: readonly string[]): Found {
    const violation =
      problem === null ? null : { check: problem, depth: path.length, story: [...path, `   => ${problem}`] }
    return { states: this.#from.length, transitions: this.#steps, depth: this.#depth, exhausted, violation }
  }
}

function textOfHappening(happening: Happening | null): string {
  return happening === null ? '' : `      ${Object.values(happening).join(' ')}`
}
