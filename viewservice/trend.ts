// The last hour in figures, for display only: every few seconds what each group's primary says of itself. It is bounded, reads
// no clock and asks nobody: it is fed. A primary that gave no answer leaves a gap, and nothing is guessed in its place.

/** Between two readings. */
export const trendStepMs = 5_000
/** How far back it goes. */
export const trendMs = 3_600_000
/** Points of one group. */
export const trendPointsMax = trendMs / trendStepMs

/** What a primary says: how it is now, and its operations since its start. */
export interface Reading extends Omit<Figures, 'perSecond'> {
  /** The server; another one's operations can't be compared. */
  readonly of: string
  readonly operations: number
}

export interface Figures {
  readonly held: number
  readonly waiting: number
  readonly longestWaitMs: number
  readonly clients: number
  /** Operations a second since the point before; null: they can't be compared. */
  readonly perSecond: number | null
}

/** `at` by the wall clock, since it outlives the process. */
export interface TrendPoint {
  readonly at: number
  /** Null: the primary gave none. */
  readonly figures: Figures | null
}

interface Line {
  points: TrendPoint[]
  last: { readonly at: number; readonly reading: Reading } | null
}

export class Trend {
  readonly #lines = new Map<number, Line>()

  /** By group. */
  get lines(): ReadonlyMap<number, { readonly points: readonly TrendPoint[] }> {
    return this.#lines
  }

  /** Null: there is no primary, or it gave no answer. */
  feed(group: number, at: number, reading: Reading | null): void {
    const line = this.#lines.get(group) ?? { points: [], last: null }
    this.#lines.set(group, line)
    line.points = within([...line.points, { at, figures: reading && figuresOf(line.last, reading, at) }], at)
    line.last = reading && { at, reading }
  }

  /** G8: groups may go while the cluster runs. */
  only(groups: readonly number[]): void {
    for (const group of this.#lines.keys()) if (!groups.includes(group)) this.#lines.delete(group)
  }

  /** What an earlier process has kept, in front of what this one has seen. */
  restore(group: number, points: readonly TrendPoint[], now: number): void {
    const line = this.#lines.get(group) ?? { points: [], last: null }
    const first = line.points[0]?.at ?? now
    line.points = within([...points.filter(({ at }) => at < first), ...line.points], now)
    this.#lines.set(group, line)
  }
}

/** A wall clock that was put back leaves out what it says is still to come. */
function within(points: readonly TrendPoint[], now: number): TrendPoint[] {
  return points.filter(({ at }) => at <= now && at > now - trendMs).slice(-trendPointsMax)
}

function figuresOf(last: Line['last'], reading: Reading, at: number): Figures {
  const { of, operations, ...now } = reading
  return { ...now, perSecond: last === null ? null : rateOf(last, reading, at) }
}

function rateOf({ at: before, reading }: NonNullable<Line['last']>, now: Reading, at: number): number | null {
  if (reading.of !== now.of || now.operations < reading.operations || at <= before) return null
  return ((now.operations - reading.operations) * 1_000) / (at - before)
}
