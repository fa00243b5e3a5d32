// What users and scrapers get over HTTP: metrics that follow the conventions and move
// with the work, health with reasons, and nothing for a page under another host's name.

import { request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { connect } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import { startViewServer } from '../viewservice/index.ts'
import { wireVersion } from '../wire/version.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { Scrape } from './fixtures/scrape.ts'
import { startSmallCluster } from './fixtures/small-cluster.ts'

const cluster = await startSmallCluster(t)
const urls = { view: cluster.view.address, primary: cluster.primary.address, backup: cluster.backup.address }

t.test('names, types, units and labels by the conventions, on every server', async t => {
  for (const url of Object.values(urls)) {
    const { families } = await Scrape.of(url)
    t.ok(families.size > 15)
    for (const { name, type, help, series } of families.values()) {
      t.match(name, /^(holdfast|process)_[a-z][a-z0-9_]*$/)
      t.match(help, /^[A-Z0-9].*\.$/, name)
      t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
      t.notMatch(name, /_(ms|milliseconds|percent|count|sum|bucket|info_total)$/)
      if (type === 'histogram') checkHistogram(t, name, series)
      for (const key of series.keys()) t.notMatch(key, /[{,](le|quantile)=.*_info|clientId|name=/)
    }
  }
})

t.test('a server without TLS or a journal shows no number of them, and no alarm comes of 0', async t => {
  const { families } = await Scrape.of(urls.primary)
  for (const name of ['holdfast_certificate_expiry_timestamp_seconds', 'holdfast_journal_free_bytes'])
    t.same([...(families.get(name)?.series ?? [['', 0]])], [], name)
})

function checkHistogram(t: Test, name: string, series: Map<string, number>): void {
  t.match(name, /_seconds$/)
  const buckets = [...series].filter(([key]) => key.startsWith('_bucket')).map(([, value]) => value)
  t.same(
    buckets,
    [...buckets].sort((a, b) => a - b),
    `${name}: buckets are cumulative`,
  )
  t.equal(series.get('_bucket{le="+Inf"}'), series.get('_count'), name)
  t.ok((series.get('_sum') as number) >= 0)
}

t.test('the roles, the view and the health of each server', async t => {
  const [view, primary, backup] = await Promise.all(Object.values(urls).map(url => Scrape.of(url)))
  if (!view || !primary || !backup) throw new Error('three scrapes')
  for (const [scrape, role] of [
    [primary, 'primary'],
    [backup, 'backup'],
  ] as const) {
    t.equal(scrape.value('holdfast_role', `{role="${role}"}`), 1)
    t.equal(scrape.value('holdfast_role', '{role="idle"}'), 0)
    t.equal(scrape.value('holdfast_in_sync'), 1)
    t.equal(scrape.value('holdfast_view_server_connected'), 1)
    t.equal(scrape.value('holdfast_view_number'), view.value('holdfast_view_number'))
  }
  t.equal(view.value('holdfast_view_acked'), 1)
  t.equal(view.value('holdfast_survivable_deaths'), 1)
  t.equal(view.value('holdfast_halted'), 0)
  t.equal(view.value('holdfast_lock_servers', '{role="primary",state="alive"}'), 1)
  t.equal(view.value('holdfast_views_total', '{change="first"}'), 1)
  t.equal(view.value('holdfast_views_total', '{change="backup_added"}'), 1)
  t.ok(view.value('holdfast_view_record_save_seconds', '_count') >= 3, 'each view and each ack is saved')
  t.equal(primary.value('holdfast_state_transfers_total', '{outcome="completed"}'), 1)
  t.equal(primary.value('holdfast_state_transfer_copied_ratio'), 1)
  t.ok(primary.value('process_resident_memory_bytes') > 1e7)
  t.ok(primary.value('process_start_time_seconds') > 1.6e9)
})

t.test('the numbers move with the work, and no series is new', async t => {
  const before = await Scrape.of(urls.primary)
  const a = await connect(urls.view, { name: 'a' })
  const b = await connect(urls.view, { name: 'b' })
  const lock = await a.acquire('m/x')
  t.equal(await b.tryAcquire('m/x'), null)
  const next = b.acquire('m/x')
  await until('b waits', async () => (await Scrape.of(urls.primary)).value('holdfast_waiters') === 1)
  const meanwhile = await Scrape.of(urls.primary)
  t.equal(meanwhile.value('holdfast_locks'), 1)
  t.equal(meanwhile.value('holdfast_locks_held'), 1)
  t.equal(meanwhile.value('holdfast_clients'), before.value('holdfast_clients') + 2)
  await lock.release()
  await next
  await a.acquire('m/x', { steal: true })
  await b.query()
  await t.rejects(b.acquire('m/x', { timeout: 1 }), { code: 'TIMEOUT' })
  await a.close()
  await b.close()
  const after = await Scrape.of(urls.primary)
  const grown = (name: string, labels = '') => after.value(name, labels) - before.value(name, labels)
  const operations = (operation: string, outcome: string) =>
    grown('holdfast_operations_total', `{operation="${operation}",outcome="${outcome}"}`)
  t.equal(operations('open', 'opened'), 2)
  t.equal(operations('acquire', 'granted'), 3)
  t.equal(operations('acquire', 'unavailable'), 1)
  t.equal(operations('acquire', 'cancelled'), 1)
  t.equal(operations('cancel', 'cancelled'), 1)
  t.equal(operations('release', 'released'), 1)
  t.equal(operations('end', 'ended'), 2)
  t.equal(grown('holdfast_session_ends_total', '{reason="ended"}'), 2)
  t.equal(grown('holdfast_losses_total', '{reason="stolen"}'), 1)
  t.equal(grown('holdfast_queries_total'), 1)
  t.equal(grown('holdfast_lock_wait_seconds', '_count'), 3)
  t.equal(grown('holdfast_lock_hold_seconds', '_count'), 3)
  t.equal(grown('holdfast_lock_hand_over_seconds', '_count'), 1, 'one lock went from hand to hand')
  t.ok(grown('holdfast_replication_round_trip_seconds', '_count') > 0)
  t.ok(after.value('holdfast_operation_number') > before.value('holdfast_operation_number'))
  t.equal(after.value('holdfast_sessions'), before.value('holdfast_sessions'))
  t.same(after.seriesNames, before.seriesNames, 'labels are bounded: no series came with the work')
  const backup = await Scrape.of(urls.backup)
  t.equal(backup.value('holdfast_operations_total', '{operation="acquire",outcome="granted"}'), 0)
})

t.test('refused input is counted, before the hello and after', async t => {
  const malformed = async (frames: string[]) => {
    const socket = new WebSocket(urls.primary)
    socket.on('open', () => frames.forEach(frame => void socket.send(frame)))
    await new Promise(resolve => socket.once('close', resolve))
  }
  const count = async (code: string) =>
    (await Scrape.of(urls.primary)).value('holdfast_closed_connections_total', `{code="${code}"}`)
  const hello = JSON.stringify([['hello', wireVersion, null, null, { kind: 'client', name: 'x' }]])
  await malformed(['this is no JSON'])
  t.equal(await count('BAD_MESSAGE'), 1)
  await malformed([hello, '[["acquire"]]'])
  t.equal(await count('BAD_MESSAGE'), 2)
  await malformed([hello, '[["acquire",1,["x"],"exclusive","wait",null]]'])
  t.equal(await count('UNEXPECTED_MESSAGE'), 1)
  await malformed([`["${'x'.repeat(5_000_000)}"]`])
  await until('the server has seen its end', async () => (await count('TOO_LARGE')) === 1)
})

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** By hand: fetch would not send another Host. */
function ask(url: string, path: string, method = 'GET', host?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host }
    const asked = request(url.replace(/^ws/, 'http') + path, { method, headers }, response => {
      let body = ''
      response.on('data', data => {
        body += data
      })
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

t.test('GET and HEAD answer, other methods do not, nothing is cached', async t => {
  for (const url of [urls.view, urls.primary]) {
    for (const path of ['/healthz', '/readyz', '/metrics', '/nothing']) {
      const get = await ask(url, path)
      const head = await ask(url, path, 'HEAD')
      t.equal(get.headers['cache-control'], 'no-store', path)
      t.equal(head.status, get.status)
      t.equal(head.body, '')
      if (path !== '/metrics') t.equal(head.headers['content-length'], get.headers['content-length'])
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      t.match(await ask(url, '/readyz', method), { status: 405, headers: { allow: 'GET, HEAD' } })
  }
})

t.test('a page under a foreign host name reads nothing (DNS rebinding)', async t => {
  for (const path of ['/metrics', '/view']) {
    const strange = await ask(urls.view, path, 'GET', 'evil.example:7400')
    t.equal(strange.status, 421, path)
    t.match(strange.body, /evil\.example.*--origin/)
    for (const own of ['127.0.0.1:7400', 'localhost', '[::1]:80', '10.1.2.3'])
      t.equal((await ask(urls.view, path, 'GET', own)).status, 200, `${path} as ${own}`)
    for (const odd of ['127.0.0.1.evil.example', 'localhost.evil.example', 'a b', '@', '[::1'])
      t.not((await ask(urls.view, path, 'GET', odd)).status, 200, `${path} as ${odd}`)
  }
  t.equal((await ask(urls.view, '/healthz', 'GET', 'evil.example')).status, 200, 'probes may use any name')
})

t.test('the names that a server goes by may be added', async t => {
  const data = folderOf(t)
  await using view = await startBegun({ port: 0, data, origins: ['https://locks.example'] })
  t.equal((await ask(view.address, '/metrics', 'GET', 'locks.example')).status, 200)
  await using lock = await startLockServer({ view: view.address, advertise: 'ws://l1.example:1' })
  t.equal((await ask(lock.address, '/metrics', 'GET', 'l1.example')).status, 200)
})

t.test('/healthz and /readyz say why', async t => {
  const json = async (url: string, path: string) => {
    const { status, body } = await ask(url, path)
    return { status, ...(JSON.parse(body) as object) }
  }
  t.same(await json(urls.primary, '/healthz'), { status: 'alive' })
  t.match(await json(urls.view, '/readyz'), { ready: true, reason: null, survives: 1 })
  t.match(await json(urls.primary, '/readyz'), { ready: true, reason: null, role: 'primary', inSync: true })
  t.match(await json(urls.backup, '/readyz'), { ready: true, role: 'backup', inSync: true })
  await using lonely = await startLockServer({ view: 'ws://127.0.0.1:1' })
  t.match(await json(lonely.address, '/readyz'), { status: 503, ready: false, reason: /check --view/ })
  t.equal((await Scrape.of(lonely.address)).value('holdfast_ready'), 0)
  await using none = await startViewServer({ port: 0, data: folderOf(t, { none: {} }) })
  t.match(await json(none.address, '/readyz'), { status: 503, ready: false, reason: /no view record/ })
  await using empty = await startBegun({ port: 0, data: join(t.testdirName, 'begun') })
  t.match(await json(empty.address, '/readyz'), { status: 503, ready: false, reason: /no view/ })
  await using waiting = await startLockServer({ view: empty.address })
  await until('it is connected', async () => {
    const { body } = await ask(waiting.address, '/readyz')
    return /the view server has made none|"view":1/.test(body)
  })
})

t.test('a failover is seen in the metrics', async t => {
  const { view, primary, backup } = await startSmallCluster(t, 3)
  await primary.close()
  await until('the backup is primary', async () => {
    const scrape = await Scrape.of(backup.address)
    return scrape.value('holdfast_role', '{role="primary"}') === 1 && scrape.value('holdfast_in_sync') === 1
  })
  const scrape = await Scrape.of(view.address)
  t.equal(scrape.value('holdfast_views_total', '{change="promotion"}'), 1)
  t.equal(scrape.value('holdfast_lock_server_deaths_total', '{evidence="refused"}'), 1)
  t.equal(scrape.value('holdfast_ready'), 1)
})
