// The last hour as the dashboard draws it: ages instead of times, so that a browser's clock does not matter, and one list for
// each figure. It names no lock and no client.

import { type Trend, type TrendPoint, trendStepMs } from '../trend.ts'

export function hourPage({ lines }: Trend, wall: number) {
  return {
    stepMs: trendStepMs,
    groups: [...lines]
      .sort(([a], [b]) => a - b)
      .map(([group, { points }]) => ({ group, ...columnsOf(points, wall) })),
  }
}

/** Null where the primary gave no figures. */
function columnsOf(points: readonly TrendPoint[], wall: number) {
  const of = (name: 'held' | 'waiting' | 'longestWaitMs' | 'clients') =>
    points.map(({ figures }) => (figures === null ? null : Math.round(figures[name])))
  return {
    ageMs: points.map(({ at }) => Math.max(0, Math.round(wall - at))),
    held: of('held'),
    waiting: of('waiting'),
    longestWaitMs: of('longestWaitMs'),
    clients: of('clients'),
    perSecond: points
      .map(({ figures }) => figures?.perSecond?.toFixed(1) ?? null)
      .map(each => (each === null ? null : Number(each))),
  }
}
