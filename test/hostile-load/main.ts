// npm run test:hostile-load -- [--short] [--only NAME[,NAME]] [--dead-pings COUNT]:
// well-formed peers within every limit ask too much of real servers (F20). Prints a
// table, and exits 1 when a limit is broken. However the run ends, it leaves no process
// or file behind. Only loopback; each attack is bounded in time and in number.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { printTable } from '../fixtures/table.ts'
import { complaints, coresFull, percentile, type Run, turnOf } from './judge.ts'
import type { Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { LoadStage, obstacleTo } from './stage.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    /** With more than the default, a busy machine alone changes no view. The limits assume the default. */
    'dead-pings': { type: 'string', default: '5' },
  },
})
const options = { seconds: values.short ? 3 : 8, deadPings: Number(values['dead-pings']) }
/** The run ends after this in any case. */
const minutesMax = values.short ? 4 : 20

// No setting of the caller's own cluster gets in.
for (const name of Object.keys(process.env)) if (name.startsWith('HOLDFAST_')) delete process.env[name]

/** The run writes all its files in here. */
const folder = mkdtempSync(join(tmpdir(), 'holdfast-hostile-load-'))
process.env.TMPDIR = folder
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

let stage: LoadStage | undefined
const stop = (code: number, why: string) => {
  process.stderr.write(`${why}: ended before its time\n`)
  stage?.abandon()
  process.exit(code)
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(130, signal))
AbortSignal.timeout(minutesMax * 60_000).onabort = () => stop(1, `${minutesMax} minutes are over`)

const wanted = scenarios.filter(isWanted)
if (wanted.length === 0) stop(2, `no scenario has "${values.only}" in its name`)
const runs: Run[] = []
let failed = false
for (const scenario of wanted) {
  const obstacle = obstacleTo(scenario)
  if (obstacle !== null) console.log(`SKIPPED ${scenario.name}: ${obstacle}`)
  else await runOne(scenario)
}
show()
process.exit(failed ? 1 : 0)

function isWanted({ name, short }: Scenario): boolean {
  if (values.only !== '') return name === 'idle' || values.only.split(',').some(part => name.includes(part))
  return short === true || !values.short
}

async function runOne(scenario: Scenario): Promise<void> {
  console.log(`${scenario.name}: ${scenario.does}`)
  try {
    stage = new LoadStage(scenario, options)
    const run = await stage.run()
    runs.push(run)
    console.log(`  ${rowOf(run).slice(2).join(' | ')}`)
    for (const complaint of complaints(run)) fail(scenario, complaint)
  } catch (error) {
    fail(scenario, (error as Error).stack ?? String(error))
  } finally {
    await stage?.end()
    stage = undefined
  }
}

function fail(scenario: Scenario, why: string): void {
  failed = true
  console.log(`  FAILED ${scenario.rules}: ${why}`)
}

function show(): void {
  const idle = runs.find(({ scenario }) => scenario.name === 'idle')
  if (idle !== undefined && complaints(idle).length > 0)
    console.log('The idle run itself broke a limit: this machine is too busy for these figures.')
  const head = [
    'scenario',
    'rules',
    'p50',
    'p99',
    'max',
    'calls',
    'longest turn',
    'collection',
    'echo',
    'RSS',
    'views',
    'cores',
    'told',
  ]
  console.log(
    'Times in ms; the longest turn in CPU time, collections apart; RSS in MiB: of the worst server.',
  )
  printTable(head, runs.map(rowOf))
  for (const run of runs) if (coresFull(run)) console.log(`${run.scenario.name}: both cores are simply full`)
}

function rowOf(run: Run): string[] {
  const { scenario, report, turns, outcome, busy } = run
  const { calls, servers } = report
  const slowest = turns.findIndex(({ turnMs }) => turnMs === turnOf(run))
  const largest = servers.toSorted((a, b) => b.rssMb - a.rssMb)[0]
  const verdict = complaints(run).length === 0 ? '' : '; FAILED'
  return [
    scenario.name,
    scenario.rules,
    ...[0.5, 0.99, 1].map(part => percentile(calls, part).toFixed(1)),
    String(calls.length),
    `${turnOf(run).toFixed(0)} ${servers[slowest]?.name}`,
    Math.max(...turns.map(({ collectionMs }) => collectionMs)).toFixed(0),
    Math.max(...servers.map(({ stallMs }) => stallMs)).toFixed(0),
    `${largest?.rssMb.toFixed(0)} ${largest?.name}`,
    String(report.views),
    `${(busy * 100).toFixed(0)} %`,
    `${outcome.remark ?? ''}${verdict}`,
  ]
}
