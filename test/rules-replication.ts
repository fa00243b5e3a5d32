// Replication and leases by rule (R1 to R5, V4, V5, S1 to S5), told on the in-memory cluster.

import t from 'tap'
import { BackupLink } from '../lockserver/backup-link.ts'
import type { Hold } from '../lockserver/lock.ts'
import { Outbox } from '../lockserver/outbox.ts'
import { restLeaseMs } from '../wire/limits.ts'
import type { Message, View } from '../wire/messages.ts'
import { type ClientParty, Cluster, HandParty, tokenOf, truth } from './fixtures/cluster.ts'
import { textOf } from './fixtures/state-story.ts'

/** A cluster with an acked view, and clients that have opened their sessions. */
function started<N extends string>(names: N[], options: { servers?: number; ttlMs?: number } = {}) {
  const cluster = new Cluster(options.servers === undefined ? {} : { servers: options.servers })
  cluster.ready(options.servers !== 1)
  const clients = Object.fromEntries(
    names.map(name => [
      name,
      cluster.client(name, options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
    ]),
  ) as Record<N, ClientParty>
  cluster.until(
    () => (Object.values(clients) as ClientParty[]).every(client => client.core.opened),
    'sessions',
  )
  return { cluster, clients }
}

const has = (messages: readonly Message[], kind: string) => messages.some(message => message[0] === kind)

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
    // Who holds something renews each quarter of the ttl (S4).
    for (const [client, name] of [
      [clients.a, 'x'],
      [clients.b, 'y'],
    ] as const)
      client.wait(client.acquire(name))
    const old = cluster.primary
    const oldBackup = cluster.backup
    for (const other of [cluster.viewServer, oldBackup]) cluster.network.cutOff(old, other)
    // These clients see the old primary only.
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
  stranger.say(['resume', 'f'.repeat(32), 1, 1, []])
  cluster.run(2_000)
  t.notOk(stranger.heard.some(([kind]) => kind === 'unknown-session'))
  const other = new HandParty(cluster, 'other').dial(cluster.primary.address)
  other.hears('welcome')
  other.say(['resume', 'f'.repeat(32), 1, 1, []])
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

t.test('R2: a primary of an older view is told the newer one by its backup, and steps down', async t => {
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

t.test('R2: under a view that names itself the primary goes on and answers what waited', async t => {
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

t.test('R3: operations go on while a backup joins, and the copy is the same at the end', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const { a } = clients
  const held = Array.from({ length: 3_000 }, (_, i) => a.acquire(`held/${i}`))
  cluster.until(() => held.every(outcome => outcome.done), 'all of them')
  const second = cluster.addServer('S2')
  cluster.network.delayMs = (from, to) => (from === second || to === second ? 3 : 0.1)
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  let during = 0
  while (!cluster.viewServer.acked) {
    // The last locks are streamed last: what is done to them comes before they are.
    const last = held.pop() as (typeof held)[0]
    t.ok(truth(a.wait(a.release(last))))
    a.wait(a.acquire(`during/${during++ % 5}`, { manner: 'steal' }))
  }
  t.ok(during > 10, `${during} calls were answered while the copy was on its way`)
  cluster.run(500)
  const [mine, copy] = [cluster.primary.core.state, second.core.state]
  if (mine === null || copy === null) return t.fail('a state is missing')
  t.equal(textOf(copy), textOf(mine))
  t.equal(cluster.problem(), undefined)
})

t.test('R3: how much is copied only grows, until all is, while a large copy is on its way', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const held = Array.from({ length: 9_000 }, (_, i) => clients.a.acquire(`held/${i}`))
  cluster.until(() => held.every(outcome => outcome.done), 'all of them')
  cluster.network.delayMs = () => 3
  const second = cluster.addServer('S2')
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  const parts: number[] = []
  cluster.until(() => {
    const part = cluster.primary.core.vitals.copiedPart
    if (part !== parts.at(-1)) parts.push(part)
    return cluster.viewServer.acked
  }, 'in sync')
  t.ok(parts.length > 4, parts.join(', '))
  t.same(
    parts,
    parts.toSorted((a, b) => a - b),
  )
  t.equal(parts.at(-1), 100)
})

t.test('R3: while a joining backup is gone nothing waits for it, though the view server is away', async t => {
  const { cluster, clients } = started(['a', 'b'], { servers: 1 })
  const { a, b } = clients
  for (let i = 0; i < 4_000; i++) a.acquire(`held/${i}`)
  cluster.run(200)
  const second = cluster.addServer('S2')
  cluster.network.onFrame = (from, _to, messages) =>
    from === second && has(messages, 'received') ? 'hold' : 'pass'
  cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
  cluster.run(20)
  cluster.viewServer.kill()
  second.kill()
  cluster.run(20)
  const outcomes = Array.from({ length: 9_000 }, (_, i) => b.acquire(`more/${i}`))
  cluster.until(() => outcomes.every(outcome => outcome.done), 'all answers')
  t.ok(outcomes.every(truth))
})

t.test('R3: a copy that is cut before it is whole starts afresh, under the same id', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const { a } = clients
  for (let i = 0; i < 6_000; i++) a.acquire(`held/${i}`)
  const second = cluster.addServer('S2')
  const { id } = second
  let chunks = 0
  cluster.network.onFrame = (from, to, messages) => {
    if (to === second && from === cluster.primary && has(messages, 'chunk'))
      return ++chunks % 2 === 0 && chunks < 9 ? 'cut' : 'pass'
    return 'pass'
  }
  cluster.healed()
  t.ok(chunks > 4, 'it was cut several times')
  t.equal(second.id, id)
  cluster.run(300)
  t.equal(second.core.state?.digest, cluster.primary.core.state?.digest)
})

t.test(
  'R3: a joining backup that stops receiving slows operations down, never reads and renewals',
  async t => {
    const { cluster, clients } = started(['a', 'b', 'c'], { servers: 1 })
    const { a, b, c } = clients
    for (let i = 0; i < 4_000; i++) a.acquire(`held/${i}`)
    cluster.run(200)
    const second = cluster.addServer('S2')
    // Nothing that the second says reaches the primary: chunks stop after the first few.
    cluster.network.onFrame = (from, _to, messages) =>
      from === second && has(messages, 'received') ? 'hold' : 'pass'
    cluster.until(() => cluster.view?.backup?.id === second.id, 'a backup')
    cluster.run(20)
    const more = [b, c].flatMap(client =>
      Array.from({ length: 4_000 }, (_, i) => client.acquire(`${client.name}/${i}`)),
    )
    cluster.run(20)
    t.ok(
      more.some(outcome => outcome.done),
      'some operations go on',
    )
    t.notOk(
      more.every(outcome => outcome.done),
      'not all of them',
    )
    t.equal(a.wait(a.query('nothing'), 10).result?.verb, 'query', 'a read is answered at once')
    cluster.network.onFrame = null
    cluster.network.letGo()
    cluster.until(() => more.every(outcome => outcome.done), 'all operations')
    cluster.healed()
  },
)

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
  'R4: while digests differ and no view comes, an operator is told once, and nothing is answered',
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
  'V7: who accepts a probe and never says a word is tried again, and is back once it speaks',
  async t => {
    const server = (name: string) => ({ id: name, address: `ws://${name}` })
    const view = (number: number, backup: string): View => ({
      number,
      primary: server('p'),
      backup: server(backup),
      start: null,
    })
    const situation = {
      now: { monotonic: 0, wall: 0 },
      view: view(2, 'mute'),
      cluster: null,
      longestTtlMs: 0,
      viewServerConnected: true,
    }
    const out = new Outbox(situation)
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
    t.notOk(link.owns(connection))
    link.hears((again as { connection: number }).connection, ['welcome', {}])
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

t.test('V4: the view is not acked when the backup was told, but when it is known to know', async t => {
  const cluster = new Cluster({ servers: 2 })
  let told = 0
  cluster.network.onFrame = (_from, _to, messages) => {
    if (!has(messages, 'in-sync')) return 'pass'
    told++
    return 'hold'
  }
  cluster.until(() => told > 0, 'the telling')
  cluster.run(300)
  t.notOk(cluster.viewServer.acked)
  cluster.network.onFrame = null
  cluster.network.letGo()
  cluster.ready()
})

t.test('V4: a view is acked though calls never pause, so that something is always in flight', async t => {
  const { cluster, clients } = started(['a'], { servers: 1 })
  const { network } = cluster
  const outcomes = [clients.a.tryAcquire('x0')]
  const callsMax = 10_000
  // A hop takes 0.1 ms.
  const again = () => {
    outcomes.push(clients.a.tryAcquire(`x${outcomes.length}`))
    const joined = cluster.viewServer.acked && cluster.view?.backup !== null
    if (!joined && outcomes.length < callsMax) network.after(0.03, again)
  }
  again()
  cluster.addServer('S2')
  cluster.ready()
  t.ok(outcomes.length < callsMax, `${outcomes.length}`)
  for (const outcome of outcomes) clients.a.wait(outcome)
  t.ok(outcomes.every(truth))
})

t.test('V5: a backup that is named again in a later view begins with it not in sync', async t => {
  const cluster = new Cluster({ servers: 2 })
  cluster.ready()
  const { backup, primary } = cluster
  const later = { ...(cluster.view as View), number: 9 }
  const from = { kind: 'primary' as const, id: primary.id, to: backup.id, view: later }
  const said = backup.core.step(
    { is: 'accepted', connection: 999, cluster: null, from },
    cluster.network.now(),
  )
  const welcome = said.find(
    effect => effect.do === 'send' && effect.connection === 999 && effect.message[0] === 'welcome',
  )
  t.match(welcome, { message: ['welcome', { whole: 0, sequence: 0 }] })
  const asked = backup.core.step({ is: 'tick' }, cluster.network.now())
  t.match(
    asked.find(effect => effect.do === 'send' && effect.message[0] === 'ping'),
    { message: ['ping', { inSync: false }] },
  )
})

t.test(
  'V4: the ping of a backup that was told so counts as the ack when the primary dies before its own',
  async () => {
    const cluster = new Cluster({ servers: 2 })
    cluster.until(() => cluster.view?.number === 2, 'view 2')
    const [first, second] = [cluster.primary, cluster.backup]
    cluster.network.onFrame = (from, _to, messages) =>
      from === first && has(messages, 'ping') ? 'hold' : 'pass'
    cluster.until(() => cluster.viewServer.acked, "the ack, which can only be the backup's", 300)
    first.kill()
    cluster.until(() => second.core.role === 'primary', 'its promotion')
  },
)

t.test(
  'V5: a server that restarts within a ping interval is a new one, and is copied to before it counts',
  async t => {
    const { cluster, clients } = started(['a'], { servers: 2 })
    clients.a.wait(clients.a.acquire('x'))
    const name = cluster.backup.name
    const oldId = cluster.backup.id
    const reborn = cluster.backup.restart()
    cluster.healed()
    t.not(reborn.id, oldId)
    cluster.primary.kill()
    cluster.until(() => cluster.view?.primary.id === reborn.id, 'its promotion')
    t.equal(reborn.name, name)
    clients.a.wait(clients.a.query())
    t.ok(reborn.core.state?.table.locks.has('x'))
  },
)

t.test('V5: a primary that restarts at once is never primary again without a state', async t => {
  const { cluster, clients } = started(['a'])
  const held = clients.a.wait(clients.a.acquire('x'))
  const reborn = cluster.primary.restart()
  t.ok(truth(clients.a.wait(clients.a.release(held))))
  t.not(cluster.view?.primary.id, reborn.id)
  cluster.healed()
})

t.test(
  'S1: a request that was applied before its answer was lost is answered as at first, once applied',
  async t => {
    const { cluster, clients } = started(['a', 'b'])
    const { a, b } = clients
    const { primary } = cluster
    let killed = false
    cluster.network.onFrame = (from, to, messages) => {
      if (from !== primary || to !== a || !has(messages, 'granted')) return 'pass'
      killed = true
      return 'hold'
    }
    const outcome = a.acquire('x')
    cluster.until(() => killed, 'the answer')
    primary.kill()
    const other = b.wait(b.tryAcquire('x'))
    a.wait(outcome)
    t.notOk(truth(other), 'b sees it held')
    t.ok(truth(outcome))
    t.equal(cluster.primary.core.state?.table.locks.get('x')?.holders.length, 1)
  },
)

t.test('S2: a resume that was overtaken by a newer one replaces nothing', async t => {
  const { cluster, clients } = started(['a'])
  const { a } = clients
  const { primary } = cluster
  a.wait(a.acquire('held'))
  // The first resume is held back in a proxy; the client gives that connection up and resumes anew.
  let held = 0
  cluster.network.onFrame = (from, to, messages) =>
    from === a && to === primary && has(messages, 'resume') && held++ === 0 ? 'hold' : 'pass'
  cluster.network.cut(a, primary)
  cluster.until(() => held > 0, 'a resume')
  cluster.network.onFrame = null
  const outcome = a.acquire('x')
  a.wait(outcome, 20_000)
  cluster.network.letGo()
  cluster.run(1_000)
  t.ok(truth(a.wait(a.release(outcome))))
})

t.test('S3, F11: a dead client is believed for its ttl, and its lock goes to the next waiter', async t => {
  const { cluster, clients } = started(['a', 'b'], { ttlMs: 2_000 })
  const { a, b } = clients
  a.wait(a.acquire('x'))
  const waiting = b.acquire('x')
  cluster.run(700)
  const died = cluster.network.time
  a.kill()
  cluster.run(1_400)
  t.notOk(waiting.done, 'not before the lease is over')
  b.wait(waiting)
  t.ok(waiting.at - died <= 2_000 + 150, `free ${Math.round(waiting.at - died)} ms after its death`)
})

t.test(
  'S3: a promoted backup goes on from the renewals that it noted, with the grace and no more',
  async t => {
    const { cluster, clients } = started(['a', 'b'], { ttlMs: 3_000 })
    const { a, b } = clients
    a.wait(a.acquire('x'))
    const waiting = b.acquire('x')
    cluster.run(5_000)
    const died = cluster.network.time
    a.kill()
    cluster.run(2_500)
    cluster.primary.kill()
    const failedOver = cluster.network.time
    b.wait(waiting)
    t.ok(waiting.at - failedOver >= 990, `the grace was given: ${Math.round(waiting.at - failedOver)} ms`)
    t.ok(waiting.at - died <= 3_000 + 1_000 + 200, `free ${Math.round(waiting.at - died)} ms after its death`)
  },
)

t.test('S3: the backup has heard of every renewal: a promotion takes nothing away from a lease', async t => {
  const { cluster, clients } = started(['a', 'b'], { ttlMs: 8_000 })
  const { a, b } = clients
  a.wait(a.acquire('x'))
  const waiting = b.acquire('x')
  cluster.run(9_000)
  const died = cluster.network.time
  a.kill()
  cluster.primary.kill()
  b.wait(waiting, 20_000)
  t.ok(
    waiting.at - died >= 5_900,
    `believed for ${Math.round(waiting.at - died)} ms: three quarters of the ttl at least`,
  )
  t.ok(waiting.at - died <= 8_200)
})

t.test(
  'S3: what remains of a lease goes into a snapshot: a dead client is not believed for ever',
  async t => {
    const { cluster, clients } = started(['a', 'b'], { servers: 1, ttlMs: 4_000 })
    const { a, b } = clients
    a.wait(a.acquire('x'))
    const waiting = b.acquire('x')
    cluster.run(500)
    const died = cluster.network.time
    a.kill()
    cluster.addServer('S2')
    cluster.healed()
    cluster.primary.kill()
    b.wait(waiting, 20_000)
    const after = waiting.at - died
    t.ok(after >= 2_900 && after <= 4_300, `free ${Math.round(after)} ms after its death`)
  },
)

t.test('S3: holders live through failovers that come one after the other', async t => {
  const { cluster, clients } = started(['a'], { ttlMs: 1_500 })
  const { a } = clients
  const held = a.wait(a.acquire('x'))
  for (let i = 0; i < 6; i++) {
    const dead = cluster.primary
    dead.kill()
    cluster.run(700)
    dead.restart()
    cluster.healed()
  }
  t.strictSame(a.lost, [])
  t.ok(truth(a.wait(a.release(held))))
})

t.test('S4: a holder that hears nothing gives up before the server may grant again', async t => {
  for (const ttlMs of [1_500, 2_000, 5_000]) {
    const { cluster, clients } = started(['a', 'b'], { ttlMs })
    const { a, b } = clients
    a.wait(a.acquire('x'))
    const waiting = b.acquire('x')
    cluster.run(ttlMs * 1.7)
    for (const server of [...cluster.servers, cluster.viewServer]) cluster.network.cutOff(a, server)
    b.wait(waiting, ttlMs * 3)
    t.equal(a.lost[0]?.reason, 'EXPIRED')
    t.ok(
      (a.lost[0]?.at ?? Infinity) < waiting.at,
      `ttl ${ttlMs}: ${Math.round(waiting.at - (a.lost[0]?.at ?? 0))} ms between`,
    )
  }
})

t.test(
  'S4: who rests renews rarely, keeps its session through a failover, and believes in a lock in time',
  async t => {
    const { cluster, clients } = started(['a', 'b'], { ttlMs: 2_000 })
    const { a, b } = clients
    a.wait(a.release(a.wait(a.acquire('x'))))
    const { sessionId } = a.core
    let renewals = 0
    cluster.network.onFrame = (from, _to, messages) => {
      if (from === a && has(messages, 'renew')) renewals++
      return 'pass'
    }
    cluster.run(15_000)
    t.ok(renewals >= 2 && renewals <= 3, `${renewals} renewals in 15 s`)
    cluster.primary.kill()
    cluster.healed()
    cluster.run(15_000)
    t.ok(truth(a.wait(a.acquire('x'))))
    t.equal(a.core.sessionId, sessionId)
    const waiting = b.acquire('x')
    const cutAt = cluster.network.time
    for (const other of [cluster.viewServer, ...cluster.servers]) cluster.network.cutOff(a, other)
    cluster.until(() => a.core.over, 'its end at the client', 3_000)
    t.notOk(waiting.done, 'the client stops first')
    b.wait(waiting)
    t.ok(waiting.at - cutAt <= 2_000 + 150, 'and it is held up for no longer than a ttl')
  },
)

t.test('S4: the dead are forgotten after their ttl, but after the longer lease if they rested', async t => {
  const { cluster, clients } = started(['holds', 'waits', 'rests', 'lives'], { ttlMs: 2_000 })
  const { holds, waits, rests } = clients
  holds.wait(holds.acquire('x'))
  waits.acquire('x')
  cluster.run(50)
  for (const client of [holds, waits, rests]) client.kill()
  const there = () => [...(cluster.primary.core.state?.sessions.values() ?? [])].map(({ name }) => name)
  cluster.run(2_150)
  t.same(there(), ['rests', 'lives'])
  cluster.run(restLeaseMs(2_000) - 2_150 - 600)
  t.same(there(), ['rests', 'lives'])
  cluster.run(750)
  t.same(there(), ['lives'])
})

t.test('S4: a session that its client has given up is ended when the network is back', async t => {
  const { cluster, clients } = started(['a', 'b'], { ttlMs: 5_000 })
  const { a, b } = clients
  a.wait(a.acquire('x'))
  for (const server of [...cluster.servers, cluster.viewServer]) cluster.network.cutOff(a, server)
  cluster.until(() => a.core.over, 'giving up', 10_000)
  for (const server of [...cluster.servers, cluster.viewServer]) cluster.network.heal(a, server)
  const again = a.wait(a.acquire('y'))
  t.ok(truth(again), 'the next call opens a new session')
  t.ok(truth(b.wait(b.acquire('x'))))
})

t.test('S5: a steal is told to a victim that was away, after a failover too', async t => {
  const { cluster, clients } = started(['a', 'b'])
  const { a, b } = clients
  const held = a.wait(a.acquire('x'))
  for (const server of [...cluster.servers, cluster.viewServer]) cluster.network.cutOff(a, server)
  const stolen = b.wait(b.acquire('x', { manner: 'steal' }))
  t.ok(tokenOf(stolen) > tokenOf(held))
  cluster.primary.kill()
  cluster.until(() => cluster.view?.number === 3, 'a promotion')
  for (const server of [...cluster.servers, cluster.viewServer]) cluster.network.heal(a, server)
  cluster.until(() => a.lost.length > 0, 'the loss')
  t.match(a.lost, [{ token: tokenOf(held), reason: 'STOLEN' }])
  const sessions = () => [...(cluster.primary.core.state?.sessions.values() ?? [])]
  cluster.until(() => sessions().every(({ losses }) => losses.size === 0), 'its acknowledgement', 30_000)
})

t.test('S1: replies are acknowledged one by one; a long wait keeps none of the others', async t => {
  const { cluster, clients } = started(['a', 'b'])
  const { a, b } = clients
  b.wait(b.acquire('x'))
  a.acquire('x')
  for (let i = 0; i < 200; i++) a.wait(a.release(a.wait(a.acquire('y'))))
  cluster.run(200)
  const session = [...(cluster.primary.core.state?.sessions.values() ?? [])].find(one => one.name === 'a')
  t.equal(session?.replies.size, 0)
  t.equal(session?.waiting.size, 1)
})

t.test('S1: a resume acknowledges what it does not name, so that cuts leave nothing behind', async t => {
  const { cluster, clients } = started(['a'])
  const { a } = clients
  for (let i = 0; i < 30; i++) {
    a.wait(a.acquire(`x${i}`))
    cluster.network.cut(a, cluster.primary)
  }
  cluster.run(500)
  const [session] = cluster.primary.core.state?.sessions.values() ?? []
  t.equal(session?.replies.size, 0)
  t.equal(session?.holds.size, 30)
})

t.test('S1: a late resume acknowledges nothing that came after it', async t => {
  const { cluster } = started(['a'])
  const id = 'e'.repeat(32)
  const hand = new HandParty(cluster, 'hand').dial(cluster.primary.address)
  hand.hears('welcome')
  hand.say(
    ['open', id, 1, 10_000, 'hand'],
    ['acquire', 1, ['x'], 'exclusive', 'wait'],
    ['acquire', 2, ['y'], 'exclusive', 'wait'],
  )
  cluster.until(() => hand.heard.filter(([kind]) => kind === 'granted').length === 2, 'both grants')
  cluster.primary.kill()
  cluster.until(() => cluster.view?.number === 3, 'a promotion')
  cluster.run(5)
  // Sent when only request 1 was known, and overtaken by the failover.
  const late = new HandParty(cluster, 'late').dial(cluster.primary.address)
  late.hears('welcome')
  late.say(['resume', id, 2, 2, []])
  late.hears('resumed')
  const newest = new HandParty(cluster, 'newest').dial(cluster.primary.address)
  newest.hears('welcome')
  newest.say(['resume', id, 3, 3, [2, 2]], ['acquire', 2, ['y'], 'exclusive', 'wait'])
  t.match(newest.hears('granted'), ['granted', 2, [Number]])
})

t.test(
  'F14: an open with a longer ttl is answered once the view record covers it; with the view server away it gets a shorter one',
  async t => {
    const { cluster } = started(['a'])
    cluster.viewServer.saveMs = 400
    const long = cluster.client('long', { ttlMs: 60_000 })
    cluster.until(() => long.core.opened, 'the session')
    t.equal(cluster.viewServer.record?.longestTtlMs, 60_000, 'the record came first')
    cluster.viewServer.kill()
    cluster.run(300)
    const longer = cluster.client('longer', { ttlMs: 120_000, seeds: [cluster.primary.address] })
    cluster.until(() => longer.core.opened, 'the session')
    const session = [...(cluster.primary.core.state?.sessions.values() ?? [])].find(
      ({ name }) => name === 'longer',
    )
    t.equal(session?.ttlMs, 60_000)
  },
)

t.test(
  'F13: a frame full of queries is answered one a turn; others are served meanwhile, and so are pings',
  async t => {
    const { cluster, clients } = started(['a'])
    for (let i = 0; i < 500; i++) clients.a.acquire(`held/${i}`)
    cluster.run(50)
    const hand = new HandParty(cluster, 'hand').dial(cluster.primary.address)
    hand.hears('welcome')
    hand.say(...Array.from({ length: 300 }, (_, n): Message => ['query', n, '', true]))
    const outcome = clients.a.wait(clients.a.acquire('x'), 10)
    t.ok(truth(outcome))
    t.ok(hand.heard.filter(([kind]) => kind === 'locks').length < 900, 'before all queries are answered')
    cluster.until(() => hand.heard.filter(([kind]) => kind === 'locks').length === 900, 'all answers')
  },
)

t.test('leaving: while nobody can relieve the primary, no lease runs out for it', async t => {
  const { cluster, clients } = started(['a'], { ttlMs: 2_000 })
  const { a } = clients
  const held = a.wait(a.acquire('x'))
  cluster.viewServer.kill()
  cluster.run(200)
  cluster.primary.leave()
  cluster.run(8_000)
  t.strictSame(a.lost, [])
  cluster.viewServer.restart()
  cluster.until(() => cluster.view?.number === 3, 'the hand-over')
  t.ok(truth(a.wait(a.release(held))))
})
