// What `npm test` runs, in which order, and what it shows of a file that failed.

import t from 'tap'
import { failuresOf, longestFirst, namedBy, storiesOf } from './runner/output.ts'

const all = ['roles', 'web-locks-held', 'web-locks-request', 'watch', 'watch-reader']

t.test('a name means its file, or each file that begins with it; no name means all', async t => {
  t.same(namedBy([], all), all)
  t.same(namedBy(['watch'], all), ['watch'])
  t.same(namedBy(['test/watch-reader.ts'], all), ['watch-reader'])
  t.same(namedBy(['web-locks', 'dist/test/roles.js'], all), ['roles', 'web-locks-held', 'web-locks-request'])
  t.same(namedBy(['web'], all), ['web-locks-held', 'web-locks-request'])
  t.same(namedBy(['wat'], all), [], 'half a word is no name')
})

t.test('the longest runs first, after those of which nothing is known', async t => {
  t.same(longestFirst(['a', 'b', 'c', 'd'], { a: 1, c: 3 }), ['b', 'd', 'c', 'a'])
})

const out = `TAP version 14
# Subtest: a story
    ok 1 - fine
    not ok 2 - not fine
      ---
      at: here
      ...
    ok 3 - fine again
    1..3
not ok 1 - a story # time=3ms
printed by the test
ok 2 - another story # time=1ms
ok 3 - one that was not asked for # SKIP filter: /story/
1..3
`

t.test('of a failed file only what failed is shown; of one without results, how it ended', async t => {
  const failures = failuresOf(out)
  t.match(failures, /not ok 2 - not fine\n.*\n.*at: here/)
  t.match(failures, /not ok 1 - a story/)
  t.notMatch(failures, /fine again|another/)
  t.equal(failuresOf('SyntaxError: here\n'), 'SyntaxError: here\n')
})

t.test('of one file alone its stories are shown, and what it prints', async t => {
  t.equal(storiesOf(out), 'not ok 1 - a story  3ms\nprinted by the test\nok 2 - another story  1ms\n')
})
