// B5: the cost of pages is bounded, however many requests any client sends; and which
// clients may have them, and where.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { connect } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import { tablePage } from '../lockserver/pages/table-page.ts'
import { whyPage } from '../lockserver/pages/why-page.ts'
import { type InLine, Line } from '../lockserver/state/line.ts'
import type { State } from '../lockserver/state/state.ts'
import { startCluster } from '../testing/index.ts'
import { startViewServer } from '../viewservice/index.ts'
import * as limits from '../wire/limits.ts'
import { pageEveryMs, pagesWaitingMax, pagesWaitingPerAskerMax, wrongSecretsFree } from '../wire/limits.ts'
import { Edge } from '../wire/net/edge.ts'
import { Guard, openAccess } from '../wire/net/guard.ts'
import { ReadingTurns } from '../wire/net/reading-turns.ts'
import { runtime } from '../wire/net/runtime-node.ts'
import { Visitor } from '../wire/net/visitor.ts'
import { WrongSecrets } from '../wire/net/wrong-secrets.ts'
import { Http, type Route, routesOf } from '../wire/serving/http.ts'
import { PageBudget } from '../wire/serving/page-budget.ts'
import { PageWaiting } from '../wire/serving/page-waiting.ts'
import { listenForPages } from '../wire/serving/pages-listener.ts'
import { proofOf } from '../wire/serving/proof.ts'
import { SharedPage } from '../wire/serving/shared-page.ts'
import { startBegun } from './fixtures/begun.ts'
import { holdfast } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'

// Keeps the process alive: the pauses between pages don't.
const alive = setInterval(() => {}, 60_000)
t.teardown(() => clearInterval(alive))

const http = (url: string) => url.replace(/^ws/, 'http')

/** A server with only these pages. */
async function serving(
  t: Test,
  routes: Record<string, Route>,
  secret: string | null = null,
): Promise<string> {
  const pages = new Http(routesOf(routes), {
    hosts: () => [],
    guard: new Guard({ ...openAccess, secret }),
    wrongSecrets: new WrongSecrets(),
  })
  const server = createServer((request, response) => pages.answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends these bytes; returns what comes back until the connection ends. */
async function sent(url: string, text: string): Promise<string> {
  const socket = connectTo(Number(new URL(url).port), '127.0.0.1')
  socket.write(text)
  let heard = ''
  socket.on('data', data => {
    heard += data
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  return heard
}

t.test('B5: of thousands of requests in one piece a few are answered, then the connection ends', async t => {
  let made = 0
  const url = await serving(t, { '/page': { read: () => ({ status: 200, body: { made: ++made } }) } })
  const heard = await sent(url, 'GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(4_000))
  t.equal(heard.match(/HTTP\/1\.1 200/g)?.length, pagesWaitingPerAskerMax)
  t.equal(heard.match(/HTTP\/1\.1 503/g)?.length, 1)
  t.match(heard, /503.*\r\n(?:.*\r\n)*connection: close/i)
  t.equal(made, 1, 'they share one page')
  t.equal((await fetch(`${url}/page`)).status, 200, 'the next one is served')
})

t.test('B5: malformed requests count, too', async t => {
  const url = await serving(t, { '/page': { read: () => ({ status: 200, body: '' }) } })
  for (const line of ['GET /nothing', 'POST /page', 'GET /page?x']) {
    const heard = await sent(url, `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(1_000))
    t.ok((heard.match(/HTTP\/1\.1 /g)?.length ?? 0) <= pagesWaitingPerAskerMax + 1, line)
  }
})

t.test(
  'B5: a page is shared by all callers who ask, made at most ten times a second, and never stale',
  async t => {
    const madeAt: number[] = []
    let news = 0
    const page = new SharedPage(async () => {
      madeAt.push(performance.now())
      return news
    })
    t.same(await Promise.all([page.read(), page.read(), page.read()]), [0, 0, 0])
    t.equal(madeAt.length, 1)
    for (news = 1; news <= 4; news++) t.equal(await page.read(), news, 'not older than the question')
    const gaps = madeAt.slice(1).map((at, i) => at - (madeAt[i] as number))
    t.equal(gaps.length, 4)
    for (const gap of gaps) t.ok(gap >= pageEveryMs - 2, `${gap} ms`)
  },
)

t.test('B5: a caller that asks a lot does not keep others out, and gets a tenth of the time', async t => {
  const budget = new PageBudget()
  const order: string[] = []
  const ends: number[] = []
  const ask = (asker: string) =>
    budget.run(asker, async () => {
      const begun = performance.now()
      while (performance.now() - begun < 5);
      order.push(asker)
      ends.push(performance.now())
    })
  await Promise.all([ask('a'), ask('a'), ask('a'), ask('b')])
  t.same(order, ['a', 'b', 'a', 'a'])
  t.ok((ends[3] as number) - (ends[2] as number) >= 50, 'ten times as long as it took')
  await t.rejects(
    budget.run('c', () => Promise.reject(new Error('no page'))),
    /no page/,
  )
  await budget.run('d', async () => {})
})

t.test('B5: the requests that wait have a limit for one address and for all', async t => {
  const waiting = new PageWaiting()
  const enter = (asker: string) =>
    Array.from({ length: 100 }, () => waiting.enter(asker)).filter(Boolean).length
  t.equal(enter('a'), pagesWaitingPerAskerMax)
  const others = ['b', 'c', 'd', 'e', 'f'].map(enter)
  t.equal(pagesWaitingPerAskerMax + others.reduce((sum, n) => sum + n, 0), pagesWaitingMax)
  waiting.leave('a')
  t.ok(waiting.enter('f'), 'there is room again')
  t.notOk(waiting.enter('a'))
})

t.test('B5: probes are answered while pages hang', async t => {
  const hang = () => new Promise<never>(() => {})
  const url = await serving(t, {
    '/healthz': { probe: true, read: () => ({ status: 200, body: 'alive' }) },
    '/metrics': { read: hang },
    '/locks': { asks: true, read: hang },
  })
  const cut = new AbortController()
  const hanging = Array.from({ length: pagesWaitingPerAskerMax }, (_, i) =>
    fetch(`${url}${i % 2 ? '/metrics' : '/locks'}`, { signal: cut.signal }).catch(() => {}),
  )
  await until(
    'no more may wait',
    async () =>
      (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(500) }).catch(() => null))?.status === 503,
  )
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  cut.abort()
  await Promise.all(hanging)
})

t.test('B5: pages of other sites get nothing, and may only lead people to the dashboard', async t => {
  const cluster = await startCluster()
  t.teardown(() => cluster.close())
  const status = async (path: string, site: string, mode = 'cors', dest = 'empty') => {
    const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest }
    // fetch would set its own mode.
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const heard = await sent(
      http(cluster.url),
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${lines.join('')}\r\n`,
    )
    return Number(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1])
  }
  for (const path of ['/', '/metrics', '/view', '/cluster', '/locks', '/locks?sort=name'])
    t.equal(await status(path, 'cross-site', 'no-cors', 'image'), 403, path)
  for (const path of ['/', '/metrics', '/locks']) t.equal(await status(path, 'same-origin'), 200, path)
  t.equal(await status('/', 'cross-site', 'navigate', 'document'), 200, 'a link')
  t.equal(await status('/', 'cross-site', 'navigate', 'iframe'), 403)
  t.equal(await status('/locks', 'cross-site', 'navigate', 'document'), 403)
})

t.test(
  'B5: with a secret probes are open, and name no client and no server; no page about the cluster is',
  async t => {
    const secret = 'open sesame'
    const cluster = await startCluster({ secret, servers: 1 })
    t.teardown(() => cluster.close())
    const { primary } = cluster.status().view ?? {}
    const status = async (url: string, path: string, given: string | null) =>
      (await fetch(`${http(url)}${path}`, { headers: proofOf(given) })).status
    const pages = {
      [cluster.url]: ['/session', '/view', '/metrics', '/cluster', '/stats', '/locks'],
      [primary?.address as string]: ['/metrics', '/stats', '/locks', '/why?name=x'],
    }
    for (const [url, paths] of Object.entries(pages)) {
      for (const path of paths) {
        t.equal(await status(url, path, null), 401, path)
        t.equal(await status(url, path, secret), 200, path)
      }
      for (const path of ['/healthz', '/readyz']) t.equal(await status(url, path, null), 200, path)
    }
    await cluster.killPrimary({ force: true })
    const ready = async () => await (await fetch(`${http(cluster.url)}/readyz`)).text()
    await until('it is not ready', async () => /"ready":false/.test(await ready()))
    const told = await ready()
    t.match(told, /no primary to work with/)
    t.notMatch(told, primary?.id as string)
    t.notMatch(told, /127\.0\.0\.1/)
  },
)

t.test('B5: pages can have a separate address', async t => {
  const secret = 'open sesame'
  const adminListen = { host: '127.0.0.1', port: 0 }
  const view = await startBegun({ port: 0, data: folderOf(t), secret, adminListen })
  t.teardown(() => view.close())
  const lock = await startLockServer({ view: view.address, secret, adminListen })
  t.teardown(() => lock.close())
  const client = await connect(view.address, { secret })
  await client.acquire('x')
  for (const server of [view, lock]) {
    t.not(server.pages, http(server.address))
    for (const path of ['/healthz', '/readyz'])
      for (const base of [server.pages, http(server.address)]) t.equal((await fetch(base + path)).status, 200)
    for (const path of ['/metrics', '/locks', '/', '/nothing']) {
      const headers = proofOf(secret)
      const at = `${http(server.address)}${path}`
      t.equal((await fetch(at)).status, 404, `${path} tells strangers nothing`)
      const led = await fetch(at, { headers, redirect: 'manual' })
      t.match(led, { status: 307 })
      t.equal(led.headers.get('location'), `${server.pages}${path}`)
    }
    t.equal((await fetch(`${server.pages}/metrics`)).status, 401)
    t.equal((await fetch(`${server.pages}/metrics`, { headers: proofOf(secret) })).status, 200)
  }
  t.match(await (await fetch(`${view.pages}/locks`, { headers: proofOf(secret) })).json(), {
    locks: [{ name: 'x' }],
  })
  const reach = { HOLDFAST_VIEW: view.address, HOLDFAST_SECRET: secret }
  t.match(await holdfast(t, ['why', 'x'], reach), { code: 0, stdout: /^"x" is held by/ })
  await client.close()
  t.match(await holdfast(t, ['kill', 'primary', '--force'], reach), { code: 0, stdout: /killed the primary/ })
  t.equal(await lock.ended, 137)
})

t.test('B5: an address for pages beyond loopback needs a secret; a taken one is an error', async t => {
  const data = folderOf(t)
  const open = { port: 0, data, adminListen: { host: '0.0.0.0', port: 0 } }
  await t.rejects(startViewServer(open), {
    message: /refusing to show pages on 0\.0\.0\.0:0 to all/,
  })
  const view = await startViewServer({ ...open, insecure: true })
  t.teardown(() => view.close())
  const taken = { host: '127.0.0.1', port: Number(new URL(view.pages).port) }
  const server = startLockServer({ view: view.address, adminListen: taken })
  await t.rejects(server, { message: /can't listen on 127\.0\.0\.1:\d+ for pages \(--admin-listen\)/ })
  const wrong = startLockServer({ view: view.address, adminListen: { host: '' } as unknown as typeof taken })
  await t.rejects(wrong, { name: 'TypeError', message: /adminListen must be/ })
  const started = await holdfast(t, ['lockserver', '--admin-listen', '10.0.0.1:1'])
  t.match(started, { code: 2, stderr: /--admin-listen 10\.0\.0\.1 is open to other machines/ })
})

interface Waiter extends InLine<Waiter> {
  readonly session: object
  readonly claim: object
  readonly since: number
}

/** The parts of a state that pages look at. */
function stateOf(locks: readonly object[]): State {
  const named = new Map(locks.map(lock => [(lock as { name: string }).name, lock]))
  return { table: { locks: named } } as unknown as State
}

t.test('B5: lists continue after a name, and the whole table is walked in pieces', async t => {
  const session = { id: 's', name: 'client' }
  const locks = Array.from({ length: 5_000 }, (_, i) => {
    const hold = { session, mode: 'exclusive', token: i, since: (i * 7) % 50 }
    const queue = new Line<Waiter>()
    const claim = { mode: 'shared', terms: null }
    for (let place = 0; place < i % 3; place++)
      queue.enter({ session, claim, since: ((i * 3) % 40) + place, ahead: null, behind: null })
    const holders = { holder: hold, held: 1, eachHolder: () => [hold] }
    const about = { ...holders, queue, next: queue.first, waiters: queue.size }
    return { name: `l/${(i * 2_741) % 5_000}`, ...about }
  })
  const state = stateOf(locks)
  let turns = 0
  const nextTurn = async () => void turns++
  const page = (sort: 'name' | 'wait' | 'age' | 'queue', after: string | null, limit: number) =>
    tablePage(state, { prefix: 'l/', sort, after, limit }, 100, nextTurn)
  const all = async (sort: 'name' | 'wait' | 'age' | 'queue', limit: number) => {
    const parts: string[] = []
    for (let more = true; more; ) {
      const part = await page(sort, parts.at(-1) ?? null, limit)
      parts.push(...(part?.locks.map(({ name }) => name) ?? []))
      more = part?.more ?? false
    }
    return parts
  }
  for (const sort of ['name', 'wait', 'age', 'queue'] as const) {
    const parts = await all(sort, 499)
    t.same(parts, await all(sort, 5_000), sort)
    t.equal(new Set(parts).size, 5_000)
  }
  turns = 0
  await page('queue', null, 1)
  t.equal(turns, 2, '2,000 locks in a turn')
  t.equal(await page('queue', 'gone', 5), null, 'its place is not known')
  t.equal((await page('name', 'l/4998x', 5))?.locks[0]?.name, 'l/4999', 'a name has a place without its lock')
})

t.test('B5: why follows each session once, and ends when the page is full', async t => {
  let followed = 0
  const values = () => {
    followed++
    return [{ names: ['other'], tokens: [] }]
  }
  const waiting = { values }
  const session = { id: 's', name: 'client', waiting }
  const lock = { name: 'x' }
  const holders = Array.from({ length: 9_000 }, (_, token) => ({
    lock,
    session,
    mode: 'shared',
    token,
    since: 0,
  }))
  const page = whyPage(
    stateOf([{ ...lock, held: holders.length, eachHolder: () => holders, queue: [] }]),
    'x',
    0,
  )
  t.match(page, { holders: 9_000, cut: true })
  t.equal(page.held.length, 5_000)
  t.equal(followed, 1)
})

t.test(
  'B5, B3: whoever guesses the secret at a page waits longer and longer; the right one never waits',
  async t => {
    const route: Route = { guarded: true, read: () => ({ status: 200, body: 'page' }) }
    const url = await serving(t, { '/page': route }, 'right')
    const status = async (secret: string) => (await fetch(`${url}/page`, { headers: proofOf(secret) })).status
    for (let i = 0; i < wrongSecretsFree; i++) t.equal(await status(`wrong ${i}`), 401)
    const began = performance.now()
    for (let i = 0; i < 3; i++) t.equal(await status(`wrong again ${i}`), 401)
    t.ok(performance.now() - began >= 50 + 100 + 200, 'each answer took twice as long as the one before')
    t.equal(await status('right'), 200)
  },
)

t.test('B5, B3: sockets at the address of the pages have their places at the edge of the peers', async t => {
  const room = { sockets: 8, strangers: 4, servers: 2, clients: 2, distantClients: 2 }
  const edge = new Edge(room, { connectionsPerAddress: null, framesPerAddress: null }, limits)
  const at = { host: '127.0.0.1', port: 0 }
  const peers = {
    edge,
    visit: (socket: Socket) => new Visitor(socket, edge, runtime, new ReadingTurns(runtime)),
  }
  const open = { guard: new Guard(openAccess), insecure: false, tls: null, turnedAway: () => {} }
  const pages = await listenForPages(at, { ...open, peers }, (_, response) => response.end('page'))
  t.teardown(() => pages.close())
  const ended: number[] = []
  const sockets = Array.from({ length: room.strangers + 2 }, (_, i) =>
    connectTo(Number(new URL(pages.url).port), '127.0.0.1')
      .on('close', () => ended.push(i))
      .on('error', () => {}),
  )
  t.teardown(() => sockets.forEach(socket => void socket.destroy()))
  await until(
    () => 'the oldest are cut',
    async () => ended.length === 2,
  )
  t.same(
    [ended.toSorted(), edge.counts.stranger, edge.cuts.strangers],
    [[0, 1], room.strangers, 2],
    'the oldest made room',
  )
})
