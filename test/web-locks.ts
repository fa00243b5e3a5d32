// The Web Locks specification (w3c.github.io/web-locks), clause by clause, against a real cluster through
// real sockets: what `navigator.locks` does, the client does. The name of a test names the clause. What
// differs, and why, is in docs/WEB-LOCKS.md; the last tests here hold that list.

import t, { type Test } from 'tap'
import { connect, type Lock, type LockClient, LockError } from '../client/index.ts'
import { RealCluster } from './fixtures/real-cluster.ts'

// ---- what the stories are told with

type Given = readonly unknown[]
/** As JavaScript calls it: any arguments at all. */
const request = (locks: LockClient, ...given: Given): Promise<unknown> =>
  (locks.request as (...given: Given) => Promise<unknown>).call(locks, ...given)

interface Hold {
  /** Settles as the request does. */
  readonly promise: Promise<unknown>
  readonly lock: Lock
  release(value?: unknown): void
  fail(error: unknown): void
}

/** Holds the lock until it is told to end. */
async function hold(locks: LockClient, name: string, options: object = {}): Promise<Hold> {
  const granted = deferred<Lock>()
  const end = deferred<unknown>()
  const promise = request(locks, name, options, (lock: Lock) => {
    granted.resolve(lock)
    return end.promise
  })
  promise.catch(() => {})
  const lock = await Promise.race([granted.promise, promise as Promise<never>])
  return { promise, lock, release: end.resolve, fail: end.reject }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes as (value: T) => void
    reject = no
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/** Until the servers know of so many waiters. */
async function waiting(locks: LockClient, name: string, count: number): Promise<void> {
  for (;;) {
    const { pending } = await locks.query({ prefix: name })
    if (pending.length === count) return
  }
}

const never = () => {
  throw new Error('the callback was called')
}
const isDomException = (t: Test, error: unknown, name: string, code: number, message: string) => {
  t.ok(error instanceof DOMException, `${message}: a DOMException`)
  t.match(error, { name, code }, message)
}
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    value => {
      throw new Error(`it resolved with ${value}`)
    },
    error => error,
  )
const notSupported = async (t: Test, promise: Promise<unknown>, message: string) =>
  isDomException(t, await rejection(promise), 'NotSupportedError', 9, message)

type World = { t: Test; a: LockClient; b: LockClient; cluster: RealCluster }
let world: Omit<World, 't'>
let names = 0

/** A clause: `x` is a lock name of its own. */
function clause(name: string, story: (world: World & { x: string }) => Promise<void>): void {
  t.test(name, t => story({ ...world, t: t as Test, x: `clause-${++names}` }))
}

t.before(async () => {
  const cluster = await RealCluster.start(2)
  const [a, b] = await Promise.all([
    connect(cluster.url, { name: 'a', ttl: 30_000 }),
    connect(cluster.url, { name: 'b', ttl: 30_000 }),
  ])
  world = { a, b, cluster }
})
t.teardown(async () => {
  await world.a.close()
  await world.b.close()
  await world.cluster[Symbol.asyncDispose]()
})

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
  t.same(read.splice(0), ['ifAvailable', 'mode', 'signal', 'steal', 'timeout'])
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
  'Process a lock request queue: callbacks run in the order of the grants, each in a task of its own',
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
    // The grant of one client and the next lines of another's meet in the same turn sooner or later.
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController()
      const held = await hold(a, x)
      const promise = request(a, x, { signal: controller.signal }, () => 'ran')
      held.release()
      // Settled is: released. The grant came in the same frame, its callback has its own task.
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
