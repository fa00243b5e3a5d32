// The table of what seeds can't take (test/simulator/untaken.ts): each row still fits what ships, and there
// are few of them. Whether seeds take all else, `npm run simulate -- --seeds 1000 --coverage` says.

import t from 'tap'
import { misfits, namedBranches } from './simulator/coverage.ts'
import { untaken } from './simulator/untaken.ts'

t.test('each row names what is there, and says why no seed takes it', async t => {
  t.strictSame(misfits(), [])
  for (const { file, text, why } of untaken) t.ok(why.length > 20, `${file}: ${text}`)
})

t.test('at most three of a hundred branches are named', async t => {
  const { named, all } = namedBranches()
  t.ok(all > 1_500, `${all} branches are counted`)
  t.ok(named <= 0.03 * all, `${named} of them are named`)
})
