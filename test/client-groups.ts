// A client of several groups (G3, G4, G5), with the client that ships, on a simulated cluster: a session in each group
// whose locks it asks for, several names at once, lists and watches of all of them.

import t from 'tap'
import type { LockClient } from '../client/client.ts'
import { firstSession } from '../client/first-session.ts'
import { ClientGroups } from '../client/groups.ts'
import { checkConnect } from '../client/options.ts'
import { Reports } from '../client/reports.ts'
import { takeInOrder } from '../client/take-in-order.ts'
import { claimOf } from '../wire/claim.ts'
import { Groups, GroupsProgram } from './fixtures/groups-story.ts'

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    error => error.code ?? error.message,
  )

t.test('G3: a session is opened in a group when it is first needed there, and close ends all', async t => {
  const groups = new Groups()
  const locks = await groups.connect()
  t.same([groups.sessions(0), groups.sessions(1)], [1, 0])
  const lock = await groups.settled(locks.acquire(groups.name(1)))
  t.ok(lock.held)
  t.same([groups.sessions(0), groups.sessions(1)], [1, 1])
  t.same(
    locks.views.map(({ group }) => group),
    [0, 1],
  )
  const other = await groups.settled(locks.acquire(groups.name(0)))
  t.strictSame(locks.held(), [other, lock], 'group by group')
  await groups.settled(locks.close())
  await groups.pass(200)
  t.same([groups.sessions(0), groups.sessions(1)], [0, 0])
  t.notOk(lock.held)
})

t.test('G3: a loss in one group is a loss there alone, and says which locks', async t => {
  const groups = new Groups()
  const locks = await groups.connect(2_000)
  const [here, there] = [groups.name(0), groups.name(1)]
  const kept = await groups.settled(locks.acquire(here))
  const lost = await groups.settled(locks.acquire(there))
  const told: unknown[] = []
  locks.on('lost', event => told.push(event))
  const away = groups.cluster.servers.filter(({ core }) => core.view?.group === 1)
  groups.cluster.network.onFrame = (from, to) =>
    away.some(server => server === from || server === to) && ![from, to].includes(groups.cluster.viewServer)
      ? 'hold'
      : 'pass'
  await groups.pass(2_500)
  t.ok(kept.held)
  t.notOk(lost.held)
  t.same(told, [
    { group: 1, code: 'EXPIRED', locks: [{ name: there, mode: 'exclusive', token: lost.token }] },
  ])
})

t.test('G3: a token is given back in the group that granted it', async t => {
  const groups = new Groups()
  const locks = await groups.connect()
  const all = await groups.settled(Promise.all([0, 1].map(group => locks.acquire(groups.name(group)))))
  const [first, second] = all
  await groups.settled((second as typeof first)?.release() ?? Promise.resolve())
  await groups.pass(100)
  t.same([groups.held(0), groups.held(1)], [1, 0])
  t.equal(await groups.settled(locks.forceRelease(groups.name(0))), 1)
})

t.test(
  'G4: names of several groups are taken in the order of the groups, and given in that of the caller',
  async t => {
    const groups = new Groups(3)
    const locks = await groups.connect()
    const names = [2, 0, 1].map(group => groups.name(group))
    const taken = await groups.settled(locks.acquireAll(names))
    t.same(
      taken.map(({ name }) => name),
      names,
    )
    t.same(
      [0, 1, 2].map(group => groups.held(group)),
      [1, 1, 1],
    )
    await groups.settled(Promise.resolve(taken[Symbol.asyncDispose]()))
    await groups.pass(100)
    t.same(
      [0, 1, 2].map(group => groups.held(group)),
      [0, 0, 0],
    )
  },
)

t.test('G4: two clients with the same names in another order never wait for one another', async t => {
  const groups = new Groups()
  const [a, b] = [await groups.connect(), await groups.connect()]
  const [x, y] = [groups.name(0), groups.name(1)]
  for (let i = 0; i < 20; i++) {
    const run = async (locks: LockClient, names: string[]) => {
      const taken = await locks.acquireAll(names)
      await taken[Symbol.asyncDispose]()
    }
    await groups.settled(Promise.all([run(a, [x, y]), run(b, [y, x])]))
  }
  t.pass('each of them has had both, again and again')
})

t.test('G4: no part of an acquireAll ends before the time limit of the whole', async t => {
  let now = 7.5
  const limits: unknown[] = []
  const parts = [0, 1].map(number => ({ group: { number } as never, names: [`in group ${number}`] }))
  await takeInOrder(
    ['in group 0', 'in group 1'],
    { timeout: 300 },
    {
      partsOf: names => parts.filter(part => names.includes(part.names[0] as string)),
      take: async (part, { timeout }) => {
        limits.push(timeout)
        now += 0.3
        return [{ name: part.names[0], signal: new AbortController().signal } as never]
      },
      pause: async () => void t.fail('each slot is served'),
      monotonic: () => now,
    },
  )
  t.same(limits, [300, 300], 'whole ms, since timers cut the rest off')
})

t.test('G4: what was taken is given back when the rest is not had in time, or is given up', async t => {
  const groups = new Groups()
  const [a, b] = [await groups.connect(), await groups.connect()]
  const [x, y] = [groups.name(0), groups.name(1)]
  const held = await groups.settled(a.acquire(y))
  t.equal(await groups.settled(codeOf(b.acquireAll([y, x], { timeout: 300 }))), 'TIMEOUT')
  await groups.pass(100)
  t.same([groups.held(0), groups.held(1)], [0, 1])
  t.equal(
    await groups.settled(codeOf(b.acquireAll([y, x], { signal: AbortSignal.abort(new Error('late')) }))),
    'late',
  )
  t.same([groups.held(0), groups.held(1)], [0, 1], 'one that was given up before takes nothing')
  const controller = new AbortController()
  const given = codeOf(b.acquireAll([y, x], { signal: controller.signal }))
  await groups.pass(200)
  t.equal(groups.held(0), 1, 'it has the first')
  controller.abort(new Error('no more'))
  t.equal(await groups.settled(given), 'no more')
  await groups.pass(200)
  t.same([groups.held(0), groups.held(1)], [0, 1])
  await groups.settled(held.release())
})

t.test(
  'G4: when the session of an earlier group is lost meanwhile, the call fails, and keeps nothing',
  async t => {
    const groups = new Groups()
    const [a, b] = [await groups.connect(), await groups.connect(2_000)]
    const [x, y] = [groups.name(0), groups.name(1)]
    const held = await groups.settled(a.acquire(y))
    const asked = codeOf(b.acquireAll([x, y]))
    await groups.pass(300)
    const away = groups.cluster.servers.filter(({ core }) => core.view?.group === 0)
    groups.cluster.network.onFrame = (from, to) =>
      away.some(server => server === from || server === to) && ![from, to].includes(groups.cluster.viewServer)
        ? 'hold'
        : 'pass'
    t.equal(await groups.settled(asked), 'EXPIRED')
    await groups.settled(held.release())
    await groups.pass(300)
    t.equal(groups.held(1), 0)
  },
)

t.test('G5: a query asks all groups, and says which has not answered', async t => {
  const groups = new Groups()
  const locks = await groups.connect()
  for (const group of [0, 1]) await groups.settled(locks.acquire(groups.name(group)))
  const snapshot = await groups.settled(locks.query())
  t.same(snapshot.held.map(({ name }) => name).sort(), [groups.name(0), groups.name(1)].sort())
  t.notOk('missing' in snapshot)
  t.equal((await groups.settled(locks.clients())).clients.length, 2, 'a session in each')
  const near = await groups.settled(locks.query({ from: 'nearest' }))
  t.equal(near.held.length, 2)
  const away = groups.cluster.servers.filter(({ core }) => core.view?.group === 1)
  groups.cluster.network.onFrame = (from, to) =>
    away.some(server => server === from || server === to) ? 'hold' : 'pass'
  const part = await groups.settled(locks.query({ timeout: 500 }))
  t.same(
    part.held.map(({ name }) => name),
    [groups.name(0)],
  )
  t.same(part.missing, [1])
  t.same((await groups.settled(locks.clients({ timeout: 500 }))).missing, [1])
})

t.test('G5: a watch hears of all groups, and begins when all have begun', async t => {
  const groups = new Groups()
  const locks = await groups.connect()
  const watch = locks.watch()
  const next = async () => (await groups.settled(watch.next())).value
  t.match(await next(), { event: 'watching' })
  const names = [0, 1].map(group => groups.name(group))
  for (const name of names) {
    await groups.settled(locks.acquire(name))
    t.match(await next(), { event: 'granted', name })
  }
  groups.primary(1).kill()
  t.match(await next(), { event: 'watching' }, 'again, after a failover of one of them')
  await groups.settled(watch.return())
})

t.test('G6: while one group fails over, calls of another one wait for nothing', async t => {
  const groups = new Groups()
  const locks = await groups.connect()
  const [here, there] = [groups.name(0), groups.name(1)]
  for (const name of [here, there])
    await groups.settled((await groups.settled(locks.acquire(name))).release())
  groups.primary(1).kill()
  const waits = locks.acquire(there)
  for (let i = 0; i < 10; i++) {
    const before = groups.cluster.network.now().monotonic
    await groups.settled((await groups.settled(locks.acquire(here))).release())
    const took = groups.cluster.network.now().monotonic - before
    t.ok(took < 50, `${took} ms`)
  }
  t.ok((await groups.settled(waits)).held, 'and the other one goes on, too')
})

t.test('G2: a call that was asked of the wrong group is asked again, by the newest map', async t => {
  const made = new Groups()
  const { cluster } = made
  const program = new GroupsProgram(cluster, 'program')
  const checked = checkConnect(program, cluster.viewAddresses, {})
  const client = new ClientGroups(checked, program, new Reports(program, 'program'), { last: 1 })
  await made.settled(firstSession(client.first, program, checked, () => {}))
  const name = made.name(0)
  // Both groups the other way round, in a map that no server has.
  client.learnMap({
    number: 90,
    groups: 2,
    starts: [
      [0, 1],
      [2_048, 0],
    ],
    ...{ moves: [], floors: [], ended: [] },
  })
  const wrong = client.of(name)
  t.equal(wrong.number, 1)
  const claim = claimOf('exclusive', 'wait')
  const asked = wrong.ask(wrong.session(), { call: 1, verb: 'acquire', names: [name], claim }, [name], {})
  await made.pass(500)
  t.same([made.held(0), made.held(1)], [0, 0], 'it is refused, and asks again')
  client.learnMap({
    number: 91,
    groups: 2,
    starts: [
      [0, 0],
      [2_048, 1],
    ],
    ...{ moves: [], floors: [], ended: [] },
  })
  t.match(await made.settled(asked), { name })
  t.same([made.held(0), made.held(1)], [1, 0])
  await made.settled(client.close())
})
