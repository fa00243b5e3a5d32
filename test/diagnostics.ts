// Node's diagnostics channels, for a program with a client in it. Without a listener, the
// client makes no messages for them, and a listener that throws harms no call.

import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { connect } from '../client/index.ts'
import { diagnosticEvents } from '../wire/net/runtime.ts'
import { until } from './fixtures/deadline.ts'
import { startSmallCluster } from './fixtures/small-cluster.ts'

const { view, primary } = await startSmallCluster(t)

t.test('each channel reports what happened, and to which client', async t => {
  const told: [string, Record<string, unknown>][] = []
  const listeners = diagnosticEvents.map(event => {
    const listener = (message: unknown) => void told.push([event, message as Record<string, unknown>])
    subscribe(`holdfast:${event}`, listener)
    return () => unsubscribe(`holdfast:${event}`, listener)
  })
  const locks = await connect(view.address, { name: 'told' })
  const lock = await locks.acquire('x')
  await lock.release()
  t.equal(await locks.request('y', async () => 5), 5)
  await locks.acquire('x')
  await locks.acquire('x', { steal: true })
  await primary.close()
  const has = (event: string, part: object = {}) =>
    told.some(([each, message]) => each === event && Object.entries(part).every(([k, v]) => message[k] === v))
  await until('it has another primary', () => has('session', { resumed: true }))
  await locks.close()
  t.ok(has('session', { resumed: false, ttl: 10_000, client: 'told' }))
  t.ok(has('view') && has('reconnecting') && has('lost', { code: 'STOLEN' }))
  t.match(
    told.filter(([event]) => event === 'acquire' || event === 'granted' || event === 'release').slice(0, 6),
    [
      ['acquire', { names: ['x'], mode: 'exclusive', manner: 'wait' }],
      ['granted', { names: ['x'], tokens: [lock.token] }],
      ['release', { name: 'x', token: lock.token }],
      ['acquire', { names: ['y'] }],
      ['granted', { names: ['y'] }],
      ['release', { name: 'y' }],
    ],
  )
  t.ok(told.every(([, message]) => message.client === 'told'))
  for (const end of listeners) end()
  for (const event of diagnosticEvents) t.notOk(channel(`holdfast:${event}`).hasSubscribers)
})

t.test('browsers have no diagnostics channels, and API.md names every channel', async t => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  t.notMatch(read('wire/net/runtime-web.ts'), /node:/)
  const { runtime } = (await import(
    '../wire/net/runtime-web.ts'
  )) as typeof import('../wire/net/runtime-node.ts')
  for (const event of diagnosticEvents) {
    t.equal(runtime.diagnostics[event].hasSubscribers, false)
    t.match(read('docs/API.md'), new RegExp(`holdfast:${event}\\b`))
  }
})
