// npm run bench:failover -- [--kills N] [--only TEXT] [--json]: how long the death of a primary is felt.

import { parseArgs } from 'node:util'
import { note, print, printJson, table } from '../../cli/output.ts'
import { wholeNumber } from '../../wire/options.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { folderLine } from '../peers/folder-line.ts'
import { type GapRow, measureGaps } from './gaps.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})
const kills = wholeNumber('--kills', Number(values.kills), 100, 1, 100_000)

const machine = describeMachine()
const rows = await measureGaps({ kills, only: values.only, progress: note })
if (values.json) printJson({ machine, folder: folderLine(), rows })
else printTables()

function printTables(): void {
  print(
    'GAP: from the signal to the primary until a probe that never pauses is granted its lock by the next one',
  )
  print('(hand-over: the longest time that it was not granted meanwhile)')
  print('AFTER: the longest time that it was not granted in the second after that')
  print('AGAINST MEMORY: by how much the P50 of GAP on disk is longer than in memory')
  print(machineLine(machine))
  print(folderLine())
  print('')
  const times = ['GAP P50', 'P99', 'MAX', 'AFTER P50', 'P99', 'AGAINST MEMORY']
  const header = ['PRIMARY GETS', 'BESIDE THE PROBE', 'TIMES', ...times]
  for (const line of table(header, rows.map(cells))) print(line)
  for (const row of rows) printHistogram(row)
}

function cells(row: GapRow): string[] {
  const { name, pairsPerSecond, gaps, afterwards } = row
  const load = `${pairsPerSecond.toLocaleString('en')} pairs/s`
  const times = [
    ...[0.5, 0.99, 1].map(part => at(gaps, part)),
    ...[0.5, 0.99].map(part => at(afterwards, part)),
  ]
  return [name, load, String(gaps.length), ...times.map(ms => `${ms.toFixed(1)} ms`), againstMemory(row)]
}

function againstMemory({ name, durability, gaps }: GapRow): string {
  const inMemory = rows.find(row => row.name === name.replace('on disk', 'in memory'))
  if (durability === 'memory' || inMemory === undefined) return '-'
  const more = at(gaps, 0.5) - at(inMemory.gaps, 0.5)
  return `${more < 0 ? '' : '+'}${more.toFixed(1)} ms`
}

/** The value that this part of all values is at or below. */
function at(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN
}

function printHistogram({ name, gaps }: GapRow): void {
  print('')
  print(name)
  const bounds = [5, 10, 15, 20, 30, 50, 100, 500, 1_000, Number.POSITIVE_INFINITY]
  for (const [i, below] of bounds.entries()) {
    const from = bounds[i - 1] ?? 0
    const count = gaps.filter(gap => from <= gap && gap < below).length
    if (count === 0) continue
    const label = below === Number.POSITIVE_INFINITY ? `${from} ms and more` : `${from} to ${below} ms`
    print(
      `  ${label.padEnd(18)} ${String(count).padStart(4)} ${'█'.repeat(Math.ceil((count * 50) / gaps.length))}`,
    )
  }
}
