// E7: when a lost view record may be rebuilt, as a pure function of what lock servers say; and with real servers,
// whose view server has lost its folder: no lock is lost, whatever an operator does first.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connect } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import { adoptionOf } from '../viewservice/adoption.ts'
import { initCluster, startViewServer } from '../viewservice/index.ts'
import type { Testimony, View } from '../wire/messages.ts'
import { firstMap } from '../wire/slots.ts'
import { startBegun } from './fixtures/begun.ts'
import { holdfast } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { clusterId, idOf } from './fixtures/view-story.ts'

const place = (name: string) => ({ id: idOf(name), address: `ws://${name}.test:1` })
const viewOf = (number: number, primary: string, backup: string | null): View => ({
  group: 0,
  number,
  primary: place(primary),
  backup: backup === null ? null : place(backup),
  durability: 'memory',
  start: null,
})
const says = (name: string, view: View | null, fields: Partial<Testimony> = {}): Testimony => ({
  cluster: view === null ? null : clusterId,
  ...place(name),
  role: 'idle',
  group: 0,
  view,
  acked: false,
  latched: false,
  recovering: false,
  token: 7,
  longestTtlMs: 20_000,
  imprint: null,
  map: null,
  actedBy: 0,
  viewServer: null,
  ...fields,
})
const sure = { noResetSince: true, nobodyElse: [] }
const ab = viewOf(6, 'a', 'b')
const a6 = says('a', ab, { role: 'primary', acked: true, latched: true })
const b6 = says('b', ab, { role: 'backup', acked: true })
const needed = (...told: Testimony[]) => {
  const found = adoptionOf(told, sure, 'e'.repeat(32))
  return found.is === 'missing' ? found.servers.map(({ id }) => id) : found.is
}

t.test(
  'E7: primary and backup of the newest view, or a primary that has not latched, are enough',
  async t => {
    t.equal(needed(a6, b6), 'adopted')
    t.equal(needed(says('a', ab, { role: 'primary' })), 'adopted', 'its backup was never told')
    t.equal(needed(says('a', viewOf(6, 'a', null), { role: 'primary' })), 'adopted')
    t.equal(
      needed(says('a', viewOf(5, 'a', 'b'), { role: 'primary', latched: true }), says('c', ab)),
      'adopted',
    )
    t.match(adoptionOf([a6, b6], sure, 'e'.repeat(32)), {
      record: {
        ...{ record: 1, cluster: clusterId, view: ab, acked: true, lastAcked: 6 },
        ...{ highestToken: 7, longestTtlMs: 20_000, adopted: 'e'.repeat(32) },
      },
    })
  },
)

t.test('E7, G1: of a cluster with two groups, the views of both', async t => {
  const cd = { ...viewOf(9, 'c', 'd'), group: 1 }
  const map = firstMap(2)
  const all = [
    says('a', ab, { role: 'primary', acked: true, latched: true, token: 7, map }),
    says('b', ab, { role: 'backup', acked: true, token: 6, map }),
    says('c', cd, { role: 'primary', group: 1, acked: true, latched: true, token: 900, map }),
    says('d', cd, { role: 'backup', group: 1, acked: true, token: 800, map }),
  ]
  t.match(adoptionOf(all, sure, 'e'.repeat(32)), {
    is: 'adopted',
    record: {
      ...{ view: { group: 0, number: 6 }, acked: true, highestToken: 7, map },
      others: [{ group: 1, view: { group: 1, number: 9 }, acked: true, lastAcked: 9, highestToken: 900 }],
    },
  })
  t.match(adoptionOf(all.slice(0, 3), sure, 'e'.repeat(32)), { is: 'missing', servers: [{ id: idOf('d') }] })
  t.match(adoptionOf(all.slice(0, 2), sure, 'e'.repeat(32)), { is: 'refused', reason: /view of group 1/ })
})

t.test('E7: a latched primary alone, a backup alone, or who only heard of the view needs a word', async t => {
  t.same(needed(a6), [idOf('b')])
  t.same(needed(b6), [idOf('a')])
  t.same(needed(says('c', ab), says('d', null)), [idOf('a'), idOf('b')])
  t.same(
    needed(a6, b6, says('c', viewOf(7, 'b', 'c'), { role: 'backup' })),
    'adopted',
    'b has not entered it',
  )
  t.same(needed(a6, says('c', viewOf(7, 'b', 'c'), { role: 'backup' })), [idOf('b')])
  const word = { noResetSince: true, nobodyElse: [idOf('b')] }
  t.match(adoptionOf([a6], word, 'e'.repeat(32)), { is: 'adopted' })
  t.match(adoptionOf([a6, b6], { ...sure, noResetSince: false }, 'e'), { is: 'missing', word: true })
})

t.test('E7: journals alone need a word for each that wrote one', async t => {
  const imprint = {
    ...{
      cluster: clusterId,
      group: 0,
      view: 6,
      told: false,
      differs: false,
      opNumber: 9,
      longestTtlMs: 30_000,
      free: true,
    },
  }
  const a = says('a2', null, { cluster: clusterId, imprint: { ...imprint, ...place('a'), as: 'primary' } })
  const b = says('b2', null, {
    cluster: clusterId,
    imprint: { ...imprint, ...place('b'), as: 'backup', told: true },
  })
  t.same(needed(a, b), [idOf('a'), idOf('b')])
  const words = { noResetSince: true, nobodyElse: [idOf('a'), idOf('b')] }
  t.match(adoptionOf([a, b], words, 'e'.repeat(32)), {
    record: { view: { number: 6, durability: 'disk' }, acked: true, longestTtlMs: 30_000 },
  })
})

t.test('E7: two clusters, and a record that is not lost, are refused', async t => {
  const other = says('x', viewOf(9, 'x', null), { role: 'primary', cluster: 'd'.repeat(32) })
  t.match(adoptionOf([a6, b6, other], sure, 'e'), { reason: /different clusters/ })
  const connected = { ...a6, viewServer: 'ws://v.test:1' }
  t.match(adoptionOf([connected, b6], sure, 'e'), { reason: /no record is lost/ })
  t.match(adoptionOf([says('d', null)], sure, 'e'), { reason: /no server that answers knows a view/ })
})

t.test(
  'E7, F19: the folder is deleted; a restart, an init and a reset grant nothing, adopt loses nothing',
  async t => {
    const data = join(folderOf(t), 'data')
    const pings = { pingIntervalMs: 20 }
    const first = await startBegun({ ...pings, data, port: 0 })
    const port = Number(new URL(first.address).port)
    const servers = [
      await startLockServer({ ...pings, view: first.address }),
      await startLockServer({ ...pings, view: first.address }),
    ]
    t.teardown(() => Promise.all(servers.map(server => server.kill())))
    await until('a backup is in sync', () => first.status().survives === 1)
    const addresses = servers.map(({ advertised }) => advertised)
    const before = first.status()
    const holder = await connect([first.address, ...addresses])
    t.teardown(() => holder.close())
    const held = await holder.acquire('orders/42')
    await first.kill()
    rmSync(data, { recursive: true })

    const view = await startViewServer({ ...pings, data, port })
    t.teardown(() => view.close())
    await until('it says what may be the case', () => /holdfast adopt/.test(view.status().halted ?? ''))
    const reach = ['--view', view.address]
    t.match(await holdfast(t, ['reset', '--yes', '--force', ...reach]), { code: 1 })
    // Who takes the cluster for a new one is stopped by the servers of the old one.
    await initCluster({ data })
    await until('it is stopped', () => /knows view .* holdfast adopt/.test(view.status().halted ?? ''))
    t.match(await holdfast(t, ['reset', '--yes', '--force', ...reach]), { code: 1 })
    t.equal(view.status().view, null)

    const args = ['adopt', '--data', data, '--servers', addresses.join(',')]
    t.match(await holdfast(t, args), { code: 1, stderr: /--no-reset-since/ })
    const [one = ''] = addresses
    const alone = await holdfast(t, ['adopt', '--data', data, '--servers', one, '--no-reset-since'])
    t.match(alone, { code: 1, stderr: /may have gone on.*--nobody-else [0-9a-f]{32}/ })
    t.match(await holdfast(t, [...args, '--no-reset-since']), {
      code: 0,
      stdout: /is on the record again, acked/,
    })
    await until('it goes on', () => view.status().survives === 1)
    t.match(view.status(), { cluster: before.cluster, view: before.view, halted: null })
    t.ok(held.held)
    t.equal(await holder.tryAcquire('orders/42'), null)
    t.match(await holdfast(t, [...args, '--no-reset-since']), { code: 1, stderr: /no record is lost/ })
    await held.release()
    await (await holder.acquire('orders/42')).release()
  },
)
