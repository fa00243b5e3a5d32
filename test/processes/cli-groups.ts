// A cluster of two groups as users have it: started, asked and watched with the command alone; and `holdfast/testing`
// with groups.

import { t } from 'tap'
import { connect } from '../../client/index.ts'
import { startCluster as startForTests } from '../../testing/index.ts'
import { firstMap, groupOf } from '../../wire/slots.ts'
import { startCluster } from '../fixtures/command.ts'

const map = firstMap(2)
/** A name that lives in this group. */
function nameIn(group: number): string {
  for (let i = 0; ; i++) if (groupOf(map, `lock/${i}`) === group) return `lock/${i}`
}

t.test('G5: status, locks, why and clients go through both groups', async t => {
  const cluster = await startCluster(t, '--groups', '2')
  const names = [nameIn(0), nameIn(1)]
  const holders = names.map(name => cluster.start('hold', name, '--json'))
  for (const holder of holders) await holder.json(() => true)
  t.match((await cluster.run('status')).stdout, /^group 0: view \d+, acked.*\ngroup 1: view \d+, acked/)
  t.match((await cluster.json('status')).groups, [{ group: 0 }, { group: 1 }])
  const { held, missing } = await cluster.json('locks', 'lock/')
  t.same(held.map(({ name }: { name: string }) => name).sort(), [...names].sort())
  t.equal(missing, undefined)
  t.equal((await cluster.json('locks', 'lock/', '--nearest')).held.length, 2)
  for (const name of names) t.equal((await cluster.json('why', name)).holders.length, 1, name)
  const ids = (await cluster.json('clients')).clients.map(
    ({ clientName }: { clientName: string }) => clientName,
  )
  t.ok(ids.length >= 4, 'a session in group 0 of each, and of one in group 1')
  for (const holder of holders) await holder.end('SIGTERM')
})

t.test('G1: a cluster for tests may have groups, and each of them loses its primary', async t => {
  await using cluster = await startForTests({ groups: 2 })
  await using locks = await connect(cluster.url)
  t.equal(cluster.status().groups.length, 2)
  for (const group of [0, 1]) {
    const before = cluster.status().groups[group]?.view?.primary.address
    t.equal(await cluster.killPrimary({ group }), before)
    await using lock = await locks.acquire(nameIn(group))
    t.ok(lock.held)
    await cluster.addServer()
    await cluster.ready()
  }
})
