// B8: the cluster signals a process only if it is certainly the right one. It never believes a server's
// claim about its own process: it knows its children, and asks any other server to end by itself.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { t } from 'tap'
import { startLockServer } from '../../lockserver/index.ts'
import { isLoopbackAddress } from '../../wire/serving/own-names.ts'
import { proofOf } from '../../wire/serving/proof.ts'
import { begin, startBegun } from '../fixtures/begun.ts'
import { holdfast, Running, runs, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'
import { HostilePeer, hello, newId } from '../fixtures/hostile-peer.ts'
import { LyingServer } from '../fixtures/lying-server.ts'
import { idleHello } from '../fixtures/said.ts'

const http = (url: string) => url.replace(/^ws/, 'http')
const post = (url: string, headers: Record<string, string> = {}) => fetch(url, { method: 'POST', headers })
const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

/** A process that must get no signal. */
function bystander(): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  t.teardown(() => void child.kill('SIGKILL'))
  return child as ChildProcess & { pid: number }
}

t.test(
  'B8: the pid that a server claims is never signalled, neither by the dashboard nor by kill',
  async t => {
    const { pid } = bystander()
    const cluster = await startCluster(t, '--servers', '1')
    const liar = await LyingServer.start(cluster.url, { pid, host: hostname() })
    t.teardown(() => liar.end())
    const told = async () => (await cluster.status()).servers.find(({ id }) => id === liar.id)
    await until('the liar counts', async () => (await told())?.alive)
    t.match(await told(), { pid }, 'it is believed to be what it says, for display')

    const origin = http(cluster.url)
    for (const deed of ['kill', 'freeze']) {
      const answer = await post(`${origin}/${deed}?id=${liar.id}`, { origin })
      t.equal(answer.status, 409)
      t.match(await answer.json(), { error: /no server of this cluster runs at/ })
    }
    const { code, stderr } = await cluster.run('kill', liar.id)
    t.equal(code, 1)
    t.match(stderr, /does not end|does not answer/)
    t.ok(runs(pid))
    t.equal(stateOf(pid), 'S')
  },
)

t.test('B8: a pid below 1 is no pid: it would mean a whole process group', async t => {
  const view = await startBegun({ port: 0, data: folderOf(t) })
  t.teardown(() => view.close())
  for (const pid of [0, -1, 1.5]) {
    const peer = await HostilePeer.connect(view.address)
    peer.say(hello({ ...idleHello(newId(), 'ws://127.0.0.1:1'), pid }))
    t.match(await peer.ended(), { error: 'BAD_MESSAGE' }, `${pid}`)
  }
})

t.test('B8: a cluster freezes and kills its own children', async t => {
  const cluster = await startCluster(t, '--servers', '2')
  const origin = http(cluster.url)
  const { id, address } = cluster.ready.view.backup
  const pid = cluster.pids[address] as number
  t.match(await (await post(`${origin}/freeze?id=${id}`, { origin })).json(), { did: 'freeze', pid })
  t.equal(stateOf(pid), 'T')
  await until('it goes on', () => stateOf(pid) !== 'T')
  await until('it is heard again', async () =>
    (await cluster.status()).servers.some(server => server.address === address && server.alive),
  )
  const { servers } = await cluster.status()
  const own = servers.find(server => server.address === address && server.alive)?.id
  t.match(await (await post(`${origin}/kill?id=${own}`, { origin })).json(), { did: 'kill', pid })
  t.match(await cluster.running.event('died'), { pid, signal: 'SIGKILL' })
})

t.test('B8: a server ends when it is asked by its id, from its machine and by no page', async t => {
  const server = await startLockServer({ view: 'ws://127.0.0.1:1' })
  t.teardown(() => server.close())
  const at = (id: string) => `${server.pages}/end?id=${id}`
  const wrong = newId()
  t.equal((await fetch(at(wrong))).status, 405)
  for (const headers of [{ origin: server.pages }, { origin: 'null' }, { 'sec-fetch-site': 'same-origin' }])
    t.equal((await post(at(wrong), headers as Record<string, string>)).status, 403, JSON.stringify(headers))
  const refused = await post(at(wrong))
  t.equal(refused.status, 409)
  const [, id] = /this is server (\w+)/.exec(((await refused.json()) as { error: string }).error) ?? []
  t.match(await (await post(at(id as string))).json(), { ended: id })
  t.equal(await server.ended, 137)
})

t.test('B8: with a secret only a caller that knows it may end a server', async t => {
  const secret = 'open sesame'
  const server = await startLockServer({ view: 'ws://127.0.0.1:1', secret })
  t.teardown(() => server.close())
  for (const given of [null, 'wrong'])
    t.equal((await post(`${server.pages}/end?id=x`, proofOf(given))).status, 401)
  t.equal((await post(`${server.pages}/end?id=x`, proofOf(secret))).status, 409)
})

t.test('B8: a server knows which addresses are its own machine', async t => {
  for (const here of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])
    t.ok(isLoopbackAddress(here), here)
  for (const elsewhere of [
    '10.0.0.1',
    '::ffff:10.0.0.1',
    '1270.0.0.1',
    '::2',
    '127.0.0.1.example',
    undefined,
  ])
    t.notOk(isLoopbackAddress(elsewhere), String(elsewhere))
})

t.test('B8: a frozen server is left alone, and kill says what to do on its machine', async t => {
  const data = folderOf(t, {})
  await begin(data)
  const environment = { HOLDFAST_LISTEN: '127.0.0.1:0', HOLDFAST_DATA: data }
  const view = await new Running(t, ['viewserver'], environment).listening()
  const server = new Running(t, ['lockserver', '--view', view], environment)
  await server.listening()
  const reach = { HOLDFAST_VIEW: view }
  await until('there is a primary', async () => (await holdfast(t, ['status'], reach)).code === 0)
  server.process.kill('SIGSTOP')
  const frozen = await holdfast(t, ['kill', 'primary', '--force'], reach)
  t.match(frozen, {
    code: 1,
    stderr: /frozen, or cut off, and not killed\. On its machine.*ss -ltnp.*kill -9 PID/,
  })
  server.process.kill('SIGCONT')
  t.ok(runs(server.pid))
  t.match(await holdfast(t, ['kill', 'primary', '--force'], reach), { code: 0 })
  t.match(await server.ended, { signal: 'SIGKILL' })
})
