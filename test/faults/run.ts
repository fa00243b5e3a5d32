// Runs the scenarios inside of the operator's namespace, one after the other, and prints the table. Started
// by main.ts, which made the network and removes it; ends when main.ts does.

import { within } from '../fixtures/deadline.ts'
import { median, printTable } from '../fixtures/table.ts'
import { clientFaults } from './client-faults.ts'
import { RealNetwork } from './network.ts'
import { networkFaults } from './network-faults.ts'
import type { Scenario } from './scenario.ts'
import { serverFaults } from './server-faults.ts'
import { nodes, type Row, Stage } from './stage.ts'

export interface RunOptions {
  /** The process that made the network. */
  readonly networkOf: number
  readonly short: boolean
  /** Only the scenarios of this fault, or whose name contains this text. */
  readonly only: string
}

/** Turns after which histories are judged, before they are long. */
const turnsJudged = 6
/**
 * A turn that takes longer than this has failed, whatever it does. What it waits for has shorter limits; a busy
 * machine may need a minute to judge a long history.
 */
const turnWithinMs = 240_000

const options = JSON.parse(process.argv[2] as string) as RunOptions
const network = new RealNetwork(nodes, options.networkOf)
const alone = () => process.exit(1)
process.on('disconnect', alone)

/** Scenarios of the same setting share one stage, until a violation occurs on it. */
let open: { readonly stage: Stage; readonly setting: string } | null = null

async function stageFor({ setting = {} }: Scenario): Promise<Stage> {
  const wanted = JSON.stringify(setting)
  if (open !== null && open.setting !== wanted) await closeStage()
  if (open === null) {
    const stage = await Stage.open(network, setting)
    open = { stage, setting: wanted }
    await stage.fill()
  }
  return open.stage
}

async function closeStage(): Promise<void> {
  await open?.stage.end()
  open = null
}

async function play(scenario: Scenario): Promise<Row> {
  const [full, short] = scenario.turns
  const turns = options.short ? short : full
  const rows: Row[] = []
  for (let first = 0; first < turns; first += turnsJudged) {
    const row = await playTurns(scenario, first, Math.min(turns, first + turnsJudged))
    rows.push(row)
    if (row.violations.length > 0 || scenario.allowed?.stateLost) await closeStage()
  }
  return {
    gaps: rows.flatMap(({ gaps }) => gaps),
    operations: rows.reduce((sum, { operations }) => sum + operations, 0),
    violations: rows.flatMap(({ violations }) => violations),
  }
}

async function playTurns(scenario: Scenario, first: number, end: number): Promise<Row> {
  try {
    const stage = await stageFor(scenario)
    for (let turn = first; turn < end; turn++) await inTime(scenario.turn(stage, turn), `turn ${turn}`)
    return await inTime(stage.verdict(scenario.allowed ?? {}), 'the verdict')
  } catch (error) {
    const { gaps, violations } = open?.stage.row(0) ?? { gaps: [], violations: [] }
    return { gaps, operations: 0, violations: [String(error), ...violations] }
  }
}

function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const late = () => new Error(`liveness: ${what} did not end within ${turnWithinMs} ms`)
  return within(turnWithinMs, work, late)
}

const number = (fault: string) => Number(fault.slice(1))

const settings = ['{}']

/** Groups scenarios by setting, with those that end a stage last; otherwise orders them by promise. */
function placeOf({ fault, setting = {}, allowed }: Scenario): number {
  const text = JSON.stringify(setting)
  if (!settings.includes(text)) settings.push(text)
  return settings.indexOf(text) * 100 + (allowed?.stateLost ? 50 : 0) + number(fault)
}

const order = [...serverFaults, ...networkFaults, ...clientFaults]
  .filter(({ fault, name }) =>
    /^F\d+$/.test(options.only) ? fault === options.only : name.includes(options.only),
  )
  .toSorted((a, b) => placeOf(a) - placeOf(b))
if (order.length === 0) process.stderr.write(`no scenario is called ${options.only}\n`)
const cells: string[][] = []
let bad = 0
for (const scenario of order) {
  process.stderr.write(`${scenario.fault} ${scenario.name} …\n`)
  const { gaps, operations, violations } = await play(scenario)
  for (const violation of violations.slice(0, 10)) process.stderr.write(`  ${violation}\n`)
  if (violations.length > 0) bad++
  const times = [gaps.length, operations].map(String)
  const measured = [median(gaps), Math.max(0, ...gaps)].map(ms => ms.toFixed(1))
  cells.push([scenario.fault, scenario.name, ...times, ...measured, String(violations.length)])
}
await closeStage()

printTable(
  ['fault', 'scenario', 'times', 'operations checked', 'longest gap: median ms', 'worst ms', 'violations'],
  cells.toSorted(([a = ''], [b = '']) => number(a) - number(b)),
)
console.log(`\n${order.length - bad} passed, ${bad} failed`)
process.exitCode = bad === 0 && order.length > 0 ? 0 : 1
// Disconnecting oneself raises the same event.
process.off('disconnect', alone)
process.disconnect()
