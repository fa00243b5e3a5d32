// What the view server serves for its dashboard: the files, the cluster and its history, the primary's counts
// and pages of its locks; and which clients may have them. browser/dashboard.ts tests the page in a browser, log-in.ts
// who is logged in to it.

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import t from 'tap'
import { connect } from '../client/index.ts'
import { startCluster as startTestCluster } from '../testing/index.ts'
import { startCluster } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'

// biome-ignore lint/suspicious/noExplicitAny: what a test expects of JSON it says by its assertions.
type Json = any

async function ask(url: string, path: string, init: RequestInit = {}) {
  const answer = await fetch(new URL(path, url.replace(/^ws/, 'http')), init)
  const text = await answer.text()
  const type = answer.headers.get('content-type') ?? ''
  const body: Json = type === 'application/json' ? JSON.parse(text) : text
  return { status: answer.status, type, headers: answer.headers, body }
}

const cluster = await startTestCluster()
t.teardown(() => cluster.close())

t.test('the files of the dashboard: their types, a strict policy, nothing from elsewhere', async t => {
  const types = {
    '/': /^text\/html/,
    '/dashboard.js': /^text\/javascript/,
    '/dashboard.css': /^text\/css/,
    '/icon.svg': /^image\/svg/,
  }
  for (const [path, type] of Object.entries(types)) {
    const { status, type: found, headers, body } = await ask(cluster.url, path)
    t.equal(status, 200, path)
    t.match(found, type)
    t.ok(body.length > 100)
    const policy = headers.get('content-security-policy') ?? ''
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"])
      t.ok(policy.includes(part), `${path}: ${part}`)
    t.notMatch(policy, /unsafe|\*|data:|http/)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    const elsewhere = [...body.matchAll(/(?:src|href|url|fetch)\s*[=(]\s*["']?(?:https?:)?\/\/[^"')\s]+/g)]
    t.same(elsewhere, [], `${path} asks nothing of others`)
  }
  const { body: page } = await ask(cluster.url, '/')
  t.notMatch(page, /<script(?![^>]* src=)|<style| on[a-z]+=| style=/, 'nothing is inline')
})

t.test('/cluster tells of a promotion and its gap', async t => {
  // Patient, so that only the kill causes a view change, however busy the machine is.
  await using other = await startTestCluster({ deadPings: 100 })
  const locks = await connect(other.url, { ttl: 10_000 })
  const before = (await ask(other.url, '/cluster')).body
  t.equal(before.play, false)
  t.equal(before.unready, null)
  t.same(before.advice, [], 'nothing is to be done')
  t.equal(before.clients, 1)
  t.same(
    before.views.map(({ change }: Json) => change),
    ['first', 'backup_added'],
  )
  t.equal(before.views[1].gapMs, null, 'nobody is left out')
  const { primary } = await other.ready()
  await other.killPrimary()
  await other.ready()
  await locks.query()
  let views: Json[] = []
  await until('the promotion is told with its gap', async () => {
    views = (await ask(other.url, '/cluster')).body.views
    return views.some(({ change, gapMs }) => change === 'promotion' && gapMs !== null)
  })
  const promotion = views.find(({ change }) => change === 'promotion')
  t.ok(promotion.number > before.status.view.number)
  t.not(promotion.primary, primary.address)
  t.ok(promotion.gapMs >= 0 && promotion.gapMs < 60_000)
  t.ok(promotion.ageMs >= 0)
  await locks.close()
})

t.test('/locks: pages of 2,000 locks, searched and sorted', async t => {
  const holder = await connect(cluster.url, { name: 'holder' })
  const waiter = await connect(cluster.url, { name: '<b>waiter</b>' })
  const names = Array.from({ length: 2_000 }, (_, i) => `jobs/${String(i).padStart(4, '0')}`)
  await holder.acquire('first')
  for (let i = 0; i < names.length; i += 50) await holder.acquireAll(names.slice(i, i + 50))
  const locks = async (query: string) => (await ask(cluster.url, `/locks?${query}`)).body
  const controller = new AbortController()
  const waits: Promise<unknown>[] = []
  const wait = async (name: string) => {
    const before = (await locks(`prefix=${name}`)).locks[0].waiters
    waits.push(waiter.acquire(name, { signal: controller.signal }).catch(() => {}))
    await until('it waits', async () => (await locks(`prefix=${name}`)).locks[0].waiters === before + 1)
  }
  await wait('jobs/1500')
  await wait('jobs/0700')
  await wait('jobs/0700')

  t.match(await locks('limit=3'), {
    total: 2_001,
    matching: 2_001,
    locks: [{ name: 'first' }, { name: 'jobs/0000' }, { name: 'jobs/0001' }],
  })
  const page = await locks('prefix=jobs/1&after=jobs/1989&limit=500')
  t.equal(page.total, 2_001)
  t.equal(page.matching, 1_000)
  t.same(
    page.locks.map(({ name }: Json) => name),
    names.slice(1_990),
  )
  t.same(await locks('prefix=nothing'), { total: 2_001, matching: 0, more: false, locks: [] })
  const first = async (sort: string) =>
    (await locks(`sort=${sort}&limit=2`)).locks.map(({ name }: Json) => name)
  t.same(await first('wait'), ['jobs/1500', 'jobs/0700'], 'the longest wait first')
  t.same(await first('queue'), ['jobs/0700', 'jobs/1500'], 'the longest queue first')
  t.equal((await first('age'))[0], 'first', 'what is held longest first')
  const [contended] = (await locks('prefix=jobs/0700')).locks
  t.match(contended, {
    holders: 1,
    waiters: 2,
    held: [{ client: 'holder', mode: 'exclusive' }],
    waiting: [{ client: '<b>waiter</b>' }, { client: '<b>waiter</b>' }],
  })
  t.ok(contended.held[0].token > 0 && contended.held[0].heldMs >= contended.waiting[0].waitedMs)
  await until(
    'the longest wait was looked for',
    async () => (await ask(cluster.url, '/stats')).body.longestWaitMs > 0,
  )
  const { vitals, longestWaitMs } = (await ask(cluster.url, '/stats')).body
  t.match(vitals, { held: 2_001, waiting: 3, sessions: 2 })
  const waited = (await locks('prefix=jobs/1500')).locks[0].waiting[0].waitedMs
  t.ok(longestWaitMs > 0 && longestWaitMs <= waited, `${longestWaitMs} ms of ${waited}`)

  for (const wrong of ['sort=x', 'limit=501', 'limit=-1', 'limit=1.5'])
    t.match(await ask(cluster.url, `/locks?${wrong}`), { status: 400, body: { error: /must be/ } }, wrong)
  controller.abort()
  await Promise.all(waits)
  await Promise.all([holder.close(), waiter.close()])
})

t.test('rates and percentiles are differences between two answers', async t => {
  const { ratesOf, percentilesOf } = await rates()
  const client = await connect(cluster.url)
  const sample = async (atMs: number) => ({ of: 'p', atMs, stats: (await ask(cluster.url, '/stats')).body })
  const before = await sample(1_000)
  for (let i = 0; i < 50; i++) await (await client.acquire('rates')).release()
  const after = await sample(3_000)
  t.same(ratesOf(before, after), { operations: 50, grants: 25 }, '100 operations in 2 s, half of them grants')
  const [half, nine, most] = percentilesOf(before, after, 'roundTrip') ?? []
  t.ok(half > 0 && half <= nine && nine <= most && most < 60_000)
  t.equal(percentilesOf(after, { ...after, atMs: 4_000 }, 'roundTrip'), null, 'nothing happened')
  t.equal(ratesOf(before, { ...after, of: 'q' }), null, 'another primary')
  t.equal(ratesOf(after, { ...before, atMs: 4_000 }), null, 'it has begun anew')

  const made = (counts: number[], operations = 0) => ({
    boundsMs: [1, 10, 100],
    operations: { x: operations },
    wait: { counts, count: 0 },
  })
  const of = (counts: number[]) =>
    percentilesOf(
      { of: 'p', atMs: 0, stats: made([5, 5, 5, 5]) },
      { of: 'p', atMs: 1, stats: made(counts) },
      'wait',
    )
  t.same(of([105, 5, 5, 5]), [0.5, 0.9, 0.99])
  t.same(of([5, 15, 5, 5])?.[0], 5.5, 'half way from 1 to 10')
  t.same(of([5, 5, 5, 6]), [100, 100, 100], 'longer than all: at least the last bound')
  await client.close()
})

/** The page's own module, in the same bundle as the build's. */
async function rates(): Promise<Json> {
  const entry = fileURLToPath(new URL('../../dashboard/rates.ts', import.meta.url))
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false })
  const code = Buffer.from(outputFiles[0]?.text ?? '').toString('base64')
  return await import(`data:text/javascript;base64,${code}`)
}

t.test('without play no server can be killed or frozen', async t => {
  const { id } = (await ask(cluster.url, '/cluster')).body.status.view.primary
  const origin = cluster.url.replace(/^ws/, 'http')
  for (const deed of ['kill', 'freeze'])
    t.equal(
      (await ask(cluster.url, `/${deed}?id=${id}`, { method: 'POST', headers: { origin } })).status,
      404,
    )
})

t.test('a dashboard with a secret is shown only to those who know it', async t => {
  await using other = await startTestCluster({ secret: 'open sesame' })
  const basic = (text: string) => ({
    headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
  })
  for (const path of ['/cluster', '/stats', '/locks']) {
    const nobody = await ask(other.url, path)
    t.equal(nobody.status, 401, path)
    t.match(nobody.headers.get('www-authenticate'), /^Basic /)
    t.equal((await ask(other.url, path, basic('me:open'))).status, 401)
    t.equal((await ask(other.url, path, basic('me:open sesame'))).status, 200)
  }
  t.equal((await ask(other.url, '/healthz')).status, 200, 'probes know no secret')
})

t.test('when the primary is gone, the pages say so', async t => {
  await using other = await startTestCluster({ servers: 1 })
  t.match((await ask(other.url, '/cluster')).body.advice, [
    /^No backup: there is no other lock server\. If the primary dies now, all locks are lost\. Start a lock server/,
  ])
  await other.killPrimary({ force: true })
  for (const path of ['/stats', '/locks'])
    t.match(await ask(other.url, path), { status: 503, body: { error: /does not answer/ } })
  await until('no service is told', async () => (await ask(other.url, '/cluster')).body.unready !== null)
})

t.test('a local cluster: servers are killed by its own page, and by no other', async t => {
  const { url, pids, running } = await startCluster(t)
  const origin = url.replace(/^ws/, 'http')
  const before = (await ask(url, '/cluster')).body
  t.equal(before.play, true)
  const { id, address } = before.status.view.primary
  const post = (path: string, headers: Record<string, string>) => ask(url, path, { method: 'POST', headers })
  for (const from of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
    t.equal((await post(`/kill?id=${id}`, { origin: from })).status, 403, from)
  t.equal((await post(`/kill?id=${id}`, {})).status, 403, 'of nobody')
  t.equal((await ask(url, `/kill?id=${id}`)).status, 405, 'GET changes nothing')
  t.match(await post('/kill?id=x', { origin }), { status: 400, body: { error: /no server x/ } })
  t.equal((await ask(url, '/cluster')).body.status.view.primary.id, id, 'nobody was killed by that')

  t.match(await post(`/kill?id=${id}`, { origin }), {
    status: 200,
    body: { did: 'kill', pid: pids[address] },
  })
  const died = await running.event('died')
  t.match(died, { url: address, signal: 'SIGKILL' })
  await until('it is in the history', async () =>
    (await ask(url, '/cluster')).body.views.some(
      ({ change, gapMs }: Json) => change === 'promotion' && gapMs !== null,
    ),
  )
})
