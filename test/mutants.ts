// The planted bugs fit the current sources. `npm run mutants -- --check` shows that they compile too, and `npm run mutants`
// that the tests catch each of them; this test only keeps the patches from rotting.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mutants } from './mutants/all.ts'
import { edited, testsOf } from './mutants/mutant.ts'
import { misfitOf, root } from './mutants/plant.ts'
import { sharesOf } from './mutants/share.ts'

t.test('every planted bug can still be planted', async t => {
  for (const mutant of mutants) {
    t.equal(misfitOf(mutant), undefined, mutant.name)
    for (const test of testsOf(mutant)) t.ok(existsSync(join(root, `test/${test}.ts`)), test)
  }
})

t.test('there are enough planted bugs, each with a different name', async t => {
  t.ok(mutants.length >= 200, `${mutants.length}`)
  t.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
})

t.test('each file of cores, client and drivers has its share of them', async t => {
  for (const { file, lines, least, planted } of sharesOf(mutants))
    t.ok(planted >= least, `${file}: ${planted} planted in ${lines} lines, ${least} at least`)
})

t.test('an edit that does not fit, or fits twice, is refused by name', async t => {
  const edit = { file: 'a.ts', find: 'one  two', replace: '3' }
  t.equal(edited('zero one\n  two', edit), 'zero 3')
  t.throws(() => edited('zero', edit), /a\.ts.*occurs 0 times/)
  t.throws(() => edited('one two one two', edit), /a\.ts.*occurs 2 times/)
})
