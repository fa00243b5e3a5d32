// E7: all orders of what may happen around a lost view record: views that are told late, servers that die, are silent or come back
// empty, an operator who asks them at different moments. A primary that answers clients afterwards has all that was answered before.
// `npm run test:seeds` tries more of them, `npm run search` most.

import t from 'tap'
import { whole } from './fixtures/whole.ts'
import { adoptionSearches, searchAdoptions } from './search/adoptions/run.ts'

const most = whole ? undefined : 1_500

for (const search of adoptionSearches)
  t.test(`E7: ${search.name}: ${search.about}`, async t => {
    const { states, depth, violation } = searchAdoptions(search, true, most)
    if (violation !== null) t.comment(violation.story.join('\n'))
    t.equal(violation?.check, undefined)
    t.ok(states > 1_000, `${states} states to a depth of ${depth}`)
  })
