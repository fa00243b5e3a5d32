// The figures in README, and of what a machine carries in OPERATIONS, are those of docs/figures.json, which one run of `npm run figures` wrote.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { type Figures, withFigures } from '../bench/figures-table.ts'
import { hardwareText } from '../bench/hardware-table.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

t.test('each figure of speed in README comes from the file of one run', t => {
  const figures = JSON.parse(read('docs/figures.json')) as Figures
  t.equal(read('README.md'), withFigures(read('README.md'), figures))
  t.ok(figures.peers.length > 5 && figures.gaps.length === 2)
  t.end()
})

t.test('each figure of what a machine carries that is of that run, too', t => {
  const figures = JSON.parse(read('docs/figures.json')) as Figures
  const guide = read('docs/OPERATIONS.md')
  t.equal(guide, withFigures(guide, figures, hardwareText))
  t.end()
})

t.test('another figure in the file is another figure in README', t => {
  const figures = JSON.parse(read('docs/figures.json')) as Figures
  const gaps = figures.gaps.map(row => ({ ...row, gaps: row.gaps.map(gap => gap + 1) }))
  t.not(withFigures(read('README.md'), { ...figures, gaps }), read('README.md'))
  t.end()
})
