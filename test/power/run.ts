// Plays all rounds, one era after the other, in its own namespaces, and prints the table. Started by main.ts, which also
// removes the folder; ends when main.ts does.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { median, printTable } from '../fixtures/table.ts'
import { lackOfDisks } from './disks.ts'
import { EraRun, type Felt } from './era.ts'
import { describe, type Era, erasOf, type PlanOptions } from './plan.ts'

export interface RunOptions extends PlanOptions {
  readonly folder: string
  /** Logs, histories and folders stay. */
  readonly keep: boolean
  /** Whether mounts of this process are its own, and end with it. */
  readonly ownMounts: boolean
}

interface Row {
  readonly era: Era
  readonly felt: readonly Felt[]
  readonly grants: number
  readonly violations: readonly string[]
}

const options = JSON.parse(process.argv[2] as string) as RunOptions
const alone = () => process.exit(1)
process.on('disconnect', alone)

async function play(era: Era, folder: string): Promise<Row> {
  const run = new EraRun(era, folder)
  try {
    await run.begin()
    for (const [i, round] of era.rounds.entries()) {
      process.stderr.write(`  ${describe(round)}`)
      const { nextGrantMs, duringSnapshot } = await run.play(round, era.rounds[i + 1])
      const grant = nextGrantMs === null ? '' : `, next grant after ${Math.round(nextGrantMs)} ms`
      process.stderr.write(`${grant}${duringSnapshot ? ', a snapshot was under way' : ''}\n`)
      if (run.violations.length > 0) break
    }
  } catch (error) {
    run.violations.push(String(error))
  } finally {
    await run.end()
  }
  if (!options.keep && (era.lying || run.violations.length === 0))
    rmSync(folder, { recursive: true, force: true })
  return { era, felt: run.felt, grants: run.grants, violations: run.violations }
}

const nameOf = ({ locks, on, lying }: Era) =>
  `${locks.toLocaleString('en')} locks${on === 'ext4' ? ', on ext4' : ''}${lying ? ', syncs that lie' : ''}`

const rows: Row[] = []
const skipped: string[] = []
const lack = options.ownMounts ? lackOfDisks(options.folder) : 'they need root and namespaces of their own'
for (const [i, era] of erasOf(options).entries()) {
  if (era.on === 'ext4' && lack !== null) {
    const numbers = era.rounds.map(({ number }) => number).join(', ')
    skipped.push(
      era.lying ? 'the proof that those would fail' : `the losses of power on ext4 (rounds ${numbers})`,
    )
    continue
  }
  process.stderr.write(`${nameOf(era)}\n`)
  const row = await play(era, join(options.folder, `era-${i + 1}`))
  for (const violation of row.violations.slice(0, era.lying ? 3 : 10))
    process.stderr.write(`    ${violation}\n`)
  rows.push(row)
}

const grantsOf = (felt: readonly Felt[], away: boolean) =>
  felt.flatMap(({ lacks, nextGrantMs }) =>
    (lacks === 'machine' || lacks === 'frozen') === away && nextGrantMs !== null ? [nextGrantMs] : [],
  )
const cell = (values: readonly number[], pick: (values: readonly number[]) => number) =>
  values.length === 0 ? '-' : pick(values).toFixed(0)
const worst = (values: readonly number[]) => Math.max(...values)

printTable(
  [
    'held all the time',
    'losses of power',
    'during a snapshot',
    'last start to next grant: median ms',
    'worst ms',
    'a machine stays away: median ms',
    'worst ms',
    'grants checked',
    'violations',
  ],
  rows.map(({ era, felt, grants, violations }) => [
    nameOf(era),
    String(felt.length),
    String(felt.filter(({ duringSnapshot }) => duringSnapshot).length),
    ...[false, true].flatMap(away => [cell(grantsOf(felt, away), median), cell(grantsOf(felt, away), worst)]),
    String(grants),
    String(violations.length),
  ]),
)
/** Syncs that lie must lose what clients were told, and nothing else may. */
const isRight = ({ era, violations }: Row) =>
  era.lying ? violations.some(text => text.includes('is not held any more')) : violations.length === 0
const bad = rows.filter(row => !isRight(row))
for (const { era } of bad)
  console.log(
    era.lying
      ? 'WRONG: syncs that lie lost nothing, so the rounds on ext4 show nothing'
      : `WRONG: ${nameOf(era)}`,
  )
for (const what of skipped) console.log(`SKIPPED: ${what}: ${lack}`)
console.log(
  `\nseed ${options.seed}: ${rows.length - bad.length} passed, ${bad.length} failed, ${skipped.length} skipped`,
)
process.exitCode = bad.length === 0 && rows.length + skipped.length > 0 ? 0 : 1
// Disconnecting oneself raises the same event.
process.off('disconnect', alone)
process.disconnect()
