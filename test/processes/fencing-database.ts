// A real database as the resource: the database refuses the write of a holder that was frozen
// past its lease and wakes up; and the statements of docs/FENCING.md do what they say.

import { readFileSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { Example } from '../fixtures/example.ts'

const folder = t.testdir({})

t.test('a frozen holder wakes up, and its write is refused', async t => {
  const database = new Example(t, 'examples/guarded-database.js', [folder])
  await using cluster = await startCluster()
  const where = await database.line()
  const writer = (state: string) => new Example(t, 'examples/guarded-write.js', [cluster.url, where, state])
  const frozen = writer('lost')
  const old = await frozen.line()
  t.match(old, /^holds token/)
  frozen.signal('SIGSTOP')
  const next = writer('shipped')
  const token = await next.line()
  t.ok(Number(token.split(' ').at(-1)) > Number(old.split(' ').at(-1)))
  t.equal(await next.line(), 'written')
  frozen.signal('SIGCONT')
  t.equal(await frozen.line(), 'refused')
  t.equal((await fetch(`${where}/orders/42?state=bare`, { method: 'PUT' })).status, 400, 'without a token')
  t.same([await frozen.ended, await next.ended], [0, 0])
  database.signal('SIGTERM')
  t.equal(await database.ended, 0)
})

t.test('the statements of docs/FENCING.md', async t => {
  const db = await PGlite.create(folder)
  t.teardown(() => db.close())
  const { rows } = await db.query('SELECT state FROM orders WHERE id = 42')
  t.same(rows, [{ state: 'shipped' }], 'what the frozen holder wanted is not there')

  const statements = statementsOf(readFileSync(new URL('../../../docs/FENCING.md', import.meta.url), 'utf8'))
  const run = async (name: string, values: readonly unknown[] = []) => {
    const statement = statements.get(name)
    if (statement === undefined) throw new Error(`there is no statement "${name}"`)
    return (await db.query(statement, [...values])).affectedRows
  }

  const last = 9_000_000_000_000_000
  t.equal(await run('exclusive', ['paid', last + 5, 42]), 1)
  t.equal(await run('exclusive', ['paid', last + 5, 42]), 1, 'one holder writes more than once')
  t.equal(await run('exclusive', ['open', last + 4, 42]), 0)

  await run('table')
  const [exclusive, shared] = ['fence exclusive', 'fence shared']
  t.equal(await run(exclusive, ['x', 5]), 1, 'the first')
  t.equal(await run(exclusive, ['x', 4]), 0)
  t.equal(await run(shared, ['x', 4]), 0)
  t.equal(await run(shared, ['x', 9]), 1)
  t.equal(await run(shared, ['x', 7]), 1, 'readers overtake one another')
  t.equal(await run(exclusive, ['x', 8]), 0, 'a shared token is in the way of an older exclusive one')
  t.equal(await run(exclusive, ['x', 10]), 1)
  t.equal(await run(shared, ['x', 9]), 0)
  t.equal(await run(shared, ['y', 1]), 1, 'another lock')
  t.equal(await run(exclusive, ['y', 1]), 1)
})

/** Each `sql` block begins with a comment that names it. */
function statementsOf(text: string): Map<string, string> {
  const blocks = [...text.matchAll(/```sql\n-- (.+)\n([\s\S]*?)```/g)]
  return new Map(blocks.map(([, name = '', statement = '']) => [name.split(':')[0] ?? '', statement]))
}
