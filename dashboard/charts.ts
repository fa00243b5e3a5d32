// Two charts over the last minutes: operations a second, and how long things take. The same figures stand
// beside them as text.

import type { Latency, Stats } from './answers.ts'
import { Chart, type Mark, wholeSteps } from './chart.ts'
import { byId } from './element.ts'
import { parts, percentilesOf, ratesOf, type Sample } from './rates.ts'
import { grouped, lengthOf } from './words.ts'

const seconds = 300
const samplesMax = seconds + 20
const height = 180

export class Charts {
  readonly #rate = new Chart(byId('rate'), {
    names: ['operations', 'grants'],
    words: value => `${grouped(Math.round(value))}/s`,
    least: 10,
    steps: wholeSteps,
    seconds,
    height,
  })
  readonly #latency = new Chart(byId('latency'), {
    names: ['50 %', '90 %', '99 %'],
    words: lengthOf,
    least: 1,
    steps: null,
    seconds,
    height,
  })
  readonly #of = byId<HTMLSelectElement>('latency-of')
  readonly #samples: (Sample | null)[] = []
  #marks: readonly Mark[] = []

  constructor() {
    this.#of.addEventListener('change', () => this.#draw())
  }

  /** Null: the primary did not answer. */
  add(stats: Stats | null, of: string, marks: readonly Mark[]): void {
    this.#samples.push(stats === null ? null : { stats, of, atMs: Date.now() })
    if (this.#samples.length > samplesMax) this.#samples.shift()
    this.#marks = marks
    this.#draw()
  }

  #draw(): void {
    const times: number[] = []
    const rates: [number | null, number | null][] = []
    const percentiles: (readonly (number | null)[])[] = []
    const none = parts.map(() => null)
    for (const [i, sample] of this.#samples.entries()) {
      const before = this.#samples[i - 1]
      if (!sample) continue
      const rate = before ? ratesOf(before, sample) : null
      times.push(sample.atMs / 1_000)
      rates.push([rate?.operations ?? null, rate?.grants ?? null])
      percentiles.push((before && percentilesOf(before, sample, this.#of.value as Latency)) ?? none)
    }
    this.#rate.show(times, turned(rates, 2), this.#marks)
    this.#latency.show(times, turned(percentiles, parts.length), this.#marks)
  }
}

/** Rows as lines. */
function turned(rows: readonly (readonly (number | null)[])[], count: number): (number | null)[][] {
  return Array.from({ length: count }, (_, i) => rows.map(row => row[i] ?? null))
}
