// npm run figures -- [--runs N] [--time MS] [--kills N]: measures what README shows, in one run, writes docs/figures.json and
// puts the tables into README. The machine should have nothing else to do.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { note, print } from '../cli/output.ts'
import { wholeNumber } from '../wire/options.ts'
import { measureGaps } from './failover/gaps.ts'
import { type Figures, figuresText, withFigures } from './figures-table.ts'
import { hardwareText } from './hardware-table.ts'
import { describeMachine } from './machine.ts'
import { comparePeers, missing } from './peers/compare.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    time: { type: 'string', default: '3000' },
    kills: { type: 'string', default: '50' },
  },
})
const runs = wholeNumber('--runs', Number(values.runs), 3, 1, 1_000)
const countMs = wholeNumber('--time', Number(values.time), 3_000, 100, 600_000)
const kills = wholeNumber('--kills', Number(values.kills), 50, 1, 100_000)

const absent = missing()
if (absent.length > 0) throw new Error(`README compares with ${absent.join(' and ')}: install it first`)

const figures: Figures = {
  date: new Date().toISOString().slice(0, 10),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  machine: describeMachine(),
  runs,
  peers: await comparePeers({ runs, countMs, only: '', progress: note }),
  gaps: await measureGaps({ kills, only: 'kill -9, light load', progress: note }),
}
const root = new URL('../../', import.meta.url)
const [readme, guide] = [new URL('README.md', root), new URL('docs/OPERATIONS.md', root)]
writeFileSync(new URL('docs/figures.json', root), `${JSON.stringify(figures, null, 2)}\n`)
writeFileSync(readme, withFigures(readFileSync(readme, 'utf8'), figures))
writeFileSync(guide, withFigures(readFileSync(guide, 'utf8'), figures, hardwareText))
print(figuresText(figures))
