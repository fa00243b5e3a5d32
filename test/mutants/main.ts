// npm run mutants: plants each bug in a copy of the build, and shows which check catches it, after how many
// seeds and steps of the simulator, or states and depth of the search. Exit 1 if one is not caught. With
// --check it only shows that each of them still fits the sources; with --table what the last runs have shown.

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { mutants } from './all.ts'
import { hunt, type Verdict } from './hunt.ts'
import { keepCaught, lastCaught } from './last-caught.ts'
import type { Mutant } from './mutant.ts'
import { problemOf } from './plant.ts'
import { sharesOf } from './share.ts'
import { resultsIn, tableHead, tableRows } from './table.ts'
import { typeProblems } from './types.ts'

const usage = `npm run mutants -- [options]

  --only NAME    those whose name contains this; may be given several times
  --jobs N       so many at a time (default 2)
  --seconds N    for each, at the most (default 300)
  --quick        150 seeds and the small search for each, and no more
  --by TOOL      only simulator, search or test (that the bug names)
  --afresh       as if it were not known what caught each the last time
  --keep         notes in test/mutants/caught.json what catches each now
  --json         one JSON line for each instead of the table
  --list         only lists them
  --table FILE   the table by blind spot, from files of such lines; without FILE only what is planted
  --shares       how many are planted in each file, and how many are its share
  --check        only shows that each fits the sources and compiles
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '300' },
    by: { type: 'string' },
    quick: { type: 'boolean', default: false },
    afresh: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
    shares: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const print = (text: string) => process.stdout.write(`${text}\n`)
const only = values.only ?? []
const chosen = mutants.filter(({ name }) => only.length === 0 || only.some(part => name.includes(part)))

if (values.help) print(usage)
else if (values.list) for (const { name, breaks, why } of chosen) print(`${name}  [${breaks}]\n    ${why}`)
else if (values.check) check(chosen)
else if (values.table) printRows(tableHead, tableRows(positionals.flatMap(readResults)))
else if (values.shares) printShares()
else await huntAll(chosen)

function check(list: readonly Mutant[]): void {
  const fitting = list.filter(mutant => problemOf(mutant) === undefined)
  const types = typeProblems(fitting)
  for (const mutant of list) {
    const problem = problemOf(mutant) ?? types.get(mutant.name)
    if (problem === undefined) continue
    print(`${mutant.name}: ${problem}`)
    process.exitCode = 1
  }
  print(`${list.length} planted bugs`)
}

function readResults(path: string) {
  return resultsIn(readFileSync(path, 'utf8'))
}

function printShares(): void {
  const rows = sharesOf(mutants).map(({ file, lines, least, planted }) => [
    file,
    String(lines),
    String(least),
    String(planted),
  ])
  printRows(['file', 'lines of code', 'share', 'planted'], rows)
}

async function huntAll(list: readonly Mutant[]): Promise<void> {
  const waiting = [...list]
  const verdicts: Verdict[] = []
  const last = values.afresh ? {} : lastCaught()
  const work = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await hunt(mutant, {
        seconds: Number(values.seconds),
        by: toolOf(values.by),
        quick: values.quick,
        last: last[mutant.name],
      })
      verdicts.push(verdict)
      if (values.json) print(JSON.stringify(jsonOf(verdict)))
      else process.stderr.write(`${verdicts.length}/${list.length} ${rowOf(verdict).join('  ')}\n`)
      if (verdict.caught === null) process.exitCode = 1
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work))
  if (values.keep)
    keepCaught(
      verdicts,
      mutants.map(({ name }) => name),
    )
  if (!values.json) printTable(list.flatMap(mutant => verdicts.filter(verdict => verdict.mutant === mutant)))
}

function toolOf(by: string | undefined): 'simulator' | 'search' | 'test' | undefined {
  if (by === undefined || by === 'simulator' || by === 'search' || by === 'test') return by
  throw new Error(`--by simulator, search or test, not ${by}`)
}

function printTable(verdicts: readonly Verdict[]): void {
  const apart = verdicts.filter(({ caught }) => caught?.by === 'test')
  const others = verdicts.filter(({ caught }) => caught?.by !== 'test')
  const caught = others.filter(verdict => verdict.caught !== null).length
  printRows(['planted bug', 'rule', 'caught by', 'check', 'after', 'seconds'], others.map(rowOf))
  print(`\n${caught} of ${others.length} caught by the simulator or the search`)
  if (apart.length === 0) return
  print('\nSeen by a unit test only:\n')
  printRows(
    ['planted bug', 'rule', 'test', 'story'],
    apart.map(({ mutant, caught }) => [mutant.name, mutant.breaks, caught?.check ?? '', caught?.text ?? '']),
  )
}

function printRows(head: readonly string[], rows: readonly string[][]): void {
  for (const row of [head, head.map(() => '---'), ...rows]) print(`| ${row.join(' | ')} |`)
}

function rowOf({ mutant, caught, seconds }: Verdict): string[] {
  const effort = Object.entries(caught?.effort ?? {}).map(
    ([what, count]) => `${count.toLocaleString('en')} ${what}`,
  )
  return [
    mutant.name,
    mutant.breaks,
    caught?.by ?? 'NOBODY',
    caught?.check ?? '',
    effort.join(', '),
    seconds.toFixed(1),
  ]
}

function jsonOf({ mutant, caught, seconds }: Verdict): object {
  return { name: mutant.name, breaks: mutant.breaks, why: mutant.why, caught, seconds }
}
