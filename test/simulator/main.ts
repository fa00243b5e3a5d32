// npm run simulate -- [--seed N] [--seeds K] [--minutes M] [--json] [--trace] [--hash] [--coverage] [--theme NAME]
//   [--power] [--happens] [--keep 3,17,22]
// Tells many stories, each from its seed, until one shows what must not be; that one is shortened and
// told as one can read it. The exit status is 1 then.

import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { compileLess } from '../fixtures/short-runs.ts'
import { outcomes } from './outcomes.ts'
import { drawPlan, hasSeveral, type Plan } from './plan.ts'
import { allPowerKinds } from './powering.ts'
import { scheduleOf, shorten } from './shorten.ts'
import { type Ending, tell } from './story.ts'
import { TwiceReport } from './twice.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    json: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    hash: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    processes: { type: 'string' },
    keep: { type: 'string' },
    theme: { type: 'string' },
    power: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    happens: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** A run of more is faster with all that the compiler does. */
const seedsSoonOver = 60

const usage = `npm run simulate -- [options]
  --seed N        the first seed (1)
  --seeds K       so many seeds (1 with --seed, without end with --minutes, else 100)
  --minutes M     stop after so many minutes
  --theme NAME    only seeds whose story is about that, such as meanwhile; or whose view servers share a
                  store: 'view servers'; or whose cluster has rules: access; or several groups: groups; or more
                  or fewer of them while it goes on: moves (drawn with this theme alone); these four also tell
                  what came of it, as a table; or is durable: power; or whose clients come from addresses with
                  quotas: owners
  --power         only seeds whose cluster keeps its state on disks, which lose their power
  --keep 3,17,22  only these events of the seed's plan, as a shortened schedule names them
  --trace         tell everything that happens
  --hash          only a hash of all that happens, to be compared with another machine's
  --coverage      which functions and branches of what ships these seeds take, and which they never do
  --processes N   with --coverage: so many at a time share the seeds (1)
  --happens       fail if one of the faults of power and disks, or of what comes of them, has not happened
  --twice         how often what happens befalls the same thing twice, as a table
  --json          one line of figures; a violation is not shortened
`

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0) {
    process.stderr.write(`--${name} must be a number, not ${JSON.stringify(text)}\n${usage}`)
    process.exit(2)
  }
  return number
}

/** Only with their theme groups change in number. */
function drawn(seed: number): Plan {
  return drawPlan(seed, values.theme === 'moves')
}

function planOf(seed: number): Plan {
  const plan = drawn(seed)
  if (values.keep === undefined) return plan
  const kept = new Set(values.keep.split(',').map(Number))
  return { ...plan, events: plan.events.filter((_, i) => kept.has(i)) }
}

function isAbout({ shape }: Plan, name: string): boolean {
  const { theme, seats, disk, access, moves, owners } = shape
  if (name === 'groups') return hasSeveral(shape)
  if (name === 'moves') return moves !== null
  if (name === 'power') return disk !== null
  if (name === 'owners') return owners !== null
  if (name === 'access') return access !== null
  return name === 'view servers' ? seats !== null : theme === name
}

async function explain({ seed, violation }: Ending): Promise<void> {
  if (violation === null) return
  const fails = async (plan: Plan) => (await tell(plan)).violation?.check === violation.check
  const short = await shorten(planOf(seed), fails)
  const lines: string[] = []
  await tell(short.plan, line => lines.push(line))
  console.log(lines.join('\n'))
  console.log(`\nseed ${seed}: ${violation.check}: ${violation.text}`)
  console.log(`\nthe schedule, ${short.plan.events.length} of ${drawn(seed).events.length} events:`)
  for (const line of scheduleOf(seed, short.plan)) console.log(line)
}

if (values.help) {
  console.log(usage)
  process.exit(0)
}
if (values.coverage) {
  // It needs the compiler, which takes long to load.
  const { tellCoverage } = await import('./coverage.ts')
  const args = process.argv.slice(2).filter(arg => arg !== '--coverage')
  await tellCoverage(args, numberOf('processes', values.processes ?? '1'))
  process.exit()
}
async function hashed(seed: number): Promise<Ending> {
  const hash = createHash('sha256')
  const ending = await tell(planOf(seed), line => hash.update(`${line}\n`))
  console.log(`${seed} ${hash.digest('hex')}`)
  return ending
}

const first = numberOf('seed', values.seed ?? '1')
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : numberOf('minutes', values.minutes)
const seeds = values.seeds === undefined ? seedsUnlessTold() : numberOf('seeds', values.seeds)

if (seeds <= seedsSoonOver) setFlagsFromString(compileLess)
if (!values.trace) Error.stackTraceLimit = 0 // Stories make many errors, and show their text alone.

function seedsUnlessTold(): number {
  if (values.minutes !== undefined) return Number.POSITIVE_INFINITY
  return values.seed === undefined ? 100 : 1
}

const began = process.hrtime.bigint()
const minutesGone = () => Number(process.hrtime.bigint() - began) / 60e9
const total = { seeds: 0, ms: 0, steps: 0, calls: 0, faults: 0, views: 0, lost: 0 }
let failed: Ending | null = null
const twice = new TwiceReport()
const seen = new Map<string, number>()

for (let seed = first; seed < first + seeds && failed === null && minutesGone() < minutes; seed++) {
  const plan = drawn(seed)
  if (values.theme !== undefined && !isAbout(plan, values.theme)) continue
  if (values.power && plan.shape.disk === null) continue
  const ending = values.hash
    ? await hashed(seed)
    : await tell(planOf(seed), values.trace ? line => console.log(line) : null)
  // What promises are left of a story settle, and nothing holds on to it.
  await new Promise(resolve => setImmediate(resolve))
  total.seeds++
  twice.add(ending.most)
  for (const [what, times] of [...ending.seats, ...ending.rights, ...ending.groups])
    seen.set(what, (seen.get(what) ?? 0) + times)
  total.ms += ending.ms
  total.steps += ending.steps
  total.calls += ending.calls
  total.faults += ending.faults
  total.views += ending.views
  total.lost += ending.lost
  if (ending.violation !== null) failed = ending
}

const hours = total.ms / 3_600_000
const { ms: _, ...counts } = total
const figures = {
  ...counts,
  hours: Number(hours.toFixed(3)),
  minutes: Number(minutesGone().toFixed(3)),
  hoursPerMinute: Number((hours / minutesGone()).toFixed(2)),
}
const violations = failed?.violation ? [{ seed: failed.seed, ...failed.violation }] : []
if (values.json) console.log(JSON.stringify({ ...figures, violations }))
else if (!values.hash) {
  if (failed !== null) await explain(failed)
  console.log(
    `${figures.seeds} seeds from ${first}: ${violations.length} violations; ${figures.hours} simulated hours in ${figures.minutes} minutes (${figures.hoursPerMinute} hours a minute); ${figures.calls} calls, ${figures.faults} faults, ${figures.views} views; the state was lost by the rules ${figures.lost} times`,
  )
}
if (['view servers', 'access', 'groups', 'moves'].includes(values.theme ?? ''))
  for (const [what, times] of [...seen].sort()) console.log(`${times}\t${what}`)
if (values.twice) for (const line of twice.lines) console.log(line)
const missing = values.happens ? twice.missing(['reset: the cluster', ...allPowerKinds, ...outcomes]) : []
for (const kind of missing) console.log(`never happened: ${kind}`)
if (violations.length + missing.length > 0) process.exitCode = 1
