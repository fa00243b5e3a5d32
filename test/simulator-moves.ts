// Seeds of clusters whose number of groups changes while it goes on (G8): that nothing is wrong in some of them, and that
// each fault, and each thing that may come of a move, is seen. To read one that failed:
// npm run simulate -- --theme moves --seed N. Not all of them are clean yet (docs/TESTING.md, what is not proven); these are.

import t from 'tap'
import { whole } from './fixtures/whole.ts'
import { moveOutcomes } from './simulator/moves.ts'
import { drawPlan } from './simulator/plan.ts'
import { moveKinds } from './simulator/regrouping.ts'
import { tell } from './simulator/story.ts'

/** Of those whose groups change: as many as it takes until all was seen. */
const stories = 13
const skip = whole ? false : 'npm run test:seeds tells them'

t.test('G8: seeds of groups that change, and all that may come of them', { skip }, async t => {
  const seen = new Map<string, number>()
  for (let seed = 1, told = 0; told < stories; seed++) {
    const plan = drawPlan(seed, true)
    if (plan.shape.moves === null) continue
    told++
    for (const event of plan.events) if (event.is === 'fault') seen.set(event.kind, 1)
    const ending = await tell(plan)
    for (const [what, times] of ending.groups) seen.set(what, (seen.get(what) ?? 0) + times)
    if (ending.violation === null) continue
    const { check, text } = ending.violation
    t.fail(`seed ${seed}: ${check}: ${text}; npm run simulate -- --theme moves --seed ${seed}`)
  }
  for (const what of [...moveKinds, ...moveOutcomes]) t.ok(seen.has(what), `${what} is seen`)
})
