// Seeds in which tokens and rules come and go (A2 to A4, A8, F21): that nothing is wrong in some of them, and that each
// change, and each thing that may come of one, is seen. To read one that failed: npm run simulate -- --seed N

import t from 'tap'
import { whole } from './fixtures/whole.ts'
import { accessKinds } from './simulator/granting.ts'
import { drawPlan } from './simulator/plan.ts'
import { tell } from './simulator/story.ts'

/** Of those whose cluster has an access file. */
const stories = whole ? 24 : 4

/** What must come of them; the rest of what is counted is only told. */
const outcomes = [
  'refused: acquire',
  'refused: steal',
  'refused: force',
  'refused: read',
  'done after a change: acquire',
  'done after a change: steal',
  'done after a change: force',
  'done after a change: read',
  'list: of a part',
  'withdrawn: a wait, for a rule',
  'withdrawn: a wait, for a token',
  'told: its token has ended',
  'told: wrong token',
  'thief: of another principal',
  'thief: of its own principal',
  'thief: of no principal',
  'thief: is told unknown-session',
  'thief: is told released',
  'thief: is told reset-refused',
] as const

t.test('F21, A2-A4: seeds with principals whose rights come and go, and all that may come of it', async t => {
  const seen = new Map<string, number>()
  for (let seed = 1, told = 0; told < stories; seed++) {
    const plan = drawPlan(seed)
    if (plan.shape.access === null) continue
    told++
    const ending = await tell(plan)
    for (const [what, times] of ending.rights) seen.set(what, (seen.get(what) ?? 0) + times)
    if (ending.violation === null) continue
    const { check, text } = ending.violation
    t.fail(`seed ${seed}: ${check}: ${text}; npm run simulate -- --seed ${seed}`)
  }
  if (!whole) return
  for (const kind of accessKinds) t.ok(seen.has(`access: ${kind}`), `${kind} is done`)
  for (const outcome of outcomes) t.ok(seen.has(outcome), `${outcome} is seen`)
})
