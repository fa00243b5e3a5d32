// How a cost grows with the size of what causes it.

export interface Growth {
  /** For one more, by least squares over all sizes. */
  readonly perOne: number
  /** k, if the cost above that of size 0 grows as size^k between the two largest sizes: 1 is linear. */
  readonly exponent: number
}

/** Needs the cost of size 0 and of two more sizes, else there is no exponent (NaN). */
export function growthOf(points: readonly (readonly [size: number, cost: number])[]): Growth {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const size = mean(points.map(([size]) => size))
  const cost = mean(points.map(([, cost]) => cost))
  const above = points.reduce((sum, [x, y]) => sum + (x - size) * (y - cost), 0)
  const perOne = above / points.reduce((sum, [x]) => sum + (x - size) ** 2, 0)
  const base = points.find(([size]) => size === 0)?.[1] ?? Number.NaN
  const [smaller = [0, 0], larger = [0, 0]] = points.filter(([size]) => size > 0).slice(-2)
  const exponent = Math.log((larger[1] - base) / (smaller[1] - base)) / Math.log(larger[0] / smaller[0])
  return { perOne, exponent }
}
