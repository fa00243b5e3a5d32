// The last hour, as the view server has kept it: five charts of all groups together, and in each of them marks where a server
// was lost. It is there when someone opens the page after an alarm.

import type { Hour, PastView } from './answers.ts'
import { Chart, type ChartOptions, type Mark, wholeSteps } from './chart.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { causeText, isLoss } from './time-line.ts'
import { grouped, lengthOf } from './words.ts'

const hourMs = 3_600_000
/** Losses that are listed beside the charts; all are in the list of views. */
const listedMax = 5

type Figure = 'perSecond' | 'held' | 'waiting' | 'longestWaitMs' | 'clients'
type Column = readonly (number | null)[]

const count = (value: number) => grouped(Math.round(value))
const shown: readonly (readonly [Figure, string, Pick<ChartOptions, 'words' | 'least' | 'steps'>])[] = [
  ['perSecond', 'operations', { words: value => `${count(value)}/s`, least: 10, steps: wholeSteps }],
  ['held', 'locks held', { words: count, least: 10, steps: wholeSteps }],
  ['waiting', 'waiting', { words: count, least: 10, steps: wholeSteps }],
  ['longestWaitMs', 'longest wait', { words: lengthOf, least: 1_000, steps: null }],
  ['clients', 'clients', { words: count, least: 10, steps: wholeSteps }],
]

export class HourCharts {
  readonly #charts: readonly (readonly [Figure, Chart])[]
  readonly #losses = element('ul', { class: 'losses' })
  readonly #none = byId('no-hour')

  constructor() {
    const place = byId('hour')
    this.#charts = shown.map(([figure, name, options]) => {
      const root = element('div')
      place.append(root)
      const chart = { ...options, names: [name], seconds: hourMs / 1_000, height: 130, figure: newestAndMost }
      return [figure, new Chart(root, chart)] as const
    })
    place.append(element('div', {}, element('h3', {}, 'Servers lost'), this.#losses))
  }

  show(hour: Hour, views: readonly PastView[]): void {
    const ageMs = hour.groups.map(group => group.ageMs).reduce(longer, [])
    this.#none.hidden = ageMs.length > 0
    const now = Date.now()
    const [at, gaps] = withGaps(ageMs, hour.stepMs)
    const times = at.map(age => (now - age) / 1_000)
    const marks = marksOf(views, now)
    for (const [figure, chart] of this.#charts)
      chart.show(times, [gaps(together(hour, figure, ageMs.length))], marks)
    this.#showLosses(views)
  }

  #showLosses(views: readonly PastView[]): void {
    const losses = views.filter(view => isLoss(view) && view.ageMs < hourMs).toReversed()
    const more = losses.length - listedMax
    const lines = losses.length === 0 ? ['None in this hour.'] : losses.slice(0, listedMax).map(lossText)
    if (more > 0) lines.push(`and ${more} more, see Views`)
    const items = lines.map((line, i) => {
      const item = this.#losses.children[i] ?? element('li')
      setText(item, line)
      return item
    })
    setChildren(this.#losses, items)
  }
}

/** When a server was lost, by this browser's clock. */
export function marksOf(views: readonly PastView[], now: number): Mark[] {
  return views.filter(isLoss).map(({ ageMs, change }) => ({
    atMs: now - ageMs,
    isGap: change !== 'backup_dropped' && change !== 'backup_replaced',
  }))
}

/** Of all groups, which are asked at the same moments; one that has been asked for less long has fewer of them. */
function together({ groups }: Hour, figure: Figure, length: number): Column {
  // A client has a session in each group that it uses.
  const isMost = figure === 'longestWaitMs' || figure === 'clients'
  const join = (a: number, b: number) => (isMost ? Math.max(a, b) : a + b)
  return Array.from({ length }, (_, i) => {
    const there = groups.filter(group => group.ageMs.length - length + i >= 0)
    const values = there.flatMap(group => group[figure][group.ageMs.length - length + i] ?? [])
    return values.length === 0 || values.length < there.length ? null : values.reduce(join)
  })
}

function longer<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  return b.length > a.length ? b : a
}

/** Where the view server itself was away, lines have a gap. */
function withGaps(ageMs: readonly number[], stepMs: number): [number[], (column: Column) => Column] {
  const places = ageMs.flatMap((age, i) => {
    const before = ageMs[i - 1]
    return before !== undefined && before - age > 3 * stepMs ? [-1, i] : [i]
  })
  const at = places.map((place, i) => ageMs[place] ?? (ageMs[places[i - 1] ?? 0] ?? 0) - stepMs)
  return [at, column => places.map(place => column[place] ?? null)]
}

function newestAndMost(line: Column, words: (value: number) => string): string {
  const last = line.at(-1)
  const most = Math.max(...line.map(value => value ?? 0))
  if (line.length === 0) return '–'
  return `${last == null ? '–' : words(last)}, at most ${words(most)}`
}

function lossText(view: PastView): string {
  const { ageMs, gapMs, change } = view
  const at = new Date(Date.now() - ageMs).toTimeString().slice(0, 8)
  const what = change === 'promotion' ? 'primary' : 'backup'
  const why = causeText(view.cause)
  const gap = gapMs === null ? 'the gap is not over' : `gap ${lengthOf(gapMs)}`
  return `${at}: ${what}${why === '' ? '' : `, ${why}`}; ${gap}`
}
