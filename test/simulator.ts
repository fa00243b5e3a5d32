// The simulator in short: some hundred seeds, and a check that a seed gives the same
// story again, byte for byte. To read one that failed: npm run simulate -- --seed N

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { drawPlan } from './simulator/plan.ts'
import { scheduleOf, shorten } from './simulator/shorten.ts'
import { tell } from './simulator/story.ts'

const seeds = 60
const perTest = 20

for (let first = 1; first <= seeds; first += perTest) {
  t.test(`F1-F14: seeds ${first} to ${first + perTest - 1} of the simulator`, async t => {
    let [calls, views] = [0, 0]
    for (let seed = first; seed < first + perTest; seed++) {
      const ending = await tell(drawPlan(seed))
      calls += ending.calls
      views += ending.views
      if (ending.violation === null) continue
      const { check, text } = ending.violation
      t.fail(`seed ${seed}: ${check}: ${text}; npm run simulate -- --seed ${seed}`)
    }
    t.ok(calls > 10 * perTest && views > 2 * perTest, `${calls} calls were made, in ${views} views`)
  })
}

const traced = [1, 4, 17, 107]

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
  t.not(await hashOf(1), await hashOf(2), 'and another seed tells another one')
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
