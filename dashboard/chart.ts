// One chart: lines over time, with marks where a server was lost. The same figures stand beside it as text, so the drawing
// itself is hidden from screen readers.

import uPlot from 'uplot'
import { element, setText } from './element.ts'

/** A moment to be seen in a chart, by this browser's clock. */
export interface Mark {
  readonly atMs: number
  /** It was without a primary for a moment. */
  readonly isGap: boolean
}

export interface ChartOptions {
  readonly names: readonly string[]
  readonly words: (value: number) => string
  /** The axis ends here or above, so that a quiet cluster looks quiet. */
  readonly least: number
  /** Between its ticks; null: any. */
  readonly steps: number[] | null
  readonly seconds: number
  readonly height: number
  /** What stands in place of the newest values. */
  readonly figure?: (line: readonly (number | null)[], words: (value: number) => string) => string
}

/** Between two ticks, so that a rounded one never stands at another place than it says. */
export const wholeSteps = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map(digit => digit * 10 ** i)).flat()

type Lines = readonly (readonly (number | null)[])[]

export class Chart {
  readonly #options: ChartOptions
  readonly #figures: HTMLElement[]
  readonly #plot: uPlot
  #marks: readonly Mark[] = []

  constructor(place: HTMLElement, options: ChartOptions) {
    this.#options = options
    const plotted = element('div', { class: 'plot', 'aria-hidden': 'true' })
    plotted.style.height = `${options.height}px`
    this.#figures = options.names.map(() => element('dd', {}, '–'))
    const keys = options.names.map((name, i) => {
      const swatch = element('span', { class: `swatch line-${i + 1}` })
      return element('div', {}, element('dt', {}, swatch, name), this.#figures[i] ?? '')
    })
    place.append(element('dl', { class: 'figures' }, ...keys), plotted)
    const width = () => plotted.clientWidth || 300
    const none = options.names.map(() => [])
    this.#plot = new uPlot(
      plotOptions(options, width(), plot => this.#drawMarks(plot)),
      [[], ...none],
      plotted,
    )
    new ResizeObserver(() => this.#plot.setSize({ width: width(), height: options.height })).observe(plotted)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot.redraw())
  }

  /** Times in seconds; a line for each name. */
  show(times: number[], lines: Lines, marks: readonly Mark[] = []): void {
    this.#marks = marks
    this.#plot.setData([times, ...lines.map(line => [...line])])
    const { words, figure = newest } = this.#options
    for (const [i, each] of this.#figures.entries()) setText(each, figure(lines[i] ?? [], words))
  }

  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot
    ctx.save()
    ctx.lineWidth = 1.5 * devicePixelRatio
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio])
    for (const { atMs, isGap } of this.#marks) {
      const x = plot.valToPos(atMs / 1_000, 'x', true)
      if (x < bbox.left || x > bbox.left + bbox.width) continue
      ctx.strokeStyle = colour(isGap ? '--bad' : '--care')
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
    }
    ctx.restore()
  }
}

function newest(line: readonly (number | null)[], words: (value: number) => string): string {
  const last = line.at(-1)
  return last === null || last === undefined ? '–' : words(last)
}

function plotOptions(options: ChartOptions, width: number, draw: (plot: uPlot) => void): uPlot.Options {
  const { names, words, least, steps, seconds, height } = options
  const axis = {
    stroke: () => colour('--muted'),
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  const now = () => Date.now() / 1_000
  const timeOf = seconds > 600 ? shortTime : longTime
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    hooks: { draw: [draw] },
    scales: {
      x: { range: () => [now() - seconds, now()] },
      y: { range: (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, space: 70, size: 28, values: (_, ticks) => ticks.map(timeOf) },
      {
        ...axis,
        size: 66,
        space: 26,
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
}

function longTime(seconds: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, 8)
}

function shortTime(seconds: number): string {
  return longTime(seconds).slice(0, 5)
}

function colour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}
