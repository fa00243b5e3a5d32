// Seeds of clusters with several groups (G1 to G7): that nothing is wrong in some of them; and, with `npm run test:seeds`, that
// each fault, and each thing that may come of groups, is seen. To read one that failed: npm run simulate -- --seed N

import t from 'tap'
import { whole } from './fixtures/whole.ts'
import { groupKinds } from './simulator/grouping.ts'
import { groupOutcomes } from './simulator/groups.ts'
import { drawPlan } from './simulator/plan.ts'
import { tell } from './simulator/story.ts'

/** Of those that have several groups. */
const stories = whole ? 24 : 5

t.test('G1-G7: seeds of several groups, and all that may come of them', async t => {
  const seen = new Map<string, number>()
  let views = 0
  for (let seed = 1, told = 0; told < stories; seed++) {
    const plan = drawPlan(seed)
    if (plan.shape.groups === 1) continue
    told++
    for (const event of plan.events) if (event.is === 'fault') seen.set(event.kind, 1)
    const ending = await tell(plan)
    views += ending.views
    for (const [what, times] of ending.groups) seen.set(what, (seen.get(what) ?? 0) + times)
    if (ending.violation === null) continue
    const { check, text } = ending.violation
    t.fail(`seed ${seed}: ${check}: ${text}; npm run simulate -- --seed ${seed}`)
  }
  t.ok(views > 2 * stories, `${views} views`)
  const all = whole ? [...groupKinds, ...groupOutcomes] : []
  for (const what of all) t.ok(seen.has(what), `${what} is seen`)
})
