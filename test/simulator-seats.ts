// Seeds whose view servers share a store (E1 to E5, F17 to F19): that nothing is wrong in some of them, and that each
// fault, and each thing that may come of one, is seen. To read one that failed: npm run simulate -- --seed N

import t from 'tap'
import { whole } from './fixtures/whole.ts'
import { drawPlan } from './simulator/plan.ts'
import { seatKinds } from './simulator/seating.ts'
import { tell } from './simulator/story.ts'

/** Of those that have several view servers, or one with a bad store. */
const stories = whole ? 36 : 6

/** What must come of them; the rest of what is counted is only told. */
const outcomes = [
  'save: answer',
  'save: taken',
  'save: unknown',
  'save: again',
  'load: away',
  'confirm mark: away',
  'confirm mark: taken',
  'take mark: taken',
  'mark: taken, none stood',
  'mark: taken from a dead one',
  'mark: lost to another',
  'term: begins',
  'term: ends, its mark lapsed',
  'term: ends, its mark is lost',
  'term: ends, the store was put back',
  'term: two believe that they are active',
  'halted: the store holds less',
] as const

t.test('E1-E5, F17-F19: seeds of several view servers, and all that may befall them', async t => {
  const seen = new Map<string, number>()
  let views = 0
  for (let seed = 1, told = 0; told < stories; seed++) {
    const plan = drawPlan(seed)
    if (plan.shape.seats === null) continue
    told++
    const ending = await tell(plan)
    views += ending.views
    for (const [what, times] of ending.seats) seen.set(what, (seen.get(what) ?? 0) + times)
    if (ending.violation === null) continue
    const { check, text } = ending.violation
    t.fail(`seed ${seed}: ${check}: ${text}; npm run simulate -- --seed ${seed}`)
  }
  t.ok(views > 2 * stories, `${views} views`)
  if (!whole) return
  for (const kind of seatKinds) t.ok(seen.has(`fault: ${kind}`), `${kind} is done`)
  for (const outcome of outcomes) t.ok(seen.has(outcome), `${outcome} is seen`)
})
