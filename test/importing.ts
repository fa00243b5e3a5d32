// What a program may do to the platform around the package: fake its timers, have the package twice, or lack what pages
// have. npm run test:matrix tries the same with the tools that do so.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mock } from 'node:test'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { connect, FenceGuard, Lock, LockClient, LockError, StaleTokenError } from '../client/index.ts'
import { startCluster } from '../testing/index.ts'
import { countBytes, cutToBytes } from '../wire/text-bytes.ts'

t.test('fake timers of a test stop neither a client nor a cluster for tests', async t => {
  t.teardown(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setImmediate', 'setInterval', 'setTimeout', 'Date'], now: 0 })
  const cluster = await startCluster()
  const locks = await connect(cluster.url, { ttl: 5_000 })
  const lock = await locks.acquire('a', { timeout: 5_000 })
  await t.rejects(locks.acquire('a', { timeout: 20 }), { code: 'TIMEOUT' })
  mock.timers.setTime(24 * 60 * 60 * 1_000)
  t.ok(lock.held, 'a faked day is no day of the lease')
  const { now } = performance
  performance.now = () => now.call(performance) + 24 * 60 * 60 * 1_000
  t.ok(lock.held, 'nor is a faked day of the monotonic clock')
  performance.now = now
  await cluster.killPrimary()
  t.ok(await locks.request('b', ({ token }) => token > lock.token))
  await lock.release()
  await locks.close()
  await cluster.close()
})

t.test('where a package is there twice, instanceof holds for what either copy made', async t => {
  const copy = async (file: string) => (await import(`../client/${file}.js?twice`)) as Record<string, unknown>
  type Maker = new (...given: unknown[]) => object
  const other = {
    ...(await copy('errors')),
    ...(await copy('fence-guard')),
    ...(await copy('lock')),
  } as Readonly<Record<string, Maker>>
  const made = (name: string, ...given: unknown[]) => new (other[name] as Maker)(...given)
  const error = made('LockError', 'TIMEOUT', true, 'too late')
  t.not(other.LockError, LockError)
  t.ok(error instanceof LockError && error instanceof Error)
  t.ok(new LockError('TIMEOUT', true, 'too late') instanceof (other.LockError as Maker))
  t.ok(made('StaleTokenError', { name: 'a', token: 1 }, 2) instanceof StaleTokenError)
  t.ok(made('FenceGuard') instanceof FenceGuard)
  t.ok(made('Lock', 'a', { mode: 'exclusive' }, 1, {}) instanceof Lock)
  t.notOk(error instanceof Lock || error instanceof StaleTokenError || error instanceof LockClient)
  for (const value of [undefined, null, 'x', 1, {}, new Error('x')])
    t.notOk((value as object) instanceof LockError)

  class Mine extends LockError {}
  t.notOk(error instanceof Mine, 'a subclass has only its own')
  t.ok(new Mine('TIMEOUT', true, 'too late') instanceof Mine)
  t.ok(new Mine('TIMEOUT', true, 'too late') instanceof LockError)
})

t.test('a page without message channels, as in jsdom or React Native, takes timers', async t => {
  await using cluster = await startCluster()
  const program = fileURLToPath(new URL('fixtures/page-program.js', import.meta.url))
  const without = 'data:text/javascript,delete globalThis.MessageChannel; delete globalThis.setImmediate'
  const child = fork(program, [cluster.url], {
    execArgv: [
      ...['--experimental-websocket', '--conditions=browser', '--disable-warning=ExperimentalWarning'],
      ...['--import', without],
    ],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  t.same((await once(child, 'message'))[0], 'holds')
  child.send('go on')
  t.match((await once(child, 'message'))[0], { held: true, newer: true })
  t.same(await ended, [0, null])
})

t.test('bytes of UTF-8 are the same with and without a TextEncoder', async t => {
  for (const text of ['', 'abc', 'grün', '€', '𝄞', '\ud800', 'a\udc00b', '𝄞€ß.'.repeat(40)]) {
    const bytes = new TextEncoder().encode(text)
    t.equal(countBytes(text), bytes.length, text)
    const cut = new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\uFFFD+$/, '')
    if (text.isWellFormed()) t.equal(cutToBytes(text, 120), cut, text)
  }
})
