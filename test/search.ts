// A small search: breadth-first over all that may happen to small clusters
// (test/search/). `npm run test:seeds` adds the random walks, more takeovers of the view server and more moves of slots; `npm run
// search` runs the whole of it.

import t from 'tap'
import { whole } from './fixtures/whole.ts'
import { moveSearches, searchMoves } from './search/moves/run.ts'
import { run } from './search/run.ts'
import { searches } from './search/searches.ts'
import { searchTakeovers, takeoverSearches } from './search/takeovers/run.ts'

const short = searches.filter(
  ({ name, short }) => short !== undefined && (whole || !name.endsWith(', walks')),
)

for (const search of short) {
  t.test(`${search.name}: ${search.about}`, async t => {
    const { states, depth, violation } = await run(search, true)
    if (violation !== null) t.comment(violation.story.join('\n'))
    t.equal(violation?.check, undefined)
    t.ok(states > 10, `${states} states to a depth of ${depth}`)
  })
}

for (const search of whole ? takeoverSearches : takeoverSearches.slice(0, 1)) {
  t.test(`E1-E4, F17: ${search.name}: ${search.about}`, async t => {
    const { states, depth, violation } = await searchTakeovers(search, true)
    if (violation !== null) t.comment(violation.story.join('\n'))
    t.equal(violation?.check, undefined)
    t.ok(states > 10, `${states} states to a depth of ${depth}`)
  })
}

for (const search of whole ? moveSearches : moveSearches.slice(0, 2)) {
  t.test(`G8: ${search.name}: ${search.about}`, async t => {
    const { states, depth, violation } = await searchMoves(search, true)
    if (violation !== null) t.comment(violation.story.join('\n'))
    t.equal(violation?.check, undefined)
    t.ok(states > 10, `${states} states to a depth of ${depth}`)
  })
}
