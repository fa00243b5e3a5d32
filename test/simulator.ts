// The simulator in short: some seeds, and a check that a seed gives the same story again, byte for byte. `npm run test:seeds`
// takes more of them, and sees that what must befall clusters on disks does. To read one that failed: npm run simulate -- --seed N

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { whole } from './fixtures/whole.ts'
import type { Outcome } from './simulator/outcomes.ts'
import { drawPlan } from './simulator/plan.ts'
import { type PowerKind, powerKinds } from './simulator/powering.ts'
import { scheduleOf, shorten } from './simulator/shorten.ts'
import { tell } from './simulator/story.ts'

const seeds = whole ? 60 : 10
const perTest = 10
/** What happened in any of them, by the names of its census. */
const happened = new Set<string>()

for (let first = 1; first <= seeds; first += perTest) {
  t.test(`F1-F16: seeds ${first} to ${first + perTest - 1} of the simulator`, async t => {
    let [calls, views] = [0, 0]
    for (let seed = first; seed < first + perTest; seed++) {
      const ending = await tell(drawPlan(seed))
      calls += ending.calls
      views += ending.views
      for (const kind of ending.most.keys()) happened.add(kind)
      if (ending.violation === null) continue
      const { check, text } = ending.violation
      t.fail(`seed ${seed}: ${check}: ${text}; npm run simulate -- --seed ${seed}`)
    }
    t.ok(calls > 10 * perTest && views > 2 * perTest, `${calls} calls were made, in ${views} views`)
  })
}

/** Rarer ones are held by `npm run simulate -- --seeds 400 --power --happens`. */
const common: readonly (PowerKind | Outcome)[] = [
  ...(['power fails', 'power fails again', 'power fails at a message', 'copy gone', 'full disk'] as const),
  ...(['recovered: what the primary had', 'recovered: what the backup had'] as const),
  ...(['recovered: a session goes on', 'recovered: a waiter is served', 'read: a whole journal'] as const),
]

const inAll = { skip: !whole && 'npm run test:seeds' }

t.test('F15, F16: in these seeds the power fails, and what follows from it happens', inAll, async t => {
  for (const kind of common) t.ok(happened.has(kind), kind)
  const plans = Array.from({ length: seeds }, (_, i) => drawPlan(i + 1))
  const planned = new Set(plans.flatMap(({ events }) => events.map(event => 'kind' in event && event.kind)))
  for (const kind of powerKinds) t.ok(planned.has(kind), kind)
})

const traced = whole ? [1, 4, 17, 107] : [4] // 4 is durable

async function hashOf(seed: number): Promise<string> {
  const hash = createHash('sha256')
  await tell(drawPlan(seed), line => hash.update(`${line}\n`))
  return hash.digest('hex')
}

t.test('a seed tells the same story, byte for byte, in this process and in another one', async t => {
  const main = fileURLToPath(new URL('simulator/main.js', import.meta.url))
  for (const seed of traced) {
    const one = await hashOf(seed)
    t.equal(await hashOf(seed), one, `seed ${seed}, twice`)
    const { stdout } = spawnSync(process.execPath, [main, '--seed', String(seed), '--hash'], {
      encoding: 'utf8',
      env: { ...process.env, LANG: 'de_DE.UTF-8', TZ: 'Asia/Tokyo' },
    })
    t.equal(stdout.trim(), `${seed} ${one}`, `seed ${seed}, in another process`)
  }
  if (whole) t.not(await hashOf(1), await hashOf(2), 'and another seed tells another one')
})

t.test('a failed schedule is shortened to the events that it needs', async t => {
  const plan = drawPlan(1)
  const [some, more] = [plan.events[40], plan.events[90]]
  const { plan: short, runs } = await shorten(plan, ({ events }) =>
    [some, more].every(e => e && events.includes(e)),
  )
  t.strictSame(short.events, [some, more])
  t.ok(runs < plan.events.length, `in ${runs} runs, of ${plan.events.length} events`)
  t.match(scheduleOf(1, short).at(-1), /^npm run simulate -- --seed 1 --keep 40,90 --trace$/)
})
