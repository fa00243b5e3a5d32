// Small parts of the client, each alone: bounds of its options, listeners, the addresses that it knows. What they are
// for in the whole is shown by the stories of the client.

import { getEventListeners } from 'node:events'
import t from 'tap'
import { Listeners } from '../client/events.ts'
import { FenceGuard } from '../client/fence-guard.ts'
import { checkClose, checkConnect, checkLimits, checkNames } from '../client/options.ts'
import { Addresses } from '../client/session/addresses.ts'
import { namesPerAcquireMax, ttlMsMax } from '../wire/limits.ts'

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
  listeners.emit('reconnecting', { clientId: 'a' })
  listeners.emit('reconnecting', { clientId: 'a' })
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
    ['a', 30],
    ['b', 5],
    ['a', 31],
    ['c', 32],
  ] as const)
    t.ok(guard.accepts({ name, token }))
  t.ok(guard.accepts({ name: 'd', token: 6 }), 'only the token of b is forgotten')
})

t.test('F1: a new view makes each address due at once, and forgets those of older views only', async t => {
  const addresses = new Addresses(['ws://seed:1'])
  const urls = () => [...addresses.all()].map(({ url }) => url)
  addresses.renew(['ws://a:1', 'ws://b:1'])
  for (const address of addresses.all()) addresses.failed(address, 'away', 1_000, 1)
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
