// The searches of takeovers: breadth-first over what may happen to view servers that share a store, with the cores
// that ship. From some of the states that are found, the world is left alone: then one view server must become
// active, and the newest view must be one of living servers that know it.

import { createHash } from 'node:crypto'
import { viewedIn } from '../../../viewservice/record.ts'
import type { SeatCore } from '../../../viewservice/seat.ts'
import { random } from '../../fixtures/random.ts'
import { copyOf, loadCores, textOf } from '../plain.ts'
import type { Report } from '../run.ts'
import { addressOf, type Freedom, type Happening, type World } from './world.ts'

export interface TakeoverSearch {
  readonly name: string
  readonly about: string
  readonly seats: number
  readonly servers: number
  readonly freedom: Freedom
  /** States in the short form, and in the long one; and random walks behind them. */
  readonly short: number
  readonly statesMax: number
  /** The view server that is active is killed before the search begins, once its save was asked for. */
  readonly begins: 'acked' | 'saving'
}

export const takeoverSearches: readonly TakeoverSearch[] = [
  {
    name: 'killed at a save',
    about: 'the active one dies at any moment of a save, with or without its answer; the other takes over',
    ...{ seats: 2, servers: 3, begins: 'saving', short: 2_500, statesMax: 60_000 },
    freedom: { ticks: [1, 3], kills: 1, losses: 1 },
  },
  {
    name: 'both killed',
    about: 'the active one and the primary die at any two moments, and the mark may end early',
    ...{ seats: 2, servers: 3, begins: 'acked', short: 2_500, statesMax: 60_000 },
    freedom: { ticks: [2, 3], kills: 1, serverKills: 1, markEnds: 1 },
  },
  {
    name: 'frozen at a save',
    about:
      'the mark of the active one ends while it saves and stands still; the other decides, and both go on',
    ...{ seats: 2, servers: 3, begins: 'saving', short: 2_500, statesMax: 60_000 },
    freedom: { ticks: [2, 2], losses: 1, markEnds: 1, serverKills: 1 },
  },
  {
    name: 'two candidates',
    about: 'the active one dies, and two others want its mark',
    ...{ seats: 3, servers: 2, begins: 'acked', short: 2_500, statesMax: 60_000 },
    freedom: { ticks: [0, 2, 2], kills: 1, losses: 1 },
  },
]

/** One state of so many is left alone, to see whether all comes right. */
const leftAlone = 40
const roundsMax = 24
/** Random walks, in the short form and in the long one, of so many steps at most. */
const walks = { short: 60, long: 3_000 }
const walkLength = 60

export async function searchTakeovers(
  search: TakeoverSearch,
  short: boolean,
  most?: number,
): Promise<Report> {
  const begin = performance.now()
  await loadCores()
  const plain = async (file: string) => await import(new URL(`${file}?plain`, import.meta.url).href)
  const { SeatCore: Core } = (await plain('../../../viewservice/seat.js')) as { SeatCore: typeof SeatCore }
  const { World: Around } = (await plain('world.js')) as { World: typeof World }
  const searched = new Search(search, Core, new Around(search.seats, search.servers))
  const found = searched.run(
    most ?? (short ? search.short : search.statesMax),
    short ? walks.short : walks.long,
  )
  return { name: search.name, goal: null, ...found, ms: Math.round(performance.now() - begin) }
}

type Found = Omit<Report, 'name' | 'goal' | 'ms'>

class Search {
  readonly #search: TakeoverSearch
  readonly #Core: typeof SeatCore
  readonly #blank: World
  readonly #visited = new Set<string>()
  /** By state: where it came from, and by what. */
  readonly #from: { readonly state: number; readonly by: Happening | null }[] = []
  #steps = 0
  #depth = 0

  constructor(search: TakeoverSearch, Core: typeof SeatCore, blank: World) {
    this.#search = search
    this.#Core = Core
    this.#blank = blank
  }

  run(statesMax: number, walks: number): Found {
    const start = this.#begin()
    if (start.problem !== undefined) return this.#report(false, start.problem, [])
    const found = this.#breadthFirst(start, statesMax)
    return found.violation === null && !found.exhausted ? (this.#walks(start, walks) ?? found) : found
  }

  /** What lies deeper than all that was visited. */
  #walks(start: World, times: number): Found | undefined {
    for (let seed = 1; seed <= times; seed++) {
      const dice = random(seed)
      const world = copyOf(start)
      const path: string[] = [`      walk ${seed}`]
      for (let left = walkLength; left > 0 && world.problem === undefined; left--) {
        const happenings = world.happenings(this.#search.freedom)
        if (happenings.length === 0) break
        const happening = dice.pick(happenings)
        path.push(textOfHappening(happening))
        world.make(happening, this.#Core)
        this.#steps++
      }
      const problem = world.problem ?? this.#alone(world)
      if (problem !== undefined) return this.#report(false, problem, path)
    }
    return undefined
  }

  #breadthFirst(start: World, statesMax: number): Found {
    let level = [{ number: this.#remember(0, null), world: start }]
    this.#visited.add(printOf(start))
    while (level.length > 0) {
      this.#depth++
      const next: typeof level = []
      for (const { number, world } of level)
        for (const happening of world.happenings(this.#search.freedom)) {
          const after = copyOf(world)
          after.make(happening, this.#Core)
          this.#steps++
          if (!this.#isNew(after)) continue
          const found = this.#remember(number, happening)
          const problem = after.problem ?? (found % leftAlone === 0 ? this.#alone(after) : undefined)
          if (problem !== undefined) return this.#report(false, problem, this.#pathTo(found))
          next.push({ number: found, world: after })
          if (this.#from.length >= statesMax) return this.#report(false, null, [])
        }
      level = next
    }
    return this.#report(true, null, [])
  }

  /** View 2 of two servers is acked, and the first view server is active; or it is about to save that. */
  #begin(): World {
    const world = this.#blank
    for (let seat = 0; seat < this.#search.seats; seat++) {
      world.start(seat, this.#Core)
      settle(world)
    }
    const done = () =>
      this.#search.begins === 'acked'
        ? world.acked.has(2)
        : world.saved.has(2) && world.asks.some(({ act }) => act.do === 'write')
    for (let round = 0; round < roundsMax && !done(); round++)
      for (let seat = 0; seat < this.#search.seats && !done(); seat++) {
        world.tick(seat)
        settle(world, done)
      }
    if (!done()) world.problem ??= 'the search does not begin as it should'
    world.ticks.fill(0)
    return world
  }

  /** Nothing more befalls it: what is asked is answered, and marks of the dead end. */
  #alone(after: World): string | undefined {
    const world = copyOf(after)
    for (let round = 0; round < roundsMax; round++) {
      const owner = world.seats.find(({ core, id }) => core !== null && id === world.mark?.id)
      if (owner === undefined && round % 6 === 5) world.mark = null
      for (const [seat, { core }] of world.seats.entries()) {
        if (core !== null) world.tick(seat)
        settle(world)
      }
      if (world.problem !== undefined) return world.problem
    }
    return unsettled(world)
  }

  #isNew(world: World): boolean {
    const print = printOf(world)
    if (this.#visited.has(print)) return false
    this.#visited.add(print)
    return true
  }

  #remember(state: number, by: Happening | null): number {
    return this.#from.push({ state, by }) - 1
  }

  #pathTo(last: number): string[] {
    const path: string[] = []
    for (let at = last; at > 0; at = this.#from[at]?.state ?? 0)
      path.unshift(textOfHappening(this.#from[at]?.by))
    return path
  }

  #report(exhausted: boolean, problem: string | null, path: readonly string[]): Found {
    const violation =
      problem === null ? null : { check: problem, depth: path.length, story: [...path, `   => ${problem}`] }
    return { states: this.#from.length, transitions: this.#steps, depth: this.#depth, exhausted, violation }
  }
}

/** The store does and answers all that is asked, one after the other. */
function settle(world: World, until: () => boolean = () => false): void {
  for (let left = 200; left > 0 && world.asks.length > 0 && !until(); left--) {
    if (world.asks[0]?.answer === null) world.land(0)
    else world.tell(0)
  }
}

function unsettled(world: World): string | undefined {
  const living = world.seats.filter(({ core }) => core !== null)
  if (living.length === 0) return undefined
  const active = living.filter(({ core }) => core?.isActive)
  if (active.length !== 1) return `F17: left alone, ${active.length} view servers are active`
  // S2 may have had no copy yet when S1 died: then the state is lost by the rules (F14).
  const unready = active[0]?.core?.unready ?? null
  if (unready?.includes('no other server holds the state')) return undefined
  const view = viewedIn(world.record?.record ?? null)?.view
  const backup = world.servers.find(({ id }) => id === view?.backup?.id)
  const primary = world.servers.find(({ id }) => id === view?.primary.id)
  if (unready !== null && (primary?.alive || backup?.alive)) return `F17: left alone, it says: ${unready}`
  if (primary?.alive && primary.view?.number !== view?.number)
    return `F17: left alone, the primary of view ${view?.number} knows view ${primary.view?.number}`
  return undefined
}

function printOf(world: World): string {
  return createHash('md5').update(textOf(world)).digest('base64')
}

function textOfHappening(happening: Happening | null | undefined): string {
  if (happening === null || happening === undefined) return ''
  const { do: what } = happening
  if ('seat' in happening) return `      ${what} ${addressOf(happening.seat)}`
  if ('ask' in happening) return `      ${what} question ${happening.ask}`
  return `      ${what}${'server' in happening ? ` S${happening.server + 1}` : ''}`
}
