// What was measured of groups, as text for the terminal.

import { table } from '../../cli/output.ts'
import { type Machine, machineLine } from '../machine.ts'
import type { Apart } from './apart.ts'
import type { ModelRow, Part } from './larger.ts'
import type { Costs } from './model.ts'
import type { ScalingRow } from './scaling.ts'
import type { SetRow } from './sets-across.ts'
import type { Share } from './shares.ts'

export interface GroupsResult {
  readonly machine: Machine
  readonly runs: number
  /** Of each lock server; null: see `noShares`. */
  readonly share: Share | null
  readonly noShares: string | null
  readonly rows: readonly ScalingRow[]
  readonly apart: Apart | null
  readonly sets: readonly SetRow[]
  readonly model: { readonly costs: Costs; readonly rows: readonly ModelRow[] } | null
}

export function groupsText(result: GroupsResult): string[] {
  const { machine, runs, rows, apart, sets, model } = result
  return [
    `Groups; medians of ${runs} runs`,
    machineLine(machine),
    shareLine(result),
    ...(rows.length === 0 ? [] : ['', ...scalingLines(rows), ...largestDeviation(rows)]),
    ...(apart === null ? [] : ['', apartLine(apart)]),
    ...(sets.length === 0 ? [] : ['', ...setLines(sets)]),
    ...(model === null ? [] : ['', ...modelLines(model.costs, model.rows)]),
  ]
}

function shareLine({ share, noShares }: GroupsResult): string {
  if (share === null)
    return `without fixed shares of a core, so that servers take it from each other: ${noShares}`
  const { quotaUs, periodUs } = share
  const part = ((100 * quotaUs) / periodUs).toFixed(2)
  return `each lock server has ${part} % of a core: ${quotaUs / 1_000} ms in each ${(periodUs / 1_000).toFixed(1)} ms`
}

function scalingLines(rows: readonly ScalingRow[]): string[] {
  const header = [
    'GROUPS',
    'PAIRS/S',
    'OF PROPORTIONAL',
    'ACQUIRE P50',
    'P99',
    'CPU US A PAIR: CLIENT',
    'PRIMARY',
    'BACKUP',
    'SHARE USED',
    'MESSAGES AT THE VIEW SERVER A PAIR',
    'ITS CPU A LOCK SERVER',
    'ONE HOT NAME',
  ]
  return table(
    header,
    rows.map(row => [
      String(row.groups),
      whole(row.pairsPerSecond),
      percent(row.ofProportional),
      ms(row.acquireMs.p50),
      ms(row.acquireMs.p99),
      ...['client', 'primary', 'backup'].map(role => (row.cpuUsPerPair[role] ?? Number.NaN).toFixed(2)),
      row.shareUsed === null ? '-' : percent(row.shareUsed),
      row.viewServerMessagesPerPair.toFixed(4),
      `${row.viewServerCpuPerServer.toFixed(3)} %`,
      `${whole(row.hotGrantsPerSecond)}/s`,
    ]),
  )
}

/** How far the rows are from proportional, and the cost of a pair from that with the fewest groups. */
function largestDeviation(rows: readonly ScalingRow[]): string[] {
  const worst = (values: readonly number[]) => Math.max(...values.map(value => Math.abs(value - 1)))
  const cost = (role: string) =>
    worst(rows.map(({ cpuUsPerPair }) => (cpuUsPerPair[role] ?? 0) / (rows[0]?.cpuUsPerPair[role] ?? 0)))
  const costs = ['client', 'primary', 'backup'].map(role => `${role} ${percent(cost(role))}`)
  return [
    `furthest from proportional: ${percent(worst(rows.map(({ ofProportional }) => ofProportional)))}; cost of a pair furthest from that of the first row: ${costs.join(', ')}`,
  ]
}

function apartLine({ kills, quietP99Ms, failingP99Ms, times }: Apart): string {
  return `p99 of an acquire in one group: ${ms(quietP99Ms)}; while the other group's primary is killed (${kills} kills): ${ms(failingP99Ms)}, ${times.toFixed(2)} times`
}

function setLines(rows: readonly SetRow[]): string[] {
  return table(
    ['SETS OF NAMES', 'IN GROUPS', 'ACQUIRE P50', 'CPU US A SET'],
    rows.map(({ groups, names, acquireP50Ms, cpuUs }) => [
      String(names),
      String(groups),
      ms(acquireP50Ms),
      whole(cpuUs),
    ]),
  )
}

function modelLines(costs: Costs, rows: readonly ModelRow[]): string[] {
  const { client, primary, backup } = costs
  const cost = (name: string, { pairUs, frameUs }: typeof client) =>
    `${name} ${pairUs.toFixed(2)} a pair and ${frameUs.toFixed(1)} a frame`
  const part = ({ pairsPerSecond, ofProportional, busy }: Part) => [
    whole(pairsPerSecond),
    percent(ofProportional),
    percent(busy.primary),
  ]
  const header = [
    'GROUPS, SIMULATED',
    'CLIENTS OF ONE GROUP: PAIRS/S',
    'OF PROPORTIONAL',
    'PRIMARIES BUSY',
    'CLIENTS OF ALL GROUPS: PAIRS/S',
    'OF PROPORTIONAL',
    'PRIMARIES BUSY',
  ]
  return [
    `measured CPU us: ${[cost('client', client), cost('primary', primary), cost('backup', backup)].join('; ')}`,
    ...table(
      header,
      rows.map(({ groups, one, all }) => [String(groups), ...part(one), ...part(all)]),
    ),
  ]
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`
}
