// npm run bench:scale -- [--max N] [--runs N] [--only locks|sessions|come-over] [--json]: what held locks and
// connected sessions cost, from few to a million, and how a crowd comes over to a new primary. Linux only: it
// reads /proc.

import { parseArgs } from 'node:util'
import { note, print, printJson, table } from '../../cli/output.ts'
import { wholeNumber } from '../../wire/options.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { type ComeOverRow, measureComeOver } from './come-over.ts'
import { type LocksRow, measureLocks, measureSessions, type SessionsRow } from './sizes.ts'
import { growthOf } from './slope.ts'

const { values } = parseArgs({
  options: {
    max: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})
const options = {
  max: wholeNumber('--max', Number(values.max), 1_000_000, 1_000, 1_000_000),
  runs: wholeNumber('--runs', Number(values.runs), 3, 1, 100),
  progress: note,
}

if (!['', 'locks', 'sessions', 'come-over'].includes(values.only)) {
  note(`--only takes locks, sessions or come-over, not ${JSON.stringify(values.only)}`)
  process.exit(2)
}

const machine = describeMachine()
const wants = (what: string) => values.only === '' || values.only === what
const locks = wants('locks') ? await measureLocks(options) : []
const sessions = wants('sessions') ? await measureSessions(options) : []
const comeOver = wants('come-over') ? await measureComeOver(options.max, note) : []
if (values.json) printJson({ machine, locks, sessions, comeOver })
else {
  print(`What held locks and connected sessions cost; times are medians of ${options.runs} runs`)
  print(machineLine(machine))
  if (locks.length > 0) printLocks(locks)
  if (sessions.length > 0) printSessions(sessions)
  if (comeOver.length > 0) printComeOver(comeOver)
}

function printLocks(rows: readonly LocksRow[]): void {
  print('')
  const header = [
    'HELD LOCKS',
    'HEAP, PRIMARY',
    'BACKUP',
    'RESIDENT',
    'BACKUP',
    'TRANSFER',
    'SIZE',
    'LONGEST PAUSE',
    'UNDER LOAD',
    'LONGEST PAUSE',
    'THROUGHPUT',
    'PROMOTE',
  ]
  for (const line of table(header, rows.map(lockCells))) print(line)
  print('')
  printGrowth(rows, [
    ['a lock, heap of the primary', 'bytes', row => row.primary.heapBytes],
    ['a lock, heap of the backup', 'bytes', row => row.backup.heapBytes],
    ['a lock, transferred', 'bytes', row => row.idle.bytes],
    ['a lock, time of a transfer', 'us', row => row.idle.transferMs * 1_000],
    ['a lock, time to promote', 'us', row => row.promotionMs * 1_000],
  ])
}

function lockCells({ size, primary, backup, idle, loaded, promotionMs }: LocksRow): string[] {
  return [
    size.toLocaleString('en'),
    ...[primary.heapBytes, backup.heapBytes, primary.residentBytes, backup.residentBytes].map(mib),
    ms(idle.transferMs),
    mib(idle.bytes),
    ms(idle.longestPauseMs),
    ...(loaded === null ? ['-', '-', '-'] : [ms(loaded.transferMs), ms(loaded.longestPauseMs), kept(loaded)]),
    ms(promotionMs),
  ]
}

function kept({ pairsPerSecondBefore, pairsPerSecondMeanwhile }: NonNullable<LocksRow['loaded']>): string {
  const [before, meanwhile] = [pairsPerSecondBefore, pairsPerSecondMeanwhile].map(rate =>
    Math.round(rate).toLocaleString('en'),
  )
  const percent = Math.round((pairsPerSecondMeanwhile * 100) / pairsPerSecondBefore)
  return `${before}/s, meanwhile ${meanwhile}/s (${percent} %)`
}

function printSessions(rows: readonly SessionsRow[]): void {
  print('')
  const header = [
    'SESSIONS',
    'HEAP, PRIMARY',
    'BACKUP',
    'RESIDENT',
    'BACKUP',
    'CPU, PRIMARY',
    'BACKUP',
    'VIEW SERVER',
    'PRIMARY, ALL HOLDING',
    'PROMOTE',
  ]
  for (const line of table(header, rows.map(sessionCells))) print(line)
  print('')
  printGrowth(rows, [
    ['a session, heap of the primary', 'bytes', row => row.primary.heapBytes],
    ['a session, resident in the primary', 'bytes', row => row.primary.residentBytes],
    ['a session, heap of the backup', 'bytes', row => row.backup.heapBytes],
    ['a session, resident in the backup', 'bytes', row => row.backup.residentBytes],
  ])
}

function printComeOver(rows: readonly ComeOverRow[]): void {
  print('')
  const header = ['SESSIONS', 'HOLDING A LOCK', 'ALL HOLDERS OVER AFTER', 'ALL OTHERS', 'LOST']
  const cells = ({ sessions, holders, holdersMs, othersMs, lost }: ComeOverRow) => [
    ...[sessions, holders].map(count => count.toLocaleString('en')),
    ms(holdersMs),
    ms(othersMs),
    String(lost),
  ]
  for (const line of table(header, rows.map(cells))) print(line)
}

function sessionCells(row: SessionsRow): string[] {
  const { size, primary, backup, holdingCpuPercent, promotionMs } = row
  const percent = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} %`)
  return [
    size.toLocaleString('en'),
    ...[primary.heapBytes, backup.heapBytes, primary.residentBytes, backup.residentBytes].map(mib),
    ...[row.primaryCpuPercent, row.backupCpuPercent, row.viewServerCpuPercent, holdingCpuPercent].map(
      percent,
    ),
    ms(promotionMs),
  ]
}

function printGrowth<Row extends { readonly size: number }>(
  rows: readonly Row[],
  costs: readonly (readonly [what: string, unit: string, costOf: (row: Row) => number])[],
): void {
  for (const [what, unit, costOf] of costs) {
    const { perOne, exponent } = growthOf(rows.map(row => [row.size, costOf(row)]))
    const power = Number.isFinite(exponent)
      ? `; grows as size^${exponent.toFixed(2)} between the two largest`
      : ''
    print(`${what}: ${perOne.toPrecision(3)} ${unit}${power}`)
  }
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`
}
