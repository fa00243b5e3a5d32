// npm run search: breadth-first over what may happen to small clusters, with the real cores.
//   --small          the short form, as npm test runs it
//   --all            all of it (the default)
//   --only NAME      one search
//   --states N       at most so many states in each
//   --json           one JSON line for each search
// Exit 1 if a violation was found, or something good that must be found was not.

import { parseArgs } from 'node:util'
import { adoptionSearches, searchAdoptions } from './adoptions/run.ts'
import { moveSearches, searchMoves } from './moves/run.ts'
import { type Report, run } from './run.ts'
import { searches } from './searches.ts'
import { searchTakeovers, takeoverSearches } from './takeovers/run.ts'

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    states: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const chosen = searches.filter(({ name, short }) =>
  values.only === undefined ? !values.small || short !== undefined : name === values.only,
)
const isWanted = ({ name }: { readonly name: string }) => values.only === undefined || name === values.only
const takeovers = takeoverSearches.filter(isWanted)
const moving = moveSearches.filter(isWanted)
const adoptions = adoptionSearches.filter(isWanted)
if (chosen.length + takeovers.length + moving.length + adoptions.length === 0) {
  const names = [...searches, ...takeoverSearches, ...moveSearches, ...adoptionSearches].map(
    ({ name }) => name,
  )
  console.error(`there is no search ${values.only}; there are ${names.join(', ')}`)
  process.exit(2)
}
if (!values.json) console.log(header())
let failed = 0
const statesMax = values.states === undefined ? undefined : Number(values.states)
for (const search of chosen) tellOf(await run(search, values.small, statesMax))
for (const search of takeovers) tellOf(await searchTakeovers(search, values.small, statesMax))
for (const search of moving) tellOf(await searchMoves(search, values.small, statesMax))
for (const search of adoptions) tellOf(searchAdoptions(search, values.small, statesMax))
if (!values.json) console.log(failed === 0 ? '\nno violation' : `\n${failed} searches found a violation`)
process.exitCode = failed === 0 ? 0 : 1

function tellOf(report: Report): void {
  if (report.violation !== null) failed++
  console.log(values.json ? JSON.stringify(report) : row(report))
  if (!values.json && report.violation !== null) console.log(`\n${report.violation.story.join('\n')}\n`)
}

function header(): string {
  return `${'search'.padEnd(16)}${'states'.padStart(10)}${'steps'.padStart(10)}${'depth'.padStart(7)}${'s'.padStart(8)}  result`
}

function row({ name, states, transitions, depth, ms, exhausted, goal, violation }: Report): string {
  const result =
    violation?.check ??
    (goal === null ? (exhausted ? 'all states visited' : 'limit reached') : `found at depth ${goal}`)
  const numbers = [
    String(states).padStart(10),
    String(transitions).padStart(10),
    String(depth).padStart(7),
    (ms / 1_000).toFixed(1).padStart(8),
  ]
  return `${name.padEnd(16)}${numbers.join('')}  ${result}`
}
