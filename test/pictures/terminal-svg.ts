// What a terminal shows, as a picture in SVG: text stays text. It reads the screen, and runs nothing.

import type { IBufferCell, Terminal } from '@xterm/headless'

const cell = { width: 8.4, height: 18 }
const margin = 16
/** The eight colours of a terminal, as its text has them on a dark ground. */
const colours = [
  '#484f58',
  '#ff7b72',
  '#3fb950',
  '#d29922',
  '#58a6ff',
  '#bc8cff',
  '#39c5cf',
  '#b1bac4',
] as const
const ground = '#0d1117'
const plain = '#c9d1d9'

interface Run {
  text: string
  readonly style: string
}

export function terminalSvg(terminal: Terminal, title: string): string {
  const { active } = terminal.buffer
  const lines = Array.from({ length: terminal.rows }, (_, row) => runsOf(terminal, active.viewportY + row))
  while (lines.at(-1)?.length === 0) lines.pop()
  const width = Math.ceil(terminal.cols * cell.width + 2 * margin)
  const height = Math.ceil(lines.length * cell.height + 2 * margin)
  const rows = lines.map((runs, row) => rowOf(runs, margin + (row + 0.75) * cell.height))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${ground}"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${plain}">`,
    ...rows.filter(row => row !== ''),
    '</g></svg>',
    '',
  ].join('\n')
}

/** Neighbours that look alike are one. */
function runsOf(terminal: Terminal, row: number): Run[] {
  const line = terminal.buffer.active.getLine(row)
  const runs: Run[] = []
  for (let column = 0; column < terminal.cols; column++) {
    const each = line?.getCell(column)
    if (each === undefined || each.getWidth() === 0) continue
    const style = styleOf(each)
    const last = runs.at(-1)
    const text = each.getChars() || ' '
    if (last?.style === style) last.text += text
    else runs.push({ text, style })
  }
  const last = runs.at(-1)
  if (last !== undefined) last.text = last.text.trimEnd()
  return last?.text === '' ? runs.slice(0, -1) : runs
}

function styleOf(each: IBufferCell): string {
  const colour = each.isFgPalette() ? colours[each.getFgColor() % 8] : undefined
  return [
    ...(colour === undefined ? [] : [`fill="${colour}"`]),
    ...(each.isBold() ? ['font-weight="bold"'] : []),
    ...(each.isDim() ? ['opacity="0.65"'] : []),
  ].join(' ')
}

function rowOf(runs: readonly Run[], y: number): string {
  if (runs.length === 0) return ''
  const spans = runs.map(({ text, style }) =>
    style === '' ? `<tspan>${escaped(text)}</tspan>` : `<tspan ${style}>${escaped(text)}</tspan>`,
  )
  return `<text x="${margin}" y="${y.toFixed(1)}">${spans.join('')}</text>`
}

/** Spaces that stand together stay so. */
function escaped(text: string): string {
  const letters = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', ' ': '\u00a0' } as const
  return text.replace(/[&<>" ]/g, letter => letters[letter as keyof typeof letters])
}
