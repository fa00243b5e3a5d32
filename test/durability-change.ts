// D11 on the simulated cluster: locks and waiters stay when a living cluster is changed to disk and back, and what a
// loss of power leaves afterwards.

import t from 'tap'
import type { Durability } from '../wire/messages.ts'
import { ByHand } from './fixtures/by-hand.ts'
import { Cluster, type SessionParty, truth } from './fixtures/cluster.ts'

function living(durability: Durability) {
  const cluster = new Cluster({ servers: 3, durability, journals: true })
  cluster.ready(true)
  const clients = ['a', 'b'].map(name => cluster.client(name)) as [SessionParty, SessionParty]
  cluster.until(() => clients.every(client => client.core.opened), 'sessions')
  const [a, b] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  return { cluster, a, waits: b.acquire('x') }
}

function change(cluster: Cluster, to: Durability): void {
  const operator = new ByHand(cluster, `operator ${to}`)
  operator.say(operator.dial(cluster.viewServer.address), [['durability', 1, to]])
}

function changed(cluster: Cluster, to: Durability): void {
  change(cluster, to)
  const isSo = () =>
    cluster.view?.durability === to && cluster.viewServer.acked && cluster.view.backup !== null
  cluster.until(isSo, `it is of ${to}, with a backup`, 20_000)
  cluster.until(() => cluster.primary.core.role === 'primary', 'its primary', 5_000)
}

/** Who holds a lock, by how many; and that all is in order. */
function holds(cluster: Cluster): number {
  t.equal(cluster.problem(), undefined)
  return [...(cluster.primary.core.state?.sessions.values() ?? [])].reduce(
    (sum, each) => sum + each.holds.size,
    0,
  )
}

t.test('D11, F15: changed to disk under load, it survives a loss of power', async t => {
  const { cluster, a, waits } = living('memory')
  t.ok(cluster.servers.every(({ name }) => cluster.diskOf(name).imprint === null))
  changed(cluster, 'disk')
  t.equal(holds(cluster), 1)
  t.match(cluster.diskOf(cluster.primary.name).imprint, { as: 'primary', view: cluster.view?.number })
  const more = a.acquire('y')
  t.ok(truth(a.wait(more)), 'it goes on')
  cluster.run(500)
  const { number } = cluster.view ?? { number: 0 }
  cluster.losePower()
  cluster.run(500)
  cluster.viewServer.restart()
  for (const server of [...cluster.servers]) server.restart()
  cluster.until(() => cluster.viewServer.acked && (cluster.view?.number ?? 0) > number, 'a recovery', 20_000)
  cluster.run(2_000)
  t.equal(holds(cluster), 2)
  t.notOk(waits.done, 'a has it still')
})

t.test(
  'D11: until the whole state is on the disk of its primary, all goes on without the change',
  async t => {
    const { cluster, a } = living('memory')
    const { name } = cluster.primary
    cluster.diskOf(name).syncMs = Number.POSITIVE_INFINITY
    const { primary, backup } = cluster.view ?? {}
    change(cluster, 'disk')
    cluster.until(() => cluster.viewServer.record?.view.durability === 'disk', 'the change view', 5_000)
    cluster.run(500)
    t.notOk(cluster.viewServer.acked)
    const asked = a.query('')
    cluster.run(1_000)
    t.notOk(asked.done, 'it shows nothing meanwhile')
    cluster.serverOf(primary?.id).kill()
    cluster.until(
      () => cluster.viewServer.acked && cluster.view?.primary.id === backup?.id,
      'the backup',
      20_000,
    )
    t.equal(cluster.view?.durability, 'memory')
    t.ok(a.wait(asked))
    t.equal(holds(cluster), 1)
  },
)

t.test('D5, D11: what the old backup hears last is of the view that it is in', async t => {
  const heard = new Set<unknown>()
  const cluster = new Cluster({ servers: 3, durability: 'disk', turnMs: () => 2 })
  cluster.ready(true)
  const a = cluster.client('a')
  cluster.until(() => a.core.opened, 'a session')
  const [primary, backup] = [cluster.primary, cluster.backup]
  cluster.network.onFrame = (from, to, messages) => {
    if (from === primary && to === backup)
      for (const [kind, view] of messages) if (kind === 'replicate') heard.add(view)
    return 'pass'
  }
  // In the turn in which it hears of the change it reads a query first.
  cluster.viewServer.onWrite = () => {
    cluster.network.after(0.5, () => void a.query(''))
    return { saveMs: 1, tellMs: 0, fails: 'no' }
  }
  change(cluster, 'memory')
  cluster.until(() => primary.core.view?.number === 3, 'it is to change the durability', 1_000)
  cluster.run(3)
  t.strictSame([...heard], [2])
})

t.test('D11: changed to memory and back, and nothing of the first time on disk comes to life', async t => {
  const { cluster, a } = living('disk')
  changed(cluster, 'memory')
  t.equal(holds(cluster), 1)
  t.ok(truth(a.wait(a.acquire('z'))))
  changed(cluster, 'disk')
  t.equal(holds(cluster), 2)
  const { number } = cluster.view ?? { number: 0 }
  cluster.losePower()
  cluster.run(500)
  cluster.viewServer.restart()
  for (const server of [...cluster.servers]) server.restart()
  cluster.until(() => cluster.viewServer.acked && (cluster.view?.number ?? 0) > number, 'a recovery', 20_000)
  cluster.run(2_000)
  t.equal(holds(cluster), 2)
})

t.test('D11: in memory after all, a loss of power loses the locks, and says so', async t => {
  const { cluster } = living('disk')
  changed(cluster, 'memory')
  cluster.losePower()
  cluster.run(500)
  cluster.viewServer.restart()
  for (const server of [...cluster.servers]) server.restart()
  const { number } = cluster.view ?? { number: 0 }
  cluster.run(20_000)
  t.equal(cluster.view?.number, number)
})
