// S1 to S5 on the simulated cluster: sessions, leases and losses through failovers and cut connections.

import t from 'tap'
import { restLeaseMs } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { Cluster, HandParty, tokenOf, truth } from './fixtures/cluster.ts'
import { openOf, resumeOf } from './fixtures/said.ts'
import { has, started } from './fixtures/started-cluster.ts'

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
  // A proxy holds back the first resume; the client gives that connection up and resumes again.
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
  'S4: a client that rests renews rarely, keeps its session through a failover, and believes in a lock in time',
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

t.test('S4: dead clients are forgotten after their ttl, or the longer lease if they rested', async t => {
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

t.test('S5: a victim that was away learns of the steal, after a failover too', async t => {
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
    openOf(id, 1, 10_000, 'hand'),
    ['acquire', 1, ['x'], 'exclusive', 'wait', null],
    ['acquire', 2, ['y'], 'exclusive', 'wait', null],
  )
  cluster.until(() => hand.heard.filter(([kind]) => kind === 'granted').length === 2, 'both grants')
  cluster.primary.kill()
  cluster.until(() => cluster.view?.number === 3, 'a promotion')
  cluster.run(5)
  // The client sent it when it knew only request 1, and the failover overtook it.
  const late = new HandParty(cluster, 'late').dial(cluster.primary.address)
  late.hears('welcome')
  late.say(resumeOf(id, 2, 2, []))
  late.hears('resumed')
  const newest = new HandParty(cluster, 'newest').dial(cluster.primary.address)
  newest.hears('welcome')
  newest.say(resumeOf(id, 3, 3, [2, 2]), ['acquire', 2, ['y'], 'exclusive', 'wait', null])
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
  'E6: a ttl that is longer than the cluster grants is refused at once with the bounds, and never cut',
  async t => {
    const cluster = new Cluster({ ttlMaxMs: 20_000 })
    cluster.run(2_000)
    const longest = cluster.client('longest', { ttlMs: 20_000 })
    cluster.until(() => longest.core.opened, 'the session')
    t.equal([...(cluster.primary.core.state?.sessions.values() ?? [])][0]?.ttlMs, 20_000)
    const long = cluster.client('long', { ttlMs: 20_001 })
    const refused = long.acquire('x')
    cluster.run(200)
    t.match(refused, { done: true, failed: 'TTL_OUT_OF_RANGE', definite: true })
    const hand = new HandParty(cluster, 'hand').dial(cluster.primary.address)
    hand.hears('welcome')
    hand.say(openOf('e'.repeat(32), 1, 60_000, ''))
    const text = 'the ttl is 60000 ms; this cluster takes 1500 to 20000 ms'
    t.match(hand.hears('open-refused'), ['open-refused', 'e'.repeat(32), 'TTL_OUT_OF_RANGE', text])
    t.equal(cluster.primary.core.state?.sessions.size, 1)
  },
)

t.test(
  'F13: a frame full of queries is answered one a turn; other clients and pings are served in the meantime',
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

t.test('leaving: while no server can relieve the primary, no lease runs out for it', async t => {
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
