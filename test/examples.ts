// The programs of examples/, as processes against a cluster whose primary dies in the
// meantime. (npm run test:browser tests the page, fencing-database.ts the guarded write.)

import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { connect } from 'holdfast'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { Example } from './fixtures/example.ts'

const folder = fileURLToPath(new URL('../../examples/', import.meta.url))

t.test('each example has at most 40 lines, and imports only what a user could', async t => {
  const files = readdirSync(folder).filter(name => name.endsWith('.ts'))
  t.ok(files.length >= 6)
  for (const file of files) {
    const text = readFileSync(`${folder}${file}`, 'utf8')
    t.ok(text.trimEnd().split('\n').length <= 40, file)
    t.notMatch(text, / from '\./, file)
  }
})

t.test('the nightly job is done once, by one of many', async t => {
  await using cluster = await startCluster()
  const folder = t.testdir({})
  const workers = Array.from(
    { length: 4 },
    () => new Example(t, 'examples/nightly-job.js', [cluster.url, folder]),
  )
  // A worker releases the lock before it prints, so another one's line may be here first.
  const lines = workers.map(worker => worker.line())
  await Promise.race(lines)
  await cluster.killPrimary()
  const already = 'it was done already'
  t.same((await Promise.all(lines)).sort(), ['it is done', already, already, already])
  t.same(await Promise.all(workers.map(worker => worker.rest())), [[], [], [], []])
  const late = new Example(t, 'examples/nightly-job.js', [cluster.url, folder])
  t.same(await late.rest(), [already])
  const reports = readdirSync(folder)
  t.equal(reports.length, 1)
  t.equal(readFileSync(`${folder}/${reports[0]}`, 'utf8'), 'ten orders\nnine paid\none open\n')
})

t.test('one process leads; the death of servers changes nothing, after its own another leads', async t => {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url)
  const [a, b] = ['a', 'b'].map(name => new Example(t, 'examples/leader.js', [cluster.url, name]))
  const led = await Promise.race([a?.line(), b?.line()])
  const [leader, next] = led?.startsWith('a') ? [a, b] : [b, a]
  await cluster.killPrimary()
  const { held } = await locks.query()
  t.match(led, `leads with token ${held[0]?.token}`, 'after the failover, too')
  leader?.signal('SIGKILL')
  t.equal(await leader?.ended, null)
  const then = await next?.line()
  t.match(then, /leads with token/)
  t.ok(Number(then?.split(' ').at(-1)) > Number(led?.split(' ').at(-1)), 'with a larger token')
})

t.test('no reader sees half of a write', async t => {
  await using cluster = await startCluster()
  const file = `${t.testdir({})}/balance.txt`
  await writeFile(file, '0\n0\n')
  const run = (role: string) => new Example(t, 'examples/readers-and-writer.js', [cluster.url, file, role])
  const programs = [run('write'), run('read'), run('read')]
  await using locks = await connect(cluster.url)
  await locks.request(file, () => {}) // between theirs
  await cluster.killPrimary()
  t.same((await Promise.all(programs.map(program => program.rest()))).flat(), [
    'write: 50 times',
    'read: 50 times',
    'read: 50 times',
  ])
})
