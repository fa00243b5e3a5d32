// What a cluster with simulated clocks does when a wall clock is set or a machine is suspended (S4): a lock is lost
// only if its lease can be over.

import t from 'tap'
import { Cluster } from './fixtures/cluster.ts'
import { type Clocks, sameClocks } from './fixtures/machine.ts'

const hourMs = 3_600_000
const ttlMs = 10_000
const steps = [5_000, 30_000, hourMs, -hourMs]

function started(clocks: Clocks = sameClocks) {
  const cluster = new Cluster({ servers: 3, clockOf: name => (name === 'a' ? clocks : sameClocks) })
  cluster.ready()
  return { cluster, a: cluster.client('a', { ttlMs }), b: cluster.client('b', { ttlMs }) }
}

type Started = ReturnType<typeof started>

function holding(clocks?: Clocks): Started {
  const all = started(clocks)
  const outcome = all.a.acquire('x')
  all.cluster.until(() => outcome.done, 'grant')
  return all
}

const free = ({ cluster }: Started, name: string) =>
  cluster.primary.core.state?.table.locks.get(name)?.holder === undefined

for (const step of steps) {
  const set = `a client whose wall clock is set by ${step / 1_000} s`

  t.test(`S4 ${set} keeps its lock`, async t => {
    const all = holding()
    for (const ms of [0, 1_000, 2_400, 2_499, 5_000]) {
      all.cluster.run(ms)
      all.a.setWall(step)
      t.notOk(all.a.core.overdue(all.a.now()))
    }
    all.cluster.run(3 * ttlMs)
    t.same(all.a.lost, [])
    t.notOk(free(all, 'x'))
  })

  t.test(`S4 ${set} while a renewal is on its way keeps its lock`, async t => {
    const all = holding()
    all.cluster.run(2_000)
    for (let ms = 0; ms < 1_000; ms += 0.5) {
      all.cluster.run(0.5)
      if (ms % 10 === 0) all.a.setWall(ms % 20 === 0 ? step : -step)
    }
    all.cluster.run(ttlMs)
    t.same(all.a.lost, [])
  })

  t.test(`S4 ${set} at rest is not lost to the servers`, async t => {
    const all = started()
    const before = all.a.core.sessionId
    all.cluster.run(15_000)
    all.a.setWall(step)
    all.cluster.run(1_000)
    const outcome = all.a.acquire('x')
    all.cluster.until(() => outcome.done, 'grant')
    t.equal(outcome.failed, undefined)
    t.equal(all.a.core.sessionId, before, 'in the same session')
  })

  t.test(`S4 ${set} while it waits gets its lock`, async t => {
    const all = started()
    const first = all.b.acquire('x')
    all.cluster.until(() => first.done, 'grant')
    const second = all.a.acquire('x')
    all.cluster.run(3_000)
    all.a.setWall(step)
    all.cluster.run(12_000)
    all.b.release(first)
    all.cluster.until(() => second.done, 'its turn')
    t.same(second.result, { verb: 'acquire', tokens: [all.cluster.primary.core.state?.table.lastToken] })
  })

  t.test(`S4 ${set} while it works loses nothing`, async t => {
    const all = holding()
    for (let i = 0; i < 200; i++) {
      if (i % 50 === 25) all.a.setWall(step)
      const outcome = all.a.acquire(`job ${i % 7}`)
      all.cluster.until(() => outcome.done, 'grant')
      t.equal(outcome.failed, undefined)
      all.a.release(outcome)
      all.cluster.run(97)
    }
    t.same(all.a.lost, [])
  })

  t.test(`S4 servers whose wall clocks are set by ${step / 1_000} s end no lease`, async t => {
    const all = holding()
    all.cluster.run(1_000)
    for (const machine of [all.cluster.viewServer, ...all.cluster.servers]) {
      machine.setWall(step)
      all.cluster.run(700)
    }
    all.cluster.run(3 * ttlMs)
    t.same(all.a.lost, [])
    t.equal(all.cluster.viewText, '(S1,S2)#2', 'nor a view')
  })

  t.test(
    `S4 a machine that is suspended, with its wall clock set by ${step / 1_000} s, loses its lock`,
    async t => {
      const all = holding()
      all.cluster.run(1_000)
      all.a.suspend()
      all.cluster.run(ttlMs)
      all.a.setWall(step)
      t.ok(all.a.core.overdue(all.a.now()), 'whoever looks sees it at once')
      all.a.thaw()
      all.cluster.run(ttlMs)
      t.match(all.a.lost, [{ reason: 'EXPIRED' }])
    },
  )
}

t.test('S4 a machine that is suspended for less than its lease keeps its lock', async t => {
  const all = holding()
  for (let i = 0; i < 5; i++) {
    all.cluster.run(2_000)
    all.a.suspend()
    all.cluster.run(6_000)
    all.a.thaw()
  }
  all.cluster.run(ttlMs)
  t.same(all.a.lost, [])
})

t.test('S4 a lock that was lost by a suspension has ended before another client has it', async t => {
  const all = holding()
  const waiting = all.b.acquire('x')
  all.cluster.run(1_000)
  all.a.suspend()
  all.cluster.until(() => waiting.done, 'its turn', 2 * ttlMs)
  t.ok(all.a.core.overdue(all.a.now()))
})

t.test(
  'S4 in a page a wall clock that jumps ahead ends the lease, for it may have been suspended',
  async t => {
    const all = holding({ ...sameClocks, wallAlone: true })
    all.a.setWall(5_000)
    all.cluster.run(3 * ttlMs)
    t.same(all.a.lost, [], 'not one that has time left')
    all.a.setWall(-hourMs)
    all.cluster.run(3 * ttlMs)
    t.same(all.a.lost, [], 'nor one that jumps back')
    all.a.setWall(30_000)
    t.ok(all.a.core.overdue(all.a.now()))
  },
)

t.test('S3 a primary that was suspended hears its clients before it ends their sessions', async t => {
  const all = holding()
  all.cluster.run(1_000)
  for (const machine of [all.cluster.viewServer, ...all.cluster.servers]) machine.suspend()
  all.cluster.run(8_000)
  for (const machine of [all.cluster.viewServer, ...all.cluster.servers]) machine.thaw()
  all.cluster.run(ttlMs)
  t.same(all.a.lost, [])
  t.notOk(free(all, 'x'))
})

t.test('V3 a view server that was suspended does not rely on what it heard before', async t => {
  const all = holding()
  const { viewServer, primary, backup } = all.cluster
  all.cluster.run(1_000)
  viewServer.suspend()
  all.cluster.run(hourMs / 60)
  backup.kill()
  primary.kill()
  all.cluster.run(1_000)
  viewServer.thaw()
  all.cluster.run(5_000)
  t.equal(all.cluster.view?.number, 2, 'the state is gone, and no other server is primary')
})
