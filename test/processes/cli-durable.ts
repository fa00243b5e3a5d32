// `holdfast cluster --data DIR` keeps its locks: real processes, stopped and killed, and started again on the folder.

import { mkdirSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { membersIn, nextMember } from '../../cli/cluster-members.ts'
import { connect } from '../../client/index.ts'
import { startLockServer } from '../../lockserver/index.ts'
import { viewedIn } from '../../viewservice/record.ts'
import { lookAtRecord } from '../../viewservice/stores/file.ts'
import { startBegun } from '../fixtures/begun.ts'
import { Running, runs, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'

t.test('F15: stopped and killed, it goes on with the same locks, waiters and tokens', async t => {
  const data = folderOf(t, {})
  const port = await freeRow(4)
  const url = `ws://127.0.0.1:${port}`
  const start = async (servers: number) => {
    const args = ['cluster', '--json', '--port', `${port}`, '--data', data, '--servers', `${servers}`]
    const running = new Running(t, args)
    return { running, ready: await running.event('ready') }
  }
  const first = await start(2)
  const holder = await connect(url, { ttl: 30_000, name: 'holder' })
  const waiter = await connect(url, { ttl: 30_000, name: 'waiter' })
  const held = await holder.acquire('orders/42')
  const later = waiter.acquire('orders/42')
  await until('it waits', async () => (await holder.query()).pending.length === 1)

  t.match(await first.running.end('SIGINT'), { code: 0 })
  const second = await start(3)
  t.equal(second.ready.data, data)
  t.ok(second.ready.view.number > first.ready.view.number)
  t.ok(held.held)
  t.match((await holder.query()).pending, [{ name: 'orders/42', clientId: waiter.clientId }])

  // D11: to memory and back while it runs; no lock is lost.
  const durability = async (...args: string[]) => {
    const ended = await new Running(t, ['durability', '--json', ...args], { HOLDFAST_VIEW: url }).ended
    return ended.code === 0 ? JSON.parse(ended.stdout).durability : ended.stderr
  }
  t.equal(await durability('--set', 'memory'), 'memory')
  t.equal(await durability(), 'memory')
  await second.running.event('acked')
  t.equal(await durability('--set', 'disk'), 'disk')
  await second.running.event('acked')
  t.ok(held.held)

  const pids: number[] = Object.values(second.ready.pids)
  process.kill(second.running.pid, 'SIGKILL')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await second.running.ended
  await until('all are gone', () => pids.every(pid => !runs(pid)))
  const third = await start(3)
  t.ok(held.held)
  t.match((await holder.query()).held, [{ name: 'orders/42', token: held.token }])
  await held.release()
  const next = await later
  t.ok(next.token > held.token)
  await Promise.all([holder.close(), waiter.close()])
  t.match(await third.running.end('SIGINT'), { code: 0 })
  t.same(
    readdirSync(data)
      .filter(name => /^lockserver/.test(name))
      .sort(),
    ['lockserver-1', 'lockserver-2', 'lockserver-3'],
  )
})

t.test('a folder of a cluster in memory stays one, and says how that can be changed', async t => {
  const data = folderOf(t, {})
  const view = await startBegun({ port: 0, data })
  const server = await startLockServer({ view: view.address })
  await until('there is a view', () => view.status().acked)
  await Promise.all([server.kill(), view.kill()])
  const again = new Running(t, ['cluster', '--port', '0', '--servers', '1', '--data', data])
  t.match(
    await again.line(line => line.startsWith('it goes on')),
    /in memory.*holdfast durability --set disk/,
  )
  await again.line(line => /holdfast reset/.test(line))
  t.match(await again.end('SIGINT'), { code: 0 })
})

t.test('without --data it is in memory, and has no journal', async t => {
  const { ready, json } = await startCluster(t, '--servers', '2')
  t.match(await json('status'), { durability: 'memory' })
  t.same(
    readdirSync(ready.data).filter(name => /^lockserver/.test(name)),
    [],
  )
})

t.test('each lock server has a number; with fewer than before those come whose state counts', async t => {
  t.equal(nextMember([]), 1)
  t.equal(nextMember([1, 3]), 2)
  const data = folderOf(t, { 'lockserver-7': {}, 'lockserver-2': {}, logs: {}, 'lockserver-x': {} })
  t.same(await membersIn(data, 1, null), [2])
  t.same(await membersIn(data, 2, null), [2, 7])
  t.same(await membersIn(data, 4, null), [1, 2, 3, 7])

  const view = await startBegun({ port: 0, data, durability: 'disk' })
  const of = (number: number) =>
    startLockServer({ view: view.address, data: join(data, `lockserver-${number}`) })
  const servers = [await of(7), await of(4)]
  await until('a backup is in sync', () => view.status().survives === 1)
  const record = viewedIn(await lookAtRecord(data))
  await Promise.all([...servers, view].map(server => server.kill()))
  mkdirSync(join(data, 'lockserver-1'))
  t.same(await membersIn(data, 2, record), [4, 7])
  t.same(await membersIn(data, 3, record), [1, 4, 7])
  if (record === null) throw new Error('there is a record')
  t.same(await membersIn(data, 2, { ...record, cluster: 'f'.repeat(32) }), [1, 2], "another cluster's")
  const view9 = { ...record.view, number: 9 }
  t.same(await membersIn(data, 2, { ...record, view: view9, lastAcked: 9 }), [1, 2], 'too old')
})

/** A port with as many free ones after it. */
async function freeRow(more: number): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const row = Array.from({ length: more + 1 }, (_, i) => port + i)
    if ((await Promise.all(row.map(isFree))).every(Boolean)) return port
  }
  throw new Error('no free ports')
}

function isFree(port: number): Promise<boolean> {
  return new Promise(answer => {
    const server = createServer()
    server.once('error', () => answer(false))
    server.listen(port, '127.0.0.1', () => server.close(() => answer(true)))
  })
}
