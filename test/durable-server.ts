// D1, D2, D5, D6 and D10 on the simulated cluster: what waits for which disk, what a journal holds when the power
// fails, and what clients have afterwards.

import t from 'tap'
import { Backup } from '../lockserver/backup.ts'
import { Clients } from '../lockserver/clients.ts'
import { OwnDisk } from '../lockserver/disk.ts'
import { Leases } from '../lockserver/leases.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import { Recovery } from '../lockserver/recovery.ts'
import { State } from '../lockserver/state/state.ts'
import { stateLimits } from '../wire/limits.ts'
import type { Message, View } from '../wire/messages.ts'
import { Cluster, type ClusterOptions, type SessionParty, truth } from './fixtures/cluster.ts'
import { has } from './fixtures/started-cluster.ts'
import { textOf } from './fixtures/state-story.ts'

function durable(names: readonly string[], options: ClusterOptions = {}) {
  const cluster = new Cluster({ servers: 2, durability: 'disk', ...options })
  cluster.ready((options.servers ?? 2) > 1)
  const clients = names.map(name => cluster.client(name))
  cluster.until(() => clients.every(client => client.core.opened), 'sessions')
  return { cluster, clients: clients as [SessionParty, SessionParty] }
}

function powerBack(cluster: Cluster, ...names: string[]): void {
  cluster.viewServer.restart()
  for (const server of [...cluster.servers]) if (names.includes(server.name)) server.restart()
}

/** Runs until a recovery view is acked, and its primary knows it. */
function recovered(cluster: Cluster, after = 2): void {
  const is = () => cluster.viewServer.acked && (cluster.view?.number ?? 0) > after
  cluster.until(is, 'a recovery', 20_000)
  cluster.until(() => cluster.primary.core.role === 'primary', 'its primary', 5_000)
}

t.test('D1: an answer waits for the disks of both, and for no more', async t => {
  for (const slow of ['S1', 'S2']) {
    const { cluster, clients } = durable(['a'])
    const [a] = clients
    cluster.diskOf(slow).syncMs = Number.POSITIVE_INFINITY
    const held = a.acquire('x')
    cluster.run(1_000)
    t.notOk(held.done, `${slow} has not synced`)
    t.equal(cluster.viewText, '(S1,S2)#2', 'D8: a slow sync is no silence')
  }
})

t.test('D1: a read waits for what it could have seen, and for nothing of its own', async t => {
  const { cluster, clients } = durable(['a', 'b'], { servers: 1 })
  const [a, b] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  cluster.run(100)
  cluster.diskOf('S1').syncMs = Number.POSITIVE_INFINITY
  const first = b.query('')
  cluster.until(() => first.done, 'an answer without a write')
  a.acquire('y')
  cluster.run(10)
  const second = b.query('')
  cluster.run(1_000)
  t.notOk(second.done, 'y is on no disk')
})

t.test('D2: the imprint of each view is synced before that view shows or acks anything', async t => {
  const cluster = new Cluster({ servers: 1, durability: 'disk' })
  cluster.diskOf('S1').syncMs = 300
  cluster.until(() => cluster.view !== null, 'view 1')
  cluster.run(200)
  t.notOk(cluster.viewServer.acked)
  cluster.until(() => cluster.viewServer.acked, 'an ack')
  t.match(cluster.diskOf('S1').imprints, [{ view: 1, as: 'primary' }])
})

t.test('D2: a promoted backup shows nothing before its view is on its disk', async t => {
  const { cluster, clients } = durable(['a'])
  const [a] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  cluster.run(100)
  const { backup } = cluster
  cluster.diskOf(backup.name).syncMs = Number.POSITIVE_INFINITY
  cluster.primary.kill()
  cluster.until(() => cluster.view?.number === 3, 'a promotion')
  const answered = a.query('')
  cluster.run(1_000)
  t.notOk(answered.done)
  t.notOk(cluster.viewServer.acked)
})

t.test('D2: told in sync is on the disk before the backup says that it knows', async t => {
  const cluster = new Cluster({ servers: 2, durability: 'disk' })
  let told = false
  cluster.network.onFrame = (_from, to, messages) => {
    if (has(messages, 'in-sync')) {
      told = true
      cluster.diskOf(to.name).syncMs = Number.POSITIVE_INFINITY
    }
    return 'pass'
  }
  cluster.until(() => told, 'in sync', 5_000)
  cluster.run(1_000)
  t.notOk(cluster.viewServer.acked)
  t.notOk(cluster.backup.core.pingNow.inSync)
})

t.test("D1: a copy counts once it is on the backup's disk, with its imprint, and not told", async t => {
  const { cluster, clients } = durable(['a'], { servers: 1 })
  for (let i = 0; i < 2_500; i++) clients[0].acquire(`held/${i}`)
  cluster.run(200)
  const second = cluster.addServer('S2')
  const disk = cluster.diskOf('S2')
  let whole = false
  cluster.network.onFrame = (_from, to, messages) => {
    if (to === second && has(messages, 'whole')) {
      whole = true
      disk.syncMs = Number.POSITIVE_INFINITY
    }
    return 'pass'
  }
  cluster.until(() => whole, 'a whole copy', 10_000)
  cluster.run(500)
  t.equal(disk.imprint, null)
  t.equal(cluster.primary.core.vitals.copiedPart, 99, 'it is not installed there')
  disk.losePower(disk.unsynced)
  t.match(disk.imprint, { as: 'backup', told: false, view: cluster.view?.number })
})

t.test(
  'D1: what comes while a copy is being synced is applied once it is, though nothing more comes',
  async t => {
    const { cluster, clients } = durable(['a'], { servers: 3 })
    const before = cluster.view?.number ?? 0
    const { idle } = cluster
    cluster.diskOf(idle.name).syncMs = 2.5 * cluster.pingIntervalMs
    cluster.network.onFrame = (_from, to, messages) => {
      if (to === idle && has(messages, 'whole')) clients[0].acquire('x')
      return 'pass'
    }
    cluster.backup.kill()
    cluster.until(() => (cluster.view?.number ?? 0) > before && cluster.viewServer.acked, 'an acked view')
    t.equal(cluster.view?.number, before + 1, 'the new backup was not taken for silent')
    t.equal(cluster.problem(), undefined)
  },
)

t.test('D2: a backup that is named again writes no imprint before its new copy is whole', async t => {
  const { disk, out, situation } = deskOf()
  const state = new State()
  state.apply(['start', 1_000, 0, stateLimits])
  new Backup(out, situation, new Clients(out, new Map()), { state, leases: new Leases() }, disk)
  t.same(out.take(), [])
})

/** A journal that a part writes to by hand. */
function deskOf() {
  const server = { id: 'p', address: 'ws://p' }
  const view: View = { group: 0, number: 3, primary: server, backup: null, durability: 'disk', start: null }
  const now = { monotonic: 0, wall: 0 }
  const situation = {
    now,
    view,
    cluster: 'c',
    longestTtlMs: 0,
    ttlMaxMs: 600_000,
    viewServerConnected: true,
    group: 0,
    others: new Map(),
    map: null,
  }
  const out = new ServerOutbox(situation, new Map())
  return { out, situation, view, disk: new OwnDisk(out, situation, server) }
}

t.test('F15: all lose their power, and nothing that was shown is missing', async t => {
  for (const [keeps, who] of [
    ['none', ['S1', 'S2']],
    ['all', ['S1', 'S2']],
    ['none', ['S1']],
    ['none', ['S2']],
  ] as const) {
    const { cluster, clients } = durable(['a', 'b'])
    const [a, b] = clients
    t.ok(truth(a.wait(a.acquire('x'))))
    const waits = b.acquire('x')
    cluster.run(500)
    const { lastToken } = cluster.primary.core.state?.table ?? { lastToken: 0 }
    cluster.losePower(unsynced => (keeps === 'all' ? unsynced : 0))
    cluster.run(1_000)
    powerBack(cluster, ...who)
    cluster.until(() => cluster.viewServer.acked && (cluster.view?.number ?? 0) > 2, 'a recovery', 20_000)
    cluster.run(2_000)
    t.notOk(waits.done, `${keeps} ${who}: a still has it`)
    t.equal(cluster.primary.core.state?.sessions.size, 2)
    const held = [...(cluster.primary.core.state?.sessions.values() ?? [])].flatMap(({ holds }) => [
      ...holds.keys(),
    ])
    t.equal(held.length, 1)
    t.ok((cluster.primary.core.state?.table.lastToken ?? 0) > lastToken, 'tokens grow')
    t.equal(cluster.problem(), undefined)
  }
})

t.test('D5: until its ack is on the record a recovery is nobody’s primary, and tells nobody', async t => {
  const { cluster, clients } = durable(['a'])
  const [a] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  cluster.losePower()
  cluster.run(100)
  const heard: number[] = []
  cluster.network.onFrame = (_from, to, messages) => {
    if (to.kind === 'client') for (const number of viewsIn(messages)) heard.push(number)
    return 'pass'
  }
  cluster.viewServer.saveMs = 1
  powerBack(cluster, 'S1', 'S2')
  cluster.until(() => cluster.view?.number === 3, 'a recovery', 20_000)
  const recovering = cluster.serverOf(cluster.view?.primary.id)
  const disk = cluster.diskOf(recovering.name)
  disk.syncMs = Number.POSITIVE_INFINITY
  const asked = a.query('')
  cluster.run(2_000)
  t.notOk(cluster.viewServer.acked, 'nothing is written anew')
  disk.syncMs = 1
  t.notOk(asked.done)
  t.notOk(heard.includes(3))
  t.equal(recovering.core.role, 'idle')
})

function viewsIn(messages: readonly Message[]): number[] {
  return messages.flatMap(([kind, said]) => {
    const view = kind === 'view' ? said : kind === 'welcome' ? (said as { view: unknown }).view : null
    return view === null ? [] : [(view as { number: number }).number]
  })
}

t.test('D5: a recovered primary answers only once it hears that the ack is on the record', async t => {
  const { cluster, clients } = durable(['a'])
  const [a] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  cluster.losePower()
  cluster.run(100)
  powerBack(cluster, 'S1', 'S2')
  cluster.until(() => cluster.view?.number === 3, 'a recovery', 20_000)
  const recovering = cluster.serverOf(cluster.view?.primary.id)
  cluster.viewServer.saveMs = 1_000
  cluster.until(() => recovering.core.pingNow.acked, 'it is written anew', 5_000)
  cluster.run(500)
  t.equal(recovering.core.role, 'idle')
  cluster.viewServer.saveMs = 1
  cluster.until(() => recovering.core.role === 'primary', 'the ack', 5_000)
  t.match(cluster.diskOf(recovering.name).imprint, { view: 3, as: 'primary' })
})

t.test('D6: leases are whole again from when it may answer, and end if nobody comes', async t => {
  const { cluster, clients } = durable(['a'])
  const [a] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  a.kill()
  cluster.losePower()
  cluster.run(30_000)
  powerBack(cluster, 'S1', 'S2')
  recovered(cluster)
  cluster.run(8_000)
  t.equal(cluster.primary.core.state?.sessions.size, 1, 'its client may believe in it')
  cluster.run(4_000)
  t.equal(cluster.primary.core.state?.sessions.size, 0)
})

t.test("D6: a reset's pause that was not over begins again, whole", async t => {
  const { disk, view } = deskOf()
  const state = new State()
  state.apply(['start', 1_000, 60_000, stateLimits])
  const recovery = new Recovery(disk, view, state, false)
  t.equal(recovery.leasesFrom(5_000).pauseRemainingMs(5_000), 60_000)
  state.apply(['unpause'])
  t.equal(recovery.leasesFrom(5_000).pauseRemainingMs(5_000), null)
})

t.test(
  'D2: snapshots for the disk come out as their log, beside operations and copies for backups',
  async t => {
    const { cluster, clients } = durable(['a'], { servers: 1 })
    const [a] = clients
    const disk = cluster.diskOf('S1')
    const held = Array.from({ length: 5_000 }, (_, i) => a.acquire(`held/${i}`))
    cluster.until(() => held.every(outcome => outcome.done), 'all of them')
    const want = () =>
      cluster.server('S1').act(() => cluster.server('S1').journal?.say({ is: 'snapshot wanted' }))
    want()
    cluster.run(3)
    for (let i = 0; i < 200; i++) a.acquire(`held/${4_999 - i}`, { manner: 'steal' })
    cluster.until(() => disk.snapshots === 1, 'a snapshot', 5_000)
    t.ok(disk.batches < 20, 'what was before is gone')
    disk.pieceMs = 1_500
    want()
    cluster.run(2)
    // A copy for a backup begins: the one for the disk gives way, and comes again.
    cluster.addServer('S2')
    cluster.until(() => disk.dropped === 1, 'it gives way', 5_000)
    disk.pieceMs = 1
    disk.pieceMs = 1
    for (let i = 0; i < 200; i++) a.acquire(`held/${i}`, { manner: 'steal' })
    cluster.until(() => disk.snapshots === 2, 'it comes again', 20_000)
    cluster.until(() => cluster.viewServer.acked, 'in sync', 20_000)
    cluster.run(500)
    const [mine, copy] = cluster.servers.map(({ core }) => core.state)
    if (mine === null || copy === null || mine === undefined || copy === undefined)
      throw new Error('a state is missing')
    t.equal(textOf(copy), textOf(mine))
    const found = disk.found()
    t.equal(found === null ? '' : textOf(found.state), textOf(mine), 'and what is on the disk')
  },
)

t.test('D10: told to leave, the last primary syncs, says that it is safe, and is found again', async t => {
  const { cluster, clients } = durable(['a'], { drainMs: 500 })
  const [a] = clients
  t.ok(truth(a.wait(a.acquire('x'))))
  const last = cluster.primary
  for (const server of cluster.servers) server.leave()
  cluster.until(() => cluster.servers.every(({ alive }) => !alive), 'all are gone', 10_000)
  t.match(last.exit, { status: 0, reason: /safe to turn off/ })
  const before = cluster.view?.number
  for (const server of [...cluster.servers]) server.restart()
  recovered(cluster, before)
  t.equal(cluster.primary.core.state?.table.locks.size, 1)
})

t.test('D3: a server with an imprint writes nothing before it is told what to do', async t => {
  const { cluster } = durable(['a'])
  cluster.losePower()
  const imprint = cluster.diskOf('S2').imprint
  cluster.server('S2').restart()
  cluster.run(1_000)
  t.equal(cluster.diskOf('S2').unsynced, 0)
  t.same(cluster.diskOf('S2').imprint, imprint)
  t.match(cluster.server('S2').core.hello, {
    view: 2,
    role: 'idle',
    imprint: { view: 2, as: 'backup', told: true },
  })
})

t.test('D3: a server that may be chosen makes files ahead; one with a state to recover does not', async t => {
  const { cluster } = durable(['a'], { servers: 3 })
  cluster.run(500)
  t.equal(cluster.diskOf(cluster.idle.name).prepared, 1)
  t.equal(cluster.diskOf('S1').prepared, 0, 'the first primary was never idle in a view')
  const { prepared } = cluster.diskOf('S2')
  cluster.losePower()
  cluster.viewServer.restart()
  cluster.server('S2').restart()
  cluster.run(1_000)
  t.equal(cluster.diskOf('S2').prepared, prepared)
  const inMemory = new Cluster({ servers: 3, journals: true })
  inMemory.ready()
  inMemory.run(500)
  t.equal(inMemory.diskOf(inMemory.idle.name).prepared, 0)
})
