// Latencies in few numbers: buckets that grow with the value, so that each is known to about 1.5 % from a
// tenth of a microsecond to a minute, and recording costs next to nothing.

/** Buckets for each doubling of the value. */
const perDoubling = 64
const shift = 6
const doublings = 30 - shift

export class Latencies {
  readonly counts: Uint32Array

  constructor(counts: Uint32Array = new Uint32Array(perDoubling * (doublings + 1))) {
    this.counts = counts
  }

  record(ms: number): void {
    const index = indexOf(ms)
    this.counts[index] = (this.counts[index] ?? 0) + 1
  }

  add(other: Latencies): void {
    for (const [index, count] of other.counts.entries())
      this.counts[index] = (this.counts[index] ?? 0) + count
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }

  /** The value in ms that this part (0 to 1) of all values is at or below; NaN when there is none. */
  quantile(part: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * part))
    let seen = 0
    for (const [index, count] of this.counts.entries()) {
      seen += count
      if (seen >= wanted) return middleOf(index)
    }
    return Number.NaN
  }
}

/** Linear below `perDoubling` units of 0.1 µs, then this many buckets for each doubling. */
function indexOf(ms: number): number {
  const units = Math.min(2 ** 30 - 1, Math.max(0, Math.round(ms * 10_000)))
  const doubling = Math.max(0, 31 - Math.clz32(units) - shift)
  return doubling * perDoubling + (units >>> doubling)
}

function middleOf(index: number): number {
  const doubling = Math.max(0, Math.floor(index / perDoubling) - 1)
  const first = (index - doubling * perDoubling) * 2 ** doubling
  return (first + (2 ** doubling - 1) / 2) / 10_000
}
