// The figures that README shows, as text: from the file that one run of `npm run figures` wrote. It measures nothing.

import type { GapRow } from './failover/gaps.ts'
import type { Machine } from './machine.ts'
import type { PeerRow } from './peers/compare.ts'

/** docs/figures.json */
export interface Figures {
  /** As `2026-11-30`. */
  readonly date: string
  /** Short; of the code that was measured. */
  readonly commit: string
  readonly machine: Machine
  readonly runs: number
  readonly peers: readonly PeerRow[]
  readonly gaps: readonly GapRow[]
}

export const beginsAt = '<!-- figures -->'
export const endsAt = '<!-- end of figures -->'

/** The document with these figures in the place of its last ones. */
export function withFigures(document: string, figures: Figures, show = figuresText): string {
  const [begin, end] = [document.indexOf(beginsAt), document.indexOf(endsAt)]
  if (begin < 0 || end < begin) throw new Error(`the document has no ${beginsAt} … ${endsAt}`)
  return `${document.slice(0, begin + beginsAt.length)}\n${show(figures)}\n${document.slice(end)}`
}

export function figuresText(figures: Figures): string {
  const { date, commit, machine, runs, peers, gaps } = figures
  const loads = peers[0]?.cells.map(({ load }) => load) ?? []
  return [
    `Pairs of acquire and release a second; medians of ${runs} runs. \`npm run figures\`, ${date}, commit ${commit}, ${machine.cores} cores of`,
    `${machine.cpu}, ${machine.memoryGib} GiB, Node ${machine.node}; clients and servers share them.`,
    '',
    `| | ${loads.join(' | ')} |`,
    `|---|${loads.map(() => '---:|').join('')}`,
    ...peers.map(
      ({ service, cells }) => `| ${service} | ${cells.map(each => whole(each.pairsPerSecond)).join(' | ')} |`,
    ),
    '',
    '| `kill -9` of the primary, until the next grant | times | median | 99 % within |',
    '|---|---:|---:|---:|',
    ...gaps.map(
      ({ name, gaps }) =>
        `| ${name.replace('kill -9, ', '')} | ${gaps.length} | ${ms(at(gaps, 0.5))} | ${ms(at(gaps, 0.99))} |`,
    ),
  ].join('\n')
}

function whole(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

function ms(time: number): string {
  return `${time.toFixed(1)} ms`
}

/** The value that this part of all values is at or below. */
function at(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN
}
