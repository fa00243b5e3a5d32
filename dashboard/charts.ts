// Two charts over the last minutes: operations a second, and how long things take. The same figures stand
// beside them as text.

import uPlot from 'uplot'
import type { Latency, Stats } from './answers.ts'
import { byId, element, setText } from './element.ts'
import { parts, percentilesOf, ratesOf, type Sample } from './rates.ts'
import { grouped, lengthOf } from './words.ts'

const secondsShown = 300
const samplesMax = secondsShown + 20
const plotHeight = 180
/** Between two ticks, so that a rounded one never stands at another place than it says. */
const wholeSteps = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map(digit => digit * 10 ** i)).flat()

export class Charts {
  readonly #rate = new Chart(
    'rate',
    ['operations', 'grants'],
    value => `${grouped(Math.round(value))}/s`,
    10,
    wholeSteps,
  )
  readonly #latency = new Chart('latency', ['50 %', '90 %', '99 %'], lengthOf, 1, null)
  readonly #of = byId<HTMLSelectElement>('latency-of')
  readonly #samples: (Sample | null)[] = []

  constructor() {
    this.#of.addEventListener('change', () => this.#draw())
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', () => this.#draw())
  }

  /** Null: the primary did not answer. */
  add(stats: Stats | null, of: string): void {
    this.#samples.push(stats === null ? null : { stats, of, atMs: Date.now() })
    if (this.#samples.length > samplesMax) this.#samples.shift()
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
    this.#rate.show(times, rates)
    this.#latency.show(times, percentiles)
  }
}

class Chart {
  readonly #place: HTMLElement
  readonly #figures: HTMLElement[]
  readonly #words: (value: number) => string
  readonly #plot: uPlot

  /** The axis ends at `least` or above, so that a quiet cluster looks quiet. `steps`: between its ticks; null: any. */
  constructor(
    id: string,
    names: readonly string[],
    words: (value: number) => string,
    least: number,
    steps: number[] | null,
  ) {
    this.#words = words
    const plotted = element('div', { class: 'plot', 'aria-hidden': 'true' })
    this.#figures = names.map(() => element('dd', {}, '–'))
    const keys = names.map((name, i) => {
      const swatch = element('span', { class: `swatch line-${i + 1}` })
      return element('div', {}, element('dt', {}, swatch, name), this.#figures[i] ?? '')
    })
    this.#place = byId(id)
    this.#place.append(element('dl', { class: 'figures' }, ...keys), plotted)
    const axis = {
      stroke: () => colour('--muted'),
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    }
    const options: uPlot.Options = {
      width: plotted.clientWidth || 300,
      height: plotHeight,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: () => [Date.now() / 1_000 - secondsShown, Date.now() / 1_000] },
        y: { range: (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, space: 70, size: 28, values: (_, ticks) => ticks.map(agoOf) },
        {
          ...axis,
          size: 66,
          ...(steps !== null && { incrs: steps }),
          values: (_, ticks) => ticks.map(words),
        },
      ],
      series: [
        {},
        ...names.map((name, i) => ({
          label: name,
          stroke: () => colour(`--line-${i + 1}`),
          width: 1.5,
          points: { show: false },
        })),
      ],
    }
    this.#plot = new uPlot(options, [[], ...names.map(() => [])], plotted)
    const resize = () => this.#plot.setSize({ width: plotted.clientWidth || 300, height: plotHeight })
    new ResizeObserver(resize).observe(plotted)
  }

  show(times: number[], rows: readonly (readonly (number | null)[])[]): void {
    const lines = this.#figures.map((_, i) => rows.map(row => row[i] ?? null))
    this.#plot.setData([times, ...lines])
    for (const [i, figure] of this.#figures.entries()) {
      const last = lines[i]?.at(-1)
      setText(figure, last === null || last === undefined ? '–' : this.#words(last))
    }
  }
}

function agoOf(seconds: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, 8)
}

function colour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}
