// Handles and errors as data and as help: what of them goes into JSON and into a console, whose functions stand in the
// stack of an error, and what a text says to a program that has made a mistake. Against a real cluster.

import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { connect, FenceGuard, type LockClient, LockError, StaleTokenError } from '../client/index.ts'
import { LockWatch } from '../client/watch.ts'
import { FakeServer } from './fixtures/client-server.ts'
import { RealCluster } from './fixtures/real-cluster.ts'
import { failure } from './fixtures/settled.ts'

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

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

// ---- as data

t.test('a lock, several, and a client go into JSON, with nothing secret', async t => {
  await using lock = await a.acquire('data/1', { permits: { of: 2 } })
  const { token } = lock
  t.match(plain(lock), {
    ...{ name: 'data/1', mode: 'permits', permits: { of: 2, take: 1 }, token, held: true },
    remainingMs: Number,
  })
  await using both = await a.acquireAll(['data/2', 'data/3'])
  t.match(plain(both), [{ name: 'data/2' }, { name: 'data/3' }])
  const data = plain(a) as Record<string, unknown>
  t.match(data, {
    ...{ name: 'billing-3', clientId: a.clientId, view: { number: Number }, lease: { ttl: 30_000 } },
    held: [{ name: 'data/1' }, { name: 'data/2' }, { name: 'data/3' }],
  })
  t.same(Object.keys(data), ['name', 'clientId', 'view', 'lease', 'held'])
  await lock.release()
  t.match(plain(lock), { name: 'data/1', token, held: false, remainingMs: 0 })
})

t.test('an error goes into JSON with its message, its holder and its cause', async t => {
  await using held = await a.acquire('data/4')
  const error = await failure(b.acquire('data/4', { timeout: 5 }))
  t.match(plain({ error }), {
    error: {
      ...{ name: 'LockError', code: 'TIMEOUT', message: error.message, definite: true, locks: ['data/4'] },
      ...{ waitedMs: Number, holder: { token: held.token, clientName: 'billing-3', heldMs: Number } },
    },
  })
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  t.same(plain(new LockError('TIMEOUT', true, 'no session', { cause })), {
    ...{ name: 'LockError', code: 'TIMEOUT', message: 'no session', definite: true, locks: [] },
    cause: { name: 'Error', message: 'refused', code: 'ECONNREFUSED' },
  })
  const nested = new LockError('EXPIRED', false, 'it is lost', {
    cause: new LockError('CLOSED', true, 'closed'),
  })
  t.match(plain(nested), { cause: { code: 'CLOSED', message: 'closed' } })
  t.match(plain(new StaleTokenError({ name: 'x', token: 4 }, 5)), {
    ...{ name: 'StaleTokenError', lock: 'x', token: 4, mode: 'exclusive', seen: 5, message: String },
  })
})

t.test('a console shows what a handle is, also inside of other things', async t => {
  await using lock = await a.acquire('data/5')
  t.match(inspect(lock), /^Lock \{\s+name: 'data\/5',\s+mode: 'exclusive',.*token: \d+,\s+held: true/s)
  t.match(inspect({ job: { lock } }, { depth: 1 }), '[Lock]')
  t.match(inspect(a, { depth: 4 }), /^LockClient \{\s+name: 'billing-3',.*name: 'data\/5'/s)
  const watch = a.watch('data/')
  t.equal(inspect(watch), "LockWatch { prefix: 'data/', over: false, unread: 0 }")
  await watch.return()
  t.match(inspect(watch), /over: true/)
  const custom = lock as unknown as Record<symbol, () => string>
  const alone = custom[Symbol.for('nodejs.util.inspect.custom')]?.()
  t.match(alone, /^Lock \{ name: "data\/5", .*held: true/, 'and where the console does not help')
})

t.test('times are whole milliseconds', async t => {
  await using lock = await a.acquire('data/6', { holdAtMost: 10_001 })
  t.ok(Number.isInteger(lock.remainingMs), `${lock.remainingMs}`)
  t.ok(lock.remainingMs > 9_000 && lock.remainingMs < 10_001 * 0.98)
  const { ttl, remaining } = a.lease
  t.ok(Number.isInteger(ttl) && Number.isInteger(remaining), `${remaining}`)
  const { held } = await a.query({ prefix: 'data/6' })
  t.ok(held.every(({ heldMs }) => Number.isInteger(heldMs)))
  const { clients } = await a.clients()
  t.ok(clients.every(({ openMs }) => Number.isInteger(openMs)))
  const error = await failure(b.acquire('data/6', { timeout: 3 }))
  t.ok(
    error instanceof LockError && Number.isInteger(error.waitedMs) && Number.isInteger(error.holder?.heldMs),
  )
})

t.test('acquireAll gives a lock for each name, by its type, too', async t => {
  await using both = await a.acquireAll(['data/7', 'data/8'])
  const [one, two] = both // No `?.` below: it compiles.
  t.same([one.name, two.name, both.length], ['data/7', 'data/8', 2])
  const names: string[] = ['data/9']
  await using some = await a.acquireAll(names)
  t.equal(some[0]?.name, 'data/9')
})

t.test('held() says what this client holds, and asks nobody', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url)
  const names = () => locks.held().map(({ name }) => name)
  t.same(names(), [])
  const y = await locks.acquire('y')
  let end = () => {}
  const request = locks.request(
    'x',
    () =>
      new Promise<void>(resolve => {
        end = resolve
      }),
  )
  await locks.query()
  const asked = server.requests.length
  t.same(names(), ['y', 'x'], 'in the order of their tokens')
  t.equal(server.requests.length, asked)
  t.equal(locks.held()[0], y, 'the very handle')
  void y.release()
  t.same(names(), ['x'], 'at once')
  end()
  await request
  t.same(names(), [])
  const z = await locks.acquire('z')
  for (const connection of server.connections) connection.send(['unknown-session', server.sessionId])
  await new Promise(resolve => z.signal.addEventListener('abort', resolve))
  t.same(names(), [])
  await locks.close()
})

// ---- as help: the stack

/** The stack must name the function that awaits; this is its name. */
async function ofTheProgram(call: () => unknown): Promise<unknown> {
  return await call()
}
async function namesTheProgram(t: Test, what: string, call: () => unknown, code = 'TIMEOUT'): Promise<void> {
  const error = await failure<Error>(ofTheProgram(call))
  t.match((error instanceof LockError ? error : (error.cause as LockError)).code, code, what)
  t.match(error.stack, /at (async )?ofTheProgram /, what)
  t.match(error.stack, /^\S+: |^\S+ \[/, `${what}: its first line is the error`)
}

t.test('the stack of an error names the function that awaits the call', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url, { ttl: 60_000 })
  await locks.acquire('x')
  const limits = { timeout: 1 }
  await namesTheProgram(t, 'acquire', () => locks.acquire('x', limits))
  await namesTheProgram(t, 'request', () => locks.request('x', limits, () => {}))
  await namesTheProgram(t, 'acquireAll', () => locks.acquireAll(['x'], limits))
  await namesTheProgram(t, 'Promise.all', () => Promise.all([locks.acquire('x', limits)]))
  await namesTheProgram(t, 'a chain', () => locks.acquire('x', limits).then(lock => lock.name))
  server.silent = true
  await namesTheProgram(t, 'tryAcquire', () => locks.tryAcquire('x', limits))
  await namesTheProgram(t, 'once', () => locks.once('x', 'key', limits, () => {}))
  await namesTheProgram(t, 'query', () => locks.query(limits))
  await namesTheProgram(t, 'clients', () => locks.clients(limits))
  await namesTheProgram(t, 'forceRelease', () => locks.forceRelease('x', limits))
  server.silent = false
  await namesTheProgram(t, 'connect', () => connect('ws://127.0.0.1:1', limits))
  await locks.acquire('y')
  const waits = namesTheProgram(t, 'a call that waits at the end', () => locks.acquire('y'), 'CLOSED')
  await locks.query()
  await locks.close()
  await waits
  await namesTheProgram(t, 'a call behind the end', () => locks.acquire('x'), 'CLOSED')
})

t.test('and so does that of a lock that is lost at work', async t => {
  const steal = (name: string) => b.acquire(name, { steal: true }).then(thief => thief.release())
  const work = () => new Promise<void>(() => {})
  const lost = namesTheProgram(t, 'request', () => a.request('lost/1', work), 'STOLEN')
  await a.query()
  await steal('lost/1')
  await lost
  const run = namesTheProgram(t, 'once', () => a.once('lost/2', 'key', {}, work), 'FORCED')
  await a.query()
  await b.forceRelease('lost/2')
  await run
  const watch = new LockWatch(
    () => {},
    () => {},
  )
  const read = namesTheProgram(t, 'a watch', () => watch.next(), 'WATCHES_LIMIT')
  await null
  watch.end({ reason: new LockError('WATCHES_LIMIT', true, 'too many') })
  await read
})

t.test("an error of the program's own keeps its stack", async t => {
  const mine = new Error('mine')
  const { stack } = mine
  const controller = new AbortController()
  await using held = await a.acquire('own')
  const waits = failure(b.acquire('own', { signal: controller.signal }))
  await b.query()
  controller.abort(mine)
  t.equal(await waits, mine)
  t.equal(await failure(a.once('other', 'k', {}, () => Promise.reject(mine))), mine)
  t.equal(mine.stack, stack)
  t.ok(held.held)
})

// ---- as help: the text

t.test('a program that waits for its own lock learns that locks are not re-entrant', async t => {
  await using lock = await a.acquire('re')
  const error = await failure(a.acquire('re', { timeout: 20 }))
  t.match(
    error.message,
    /^did not get lock "re" within 20 ms: this client itself has held it for \S+ m?s \(token \d+\); locks are not re-entrant$/,
  )
  t.match(error, { holder: { token: lock.token, clientId: a.clientId } })
  const several = await failure(a.acquireAll(['free', 're'], { timeout: 20 }))
  t.match(
    several.message,
    /^did not get locks "free", "re" within 20 ms: this client itself has held "re" for/,
  )
  t.notMatch((await failure(b.acquire('re', { timeout: 20 }))).message, /re-entrant|itself/)
})

t.test('a method that was taken off its handle says so', async t => {
  const lock = await a.acquire('taken off')
  const { release, setNote } = lock
  const wrong = {
    name: 'TypeError',
    message: /^release was called without its lock: write lock\.release\(…\)/,
  }
  t.match(await failure(release()), wrong)
  t.match(await failure(setNote('x')), { name: 'TypeError', message: /^setNote was called without its lock/ })
  const proxy = new Proxy(lock, {})
  t.match(await failure(proxy.release()), wrong, 'and a proxy is no handle')
  t.ok(lock.held)
  await lock.release()
  const { acquire, acquireAll, tryAcquire, request, query, clients, once, forgetOnce, forceRelease } = a
  for (const call of [
    () => acquire('x'),
    () => acquireAll(['x']),
    () => tryAcquire('x'),
    () => request('x', () => {}),
    () => query(),
    () => clients(),
    () => once('x', 'key', {}, () => {}),
    () => forceRelease('x'),
    () => forgetOnce('x', 'key'),
  ])
    t.match(await failure(call()), {
      name: 'TypeError',
      message: /was called without its locks: write locks\./,
    })
  const { on, off, watch, close, held } = a
  for (const call of [() => on('view', () => {}), () => off('view', () => {}), watch, close, held])
    t.throws(call, { name: 'TypeError', message: /was called without its locks/ })
})

t.test('an option that there is not is refused by every call, with the one that was meant', async t => {
  const wrong = async (call: () => unknown, message: RegExp) =>
    t.match(await failure((async () => await call())()), { name: 'TypeError', message }, `${call}`)
  /** As from JavaScript. */
  const any = (options: object) => options as never
  const misspelt = any({ timeuot: 5 })
  const meant = /has no option "timeuot"; did you mean timeout\?$/
  await wrong(() => connect(cluster.url, misspelt), meant)
  await wrong(() => a.acquire('x', misspelt), meant)
  await wrong(() => a.tryAcquire('x', misspelt), meant)
  await wrong(() => a.acquireAll(['x'], misspelt), meant)
  await wrong(() => a.request('x', misspelt, () => {}), meant)
  await wrong(() => a.once('x', 'key', misspelt, () => {}), meant)
  await wrong(() => a.query(misspelt), meant)
  await wrong(() => a.clients(misspelt), meant)
  await wrong(() => a.forceRelease('x', misspelt), meant)
  await wrong(() => a.forgetOnce('x', 'key', misspelt), meant)
  await wrong(() => a.watch('x', any({ singal: 5 })), /watch has no option "singal"; did you mean signal\?/)
  await wrong(() => a.on('view', () => {}, any({ onec: true })), /did you mean once\?/)
  await wrong(() => a.close(any({ finishWithinMs: 5 })), /did you mean finishWithin\?/)
  await wrong(() => new FenceGuard(any({ nameMax: 5 })), /did you mean namesMax\?/)
  await wrong(() => a.acquire('x', any({ timeoutMs: 5 })), /did you mean timeout\?/)
  await wrong(() => a.acquire('x', any({ timeOut: 5 })), /did you mean timeout\?/)
  await wrong(
    () => a.acquire('x', any({ permits: { off: 5 } })),
    /permits has no option "off"; did you mean of\?/,
  )
  const ttl = /has no option "ttl": the ttl is the client's: connect\(urls, \{ ttl \}\); it has mode, steal,/
  await wrong(() => a.acquire('x', any({ ttl: 5 })), ttl)
  await wrong(() => a.acquire('x', any({ maxHold: 5 })), /holdAtMost says for how long/)
  await wrong(() => a.request('x', any({ maxHold: 5 }), () => {}), /holdAtMost says for how long/)
  await wrong(() => a.acquire('x', any({ colour: 5 })), /has no option "colour"; it has mode, steal, /)
  t.equal(await a.request('x', any({ colour: 5 }), () => 'ran'), 'ran', 'as the specification says')
  t.same(a.held(), [])
})
