// npm run test:failover -- [--kills N] [--only TEXT]: real processes, real signals. Prints a table and exits
// 1 when anything happened that must not. "Next grant": until the first client was served again; "longest
// gap": until the last one was, or any later silence.

import { parseArgs } from 'node:util'
import { median, printTable } from '../fixtures/table.ts'
import { CrewReferee } from './crew.ts'
import { type Row, scenarios } from './scenarios.ts'

const { values } = parseArgs({ options: { kills: { type: 'string' }, only: { type: 'string' } } })
const kills = values.kills === undefined ? null : Number(values.kills)

/** The two scenarios of the primary's death run 20 times, the slow ones less often. */
function timesOf(name: string): number {
  const full = name.startsWith('primary killed') ? 20 : name.includes('frozen') ? 3 : 5
  return Math.min(full, kills ?? full)
}

const rows: Row[] = []
for (const { name, run } of scenarios.filter(({ name }) => name.includes(values.only ?? ''))) {
  process.stderr.write(`${name} …\n`)
  const referee = await CrewReferee.start()
  try {
    rows.push(await run(referee, timesOf(name)))
  } catch (error) {
    rows.push({ scenario: name, operations: 0, gaps: [], violations: [String(error)] })
  } finally {
    referee.end()
  }
  for (const violation of rows.at(-1)?.violations.slice(0, 10) ?? []) process.stderr.write(`  ${violation}\n`)
}

printTable(
  [
    'scenario',
    'times',
    'operations checked',
    'next grant: median ms',
    'longest gap: median ms',
    'worst ms',
    'violations',
  ],
  rows.map(({ scenario, operations, gaps, firstServed = gaps, violations }) => [
    scenario,
    String(gaps.length),
    String(operations),
    median(firstServed).toFixed(1),
    median(gaps).toFixed(1),
    Math.max(0, ...gaps).toFixed(1),
    String(violations.length),
  ]),
)
const bad = rows.filter(({ violations }) => violations.length > 0).length
console.log(`\n${rows.length - bad} passed, ${bad} failed`)
process.exitCode = bad === 0 ? 0 : 1
