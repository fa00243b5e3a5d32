// The Web Locks specification (w3c.github.io/web-locks), clause by clause, against a real
// cluster: the client does what `navigator.locks` does. This file holds the request of a
// lock: arguments, the steps of the method, the queue. The name of a test names the clause.

import type { Lock } from '../client/index.ts'
import {
  clause,
  type Given,
  hold,
  isDomException,
  never,
  notSupported,
  rejection,
  request,
  waiting,
} from './fixtures/web-locks.ts'

// ---- LockManager.request(): arguments, as WebIDL converts them

clause('WebIDL: too few arguments are a TypeError, as a rejection, and nothing is converted', async w => {
  const { t, a } = w
  let converted = 0
  const name = { toString: () => `${++converted}` }
  for (const given of [[], [name]]) {
    let promise: Promise<unknown> | undefined
    t.doesNotThrow(() => {
      promise = request(a, ...given)
    })
    t.ok((await rejection(promise as Promise<unknown>)) instanceof TypeError)
  }
  t.equal(converted, 0)
})

clause('WebIDL: two arguments are name and callback, three are name, options and callback', async w => {
  const { t, a, x } = w
  const callback = (lock: Lock) => lock.mode
  t.equal(await request(a, x, callback), 'exclusive')
  t.equal(await request(a, x, { mode: 'shared' }, callback), 'shared')
  t.equal(await request(a, x, { mode: 'shared' }, callback, never, 'ignored'), 'shared')
  t.ok((await rejection(request(a, x, {}))) instanceof TypeError, 'an object is no callback')
  t.ok((await rejection(request(a, x, callback, undefined))) instanceof TypeError, 'undefined is no callback')
})

clause('WebIDL: the name is converted to a string', async w => {
  const { t, a } = w
  const name = (lock: Lock) => lock.name
  t.equal(await request(a, 42, name), '42')
  t.equal(await request(a, null, name), 'null')
  t.equal(await request(a, undefined, name), 'undefined')
  t.equal(await request(a, { toString: () => 'from an object' }, name), 'from an object')
  t.equal(await request(a, ['p', 'q'], name), 'p,q')
  t.ok((await rejection(request(a, Symbol('s'), name))) instanceof TypeError, 'a symbol has no string')
  const thrown = new Error('from toString')
  const throws = {
    toString: () => {
      throw thrown
    },
  }
  t.equal(await rejection(request(a, throws, name)), thrown, 'what toString throws is passed on')
})

clause('WebIDL: a callback that can not be called is a TypeError', async w => {
  const { t, a, x } = w
  for (const callback of [undefined, null, 7, 'callback', {}, [], Symbol('s')]) {
    t.ok((await rejection(request(a, x, callback))) instanceof TypeError)
    t.ok((await rejection(request(a, x, {}, callback))) instanceof TypeError)
  }
})

clause('WebIDL: options may be null, undefined or any object, and nothing else', async w => {
  const { t, a, x } = w
  const mode = (lock: Lock) => lock.mode
  for (const options of [null, undefined, {}, [], () => {}, new Date(), { unknown: 1 }])
    t.equal(await request(a, x, options, mode), 'exclusive')
  for (const options of [7, 'shared', true, Symbol('s'), 7n])
    t.ok((await rejection(request(a, x, options, never))) instanceof TypeError, typeof options)
  const inherited = Object.create({ mode: 'shared' })
  t.equal(await request(a, x, inherited, mode), 'shared', 'inherited members count')
})

clause('WebIDL: members are read once, in alphabetical order, each converted before the next', async w => {
  const { t, a, x } = w
  const read: string[] = []
  const options = (values: Record<string, unknown>) =>
    new Proxy(values, {
      get: (target, key) => {
        read.push(String(key))
        return target[String(key)]
      },
    })
  await request(a, x, options({ mode: 'shared' }), () => {})
  const ours = ['holdAtLeast', 'holdAtMost', 'note', 'permits']
  t.same(read.splice(0), ['ifAvailable', 'mode', 'signal', 'steal', 'timeout', ...ours], 'ours come last')
  t.ok((await rejection(request(a, x, options({ mode: 'wrong', signal: 7 }), never))) instanceof TypeError)
  t.same(read.splice(0), ['ifAvailable', 'mode'], 'a wrong mode ends it')
  t.ok((await rejection(request(a, x, options({ signal: {} }), never))) instanceof TypeError)
  t.same(read.splice(0), ['ifAvailable', 'mode', 'signal'], 'a wrong signal ends it')
  const thrown = new Error('from a getter')
  const throws = {
    get steal(): boolean {
      throw thrown
    },
  }
  t.equal(await rejection(request(a, x, throws, never)), thrown)
})

clause('WebIDL: mode is an enum: converted to a string; undefined is the default', async w => {
  const { t, a, x } = w
  const mode = (lock: Lock) => lock.mode
  t.equal(await request(a, x, { mode: undefined }, mode), 'exclusive')
  t.equal(await request(a, x, { mode: { toString: () => 'shared' } }, mode), 'shared')
  for (const wrong of ['', 'Shared', 'read', null, 7, {}, Symbol('s')])
    t.ok((await rejection(request(a, x, { mode: wrong }, never))) instanceof TypeError)
})

clause('WebIDL: ifAvailable and steal are converted to booleans', async w => {
  const { t, a, x } = w
  const held = await hold(a, x)
  for (const truthy of [true, 1, 'false', {}, []])
    t.equal(await request(a, x, { ifAvailable: truthy }, (lock: Lock | null) => lock), null)
  for (const falsy of [false, 0, '', null, undefined]) {
    const controller = new AbortController()
    const waits = request(a, x, { ifAvailable: falsy, steal: falsy, signal: controller.signal }, never)
    controller.abort()
    t.match(await rejection(waits), { name: 'AbortError' }, 'it waits')
  }
  held.release()
})

clause('WebIDL: signal is an AbortSignal; undefined is none, null is a TypeError', async w => {
  const { t, a, x } = w
  t.equal(await request(a, x, { signal: undefined }, () => 'ran'), 'ran')
  for (const wrong of [null, 7, 'signal', {}, new AbortController(), new EventTarget()])
    t.ok((await rejection(request(a, x, { signal: wrong }, never))) instanceof TypeError)
})

clause('WebIDL: conversions come first, from left to right; then the steps of the method', async w => {
  const { t, a } = w
  t.ok((await rejection(request(a, '-x', { mode: 'wrong' }, never))) instanceof TypeError)
  t.ok((await rejection(request(a, '-x', {}, 'no callback'))) instanceof TypeError)
  t.ok((await rejection(request(a, Symbol('s'), { mode: 'wrong' }, 7))) instanceof TypeError)
  const order: string[] = []
  const name = { toString: () => `${order.push('name')}` }
  const options = {
    get mode() {
      order.push('options')
      return 'wrong'
    },
  }
  await rejection(request(a, name, options, 7))
  t.same(order, ['name', 'options'])
})

clause('WebIDL: called on something else it rejects with a TypeError', async w => {
  const { t, a, x } = w
  const { request: alone, query } = a as unknown as Record<string, (...given: Given) => Promise<unknown>>
  t.ok(
    (await rejection((alone as typeof query)?.call({}, x, never) as Promise<unknown>)) instanceof TypeError,
  )
  t.ok((await rejection(query?.call({}) as Promise<unknown>)) instanceof TypeError)
  t.equal(a.request.length, 2, 'as many arguments as it needs')
  t.equal(a.query.length, 0)
})

// ---- LockManager.request(): the steps of the method

clause('request(): a name that begins with U+002D is a NotSupportedError', async w => {
  const { t, a } = w
  await notSupported(t, request(a, '-', never), '-')
  await notSupported(t, request(a, '-x', {}, never), '-x')
  t.equal(await request(a, 'x-', () => 'ran'), 'ran', 'elsewhere it may stand')
  t.equal(await request(a, '\u2212x', () => 'ran'), 'ran', 'another dash is another character')
})

clause('request(): steal and ifAvailable together are a NotSupportedError', async w => {
  const { t, a, x } = w
  await notSupported(t, request(a, x, { steal: true, ifAvailable: true }, never), 'both')
  await notSupported(
    t,
    request(a, x, { steal: true, ifAvailable: true, mode: 'shared' }, never),
    'and shared',
  )
})

clause('request(): steal in another mode than exclusive is a NotSupportedError', async w => {
  const { t, a, x } = w
  await notSupported(t, request(a, x, { steal: true, mode: 'shared' }, never), 'shared')
  t.equal(await request(a, x, { steal: true, mode: 'exclusive' }, () => 'ran'), 'ran')
})

clause('request(): a signal with steal or ifAvailable is a NotSupportedError, aborted or not', async w => {
  const { t, a, x } = w
  const { signal } = new AbortController()
  const aborted = AbortSignal.abort()
  for (const options of [{ steal: true }, { ifAvailable: true }]) {
    await notSupported(t, request(a, x, { ...options, signal }, never), 'a signal')
    await notSupported(t, request(a, x, { ...options, signal: aborted }, never), 'an aborted one')
  }
  await notSupported(t, request(a, '-x', { signal: aborted }, never), 'the name comes before the signal')
})

clause('request(): an aborted signal rejects with its reason, and nothing is requested', async w => {
  const { t, a, x } = w
  const reason = new Error('why')
  t.equal(await rejection(request(a, x, { signal: AbortSignal.abort(reason) }, never)), reason)
  const error = await rejection(request(a, x, { signal: AbortSignal.abort() }, never))
  isDomException(t, error, 'AbortError', 20, 'the default reason')
  t.equal(await rejection(request(a, x, { signal: AbortSignal.abort(7) }, never)), 7, 'whatever it is')
  t.same((await a.query({ prefix: x })).held, [])
})

clause('request(): returns a promise at once, and calls nothing before', async w => {
  const { t, a, x } = w
  let called = false
  const promise = a.request(x, () => {
    called = true
  })
  t.ok(promise instanceof Promise)
  t.notOk(called)
  await null
  t.notOk(called, 'the callback has a task of its own')
  await promise
  t.ok(called)
})

// ---- Request a lock

clause(
  'Request a lock: ifAvailable and not grantable: the callback gets null, the promise its result',
  async w => {
    const { t, a, b, x } = w
    const held = await hold(a, x)
    t.equal(await request(b, x, { ifAvailable: true }, (lock: unknown) => lock), null)
    t.equal(await request(b, x, { ifAvailable: true, mode: 'shared' }, () => 'result'), 'result')
    const thrown = new Error('from the callback')
    const throws = () => {
      throw thrown
    }
    t.equal(await rejection(request(b, x, { ifAvailable: true }, throws)), thrown)
    t.equal((await b.query({ prefix: x })).pending.length, 0, 'it never waited')
    held.release()
  },
)

clause('Request a lock: ifAvailable and grantable: the callback gets the lock', async w => {
  const { t, a, b, x } = w
  t.match(await request(a, x, { ifAvailable: true }, (lock: Lock) => [lock.name, lock.mode]), [
    x,
    'exclusive',
  ])
  const shared = await hold(a, x, { mode: 'shared' })
  t.equal(await request(b, x, { ifAvailable: true, mode: 'shared' }, (lock: Lock) => lock.mode), 'shared')
  t.equal(await request(b, x, { ifAvailable: true }, (lock: unknown) => lock), null)
  shared.release()
})

clause('Request a lock: ifAvailable does not pass those that wait', async w => {
  const { t, a, b, x } = w
  const shared = await hold(a, x, { mode: 'shared' })
  const waits = request(b, x, () => 'waited')
  await waiting(a, x, 1)
  t.equal(await request(a, x, { mode: 'shared', ifAvailable: true }, (lock: unknown) => lock), null)
  shared.release()
  t.equal(await waits, 'waited')
})

clause(
  "Request a lock: steal rejects the holder's promise with an AbortError, and holds the lock",
  async w => {
    const { t, a, b, x } = w
    const victim = await hold(a, x)
    const thief = await hold(b, x, { steal: true })
    isDomException(t, await rejection(victim.promise), 'AbortError', 20, 'the victim')
    const { held } = await b.query({ prefix: x })
    t.match(held, [{ clientId: b.clientId, token: thief.lock.token }])
    victim.release('too late')
    isDomException(t, await rejection(victim.promise), 'AbortError', 20, 'however its callback ends')
    t.match((await b.query({ prefix: x })).held, [{ clientId: b.clientId }], 'the end of it releases nothing')
    thief.release('done')
    t.equal(await thief.promise, 'done')
  },
)

clause('Request a lock: steal takes it from all that share it', async w => {
  const { t, a, b, x } = w
  const victims = await Promise.all([hold(a, x, { mode: 'shared' }), hold(b, x, { mode: 'shared' })])
  t.equal(await request(a, x, { steal: true }, (lock: Lock) => lock.mode), 'exclusive')
  for (const { promise } of victims) isDomException(t, await rejection(promise), 'AbortError', 20, 'each')
})

clause('Request a lock: a stolen lock may be stolen again', async w => {
  const { t, a, b, x } = w
  const first = await hold(a, x)
  const second = await hold(a, x, { steal: true })
  const third = await hold(b, x, { steal: true })
  t.match(await rejection(first.promise), { name: 'AbortError' })
  t.match(await rejection(second.promise), { name: 'AbortError' })
  third.release(3)
  t.equal(await third.promise, 3)
})

clause('Request a lock: steal of a free lock just gets it', async w => {
  const { t, a, x } = w
  t.equal(await request(a, x, { steal: true }, () => 'ran'), 'ran')
})

clause('Request a lock: steal goes before those that wait, and they keep their places', async w => {
  const { t, a, b, x } = w
  const order: string[] = []
  const victim = await hold(a, x)
  const first = request(b, x, () => void order.push('first'))
  await waiting(a, x, 1)
  const second = request(a, x, () => void order.push('second'))
  await waiting(a, x, 2)
  const thief = await hold(b, x, { steal: true })
  t.equal((await a.query({ prefix: x })).pending.length, 2, 'they wait on')
  order.push('thief')
  thief.release()
  await Promise.all([first, second, thief.promise])
  t.same(order, ['thief', 'first', 'second'])
  t.match(await rejection(victim.promise), { name: 'AbortError' })
})

clause('Request a lock: names do not touch one another', async w => {
  const { t, a, x } = w
  const held = await hold(a, x)
  t.equal(await request(a, `${x}/other`, () => 'ran'), 'ran')
  t.equal(await request(a, x.toUpperCase(), () => 'ran'), 'ran', 'case counts')
  held.release()
})

// ---- Process a lock request queue

clause(
  'Process a lock request queue: exclusive ones one after the other, in the order of the requests',
  async w => {
    const { t, a, x } = w
    const order: number[] = []
    let running = 0
    const all = [1, 2, 3, 4, 5].map(n =>
      request(a, x, async () => {
        t.equal(++running, 1)
        await null
        order.push(n)
        running--
      }),
    )
    await Promise.all(all)
    t.same(order, [1, 2, 3, 4, 5])
  },
)

clause('Process a lock request queue: shared ones together, until an exclusive one waits', async w => {
  const { t, a, b, x } = w
  const one = await hold(a, x, { mode: 'shared' })
  const two = await hold(b, x, { mode: 'shared' })
  let exclusive = false
  const alone = request(b, x, () => {
    exclusive = true
  })
  await waiting(a, x, 1)
  let after = false
  const three = request(a, x, { mode: 'shared' }, () => {
    t.ok(exclusive, 'not before the exclusive one')
    after = true
  })
  await waiting(a, x, 2)
  one.release()
  await one.promise
  t.notOk(exclusive, 'not while one still shares it')
  two.release()
  await Promise.all([alone, three])
  t.ok(after)
})

clause('Process a lock request queue: a client does not enter its own lock twice', async w => {
  const { t, a, x } = w
  const outer = await hold(a, x)
  t.equal(await request(a, x, { ifAvailable: true }, (lock: unknown) => lock), null)
  let inner = false
  const second = request(a, x, () => {
    inner = true
  })
  await waiting(a, x, 1)
  t.notOk(inner)
  outer.release()
  await second
  t.ok(inner)
})

clause('Process a lock request queue: the callback is called with a Lock alone, and no this', async w => {
  const { t, a, x } = w
  let self: unknown = 'unset'
  const given = await request(a, x, function (this: unknown, ...args: unknown[]) {
    self = this
    return args
  })
  t.equal(self, undefined)
  const [lock, ...more] = given as [Lock]
  t.same(more, [])
  t.match(lock, { name: x, mode: 'exclusive' })
  t.throws(
    () => {
      ;(lock as { mode: string }).mode = 'shared'
    },
    TypeError,
    'read-only',
  )
})

clause(
  'Process a lock request queue: callbacks run in the order of the grants, each in a separate task',
  async w => {
    const { t, a, x } = w
    const order: string[] = []
    const all = [1, 2, 3].map(n =>
      request(a, x, { mode: 'shared' }, () => {
        order.push(`${n}`)
        void Promise.resolve().then(() => order.push(`${n}, microtask`))
      }),
    )
    await Promise.all(all)
    t.same(order, ['1', '1, microtask', '2', '2, microtask', '3', '3, microtask'])
  },
)
