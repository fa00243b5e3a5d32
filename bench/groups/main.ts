// npm run bench:groups -- [--groups 1,2,4,8] [--runs N] [--time MS] [--cores PART] [--only shares|apart|sets|model] [--json]:
// whether N groups do N times the pairs, what each costs then, and what does not grow with them. Linux only.

import { parseArgs } from 'node:util'
import { Failure } from '../../cli/failure.ts'
import { note, print, printJson } from '../../cli/output.ts'
import { wholeNumber } from '../../wire/options.ts'
import { describeMachine } from '../machine.ts'
import { measureApart } from './apart.ts'
import { GroupsCluster } from './cluster.ts'
import { measureCosts } from './costs.ts'
import { modelRows } from './larger.ts'
import { type GroupsResult, groupsText } from './report.ts'
import { measureScaling, sharePerServer } from './scaling.ts'
import { measureSets } from './sets-across.ts'
import { CpuShares } from './shares.ts'

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '1,2,4,8' },
    runs: { type: 'string', default: '3' },
    time: { type: 'string', default: '10000' },
    cores: { type: 'string', default: '0.6' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})

const parts = ['shares', 'apart', 'sets', 'model']
if (values.only !== '' && !parts.includes(values.only)) {
  note(`--only takes one of ${parts.join(', ')}, not ${JSON.stringify(values.only)}`)
  process.exit(2)
}
const cores = Number(values.cores)
if (!(cores > 0 && cores <= 64)) {
  note(`--cores takes what all lock servers get together, such as 0.6 of a core, not ${values.cores}`)
  process.exit(2)
}
const groups = values.groups
  .split(',')
  .map(each => wholeNumber('--groups', Number(each), 1, 1, 15))
  .sort((a, b) => a - b)
const runs = wholeNumber('--runs', Number(values.runs), 3, 1, 1_000)
const countMs = wholeNumber('--time', Number(values.time), 10_000, 500, 600_000)
const wants = (part: string) => values.only === '' || values.only === part
const common = { runs, countMs, progress: note }

const noShares = whyNoShares()
const share = noShares === null ? sharePerServer({ groups, cores }) : null
const most = groups.at(-1) ?? 1
const result: GroupsResult = {
  machine: describeMachine(),
  runs,
  share,
  noShares,
  rows: wants('shares') ? await measureScaling({ ...common, groups, cores, share }) : [],
  apart: wants('apart')
    ? await measureApart({ ...common, rounds: runs, cores: noShares === null ? cores : null })
    : null,
  sets: wants('sets') && most > 1 ? await measureSets({ ...common, groups: most }) : [],
  model: wants('model') ? await model() : null,
}
if (values.json) printJson(result)
else for (const line of groupsText(result)) print(line)

async function model() {
  await using cluster = await GroupsCluster.start(1)
  const costs = await measureCosts(await cluster.service(), common)
  return { costs, rows: modelRows(costs) }
}

function whyNoShares(): string | null {
  try {
    CpuShares.open()[Symbol.dispose]()
    return null
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    note(error.message)
    return error.message
  }
}
