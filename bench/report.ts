// Figures as a table for the terminal.

import { table } from '../cli/output.ts'
import { machineLine } from './machine.ts'
import type { PairsResult, Row } from './pairs.ts'

export function pairsTable({ machine, service, rows, viewsMade }: PairsResult): string[] {
  const plain = rows.filter(row => row.hot === undefined)
  const hot = rows.filter(row => row.hot !== undefined)
  const runs = rows[0]?.runs ?? 0
  return [
    `${service}: pairs of acquire and release; medians of ${runs} runs`,
    machineLine(machine),
    '',
    ...(plain.length === 0 ? [] : table(plainHeader, plain.map(plainCells))),
    ...(hot.length === 0 ? [] : ['', ...table(hotHeader, hot.map(hotCells))]),
    '',
    `views made meanwhile, each a false failover: ${viewsMade}`,
  ]
}

const plainHeader = ['DISTINCT KEYS', 'PAIRS/S', 'ACQUIRE P50', 'P99', 'P99.9', 'CPU US A PAIR']
const hotHeader = [
  'ONE KEY',
  'GRANTS/S',
  'HAND-OFF P50',
  'P95',
  'P99',
  'SMALLEST SHARE',
  'LARGEST',
  'CPU US A PAIR',
]

function plainCells({ name, pairsPerSecond, acquireMs, cpuUsPerPair }: Row): string[] {
  const { p50, p99, p999 } = acquireMs
  return [name, rate(pairsPerSecond), ms(p50), ms(p99), ms(p999), cpu(cpuUsPerPair)]
}

function hotCells({ name, pairsPerSecond, hot, cpuUsPerPair }: Row): string[] {
  if (hot === undefined) return [name]
  const { p50, p95, p99 } = hot.handOffMs
  const share = (part: number) => `${(part * 100).toFixed(1)} %`
  return [
    name,
    rate(pairsPerSecond),
    ms(p50),
    ms(p95),
    ms(p99),
    share(hot.smallestShare),
    share(hot.largestShare),
    cpu(cpuUsPerPair),
  ]
}

function rate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en')
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(3) : value.toFixed(1)} ms`
}

function cpu(cpuUsPerPair: Row['cpuUsPerPair']): string {
  return Object.entries(cpuUsPerPair)
    .map(([role, us]) => `${role} ${us.toFixed(1)}`)
    .join(', ')
}
