// D12 on the simulated cluster: after a recovery, a copy that is on the disk of the backup is kept, if it is surely a part of
// what was recovered; otherwise all is copied.

import t from 'tap'
import { Recent } from '../lockserver/state/recent.ts'
import type { Message } from '../wire/messages.ts'
import { Cluster, type SessionParty, truth } from './fixtures/cluster.ts'
import { textOf } from './fixtures/state-story.ts'

/** Servers S1 (primary) and S2 (backup), S3 beside them; a client that holds some locks. */
function durable(servers = 3): { cluster: Cluster; a: SessionParty; said: string[] } {
  const cluster = new Cluster({ servers, durability: 'disk', recoveryPatienceMs: 2_000 })
  cluster.ready()
  const a = cluster.client('a')
  cluster.until(() => a.core.opened, 'a session')
  for (let i = 0; i < 20; i++) t.ok(truth(a.wait(a.acquire(`held/${i}`))))
  cluster.run(300)
  const said: string[] = []
  cluster.network.onFrame = (_from, _to, messages: readonly Message[]) => {
    for (const [kind] of messages) if (kinds.has(kind)) said.push(kind)
    return 'pass'
  }
  return { cluster, a, said }
}

const kinds = new Set(['copy', 'chunk', 'keep'])

function powerBack(cluster: Cluster, ...names: string[]): void {
  cluster.viewServer.restart()
  for (const name of names) cluster.server(name).restart()
}

/** Until a view after the recovery is acked, with a backup. */
function inSync(cluster: Cluster): void {
  const is = () =>
    cluster.viewServer.acked && cluster.view?.backup !== null && (cluster.view?.number ?? 0) > 3
  cluster.until(is, 'a backup in sync', 20_000)
  cluster.run(300)
}

/** The two copies are one state, and it is served when the primary has died. */
function checkCopies(cluster: Cluster, a: SessionParty, held: number): void {
  const [one, other] = [cluster.primary.core.state, cluster.backup.core.state]
  t.equal(one && textOf(one), other && textOf(other), 'both have one state')
  cluster.primary.kill()
  t.ok(truth(a.wait(a.acquire('after'))), 'it is served on')
  const { state } = cluster.primary.core
  t.equal([...(state?.sessions.values() ?? [])].flatMap(({ holds }) => [...holds.keys()]).length, held + 1)
  t.equal(cluster.problem(), undefined)
}

t.test('D12: a copy that is on the disk of the new backup is not sent again', async t => {
  const { cluster, a, said } = durable()
  cluster.losePower(unsynced => unsynced)
  powerBack(cluster, 'S3', 'S2', 'S1')
  inSync(cluster)
  t.same(said, ['keep'], 'nothing is copied')
  t.notMatch(cluster.viewText, 'S3', 'the one without a copy is not chosen')
  const { imprint } = cluster.diskOf(cluster.backup.name)
  t.match(imprint, { id: cluster.backup.id, as: 'backup', told: true }, 'it is in new files')
  checkCopies(cluster, a, 20)
})

t.test('D12: a copy that lacks the last operations gets those alone', async t => {
  for (const behind of ['S1', 'S2']) {
    const { cluster, a, said } = durable()
    cluster.diskOf(behind).syncMs = Number.POSITIVE_INFINITY
    for (let i = 0; i < 5; i++) {
      a.acquire(`more/${i}`)
      cluster.run(20)
    }
    cluster.losePower()
    cluster.diskOf(behind).syncMs = 1
    powerBack(cluster, 'S3', 'S2', 'S1')
    inSync(cluster)
    t.equal(cluster.backup.name, behind)
    t.same(said, ['keep'])
    checkCopies(cluster, a, 25)
  }
})

t.test('D12: operations that were not recovered are not taken for those that came since', async t => {
  const { cluster, a, said } = durable()
  cluster.diskOf('S1').syncMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3; i++) {
    a.acquire(`lost/${i}`)
    cluster.run(20)
  }
  cluster.losePower()
  cluster.diskOf('S1').syncMs = 1
  powerBack(cluster, 'S1')
  cluster.until(() => cluster.viewServer.acked && cluster.view?.number === 3, 'a recovery without S2', 20_000)
  cluster.until(() => cluster.primary.core.role === 'primary', 'its primary')
  cluster.run(300)
  cluster.server('S2').restart()
  inSync(cluster)
  t.ok(said.includes('copy') && !said.includes('keep'), 'S2 is copied to')
  t.equal(cluster.problem(), undefined)
  const [one, other] = [cluster.primary.core.state, cluster.backup.core.state]
  t.equal(one && textOf(one), other && textOf(other))
})

t.test(
  'D12: a copy from another view is none of its states, whatever number its operations have',
  async t => {
    const recent = new Recent(3, 33)
    const batch = { wallMs: 0, entries: [], size: 1 }
    recent.add({ ...batch, firstOp: 4, digest: 44 }, 4)
    t.equal(recent.since({ view: 2, opNumber: 4, digest: 44 }), undefined, 'it is still being read')
    recent.end(2)
    recent.add({ ...batch, firstOp: 5, digest: 55 }, 5)
    const behind = (view: number, opNumber: number, digest: number) =>
      recent.since({ view, opNumber, digest })?.map(({ firstOp }) => firstOp)
    t.same(behind(2, 3, 33), [4, 5])
    t.same(behind(2, 4, 44), [5])
    t.equal(behind(1, 4, 44), undefined, 'another view')
    t.equal(behind(2, 4, 45), undefined, 'another digest')
    t.equal(behind(2, 5, 55), undefined, 'it came after the recovery')
    t.equal(behind(2, 2, 22), undefined, 'it is too old')
  },
)

t.test('D12: of what is too far back it lets go', async t => {
  const recent = new Recent(0, 0)
  for (let i = 1; i <= 5_000; i++) recent.add({ firstOp: i, wallMs: 0, entries: [], size: 1, digest: i }, i)
  recent.end(2)
  const behind = (opNumber: number) => recent.since({ view: 2, opNumber, digest: opNumber })?.length
  t.equal(behind(1), undefined)
  t.equal(behind(4_900), 100)
})

t.test('D12: a copy whose connection was cut is asked for again', async t => {
  const { cluster, a, said } = durable(2)
  cluster.losePower()
  for (const name of ['S1', 'S2']) cluster.diskOf(name).syncMs = 100
  powerBack(cluster, 'S1', 'S2')
  cluster.until(() => said.includes('keep'), 'a copy is kept', 20_000)
  cluster.run(20)
  cluster.network.cut(cluster.primary, cluster.backup)
  inSync(cluster)
  t.same(said, ['keep', 'keep'])
  checkCopies(cluster, a, 20)
})

t.test('D12, D6: in a copy that was kept leases are whole, and end', async t => {
  const { cluster, a, said } = durable()
  a.kill()
  cluster.losePower()
  powerBack(cluster, 'S1', 'S2')
  inSync(cluster)
  t.same(said, ['keep'])
  cluster.primary.kill()
  cluster.run(5_000)
  t.equal(cluster.primary.core.state?.sessions.size, 1)
  cluster.run(15_000)
  t.equal(cluster.primary.core.state?.sessions.size, 0)
})
