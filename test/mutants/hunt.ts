// Looks for one planted bug: runs the simulator and the search on a copy that has it, each as a child
// process, until one of them catches it or the budget is spent. It knows nothing of what is wrong.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { forShortRuns } from '../fixtures/short-runs.ts'
import type { LastCatch } from './last-caught.ts'
import { type Mutant, testsOf } from './mutant.ts'
import { plant, root } from './plant.ts'

export interface Catch {
  readonly by: 'simulator' | 'search' | 'test'
  /** The check that saw it, by the tool's name for it. */
  readonly check: string
  readonly text: string
  /** `seeds` and `steps`, or `states` and `depth`. */
  readonly effort: Readonly<Record<string, number>>
}

export interface Verdict {
  readonly mutant: Mutant
  readonly caught: Catch | null
  readonly seconds: number
}

/** What the simulator prints. */
interface SimulatorLine {
  readonly steps: number
  readonly violations: readonly { readonly seed: number; readonly check: string; readonly text: string }[]
}

/** What the search prints for each scenario. */
interface SearchLine {
  readonly name: string
  readonly states: number
  readonly violation: { readonly check: string; readonly depth: number } | null
}

export interface Budget {
  /** The time for all tools together. */
  readonly seconds: number
  /** Only the first rounds, however long they take. */
  readonly quick: boolean
  /** Only this tool. */
  readonly by: Catch['by'] | undefined
  /** What is tried first. */
  readonly last?: LastCatch | undefined
}

/** Seeds that are looked through for a theme; few of them have it. */
const themeSeeds = 3_000

/** This many more seeds of the simulator, a short or long search, or the search that the mutant names. */
type Round = number | 'small' | 'named' | 'all'
const rounds: readonly Round[] = [30, 'named', 'small', 120, 450, 1_500, 3_000, 'all', 10_000]

export async function hunt(mutant: Mutant, { seconds: most, by, quick, last }: Budget): Promise<Verdict> {
  const began = process.hrtime.bigint()
  const seconds = () => Number(process.hrtime.bigint() - began) / 1e9
  const planted = plant(mutant)
  let caught: Catch | null = null
  try {
    const simulated = { steps: 0 }
    if (last !== undefined && (by === undefined || by === last.by))
      caught = await again(planted.folder, last, most, simulated)
    if (caught === null && (by === undefined || by === 'test'))
      caught = await runTests(planted.folder, testsOf(mutant), most)
    if (caught === null && mutant.theme !== undefined && by !== 'search')
      caught = await simulate(planted.folder, 1, themeSeeds, most - seconds(), simulated, mutant.theme)
    let seed = 1
    for (const round of rounds.slice(0, quick ? 4 : undefined)) {
      if (by !== undefined && by !== toolOf(round)) continue
      const left = most - seconds()
      if (caught !== null || left < 1) break
      if (typeof round === 'number') {
        caught = await simulate(planted.folder, seed, round, left, simulated)
        seed += round
      } else if (round !== 'named') caught = await search(planted.folder, [`--${round}`], left)
      else if (mutant.search !== undefined)
        caught = await search(planted.folder, ['--only', mutant.search], left)
    }
  } finally {
    planted.remove()
  }
  return { mutant, caught, seconds: seconds() }
}

/** Only what caught it the last time. */
async function again(
  folder: string,
  last: LastCatch,
  seconds: number,
  simulated: { steps: number },
): Promise<Catch | null> {
  switch (last.by) {
    case 'simulator':
      return await simulate(folder, last.seed, 1, seconds, simulated)
    case 'search':
      return await search(folder, ['--only', last.only], seconds)
    case 'test':
      return await runTests(folder, [last.name], seconds)
  }
}

function toolOf(round: Round): Catch['by'] {
  return typeof round === 'number' ? 'simulator' : 'search'
}

/** The simulator stops at the first violation; its steps are those of all seeds that it has reported. */
async function simulate(
  folder: string,
  seed: number,
  seeds: number,
  seconds: number,
  sofar: { steps: number },
  theme?: string,
): Promise<Catch | null> {
  const about = theme === undefined ? [] : ['--theme', theme]
  const args = ['--seed', String(seed), '--seeds', String(seeds), '--json', ...about]
  for (const line of await run(join(folder, 'dist/test/simulator/main.js'), args, seconds)) {
    if (!line.startsWith('{')) continue
    const { steps, violations } = JSON.parse(line) as SimulatorLine
    sofar.steps += steps
    const [first] = violations
    if (first === undefined || (await isOurs(first.seed))) continue
    const { check, text } = first
    return { by: 'simulator', check, text, effort: { seeds: first.seed, steps: sofar.steps } }
  }
  return null
}

/** Whether the unchanged cores do the same at this seed: then it says nothing about the mutant. */
async function isOurs(seed: number): Promise<boolean> {
  const [line] = await run(join(root, 'dist/test/simulator/main.js'), ['--seed', String(seed), '--json'], 60)
  return line !== undefined && (JSON.parse(line) as SimulatorLine).violations.length > 0
}

/** Its states are the sum over all searches until then. */
async function search(folder: string, which: readonly string[], seconds: number): Promise<Catch | null> {
  let states = 0
  for (const line of await run(join(folder, 'dist/test/search/main.js'), [...which, '--json'], seconds)) {
    if (!line.startsWith('{')) continue
    const report = JSON.parse(line) as SearchLine
    states += report.states
    if (report.violation === null) continue
    const { check, depth } = report.violation
    return {
      by: 'search',
      check: `${report.name}: ${tagOf(check)}`,
      text: check,
      effort: { states, depth },
    }
  }
  return null
}

async function runTests(folder: string, names: readonly string[], seconds: number): Promise<Catch | null> {
  for (const name of names) {
    const caught = await runTest(folder, name, Math.min(seconds, testSeconds))
    if (caught !== null) return caught
  }
  return null
}

/** A test that hangs because of the bug has seen nothing. */
const testSeconds = 60

/** The first story of the test that fails, and does not fail without the bug. */
async function runTest(folder: string, name: string, seconds: number): Promise<Catch | null> {
  const failed = await failedIn(folder, name, seconds)
  if (failed.length === 0) return null
  const ours = await failedAnyhow(name)
  const check = failed.find(title => !ours.includes(title))
  return check === undefined ? null : { by: 'test', check: `test/${name}.ts`, text: check, effort: {} }
}

/** Titles of stories. */
async function failedIn(folder: string, name: string, seconds: number): Promise<string[]> {
  const lines = await run(join(folder, `dist/test/${name}.js`), [], seconds)
  return lines.flatMap(line => /^not ok \d+ - (.*?)(?: # .*)?$/.exec(line)?.[1] ?? [])
}

const anyhow = new Map<string, Promise<string[]>>()

/** What fails in a copy without a bug, because it is a copy or the machine is busy. */
function failedAnyhow(name: string): Promise<string[]> {
  const known = anyhow.get(name) ?? plainly(name)
  anyhow.set(name, known)
  return known
}

async function plainly(name: string): Promise<string[]> {
  const planted = plant(null)
  try {
    return await failedIn(planted.folder, name, 2 * testSeconds)
  } finally {
    planted.remove()
  }
}

/** The broken rule, in the search's output. */
function tagOf(check: string): string {
  return /\b[A-Z]\d+(?=:)/.exec(check)?.[0] ?? check.split(':').slice(0, 2).join(':')
}

/** The lines of a tool on stdout. It is ended when it takes too long; any other failure is an error. */
async function run(script: string, args: readonly string[], seconds: number): Promise<string[]> {
  const child = spawn(process.execPath, [...forShortRuns, script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOLDFAST_TEST_WHOLE: '1' },
    timeout: Math.max(1, Math.ceil(seconds * 1_000)), // 0 would be for ever
    killSignal: 'SIGKILL',
  })
  let [out, error] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => (out += text))
  child.stderr.setEncoding('utf8').on('data', text => (error += text))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve)
  })
  const late = child.signalCode === 'SIGKILL'
  const lines = out.split('\n')
  // The last line may be cut off in the middle.
  if (late) lines.pop()
  if (!late && status !== 0 && lines.every(line => !/^\{|^not ok/.test(line)))
    throw new Error(`${script} ended with ${status}: ${(error + out).slice(-2_000)}`)
  return lines
}
