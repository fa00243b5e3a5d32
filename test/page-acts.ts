// What the dashboard asks its view server to do for an operator: one hold is ended by its token, a lost state is given up, a
// server leaves. By the rules of whoever is logged in, and only for the page itself. browser/page-acts.ts presses the buttons.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { actsBy } from '../cli/page-acts.ts'
import { connect } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import type { ViewServer } from '../viewservice/index.ts'
import { proofOf } from '../wire/serving/proof.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const tokens = {
  holder: 'the token of the holder',
  forcer: 'the token of the forcer',
  operator: 'the token of operators',
}
const principal = (token: string, ...rules: object[]) => ({ tokens: [hash(token)], rules })
const folder = t.testdir({ data: {} })
const access = join(folder, 'access.json')
const principals = {
  holder: principal(tokens.holder, { prefix: '', verbs: ['acquire', 'read'] }),
  forcer: principal(tokens.forcer, { prefix: 'ours/', verbs: ['read', 'force'] }),
  operator: principal(tokens.operator, { verbs: ['operate'] }, { prefix: '', verbs: ['read'] }),
}
writeFileSync(access, JSON.stringify({ format: 1, principals }))
const settings = { pingIntervalMs: 50, deadPings: 20, serverSecret: 'what only servers know', access }
const view: ViewServer = await startBegun({
  ...settings,
  port: 0,
  data: join(folder, 'data'),
  acts: actsBy(() => view.address, {}),
})
const start = () => startLockServer({ ...settings, view: view.address })
const servers = [await start(), await start()]
t.teardown(async () => {
  for (const server of servers) await server.kill()
  await view.kill()
})
const survives = () => (view.status().survives > 0 ? view.status() : undefined)
await until('there is a backup in sync', survives)

async function post(path: string, who: keyof typeof tokens, origin = view.pages) {
  const headers = { ...proofOf(tokens[who]), origin }
  const answer = await fetch(`${view.pages}${path}`, { method: 'POST', headers })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

t.test('C8, A2: a hold is ended by its token, by whoever may force that lock', async t => {
  const client = await connect(view.address, { token: tokens.holder, name: 'holder' })
  const lock = await client.acquire('ours/1')
  const other = await client.acquire('theirs/1')
  const release = (name: string, token: number) => `/release?name=${encodeURIComponent(name)}&token=${token}`
  t.match(await post(release('ours/1', lock.token), 'forcer', 'https://evil.example'), { status: 403 })
  for (const who of ['holder', 'operator'] as const)
    t.match(
      await post(release('ours/1', lock.token), who),
      { status: 409, body: { error: /NOT_ALLOWED|may not force/ } },
      who,
    )
  t.match(await post(release('theirs/1', other.token), 'forcer'), {
    status: 409,
    body: { error: /may not force/ },
  })
  t.match(await post(release('ours/1', lock.token - 1), 'forcer'), {
    status: 409,
    body: { error: /^nothing was done: token \d+ does not hold "ours\/1" any more$/ },
  })
  t.equal(lock.held, true)
  const lost = once(lock.signal, 'abort')
  t.match(await post(release('ours/1', lock.token), 'forcer'), { status: 200, body: { released: 1 } })
  await lost
  t.equal(other.held, true)
  for (const wrong of ['/release?name=ours/1', '/release?token=1', '/release?name=ours/1&token=x'])
    t.match(await post(wrong, 'forcer'), { status: 400, body: { error: /must be/ } }, wrong)
  await client.close()
})

t.test('a server leaves in order; a primary only while a backup can take over', async t => {
  const client = await connect(view.address, { token: tokens.holder, name: 'keeper' })
  const lock = await client.acquire('kept')
  const primary = () => view.status().view?.primary.id
  const before = primary()
  t.match(await post(`/relieve?id=${before}`, 'forcer'), { status: 403 })
  t.match(await post('/relieve?id=x', 'operator'), { status: 400, body: { error: /no server x/ } })
  t.match(await post(`/relieve?id=${before}`, 'operator'), { status: 200, body: { relieved: before } })
  await until('another one is primary', () => (primary() !== before ? true : undefined))
  t.equal(lock.held, true)
  await until('it has no backup', () =>
    view.status().acked && view.status().view?.backup === null ? true : undefined,
  )
  t.match(await post(`/relieve?id=${primary()}`, 'operator'), {
    status: 409,
    body: { error: /has no backup in sync that could take over/ },
  })
  t.equal(lock.held, true)
  await client.close()
})

t.test('F14: a state is given up once it is lost, and not before', async t => {
  servers.push(await start())
  await until('there is a backup in sync', survives)
  const number = view.status().view?.number
  t.match(await post(`/reset?group=0&view=${number}`, 'forcer'), { status: 403 })
  t.match(await post(`/reset?group=0&view=${number}`, 'operator'), {
    status: 409,
    body: { error: /^reset refused: .*(idle lock server|still answers)/ },
  })
  for (const server of servers) await server.kill()
  servers.push(await start())
  const { groups } = await until('it is lost', () =>
    view.status().groups[0]?.lost ? view.status() : undefined,
  )
  const ends = groups[0]?.view?.number ?? 0
  await until('the new server is known', () =>
    view.status().servers.some(({ alive, role }) => alive && role === 'idle') ? true : undefined,
  )
  t.match(await post(`/reset?group=0&view=${ends}`, 'operator'), {
    status: 200,
    body: { said: new RegExp(`^view ${ends + 1} begins with an empty state`) },
  })
  t.match(await post(`/reset?group=0&view=${ends}`, 'operator'), { status: 200 }, 'a repeat')
  t.equal(view.status().view?.number, ends + 1, 'does nothing')
  for (const wrong of ['/reset?group=0', '/reset?view=1', '/reset?group=x&view=1'])
    t.match(await post(wrong, 'operator'), { status: 400 }, wrong)
})
