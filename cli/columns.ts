// A table as wide as the terminal: first long cells are cut, then columns are left out, those that matter least
// first. In a pipe the table is whole, so that it is the same for every reader. It prints nothing.

import { clip, table, widthOf } from './output.ts'

export interface Column {
  readonly title: string
  /** Its cells may be cut to this width; none: they are shown whole. */
  readonly least?: number
  /** Columns with a number are left out if there is no room, the largest number first. */
  readonly spare?: number
}

const between = 2

/** Header and rows; `width` null: as wide as they are. */
export function tableIn(
  width: number | null,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  if (width === null)
    return table(
      columns.map(({ title }) => title),
      rows,
    )
  const kept = fitting(width, columns, rows)
  return table(
    kept.map(({ column }) => column.title),
    rows.map(row => kept.map(({ at, columns: room }) => clip(row[at] ?? '', room))),
  ).map(line => clip(line, width))
}

interface Fitting {
  readonly column: Column
  readonly at: number
  readonly columns: number
}

function fitting(width: number, columns: readonly Column[], rows: readonly (readonly string[])[]): Fitting[] {
  let kept: Fitting[] = columns.map((column, at) => ({
    column,
    at,
    columns: rows.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), column.title.length),
  }))
  // A column that says nothing at all is the first to go.
  kept = kept.filter(({ column, at }) => column.spare === undefined || rows.some(row => row[at] !== ''))
  for (;;) {
    const least = widthOfAll(kept.map(({ column, columns }) => Math.min(columns, column.least ?? columns)))
    const spare = kept.filter(({ column }) => column.spare !== undefined)
    if (least <= width || spare.length === 0) return shared(width, kept)
    const next = Math.max(...spare.map(({ column }) => column.spare ?? 0))
    kept = kept.filter(({ column }) => column.spare !== next)
  }
}

function widthOfAll(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each, Math.max(0, widths.length - 1) * between)
}

/** The widest of those that may be cut gives way first. */
function shared(width: number, kept: readonly Fitting[]): Fitting[] {
  const room = kept.map(({ columns }) => columns)
  for (let over = widthOfAll(room) - width; over > 0; ) {
    const left = kept.map(({ column }, i) =>
      (room[i] ?? 0) > (column.least ?? Number.POSITIVE_INFINITY) ? (room[i] ?? 0) : 0,
    )
    const [widest = 0, second = 0] = [...left].sort((a, b) => b - a)
    if (widest === 0) break
    const i = left.indexOf(widest)
    const least = Math.max(kept[i]?.column.least ?? 0, Math.min(second, widest - 1))
    const cut = Math.min(over, widest - least)
    room[i] = widest - cut
    over -= cut
  }
  return kept.map((each, i) => ({ ...each, columns: room[i] ?? 0 }))
}
