// npm run bench:inside -- [DIST…]: CPU microseconds that a pair costs inside of client, primary and backup,
// without sockets and promises. Given several dist folders it measures them in turn, for an A/B test in one run;
// with --counts this one without and with what is counted for metrics; with --batch N so many pairs at a time.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { note, print, printJson, table } from '../cli/output.ts'
import { describeMachine, machineLine } from './machine.ts'
import { median } from './pairs.ts'
import { load, type Part, Parts } from './parts.ts'

const parts: readonly Part[] = ['client', 'primary', 'backup']
/** Pairs at a time, as a quarter of 1,024 outstanding makes them. With one at a time a pair costs what frames and turns cost. */
const batchByDefault = 128
const rounds = 2_000
/** Few pairs take many rounds until V8 has compiled all. */
const roundsMax = 30_000
/** The machine's other work only ever adds, so low ones tell more than the middle. */
const quantile = 0.2

type Costs = Record<Part, number>

/** What is measured against one another. */
interface Variant {
  readonly name: string
  readonly dist: string
  readonly counting: boolean
}

async function measure(dist: string, counting: boolean, batch: number): Promise<Costs> {
  const world = new Parts(await load(dist), counting)
  const samples: Costs[] = []
  const most = Math.min(roundsMax, Math.ceil((rounds * batchByDefault) / batch))
  for (let round = 0; round < most; round++) {
    const names = Array.from({ length: batch }, (_, i) => `bench/${i}/${round % 8}`)
    for (const part of parts) world.us[part] = 0
    world.pairs(names)
    // The first quarter is for the compiler.
    if (round >= most / 4) samples.push({ ...world.us })
  }
  const low = (part: Part) => {
    const sorted = samples.map(sample => sample[part] / batch).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length * quantile)] as number
  }
  return { client: low('client'), primary: low('primary'), backup: low('backup') }
}

/** A fresh process each time: what one run taught the compiler is no use to the next. */
async function measureApart({ dist, counting }: Variant): Promise<Costs> {
  const url = pathToFileURL(dist).href.replace(/\/$/, '')
  const options = ['--one', url, '--batch', values.batch, ...(counting ? ['--counts'] : [])]
  const child = fork(fileURLToPath(import.meta.url), options)
  const [costs] = (await once(child, 'message')) as [Costs]
  return costs
}

function variantsOf(folders: readonly string[], counts: boolean): Variant[] {
  const own = fileURLToPath(new URL('..', import.meta.url))
  if (counts)
    return [false, true].map(counting => ({
      name: counting ? 'counting for metrics' : 'not counting',
      dist: own,
      counting,
    }))
  return (folders.length > 0 ? folders : [own]).map(dist => ({ name: dist, dist, counting: true }))
}

const { values, positionals } = parseArgs({
  options: {
    one: { type: 'string' },
    counts: { type: 'boolean', default: false },
    batch: { type: 'string', default: String(batchByDefault) },
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean' },
  },
  allowPositionals: true,
})
if (values.one !== undefined) {
  const costs = await measure(values.one, values.counts, Number(values.batch))
  if (process.send !== undefined) process.send(costs, () => process.exit())
  else printJson(costs)
} else {
  const variants = variantsOf(positionals, values.counts)
  const machine = describeMachine()
  const runs = variants.map((): Costs[] => [])
  for (let run = 1; run <= Number(values.runs); run++) {
    for (const [i, variant] of variants.entries()) {
      note(`run ${run} of ${values.runs}: ${variant.name}`)
      runs[i]?.push(await measureApart(variant))
    }
  }
  const rows = variants.map(({ name }, i) => {
    const middle = (part: Part) => median((runs[i] ?? []).map(costs => costs[part]))
    const costs = { client: middle('client'), primary: middle('primary'), backup: middle('backup') }
    return { name, ...costs, all: costs.client + costs.primary + costs.backup }
  })
  if (values.json) printJson({ machine, rows })
  else {
    print(machineLine(machine))
    const cells = rows.map(({ name, client, primary, backup, all }) => [
      name,
      ...[client, primary, backup, all].map(us => us.toFixed(2)),
      (all / (rows[0]?.all ?? all)).toFixed(2),
    ])
    const header = ['US A PAIR', 'CLIENT', 'PRIMARY', 'BACKUP', 'ALL', 'RATIO']
    for (const line of table(header, cells)) print(line)
  }
}
