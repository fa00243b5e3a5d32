// Memory: at the end of simulated stories, no table of any core, driver or client keeps what is over.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.test('S1, S5: when all locks are given back, no table holds anything that is over', async t => {
  const census = fileURLToPath(new URL('simulator/census.js', import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [census, '60'], { encoding: 'utf8' })
  t.equal(status, 0, `${stdout}${stderr}`)
  t.match(stdout, /^([3-9]\d|1\d\d) tables, 0 of them/m, 'and it has found the tables')
})
