// Runs one search and reports what it found, as plain data.

import { type Aims, breadthFirst } from './breadth-first.ts'
import { Model } from './model.ts'
import { loadCores } from './plain.ts'
import { Prelude } from './prelude.ts'
import { walk } from './random-walk.ts'
import { lookAt, type Search, settingOf } from './search.ts'
import { storyOf } from './story.ts'

export interface Report {
  readonly name: string
  readonly states: number
  readonly transitions: number
  readonly depth: number
  readonly ms: number
  /** Every state was visited that can be reached with these faults. */
  readonly exhausted: boolean
  /** At what depth the goal was found, if there was one. */
  readonly goal: number | null
  readonly violation: {
    readonly check: string
    readonly depth: number
    readonly story: readonly string[]
  } | null
}

const statesMaxDefault = 300_000
const msMax = 240_000

export async function run(search: Search, short: boolean, statesMax?: number): Promise<Report> {
  if (search.walks !== undefined) return walks(search, short ? 20 : search.walks)
  const begin = performance.now()
  const model = new Model(await loadCores(search.smallChunks), settingOf(search))
  const prelude = new Prelude(model)
  try {
    search.prelude?.(prelude)
  } catch (error) {
    return broken(search.name, String(error), performance.now() - begin)
  }
  const start = model.fresh(prelude.state)
  model.freedom = search.freedom
  const { goal, never, prune } = search
  const sought = goal ?? never?.is
  const aims: Aims = {
    ...(sought === undefined ? {} : { goal: state => sought(lookAt(model, state)) }),
    ...(prune === undefined ? {} : { prune: state => prune(lookAt(model, state)) }),
  }
  const outcome = breadthFirst(model, start, aims, {
    statesMax: statesMax ?? (short ? search.short : search.statesMax) ?? statesMaxDefault,
    depthMax: search.depthMax ?? 1_000,
    msMax,
  })
  const { states, transitions, depth, ms, exhausted } = outcome
  const report = {
    name: search.name,
    states,
    transitions,
    depth,
    ms,
    exhausted,
    goal: outcome.goal?.depth ?? null,
  }
  const met = never === undefined ? null : outcome.goal
  const violation = outcome.violation ?? (met && { ...met, problem: (never as { problem: string }).problem })
  if (violation !== null) {
    const story = storyOf(model, start, violation.path)
    return {
      ...report,
      violation: {
        check: violation.problem,
        depth: violation.depth,
        story: [...story, `   => ${violation.problem}`],
      },
    }
  }
  const missed = goal !== undefined && outcome.goal === null
  return {
    ...report,
    violation: missed ? { check: 'nothing good happens: the goal was not found', depth, story: [] } : null,
  }
}

function broken(name: string, check: string, ms: number): Report {
  const report = {
    name,
    states: 0,
    transitions: 0,
    depth: 0,
    ms: Math.round(ms),
    exhausted: false,
    goal: null,
  }
  return { ...report, violation: { check, depth: 0, story: [] } }
}

/** After this many walks, what was remembered of processes is forgotten. */
const walksAModel = 25

async function walks(search: Search, times: number): Promise<Report> {
  const begin = performance.now()
  const cores = await loadCores(search.smallChunks)
  let [steps, longest] = [0, 0]
  for (let seed = 1; seed <= times; ) {
    const model = new Model(cores, settingOf(search))
    const prelude = new Prelude(model)
    search.prelude?.(prelude)
    const start = model.fresh(prelude.state)
    model.freedom = search.freedom
    for (let i = 0; i < walksAModel && seed <= times; i++, seed++) {
      const walked = walk(model, start, seed, 1_000)
      steps += walked.steps
      longest = Math.max(longest, walked.steps)
      if (walked.violation === null) continue
      const { problem: check, depth, path } = walked.violation
      const story = [`      seed ${seed}`, ...storyOf(model, start, path), `   => ${check}`]
      return { ...walkReport(), violation: { check, depth, story } }
    }
  }
  return walkReport()

  function walkReport(): Report {
    const ms = Math.round(performance.now() - begin)
    return {
      name: search.name,
      states: steps,
      transitions: steps,
      depth: longest,
      ms,
      exhausted: false,
      goal: null,
      violation: null,
    }
  }
}
