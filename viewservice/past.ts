// How views and figures are kept for the next process of this view server: text with a format number. It is for display only,
// so what can't be read is left out as a whole, and its loss harms nothing. Times in the text are by the wall clock.

import { viewsRememberedMax } from '../wire/limits.ts'
import { groupsMax } from '../wire/slots.ts'
import { lossCauses } from './cause.ts'
import { viewChanges } from './counts.ts'
import type { PastView } from './history.ts'
import { type TrendPoint, trendPointsMax } from './trend.ts'

const format = 1

export interface Past {
  readonly views: readonly PastView[]
  /** By group. */
  readonly lines: ReadonlyMap<number, { readonly points: readonly TrendPoint[] }>
}

/** The same moment by both clocks. */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

export function encodePast({ views, lines }: Past, now: Moment): string {
  const shift = now.wall - now.monotonic
  return JSON.stringify({
    format,
    views: views.map(view => shifted(view, shift)),
    lines: [...lines].map(([group, { points }]) => [group, points.map(rowOf)]),
  })
}

/** Throws what is wrong with it. */
export function decodePast(text: string, now: Moment): Past {
  const said: unknown = JSON.parse(text)
  if (!isObject(said)) throw new Error('it is no history')
  if (said.format !== format)
    throw new Error(`it has format ${String(said.format)}, and this version reads ${format}`)
  const { views, lines } = said
  if (!isList(views, viewsRememberedMax) || !views.every(isView)) throw new Error('a view in it is spoilt')
  if (!isList(lines, groupsMax)) throw new Error('it has no figures')
  const shift = now.monotonic - now.wall
  return { views: views.map(view => shifted(view, shift)), lines: new Map(lines.map(lineOf)) }
}

function shifted(view: PastView, by: number): PastView {
  const at = (time: number | null) => (time === null ? null : time + by)
  return {
    ...view,
    madeAt: view.madeAt + by,
    silentSince: at(view.silentSince),
    enteredAt: at(view.enteredAt),
    ackedAt: at(view.ackedAt),
  }
}

function rowOf({ at, figures }: TrendPoint): readonly (number | null)[] {
  if (figures === null) return [at]
  const { held, waiting, longestWaitMs, clients, perSecond } = figures
  return [
    at,
    held,
    waiting,
    longestWaitMs,
    clients,
    perSecond === null ? null : Math.round(perSecond * 10) / 10,
  ]
}

function lineOf(line: unknown): [number, { readonly points: readonly TrendPoint[] }] {
  const [group, rows] = isList(line, 2) ? line : []
  if (!isCount(group) || !isList(rows, trendPointsMax)) throw new Error('its figures are spoilt')
  return [group, { points: rows.map(pointOf) }]
}

function pointOf(row: unknown): TrendPoint {
  if (!isList(row, 6) || !row.every((each, i) => isCount(each) || (i === 5 && each === null)))
    throw new Error('a figure in it is spoilt')
  const [at, held, waiting, longestWaitMs, clients, perSecond = null] = row as (number | null)[]
  if (held == null || waiting == null || longestWaitMs == null || clients == null)
    return { at: at ?? 0, figures: null }
  return { at: at ?? 0, figures: { held, waiting, longestWaitMs, clients, perSecond } }
}

function isView(view: unknown): view is PastView {
  if (!isObject(view)) return false
  const { group, number, change, primary, backup, cause, madeAt, silentSince, enteredAt, ackedAt } = view
  return (
    isCount(group) &&
    isCount(number) &&
    viewChanges.some(known => known === change) &&
    typeof primary === 'string' &&
    (backup === null || typeof backup === 'string') &&
    (cause === null || lossCauses.some(known => known === cause)) &&
    isCount(madeAt) &&
    [silentSince, enteredAt, ackedAt].every(time => time === null || isCount(time))
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isList(value: unknown, max: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= max
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
