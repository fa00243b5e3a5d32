// The cluster of `holdfast/testing`: it is ready at once, and a killed server in it is as dead as a
// process after kill -9. The end shows that nothing of it is left: otherwise this file would not end.

import { readdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { connect, type Lock } from 'holdfast'
import { startCluster } from 'holdfast/testing'
import t, { type Test } from 'tap'
import { folderOf } from './fixtures/folder.ts'
import { HostilePeer, hello } from './fixtures/hostile-peer.ts'

/** `refused`, or `open`. */
function knock(url: string): Promise<string> {
  const { port, hostname } = new URL(url)
  return new Promise(resolve => {
    const socket = createConnection(Number(port), hostname)
    socket.on('connect', () => {
      socket.destroy()
      resolve('open')
    })
    socket.on('error', error =>
      resolve('code' in error && error.code === 'ECONNREFUSED' ? 'refused' : String(error)),
    )
  })
}

t.test('the cluster for tests is ready in well under a second', async t => {
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const began = performance.now()
    await using cluster = await startCluster()
    times.push(performance.now() - began)
    t.equal(cluster.status().survives, 1, 'it survives a death from the start')
  }
  t.comment(`ms until ready: ${times.map(ms => ms.toFixed(0)).join(', ')}`)
})

t.test('F1: a program continues through the death of the primary, again and again', async t => {
  await using cluster = await startCluster()
  await using a = await connect(cluster.url, { name: 'a', ttl: 5_000 })
  await using b = await connect(cluster.url, { name: 'b', ttl: 5_000 })
  let lock: Lock = await a.acquire('job')
  let next = b.acquire('job')
  for (let i = 0; i < 3; i++) {
    const before = await cluster.ready()
    t.equal(await cluster.killPrimary(), before.primary.address)
    await cluster.addServer()
    t.ok(lock.held, 'the holder keeps its lock')
    const token = lock.token
    await lock.release()
    lock = await next
    t.ok(lock.token > token, 'and the waiter gets it after')
    next = (i % 2 ? b : a).acquire('job')
    t.ok((await cluster.ready()).number > before.number, 'there is another view')
  }
  await lock.release()
  await (await next).release()
})

/** A peer that the server has welcomed, and what it must see when that server is killed. */
async function witness(t: Test, url: string): Promise<() => Promise<void>> {
  const peer = await HostilePeer.connect(url)
  peer.say(hello({ kind: 'client', name: 'witness' }))
  await peer.next('welcome')
  return async () => {
    t.equal(await knock(url), 'refused')
    t.same(await peer.ended(), { close: 1006, reason: '', error: null }, 'cut without a word')
  }
}

t.test('a killed server is cut without a word, and its port refuses', async t => {
  await using cluster = await startCluster()
  const { primary, backup } = await cluster.ready()
  const seen = [
    await witness(t as Test, primary.address),
    await witness(t as Test, backup?.address ?? ''),
    await witness(t as Test, cluster.url),
  ] as const
  t.equal(await cluster.killBackup(), backup?.address)
  await seen[1]()
  t.equal(await cluster.killPrimary(), primary.address)
  await seen[0]()
  await cluster.killViewServer()
  await seen[2]()
})

t.test('the last copy is killed only by force, and the error says what would help', async t => {
  await using cluster = await startCluster({ servers: 1, withinMs: 1_000 })
  t.equal(cluster.status().survives, 0)
  await t.rejects(cluster.killPrimary(), { message: /no backup.*addServer/ })
  await t.rejects(cluster.killBackup({ force: true }), { message: /no such server/ })
  await cluster.killPrimary({ force: true })
  await t.rejects(cluster.ready(), { message: /no other server holds the state/ }, 'F14: it halts')
})

t.test('F9: without the view server locks go on, and its record outlives it', async t => {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url)
  const before = await cluster.ready()
  await cluster.killViewServer()
  await locks.request('x', lock => t.ok(lock.held))
  await cluster.restartViewServer()
  t.equal((await cluster.ready()).number, before.number)
  await cluster.killPrimary()
  await locks.request('x', lock => t.ok(lock.held))
  t.ok((await cluster.ready()).number > before.number)
})

t.test('the cluster for tests leaves nothing behind', async t => {
  process.env.TMPDIR = folderOf(t, {})
  t.teardown(() => delete process.env.TMPDIR)
  const cluster = await startCluster({ secret: 'our own' })
  t.equal(readdirSync(tmpdir()).length, 1, 'the folder of the view record')
  await t.rejects(connect(cluster.url), { code: 'WRONG_SECRET' })
  const addresses = [cluster.url, ...cluster.status().servers.map(server => server.address)]
  t.equal(addresses.length, 4)
  await cluster.close()
  await cluster.close()
  for (const url of addresses) t.equal(await knock(url), 'refused', url)
  t.same(readdirSync(tmpdir()), [])
})

t.test('a wrong option is a TypeError that names it', async t => {
  for (const [options, message] of [
    [{ servers: 0 }, /servers.*1 to 32.*0/],
    [{ server: 3 }, /no option server;.*servers/],
    [{ pingIntervalMs: 0.5 }, /pingIntervalMs/],
    [{ origins: 'https://example.org' }, /origins/],
  ] as const) {
    await t.rejects(startCluster(options as object), { name: 'TypeError', message })
  }
})
