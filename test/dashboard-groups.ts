// What a view server's pages tell its dashboard of several groups (G5): counts of all, locks in one order, whose answer is
// missing; and the page's headline.

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import t from 'tap'
import { connect } from '../client/index.ts'
import { startCluster } from '../testing/index.ts'
import { mergedStats, mergedTables } from '../viewservice/pages/merged-pages.ts'
import { firstMap, groupOf } from '../wire/slots.ts'
import { until } from './fixtures/deadline.ts'

// biome-ignore lint/suspicious/noExplicitAny: what a test expects of JSON it says by its assertions.
type Json = any

async function ask(url: string, path: string): Promise<{ status: number; body: Json }> {
  const answer = await fetch(new URL(path, url.replace(/^ws/, 'http')))
  return { status: answer.status, body: await answer.json() }
}

t.test('G5: counts of all groups are added up; who has waited longest is the longest of all', async t => {
  const counted = (counts: number[]) => ({ counts, count: counts.length, sumMs: 5 })
  const stats = (held: number, longestWaitMs: number, sessions: number) => ({
    ...{ operations: { 'acquire granted': held }, losses: { expired: 1 }, boundsMs: [1, 10] },
    ...{ vitals: { held, waiting: 1, sessions }, longestHoldMs: 3, longestWaitMs, longestQueue: held },
    ...{
      wait: counted([1, 2]),
      hold: counted([0, 0]),
      handOver: counted([3, 0]),
      roundTrip: counted([1, 1]),
    },
  })
  t.match(mergedStats([stats(2, 10, 4), stats(3, 70, 1)]), {
    operations: { 'acquire granted': 5 },
    losses: { expired: 2 },
    vitals: { held: 5, waiting: 2, sessions: 4 },
    longestHoldMs: 3,
    longestWaitMs: 70,
    longestQueue: 3,
    wait: { counts: [2, 4], count: 4, sumMs: 10 },
    roundTrip: { counts: [2, 2] },
  })
})

t.test('G5: pages of locks are put together by rank, then by name, what has no rank last', async t => {
  const table = (more: boolean, ...locks: [name: string, rank: number | null][]) => ({
    ...{ total: 10, matching: 4, more },
    locks: locks.map(([name, rank]) => ({ name, rank })),
  })
  const merged = mergedTables([table(false, ['b', 1], ['z', null]), table(false, ['a', 1], ['y', 0])], 3)
  t.match(merged, { total: 20, matching: 8, more: true })
  t.same(
    merged.locks.map(({ name }) => name),
    ['y', 'a', 'b'],
  )
  t.equal(mergedTables([table(true, ['b', 1]), table(false)], 3).more, true)
  t.equal(mergedTables([table(false, ['b', 1]), table(false)], 3).more, false)
})

t.test('G5: /locks walks through the locks of both groups in one order; /stats counts them', async t => {
  await using cluster = await startCluster({ groups: 2, servers: 4 })
  await using locks = await connect(cluster.url)
  const map = firstMap(2)
  const names = Array.from({ length: 12 }, (_, i) => `lock/${String(i).padStart(2, '0')}`)
  t.equal(new Set(names.map(name => groupOf(map, name))).size, 2, 'they live in both')
  for (const name of names) await locks.acquire(name)
  const walk = async (sort: string) => {
    const seen: string[] = []
    for (let after = ''; ; ) {
      const { body } = await ask(cluster.url, `/locks?sort=${sort}&limit=5${after}`)
      seen.push(...body.locks.map(({ name }: Json) => name))
      t.match(body, { total: 12, matching: 12, missing: [] })
      if (!body.more) return seen
      const { name, rank } = body.locks.at(-1)
      after = `&after=${encodeURIComponent(name)}&rank=${rank ?? 'none'}`
    }
  }
  t.same(await walk('name'), names)
  t.same((await walk('wait')).sort(), names, 'no client waits: each once, all the same')
  t.same((await walk('age')).sort(), names)
  t.match((await ask(cluster.url, '/locks?limit=no')).status, 400)
  t.match((await ask(cluster.url, '/locks?after=x&rank=much')).status, 400)
  const { body: stats } = await ask(cluster.url, '/stats')
  t.match(stats, { vitals: { held: 12, waiting: 0, sessions: 1 }, missing: [] })
  const { cluster: told } = { cluster: (await ask(cluster.url, '/cluster')).body }
  t.same([...new Set(told.views.map(({ group }: Json) => group))].sort(), [0, 1], 'views of both')

  const dead = await cluster.killPrimary({ group: 1 })
  await until('its backup is promoted', () => cluster.status().groups[1]?.view?.primary.address !== dead)
  await cluster.killPrimary({ group: 1, force: true })
  await until('group 1 is missing', async () => (await ask(cluster.url, '/locks')).body.missing.length > 0)
  const left = names.filter(name => groupOf(map, name) === 0)
  t.match((await ask(cluster.url, '/locks')).body, { missing: [1], total: left.length })
  t.match((await ask(cluster.url, '/stats')).body, { missing: [1], vitals: { held: left.length } })
  t.match((await ask(cluster.url, '/cluster')).body.status.halted, /^group 1: .*holdfast reset --group 1'/)
})

/** The page's own module, in the same bundle as the build's. */
async function headlines(): Promise<Json> {
  const entry = fileURLToPath(new URL('../../dashboard/headline.ts', import.meta.url))
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false })
  const code = Buffer.from(outputFiles[0]?.text ?? '').toString('base64')
  return await import(`data:text/javascript;base64,${code}`)
}

t.test('G1: the headline is that of the group which is at risk', async t => {
  const { headlineOf } = await headlines()
  const server = (id: string, more = {}) => ({
    id,
    address: `ws://${id}:1`,
    alive: true,
    role: 'backup',
    ...more,
  })
  const group = (number: number, survives: number, backup: string | null) => ({
    ...{ group: number, survives, acked: survives > 0, recovery: null, lost: null },
    view: { number: number + 3, primary: { id: `p${number}` }, backup: backup && { id: backup } },
  })
  const say = (groups: Json[], servers: Json[] = [], trouble: string | null = null) => {
    const survives = Math.min(...groups.map(each => each.survives))
    const [first] = groups
    const status = { halted: null, groups, servers, survives, durability: 'memory', view: first.view }
    return headlineOf({ status, unready: null }, trouble)
  }
  t.match(say([group(0, 1, 'b')], [], 'The view server does not answer'), {
    ...{
      tone: 'bad',
      text: /^The view server does not answer\. Locks go on being granted, but if a primary dies/,
    },
  })
  t.match(say([group(0, 1, 'b')], [], 'The view server refuses: busy'), {
    ...{ tone: 'bad', text: /^The view server refuses: busy\. Below is what was last seen\.$/ },
  })
  t.match(say([group(0, 1, 'b')]), {
    tone: 'well',
    text: 'Healthy: view 3 survives the loss of one more server',
  })
  t.match(say([group(0, 1, 'b'), group(1, 1, 'c')]), {
    ...{ tone: 'well', text: 'Healthy: each of 2 groups survives the loss of one more server' },
  })
  t.match(say([group(0, 1, 'b'), group(1, 0, null)]), {
    ...{
      tone: 'care',
      text: /^At risk: view 4 of group 1 has no backup; if its primary dies, all its locks are lost$/,
    },
  })
  t.match(say([group(0, 0, 'b'), group(1, 0, null), group(2, 0, null)], [server('b')]), {
    text: 'At risk: view 3 of group 0 copies the locks to its backup; 2 more groups are at risk',
  })
  t.match(say([group(0, 0, 'b'), group(1, 1, 'c')], [server('b', { alive: false })]), {
    text: 'At risk: the backup of view 3 of group 0 is silent',
  })
})
