// The Web Locks specification (w3c.github.io/web-locks), clause by clause, against a real
// cluster: the client does what `navigator.locks` does. This file holds what comes after
// the request: the promises of a lock, aborts, queries, termination. docs/WEB-LOCKS.md
// lists the differences and their reasons; the last tests here hold that list.

import { connect, type Lock, LockError } from '../client/index.ts'
import {
  clause,
  type Hold,
  hold,
  isDomException,
  never,
  rejection,
  request,
  waiting,
} from './fixtures/web-locks.ts'

// ---- Lock: the waiting promise and the released promise

clause('Lock: it is held until the promise of the callback settles, and released either way', async w => {
  const { t, a, b, x } = w
  const held = await hold(a, x)
  t.equal(await request(b, x, { ifAvailable: true }, (lock: unknown) => lock), null)
  held.release('value')
  t.equal(await held.promise, 'value')
  t.ok(await request(b, x, { ifAvailable: true }, (lock: Lock) => lock.name))
  const failing = await hold(a, x)
  const error = new Error('from the callback')
  failing.fail(error)
  t.equal(await rejection(failing.promise), error, 'the very error')
  t.ok(await request(b, x, { ifAvailable: true }, (lock: Lock) => lock.name), 'released all the same')
})

clause(
  'Lock: a callback that is not async holds it while it runs; what it throws is a rejection',
  async w => {
    const { t, a, b, x } = w
    t.equal(await request(a, x, () => 7), 7)
    t.equal(await request(a, x, () => {}), undefined)
    const thrown = new RangeError('at once')
    const throws = () => {
      throw thrown
    }
    t.equal(await rejection(request(a, x, throws)), thrown)
    t.ok(await request(b, x, { ifAvailable: true }, (lock: Lock) => lock.name))
  },
)

clause('Lock: the result may be any thenable, which is adopted', async w => {
  const { t, a, x } = w
  // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
  const thenable = { then: (resolve: (value: string) => void) => resolve('adopted') }
  t.equal(await request(a, x, () => thenable), 'adopted')
  t.equal(await request(a, x, () => Promise.resolve(Promise.resolve('twice'))), 'twice')
})

clause('Release a lock: first released, then the promise settles', async w => {
  const { t, a, b, x } = w
  await request(a, x, () => {})
  t.ok(
    await request(b, x, { ifAvailable: true }, (lock: Lock) => lock.name),
    'another client gets it at once',
  )
  const fails = request(a, x, () => Promise.reject(new Error('no')))
  await rejection(fails)
  t.ok(await request(b, x, { ifAvailable: true }, (lock: Lock) => lock.name), 'after a rejection too')
})

clause("Release a lock: the promise settles before the next one's callback runs", async w => {
  const { t, a, x } = w
  const order: string[] = []
  const chain = [1, 2, 3, 4].map(n =>
    a
      .request(x, async () => {
        order.push(`${n} runs`)
      })
      .then(() => order.push(`${n} settled`)),
  )
  await Promise.all(chain)
  t.same(
    order,
    [1, 2, 3, 4].flatMap(n => [`${n} runs`, `${n} settled`]),
  )
})

// ---- Abort a request

clause(
  'Abort a request: aborted in the same turn: rejects with the reason, the callback never runs',
  async w => {
    const { t, a, x } = w
    const controller = new AbortController()
    const reason = new Error('at once')
    const promise = request(a, x, { signal: controller.signal }, never)
    controller.abort(reason)
    t.equal(await rejection(promise), reason)
    t.equal(await request(a, x, () => 'next'), 'next', 'it is not in the way')
  },
)

clause('Abort a request: aborted while it waits: rejects with the reason and leaves the queue', async w => {
  const { t, a, b, x } = w
  const held = await hold(a, x)
  const controller = new AbortController()
  const promise = request(b, x, { signal: controller.signal }, never)
  const behind = request(b, x, () => 'behind')
  await waiting(a, x, 2)
  controller.abort()
  isDomException(t, await rejection(promise), 'AbortError', 20, 'the default reason')
  t.equal((await b.query({ prefix: x })).pending.length, 1, 'a query after it does not see it')
  held.release()
  t.equal(await behind, 'behind')
})

clause(
  'Abort a request: an exclusive one that is aborted makes way for the shared ones behind it',
  async w => {
    const { t, a, b, x } = w
    const shared = await hold(a, x, { mode: 'shared' })
    const controller = new AbortController()
    const exclusive = request(b, x, { signal: controller.signal }, never)
    const behind = request(b, x, { mode: 'shared' }, () => 'shares')
    await waiting(a, x, 2)
    controller.abort()
    t.match(await rejection(exclusive), { name: 'AbortError' })
    t.equal(await behind, 'shares', 'while the first one is still held')
    shared.release()
  },
)

clause('Abort a request: after the callback was called the signal is ignored', async w => {
  const { t, a, x } = w
  const controller = new AbortController()
  const held = await hold(a, x, { signal: controller.signal })
  controller.abort()
  t.ok(held.lock.held)
  t.match((await a.query({ prefix: x })).held, [{ name: x }])
  held.release('unharmed')
  t.equal(await held.promise, 'unharmed')
})

clause(
  'Abort a request: between the grant and the callback: the lock is released, the callback never runs',
  async w => {
    const { t, a, b, x } = w
    // Over the rounds, the grant of one client and the next lines of another fall into the same turn.
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController()
      const held = await hold(a, x)
      const promise = request(a, x, { signal: controller.signal }, () => 'ran')
      held.release()
      // Once the promise has settled, the lock is released. The grant came in the same
      // frame, its callback has its own task.
      await held.promise
      controller.abort(new Error('in between'))
      t.match(await rejection(promise), { message: 'in between' })
      t.equal(await request(b, x, () => 'free'), 'free')
    }
  },
)

clause('Abort a request: one signal may serve many requests', async w => {
  const { t, a, x } = w
  const controller = new AbortController()
  const held = await hold(a, x)
  const all = Array.from({ length: 12 }, () => rejection(request(a, x, { signal: controller.signal }, never)))
  await waiting(a, x, 12)
  controller.abort()
  for (const error of await Promise.all(all)) t.match(error, { name: 'AbortError' })
  t.equal((await a.query({ prefix: x })).pending.length, 0)
  held.release()
})

clause('Abort a request: AbortSignal.timeout gives its TimeoutError', async w => {
  const { t, a, x } = w
  const held = await hold(a, x)
  const error = await rejection(request(a, x, { signal: AbortSignal.timeout(5) }, never))
  isDomException(t, error, 'TimeoutError', 23, 'the reason of that signal')
  held.release()
})

// ---- LockManager.query(), Snapshot the lock state

clause('Snapshot: held and pending, with name, mode and clientId', async w => {
  const { t, a, b, x } = w
  const held = await hold(a, x, { mode: 'shared' })
  const waits = request(b, x, () => {})
  await waiting(a, x, 1)
  const state = await a.query({ prefix: x })
  t.match(state.held, [{ name: x, mode: 'shared', clientId: a.clientId }])
  t.match(state.pending, [{ name: x, mode: 'exclusive', clientId: b.clientId }])
  t.not(a.clientId, b.clientId)
  t.same(JSON.parse(JSON.stringify(state)), { ...state }, 'plain data')
  held.release()
  await waits
})

clause('Snapshot: held in the order of the grants, pending in the order of the queue', async w => {
  const { t, a, b, x } = w
  const held: Hold[] = []
  for (const [locks, name] of [
    [b, 'z'],
    [a, 'c'],
    [b, 'a'],
  ] as const)
    held.push(await hold(locks, `${x}/${name}`, { mode: 'shared' }))
  const waits: Promise<unknown>[] = []
  for (const [i, [locks, mode]] of (
    [
      [a, 'exclusive'],
      [b, 'shared'],
      [a, 'shared'],
    ] as const
  ).entries()) {
    waits.push(request(locks, `${x}/c`, { mode }, () => {}))
    await waiting(a, x, i + 1)
  }
  const state = await a.query({ prefix: x })
  t.same(
    state.held.map(({ name }) => name),
    [`${x}/z`, `${x}/c`, `${x}/a`],
  )
  t.same(
    state.pending.map(({ clientId, mode }) => [clientId, mode]),
    [
      [a.clientId, 'exclusive'],
      [b.clientId, 'shared'],
      [a.clientId, 'shared'],
    ],
  )
  for (const { release } of held) release()
  await Promise.all(waits)
})

clause(
  'Snapshot: a query sees all that the same client has asked before, and nothing that it asks after',
  async w => {
    const { t, a, x } = w
    const all: Promise<unknown>[] = []
    const ends: (() => void)[] = []
    for (let i = 1; i <= 20; i++) {
      all.push(request(a, `${x}/${i % 4}`, () => new Promise<void>(resolve => ends.push(resolve))))
      const { held, pending } = await Promise.race([a.query({ prefix: x })])
      t.equal(held.length + pending.length, i)
      t.equal(held.length, Math.min(i, 4))
    }
    const before = a.query({ prefix: x })
    const controller = new AbortController()
    const after = rejection(request(a, `${x}/1`, { signal: controller.signal }, never))
    t.equal((await before).pending.length, 16, 'not what was asked after it')
    controller.abort()
    t.equal((await a.query({ prefix: x })).pending.length, 16, 'and not what was given up before it')
    await after
    const done = Promise.all(all)
    let over = false
    void done.then(() => {
      over = true
    })
    while (!over) {
      for (const end of ends.splice(0)) end()
      await a.query({ prefix: x })
    }
    t.same((await a.query({ prefix: x })).held, [])
  },
)

clause('Snapshot: an ifAvailable that got nothing and an ended request leave no trace', async w => {
  const { t, a, b, x } = w
  await request(a, x, () => {})
  const held = await hold(a, x)
  await request(b, x, { ifAvailable: true }, () => {})
  t.match(await b.query({ prefix: x }), { held: [{ name: x }], pending: [] })
  held.release()
  await held.promise
  t.match(await b.query({ prefix: x }), { held: [], pending: [] })
})

clause(
  'Snapshot: the callback of a lock that a query shows as held has begun before it resolves',
  async w => {
    const { t, a, b, x } = w
    for (let i = 0; i < 20; i++) {
      let ran = false
      let end = () => {}
      const promise = request(a, `${x}/${i}`, () => {
        ran = true
        return new Promise<void>(resolve => {
          end = resolve
        })
      })
      const { held } = await a.query({ prefix: `${x}/${i}` })
      t.same([held.length, ran], [1, true])
      end()
      await promise
    }
    const held = await hold(a, x)
    let ran = false
    const next = request(b, x, () => {
      ran = true
    })
    await waiting(b, x, 1)
    held.release()
    for (let shown = false; !shown && !ran; ) {
      const state = await b.query({ prefix: x })
      shown = state.held.some(({ clientId }) => clientId === b.clientId)
      if (shown) t.ok(ran, 'also of one that has waited')
    }
    await next
  },
)

clause('The classes say what they are', async w => {
  const { t, a, x } = w
  t.equal(Object.prototype.toString.call(a), '[object LockManager]')
  await request(a, x, (lock: Lock) => t.equal(Object.prototype.toString.call(lock), '[object Lock]'))
})

// ---- Termination of locks

clause('Termination: who goes frees what it holds and waits for', async w => {
  const { t, a, x, cluster } = w
  const short = await connect(cluster.url)
  const held = await hold(short, x)
  const waits = rejection(request(short, x, never))
  const next = request(a, x, () => 'next')
  await waiting(a, x, 2)
  await short.close()
  t.equal(await next, 'next')
  isDomException(t, await rejection(held.promise), 'AbortError', 20, 'its request')
  t.match(await waits, { code: 'CLOSED' })
})

// ---- what differs (docs/WEB-LOCKS.md)

clause('Differs: names have 1 to 1,024 bytes of UTF-8 and no lone surrogates: a TypeError', async w => {
  const { t, a } = w
  for (const name of ['', '\ud800', 'x'.repeat(1_025), 'é'.repeat(513)])
    t.ok((await rejection(request(a, name, never))) instanceof TypeError)
  t.equal(await request(a, 'é'.repeat(512), () => 'ran'), 'ran')
})

clause('Differs: the Lock knows more: token, signal, held', async w => {
  const { t, a, b, x } = w
  const first = await hold(a, x)
  t.type(first.lock.token, 'number')
  t.ok(first.lock.held)
  const thief = await hold(b, x, { steal: true })
  const error = (await rejection(first.promise)) as DOMException
  t.ok(error.cause instanceof LockError)
  t.match(error.cause, { code: 'STOLEN' }, 'why')
  t.ok(first.lock.signal.aborted)
  t.notOk(first.lock.held)
  t.ok(thief.lock.token > first.lock.token)
  thief.release()
})

clause('Differs: stolen before its callback ran: rejects, and is never called back', async w => {
  const { t, a, x } = w
  const victim = rejection(request(a, x, never))
  await request(a, x, { steal: true }, () => {})
  isDomException(t, await victim, 'AbortError', 20, 'it never had it')
})

clause('Differs: query takes options of ours, and nothing else', async w => {
  const { t, a } = w
  const query = a.query as (...given: unknown[]) => Promise<unknown>
  for (const foreign of [null, 'x', 0, { x: 1 }])
    t.ok((await rejection(query.call(a, foreign))) instanceof TypeError, `${foreign}`)
  t.match(await query.call(a, undefined, 'more'), { held: [] })
})

clause('Differs: of the options those are refused that look misspelt, others are ignored', async w => {
  const { t, a, x } = w
  t.equal(await request(a, x, { colour: 1, [Symbol('x')]: 1 }, () => 'ran'), 'ran')
  const error = await rejection(request(a, x, { ifavailable: true }, never))
  t.ok(error instanceof TypeError)
  t.match(error, { message: /did you mean ifAvailable\?/ })
})

clause('Differs: timeout is an option, and a LockError with TIMEOUT', async w => {
  const { t, a, b, x } = w
  const held = await hold(a, x)
  const error = await rejection(request(b, x, { timeout: 5 }, never))
  t.ok(error instanceof LockError)
  t.match(error, { code: 'TIMEOUT' })
  t.ok((await rejection(request(b, x, { timeout: -1 }, never))) instanceof TypeError)
  held.release()
})

clause('Differs: pending is grouped by name, in alphabetical order', async w => {
  const { t, a, x } = w
  const held = await Promise.all(['q', 'p'].map(name => hold(a, `${x}/${name}`)))
  const waits = ['q', 'p', 'q'].map(name => request(a, `${x}/${name}`, () => {}))
  const { pending } = await a.query({ prefix: x })
  t.same(
    pending.map(({ name }) => name.at(-1)),
    ['p', 'q', 'q'],
  )
  for (const { release } of held) release()
  await Promise.all(waits)
})

clause('Differs: after close() requests reject with CLOSED', async w => {
  const { t, cluster, x } = w
  const closed = await connect(cluster.url)
  await closed.close()
  t.match(await rejection(request(closed, x, never)), { name: 'LockError', code: 'CLOSED', definite: true })
  t.match(await rejection(closed.query()), { code: 'CLOSED' })
})
