// AbortSignals of other realms and of polyfills, and many listeners on one: nothing is refused, left or warned of.

import { runInNewContext } from 'node:vm'
import t from 'tap'
import { closeOnSignals, connect, type LockClient } from '../client/index.ts'
import { startCluster } from '../testing/index.ts'

/** As a polyfill makes it: no class of this realm, no reason, events of its own. */
class OddSignal {
  aborted = false
  readonly listeners = new Set<() => void>()

  addEventListener(_type: string, listener: () => void): void {
    this.listeners.add(listener)
  }

  removeEventListener(_type: string, listener: () => void): void {
    this.listeners.delete(listener)
  }

  abort(): void {
    this.aborted = true
    for (const listener of [...this.listeners]) listener()
  }
}

/** Nobody listens to it any more: it was aborted between the grant and the call's own turn. */
class LateSignal extends OddSignal {
  override removeEventListener(type: string, listener: () => void): void {
    super.removeEventListener(type, listener)
    this.aborted = true
  }
}

const taken = (odd: OddSignal) => odd as unknown as AbortSignal

async function withClient(act: (locks: LockClient, url: string) => Promise<void>): Promise<void> {
  await using cluster = await startCluster()
  await using locks = await connect(cluster.url)
  await act(locks, cluster.url)
}

t.test('a signal that is a polyfill ends a wait, and nothing listens to it afterwards', async t => {
  await withClient(async locks => {
    await using _held = await locks.acquire('a')
    const odd = new OddSignal()
    const waits = [locks.acquire('a', { signal: taken(odd) }), locks.acquire('a', { signal: taken(odd) })]
    t.equal(odd.listeners.size, 1)
    odd.abort()
    for (const wait of waits) await t.rejects(wait, { name: 'AbortError' })
    t.equal(odd.listeners.size, 0)
    await t.rejects(locks.acquire('b', { signal: taken(odd) }), { name: 'AbortError' })
  })
})

t.test(
  'each call that a polyfill without a reason ends rejects with an AbortError, before and after it began',
  async t => {
    await withClient(async (locks, url) => {
      await using _held = await locks.acquire('a')
      const calls: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
        connect: signal => connect(url, { signal }),
        request: signal => locks.request('a', { signal }, () => {}),
        acquire: signal => locks.acquire('a', { signal }),
        acquireAll: signal => locks.acquireAll(['a', 'b'], { signal }),
        once: signal => locks.once('a', 'key', { keep: 1_000, signal }, () => {}),
        lead: signal => locks.lead('a', { signal }, () => {}),
        query: signal => locks.query({ signal }),
      }
      for (const [name, call] of Object.entries(calls)) {
        const before = new OddSignal()
        before.abort()
        await t.rejects(call(taken(before)), { name: 'AbortError' }, `${name}, aborted before`)
        if (['connect', 'query'].includes(name)) continue
        const after = new OddSignal()
        const made = call(taken(after))
        after.abort()
        await t.rejects(made, { name: 'AbortError' }, `${name}, aborted after`)
        t.equal(after.listeners.size, 0)
      }
    })
  },
)

t.test('a polyfill that aborts while the grant is on its way ends the call with an AbortError', async t => {
  await withClient(async locks => {
    const calls: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
      request: signal => locks.request('a', { signal }, () => t.fail('it must not run')),
      once: signal => locks.once('a', 'k', { signal }, () => t.fail('it must not run')),
    }
    for (const [name, call] of Object.entries(calls))
      await t.rejects(call(taken(new LateSignal())), { name: 'AbortError' }, name)
  })
})

t.test('a term of a leader that a polyfill ends has a reason, and lead rejects', async t => {
  await withClient(async locks => {
    const odd = new OddSignal()
    const leading = locks.lead('a', { signal: taken(odd) }, async ({ signal }) => {
      odd.abort()
      t.match(signal.reason, { name: 'AbortError' })
      throw signal.reason
    })
    await t.rejects(leading, { name: 'AbortError' })
    t.equal(odd.listeners.size, 0)
  })
})

t.test('a signal of another realm is one, and its reason is what a call rejects with', async t => {
  await withClient(async locks => {
    const signal = runInNewContext('Object.setPrototypeOf(signal, Object.create(proto))', {
      signal: AbortSignal.abort('over'),
      proto: AbortSignal.prototype,
    }) as AbortSignal
    await t.rejects(
      locks.acquire('a', { signal }).catch(reason => Promise.reject(new Error(reason))),
      /over/,
    )
  })
})

t.test('what is none is refused with what it was and what a signal is', async t => {
  await withClient(async locks => {
    for (const none of [{}, { aborted: false }, 'abort', 7, null])
      await t.rejects(locks.acquire('a', { signal: none as unknown as AbortSignal }), {
        name: 'TypeError',
        message: /^signal must be an AbortSignal, an object with aborted and addEventListener, not /,
      })
  })
})

function listen(signal: AbortSignal): void {
  for (let i = 0; i < 30; i++) signal.addEventListener('abort', () => {})
}

t.test('a polyfill that lets no listener go is a signal, too', async t => {
  await withClient(async locks => {
    const clinging = { aborted: false, addEventListener() {} } as unknown as AbortSignal
    const lock = await locks.acquire('a', { signal: clinging })
    t.ok(lock.held)
    t.equal(await locks.request('b', { signal: clinging }, () => 'ran'), 'ran')
  })
})

t.test('many clients on one signal, and many listeners on each signal of ours, warn of no leak', async t => {
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  await withClient(async (locks, url) => {
    const controller = new AbortController()
    const all = Array.from({ length: 15 }, () => connect(url, { signal: controller.signal }))
    const lock = await locks.acquire('a')
    listen(lock.signal)
    await locks.lead('b', {}, ({ signal }) => listen(signal))
    using closing = closeOnSignals(locks)
    listen(closing.signal)
    for (const client of await Promise.all(all)) await client.close()
    await new Promise(resolve => setImmediate(resolve))
  })
  process.off('warning', warned)
  t.same(warnings, [])
})
