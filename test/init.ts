// E6 with real processes and folders: how a cluster begins, and that nothing else begins one.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { initCluster, startViewServer } from '../viewservice/index.ts'
import { FileStore } from '../viewservice/stores/file.ts'
import { placeOption, recordPlace } from '../viewservice/stores/place.ts'
import { holdfast, Running } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'

const recordsIn = (data: string) => readdirSync(data).filter(name => /^view-record-\d+\.json$/.test(name))

t.test('E6: init makes the first record, and nothing where there is one', async t => {
  const data = join(folderOf(t), 'data')
  const begun = await holdfast(t, ['init', '--data', data, '--durability', 'disk', '--json'])
  t.match(begun, { code: 0 })
  const made = JSON.parse(begun.stdout)
  t.match(made, { cluster: /^[0-9a-f]{32}$/, durability: 'disk', ttlMaxMs: 60_000, pauseMs: 60_000 })
  const again = await holdfast(t, ['init', '--record', `file:${data}`, '--nobody-has-run'])
  t.match(again, {
    code: 1,
    stderr: /has a view record already, of cluster [0-9a-f]{32}: nothing was written/,
  })
  t.ok(again.stderr.includes(made.cluster))
  t.same(recordsIn(data), ['view-record-000000000001.json'])
  const store = new FileStore(data)
  t.teardown(() => store.close())
  t.match(await store.load(), { record: { cluster: made.cluster, durability: 'disk', pauseMs: 60_000 } })
})

t.test('E6: init says what it needs', async t => {
  const wrong: [string[], RegExp][] = [
    [[], /--data DIR.*is missing/],
    [['--data', 'a', '--record', 'file:b'], /both say where the view record lives/],
    [['--record', 'redis://x'], /record is no place for a view record/],
    [['--data', folderOf(t), '--ttl-max', '20m'], /ttlMaxMs must be a whole number from 10000 to 600000/],
    [['--data', folderOf(t), '--durability', 'paper'], /--durability must be one of memory, disk/],
  ]
  for (const [args, stderr] of wrong) t.match(await holdfast(t, ['init', ...args]), { code: 2, stderr })
  await t.rejects(initCluster({ data: folderOf(t), durability: 'paper' as 'disk' }), /'memory' or 'disk'/)
  const options = { data: folderOf(t), durability: 'disk' } as const
  await t.rejects(startViewServer(options), /durability is chosen when a cluster is begun/)
  const flags = ['viewserver', '--data', folderOf(t), '--durability', 'disk']
  t.match(await holdfast(t, flags), { code: 2, stderr: /give it to holdfast init, or with --init-if-none/ })
})

t.test(
  'E6: a view server without a record says what may be the case, waits, and takes one that appears',
  async t => {
    const data = folderOf(t, {})
    const quick = { HOLDFAST_LISTEN: '127.0.0.1:0', HOLDFAST_PING_INTERVAL_MS: '20', HOLDFAST_DATA: data }
    const server = new Running(t, ['viewserver'], quick)
    const view = await server.listening()
    const told = await server.json(({ msg }) => msg === 'no view record')
    for (const way of [`holdfast init --data ${data}`, 'wrong folder or prefix', 'holdfast adopt'])
      t.ok(String(told.reason).includes(way), way)
    const status = await holdfast(t, ['status', '--view', view])
    t.match(status, { code: 1 })
    t.match(status.stdout + status.stderr, /there is no view record/)
    t.same(recordsIn(data), [])
    await initCluster({ data, nobodyHasRun: true })
    new Running(t, ['lockserver', '--view', view], quick)
    await until('there is a view', async () => (await holdfast(t, ['status', '--view', view])).code === 0)
  },
)

t.test(
  'E6: unattended, a cluster begins in an empty folder, and grants nothing for the longest ttl',
  async t => {
    const data = folderOf(t, {})
    await using view = await startViewServer({
      data,
      port: 0,
      initIfNone: true,
      ttlMaxMs: 10_000,
      pingIntervalMs: 20,
    })
    t.equal(view.status().view, null)
    await until('it has begun', () => view.status().cluster !== null)
    const { cluster } = view.status()
    await view.close()
    await using again = await startViewServer({ data, port: 0, initIfNone: true, durability: 'disk' })
    await until('it goes on', () => again.status().cluster !== null)
    t.equal(again.status().cluster, cluster, 'a record that is there stays as it is')
  },
)

t.test('E6: advice names the place of the record as it was given, without its password', async t => {
  for (const url of ['etcds://holdfast:…@a:2379,b:2379/locks', 'etcd://[::1]:2379/locks'])
    t.equal(placeOption(recordPlace(url.replace('…', 'pa55'))), `--record ${url}`)
  const secure = 'etcds://a:2379/locks?ca=ca.pem&cert=c.pem&key=c.key'
  t.equal(placeOption(recordPlace(secure)), `--record '${secure}'`)
  t.equal(placeOption(recordPlace('file:/var/lib/holdfast')), '--data /var/lib/holdfast')
})
