// Real servers and the client of the package with tokens that an issuer signs (A3, A8): they run out and are renewed, keys
// come and go, pages and commands take them, and they are shown nowhere.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../client/index.ts'
import { type LockServer, startLockServer } from '../lockserver/index.ts'
import type { ViewServer } from '../viewservice/index.ts'
import { startBegun } from './fixtures/begun.ts'
import { holdfast } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { TokenIssuer } from './fixtures/token-issuer.ts'

const iss = 'https://login.example.org/'
const ttl = 1_500
const roles = {
  worker: [{ prefix: '', verbs: ['acquire', 'read'] }],
  watcher: [{ verbs: ['metrics'] }],
}

/** A view server and a lock server that believe one issuer, whose keys are at an address. */
class Trusting implements AsyncDisposable {
  readonly issuer = new TokenIssuer(iss)
  readonly lines: string[] = []
  readonly folder: string
  keys = ''
  view: ViewServer | undefined
  server: LockServer | undefined
  readonly #http = createServer((_request, response) => {
    response.writeHead(this.keys === '' ? 503 : 200).end(this.keys)
  })

  constructor(t: Test) {
    this.folder = folderOf(t, { data: {} })
  }

  get access(): string {
    return join(this.folder, 'access.json')
  }

  async start(): Promise<this> {
    await this.issuer.addKey('first')
    this.keys = this.issuer.set()
    this.#http.listen(0, '127.0.0.1')
    await once(this.#http, 'listening')
    const { port } = this.#http.address() as AddressInfo
    const login = {
      issuer: iss,
      audience: 'holdfast',
      keys: `http://127.0.0.1:${port}/`,
      claims: { roles: 'roles' },
      toleranceMs: 0,
    }
    writeFileSync(this.access, JSON.stringify({ format: 2, roles, issuers: { login } }))
    const note = (fields: object, text: string) => void this.lines.push(text + JSON.stringify(fields))
    const log = { debug: note, info: note, warn: note, error: note }
    const settings = { pingIntervalMs: 50, deadPings: 10, serverSecret: 'what only servers know', log }
    const own = { ...settings, access: this.access }
    this.view = await startBegun({ ...own, port: 0, data: join(this.folder, 'data') })
    this.server = await startLockServer({ ...own, view: this.view.address })
    await until('there is a primary', () => this.view?.status().view ?? undefined)
    return this
  }

  token(sub: string, endsIn = 600, role = 'worker'): Promise<string> {
    return this.issuer.token({ sub, roles: role }, { endsIn })
  }

  get url(): string {
    return this.view?.address ?? ''
  }

  async readAgain(): Promise<void> {
    await this.view?.readAgain()
    await this.server?.readAgain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server?.kill()
    await this.view?.kill()
    this.#http.closeAllConnections()
    this.#http.close()
  }
}

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )

t.test('A3: a program whose tokens run out gets new ones, and keeps what it holds', async t => {
  await using cluster = await new Trusting(t).start()
  const given: string[] = []
  const token = async () => {
    given.push(await cluster.token('billing', 3))
    return given.at(-1) ?? ''
  }
  const client = await connect(cluster.url, { token, ttl })
  const held = await client.acquire('held')
  let calls = 0
  let cuts = 0
  client.on('reconnecting', () => void cuts++)
  await until('its first tokens have run out', async () => {
    await (await client.acquire(`work/${++calls}`)).release()
    return given.length > 5 || undefined
  })
  t.ok(held.held)
  t.equal(cuts, 0, 'each was shown before the one before it had run out')
  await held.release()
  await client.close()
  for (const each of given)
    for (const part of each.split('.').slice(1))
      t.notOk(
        cluster.lines.some(line => line.includes(part)),
        'and no token in it',
      )
})

t.test('A3: a token that stays the same runs out, and its session ends with its lease', async t => {
  await using cluster = await new Trusting(t).start()
  const other = await connect(cluster.url, { token: await cluster.token('other'), ttl })
  const client = await connect(cluster.url, { token: await cluster.token('billing', 2), ttl })
  const held = await client.acquire('held')
  const next = await other.acquire('held')
  t.notOk(held.held, 'L1')
  t.ok(next.token > held.token)
  t.match(
    held.signal.reason,
    { code: 'EXPIRED', message: /the signed token has run out/ },
    'and it is told why',
  )
  t.equal(await codeOf(client.acquire('more')), 'WRONG_TOKEN')
  await client.close()
  await other.close()
})

t.test('A8: keys are changed under work: each call is done', async t => {
  await using cluster = await new Trusting(t).start()
  const client = await connect(cluster.url, { token: () => cluster.token('billing'), ttl })
  const old = await cluster.token('old')
  const held = await client.acquire('held')
  let calls = 0
  let over = false
  const work = (async () => {
    while (!over) await (await client.acquire(`work/${calls++ % 3}`)).release()
  })()
  const second = await cluster.issuer.addKey('second')
  cluster.keys = cluster.issuer.set()
  await cluster.readAgain()
  await (await connect(cluster.url, { token: old, ttl })).close()
  await (await connect(cluster.url, { token: await cluster.token('new'), ttl })).close()
  cluster.keys = cluster.issuer.set([second])
  await cluster.readAgain()
  const before = calls
  await until('it goes on', () => calls > before + 20 || undefined)
  over = true
  await work
  t.ok(held.held)
  await t.rejects(connect(cluster.url, { token: old, ttl, timeout: 500 }), {
    code: 'TIMEOUT',
    message: /TOKEN_NOT_CHECKED: the key that the signed token names is not known/,
  })
  cluster.keys = ''
  await cluster.readAgain()
  await (await client.acquire('more')).release()
  t.ok(cluster.lines.some(line => line.startsWith('the keys of an issuer are spoilt')))
  await client.close()
})

t.test('A2: pages and commands take signed tokens', async t => {
  await using cluster = await new Trusting(t).start()
  const metrics = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    return await fetch(`${cluster.server?.pages}/metrics`, { headers })
  }
  t.equal((await metrics(await cluster.token('prometheus', 600, 'watcher'))).status, 200)
  t.equal((await metrics(await cluster.token('billing'))).status, 403)
  t.equal((await metrics(await cluster.token('prometheus', -60, 'watcher'))).status, 401)
  const scraped = await (await metrics(await cluster.token('prometheus', 600, 'watcher'))).text()
  t.match(scraped, 'holdfast_access_keys_spoilt{issuer="login"} 0')
  const can = async (token: string) =>
    await holdfast(t, ['can', 'acquire', 'orders/1', '--access', cluster.access], {
      HOLDFAST_ACCESS_TOKEN: token,
    })
  t.match(await can(await cluster.token('billing')), {
    code: 0,
    stdout: /a rule of billing \(login\) allows acquire/,
  })
  t.match(await can(await cluster.token('prometheus', 600, 'watcher')), { code: 1 })
  t.match(await can(await cluster.token('billing', -60)), { stderr: /the signed token has run out/ })
  const token = await cluster.token('billing')
  t.match(await holdfast(t, ['locks', '--view', cluster.url], { HOLDFAST_ACCESS_TOKEN: token }), { code: 0 })
})

t.test('A9, A3: a log-in by a signed token is good as long as the token, also at the primary', async t => {
  await using cluster = await new Trusting(t).start()
  const at = cluster.view?.pages ?? ''
  const logIn = async (token: string) => {
    const headers = { origin: at, authorization: `Bearer ${token}` }
    const answer = await fetch(`${at}/log-in`, { method: 'POST', headers })
    return { status: answer.status, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' }
  }
  const locks = async (cookie: string) => (await fetch(`${at}/locks`, { headers: { cookie } })).status
  t.match(await logIn(await cluster.token('anna', -60)), { status: 401, cookie: '' })
  const short = await logIn(await cluster.token('anna', 2))
  const long = await logIn(await cluster.token('bert'))
  t.same([await locks(short.cookie), await locks(long.cookie)], [200, 200])
  await until('the token has run out', async () => (await locks(short.cookie)) === 401)
  t.equal(await locks(long.cookie), 200)
  const printed = cluster.lines.join()
  for (const { cookie } of [short, long]) t.notOk(printed.includes(cookie.split('=')[1] ?? ''))
})
