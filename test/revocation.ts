// Real servers and the client of the package: tokens and rules that come and go while sessions hold and wait (A3), and
// secrets that are changed on a living cluster (A8).

import { createHash } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../client/index.ts'
import { type LockServer, startLockServer } from '../lockserver/index.ts'
import type { ViewServer } from '../viewservice/index.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const pings = { pingIntervalMs: 50, deadPings: 20 }
const ttl = 3 * 1_000
const serverSecret = 'what only servers know'
const everything = [{ prefix: '', verbs: ['acquire', 'read'] }]
type Rules = readonly object[]

/** A cluster of one view server and two lock servers whose access file can be written anew. */
class Guarded implements AsyncDisposable {
  readonly #path: string
  readonly lines: [object, string][] = []
  readonly #principals = new Map<string, { tokens: string[]; rules: Rules }>()
  view: ViewServer | undefined
  servers: LockServer[] = []

  constructor(t: Test) {
    this.#path = join(folderOf(t, { data: {} }), 'access.json')
  }

  get url(): string {
    return this.view?.address ?? ''
  }

  write(): void {
    const principals = Object.fromEntries(this.#principals)
    writeFileSync(`${this.#path}.new`, JSON.stringify({ format: 1, principals }))
    renameSync(`${this.#path}.new`, this.#path)
  }

  spoil(text: string): void {
    writeFileSync(this.#path, text)
  }

  set(name: string, tokens: readonly string[], rules: Rules = everything): this {
    this.#principals.set(name, { tokens: tokens.map(hash), rules })
    return this
  }

  async read(): Promise<void> {
    for (const server of [...this.servers, this.view]) await server?.readAgain()
  }

  async change(): Promise<void> {
    this.write()
    await this.read()
  }

  async start(more: object = {}): Promise<this> {
    this.write()
    const note = (fields: object, text: string) => void this.lines.push([fields, text])
    const log = { debug: note, info: note, warn: note, error: note }
    const settings = { ...pings, serverSecret, access: this.#path, log, ...more }
    const data = join(this.#path, '..', 'data')
    this.view = await startBegun({ ...settings, port: 0, data })
    for (const _ of [1, 2]) this.servers.push(await startLockServer({ ...settings, view: this.url }))
    await until('there is a backup in sync', () => {
      const status = this.view?.status()
      return status?.acked && status.view?.backup ? true : undefined
    })
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server.kill()
    await this.view?.kill()
  }
}

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )

t.test(
  'A3: a token is taken away: nothing is renewed, what waits is refused, what is held ends with its lease',
  async t => {
    await using cluster = await new Guarded(t)
      .set('a', ['the token of a'])
      .set('b', ['the token of b'])
      .start()
    const a = await connect(cluster.url, { token: 'the token of a', ttl })
    const b = await connect(cluster.url, { token: 'the token of b', ttl })
    const held = await a.acquire('held')
    const other = await b.acquire('other')
    const waits = a.acquire('other').catch(error => error)
    await until('it waits', async () => (await b.query()).pending.length > 0 || undefined)
    let wasHeld = true
    const next = b.acquire('held').then(lock => {
      wasHeld = held.held
      return lock
    })
    cluster.set('a', [])
    const from = Date.now()
    await cluster.change()
    const told = await until('it is told', () => (held.held ? undefined : held.signal.reason))
    t.match(told, { code: 'EXPIRED' })
    t.ok(Date.now() - from <= ttl + 1_000, 'by its own clock, which nothing renewed')
    t.match((await waits).code, /SESSION_LOST|NOT_ALLOWED/)
    const grant = await next
    t.ok(grant.token > held.token)
    t.notOk(wasHeld, 'L1: it had stopped by then')
    await until('what waited has gone', async () => (await b.query()).pending.length === 0 || undefined)
    t.ok(other.held)
    t.equal(await codeOf(a.acquire('more')), 'WRONG_TOKEN', 'a new session is none either')
    const lines = cluster.lines.filter(([, text]) => text === 'a token was taken away')
    t.match(lines[0]?.[0], { principal: 'a', address: '127.0.0.1' })
    await b.close()
    await a.close()
  },
)

t.test('A3: its waits are refused after a ping limit, before its lease is over', async t => {
  await using cluster = await new Guarded(t).set('a', ['the token of a']).set('b', ['the token of b']).start()
  const b = await connect(cluster.url, { token: 'the token of b', ttl })
  const a = await connect(cluster.url, { token: 'the token of a', ttl: 6_000 })
  await b.acquire('other')
  a.acquire('other').catch(() => {})
  await until('it waits', async () => (await b.query()).pending.length > 0 || undefined)
  await cluster.set('a', []).change()
  const from = Date.now()
  await until('it is refused', async () => (await b.query()).pending.length === 0 || undefined)
  t.ok(Date.now() - from < 5_500)
  await b.close()
  await a.close()
})

t.test('A3: with --revoke-now all of the session ends at once', async t => {
  const both = new Guarded(t).set('a', ['the token of a']).set('b', ['the token of b'])
  await using cluster = await both.start({ revokeNow: true })
  const a = await connect(cluster.url, { token: 'the token of a', ttl: 6_000 })
  const b = await connect(cluster.url, { token: 'the token of b', ttl })
  const held = await a.acquire('held')
  const next = b.acquire('held', { timeout: 5_500 })
  await cluster.set('a', []).change()
  t.ok((await next).token > held.token)
  await b.close()
  await a.close()
})

t.test('A8: a token is replaced by another one and no call fails', async t => {
  await using cluster = await new Guarded(t).set('a', ['the first token']).start()
  let token = 'the first token'
  const client = await connect(cluster.url, { token: async () => token, ttl })
  const held = await client.acquire('held')
  let calls = 0
  let over = false
  const work = (async () => {
    while (!over) await (await client.acquire(`work/${calls++ % 3}`)).release()
  })()
  await cluster.set('a', ['the first token', 'the second token']).change()
  token = 'the second token'
  await cluster.set('a', ['the second token']).change()
  const before = calls
  await until('it goes on', () => calls > before + 20 || undefined)
  over = true
  await work
  t.ok(held.held)
  await client.close()
})

t.test(
  'A2: a rule is taken away: what waits is refused, what is held stays, what comes is refused',
  async t => {
    const rules = [{ prefix: 'a/', verbs: ['acquire', 'read'] }]
    await using cluster = await new Guarded(t)
      .set('a', ['the token of a'])
      .set('b', ['the token of b'])
      .start()
    const a = await connect(cluster.url, { token: 'the token of a', ttl })
    const b = await connect(cluster.url, { token: 'the token of b', ttl })
    const held = await a.acquire('b/held')
    await b.acquire('b/other')
    await b.acquire('a/other')
    const refused = codeOf(a.acquire('b/other'))
    const stays = a.acquire('a/other')
    await until('both wait', async () => (await b.query()).pending.length === 2 || undefined)
    await cluster.set('a', ['the token of a'], rules).change()
    t.equal(await refused, 'NOT_ALLOWED')
    t.equal(await codeOf(a.acquire('b/more')), 'NOT_ALLOWED')
    t.equal(await codeOf(a.query({ prefix: 'b/' })), 'NOT_ALLOWED')
    t.same(
      (await b.query()).pending.map(({ name }) => name),
      ['a/other'],
    )
    t.ok(held.held)
    await held.release()
    const error = await a.acquire('b/more').catch(error => error)
    t.match(error, { definite: true, message: /the principal a may not acquire "b\/more"/ })
    await cluster.set('a', ['the token of a']).change()
    await (await a.acquire('b/more')).release()
    await b.close()
    await (await stays).release()
    await a.close()
  },
)

t.test('A3: a spoilt file changes nothing, and is told with its place', async t => {
  await using cluster = await new Guarded(t).set('a', ['the token of a']).start()
  const client = await connect(cluster.url, { token: 'the token of a', ttl })
  cluster.spoil('{\n  "format": 1,\n  "principals": { "a": { "tokens": ["')
  await cluster.read()
  const line = cluster.lines.find(([, text]) => text.startsWith('the access file is spoilt'))
  t.match(line?.[0], { problem: /access\.json: line 3, column \d+: this is not JSON/ })
  await (await client.acquire('x')).release()
  await client.close()
  await t.rejects(startLockServer({ view: cluster.url, serverSecret, access: 'nowhere.json' }), {
    message: /the access file nowhere\.json is not there/,
  })
})

t.test('A8: servers with different secrets reach one another while one replaces the other', async t => {
  const path = join(folderOf(t, { data: {} }), 'data')
  const view = await startBegun({ ...pings, port: 0, data: path, secret: 'the old secret' })
  t.teardown(() => view.kill())
  const settings = { ...pings, view: view.address }
  const servers = [
    await startLockServer({ ...settings, secret: 'the old secret' }),
    await startLockServer({ ...settings, secret: 'the old secret', serverSecret: 'the new secret' }),
    await startLockServer({
      ...settings,
      secret: 'the old secret',
      serverSecret: ['the new secret', 'the old secret'],
    }),
  ]
  t.teardown(() => Promise.all(servers.map(server => server.kill())))
  await until('all three are there, and there is a backup in sync', () => {
    const status = view.status()
    const alive = status.servers.filter(({ alive }) => alive).length
    return status.acked && status.view?.backup && alive === 3 ? true : undefined
  })
  await t.rejects(
    startLockServer({ ...settings, host: '0.0.0.0', advertise: 'ws://127.0.0.1:1', secret: 'short' }),
    {
      message: /fewer than 16 bytes/,
    },
  )
  const client = await connect(view.address, { secret: 'the old secret', ttl })
  await (await client.acquire('x')).release()
  await client.close()
})
