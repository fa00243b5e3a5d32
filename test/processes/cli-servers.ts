// Servers started one by one, obstacles to their start, and the end of a state.

import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { t } from 'tap'
import { statusOf } from '../../cli/ask.ts'
import { markFolder, sweepFolders } from '../../cli/cluster-sweep.ts'
import { begin } from '../fixtures/begun.ts'
import { holdfast, Running, runs, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'
import { RealCluster } from '../fixtures/real-cluster.ts'

const dead = 'ws://127.0.0.1:1'

t.test('with a dead --view each command says what it tried and what would be right', async t => {
  const commands = [['status'], ['locks'], ['kill', 'primary'], ['reset', '--yes'], ['steal', 'x']]
  await Promise.all(
    commands.map(async command => {
      const { code, stdout, stderr } = await holdfast(t, [...command, '--view', dead])
      t.equal(code, 1, command.join(' '))
      t.equal(stdout, '')
      t.match(stderr, /^holdfast: [^\n]*ws:\/\/127\.0\.0\.1:1[^\n]*--view[^\n]*\n$/)
    }),
  )
})

t.test('F9: while no view server answers, status asks the lock servers', async t => {
  await using cluster = await RealCluster.start(2)
  const [, ...locks] = cluster.addresses
  const status = (...more: string[]) => holdfast(t, ['status', '--view', [dead, ...locks].join(','), ...more])
  const { code, stdout } = await status()
  t.equal(code, 0, 'locks can be granted')
  t.match(
    stdout,
    /no view server answers; ws:\S+ is primary of view 2 and its backup has a whole copy: locks are/,
  )
  t.match(stdout, /primary +alive/)
  t.match(stdout, /backup +in sync/)
  t.match(await status('--check'), { code: 2 })
  const { stdout: json } = await status('--json')
  t.match(JSON.parse(json), {
    view: { number: 2, acked: true },
    survives: 0,
    halted: /no view server answers/,
  })
})

t.test('a hint to start a cluster is for this machine only', async t => {
  const { stderr } = await holdfast(t, ['status', '--view', 'ws://nowhere.invalid:1'])
  t.notMatch(stderr, /holdfast cluster/)
})

t.test('a port on which another program listens is no Holdfast server', async t => {
  const mute = createServer(socket => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'))
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const { port } = mute.address() as AddressInfo
  t.match(await holdfast(t, ['status', '--view', `ws://127.0.0.1:${port}`]), {
    code: 1,
    stderr: /^holdfast: ws:\/\/127\.0\.0\.1:\d+ answers HTTP 404[^\n]*--view[^\n]*\n$/,
  })
  const taken = `127.0.0.1:${port}`
  const [view, lock, cluster] = await Promise.all([
    holdfast(t, ['viewserver', '--data', folderOf(t, {}), '--listen', taken]),
    holdfast(t, ['lockserver', '--listen', taken]),
    holdfast(t, ['cluster', '--port', String(port - 2)]),
  ])
  for (const ended of [view, lock]) t.match(ended, { code: 1, stderr: /port is taken.*--listen[^\n]*\n$/ })
  t.match(cluster, { code: 1, stdout: '', stderr: /port \d+ .*--port[^\n]*\n$/ })
})

t.test("a data folder that can't be written to is an error that names it", async t => {
  const folder = '/dev/null/data'
  const [view, cluster] = await Promise.all([
    holdfast(t, ['viewserver', '--data', folder, '--listen', '127.0.0.1:0']),
    holdfast(t, ['cluster', '--data', folder, '--port', '0']),
  ])
  for (const ended of [view, cluster])
    t.match(ended, { code: 1, stderr: /^holdfast: can't [^\n]*\/dev\/null\/data[^\n]*--data[^\n]*\n$/ })
})

t.test('F14: servers by hand: the state ends with its last holder, a reset starts an empty one', async t => {
  const data = folderOf(t, {})
  await begin(data)
  const environment = {
    HOLDFAST_LISTEN: '127.0.0.1:0',
    HOLDFAST_PING_INTERVAL_MS: '50',
    HOLDFAST_DATA: data,
  }
  const viewServer = new Running(t, ['viewserver'], environment)
  const view = await viewServer.listening()
  const run = (...args: string[]) => holdfast(t, [...args, '--view', view])
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout)

  const status = () => statusOf({ view: [view], secret: undefined })
  const none = await run('status')
  t.match(none, { code: 1, stdout: /no primary/ })
  t.match(await run('locks'), { code: 1, stderr: /no primary yet/ })

  const first = new Running(t, ['lockserver', '--view', view], environment)
  const firstUrl = await first.listening()
  await until('there is a primary', async () =>
    (await status()).servers.some(server => server.alive && server.role === 'primary'),
  )
  t.match(await json('status'), { view: { primary: { pid: first.pid }, backup: null }, survives: 0 })

  const wrong = await holdfast(t, ['status', '--view', firstUrl])
  t.match(wrong, { code: 1, stderr: /is a lock server \(primary\), not the view server/ })
  t.same((await holdfast(t, ['locks', '--json', '--view', firstUrl])).code, 0, 'any server will do for locks')

  t.match(await run('kill', 'primary'), { code: 1, stderr: /last one that holds the state.*--force/ })
  t.match(await run('reset', '--yes'), { code: 1, stderr: /reset refused/ })
  t.match(await run('kill', 'primary', '--force'), { code: 0, stdout: /killed the primary/ })
  t.match(await first.ended, { signal: 'SIGKILL' })
  await until('the loss is known', async () => (await status()).halted !== null)
  t.match(await run('status'), { code: 1, stdout: /holdfast reset/ })

  const second = new Running(t, ['lockserver', '--view', view], environment)
  await second.listening()
  await until('it is known', async () => (await status()).servers.length === 2)
  const number = (await status()).view?.number as number
  t.match(await run('reset', '--yes', '--view-number', String(number)), { code: 0, stdout: /empty state/ })
  t.match(
    await run('reset', '--yes', '--view-number', String(number)),
    { code: 0, stdout: /empty state/ },
    'a repeat tells the same',
  )
  t.match(await json('status'), { view: { number: number + 1, primary: { pid: second.pid } } })
  t.match(await run('hold', 'x', '--wait', '100ms'), { code: 75 }, 'nothing is granted yet')

  second.process.kill('SIGTERM')
  await second.json(({ msg }) => msg === 'leaving')
  t.match(
    await second.end('SIGTERM'),
    { code: 143 },
    'it waits for a backup; a second signal ends it at once',
  )
  t.match(await viewServer.end('SIGTERM'), { code: 0 })
})

t.test('when both holders of the state are killed, the cluster says so; a reset helps', async t => {
  const { running, ready, run, json, status } = await startCluster(t)
  const { primary, backup } = ready.view
  for (const { pid } of [primary, backup]) process.kill(pid, 'SIGKILL')
  t.match((await running.event('halted')).reason, /holdfast reset/)
  for (const name of ['first back', 'second back']) t.ok(await running.event('started'), name)
  for (const command of ['locks', 'why x', 'clients']) {
    const asked = await run(...command.split(' '))
    t.match(asked, { code: 1, stderr: /the primary .* can't be asked: .*holdfast reset/ }, command)
    t.notMatch(asked.stderr, /holdfast cluster|--view/, 'no other cluster is the way out')
  }
  t.match(await run('kill', 'primary'), { code: 1, stderr: /is dead already|is silent/ })
  await until('there is an idle server', async () =>
    (await status()).servers.some(server => server.role === 'idle' && server.alive),
  )
  const { done, view } = await json('reset', '--yes')
  t.ok(done)
  // Its client may learn of the reset's view only together with the one after it.
  const { primary: next } = await running.json(
    ({ event, number }) => event === 'view' && number >= view.number,
  )
  t.equal(next.id, view.primary.id)
  t.ok(await running.event('acked'), 'it heals')
})

t.test('when the reader of its output goes away, the cluster ends and leaves no folder', async t => {
  const { running, ready, pids } = await startCluster(t, '--servers', '2')
  running.process.stdout?.destroy()
  process.kill(ready.view.backup.pid, 'SIGKILL')
  t.match(await running.ended, { code: 0 })
  t.notOk(Object.values(pids).some(runs))
  t.notOk(existsSync(ready.data))
})

t.test('when the cluster is killed, its servers end too', async t => {
  const { running, ready, pids } = await startCluster(t, '--servers', '2')
  await running.end('SIGKILL')
  await until('all are gone', () => Object.values(pids).every(pid => !runs(pid)))
  t.ok(existsSync(ready.data), 'its folder it could not remove itself')
  await sweepFolders()
  t.notOk(existsSync(ready.data), 'the next cluster does')
})

t.test(
  'only folders that are surely left behind are swept: not of a living process, another world, or unmarked',
  async t => {
    const folder = folderOf(t, {
      'holdfast-mine': {},
      'holdfast-other': {},
      'holdfast-bare': {},
      'holdfast-left': {},
    })
    const at = (name: string) => join(folder, name, 'cluster-process')
    await markFolder(join(folder, 'holdfast-mine'))
    const mark = JSON.parse(readFileSync(at('holdfast-mine'), 'utf8'))
    writeFileSync(at('holdfast-left'), JSON.stringify({ ...mark, startedAt: '1' }))
    writeFileSync(at('holdfast-other'), JSON.stringify({ ...mark, startedAt: '1', space: 'pid:[1]' }))
    await sweepFolders(folder)
    t.same(readdirSync(folder).sort(), ['holdfast-bare', 'holdfast-mine', 'holdfast-other'])
  },
)
