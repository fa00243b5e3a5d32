// The promises F1 to F14 of docs/PROMISES.md as stories on the in-memory cluster. (The same
// with real processes: npm run test:failover. F12 and F13 have their own files.)

import t from 'tap'
import { Cluster, HandParty, type Outcome, type SessionParty, tokenOf, truth } from './fixtures/cluster.ts'
import { random } from './fixtures/random.ts'

function started(
  count: number,
  options: { servers?: number; ttlMs?: number } = {},
): [Cluster, SessionParty[]] {
  const cluster = new Cluster(options.servers === undefined ? {} : { servers: options.servers })
  cluster.ready(options.servers !== 1)
  const clients = Array.from({ length: count }, (_, i) =>
    cluster.client(`c${i}`, options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
  )
  cluster.until(() => clients.every(client => client.core.opened), 'sessions')
  return [cluster, clients]
}

t.test(
  'F1: the primary is killed: holders keep their locks, waiters their places, the next grant comes within milliseconds',
  async t => {
    const [cluster, clients] = started(6)
    const [holder, ...others] = clients as [SessionParty, ...SessionParty[]]
    const held = holder.wait(holder.acquire('x'))
    const waiting = others.map(client => {
      const outcome = client.acquire('x')
      cluster.run(1)
      return outcome
    })
    const died = cluster.network.time
    cluster.primary.kill()
    const released = holder.release(held)
    let [previous, at] = [tokenOf(held), 0]
    for (const [i, outcome] of waiting.entries()) {
      const client = others[i] as SessionParty
      client.wait(outcome)
      if (i === 0) at = outcome.at - died
      t.ok(tokenOf(outcome) > previous, `waiter ${i} in its turn`)
      t.notOk(waiting[i + 1]?.done, 'and nobody else')
      previous = tokenOf(outcome)
      client.release(outcome)
    }
    t.ok(truth(released))
    t.ok(at < 15, `the next grant came after ${at.toFixed(1)} ms of simulated time`)
  },
)

t.test(
  'F1: killed at any moment, no acknowledged operation is lost and no lock is granted twice',
  async t => {
    for (let seed = 1; seed <= 40; seed++) {
      const dice = random(seed)
      const [cluster, clients] = started(3)
      const outcomes: { client: SessionParty; outcome: Outcome }[] = []
      for (let i = 0; i < 12; i++) {
        const client = dice.pick(clients)
        outcomes.push({
          client,
          outcome: client.acquire(`x${dice.below(4)}`, { manner: dice.chance(0.5) ? 'ifAvailable' : 'wait' }),
        })
        if (i === 7) cluster.network.after(dice.next() * 1.5, () => cluster.primary.kill())
        cluster.run(dice.next() * 0.5)
      }
      cluster.healed()
      cluster.run(200)
      const tokens = outcomes.flatMap(({ outcome }) =>
        outcome.result?.verb === 'acquire' && outcome.result.tokens !== null ? [tokenOf(outcome)] : [],
      )
      const holds = [...(cluster.primary.core.state?.table.locks.values() ?? [])].flatMap(lock =>
        lock.holders.map(hold => hold.token),
      )
      if (new Set(tokens).size !== tokens.length) t.fail(`seed ${seed}: a token twice`)
      if (!tokens.every(token => holds.includes(token))) t.fail(`seed ${seed}: an acknowledged grant is lost`)
      if (holds.length !== tokens.length) t.fail(`seed ${seed}: a grant that nobody was told of`)
      if (cluster.problem() !== undefined) t.fail(`seed ${seed}: ${cluster.problem()}`)
    }
    t.pass('40 seeds')
  },
)

t.test(
  'F2: the backup is killed: the primary continues at once, and an idle server gets a copy in the meantime',
  async t => {
    const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
    const died = cluster.network.time
    cluster.backup.kill()
    const outcome = a.wait(a.acquire('x'))
    t.ok(outcome.at - died < 15, `answered ${(outcome.at - died).toFixed(1)} ms after the death`)
    cluster.healed()
    t.match(cluster.viewText, /^\(S1,S3\)#3$/, 'one view for it (V7)')
  },
)

t.test('F3: killed after executing, before replying: the retry gets the original answer', async t => {
  const [cluster, [a, b]] = started(2) as [Cluster, [SessionParty, SessionParty]]
  const held = a.wait(a.acquire('x'))
  const { primary } = cluster
  let caught = false
  cluster.network.onFrame = (from, to, messages) => {
    if (from !== primary || to !== a || !messages.some(([kind]) => kind === 'released')) return 'pass'
    caught = true
    return 'hold'
  }
  const released = a.release(held)
  cluster.until(() => caught, 'the answer on its way')
  primary.kill()
  const taken = b.wait(b.acquire('x'))
  a.wait(released)
  t.ok(truth(released), 'as at first: it was held')
  cluster.run(500)
  t.ok(truth(b.wait(b.release(taken))), "and the other's lock was not freed by it")
})

t.test(
  'F4: a server that restarts comes back empty, as a new server, and gets a copy before it counts',
  async t => {
    const [cluster, [a]] = started(1, { servers: 2 }) as [Cluster, [SessionParty]]
    a.wait(a.acquire('x'))
    for (let i = 0; i < 4; i++) {
      const which = i % 2 === 0 ? cluster.backup : cluster.primary
      const { id } = which
      t.not(which.restart().id, id)
      cluster.healed()
      cluster.run(300)
      t.ok(cluster.primary.core.state?.table.locks.has('x'))
      t.ok(cluster.backup.core.state?.table.locks.has('x'))
    }
  },
)

t.test('F5: repeated kills, each after the last has healed: the service goes on', async t => {
  const [cluster, clients] = started(3)
  const dice = random(5)
  let last = 0
  for (let i = 0; i < 30; i++) {
    const victim = dice.chance(0.6) ? cluster.primary : cluster.backup
    victim.kill()
    const client = dice.pick(clients)
    const outcome = client.wait(client.acquire('x'))
    if (tokenOf(outcome) <= last) t.fail('L2: tokens grow')
    last = tokenOf(outcome)
    client.release(outcome)
    victim.restart()
    cluster.healed()
  }
  t.equal(cluster.view?.number, 32)
  t.strictSame(
    clients.flatMap(client => client.lost),
    [],
  )
})

t.test(
  'F6: a primary that is cut off from the view server answers nothing once the backup is promoted',
  async t => {
    const [cluster, [a, b]] = started(2) as [Cluster, [SessionParty, SessionParty]]
    a.wait(a.acquire('x'))
    const old = cluster.primary
    cluster.network.cutOff(old, cluster.viewServer)
    // b reaches only the old primary.
    for (const other of [cluster.viewServer, ...cluster.servers.filter(server => server !== old)])
      cluster.network.cutOff(b, other)
    cluster.until(() => cluster.view?.number === 3, 'a promotion')
    const before = cluster.network.time
    const stale = b.acquire('y')
    const query = b.query()
    const fresh = a.wait(a.acquire('y'))
    cluster.run(2_000)
    t.ok(truth(fresh))
    t.notOk(stale.done, 'no stale grant')
    t.notOk(query.done, 'no stale read')
    t.ok(cluster.network.time > before)
  },
)

t.test(
  'F7: primary and backup are cut off from each other: one view change, no hang, no flapping',
  async t => {
    for (const servers of [2, 3]) {
      const [cluster, [a]] = started(1, { servers }) as [Cluster, [SessionParty]]
      const cutAt = cluster.network.time
      cluster.network.cutOff(cluster.primary, cluster.backup)
      const outcome = a.wait(a.acquire('x'))
      t.ok(outcome.at - cutAt < 1_000, `answered after ${Math.round(outcome.at - cutAt)} ms`)
      cluster.run(5_000)
      t.equal(cluster.view?.number, 3, `with ${servers} servers: ${cluster.viewText}`)
    }
  },
)

t.test(
  'F8: a primary is frozen and thawed after a new one took over: it answers no client and rejoins as a new idle server',
  async t => {
    const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
    const old = cluster.primary
    const { id } = old
    const frozenAt = cluster.network.time
    old.freeze()
    const outcome = a.wait(a.acquire('x'))
    t.ok(outcome.at - frozenAt < 1_000, `the next grant came after ${Math.round(outcome.at - frozenAt)} ms`)
    let said = 0
    cluster.network.onFrame = (from, to, messages) => {
      if (
        from === old &&
        to.kind === 'client' &&
        messages.some(([kind]) => kind !== 'view' && kind !== 'error' && kind !== 'welcome')
      )
        said++
      return 'pass'
    }
    old.thaw()
    cluster.run(1_000)
    t.equal(said, 0)
    t.not(old.id, id)
    t.equal(old.core.role, 'idle')
    t.strictSame(a.lost, [])
  },
)

t.test(
  'F9: locks go on being granted while the view server is dead, and it continues from its disk',
  async t => {
    const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
    const before = cluster.viewText
    cluster.viewServer.kill()
    for (let i = 0; i < 20; i++) {
      t.ok(truth(a.wait(a.acquire(`x${i}`))))
      cluster.run(500)
    }
    cluster.viewServer.restart()
    cluster.run(2_000)
    t.equal(cluster.viewText, before, 'no view change when all are alive')
    cluster.primary.kill()
    t.ok(truth(a.wait(a.acquire('y'))), 'and it does its work again')
  },
)

t.test('F9: the view server freezes: it suspects no server for its own freeze', async t => {
  const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
  const before = cluster.viewText
  for (const ms of [150, 700, 3_000, 10_000]) {
    cluster.viewServer.freeze()
    cluster.run(ms)
    t.ok(truth(a.wait(a.acquire(`x${ms}`))))
    cluster.viewServer.thaw()
    cluster.run(1_500)
  }
  t.equal(cluster.viewText, before)
})

t.test('F9: a primary that dies while the view server is away is replaced when that is back', async t => {
  const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
  cluster.viewServer.kill()
  cluster.run(300)
  cluster.primary.kill()
  const outcome = a.acquire('x')
  cluster.run(1_000)
  t.notOk(outcome.done, 'a second death while it is away stops the service')
  cluster.viewServer.restart()
  t.ok(truth(a.wait(outcome)))
})

t.test('F10: connections cut at any moment: every call is done once and in order', async t => {
  for (let seed = 1; seed <= 25; seed++) {
    const dice = random(seed)
    const [cluster, clients] = started(2)
    cluster.network.delayMs = () => 0.05 + dice.next() * dice.next() * 4
    const grants: number[] = []
    for (let i = 0; i < 60; i++) {
      const client = dice.pick(clients)
      const outcome = client.acquire(`x${i}`)
      if (dice.chance(0.5))
        cluster.network.after(dice.next() * 6, () => cluster.network.cut(client, cluster.primary))
      if (dice.chance(0.1))
        cluster.network.after(dice.next() * 6, () => cluster.network.cut(cluster.backup, cluster.primary))
      client.wait(outcome, 20_000)
      grants.push(tokenOf(outcome))
    }
    if (grants.some((token, i) => i > 0 && token <= (grants[i - 1] as number)))
      t.fail(`seed ${seed}: out of order`)
    if (cluster.primary.core.state?.table.locks.size !== 60)
      t.fail(`seed ${seed}: ${cluster.primary.core.state?.table.locks.size} of 60`)
  }
  t.pass('25 seeds')
})

t.test(
  'F14: the last holder of the state dies: the service says so and halts; it never invents a state',
  async t => {
    const [cluster, [a]] = started(1, { servers: 1 }) as [Cluster, [SessionParty]]
    a.wait(a.acquire('x'))
    cluster.primary.restart()
    cluster.addServer('S2')
    const outcome = a.acquire('y')
    cluster.run(5_000)
    t.notOk(outcome.done)
    t.equal(cluster.view?.number, 1)
  },
)

t.test('F14: the primary of view 1 dies before its ack: the service halts', async t => {
  const cluster = new Cluster({ servers: 1 })
  cluster.network.onFrame = (from, _to, messages) =>
    from.kind === 'lockserver' &&
    messages.some(([kind, ping]) => kind === 'ping' && (ping as { acked: boolean }).acked)
      ? 'hold'
      : 'pass'
  cluster.until(() => cluster.view?.number === 1, 'view 1')
  cluster.run(50)
  cluster.server('S1').restart()
  cluster.addServer('S2')
  cluster.run(5_000)
  t.equal(cluster.view?.number, 1)
  t.notOk(cluster.viewServer.acked)
})

function reset(cluster: Cluster, force = false): HandParty {
  return new HandParty(cluster, 'operator')
    .dial(cluster.viewServer.address)
    .say(['reset', 1, 0, cluster.view?.number ?? 0, force])
}

t.test(
  'F14: reset starts an empty state that grants nothing until every lease has run out, with larger tokens',
  async t => {
    const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
    const held = a.wait(a.acquire('x'))
    cluster.run(500)
    for (const server of [cluster.primary, cluster.backup]) server.kill()
    cluster.run(1_000)
    const at = cluster.network.time
    reset(cluster).hears('reset-done')
    cluster.addServer('S4')
    const b = cluster.client('b')
    const waiting = b.acquire('x')
    const other = b.tryAcquire('y')
    b.wait(other)
    t.notOk(truth(other), 'nothing is available during the pause')
    cluster.healed()
    cluster.run(3_000)
    // The pause is replicated: it goes on under the next primary.
    cluster.primary.kill()
    b.wait(waiting, 20_000)
    t.ok(waiting.at - at >= 10_000, `granted ${Math.round(waiting.at - at)} ms after the reset`)
    t.ok(waiting.at - at < 12_000)
    t.equal(a.lost[0]?.reason === undefined, false, 'the old holder knows')
    t.ok((a.lost[0]?.at ?? Infinity) < waiting.at, 'and knew before')
    t.ok(tokenOf(waiting) >= tokenOf(held) + 2 ** 31, 'the tokens are larger than all before')
  },
)

t.test('F14: reset waits for the longest ttl that was ever granted', async t => {
  const [cluster, [a]] = started(1, { ttlMs: 60_000 }) as [Cluster, [SessionParty]]
  a.wait(a.acquire('x'))
  cluster.run(500)
  for (const server of [cluster.primary, cluster.backup]) server.kill()
  cluster.run(1_000)
  const at = cluster.network.time
  reset(cluster).hears('reset-done')
  const b = cluster.client('b')
  const waiting = b.acquire('x')
  b.wait(waiting, 100_000)
  t.ok(waiting.at - at >= 60_000)
})

t.test('F14: an unforced reset is refused while a server that holds the state may be alive', async t => {
  const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
  a.wait(a.acquire('x'))
  const view = cluster.view?.number
  t.match(reset(cluster).hears('reset-refused')[2], /force/, 'all are alive')
  for (const server of [cluster.primary, cluster.backup]) server.freeze()
  t.match(reset(cluster).hears('reset-refused', 10_000)[2], /force/, 'silence is no proof')
  t.equal(cluster.view?.number, view)
})

t.test('F14: a repeated reset does nothing', async t => {
  const [cluster] = started(0)
  for (const server of [cluster.primary, cluster.backup]) server.kill()
  cluster.run(1_000)
  const { number } = cluster.view as { number: number }
  reset(cluster).hears('reset-done')
  const again = new HandParty(cluster, 'again')
    .dial(cluster.viewServer.address)
    .say(['reset', 1, 0, number, false])
  again.hears('reset-done')
  t.equal(cluster.view?.number, number + 1)
})

t.test('leaving: SIGTERM of the primary under load hands over, and no call fails', async t => {
  const [cluster, clients] = started(3)
  const outcomes: Outcome[] = []
  for (let i = 0; i < 60; i++) {
    for (const client of clients) outcomes.push(client.acquire(`${client.name}/${i}`))
    if (i === 30) cluster.primary.leave()
    cluster.run(0.3)
  }
  cluster.until(() => outcomes.every(outcome => outcome.done), 'all answers')
  t.ok(outcomes.every(truth))
  t.strictSame(cluster.server('S1').exit, { status: 0, reason: 'left in order' })
  t.equal(cluster.view?.number, 3)
})

t.test('leaving: a backup and an idle server are gone at once, and never chosen', async t => {
  const [cluster, [a]] = started(1) as [Cluster, [SessionParty]]
  const idle = cluster.idle
  idle.leave()
  t.equal(idle.exit?.status, 0)
  const { backup } = cluster
  backup.leave()
  cluster.until(() => backup.exit !== null, 'the backup leaving', 1_000)
  t.equal(backup.exit?.status, 0)
  t.ok(truth(a.wait(a.acquire('x'))))
})

t.test('leaving: without a backup the primary serves on until one is in sync', async t => {
  const [cluster, [a]] = started(1, { servers: 1 }) as [Cluster, [SessionParty]]
  const only = cluster.primary
  only.leave()
  cluster.run(1_000)
  t.ok(truth(a.wait(a.acquire('x'))))
  t.equal(only.exit, null)
  cluster.addServer('S2')
  cluster.until(() => only.exit !== null, 'the hand-over', 3_000)
  t.equal(only.exit?.status, 0)
  t.ok(truth(a.wait(a.acquire('y'))))
})

t.test('leaving: when no backup comes in time the primary says so, and exits with 1', async t => {
  const [cluster] = started(0, { servers: 1 })
  const only = cluster.primary
  only.leave()
  cluster.run(10_500)
  t.match(only.exit, { status: 1, reason: /the state ends with this server/ })
})
