// A cluster as users have it: real processes, started and watched only with the command.

import { existsSync } from 'node:fs'
import { t } from 'tap'
import { runs, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { goesOn, upAndOn } from '../fixtures/endless-command.ts'

const cluster = await startCluster(t)

t.test('the ready line says where everything is, and the status agrees', async t => {
  const { ready, url, pids } = cluster
  t.equal(Object.keys(pids).length, 4, 'a view server and three lock servers')
  t.ok(Object.values(pids).every(runs))
  t.ok(existsSync(`${ready.data}/logs/viewserver.log`))
  const status = await cluster.json('status')
  t.match(status, { view: { primary: {}, backup: {}, acked: true }, survives: 1, halted: null })
  t.equal(status.view.primary.address, ready.view.primary.address)
  t.equal(status.view.primary.pid, pids[status.view.primary.address])
  t.same(
    status.servers.map((server: { role: string }) => server.role),
    ['primary', 'backup', 'idle'],
  )
  t.not(pids[url], undefined, 'the view server is among the pids')
  const plain = await cluster.run('status')
  t.equal(plain.code, 0)
  t.match(
    plain.stdout,
    /^view \d+, acked; survives 1 more death right now\n0 held, 0 waiting, \d+ clients?\n\nROLE +STATE +ADDRESS/,
  )
  t.notMatch(plain.stdout, '\x1b', 'no colours in a pipe')
  t.match(await cluster.run('status', '--check'), { code: 0, stdout: /^view .* right now\n$/ })
  t.match(await cluster.run('status', '--check', '--view', 'ws://127.0.0.1:1'), { code: 2, stdout: '' })
  t.match((await cluster.json('status')).load, { held: 0, waiting: 0, sessions: Number })
})

t.test('hold prints its token, locks lists it with its waiter, and an interrupt gives it back', async t => {
  const holder = cluster.start('hold', 'held/1', '--json')
  const { name, mode, token } = await holder.json(() => true)
  t.match({ name, mode }, { name: 'held/1', mode: 'exclusive' })
  const waiter = cluster.start('hold', 'held/1', '--shared')
  await until('it waits', async () => (await cluster.waiters('held/')) === 1)
  const { confirmed, held, pending } = await cluster.json('locks', 'held/')
  t.equal(confirmed, true)
  t.match(held, [{ name: 'held/1', mode: 'exclusive', token, clientName: /^holdfast hold/ }])
  t.match(pending, [{ name: 'held/1', mode: 'shared', clientId: /^[0-9a-f]{32}$/ }])
  t.match(
    (await cluster.run('locks', 'held/')).stdout,
    /^NAME.*\nheld\/1 +held +exclusive.*\nheld\/1 +waits, #1 /,
  )
  t.same((await cluster.json('locks', 'other/')).held, [])
  t.match(await holder.end('SIGINT'), { code: 0 })
  t.ok(Number(await waiter.line(() => true)) > token, 'the waiter has it, with a larger token')
  t.match(await waiter.end('SIGTERM'), { code: 0 })
})

t.test('run passes token, input, output and exit code', async t => {
  const running = cluster.start(
    'run',
    'run/1',
    '--',
    'sh',
    '-c',
    'read line; echo "$line $HOLDFAST_LOCK $HOLDFAST_TOKEN"; exit 7',
  )
  running.process.stdin?.end('hello\n')
  const { code, stdout, stderr } = await running.ended
  t.equal(code, 7)
  t.match(stdout, /^hello run\/1 \d{16}\n$/)
  t.equal(stderr, '')
  t.match(await cluster.run('run', 'run/1', '--', '/no/such/command'), {
    code: 127,
    stderr: /no such command/,
  })
  t.match(await cluster.run('run', 'run/1', '--', '/etc/passwd'), { code: 126, stderr: /not executable/ })
  t.match(await cluster.run('run', 'run/1', '--', 'sh', '-c', 'kill -9 $$'), { code: 137 })
})

t.test('run passes signals on to the whole process group', async t => {
  const running = cluster.start(
    'run',
    'run/2',
    '--',
    'sh',
    '-c',
    `trap "echo got it; exit 3" TERM; ${upAndOn}`,
  )
  await running.line(line => line === 'up')
  t.match(await running.end('SIGTERM'), { code: 3, stdout: 'up\ngot it\n' })
})

t.test('a command that does not get its lock exits with 75', async t => {
  const holder = cluster.start('hold', 'busy')
  await holder.line(() => true)
  const [timed, atOnce] = await Promise.all([
    cluster.run('run', 'busy', '--wait', '50ms', '--', 'echo', 'ran'),
    cluster.run('hold', 'busy', '--wait', '0'),
  ])
  t.match(timed, {
    code: 75,
    stdout: '',
    stderr: /did not get lock "busy" within 50 ms: ".*" has held it for/,
  })
  t.match(atOnce, { code: 75, stdout: '', stderr: /"busy" is not free/ })
  const interrupted = cluster.start('run', 'busy', '--', 'echo', 'ran')
  await until('it waits', async () => (await cluster.waiters('busy')) === 1)
  t.match(await interrupted.end('SIGINT'), { code: 130, stdout: '' })
  await holder.end('SIGINT')
})

t.test('steal and release --force tell the victim, and run ends its command', async t => {
  const victim = cluster.start('run', 'prey', '--', 'sh', '-c', `trap "echo ended; exit 0" TERM; ${upAndOn}`)
  await victim.line(line => line === 'up')
  const { taken, token } = await cluster.json('steal', 'prey')
  t.equal(taken.length, 1)
  t.ok(token > taken[0].token)
  t.match(await victim.ended, { code: 76, stdout: /ended/, stderr: /stolen/ })
  const holder = cluster.start('hold', 'prey')
  await holder.line(() => true)
  t.same(await cluster.json('release', 'prey', '--force'), { name: 'prey', released: 1 })
  t.match(await holder.ended, { code: 76, stderr: /operator/ })
  t.same(await cluster.json('release', 'prey', '--force'), { name: 'prey', released: 0 })
})

t.test(
  'F1: killing the primary does not disturb run; the view moves on, the killed server comes back',
  async t => {
    const running = cluster.start(
      'run',
      'steady',
      '--',
      'sh',
      '-c',
      'echo $HOLDFAST_TOKEN; read line; exit 5',
    )
    const token = Number(await running.line(() => true))
    const before = await cluster.json('status')
    const { killed } = await cluster.json('kill', 'primary')
    t.equal(killed.pid, before.view.primary.pid)
    // The system closes the sockets of a dead process first, and then reports the death to its parent.
    const [died, view] = await cluster.running.events('died', 'view')
    t.match(died, { pid: killed.pid, signal: 'SIGKILL' })
    t.equal(view.number, before.view.number + 1)
    t.equal(view.primary.id, before.view.backup.id)
    t.type(view.gapMs, 'number', 'the length of the gap')
    const { url, pid } = await cluster.running.event('started')
    t.equal(url, killed.address)
    await until('it is idle or backup and a death would be survived', async () => {
      const { survives, servers } = await cluster.json('status')
      const back = servers.find((server: { pid: number }) => server.pid === pid)
      return survives === 1 && (back?.role === 'idle' || back?.role === 'backup')
    })
    const { held } = await cluster.json('locks', 'steady')
    t.match(held, [{ token }], 'still held under the same token')
    running.process.stdin?.end('go on\n')
    t.match(await running.ended, { code: 5, stderr: '' })
  },
)

t.test('watch prints views and lock events', async t => {
  const watcher = cluster.start('watch', 'seen/', '--json')
  t.match(await watcher.event('view'), { view: { number: Number, primary: { address: /^ws:/ } } })
  t.type((await watcher.event('watching')).at, 'number')
  await cluster.run('run', 'other', '--', 'true')
  t.match(await cluster.run('run', 'seen/1', '--', 'true'), { code: 0 })
  const granted = await watcher.json(({ name }) => name !== undefined)
  t.match(granted, { event: 'granted', name: 'seen/1', mode: 'exclusive', clientName: /^holdfast run/ })
  t.match(await watcher.event('released'), { token: granted.token, reason: null })
  const people = cluster.start('watch', 'seen/')
  await people.line(line => /watching/.test(line))
  await cluster.run('steal', 'seen/2')
  await people.line(line =>
    /^\d\d:\d\d:\d\d\.\d{3} +\+[\d.]+ m?s +granted +seen\/2 +exclusive, token \d+ +holdfast steal/.test(line),
  )
  t.match(await watcher.end('SIGINT'), { code: 0, stderr: '' })
  t.match(await people.end('SIGTERM'), { code: 0, stdout: /view +\d+: primary ws:.*backup ws:/ })
  t.match(await cluster.run('watch', 'x'.repeat(1_025)), { code: 2, stderr: /PREFIX/ })
})

t.test('kill takes the beginning of an id, and does nothing when no such server is there', async t => {
  const { servers } = await cluster.json('status')
  const idle = servers.find((server: { role: string }) => server.role === 'idle')
  t.match(await cluster.run('kill', 'fffffffffffffffff'), { code: 1, stderr: /no server whose id begins/ })
  t.match(await cluster.run('kill', idle.id.slice(0, 12)), { code: 0, stdout: /killed the idle server/ })
  t.match(await cluster.running.event('died'), { pid: idle.pid })
  await cluster.running.event('started')
})

t.test("when the lease can't be renewed, the command gets SIGTERM, then SIGKILL", async t => {
  const script = `trap "echo asked to end" TERM; (trap "" TERM; echo up; exec ${goesOn}) & while :; do wait; done`
  const running = cluster.start('run', 'short', '--ttl', '3s', '--', 'sh', '-c', script)
  await running.line(line => line === 'up')
  const { servers } = await cluster.json('status')
  const pids: number[] = servers.map((server: { pid: number }) => server.pid)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  t.match(await running.ended, { code: 76, stdout: /asked to end/, stderr: /can't be renewed/ })
  for (const pid of pids) process.kill(pid, 'SIGCONT')
})

t.test('an interrupt ends the whole cluster, and leaves nothing behind', async t => {
  const { servers } = await cluster.json('status')
  const { code, stdout } = await cluster.running.end('SIGINT')
  t.equal(code, 0)
  t.match(stdout, /"event":"ended"\}\n$/)
  for (const { pid } of servers) t.notOk(runs(pid), `pid ${pid} is gone`)
  for (const pid of Object.values(cluster.pids)) t.notOk(runs(pid), `pid ${pid} is gone`)
  t.notOk(existsSync(cluster.ready.data), 'nor a temporary folder')
})
