// Help as wide as the terminal: lines end between words. It words nothing; in a pipe each text stays as it was written.

import { columnsOf } from './width.ts'

/** Longer lines are hard to read. */
const widthMax = 100

/** A row of two columns; what does not fit goes on below the second one. `width`: null: all in one line. */
export function rowLines(left: string, right: string, leftWidth: number, width: number | null): string[] {
  const head = `  ${left.padEnd(leftWidth)}  `
  if (width === null) return [head + right]
  const indent = ' '.repeat(leftWidth + 4)
  return linesOf(right, width, head, indent)
}

/** Paragraphs, each made anew of its lines. `width`: null: as they are. */
export function textLines(text: string, width: number | null): string[] {
  if (width === null) return [text]
  const paragraphs = text.split('\n\n').map(part => linesOf(part.replaceAll('\n', ' '), width, '', ''))
  return paragraphs.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function linesOf(text: string, width: number, first: string, indent: string): string[] {
  const most = Math.min(width, widthMax)
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && columnsOf(line) + 1 + columnsOf(word) > most) {
      lines.push(line)
      line = indent
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
