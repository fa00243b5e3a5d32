// Handles: the contents of handles and their errors, how handles end, and that nothing of
// a client is left behind. Against a real cluster, or one simulated server where it must
// fall silent; stalls and signals in separate processes.

import { getEventListeners } from 'node:events'
import t from 'tap'
import {
  type CloseOnSignalsOptions,
  closeOnSignals,
  connect,
  type Lock,
  type LockClient,
  LockError,
} from '../client/index.ts'
import { FakeServer } from './fixtures/client-server.ts'
import { Program } from './fixtures/program.ts'
import { RealCluster, ttlMin } from './fixtures/real-cluster.ts'
import { aborted, failure } from './fixtures/settled.ts'

let cluster: RealCluster
let a: LockClient
let b: LockClient

t.before(async () => {
  cluster = await RealCluster.start(2)
  a = await connect(cluster.url, { name: 'billing-3', ttl: 30_000 })
  b = await connect(cluster.url, { name: 'b', ttl: 30_000 })
})
t.teardown(async () => {
  await a.close()
  await b.close()
  await cluster[Symbol.asyncDispose]()
})

async function waiters(name: string, count: number): Promise<void> {
  while ((await b.query({ prefix: name })).pending.length !== count);
}

// ---- errors name what a user needs

t.test('TIMEOUT names the lock, its holder, the time waited, and how many were before', async t => {
  const held = await a.acquire('orders/42')
  const first = b.acquire('orders/42')
  await waiters('orders/42', 1)
  const error = await failure(b.acquire('orders/42', { timeout: 20 }))
  t.ok(error instanceof LockError)
  t.match(error, { code: 'TIMEOUT', definite: true, locks: ['orders/42'] })
  t.ok((error.waitedMs ?? 0) >= 19, `${error.waitedMs} ms`)
  t.match(error.holder, {
    name: 'orders/42',
    mode: 'exclusive',
    token: held.token,
    clientId: a.clientId,
    clientName: 'billing-3',
    heldMs: Number,
    ahead: 1,
  })
  t.match(
    error.message,
    /^did not get lock "orders\/42" within 20 ms: "billing-3" has held it for \d+ ms \(token \d+\), and 1 waited before$/,
  )
  await held.release()
  await (await first).release()
})

t.test('TIMEOUT of several locks says which of them was not available', async t => {
  const held = await a.acquire('n/2')
  const error = await failure(b.acquireAll(['n/3', 'n/1', 'n/2'], { timeout: 20 }))
  t.match(error, { locks: ['n/3', 'n/1', 'n/2'], holder: { name: 'n/2', clientName: 'billing-3' } })
  t.match((await b.query({ prefix: 'n/' })).held, [{ name: 'n/2' }], 'nothing of it is held')
  await held.release()
})

t.test('TIMEOUT when no server answers comes soon, is indefinite, and names no holder', async t => {
  await using server = await FakeServer.start()
  await using locks = await connect(server.url)
  await locks.acquire('x')
  server.silent = true
  const error = await failure(locks.acquire('x', { timeout: 20 }))
  t.match(error, { code: 'TIMEOUT', definite: false, holder: undefined })
  t.ok((error.waitedMs ?? 0) < 5_000, `${error.waitedMs} ms`)
  server.silent = false
})

t.test('SESSION_LOST and CLOSED name the lock and how long the call waited', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url)
  await locks.acquire('x')
  const waits = failure(locks.acquire('x'))
  await locks.query()
  await locks.close()
  const error = await waits
  t.match(error, { code: 'CLOSED', locks: ['x'], waitedMs: Number })
  t.match(error.message, /^lock "x", after \d+ ms: the client was closed$/)
})

// ---- timeout and signal

t.test('timeout and signal compose: the first of the two counts', async t => {
  const held = await a.acquire('both')
  const { signal } = new AbortController()
  t.match(await failure(b.acquire('both', { timeout: 5, signal })), { code: 'TIMEOUT' })
  const controller = new AbortController()
  const waits = b.acquire('both', { timeout: 600_000, signal: controller.signal })
  await waiters('both', 1)
  controller.abort(new Error('enough'))
  t.match(await failure(waits), { message: 'enough' })
  await waiters('both', 0)
  await held.release()
})

t.test('a signal that is aborted while a timeout is being explained has the last word', async t => {
  await using server = await FakeServer.start()
  await using locks = await connect(server.url)
  await locks.acquire('x')
  server.silent = true
  const controller = new AbortController()
  const waits = failure(locks.acquire('x', { timeout: 1, signal: controller.signal }))
  while (server.requests.at(-1)?.[0] !== 'cancel') await new Promise(resolve => setImmediate(resolve))
  controller.abort(new Error('enough'))
  t.match(await waits, { message: 'enough' })
  server.silent = false
})

// ---- await using

t.test('await using: acquire, tryAcquire, acquireAll', async t => {
  const held = async () => (await b.query({ prefix: 'using' })).held.map(({ name }) => name)
  {
    await using one = await a.acquire('using/1')
    await using two = await a.tryAcquire('using/2')
    await using none = await b.tryAcquire('using/2')
    t.equal(none, null)
    await using all = await a.acquireAll(['using/4', 'using/3'])
    t.same(
      all.map(({ name }) => name),
      ['using/4', 'using/3'],
    )
    t.ok(one.held && two?.held)
    t.same(await held(), ['using/1', 'using/2', 'using/3', 'using/4'])
  }
  t.same(await held(), [])
})

// ---- why a lock was lost

t.test('lock.signal.reason: a code for each way to lose it', async t => {
  const codes: Record<string, (lock: Lock, locks: LockClient, server: FakeServer) => unknown> = {
    STOLEN: (_lock, locks) => locks.acquire('x', { steal: true }),
    FORCED: (_lock, locks) => locks.forceRelease('x'),
    CLOSED: (_lock, locks) => locks.close(),
    SESSION_LOST: (_lock, _locks, server) => {
      for (const connection of server.connections) connection.send(['unknown-session', server.sessionId])
    },
    EXPIRED: (_lock, _locks, server) => {
      server.silent = true
    },
  }
  for (const [code, lose] of Object.entries(codes)) {
    await using server = await FakeServer.start()
    await using locks = await connect(server.url, { ttl: code === 'EXPIRED' ? 300 : 60_000 })
    const lock = await locks.acquire('x')
    const { signal } = lock
    t.ok(lock.held && !signal.aborted)
    void lose(lock, locks, server)
    await aborted(signal)
    t.ok(signal.reason instanceof LockError)
    t.match(signal.reason, { code, definite: code === 'CLOSED' })
    if (code !== 'CLOSED') t.match(signal.reason, { message: /^lock "x" is lost: /, locks: ['x'] })
    t.notOk(lock.held)
    t.equal(lock.remainingMs, 0)
    await lock.release()
    await lock.release()
  }
})

t.test('release is done once, however often and from wherever it is called', async t => {
  const lock = await a.acquire('once')
  t.equal(lock.release(), lock.release(), 'the same promise')
  await Promise.all([lock.release(), lock[Symbol.asyncDispose]()])
  t.notOk(lock.signal.aborted)
  const again = await b.acquire('once')
  await lock.release()
  t.ok((await b.query({ prefix: 'once' })).held.length === 1, "it does not touch the next holder's")
  await again.release()
})

// ---- an outage

t.test('in an outage release, close, disposal and the end of a request settle by the deadline', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url, { ttl: 400 })
  const [one, two] = [await locks.acquire('one'), await locks.acquire('two')]
  let end = () => {}
  const request = failure(
    locks.request(
      'three',
      () =>
        new Promise<void>(resolve => {
          end = resolve
        }),
    ),
  )
  await locks.acquire('four')
  const waits = failure(locks.acquire('four'))
  await locks.query()
  server.silent = true
  const from = performance.now()
  end()
  const closed = locks.close()
  await Promise.all([one.release(), two[Symbol.asyncDispose](), closed, request, waits])
  const took = performance.now() - from
  t.comment(`settled after ${took.toFixed(0)} ms; ttl 400 ms`)
  t.ok(took < 5_000, 'and do not hang')
})

// ---- events

t.test('on takes once, a signal, and off', async t => {
  const heard: string[] = []
  const controller = new AbortController()
  await using locks = await connect(cluster.url)
  locks.on('lost', ({ locks: [lock] }) => void heard.push(`once ${lock?.name}`), { once: true })
  locks.on('lost', ({ locks: [lock] }) => void heard.push(`until ${lock?.name}`), {
    signal: controller.signal,
  })
  const listener = () => void heard.push('off')
  locks.on('lost', listener).off('lost', listener)
  locks.on('lost', listener, { signal: AbortSignal.abort() })
  const steal = async (name: string) => {
    const lock = await locks.acquire(name)
    const { signal } = lock
    await b.acquire(name, { steal: true }).then(thief => thief.release())
    await aborted(signal)
  }
  await steal('ev/1')
  await steal('ev/2')
  controller.abort()
  await steal('ev/3')
  t.same(heard, ['once ev/1', 'until ev/1', 'until ev/2'])
  const type = { name: 'TypeError' }
  t.throws(() => locks.on('lost', () => {}, { once: 1 } as object), type)
  t.throws(() => locks.on('lost', () => {}, { signal: 1 } as object), type)
  t.throws(() => locks.on('lost', () => {}, { when: 1 } as object), type)
})

// ---- close

t.test('close({ finishWithin }) lets holders finish, and grants nothing new', async t => {
  const locks = await connect(cluster.url)
  let end: (value: string) => void = () => {}
  const work = locks.request(
    'finish/1',
    () =>
      new Promise<string>(resolve => {
        end = resolve
      }),
  )
  const lock = await locks.acquire('finish/2')
  const waits = failure(locks.acquire('finish/2'))
  const closing = locks.close({ finishWithin: 600_000 })
  t.match(await waits, { code: 'CLOSED' })
  t.match(await failure(locks.acquire('finish/3')), { code: 'CLOSED', definite: true })
  t.ok(lock.held, 'held on')
  t.notOk(lock.signal.aborted)
  await lock.release()
  end('done')
  t.equal(await work, 'done')
  await closing
  t.match(await b.query({ prefix: 'finish' }), { held: [], pending: [] })
})

t.test('close({ finishWithin }) ends at its limit, or at a close() without one', async t => {
  for (const second of [false, true]) {
    const locks = await connect(cluster.url)
    const lock = await locks.acquire('limit')
    const closing = locks.close({ finishWithin: second ? 600_000 : 10 })
    if (second) await locks.close()
    await closing
    t.match(lock.signal.reason, { code: 'CLOSED' })
    t.same((await b.query({ prefix: 'limit' })).held, [])
  }
  await t.rejects(async () => await b.close({ finishWithin: -1 }), { name: 'TypeError' })
  const idle = await connect(cluster.url)
  await idle.close({ finishWithin: 600_000 })
})

t.test('a call that is over no longer listens to its signal', async t => {
  const { signal } = new AbortController()
  const count = () => getEventListeners(signal, 'abort').length
  const lock = await a.acquire('listened/1', { signal, timeout: 60_000 })
  t.equal(count(), 0, 'granted')
  t.match(await failure(b.acquire('listened/1', { signal, timeout: 1 })), { code: 'TIMEOUT' })
  t.equal(count(), 0, 'timed out')
  const waits = b.acquire('listened/1', { signal })
  t.equal(count(), 1, 'as long as it waits')
  await lock.release()
  await (await waits).release()
  t.equal(count(), 0, 'granted later')
})

t.test('closeOnSignals leaves no listener behind when the client is closed or it is undone', async t => {
  const count = () => process.listenerCount('SIGUSR2')
  const before = count()
  const closing = closeOnSignals(await connect(cluster.url), { signals: ['SIGUSR2'] })
  t.equal(count(), before + 1)
  process.kill(process.pid, 'SIGUSR2')
  await closing.closed
  t.equal(count(), before)
  const locks = await connect(cluster.url)
  closeOnSignals(locks, { signals: ['SIGUSR2'] })[Symbol.dispose]()
  t.equal(count(), before)
  await locks.close()
})

t.test('closeOnSignals: what is no client, or no signal that a program is told of, is refused', async t => {
  const given = (signals: unknown) => closeOnSignals(a, { signals } as CloseOnSignalsOptions)
  t.throws(() => closeOnSignals({} as LockClient), { name: 'TypeError', message: /takes the client/ })
  t.throws(() => given('SIGTERM'), {
    name: 'TypeError',
    message: 'signals must be an array of names such as SIGTERM, not "SIGTERM"',
  })
  t.throws(() => given([]), { name: 'TypeError', message: /an empty array/ })
  t.throws(() => given(['SIGTERM', 'SIGFOO']), { name: 'TypeError', message: /there is no "SIGFOO"/ })
  t.throws(() => given([15]), { name: 'TypeError', message: /there is no 15/ })
  const before = process.listenerCount('SIGTERM')
  for (const signal of ['SIGKILL', 'SIGSTOP'])
    t.throws(() => given(['SIGTERM', signal]), {
      name: 'TypeError',
      message: new RegExp(`no program is told of ${signal}`),
    })
  t.equal(process.listenerCount('SIGTERM'), before, 'and nothing listens')
})

t.test('closeOnSignals: the first signal lets the program finish, with its own exit code', async t => {
  const program = new Program(t, 'told-to-end', cluster.url)
  t.equal(await program.line(), 'holds')
  program.process.kill('SIGTERM')
  t.same(
    [await program.line(), await program.line(), await program.line()],
    ['told: SIGTERM', 'waiting: CLOSED', 'later: CLOSED'],
  )
  t.match((await b.query({ prefix: 'work' })).held, [{ name: 'work' }], 'it goes on')
  program.say('go on')
  const { code, signal, lines } = await program.ended
  t.same([code, signal], [3, null])
  t.same(lines.slice(4), ['finished', 'closed'])
})

t.test('closeOnSignals: the second signal closes at once', async t => {
  const program = new Program(t, 'told-to-end', cluster.url)
  t.equal(await program.line(), 'holds')
  program.process.kill('SIGTERM')
  for (let i = 0; i < 3; i++) await program.line()
  program.process.kill('SIGTERM')
  const { code, lines } = await program.ended
  t.equal(code, 3)
  t.same(lines.slice(4), ['aborted: CLOSED', 'closed'])
  t.same((await b.query({ prefix: 'work' })).held, [])
})

// ---- processes

t.test('F12: a process that stalls past its lease learns of its loss', async t => {
  const { lines, code } = await new Program(t, 'stalls', cluster.url, String(ttlMin)).ended
  t.equal(code, 0)
  t.same(JSON.parse(lines[0] as string), {
    held: true,
    heldAfter: false,
    elsewhereAfter: false,
    abortedAtALook: true,
    reasonAtALook: 'EXPIRED',
    firedInNextTimerPhase: true,
    reason: 'EXPIRED',
  })
  t.same(JSON.parse(lines[1] as string), { settled: true })
})

t.test('after close() the process ends by itself: no handle, no unhandled rejection is left', async t => {
  const { code, signal, lines } = await new Program(t, 'ends-by-itself', cluster.url).ended
  t.same([code, signal], [0, null])
  t.same(lines, ['aborted: true', 'left: '])
})
