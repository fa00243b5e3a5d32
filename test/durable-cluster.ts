// F15 with real servers, ports and folders in one process: all of them end at once as killed processes do, start
// again, and who held a lock holds it still.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../client/index.ts'
import { type LockServer, startLockServer } from '../lockserver/index.ts'
import type { ViewServer } from '../viewservice/index.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { Scrape } from './fixtures/scrape.ts'

t.test('F15: all servers are killed and start again: locks are kept, tokens grow', async t => {
  const folder = folderOf(t)
  const startView = (port: number) => startBegun({ data: join(folder, 'view'), port, durability: 'disk' })
  const startLock = (view: ViewServer, name: string, port: number) =>
    startLockServer({ view: view.address, data: join(folder, name), port })
  let view = await startView(0)
  const port = Number(new URL(view.address).port)
  let servers: LockServer[] = [await startLock(view, 'one', 0), await startLock(view, 'two', 0)]
  const ports = servers.map(({ address }) => Number(new URL(address).port))
  t.teardown(async () => {
    for (const server of servers) await server.kill()
    await view.kill()
  })
  const inSync = () => view.status().acked && view.status().view?.backup !== null
  await until('a backup is in sync', inSync)
  await checkFigures(t, view, servers)
  const locks = await connect(view.address)
  t.teardown(() => locks.close())
  const held = await locks.acquire('orders/42')
  await Promise.all([view.kill(), ...servers.map(server => server.kill())])
  view = await startView(port)
  servers = [await startLock(view, 'one', ports[0] ?? 0), await startLock(view, 'two', ports[1] ?? 0)]
  await until(
    'the state is recovered, and a backup in sync',
    () => (view.status().view?.number ?? 0) > 2 && inSync(),
  )
  t.ok(held.held, 'its holder has it still')
  t.equal(await locks.tryAcquire('orders/42'), null)
  await held.release()
  const next = await locks.acquire('orders/42')
  t.ok(next.token > held.token)
  await next.release()
})

/** Of each server, in the status and in its metrics: what is on its disk, and that it syncs. */
async function checkFigures(t: Test, view: ViewServer, servers: readonly LockServer[]): Promise<void> {
  await until('the figures are told', () =>
    view.status().servers.every(({ disk }) => disk?.imprint?.view === view.status().view?.number),
  )
  for (const { role, disk } of view.status().servers) {
    t.match(disk, { imprint: { as: role, told: role === 'backup' }, bytes: Number, freeBytes: Number })
    t.match(disk, { syncAgeMs: Number, syncP50Us: Number, syncP99Us: Number, spoilt: null })
  }
  for (const { address } of servers) {
    const scrape = await Scrape.of(address)
    t.equal(scrape.value('holdfast_journal_view'), view.status().view?.number)
    t.ok(scrape.value('holdfast_journal_bytes') > 1e6)
    t.ok(scrape.value('holdfast_journal_sync_seconds', '_count') > 0)
  }
  t.equal((await Scrape.of(view.address)).value('holdfast_recovery_waits'), 0)
}
