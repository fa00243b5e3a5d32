// Memory: at the end of simulated stories, no table of any core, driver or client keeps what is over.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { whole } from './fixtures/whole.ts'

t.test('S1, S5: when all locks are given back, no table holds anything that is over', async t => {
  const { stdout, stderr, status } = census(whole ? '20' : '6')
  t.equal(status, 0, `${stdout}${stderr}`)
  t.match(stdout, /^([3-9]\d|1\d\d) tables, 0 of them/m, 'and it has found the tables')
})

t.test('S1, S5: nor does it after an hour', { skip: !whole && 'npm run test:seeds' }, async t => {
  const { stdout, stderr, status } = census('300', 'long lives')
  t.equal(status, 0, `${stdout}${stderr}`)
  t.match(stdout, /tables, 0 of them hold more than \d+ after [1-9]/, 'and there were such stories')
})

function census(...args: string[]) {
  const path = fileURLToPath(new URL('simulator/census.js', import.meta.url))
  return spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' })
}
