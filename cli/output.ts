// What is printed and where: data on stdout, notes on stderr, colours on terminals only.

import { columnsOf, columnsOfSign } from './width.ts'

/** One line of data. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** One line for an operator to read; never data. */
export function note(line: string): void {
  process.stderr.write(`holdfast: ${line}\n`)
}

const colours = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Colour = keyof typeof colours

/** Coloured if stdout is a terminal and NO_COLOR is not set (no-color.org). */
export function paint(colour: Colour, text: string): string {
  const plain = !process.stdout.isTTY || process.env.NO_COLOR
  return plain ? text : `\x1b[${colours[colour]}m${text}\x1b[0m`
}

/** Lines with aligned columns; the header is in capitals, so that it differs from the data in a pipe too. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map(row => widthOf(row[column] ?? ''))))
  return all.map(row =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] as number) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  )
}

/** At most this wide; an ellipsis shows that something was cut off. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let room = width - 1
  // Once a sign has found no room, a narrower one behind it gets none either; colours still end.
  const fits = (part: string) => {
    if (part.length > 2) return true
    room -= columnsOfSign(part)
    return room >= 0
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences.
  const kept = text.match(/\x1b\[\d+m|./gsu)?.filter(fits) ?? []
  return `${kept.join('')}…`
}

/** The width on the terminal, where colours take no room. */
export function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences.
  return columnsOf(text.includes('\x1b') ? text.replace(/\x1b\[\d+m/g, '') : text)
}

/** A bar for progress from 0 to 100. */
export function bar(percent: number, width = 20): string {
  const full = Math.round((Math.min(100, Math.max(0, percent)) * width) / 100)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.round(percent)} %`
}

/** Names may contain anything; a line must stay a line, and show what is in it. */
export function oneLine(text: string): string {
  if (!odd.test(text.replaceAll(' ', ''))) return text
  return JSON.stringify(text).replace(oddSign, sign =>
    sign === ' ' ? sign : `\\u{${sign.codePointAt(0)?.toString(16)}}`,
  )
}

/** Of no form of its own, or a blank: it could break a line, turn it round, or hide. */
const odd = /[\p{C}\p{Z}]/u
/** JSON escapes only those below the blank. */
const oddSign = /[\p{C}\p{Z}]/gu

/** A name in a sentence. */
export function quoted(name: string): string {
  return odd.test(name.replaceAll(' ', '')) ? oneLine(name) : JSON.stringify(name)
}

/** How wide lines may be; null: not on a terminal, where a line is as long as what it says. */
export function terminalWidth(): number | null {
  return process.stdout.isTTY ? process.stdout.columns || 80 : null
}

/** `1,500 operations/s`. */
export function rateText(perSecond: number): string {
  const whole = Math.round(perSecond)
  return `${grouped(whole)} ${whole === 1 ? 'operation' : 'operations'}/s`
}

/** `5,007`. */
export function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
