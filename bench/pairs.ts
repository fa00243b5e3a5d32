// The suite behind `npm run bench` and `holdfast bench`: pairs of acquire and release on distinct keys,
// one hot key, and what an echo would allow. Runs all of it several times and takes medians.

import { echoServer } from './echo.ts'
import { describeMachine, type Machine } from './machine.ts'
import type { Service } from './target.ts'
import { type Load, type Outcome, runLoad } from './workers.ts'

export interface PairsOptions {
  readonly runs: number
  readonly countMs: number
  /** The row with exactly this name, or else the rows whose name contains it. */
  readonly only: string
  /** Called before each measurement. */
  readonly progress: (text: string) => void
}

interface Scenario {
  readonly name: string
  readonly on: 'service' | 'echo'
  readonly keys: Load['keys']
  readonly workers: number
  readonly outstanding: number
}

/** Medians over the runs; times in ms. */
export interface Row {
  readonly name: string
  readonly runs: number
  readonly pairsPerSecond: number
  /** From the call of an acquire to its grant. */
  readonly acquireMs: Quantiles
  readonly cpuUsPerPair: Readonly<Record<string, number>>
  readonly hot?: {
    /** From the call of a release to the next grant. */
    readonly handOffMs: Quantiles
    /** The smallest and the largest part of the grants that one waiter got; 1 is an equal share. */
    readonly smallestShare: number
    readonly largestShare: number
  }
}

export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
}

export interface PairsResult {
  readonly machine: Machine
  readonly service: string
  readonly rows: readonly Row[]
  /** Views that were made during the run: no server is killed, so each of them is a false failover. */
  readonly viewsMade: number
}

const distinct = (outstanding: number, workers = 1): Scenario => ({
  name: `${outstanding} outstanding${workers > 1 ? `, ${workers} processes` : ''}`,
  on: 'service',
  keys: 'distinct',
  workers,
  outstanding,
})
const hot = (outstanding: number): Scenario => ({
  name: `hot key, ${outstanding} waiters`,
  on: 'service',
  keys: 'hot',
  workers: 2,
  outstanding,
})
const echo = (outstanding: number): Scenario => ({
  ...distinct(outstanding),
  name: `echo, ${outstanding} outstanding`,
  on: 'echo',
})

const scenarios: readonly Scenario[] = [
  ...[1, 16, 64, 256, 1024].map(outstanding => distinct(outstanding)),
  // Its best load, twice that, and far more: then every call only waits longer.
  ...[1024, 2048, 4096, 16_384].map(outstanding => distinct(outstanding, 4)),
  ...[2, 16, 64].map(hot),
  ...[1, 64, 1024].map(echo),
]

export async function runPairs(service: Service, options: PairsOptions): Promise<PairsResult> {
  const machine = describeMachine()
  const chosen = choose(options.only)
  const outcomes = new Map<Scenario, Outcome[]>(chosen.map(scenario => [scenario, []]))
  await using limit = await echoServer()
  const viewBefore = (await service.viewNumber?.()) ?? 0
  for (let run = 1; run <= options.runs; run++) {
    for (const scenario of chosen) {
      options.progress(`run ${run} of ${options.runs}: ${scenario.name}`)
      const load = { ...scenario, countMs: options.countMs }
      outcomes.get(scenario)?.push(await runLoad(scenario.on === 'echo' ? limit : service, load))
    }
  }
  const rows = chosen.map(each => rowOf(each, outcomes.get(each) ?? []))
  const viewsMade = ((await service.viewNumber?.()) ?? 0) - viewBefore
  return { machine, service: service.name, rows, viewsMade }
}

function choose(only: string): readonly Scenario[] {
  const named = scenarios.filter(({ name }) => name === only)
  return named.length > 0 ? named : scenarios.filter(({ name }) => name.includes(only))
}

function rowOf({ name, keys }: Scenario, outcomes: readonly Outcome[]): Row {
  const middle = (value: (outcome: Outcome) => number) => median(outcomes.map(value))
  const roles = Object.keys(outcomes[0]?.cpuUsPerPair ?? {})
  return {
    name,
    runs: outcomes.length,
    pairsPerSecond: middle(outcome => outcome.pairsPerSecond),
    acquireMs: quantiles(outcomes, 'latencies'),
    cpuUsPerPair: Object.fromEntries(
      roles.map(role => [role, middle(outcome => outcome.cpuUsPerPair[role] ?? Number.NaN)]),
    ),
    ...(keys === 'hot' && {
      hot: {
        handOffMs: quantiles(outcomes, 'handOffs'),
        smallestShare: middle(outcome => Math.min(...outcome.shares)),
        largestShare: middle(outcome => Math.max(...outcome.shares)),
      },
    }),
  }
}

function quantiles(outcomes: readonly Outcome[], of: 'latencies' | 'handOffs'): Quantiles {
  const at = (part: number) => median(outcomes.map(outcome => outcome[of].quantile(part)))
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999) }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}
