// `holdfast why` with very many locks: its answer covers what depends on one name, and no more.

import t from 'tap'
import { connect, type LockClient } from '../../client/index.ts'
import { startCluster as startTestCluster } from '../../testing/index.ts'
import { holdfast } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'

const locksHeld = 30_000

/** From 0 up to `end` in steps, many at a time. */
async function inGroups(end: number, step: number, act: (i: number) => Promise<unknown>): Promise<void> {
  const starts = Array.from({ length: Math.ceil(end / step) }, (_, i) => i * step)
  for (let i = 0; i < starts.length; i += 4_000) await Promise.all(starts.slice(i, i + 4_000).map(act))
}

t.test('why answers among 30,000 locks: holder, queue, what the holder waits for, and a circle', async t => {
  await using cluster = await startTestCluster()
  const names = Array.from({ length: locksHeld }, (_, i) => `jobs/${String(i).padStart(5, '0')}`)
  const [first = '', last = ''] = [names[0], names.at(-1)]
  await using a = await connect(cluster.url, { name: 'a' })
  await using b = await connect(cluster.url, { name: 'b' })
  await using c = await connect(cluster.url, { name: 'c' })
  await b.acquire(last)
  await inGroups(locksHeld - 1, 64, i => a.acquireAll(names.slice(i, Math.min(i + 64, locksHeld - 1))))

  const waits = (client: typeof a, name: string) => void client.acquire(name).catch(() => {})
  const queued = async (name: string) => (await a.query({ prefix: name })).pending.length
  waits(c, first)
  await until('c waits', async () => (await queued(first)) === 1)
  waits(b, first)
  await until('b waits', async () => (await queued(first)) === 2)

  const why = async (name: string) => {
    const { code, stdout, stderr } = await holdfast(t, ['why', name, '--json'], {
      HOLDFAST_VIEW: cluster.url,
    })
    t.match({ code, stderr }, { code: 0, stderr: '' }, 'nothing is missing, nothing is to be noted')
    return JSON.parse(stdout)
  }
  t.match(await why(last), {
    confirmed: true,
    cut: false,
    holders: [{ clientName: 'b', waitsFor: [{ name: first, place: 2, heldBy: ['a'] }] }],
    queue: [],
    circle: null,
  })
  waits(a, last)
  await until('a waits', async () => (await queued(last)) === 1)
  t.match(await why(first), {
    holders: [{ clientName: 'a', waitsFor: [{ name: last, place: 1, heldBy: ['b'] }] }],
    queue: [{ clientName: 'c' }, { clientName: 'b' }],
    circle: [
      { clientName: 'a', holds: first, waitsFor: last },
      { clientName: 'b', holds: last, waitsFor: first },
    ],
  })
  t.match(await why('jobs'), { holders: [], queue: [] }, 'a name is no prefix')
})

t.test('an answer with too many holders lists as many as fit, and says that it is cut', async t => {
  await using cluster = await startTestCluster()
  await using client = await connect(cluster.url, { name: 'readers' })
  const others: LockClient[] = []
  for (let i = 0; i < 6; i++) {
    const more = await connect(cluster.url, { name: `readers ${i}` })
    others.push(more)
    await inGroups(1_000, 1, () => more.acquire('page', { mode: 'shared' }))
  }
  await client.acquire('page', { mode: 'shared' })
  const { code, stdout, stderr } = await holdfast(t, ['why', 'page', '--json'], {
    HOLDFAST_VIEW: cluster.url,
  })
  t.match({ code, stderr }, { code: 0, stderr: /these are the first 5000/ })
  const { holders, cut } = JSON.parse(stdout)
  t.match({ holders: holders.length, cut }, { holders: 5_000, cut: true })
  // While their cluster lives: a client whose servers are gone closes only when its lease is over.
  await Promise.all(others.map(other => other.close()))
})

t.test('R1: why does not trust a primary whose backup does not answer', async t => {
  const cluster = new ServerProcesses(here, ['--dead-pings', '200'])
  t.teardown(() => cluster.end())
  await cluster.start([here, here])
  const { view } = await cluster.healthy(2)
  const client = await connect(cluster.viewUrl, { ttl: 600_000 })
  await client.acquire('x')
  const why = () => holdfast(t, ['why', 'x'], { HOLDFAST_VIEW: cluster.viewUrl })
  t.match(await why(), { code: 0, stdout: /^"x" is held by/ })
  const backup = view?.backup?.address ?? ''
  cluster.signal(backup, 'SIGSTOP')
  t.match(await why(), {
    code: 0,
    stdout: /^unconfirmed: the primary may have been replaced\n"x" is held by/,
  })
  cluster.signal(backup, 'SIGCONT')
  await client.close()
})
