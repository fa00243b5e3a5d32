// Chaos: many stories of a cluster under faults of all kinds, each from its seed. To read one that
// failed: node dist/test/fixtures/chaos-many.js SEED 1

import t from 'tap'
import { tell } from './fixtures/chaos.ts'

const perTest = 25
let statesLost = 0

for (let first = 1; first <= 150; first += perTest) {
  t.test(`F1-F11: stories ${first} to ${first + perTest - 1}`, async t => {
    for (let seed = first; seed < first + perTest; seed++) {
      const ending = tell(seed)
      if (ending.stateLost) statesLost++
      if (ending.problem === null) continue
      t.comment(tell(seed, true).trace.join('\n'))
      t.fail(`seed ${seed}: ${ending.problem}`)
    }
    t.pass('all is as it must be')
  })
}

t.test('the faults spare the state, or nothing is shown by the rest', async t => {
  t.ok(statesLost <= 3, `${statesLost} of 150 stories ended with the loss of the state`)
})
