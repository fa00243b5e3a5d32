// A fire time runs once (C5), through `holdfast/cron`: for node-cron's coordinator, and for any scheduler. Clocks of the machines
// are the moments at which they ask; npm run test:matrix has the real node-cron with skewed clocks.

import t from 'tap'
import { type Coordinator, cronCoordinator, runOnceAt } from '../client/cron.ts'
import { connect, type LockClient } from '../client/index.ts'
import { startCluster, type TestCluster } from '../testing/index.ts'

type Two = [Coordinator, Coordinator]

interface Test {
  teardown(act: () => void | Promise<void>): void
}

async function machines(t: Test, count: number): Promise<{ cluster: TestCluster; all: LockClient[] }> {
  const cluster = await startCluster()
  const all = await Promise.all(
    Array.from({ length: count }, (_, i) => connect(cluster.url, { name: `m${i}` })),
  )
  t.teardown(async () => {
    await Promise.all(all.map(locks => locks.close()))
    await cluster.close()
  })
  return { cluster, all }
}

const hour = 3_600_000
const planned = new Date('2026-11-30T03:00:00Z')
const next = new Date(planned.getTime() + hour)
const key = (job: string, at = planned) => `${job}:${at.toISOString()}`

t.test('C5: however late a machine asks, and in whatever order, each fire time runs once', async t => {
  const { cluster, all } = await machines(t, 3)
  const ran: string[] = []
  const ask = (locks: LockClient, at: Date) =>
    runOnceAt(locks, 'report', at, {}, () => void ran.push(at.toISOString()))
  const [ahead, right, behind] = all as [LockClient, LockClient, LockClient]
  // The one whose clock is an hour ahead is at the next time already, when the others are at this one.
  t.ok((await ask(ahead, planned)).ran)
  t.same(
    (await Promise.all([ask(ahead, next), ask(right, planned)])).map(({ ran }) => ran),
    [true, false],
  )
  await cluster.killPrimary()
  const late = await Promise.all([ask(right, next), ask(behind, planned)])
  t.same(
    late.map(outcome => (outcome.ran ? null : outcome.before.clientName)),
    ['m0', 'm0'],
  )
  t.same(
    (await Promise.all(all.map(locks => ask(locks, next)))).map(({ ran }) => ran),
    [false, false, false],
  )
  t.same(ran, [planned.toISOString(), next.toISOString()])
})

t.test('what a coordinator can not use is refused when it is made, not at the first fire time', async t => {
  const { all } = await machines(t, 1)
  const [locks] = all as [LockClient]
  const made = (options: object) => () => cronCoordinator(locks, options)
  t.throws(() => cronCoordinator({} as LockClient), { name: 'TypeError', message: /takes the client/ })
  for (const [options, message] of [
    [{ keeep: 5 }, /no option "keeep"; did you mean keep/],
    [{ keep: -1 }, /keep must be a whole number of ms from 0/],
    [{ keep: '5' }, /keep must be a whole number/],
    [{ timeout: Number.NaN }, /timeout must be a number/],
    [{ overlap: 'no' }, /overlap must be true or false/],
    [{ holdAtMost: 0 }, /holdAtMost must be/],
    [{ note: 'x'.repeat(257) }, /note /],
    [{ prefix: 5 }, /prefix must be a string, not 5/],
    [{ prefix: '\ud800' }, /lone surrogates/],
  ] as const)
    t.throws(made(options), { name: 'TypeError', message })
  t.doesNotThrow(made({ prefix: '', keep: 0, overlap: false, timeout: Number.POSITIVE_INFINITY }))
})

t.test('a coordinator lets one process run each time, until it says that it is complete', async t => {
  const { all } = await machines(t, 3)
  const coordinators = all.map(locks => cronCoordinator(locks))
  const asked = (at: Date) => Promise.all(coordinators.map(each => each.shouldRun(key('a:b', at), 30_000)))
  const first = await asked(planned)
  t.equal(first.filter(Boolean).length, 1)
  t.equal((await asked(next)).filter(Boolean).length, 1, 'also while the one before runs')
  t.same(await asked(planned), [false, false, false])
  const runner = coordinators[first.indexOf(true)]
  const lock = runner?.lockOf('a:b', planned)
  t.match(lock, { name: 'cron/a:b', held: true })
  t.equal(runner?.lockOf('a:b', new Date(0)), undefined)
  for (const each of coordinators) await each.onComplete(key('a:b'))
  t.notOk(lock?.held)
  t.equal(runner?.lockOf('a:b', planned), undefined)
  t.same(await asked(planned), [false, false, false], 'and it is kept')
})

t.test(
  'without overlap a time waits for the one before, and is skipped when that takes too long',
  async t => {
    const { all } = await machines(t, 2)
    const [a, b] = all.map(locks =>
      cronCoordinator(locks, {
        overlap: false,
        timeout: 100,
        keep: 60_000,
        holdAtMost: 60_000,
        prefix: 'x/',
        note: 'n',
      }),
    ) as Two
    t.equal(await a.shouldRun(key('job'), 1), true)
    await t.rejects(b.shouldRun(key('job', next), 1), {
      code: 'TIMEOUT',
      holder: { clientName: 'm0', note: 'n' },
    })
    await a.onComplete(key('job'))
    t.equal(await b.shouldRun(key('job', next), 1), true)
    await b.onComplete(key('job', next))
  },
)

t.test('a run whose lock is lost says so at its end; no other machine runs it', async t => {
  const { all } = await machines(t, 2)
  const [a, b] = all.map(locks => cronCoordinator(locks)) as Two
  await a.shouldRun(key('job'), 1)
  await all[1]?.forceRelease('cron/job')
  await t.rejects(a.onComplete(key('job')), { code: 'FORCED' })
  t.equal(await b.shouldRun(key('job'), 1), false)
})

t.test('what was planned for no time is refused, since it cannot be known whether it ran', async t => {
  const { all } = await machines(t, 1)
  const [locks] = all as [LockClient]
  const coordinator = cronCoordinator(locks)
  for (const bad of [
    'job',
    'job:',
    ':2026-11-30T03:00:00.000Z',
    'job:soon',
    'job:2026-11-30',
    'job:2026-13-30T03:00:00.000Z',
  ])
    await t.rejects(coordinator.shouldRun(bad, 1), TypeError, bad)
  await t.rejects(coordinator.shouldRun('job', 1), /the key "job" names no job with a fire time, such as/)
  const at = (given: unknown) => runOnceAt(locks, 'job', given as Date, {}, () => 1)
  for (const bad of [undefined, 1_764_471_600, '2026-11-30T03:00:00Z', new Date(Number.NaN)])
    await t.rejects(at(bad), /the fire time of "job" must be a Date, the one that was planned/)
  await t.rejects(
    at(new Date(1_764_471_600_123)),
    /of whole seconds: 2025-11-30T03:00:00.123Z is what some clock shows/,
  )
  t.throws(
    () => cronCoordinator(locks, { ttl: 1 } as object),
    /has no option "ttl": the ttl is the client.s: .*; it has prefix, overlap/,
  )
})

t.test('an early year and one of six digits have their key, too', async t => {
  const { all } = await machines(t, 1)
  const coordinator = cronCoordinator(all[0] as LockClient)
  for (const at of [new Date(-62_198_755_200_000), new Date(253_402_300_800_000)])
    t.equal(await coordinator.shouldRun(key('job', at), 1), true)
})
