// Claims as a program uses them, against a real cluster whose primary dies in the meantime: permits, times, notes,
// what runs once, and exactly this hold.

import { connect, FenceGuard, type Lock, type LockClient, LockError } from 'holdfast'
import { startCluster, type TestCluster } from 'holdfast/testing'
import t, { type Test } from 'tap'

interface World {
  readonly t: Test
  readonly cluster: TestCluster
  readonly a: LockClient
  readonly b: LockClient
}

function story(name: string, run: (world: World) => Promise<void>): void {
  t.test(name, async t => {
    await using cluster = await startCluster()
    await using a = await connect(cluster.url, { name: 'a' })
    await using b = await connect(cluster.url, { name: 'b' })
    await run({ t: t as Test, cluster, a, b })
  })
}

const codeOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => null,
    error => error,
  )
  return error instanceof LockError ? error.code : error
}

async function lost({ signal }: Lock): Promise<void> {
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
}

story('C1: three at a time, a large claim waits for its turn, and a failover changes nothing', async w => {
  const { t, cluster, a, b } = w
  const permits = { of: 3, take: 1 }
  const held = [await a.acquire('x', { permits }), await b.acquire('x', { permits: { of: 3 } })]
  t.same(
    held.map(({ mode, permits }) => [mode, permits]),
    [
      ['permits', permits],
      ['permits', permits],
    ],
  )
  t.equal(await a.tryAcquire('x', { permits: { of: 3, take: 2 } }), null)
  const large = b.acquire('x', { permits: { of: 3, take: 3 } })
  while ((await a.query()).pending.length === 0);
  await cluster.killPrimary()
  t.equal(await a.tryAcquire('x', { permits }), null, 'L3: it holds back smaller ones behind it')
  const { held: shown, pending } = await a.query()
  t.same(
    shown.map(({ terms }) => terms?.permits),
    [permits, permits],
  )
  t.same(
    pending.map(({ terms }) => terms?.permits),
    [{ of: 3, take: 3 }],
  )
  for (const lock of held) await lock.release()
  t.equal((await large).mode, 'permits')
})

story('C1: other permits, or none, are refused while the lock is in use', async ({ t, a, b }) => {
  const lock = await a.acquire('x', { permits: { of: 3 } })
  for (const options of [{ permits: { of: 4 } }, { mode: 'shared' as const }, {}]) {
    t.equal(await codeOf(b.acquire('x', options)), 'PERMITS_DIFFER')
    t.equal(await codeOf(b.tryAcquire('x', options)), 'PERMITS_DIFFER')
  }
  const error = await b.acquire('x').catch(error => error)
  t.match(error.message, /"x" is in use with permits of 3/)
  t.equal(error.definite, true)
  await lock.release()
  t.equal((await b.acquire('x', { permits: { of: 1 } })).mode, 'exclusive', 'one of one')
})

story('C1: of a request, and of several names', async ({ t, a, b }) => {
  const permits = { of: 2 }
  await using both = await a.acquireAll(['x', 'y'], { permits, note: 'both' })
  t.equal(both.length, 2)
  const seen = await b.request('x', { permits }, async lock => [lock.mode, (await a.query()).held.length])
  t.same(seen, ['permits', 3])
})

story('C2: a guard of three lets in no more than three, and needs to be told', async ({ t, a, b }) => {
  const permits = { of: 2 }
  const first = await a.acquire('x', { permits })
  const second = await b.acquire('x', { permits })
  t.throws(() => new FenceGuard().check(first), { name: 'TypeError', message: /permits: N/ })
  const guard = new FenceGuard({ permits: 2 })
  guard.check(second)
  guard.check(first)
  await a.forceRelease('x', { token: first.token })
  const third = await a.acquire('x', { permits })
  t.ok(guard.accepts(third))
  t.notOk(guard.accepts(first), 'the oldest has to go')
  t.ok(guard.accepts(second))
})

story('C4: a hold ends after its time, for its holder first', async ({ t, a, b }) => {
  const lock = await a.acquire('x', { holdAtMost: 300 })
  t.ok(lock.remainingMs <= 300)
  const next = b.acquire('x')
  await lost(lock)
  t.equal(lock.signal.reason.code, 'HELD_TOO_LONG')
  t.match(lock.signal.reason.message, /held for as long as holdAtMost allows/)
  t.notOk(lock.held)
  t.equal((await next).name, 'x')
  await lock.release()
})

story('C3: what must last at least some time is kept when it is given back', async ({ t, a, b }) => {
  await (await a.acquire('x', { holdAtLeast: 500, note: 'not so often' })).release()
  t.equal(await b.tryAcquire('x'), null)
  await t.rejects(b.acquire('x', { timeout: 20 }), {
    message:
      /within 20 ms: it is kept for no client, \d+ ms after its grant \(token \d+\), as its holdAtLeast asks$/,
  })
  const { held } = await b.query()
  t.match(held, [{ clientId: null, clientName: null, terms: { note: 'not so often' } }])
  t.ok((held[0]?.terms?.keptMs ?? 0) > 0)
  await (await b.acquire('x')).release()
  t.equal(await codeOf(a.acquire('x', { holdAtLeast: 86_400_001 })), 'AT_LEAST_OUT_OF_RANGE')
})

story('C5: one runs it; the others learn by whom, also afterwards, and after a failover', async w => {
  const { t, cluster, a, b } = w
  let runs = 0
  const job = async (lock: Lock) => {
    runs++
    await cluster.killPrimary()
    return lock.token
  }
  const outcomes = await Promise.all([a, b].map(client => client.once('nightly', 'monday', {}, job)))
  t.equal(runs, 1)
  const [first, other] = outcomes[0]?.ran ? outcomes : outcomes.toReversed()
  t.match(first, { ran: true })
  const token = first?.ran ? first.value : 0
  t.match(other, { ran: false, before: { token, endedAt: null } })
  const late = await b.once('nightly', 'monday', { keep: 60_000 }, job)
  if (late.ran) throw new Error('it ran twice')
  t.match(late.before, { token, clientName: /^[ab]$/ })
  t.ok((late.before.endedAt ?? 0) >= late.before.grantedAt)
  t.match(await b.once('nightly', 'tuesday', {}, () => 'another key'), { ran: true, value: 'another key' })
})

story('C5: a key that has run is forgotten when an operator says so, and one that runs is not', async w => {
  const { t, a, b } = w
  const running = await a.once('nightly', 'monday', {}, async () => await b.forgetOnce('nightly', 'monday'))
  t.match(running, { ran: true, value: { forgotten: false, before: { clientName: 'a', endedAt: null } } })
  t.match(await b.once('nightly', 'monday', {}, () => 'again'), { ran: false })
  t.match(await b.forgetOnce('nightly', 'monday'), { forgotten: true, before: { endedAt: Number } })
  t.match(await b.once('nightly', 'monday', {}, () => 'again'), { ran: true, value: 'again' })
  t.same(await b.forgetOnce('nightly', 'tuesday'), { forgotten: false, before: null })
})

story('C5: what throws frees its key, what returns keeps it for its time', async ({ t, a, b }) => {
  const failing = a.once('nightly', 'monday', {}, async () => {
    throw new Error('no disk')
  })
  await t.rejects(failing, { message: 'no disk' })
  t.match(await b.once('nightly', 'monday', { keep: 0 }, () => 'ran'), { ran: true })
  for (;;) if ((await b.once('nightly', 'monday', { keep: 0 }, () => 'again')).ran) break
})

story('C4, C5: what takes too long rejects at once; when it stops by throwing, its key is free', async w => {
  const { t, a, b } = w
  let stopped = false
  const slow = a.once('nightly', 'monday', { holdAtMost: 300 }, async lock => {
    await lost(lock)
    stopped = true
    lock.signal.throwIfAborted()
  })
  t.equal(await codeOf(slow), 'HELD_TOO_LONG')
  for (;;) if ((await b.once('nightly', 'monday', {}, () => 'ran')).ran) break
  t.ok(stopped)
})

story('C5: a lock that is taken away keeps its key', async ({ t, a, b }) => {
  const work = a.once('nightly', 'monday', {}, async lock => {
    await b.forceRelease('nightly', { token: lock.token })
    await lost(lock)
    lock.signal.throwIfAborted()
  })
  t.equal(await codeOf(work), 'FORCED')
  t.match(await b.once('nightly', 'monday', {}, () => {}), { ran: false, before: { clientName: 'a' } })
})

story('C6: a note is shown, changed and taken away', async ({ t, a, b }) => {
  const lock = await a.acquire('x', { note: 'begins' })
  const waits = b.acquire('x', { note: 'after a' })
  const note = async () => (await a.query()).held[0]?.terms?.note ?? null
  t.equal(await note(), 'begins')
  t.equal((await a.query()).pending[0]?.terms?.note, 'after a')
  await lock.setNote('half of it')
  t.equal(await note(), 'half of it')
  await lock.setNote(null)
  t.equal(await note(), null)
  await t.rejects(lock.setNote('x'.repeat(257)), { name: 'TypeError', message: /256 bytes/ })
  await lock.release()
  await lock.setNote('too late')
  t.equal((await waits).name, 'x')
  t.equal(await note(), 'after a')
  const plain = await a.acquire('y')
  await plain.setNote('a plain one, too')
  t.equal((await a.query({ prefix: 'y' })).held[0]?.terms?.note, 'a plain one, too')
})

story('C8: exactly this hold, or nothing', async ({ t, a, b }) => {
  const lock = await a.acquire('x')
  const other = lock.token + 1_000
  t.equal(await b.forceRelease('x', { token: other }), 0)
  const error = await b.acquire('x', { steal: { token: other } }).catch(error => error)
  t.match(error, { code: 'NOT_THIS_TOKEN', definite: true, locks: ['x'] })
  t.match(error.message, new RegExp(`token ${lock.token} holds it`))
  t.ok(lock.held)
  const thief = await b.acquire('x', { steal: { token: lock.token } })
  await lost(lock)
  t.equal(lock.signal.reason.code, 'STOLEN')
  t.equal(await a.request('x', { steal: { token: thief.token } }, ({ mode }) => mode), 'exclusive')
  const last = await b.acquire('x')
  t.equal(await a.forceRelease('x', { token: last.token }), 1)
})
