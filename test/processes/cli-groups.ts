// A cluster of two groups as users have it: started, asked and watched with the command alone; and `holdfast/testing`
// with groups.

import { t } from 'tap'
import { connect } from '../../client/index.ts'
import { startCluster as startForTests } from '../../testing/index.ts'
import { firstMap, groupOf, slotOf, slotsMax } from '../../wire/slots.ts'
import { holdfast, startCluster } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'

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

t.test('G5: the command finds two clients that wait for one another through two groups', async t => {
  await using cluster = await startForTests({ groups: 2 })
  await using a = await connect(cluster.url, { name: 'a' })
  await using b = await connect(cluster.url, { name: 'b' })
  const [x, y] = [nameIn(0), nameIn(1)]
  await Promise.all([a.acquire(x), b.acquire(y)])
  for (const wait of [a.acquire(y), b.acquire(x)]) void wait.catch(() => {})
  await until('both wait', async () => (await a.query()).pending.length === 2)
  for (const [name, first] of [
    [x, 'a'],
    [y, 'b'],
  ] as const) {
    const { code, stdout } = await holdfast(t, ['why', name], { HOLDFAST_VIEW: cluster.url })
    t.equal(code, 0)
    t.match(stdout, /which itself waits for/)
    t.match(stdout, new RegExp(`deadlock, they wait for one another: ${first} holds "${name}" and waits for`))
  }
})

t.test('F14, G1: reset gives up the state of the group that is lost, and says which it is', async t => {
  await using cluster = await startForTests({ groups: 2, servers: 3 })
  const run = (...args: string[]) => holdfast(t, args, { HOLDFAST_VIEW: cluster.url })
  await using locks = await connect(cluster.url, { ttl: 1_000 })
  const kept = await locks.acquire(nameIn(0))
  const address = cluster.status().groups[1]?.view?.primary.address
  const backup = cluster.status().groups[1]?.view?.backup
  if (backup) await cluster.killBackup({ group: 1, force: true })
  t.equal(await cluster.killPrimary({ group: 1, force: true }), address)
  await until('group 1 is lost', () => cluster.status().halted !== null)
  t.match(await run('status'), {
    code: 1,
    stdout: /group 1: .*'holdfast reset --group 1' starts an empty one/,
  })
  t.match(await run('reset', '--yes'), { code: 2, stderr: /has 2 groups.*say which one.*--group 0 to 1/ })
  t.match(await run('reset', '--yes', '--group', '2'), { code: 2, stderr: /no group 2.*groups 0 to 1/ })
  await cluster.addServer()
  const done = await run('reset', '--yes', '--group', '1')
  t.match(done, {
    code: 0,
    stdout: /^view \d+ of group 1 begins with an empty state at .* all its earlier locks/,
  })
  t.ok(kept.held, "the other group's locks are as they were")
  t.equal(cluster.status().halted, null)
  await using anew = await locks.acquire(nameIn(1))
  t.ok(anew.held)
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

t.test('G8: holdfast groups --set, under a lock that is held, and back', async t => {
  const cluster = await startCluster(t, '--servers', '5')
  const second = nameIn(1)
  const holder = cluster.start('hold', second, '--json')
  await holder.json(() => true)
  t.match(await cluster.run('groups', '--set', '9'), { code: 1, stderr: /start 13 more/ })
  await cluster.run('groups', '--set', '2')
  const report = () => cluster.json('groups')
  await until('all has gone that can', async () => (await report()).groups[1]?.slots === slotsMax / 2 - 1)
  t.match(await report(), {
    ...{ wanted: 2, wait: null, groups: [{ slots: slotsMax / 2 + 1, toCome: -1 }, { toCome: 1 }] },
    ...{ moves: [{ from: 0, to: 1, slots: 1 }], inUse: [{ name: second, slot: slotOf(second) }] },
  })
  t.match(
    (await cluster.run('groups')).stdout,
    new RegExp(`slot ${slotOf(second)} waits until "${second}" is free`),
  )
  await holder.end('SIGTERM')
  await until('the last one has gone', async () => (await report()).moves.length === 0)
  await using locks = await connect(cluster.url)
  await using lock = await locks.acquire(second)
  t.ok(lock.held)
  await lock.release()
  await cluster.run('groups', '--set', '1')
  await until('there is one group again', async () => (await report()).groups.length === 1)
  t.match(await report(), { wanted: 1, moves: [], groups: [{ slots: slotsMax }] })
})

t.test('G8: a cluster for tests gets more groups, and fewer, while a program works', async t => {
  await using cluster = await startForTests()
  await using locks = await connect(cluster.url)
  const tokens: number[] = []
  for (const groups of [3, 1]) {
    await cluster.setGroups(groups)
    t.match(cluster.status(), { map: { groups, moves: [] }, groupsWanted: groups })
    for (const name of ['a', 'b', 'c', 'd']) {
      await using lock = await locks.acquire(name)
      tokens.push(lock.token)
    }
  }
  t.ok(
    [0, 1, 2, 3].every(i => (tokens[i + 4] ?? 0) > (tokens[i] ?? 0)),
    'tokens grow',
  )
  await t.rejects(cluster.setGroups(16), { name: 'TypeError', message: /groups.*1 to 15/ })
})
