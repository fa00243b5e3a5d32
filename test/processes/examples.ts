// The programs of examples/, as processes against a cluster whose primary dies in the
// meantime. (npm run test:browser tests the page, fencing-database.ts the guarded write.)

import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { connect } from 'holdfast'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { Example } from '../fixtures/example.ts'
import { folderOf } from '../fixtures/folder.ts'

const folder = fileURLToPath(new URL('../../../examples/', import.meta.url))

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
  const folder = folderOf(t, {})
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

t.test('C7: a page shows the leader that it kills, and the next one', async t => {
  await using cluster = await startCluster()
  const program = new Example(t, 'examples/leader-page.js', [cluster.url])
  const url = (await program.line()).replace('open ', '')
  t.match(await (await fetch(url)).text(), /<button>kill the leader<\/button>/)
  const { body } = await fetch(`${url}leader`)
  const reader = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
  const leader = async (except = ''): Promise<string> => {
    for (let text = ''; ; text += (await reader.read()).value ?? '') {
      const last = /(\w+) leads\n\n$/.exec(text)?.[1]
      if (last !== undefined && last !== 'nobody' && last !== except) return last
    }
  }
  const first = await leader()
  await cluster.killPrimary()
  await fetch(`${url}kill`, { method: 'POST' })
  t.not(await leader(first), first)
  await reader.cancel()
})

t.test('no reader sees half of a write', async t => {
  await using cluster = await startCluster()
  const file = `${folderOf(t, {})}/balance.txt`
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

t.test('C5: each fire time runs once, on one of three schedulers with different clocks', async t => {
  await using cluster = await startCluster()
  const programs = ['-1500', '0', '2300'].map(
    skew => new Example(t, 'examples/fire-times.js', [cluster.url, '4', skew]),
  )
  const ran = (await Promise.all(programs.map(program => program.rest()))).flat().sort()
  t.equal(new Set(ran).size, ran.length, 'none twice')
  const [first = '', last = ''] = [ran[0], ran.at(-1)]
  t.equal(ran.length, (Date.parse(last) - Date.parse(first)) / 1_000 + 1, 'and none is left out')
  t.ok(ran.length >= 4)
})

t.test('spans of waiting and holding, and metrics', async t => {
  await using cluster = await startCluster()
  const lines = await new Example(t, 'examples/traces.js', [cluster.url]).rest()
  t.match(lines.slice(0, 4), [
    /^holdfast.wait granted {2}0 links/,
    /^holdfast.hold released \d+ 1 links/,
    /^holdfast.wait granted {2}0 links/,
    /^holdfast.hold released \d+ 1 links/,
  ])
  t.ok(lines.includes('holdfast.client.hold.duration'))
})

t.test('C1: of all jobs of a pool no more than two run at a time', async t => {
  await using cluster = await startCluster()
  const programs = [1, 2, 3].map(() => new Example(t, 'examples/pool.js', [cluster.url, '4']))
  const lines = (await Promise.all(programs.map(program => program.rest()))).flat()
  t.equal(lines.length, 12)
  t.same(
    [...new Set(lines)].filter(line => !/^[12] of 2$/.test(line)),
    [],
  )
  t.ok(lines.includes('2 of 2'))
})

t.test('C5: what runs once a night is done by one of many, and for another night again', async t => {
  await using cluster = await startCluster()
  const file = `${folderOf(t, {})}/report.txt`
  for (const night of ['monday', 'tuesday']) {
    const run = () => new Example(t, 'examples/once-a-night.js', [cluster.url, night, file]).rest()
    const lines = (await Promise.all([run(), run(), run()])).flat().sort()
    t.match(lines, ['it is done', /^not here: report, pid/, /^not here: report, pid/])
    t.match(await run(), [/^not here: report, pid/])
  }
  const written = readFileSync(file, 'utf8').trim().split('\n')
  t.equal(written.length, 6)
})

t.test('C3, C4: who asks politely asks twice a second at most, and what hangs is given up', async t => {
  await using cluster = await startCluster()
  const run = () => new Example(t, 'examples/polite-poll.js', [cluster.url, '2']).rest()
  const lines = (await Promise.all([run(), run()])).flat()
  const asked = lines.flatMap(line => /^asked at (\d+)$/.exec(line)?.[1] ?? []).map(Number)
  t.equal(asked.length, 2)
  // Each had the lock for 10 ms before it asked; timers may be a little early.
  t.ok(Math.abs((asked[1] ?? 0) - (asked[0] ?? 0)) >= 480)
  t.equal(lines.filter(line => line === 'gave up: HELD_TOO_LONG').length, 2)
})

t.test('C8: a supervisor takes a lock over from who is stuck, and from nobody else', async t => {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url, { name: 'worker' })
  const run = () => new Example(t, 'examples/take-over.js', [cluster.url, 'work']).rest()
  const lock = await locks.acquire('work', { note: 'goes well' })
  t.same(await run(), ['nobody is stuck'])
  t.ok(lock.held)
  await lock.setNote('stuck')
  t.same(await run(), ['took it over from worker'])
  await locks.query()
  t.equal(lock.signal.reason.code, 'STOLEN')
})
