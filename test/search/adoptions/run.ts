// The search of adopt (E7): breadth-first over all orders of what may happen around a lost view record, and random walks behind that.

import { createHash } from 'node:crypto'
import { random } from '../../fixtures/random.ts'
import type { Report } from '../run.ts'
import { AdoptionWorld, type Freedom, type Happening } from './world.ts'

export interface AdoptionSearch {
  readonly name: string
  readonly about: string
  readonly freedom: Freedom
  readonly short: number
  readonly statesMax: number
}

export const adoptionSearches: readonly AdoptionSearch[] = [
  {
    name: 'adopt',
    about: 'the record is lost while views are made and told; servers die, and are asked in any order',
    freedom: { answers: 2, views: 2, deaths: 1, restarts: 0 },
    ...{ short: 6_000, statesMax: 400_000 },
  },
  {
    name: 'adopt, restarts',
    about: 'likewise, and a lock server comes back empty at its address',
    freedom: { answers: 2, views: 3, deaths: 2, restarts: 2 },
    ...{ short: 6_000, statesMax: 400_000 },
  },
]

const walks = { short: 4_000, long: 100_000 }
const walkLength = 60

interface Node {
  readonly world: AdoptionWorld
  readonly from: Node | null
  readonly by: Happening | null
}

/** `most`: so many states, and so many walks. */
export function searchAdoptions(search: AdoptionSearch, short: boolean, most?: number): Report {
  const begin = performance.now()
  const { freedom } = search
  const statesMax = most ?? (short ? search.short : search.statesMax)
  const visited = new Set<string>()
  let [transitions, depth] = [0, 0]
  let level: Node[] = [{ world: new AdoptionWorld(), from: null, by: null }]
  const report = (problem: string | null, path: readonly string[], exhausted: boolean): Report => {
    const violation =
      problem === null ? null : { check: problem, depth: path.length, story: [...path, `   => ${problem}`] }
    const ms = Math.round(performance.now() - begin)
    return {
      name: search.name,
      goal: null,
      states: visited.size,
      transitions,
      depth,
      exhausted,
      violation,
      ms,
    }
  }
  while (level.length > 0 && visited.size < statesMax) {
    depth++
    const next: Node[] = []
    for (const node of level)
      for (const by of node.world.happenings(freedom)) {
        const world = copyOf(node.world)
        world.make(by)
        transitions++
        const print = createHash('md5').update(JSON.stringify(world)).digest('base64')
        if (visited.has(print)) continue
        visited.add(print)
        const found = { world, from: node, by }
        if (world.problem !== undefined) return report(world.problem, pathTo(found), false)
        next.push(found)
      }
    level = next
  }
  const walksMax = Math.min(short ? walks.short : walks.long, most ?? Number.POSITIVE_INFINITY)
  for (let seed = 1; seed <= walksMax; seed++) {
    const path = walk(seed, freedom)
    transitions += path.steps.length
    if (path.problem !== undefined) return report(path.problem, path.steps, false)
  }
  return report(null, [], level.length === 0)
}

function walk(
  seed: number,
  freedom: Freedom,
): { readonly steps: string[]; readonly problem: string | undefined } {
  const dice = random(seed)
  const world = new AdoptionWorld()
  const steps: string[] = []
  while (steps.length < walkLength && world.problem === undefined) {
    const happenings = world.happenings(freedom)
    if (happenings.length === 0) break
    const happening = dice.pick(happenings)
    steps.push(textOf(happening))
    world.make(happening)
  }
  return { steps, problem: world.problem }
}

function pathTo(last: Node): string[] {
  const path: string[] = []
  for (let node: Node | null = last; node?.by != null; node = node.from) path.unshift(textOf(node.by))
  return path
}

function textOf({ do: what, at }: Happening): string {
  return `      ${what}${at === undefined ? '' : ` S${at + 1}`}`
}

/** All of it is plain data. */
function copyOf(world: AdoptionWorld): AdoptionWorld {
  return Object.assign(new AdoptionWorld(), structuredClone({ ...world }))
}
