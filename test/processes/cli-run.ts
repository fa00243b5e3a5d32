// `holdfast run` when it is cut off, killed or frozen: the whole process group of its
// command is gone before the lock is granted again. The command and its child ignore
// every signal but SIGKILL; the test prints the margins. Also `--timeout`.

import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { t } from 'tap'
import { connect } from '../../client/index.ts'
import { startLockServer } from '../../lockserver/index.ts'
import { initCluster, startViewServer } from '../../viewservice/index.ts'
import { hashOf } from '../../wire/net/secret.ts'
import { holdfast, Running, runs } from '../fixtures/command.ts'
import { until, within } from '../fixtures/deadline.ts'
import { goesOn } from '../fixtures/endless-command.ts'
import { folderOf } from '../fixtures/folder.ts'
import { RealCluster } from '../fixtures/real-cluster.ts'
import { Relay } from '../fixtures/relay.ts'

const stubborn = fileURLToPath(new URL('../fixtures/programs/stubborn.js', import.meta.url))
const ttlMs = 4_000
const goesOnInNode = 'setInterval(() => {}, 1000)'
const sharedClockMs = () => Number(process.hrtime.bigint()) / 1e6

const disasters: Record<string, (run: Running, relay: Relay) => void> = {
  'cut off by a network that goes dark': (_run, relay) => {
    relay.dark = true
  },
  'killed with SIGKILL': run => void run.process.kill('SIGKILL'),
  'frozen with SIGSTOP': run => void run.process.kill('SIGSTOP'),
}

// Each waits for a lease to run out: all run at once, so the file waits for only one lease.
t.jobs = Object.keys(disasters).length

for (const [what, inflict] of Object.entries(disasters)) {
  t.test(`run is ${what}: its command is gone before the next grant`, { buffered: true }, async t => {
    await using cluster = await RealCluster.start(2)
    await using relay = await Relay.start(cluster.addresses)
    await using next = await connect(cluster.url, { name: 'next' })
    const beats = `${folderOf(t, {})}/beats`
    const args = ['run', 'x', '--ttl', `${ttlMs}ms`, '--view', relay.urlOf(cluster.url), '--']
    const run = new Running(t, [...args, process.execPath, stubborn, beats])
    const { pid, child } = await run.json(({ pid }) => pid !== undefined)
    t.ok(runs(pid) && runs(child))
    const waiting = next.acquire('x')
    await next.query()
    inflict(run, relay)
    const lock = await waiting
    const grantedAt = sharedClockMs()
    // A process killed in time no longer runs, but the system may need a moment to remove it.
    await until('nobody of the group is left', () => ![pid, child].some(runs))
    t.ok(existsSync(beats))
    const lastBeat = Number(readFileSync(beats, 'utf8').split('\n')[0])
    t.ok(lastBeat > 0)
    t.ok(lastBeat < grantedAt, 'its last sign of life was before the grant')
    t.comment(
      `margin: ${(grantedAt - lastBeat).toFixed(0)} ms from its last sign of life to the grant; ttl ${ttlMs} ms`,
    )
    await lock.release()
  })
}

t.test('--timeout limits the wait, and the command', async t => {
  await using cluster = await RealCluster.start(1)
  await using holder = await connect(cluster.url, { name: 'billing-3' })
  const run = (...args: string[]) => holdfast(t, ['run', ...args], { HOLDFAST_VIEW: cluster.url })
  const held = await holder.acquire('busy')
  const [waited, sooner, ended, inTime] = await Promise.all([
    run('busy', '--timeout', '50ms', '--', 'echo', 'ran'),
    run('busy', '--timeout', '1h', '--wait', '50ms', '--', 'echo', 'ran'),
    run('free', '--timeout', '2s', '--', 'sh', '-c', `${goesOn} & wait`),
    run('other', '--timeout', '10m', '--', 'sh', '-c', 'exit 3'),
  ])
  t.match(waited, {
    code: 75,
    stdout: '',
    // The line names the holder if the answer to the cancel comes in time (client-surface.ts tests that).
    stderr: /did not get lock "busy" within 50 ms: ("billing-3" has held it for|it did not come free)/,
  })
  t.match(sooner, { code: 75, stdout: '' })
  t.match(ended, { code: 124, stderr: /longer than --timeout/ })
  t.match(inTime, { code: 3, stderr: '' })
  await held.release()
})

t.test('limits hold for the way to the cluster, too; 125 says that the command could not be run', async t => {
  const nowhere = { HOLDFAST_VIEW: 'ws://127.0.0.1:1' }
  const run = (...args: string[]) => holdfast(t, ['run', 'x', ...args, '--', 'echo', 'ran'], nowhere)
  const [waited, limited, inTime, wrong] = await Promise.all([
    run('--wait', '1200ms'),
    run('--timeout', '1300ms', '--wait', '1h'),
    run('--wait', '0', '--timeout', '1400ms'),
    run('--wait', 'soon'),
  ])
  t.match(waited, { code: 125, stdout: '', stderr: /no session .*within 1200 ms/ })
  t.match(limited, { code: 125, stdout: '', stderr: /no session .*within 1300 ms/ })
  t.match(inTime, { code: 125, stdout: '', stderr: /no session .*within 1400 ms/ })
  t.match(wrong, { code: 125, stdout: '', stderr: /--wait must be a time/ }, 'used wrongly')
  const once = await holdfast(t, ['run', 'x', '--once', 'k', '--wait', '200ms', '--', 'echo', 'ran'], nowhere)
  t.match(once, { code: 125, stdout: '', stderr: /within 1000 ms/ }, 'at least a second')
})

t.test('when all servers are gone while it waits, its limit still ends it', async t => {
  const cluster = await RealCluster.start(1)
  await using holder = await connect(cluster.url)
  const lock = await holder.acquire('x')
  const run = new Running(t, ['run', 'x', '--timeout', '2s', '--ttl', '5m', '--', 'echo', 'ran'], {
    HOLDFAST_VIEW: cluster.url,
  })
  await until('it waits', async () => (await holder.query()).pending.length === 1)
  void lock.release().catch(() => {})
  await cluster[Symbol.asyncDispose]()
  const ended = await within(30_000, run.ended, () => new Error('it still runs'))
  t.match(ended, { code: 75, stdout: '', stderr: /did not get lock "x" within 2\.0 s: / })
})

t.test('lists show what runs, or the name that was given; never its arguments', async t => {
  await using cluster = await RealCluster.start(1)
  await using looks = await connect(cluster.url)
  const environment = { HOLDFAST_VIEW: cluster.url }
  const plain = new Running(
    t,
    ['run', 'a', '--', process.execPath, '-e', goesOnInNode, 'hunter2'],
    environment,
  )
  const named = new Running(t, ['run', 'b', '--name', 'nightly', '--', 'sh', '-c', goesOn], environment)
  await until('both hold', async () => (await looks.query()).held.length === 2)
  const { held } = await looks.query()
  const [first, second] = [...held].sort((a, b) => (a.name < b.name ? -1 : 1))
  t.match(first, {
    clientName: `holdfast run node, pid ${plain.pid} on ${hostname()}`,
    pid: plain.pid,
    host: hostname(),
  })
  t.match(second, { clientName: 'nightly', pid: named.pid })
  const listed = await holdfast(t, ['locks'], environment)
  t.match(listed.stdout, ` nightly on ${hostname()}, pid ${named.pid} `)
  t.match(listed.stdout, ` holdfast run node, pid ${plain.pid} on ${hostname()} `, 'nothing twice')
  t.notMatch(listed.stdout, 'hunter2')
  await Promise.all([plain.end('SIGTERM'), named.end('SIGTERM')])
})

t.test('A2: 125 says that the access rules do not allow the lock, for to wait is no use', async t => {
  const token = 'the token of a program'
  const nightly = { tokens: [hashOf(token)], rules: [{ prefix: 'jobs/', verbs: ['acquire'] }] }
  const file = { format: 1, principals: { nightly } }
  const folder = folderOf(t, { data: {}, 'access.json': JSON.stringify(file) })
  const own = { serverSecret: 'what only servers know', access: join(folder, 'access.json') }
  await initCluster({ data: join(folder, 'data'), nobodyHasRun: true })
  const view = await startViewServer({ ...own, port: 0, data: join(folder, 'data') })
  t.teardown(() => view.kill())
  const server = await startLockServer({ ...own, view: view.address })
  t.teardown(() => server.kill())
  const environment = { HOLDFAST_VIEW: view.address, HOLDFAST_ACCESS_TOKEN: token }
  const may = await holdfast(t, ['run', 'jobs/1', '--', 'echo', 'done'], environment)
  t.match(may, { code: 0, stdout: 'done\n' })
  const mayNot = await holdfast(t, ['run', 'pay', '--wait', '60s', '--', 'echo', 'done'], environment)
  t.match(mayNot, { code: 125, stdout: '', stderr: /nightly may not acquire "pay"/ })
})
