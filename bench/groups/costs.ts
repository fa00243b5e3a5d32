// What a pair and a frame cost each process: measured with one group at several loads, in which frames are fuller or emptier,
// and told apart by the line that fits best.

import { median } from '../pairs.ts'
import type { Service } from '../target.ts'
import { type Outcome, runLoad } from '../workers.ts'
import type { Cost, Costs, Role } from './model.ts'

const outstandings = [16, 64, 256, 1_024] as const

export interface CostOptions {
  readonly runs: number
  readonly countMs: number
  readonly progress: (text: string) => void
}

export async function measureCosts(service: Service, options: CostOptions): Promise<Costs> {
  const { runs, countMs, progress } = options
  const outcomes: Outcome[][] = outstandings.map(() => [])
  for (let run = 1; run <= runs; run++)
    for (const [i, outstanding] of outstandings.entries()) {
      progress(`run ${run} of ${runs}: what a pair and a frame cost, ${outstanding} outstanding`)
      outcomes[i]?.push(await runLoad(service, { keys: 'distinct', workers: 1, outstanding, countMs }))
    }
  const costOf = (role: Role) =>
    lineThrough(
      outcomes.map(each => ({
        frames: median(each.map(({ writesPerPair }) => writesPerPair[role] ?? Number.NaN)),
        us: median(each.map(({ cpuUsPerPair }) => cpuUsPerPair[role] ?? Number.NaN)),
      })),
    )
  return { client: costOf('client'), primary: costOf('primary'), backup: costOf('backup') }
}

/** Least squares; a frame costs nothing less than nothing, nor does a pair. */
export function lineThrough(points: readonly { readonly frames: number; readonly us: number }[]): Cost {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(({ frames }) => frames)), mean(points.map(({ us }) => us))]
  const slope =
    mean(points.map(({ frames, us }) => (frames - x) * (us - y))) /
    mean(points.map(({ frames }) => (frames - x) ** 2))
  const frameUs = Math.max(0, slope)
  return { frameUs, pairUs: Math.max(0, y - frameUs * x) }
}
