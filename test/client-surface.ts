// The client as a program sees it: against one simulated server over real sockets, and
// the checks of arguments. No story waits for a fixed time.

import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type ClientEvents, connect, type Lock, type LockClient, LockError } from '../client/index.ts'
import { checkConnect, checkUrls } from '../client/options.ts'
import { publicIdOf } from '../lockserver/session-key.ts'
import type { MessageOf } from '../wire/messages.ts'
import { packageVersion } from '../wire/version.ts'
import { FakeServer } from './fixtures/client-server.ts'

/** For stories in which a lease ends. */
const shortTtl = 300

type Story = (world: { t: Test; server: FakeServer; locks: LockClient }) => Promise<void>

function story(parent: { test: typeof t.test }, name: string, run: Story, ttl = 10_000): void {
  parent.test(name, async t => {
    await using server = await FakeServer.start()
    await using locks = await connect(server.url, { name: 'story', ttl })
    await run({ t: t as Test, server, locks })
  })
}

/** Lets turns of the event loop pass until `next` is true; sockets need them. */
async function until(next: () => boolean): Promise<void> {
  while (!next()) await new Promise(resolve => setImmediate(resolve))
}

const event = <E extends keyof ClientEvents>(locks: LockClient, kind: E): Promise<ClientEvents[E]> =>
  new Promise(resolve => locks.on(kind, resolve))

story(
  t,
  'F12: a lock that a close takes back is not lost as expired, too',
  async ({ t, locks }) => {
    const lock = await locks.acquire('a')
    const lost: string[] = []
    locks.on('lost', event => lost.push(...event.locks.map(({ name }) => name)))
    // A handle looks at its lease whenever its signal is asked for.
    lock.signal.addEventListener('abort', () => lock.signal)
    while (lock.held);
    await locks.close()
    t.equal(lock.signal.reason.code, 'CLOSED')
    t.same(lost, [])
  },
  shortTtl,
)

t.test('connect', async t => {
  t.test('checks its options, and names the one that is wrong', async t => {
    const wrong: [unknown, unknown, RegExp][] = [
      ['http://127.0.0.1:7400', {}, /http:\/\/127.0.0.1:7400.*ws:\/\//],
      ['', {}, /""/],
      ['ws://a:1,nonsense', {}, /nonsense/],
      [[], {}, /at least one/],
      [7400, {}, /7400/],
      ['ws://a:1#part', {}, /#part/],
      ['ws://a:1', { ttl: 0 }, /ttl .*1 to 600000.*0/],
      ['ws://a:1', { ttl: 600_001 }, /ttl/],
      ['ws://a:1', { ttl: 1.5 }, /ttl .*whole number.*1\.5/],
      ['ws://a:1', { ttl: '9' }, /ttl/],
      ['ws://a:1', { name: 7 }, /name/],
      ['ws://a:1', { name: 'x'.repeat(257) }, /name .*256/],
      ['ws://a:1', { secret: 7 }, /secret/],
      ['ws://a:1', { signal: {} }, /signal/],
      ['ws://a:1', { timeout: -1 }, /timeout/],
      ['ws://a:1', { timeout: Number.NaN }, /timeout/],
      ['ws://a:1', { tll: 5 }, /"tll".*ttl/],
      ['ws://a:1', null, /options/],
    ]
    for (const [urls, options, message] of wrong) {
      await t.rejects(connect(urls as string, options as object), { name: 'TypeError', message })
    }
  })

  t.test('URLs come from the argument, HOLDFAST_VIEW or the default', async t => {
    const place = (environment: Record<string, string>) => ({ environment, clientName: 'pid 7' })
    t.same(checkConnect(place({}), undefined).urls, ['ws://127.0.0.1:7400'])
    t.same(checkConnect(place({ HOLDFAST_VIEW: 'ws://a:1, wss://b:2/x' }), undefined).urls, [
      'ws://a:1',
      'wss://b:2/x',
    ])
    t.same(checkUrls(['ws://a:1/', 'ws://a:1']), ['ws://a:1'])
    const both = place({ HOLDFAST_VIEW: 'ws://b:1', HOLDFAST_SECRET: 's' })
    const { proofs, ...others } = checkConnect(both, 'ws://a:1')
    t.same(proofs(), ['s'])
    t.same(others, {
      urls: ['ws://a:1'],
      ttlMs: 10_000,
      name: 'pid 7',
      tls: null,
      limits: { signal: undefined, timeout: 10_000 },
    })
  })

  t.test('it times out with a text that says what is wrong where', async t => {
    const error = await connect('ws://127.0.0.1:1', { timeout: 30 }).catch(error => error)
    t.match(error, {
      name: 'LockError',
      code: 'TIMEOUT',
      definite: true,
      message:
        /ws:\/\/127.0.0.1:1 within 30 ms: ws:\/\/127.0.0.1:1 (refuses connections|has not answered yet)/,
    })
  })

  t.test('rejects with the reason of its signal', async t => {
    const reason = new Error('enough')
    await t.rejects(connect('ws://127.0.0.1:1', { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const connecting = connect('ws://127.0.0.1:1', { signal: controller.signal })
    controller.abort(reason)
    await t.rejects(connecting, reason)
  })

  t.test('rejects when the servers refuse', async t => {
    await using server = await FakeServer.start('the secret')
    await t.rejects(connect(server.url, { secret: 'wrong' }), { code: 'WRONG_SECRET', definite: true })
    server.openRefusal = 'TTL_OUT_OF_RANGE'
    await t.rejects(connect(server.url, { secret: 'the secret' }), { code: 'TTL_OUT_OF_RANGE' })
  })

  story(t, 'gives a client with an id and a view', async ({ t, server, locks }) => {
    t.match(locks.clientId, /^[0-9a-f]{32}$/)
    t.same(locks.view, server.view)
    const [, id, key, ...rest] = server.requests[0] as MessageOf<'clientToServer', 'open'>
    t.equal(locks.clientId, publicIdOf(id, key))
    t.same(rest, [1, 10_000, 'story', hostname(), process.pid, packageVersion])
  })
})

t.test('handles', async t => {
  story(t, 'acquire, look, release', async ({ t, server, locks }) => {
    const lock = await locks.acquire('orders/42')
    t.match(lock, { name: 'orders/42', mode: 'exclusive', token: 1_001, held: true })
    t.ok(lock.remainingMs > 0 && lock.remainingMs <= 9_800)
    t.equal(locks.lease.ttl, 10_000)
    t.ok(locks.lease.remaining > 0 && locks.lease.remaining <= 9_800)
    t.notOk(lock.signal.aborted)
    const released = lock.release()
    t.notOk(lock.held, 'from the call on')
    t.equal(lock.remainingMs, 0)
    await released
    await lock.release()
    t.notOk(lock.signal.aborted, 'a release is no loss')
    t.equal(server.requests.filter(([kind]) => kind === 'release').length, 1)
  })

  story(t, 'await using releases', async ({ t, server, locks }) => {
    {
      await using lock = await locks.acquire('x', { mode: 'shared' })
      t.equal(lock.mode, 'shared')
      t.equal(server.holds.length, 1)
    }
    t.equal(server.holds.length, 0)
  })

  story(t, 'a second acquire waits for the first', async ({ t, locks }) => {
    const first = await locks.acquire('x')
    t.equal(await locks.tryAcquire('x'), null)
    const second = locks.acquire('x')
    await first.release()
    t.ok((await second).held)
  })

  story(t, 'acquireAll keeps the order of its names', async ({ t, locks }) => {
    const taken = await locks.acquireAll(['b', 'a'])
    t.match(taken, [
      { name: 'b', token: 1_002 },
      { name: 'a', token: 1_001 },
    ])
  })

  story(t, 'a timeout names the lock and the time, and cancels the wait', async ({ t, server, locks }) => {
    await locks.acquire('x')
    const error = await locks.acquire('x', { timeout: 5 }).catch(error => error)
    t.ok(error instanceof LockError)
    t.match(error, { code: 'TIMEOUT', definite: true, message: /"x".* 5 ms: "fake" has held/ })
    await until(() => server.waits.length === 0)
  })

  story(t, 'a signal rejects with its reason and cancels the wait', async ({ t, server, locks }) => {
    await locks.acquire('x')
    const controller = new AbortController()
    const waiting = locks.acquire('x', { signal: controller.signal })
    await until(() => server.waits.length === 1)
    controller.abort(new Error('changed my mind'))
    await t.rejects(waiting, { message: 'changed my mind' })
    await until(() => server.waits.length === 0)
    await t.rejects(
      locks.acquire('y', { signal: AbortSignal.abort('no') }).catch(reason => {
        throw new Error(reason)
      }),
      { message: 'no' },
    )
    t.notOk(server.requests.some(request => request[0] === 'acquire' && request[2][0] === 'y'))
  })

  story(t, 'many calls may share one signal without a warning', async ({ t, server, locks }) => {
    const warned: Error[] = []
    const warn = (warning: Error) => warned.push(warning)
    process.on('warning', warn)
    await locks.acquire('x')
    const controller = new AbortController()
    const { signal } = controller
    const waiting = Array.from({ length: 30 }, () =>
      locks.acquire('x', { signal }).catch(error => error.name),
    )
    await until(() => server.waits.length === 30)
    controller.abort()
    t.same(new Set(await Promise.all(waiting)), new Set(['AbortError']))
    await until(() => server.waits.length === 0)
    process.off('warning', warn)
    t.same(warned, [])
  })

  story(t, 'a stolen lock is lost: held, signal, event', async ({ t, locks }) => {
    const lock = await locks.acquire('x')
    const { signal } = lock
    const lost = event(locks, 'lost')
    const thief = await locks.acquire('x', { steal: true })
    t.same(await lost, {
      group: 0,
      code: 'STOLEN',
      locks: [{ name: 'x', mode: 'exclusive', token: lock.token }],
    })
    t.notOk(lock.held)
    t.match(signal.reason, { name: 'LockError', code: 'STOLEN', definite: false, message: /"x"/ })
    t.ok(thief.held && thief.token > lock.token)
    await lock.release()
  })

  story(t, 'a signal that is first read after the loss is aborted', async ({ t, server, locks }) => {
    const lock = await locks.acquire('x')
    const lost = event(locks, 'lost')
    t.equal(await locks.forceRelease('x'), 1)
    await lost
    t.match(lock.signal.reason, { code: 'FORCED' })
    t.equal(server.holds.length, 0)
  })

  story(
    t,
    'F12 after a stall past the lease a look shows the loss, before any timer',
    async ({ t, locks }) => {
      const lock = await locks.acquire('x')
      const elsewhere = lock.signal
      stall(shortTtl)
      t.notOk(lock.held)
      t.notOk(elsewhere.aborted, 'nobody has looked yet')
      t.ok(lock.signal.aborted)
      t.match(elsewhere.reason, { code: 'EXPIRED' })
      const id = locks.clientId
      t.ok((await locks.acquire('y')).held, 'the next call opens a new session')
      t.not(locks.clientId, id)
    },
    shortTtl,
  )

  story(t, 'checks of arguments', async ({ t, locks }) => {
    const type = { name: 'TypeError' }
    for (const name of ['', 7, null, '\ud800', 'x'.repeat(1_025), 'é'.repeat(513)])
      await t.rejects(locks.acquire(name as string), type)
    for (const options of [
      { mode: 'read' },
      { steal: 1 },
      { steal: true, mode: 'shared' },
      { timeout: '5' },
      { timeout: 2 ** 31 },
      { signal: 7 },
      { ifAvailable: true },
      7,
    ])
      await t.rejects(locks.acquire('x', options as object), type)
    await t.rejects(locks.tryAcquire('x', { steal: true } as object), type)
    for (const names of [[], 'x', ['a', 'a'], Array.from({ length: 65 }, (_, i) => `n${i}`), ['']])
      await t.rejects(locks.acquireAll(names as string[]), type)
    await t.rejects(locks.forceRelease(''), type)
    await t.rejects(locks.forceRelease('x', { mode: 'shared' } as object), type)
    await t.rejects(locks.query({ prefix: 7 } as object), type)
    await t.rejects(locks.query({ confirmed: 'no' } as object), type)
    t.throws(() => locks.on('views' as 'view', () => {}), type)
    t.throws(() => locks.on('view', 7 as unknown as () => void), type)
  })
})

t.test('Web Locks', async t => {
  story(
    t,
    'runs the callback with the lock and settles with its result after the release',
    async ({ t, server, locks }) => {
      const result = await locks.request('x', async lock => {
        t.match(lock, { name: 'x', mode: 'exclusive', held: true })
        t.equal(server.holds.length, 1)
        return 42
      })
      t.equal(result, 42)
      t.equal(server.holds.length, 0)
      t.equal(await locks.request('x', { mode: 'shared' }, lock => (lock as Lock).mode), 'shared')
      await t.rejects(
        locks.request('x', () => {
          throw new Error('from the callback')
        }),
        { message: 'from the callback' },
      )
      t.equal(server.holds.length, 0)
    },
  )

  story(t, 'ifAvailable calls back with null', async ({ t, locks }) => {
    await locks.request('x', async () => {
      t.equal(await locks.request('x', { ifAvailable: true }, lock => lock), null)
    })
  })

  story(t, 'WebIDL: wrong arguments are TypeErrors, as rejections, in order', async ({ t, locks }) => {
    const request = locks.request.bind(locks) as (...given: unknown[]) => Promise<unknown>
    const type = { name: 'TypeError' }
    await t.rejects(request(), type)
    await t.rejects(request('x'), type)
    await t.rejects(request('x', {}), type)
    await t.rejects(
      request('x', () => {}, 7),
      type,
    )
    await t.rejects(
      request('x', 7, () => {}),
      type,
    )
    await t.rejects(
      request('x', { mode: 'foo' }, () => {}),
      type,
    )
    await t.rejects(
      request('x', { mode: null }, () => {}),
      type,
    )
    await t.rejects(
      request('x', { signal: 'foo' }, () => {}),
      type,
    )
    await t.rejects(
      request('x', { timeout: -1 }, () => {}),
      type,
    )
    await t.rejects(
      request('-x', { mode: 'foo' }, () => {}),
      type,
      'before the name is looked at',
    )
    await t.rejects(
      request(Symbol('x'), () => {}),
      type,
    )
    await t.rejects(
      request('', () => {}),
      type,
      'ours: a name is not empty',
    )
    t.equal(await request(7, (lock: Lock) => lock.name), '7', 'converted')
    t.equal(await request('x', null, (lock: Lock) => lock.mode), 'exclusive')
    t.equal(await request('x', undefined, (lock: Lock) => lock.mode), 'exclusive')
    t.equal(await request('x', { ifAvailable: 1, other: 2 }, (lock: Lock) => lock.mode), 'exclusive')
  })

  story(t, 'steps 5 to 9 of request(), in order', async ({ t, locks }) => {
    const { signal } = new AbortController()
    const aborted = AbortSignal.abort(new Error('aborted before'))
    const refused = { name: 'NotSupportedError', code: 9 }
    const never = () => t.fail('called back')
    await t.rejects(locks.request('-x', never), refused, '5: the name begins with -')
    await t.rejects(locks.request('-', { signal: aborted }, never), refused, '5 before 9')
    await t.rejects(locks.request('x', { steal: true, ifAvailable: true }, never), refused, '6')
    await t.rejects(locks.request('x', { steal: true, mode: 'shared' }, never), refused, '7')
    await t.rejects(locks.request('x', { steal: true, signal }, never), refused, '8')
    await t.rejects(locks.request('x', { ifAvailable: true, signal }, never), refused, '8')
    await t.rejects(locks.request('x', { ifAvailable: true, signal: aborted }, never), refused, '8 before 9')
    await t.rejects(locks.request('x', { signal: aborted }, never), { message: 'aborted before' }, '9')
    const refusal = await locks.request('-', never).catch(error => error)
    t.ok(refusal instanceof DOMException)
  })

  story(t, 'a signal ends the wait, but not the hold', async ({ t, server, locks }) => {
    const controller = new AbortController()
    const { signal } = controller
    await locks.request('x', { signal: AbortSignal.any([signal]) }, async () => {
      const waiting = locks.request('x', { signal }, () => t.fail('called back'))
      await until(() => server.waits.length === 1)
      controller.abort()
      await t.rejects(waiting, { name: 'AbortError' })
    })
  })

  story(
    t,
    'a stolen lock rejects with AbortError at once, however the callback ends',
    async ({ t, locks }) => {
      let fail: (error: Error) => void = () => {}
      const victim = locks.request(
        'x',
        () =>
          new Promise((_, reject) => {
            fail = reject
          }),
      )
      const stolen = t.rejects(victim, { name: 'AbortError', code: 20, cause: { code: 'STOLEN' } })
      t.equal(await locks.request('x', { steal: true }, lock => (lock as Lock).name), 'x')
      await stolen
      fail(new Error('too late to be seen'))
    },
  )

  story(
    t,
    'F12 a callback that stalls past the lease ends with AbortError',
    async ({ t, locks }) => {
      await t.rejects(
        locks.request('x', () => {
          stall(shortTtl)
          return 'done'
        }),
        { name: 'AbortError', cause: { code: 'EXPIRED' } },
      )
    },
    shortTtl,
  )

  story(t, 'timeout is a LockError', async ({ t, locks }) => {
    await locks.request('x', async () => {
      await t.rejects(
        locks.request('x', { timeout: 3 }, () => {}),
        { code: 'TIMEOUT' },
      )
    })
  })

  story(t, 'query shows what is held and waited for', async ({ t, locks }) => {
    const lock = await locks.acquire('p/x')
    await locks.acquire('q/x')
    const waiting = locks.acquire('p/x', { mode: 'shared' })
    t.match(await locks.query({ prefix: 'p/' }), {
      held: [{ name: 'p/x', mode: 'exclusive', clientId: String, token: lock.token }],
      pending: [{ name: 'p/x', mode: 'shared', clientId: String }],
      confirmed: true,
      cut: false,
    })
    t.equal((await locks.query()).held.length, 2)
    await lock.release()
    await waiting
  })
})

t.test('the client', async t => {
  story(t, 'resumes after a cut, re-sends, and says so', async ({ t, server, locks }) => {
    const seen: string[] = []
    locks.on('reconnecting', () => seen.push('reconnecting'))
    locks.on('session', ({ resumed }) => seen.push(`session ${resumed}`))
    const lock = await locks.acquire('x')
    server.silent = true
    const other = locks.acquire('y')
    await until(() => server.requests.at(-1)?.[0] === 'acquire')
    server.silent = false
    server.cut()
    t.ok((await other).held)
    t.ok(lock.held)
    t.same(seen, ['reconnecting', 'session true'])
  })

  story(t, 'off stops a listener; one that throws stops nothing', async ({ t, server, locks }) => {
    await locks.acquire('x') // a session at rest would reconnect later
    const calls: string[] = []
    const off = () => calls.push('off')
    locks.on('reconnecting', off).off('reconnecting', off)
    locks.on('reconnecting', () => {
      throw new Error('a bug of the listener')
    })
    locks.on('reconnecting', () => calls.push('on'))
    const caught = new Promise(resolve => process.once('uncaughtException', resolve))
    const resumed = event(locks, 'session')
    server.cut()
    t.match(await caught, { message: 'a bug of the listener' })
    await resumed
    t.same(calls, ['on'])
  })

  story(t, 'R1: no two watches ever have the same number', async ({ t, server, locks }) => {
    const first = locks.watch('first')
    locks.watch('second')
    await first.return()
    locks.watch('third')
    await locks.acquire('x')
    const numbers = server.requests.filter(([kind]) => kind === 'watch').map(([, number]) => number)
    t.same([...new Set(numbers)], [1, 2, 3])
  })

  story(t, 'close may be called by whoever hears of it', async ({ t, server, locks }) => {
    const lock = await locks.acquire('x')
    let again: Promise<void> | undefined
    lock.signal.addEventListener('abort', () => {
      again = locks.close()
    })
    const closed = locks.close()
    await closed
    t.equal(again, closed)
    t.equal(server.requests.filter(([kind]) => kind === 'end').length, 1)
  })

  story(t, 'close releases everything, fails the rest, and stays closed', async ({ t, server, locks }) => {
    const lock = await locks.acquire('x')
    const waiting = t.rejects(locks.acquire('x'), { code: 'CLOSED' })
    const closed = locks.close()
    t.notOk(lock.held)
    t.match(lock.signal.reason, { code: 'CLOSED' })
    await closed
    await waiting
    t.equal(server.holds.length, 0)
    t.equal(locks.close(), closed)
    await t.rejects(locks.acquire('x'), { code: 'CLOSED', definite: true })
    await t.rejects(locks.query(), { code: 'CLOSED' })
    await lock.release()
  })

  story(
    t,
    'release and close settle at the local deadline when no server answers',
    async ({ t, server, locks }) => {
      const lock = await locks.acquire('x')
      server.silent = true
      await lock.release()
      t.pass('the lock is gone by then')
      await locks.close()
    },
    shortTtl,
  )

  t.test('after close the process ends by itself, also when the server is gone', async t => {
    await using server = await FakeServer.start()
    const client = new URL('../client/index.js', import.meta.url).href
    const code = `
      const { connect } = await import(${JSON.stringify(client)})
      const locks = await connect(${JSON.stringify(server.url)}, { ttl: 2000 })
      await locks.acquire('x')
      await locks.close()
      await connect('ws://127.0.0.1:1', { timeout: 10 }).catch(error => console.log(error.code))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
    t.equal(stdout, 'TIMEOUT\n')
  })
})

/** Blocks the event loop, as a long computation would. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
