// Small parts of the client, each alone: bounds of its options, listeners, the addresses that it knows. What they are
// for in the whole is shown by the stories of the client.

import { getEventListeners } from 'node:events'
import t from 'tap'
import { Listeners } from '../client/events.ts'
import { FenceGuard } from '../client/fence-guard.ts'
import type { Lock } from '../client/lock.ts'
import { checkClose, checkConnect, checkLimits, checkNames } from '../client/options.ts'
import { Addresses } from '../client/session/addresses.ts'
import type { ClientEffect } from '../client/session/effects.ts'
import type { Link } from '../client/session/link.ts'
import { Route } from '../client/session/route.ts'
import { runRequest } from '../client/web-locks.ts'
import { namesPerAcquireMax, ttlMsMax } from '../wire/limits.ts'
import type { View, Welcome } from '../wire/messages.ts'
import type { Runtime } from '../wire/net/runtime.ts'
import { server, view } from './fixtures/client-story.ts'

const names = (count: number) => Array.from({ length: count }, (_, i) => `name ${i}`)

t.test('S1: an option of exactly its limit is taken, and one beyond is refused', async t => {
  t.doesNotThrow(() => checkNames(names(namesPerAcquireMax)))
  t.throws(() => checkNames(names(namesPerAcquireMax + 1)), TypeError)
  const connect = (ttl: number) => checkConnect({ environment: {}, clientName: 'c' }, 'ws://a:1', { ttl })
  t.equal(connect(1).ttlMs, 1)
  t.equal(connect(ttlMsMax).ttlMs, ttlMsMax)
  for (const ttl of [0, ttlMsMax + 1]) t.throws(() => connect(ttl), TypeError)
  t.doesNotThrow(() => checkLimits({ timeout: 2 ** 31 - 1 }))
  t.throws(() => checkLimits({ timeout: 2 ** 31 }), TypeError)
  t.equal(checkClose({ finishWithin: 5 }), 5)
  t.equal(checkClose({ finishWithin: Number.POSITIVE_INFINITY }), 2 ** 31 - 1, 'a timer can wait no longer')
})

t.test('a listener that listens once is told once, also if it throws', async t => {
  const listeners = new Listeners()
  let calls = 0
  const thrown = new Promise(resolve => process.once('uncaughtException', resolve))
  const listener = () => {
    calls++
    throw new Error('of the program')
  }
  listeners.add('reconnecting', listener, { once: true })
  listeners.emit('reconnecting', { group: 0, clientId: 'a' })
  listeners.emit('reconnecting', { group: 0, clientId: 'a' })
  t.match(await thrown, { message: 'of the program' })
  t.equal(calls, 1)
})

t.test('a listener that is taken back leaves nothing at its signal', async t => {
  const listeners = new Listeners()
  const { signal } = new AbortController()
  const listener = () => {}
  for (let i = 0; i < 3; i++) {
    listeners.add('lost', listener, { signal })
    listeners.remove('lost', listener)
  }
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('F12: a full guard forgets the name that was used longest ago', async t => {
  const guard = new FenceGuard({ namesMax: 2 })
  for (const [name, token] of [
    ['{slot}/a', 30],
    ['{slot}/b', 5],
    ['{slot}/a', 31],
    ['{slot}/c', 32],
  ] as const)
    t.ok(guard.accepts({ name, token }))
  t.ok(guard.accepts({ name: '{slot}/d', token: 6 }), 'only the token of b is forgotten')
})

t.test('F1: a new view makes each address due at once, and forgets those of older views only', async t => {
  const addresses = new Addresses(['ws://seed:1'])
  const urls = () => [...addresses.all()].map(({ url }) => url)
  addresses.renew(['ws://a:1', 'ws://b:1'])
  for (const address of addresses.all()) addresses.failed(address, { code: 'CLOSED', text: 'away' }, 1_000, 1)
  addresses.renew(['ws://b:1'])
  t.same(urls(), ['ws://seed:1', 'ws://b:1'])
  for (const { retryAt, failures } of addresses.all()) t.same([retryAt, failures], [0, 0])
})

t.test('F1: a client has no hope left only when each address has refused it', async t => {
  const addresses = new Addresses(['ws://a:1', 'ws://b:1'])
  const [a, b] = [...addresses.all()]
  const refusal = { code: 'WRONG_SECRET', text: 'no' }
  if (a !== undefined) a.refusal = refusal
  t.equal(addresses.refusal(), null)
  if (b !== undefined) b.refusal = refusal
  t.same(addresses.refusal(), refusal)
})

t.test('S1: a request whose signal fires before its callback gives the lock back', async t => {
  let released = 0
  const release = async () => void released++
  const lock = { name: 'x', signal: new AbortController().signal, release } as unknown as Lock
  const runtime = { afterTurn: (then: () => void) => setImmediate(then) } as unknown as Runtime
  const given = new AbortController()
  const run = runRequest(runtime, lock, given.signal, () => t.fail('no callback runs'))
  given.abort('enough')
  await t.rejects(run, 'enough')
  t.equal(released, 1)
})

/** A route whose dials are answered by hand, on a clock that is set by hand. */
class Way {
  readonly route: Route
  now = { monotonic: 1_000_000, wall: 1_700_000_000_000 }

  constructor(...addresses: string[]) {
    this.route = new Route({ addresses, name: 'c', cluster: null, ttlMs: 10_000 })
  }

  arrange(): ClientEffect[] {
    const out: ClientEffect[] = []
    this.route.arrange(this.now, 0.5, out)
    return out
  }

  /** The connections that are dialled now. */
  dialled(): Link[] {
    return this.arrange().flatMap(effect => {
      const link = effect.do === 'dial' ? this.route.get(effect.connection) : undefined
      return link === undefined ? [] : [link]
    })
  }

  /** The lock server of this letter answers. */
  welcomed(link: Link, letter: string, role: 'primary' | 'backup', known: View): void {
    const { id } = server(letter)
    this.route.welcomed(
      link,
      { kind: 'lockserver', id, role, view: known, cluster: null } as Welcome,
      this.now,
    )
  }
}

t.test('R2: a view that comes late makes no server one of an older view', async t => {
  const way = new Way('ws://a:7401')
  const [link] = way.dialled()
  if (link === undefined) throw new Error('a dial')
  way.welcomed(link, 'a', 'primary', view(3, 'a'))
  way.route.adopt(view(3, 'a'), [])
  t.ok(way.route.leads(link))
  way.route.pushed(link, view(2, 'b', 'a'))
  t.ok(way.route.leads(link))
})

t.test('F6: a second connection to the primary is dropped, and another server is watched', async t => {
  const way = new Way('ws://a:7401', 'ws://alias:7401')
  const [first, second] = way.dialled()
  if (first === undefined || second === undefined) throw new Error('two dials')
  for (const link of [first, second]) way.welcomed(link, 'a', 'primary', view(2, 'a', 'b'))
  way.route.adopt(view(2, 'a', 'b'), [])
  way.route.attach(first)
  const done = way.arrange()
  t.match(
    done.filter(effect => effect.do === 'close'),
    [{ connection: second.number }],
  )
  t.match(
    done.filter(effect => effect.do === 'dial'),
    [{ address: server('b').address }],
  )
})

t.test('F1: an address that has worked for a while is dialled again as soon as a new one', async t => {
  const way = new Way('ws://a:7401')
  for (const [lastedMs, failures] of [
    [null, 1],
    [null, 2],
    [10, 3],
    [5_000, 1],
    [10, 2],
  ] as const) {
    way.now = { ...way.now, monotonic: way.now.monotonic + 60_000 }
    const [link] = way.dialled()
    if (link === undefined) throw new Error('a dial')
    if (lastedMs !== null) way.welcomed(link, 'a', 'backup', view(2, 'c', 'a'))
    way.now = { ...way.now, monotonic: way.now.monotonic + (lastedMs ?? 0) }
    way.route.failed(link, { code: 'CLOSED', text: 'cut' }, way.now, 0.5)
    t.equal(link.address.failures, failures)
  }
})
