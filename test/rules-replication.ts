// R1, R2, R4, R5 and V7 on the simulated cluster: what a client may see and when, which
// primary a backup obeys, and what happens when the copies differ.

import t from 'tap'
import { BackupLink } from '../lockserver/backup-link.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import type { Peers } from '../lockserver/peers.ts'
import type { Hold } from '../lockserver/state/lock.ts'
import type { View } from '../wire/messages.ts'
import { Cluster, HandParty, truth } from './fixtures/cluster.ts'
import { resumeOf } from './fixtures/said.ts'
import { started } from './fixtures/started-cluster.ts'

t.test('R1: an answer leaves the primary only after the backup has applied the operation', async t => {
  const { cluster, clients } = started(['a'])
  cluster.network.block(cluster.backup, cluster.primary)
  const outcome = clients.a.acquire('x')
  cluster.run(300)
  t.equal(cluster.primary.core.state?.table.locks.size, 1, 'the primary has applied it')
  t.notOk(outcome.done, 'and says nothing yet')
  cluster.network.heal(cluster.backup, cluster.primary)
  clients.a.wait(outcome)
  t.ok(truth(outcome))
})

t.test('R1: a grant to another session, a loss and a renewal wait for the backup too', async t => {
  const { cluster, clients } = started(['a', 'b', 'c'], { ttlMs: 2_000 })
  const { a, b, c } = clients
  const held = a.wait(a.acquire('x'))
  const waiting = b.acquire('x')
  cluster.run(50)
  const shown: string[] = []
  cluster.network.block(cluster.backup, cluster.primary)
  const primary = cluster.primary
  cluster.network.onFrame = (from, to, messages) => {
    if (from === primary && to.kind === 'client')
      shown.push(...messages.map(message => `${to.name}:${message[0]}`))
    return 'pass'
  }
  a.release(held)
  c.acquire('x', { manner: 'steal' })
  cluster.run(400)
  t.strictSame(
    shown.filter(line => !line.endsWith('echoed')),
    [],
    'nothing that tells of the state',
  )
  cluster.network.heal(cluster.backup, cluster.primary)
  b.wait(waiting)
  cluster.until(() => b.lost.length === 1, 'the loss')
  t.ok(shown.includes('b:granted') && shown.includes('b:lost') && shown.includes('c:granted'))
})

t.test('R1: without a backup the primary answers alone, and while a backup joins', async t => {
  const cluster = new Cluster({ servers: 1 })
  cluster.ready(false)
  const a = cluster.client('a')
  t.ok(truth(a.wait(a.acquire('x'))))
  const second = cluster.addServer('S2')
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  cluster.network.block(second, cluster.primary)
  t.ok(truth(a.wait(a.acquire('y'))), 'before the latch nothing waits')
})

t.test(
  'R1: a cut-off primary confirms no read: not a query, not "unknown session", not a renewal',
  async t => {
    const { cluster, clients } = started(['a', 'b'], { ttlMs: 2_000 })
    // A client that holds something renews each quarter of the ttl (S4).
    for (const [client, name] of [
      [clients.a, 'x'],
      [clients.b, 'y'],
    ] as const)
      client.wait(client.acquire(name))
    const old = cluster.primary
    const oldBackup = cluster.backup
    for (const other of [cluster.viewServer, oldBackup]) cluster.network.cutOff(old, other)
    // These clients reach only the old primary.
    for (const client of [clients.a, clients.b]) {
      cluster.network.cutOff(client, cluster.viewServer)
      cluster.network.cutOff(client, oldBackup)
    }
    const query = clients.a.query()
    cluster.until(() => cluster.view?.number === 3, 'a promotion')
    cluster.run(1_000)
    t.notOk(query.done, 'no stale answer')
    cluster.run(1_500)
    t.ok(
      clients.a.core.over && clients.b.core.over,
      'no renewal was confirmed: the sessions are given up in time',
    )
  },
)

t.test('R1: a cut-off primary does not tell a client that its session is unknown', async t => {
  const { cluster } = started(['a'])
  const old = cluster.primary
  const stranger = new HandParty(cluster, 'stranger').dial(old.address)
  stranger.hears('welcome')
  for (const other of [cluster.viewServer, cluster.backup]) cluster.network.cutOff(old, other)
  stranger.say(resumeOf('f'.repeat(32), 1, 1, []))
  cluster.run(2_000)
  t.notOk(stranger.heard.some(([kind]) => kind === 'unknown-session'))
  const other = new HandParty(cluster, 'other').dial(cluster.primary.address)
  other.hears('welcome')
  other.say(resumeOf('f'.repeat(32), 1, 1, []))
  t.ok(other.hears('unknown-session'))
})

t.test(
  'R1: a re-sent request is answered when the backup has its operation, not from the table at once',
  async t => {
    const { cluster, clients } = started(['a'])
    const { primary, backup } = cluster
    cluster.network.block(backup, primary)
    const outcome = clients.a.acquire('x')
    cluster.run(20)
    cluster.network.cut(clients.a, primary)
    cluster.run(200)
    t.notOk(outcome.done, 'the re-sent request waits as the first did')
    cluster.network.heal(backup, primary)
    clients.a.wait(outcome)
    t.equal(primary.core.state?.table.locks.get('x')?.holders.length, 1, 'and was applied once')
  },
)

t.test('R2: a primary of an older view learns the newer one from its backup, and steps down', async t => {
  const { cluster, clients } = started(['a'])
  const old = cluster.primary
  const oldId = old.id
  cluster.network.cutOff(old, cluster.viewServer)
  cluster.until(() => cluster.view?.primary.id !== oldId, 'a promotion')
  cluster.until(() => old.stepDowns === 1, 'the old primary stepping down')
  t.not(old.id, oldId, 'V5: it is a new server now')
  t.ok(truth(clients.a.wait(clients.a.acquire('x'))))
  cluster.network.heal(old, cluster.viewServer)
  cluster.run(1_000)
  t.equal(old.core.role, 'idle')
})

t.test('R2: a new connection between primary and backup is no gap', async t => {
  const { cluster, clients } = started(['a'])
  const { primary, backup } = cluster
  const view = cluster.view?.number
  for (let i = 0; i < 20; i++) {
    const outcome = clients.a.acquire(`x${i}`)
    cluster.run(0.15)
    cluster.network.cut(primary, backup)
    clients.a.wait(outcome)
  }
  cluster.run(1_000)
  t.equal(cluster.view?.number, view, 'no view was changed for it')
  t.equal(backup.core.state?.table.locks.size, 20)
  t.equal(backup.core.state?.digest, primary.core.state?.digest)
})

t.test('R2: under a view that names it again the primary goes on and answers what waited', async t => {
  const { cluster, clients } = started(['a'], { servers: 2 })
  const { primary, backup } = cluster
  backup.freeze()
  const outcome = clients.a.acquire('x')
  cluster.run(100)
  t.notOk(outcome.done)
  clients.a.wait(outcome)
  t.match(cluster.viewText, /^\(S\d,-\)#3$/)
  t.equal(primary.stepDowns, 0)
})

t.test(
  'R4: a copy whose digest differs is dropped, nothing is answered before, and the service goes on',
  async t => {
    const { cluster, clients } = started(['a'])
    const bad = cluster.backup
    const badId = bad.id
    const state = bad.core.state
    if (state !== null) state.digest ^= 1
    const outcome = clients.a.acquire('x')
    clients.a.wait(outcome)
    t.not(cluster.view?.backup?.id, badId, 'answered only after the view without it')
    t.ok(cluster.primary.notes.includes('the digest of the backup differs'), 'an operator sees it')
    cluster.healed()
    t.not(bad.id, badId, 'V5: it came back as a new server')
  },
)

t.test(
  'R4: while digests differ and no view comes, one line tells the operator, and nothing is answered',
  async t => {
    const { cluster, clients } = started(['a'])
    const { primary } = cluster
    const state = cluster.backup.core.state
    if (state !== null) state.digest ^= 1
    cluster.viewServer.freeze()
    const outcome = clients.a.acquire('x')
    cluster.run(2_000)
    t.notOk(outcome.done)
    t.equal(primary.notes.filter(note => note === 'the backup is unreachable').length, 1)
    cluster.viewServer.thaw()
    clients.a.wait(outcome)
    cluster.healed()
  },
)

t.test(
  'V7: a server that accepts a probe and never answers is tried again, and is back once it answers',
  async t => {
    const server = (name: string) => ({ id: name, address: `ws://${name}` })
    const view = (number: number, backup: string): View => ({
      group: 0,
      number,
      primary: server('p'),
      backup: server(backup),
      durability: 'memory',
      start: null,
    })
    const situation = {
      now: { monotonic: 0, wall: 0 },
      view: view(2, 'mute'),
      cluster: null,
      longestTtlMs: 0,
      ttlMaxMs: 600_000,
      viewServerConnected: true,
      group: 0,
      others: new Map(),
      map: null,
    }
    const peers: Peers = new Map()
    const out = new ServerOutbox(situation, peers)
    const link = new BackupLink(out, situation, 'p', 3, { connected: () => true, disconnected() {} })
    const tick = (times: number) => {
      for (let i = 0; i < times; i++) link.tick()
      return out.take()
    }
    tick(3)
    t.same(link.unreachable, ['ws://mute'], 'a backup that is silent is unreachable')
    situation.view = view(3, 'other')
    link.enter()
    out.take()
    const [first] = tick(1).filter(effect => effect.do === 'dial' && effect.address === 'ws://mute')
    t.match(first, { from: { kind: 'probe' } })
    const { connection } = first as { connection: number }
    const told = tick(3).filter(effect => 'connection' in effect && effect.connection === connection)
    t.match(told, [{ do: 'close', connection }], 'it is given up after the ping limit')
    const again = tick(1).find(effect => effect.do === 'dial' && effect.address === 'ws://mute')
    t.ok(again, 'and tried anew')
    t.notOk(peers.has(connection))
    link.probeAnswered((again as { connection: number }).connection)
    t.notOk(link.unreachable.includes('ws://mute'))
  },
)

t.test('R4: a server that finds its own state broken ends itself', async t => {
  const { cluster, clients } = started(['a'])
  t.ok(truth(clients.a.wait(clients.a.acquire('x'))))
  const bad = cluster.backup
  const x = bad.core.state?.table.locks.get('x')
  x?.free(x.holders[0] as Hold)
  const state = bad.core.state
  if (state !== null) state.digest ^= 1
  t.ok(truth(clients.a.wait(clients.a.acquire('y'))))
  t.equal(bad.exit?.status, 1)
  cluster.healed()
})

t.test('R5: a primary that steps down closes its clients and drops what waited', async t => {
  const { cluster, clients } = started(['a'])
  const old = cluster.primary
  for (const other of [cluster.viewServer, cluster.backup]) cluster.network.cutOff(old, other)
  const outcome = clients.a.acquire('x')
  clients.a.wait(outcome)
  t.equal(cluster.primary.core.state?.table.locks.get('x')?.holders.length, 1)
  cluster.network.heal(old, cluster.viewServer)
  cluster.until(() => old.stepDowns === 1, 'stepping down')
  t.equal(old.core.state, null)
})
