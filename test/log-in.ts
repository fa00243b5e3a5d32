// A9: a browser logs in to the dashboard by its form, sees what its principal may read, and is out again when its token is,
// when it logs out, and when its time is over. Real servers and requests as a browser sends them; browser/log-in.ts has the
// page itself.

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connect } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import { startCluster } from '../testing/index.ts'
import { Logins } from '../wire/access/logins.ts'
import { loginIdleMs, loginMs, loginsMax, loginsPerOwnerMax, wrongSecretsFree } from '../wire/limits.ts'
import { proofOf } from '../wire/serving/proof.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'

t.test('A9: a log-in ends when it is not used, and at last in any case', async t => {
  const logins = new Logins<string>()
  logins.begin('one', 'anna', 'what', 1_000)
  t.equal(logins.find('one', 1_000 + loginIdleMs - 1), 'what')
  t.equal(logins.find('one', 1_000 + 2 * loginIdleMs - 2), 'what', 'each use counts')
  t.equal(logins.find('one', 1_000 + 3 * loginIdleMs - 2), undefined)
  t.equal(logins.find('one', 1_000 + 3 * loginIdleMs - 2), undefined, 'and does not come back')
  logins.begin('two', 'anna', 'what', 0)
  for (let now = 0; now < loginMs; now += loginIdleMs / 2) t.equal(logins.find('two', now), 'what')
  t.equal(logins.find('two', loginMs), undefined, 'however much it is used')
  logins.begin('three', 'anna', 'what', 0)
  logins.end('three')
  t.equal(logins.find('three', 0), undefined)
  t.equal(logins.size, 0)
})

t.test('A9: log-ins are bounded in number, and one owner pushes out its own', async t => {
  const logins = new Logins<number>()
  logins.begin('other', 'bert', 0, 0)
  for (let i = 0; i < loginsPerOwnerMax; i++) logins.begin(`anna ${i}`, 'anna', i, i)
  t.equal(logins.find('anna 0', 100), 0, 'used just now')
  logins.begin('anna more', 'anna', 0, 100)
  t.equal(logins.find('anna 0', 100), 0)
  t.equal(logins.find('anna 1', 100), undefined, 'the one that was not used for the longest time')
  t.equal(logins.find('other', 100), 0)
  for (let i = 0; i < 2 * loginsMax; i++) logins.begin(`${i}`, `owner ${i}`, i, 200)
  t.equal(logins.size, loginsMax)
  for (let i = 0; i < 10; i++) logins.begin(`later ${i}`, `late ${i}`, i, 200 + loginIdleMs)
  t.equal(logins.size, 10, 'those that have ended take no room')
})

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const tokens = {
  reader: 'the token of the reader',
  operator: 'the token of the operator',
  blind: 'the token of the blind',
}
type Who = keyof typeof tokens
const principal = (token: string, ...rules: object[]) => ({ tokens: [hash(token)], rules })
const principals = {
  reader: principal(tokens.reader, { prefix: 'ours/', verbs: ['acquire', 'read'] }),
  operator: principal(tokens.operator, { verbs: ['operate'] }, { prefix: '', verbs: ['acquire', 'read'] }),
  blind: principal(tokens.blind, { prefix: 'ours/', verbs: ['acquire'] }),
}
const folder = t.testdir({ 'access.json': JSON.stringify({ format: 1, principals }), data: {} })
const lines: [object, string][] = []
const note = (fields: object, text: string) => void lines.push([fields, text])
const settings = {
  pingIntervalMs: 50,
  deadPings: 20,
  serverSecret: 'what only servers know',
  access: join(folder, 'access.json'),
  log: { debug: note, info: note, warn: note, error: note },
}
const view = await startBegun({ ...settings, port: 0, data: join(folder, 'data'), play: true })
const servers = [
  await startLockServer({ ...settings, view: view.address }),
  await startLockServer({ ...settings, view: view.address }),
]
t.teardown(async () => {
  for (const server of servers) await server.kill()
  await view.kill()
})
const inSync = () => {
  const status = view.status()
  return status.acked && status.view?.backup ? status.view : undefined
}
await until('there is an acked view with a backup', inSync)
const client = await connect(view.address, { token: tokens.operator, name: 'holder' })
for (const name of ['ours/1', 'ours/2', 'theirs/1']) await client.acquire(name)
t.teardown(() => client.close())

type Headers = Record<string, string>
const page = { origin: view.pages, 'x-requested-with': 'dashboard' }

async function ask(path: string, headers: Headers = {}, method = 'GET') {
  const answer = await fetch(`${view.pages}${path}`, { method, headers })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type') === 'application/json'
  return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : null }
}

async function logIn(proof: string, more: Headers = {}) {
  const answer = await ask('/log-in', { ...page, ...proofOf(proof), ...more }, 'POST')
  const set = answer.headers.get('set-cookie')
  return { ...answer, set, cookie: set?.split(';')[0] ?? '' }
}

const by = async (who: Who): Promise<Headers> => ({ ...page, cookie: (await logIn(tokens[who])).cookie })

async function give(changed: object): Promise<void> {
  writeFileSync(settings.access, JSON.stringify({ format: 1, principals: { ...principals, ...changed } }))
  for (const server of [...servers, view]) await server.readAgain()
}

t.test('A9: the page and its form are open and tell nothing; what it shows asks for a proof', async t => {
  for (const path of ['/', '/dashboard.js', '/dashboard.css', '/icon.svg']) {
    const { status, text } = await ask(path)
    t.equal(status, 200, path)
    for (const told of ['127.0.0.1:', 'ours/', 'operator', view.status().view?.primary.id ?? ''])
      t.notOk(text.includes(told), `${path} does not tell ${told}`)
  }
  for (const path of ['/session', '/cluster', '/stats', '/locks', '/view']) {
    t.match((await ask(path)).headers.get('www-authenticate'), /^Basic /, `${path}, for programs`)
    const toPage = await ask(path, page)
    t.equal(toPage.status, 401, path)
    t.match(toPage.headers.get('www-authenticate'), /^Bearer /, 'no window of the browser itself')
  }
})

t.test('A9: a log-in sets a cookie that no script, no other site and no plain way gets', async t => {
  const { status, set, body } = await logIn(tokens.reader)
  t.equal(status, 200)
  t.match(set, /^holdfast-[0-9a-f]{8}=[\w-]{22}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
  t.same(body, { isOpen: false, principal: 'reader', operates: false, reads: ['ours/'], forces: [] })
  const host = new URL(view.pages).host
  const { set: secured } = await logIn(tokens.reader, { origin: `https://${host}` })
  t.match(secured, /; Secure$/, 'behind a proxy that speaks TLS')
  t.notOk(JSON.stringify([set, secured]).includes(tokens.reader))
  t.not(set?.split(';')[0], secured?.split(';')[0], 'another one each time')
})

t.test('A9, A2: by its cookie a browser sees what its principal may read, and no more', async t => {
  const shown = async (headers: Headers) => {
    const { body } = await ask('/locks', headers)
    return [body.total, body.locks.map(({ name }: { name: string }) => name)]
  }
  t.same(await shown(await by('reader')), [2, ['ours/1', 'ours/2']])
  t.same(await shown(await by('operator')), [3, ['ours/1', 'ours/2', 'theirs/1']])
  for (const who of ['reader', 'operator'] as const) {
    const cookie = await by(who)
    t.same(await shown(cookie), await shown(proofOf(tokens[who])), 'as by the token itself')
    for (const path of ['/cluster', '/stats', '/view', '/session'])
      t.equal((await ask(path, cookie)).status, 200, path)
    t.equal((await ask('/metrics', cookie)).status, 403, 'metrics have a verb of their own')
  }
  t.same((await ask('/session', await by('operator'))).body, {
    isOpen: false,
    principal: 'operator',
    operates: true,
    reads: null,
    forces: [],
  })
})

t.test('A9: whoever may look at nothing gets no log-in, and a wrong token neither', async t => {
  const blind = await logIn(tokens.blind)
  t.match([blind.status, blind.set, blind.body], [403, null, { error: /^NOT_ALLOWED: the principal blind/ }])
  const wrong = await logIn('no token of this cluster')
  t.match([wrong.status, wrong.set, wrong.body], [401, null, { error: /is not the secret .* no token/ }])
  t.match(wrong.headers.get('www-authenticate'), /^Bearer /, 'the page says it, and no window of the browser')
  const server = await logIn(settings.serverSecret)
  t.match([server.status, server.set], [401, null], "a server's secret is none either (A1)")
  const nothing = await ask('/log-in', page, 'POST')
  t.equal(nothing.status, 401)
  t.equal((await ask('/log-in', { ...page, ...proofOf(tokens.reader) })).status, 405, 'only by POST')
  const again = await ask('/log-in', await by('reader'), 'POST')
  t.match([again.status, again.headers.get('set-cookie')], [400, null], 'no log-in by another one')
})

t.test('A9, A3: a log-in ends with its token, and has the rights that its principal has now', async t => {
  const reader = await by('reader')
  const operator = await by('operator')
  t.equal((await ask('/locks', reader)).status, 200)
  const { rules } = principals.reader
  await give({ reader: { tokens: [], rules }, operator: principal(tokens.operator, { verbs: ['metrics'] }) })
  t.equal((await ask('/locks', reader)).status, 401, 'its token was taken away')
  t.equal((await ask('/session', operator)).body.operates, false, 'it may not operate any more')
  t.equal((await ask('/metrics', operator)).status, 200, 'it may now')
  t.equal((await ask('/kill?id=x', operator, 'POST')).status, 403)
  await give({})
  t.equal((await ask('/locks', reader)).status, 401, 'a log-in that has ended does not come back')
  t.equal((await ask('/session', operator)).body.operates, true)
})

t.test('A9: log-out, a new log-in, and cookies of another server', async t => {
  const reader = await by('reader')
  const { status, headers } = await ask('/log-out', reader, 'POST')
  t.equal(status, 200)
  t.match(headers.get('set-cookie'), /^holdfast-[0-9a-f]{8}=; Path=\/; Max-Age=0; /)
  t.equal((await ask('/session', reader)).status, 401)
  const first = await by('reader')
  await logIn(tokens.operator, { cookie: first.cookie ?? '' })
  t.equal((await ask('/session', first)).status, 401, 'one browser, one log-in')
  const second = await by('reader')
  const [name = '', value = ''] = second.cookie?.split('=') ?? []
  for (const cookie of [
    `${name}=${'A'.repeat(22)}`,
    `holdfast-00000000=${value}`,
    `${name}=`,
    name,
    '',
    ';;=',
  ])
    t.equal((await ask('/session', { ...page, cookie })).status, 401, cookie)
  const among = { ...page, cookie: `theme=dark; ${second.cookie}; x=y=z` }
  t.equal((await ask('/session', among)).status, 200, 'among others')
  t.equal(
    (await ask('/session', { ...second, authorization: 'Bearer nothing' })).status,
    401,
    'the header counts',
  )
  t.equal(
    (await fetch(`${servers[0]?.pages}/locks`, { headers: second })).status,
    401,
    'a lock server has none',
  )
})

t.test('A9, A7: a forged POST does nothing; an act by a cookie leaves its line', async t => {
  const { backup } = (await until('a backup', inSync)) ?? {}
  const kill = (headers: Headers) => ask(`/kill?id=${backup?.id}`, headers, 'POST')
  const operator = await by('operator')
  const { cookie = '' } = operator
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
    t.equal((await kill({ ...operator, origin })).status, 403, origin)
  t.equal((await kill({ cookie })).status, 403, 'of no page')
  t.equal((await kill(page)).status, 401, 'without a cookie')
  t.equal((await kill(await by('reader'))).status, 403, 'with the cookie of one who may not')
  for (const origin of ['https://evil.example', 'null'])
    for (const path of ['/log-in', '/log-out'])
      t.equal(
        (await ask(path, { ...operator, ...proofOf(tokens.operator), origin }, 'POST')).status,
        403,
        path,
      )
  t.equal((await ask('/session', operator)).status, 200, 'it is still logged in')
  t.equal(inSync()?.backup?.id, backup?.id, 'nothing has ended')

  t.match(await kill(operator), { status: 200, body: { did: 'kill', id: backup?.id } })
  await until('it has ended', () => (inSync()?.backup?.id === backup?.id ? undefined : true))
  const of = (text: string) => lines.filter(line => line[1] === text).map(([fields]) => fields)
  const act = { principal: 'operator', address: '127.0.0.1', verb: 'operate' }
  t.match(of('done by an operator'), [
    { ...act, act: '/kill' },
    { ...act, act: '/end' },
  ])
  t.ok(of('not allowed').some(fields => 'act' in fields && fields.act === '/kill'))
  t.match(of('logged in')[0], { principal: 'reader', address: '127.0.0.1', verb: 'read', act: '/log-in' })
  const printed = JSON.stringify(lines)
  for (const token of Object.values(tokens)) t.notOk(printed.includes(token))
  t.notOk(printed.includes(cookie.split('=')[1] ?? ''), 'no cookie is in the log')
})

t.test(
  'A9, A6: a lone secret lets in as one that may do all; without any there is nothing to log in with',
  async t => {
    const logInAt = async (url: string, proof: string | null) => {
      const at = url.replace(/^ws/, 'http')
      const answer = await fetch(`${at}/log-in`, {
        method: 'POST',
        headers: { ...proofOf(proof), origin: at },
      })
      const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? null
      const locks = await fetch(`${at}/locks`, { headers: { cookie: cookie ?? '' } })
      return { status: answer.status, cookie, body: await answer.json(), locks: locks.status }
    }
    const secret = 'a secret of it all – größer'
    const all = { principal: null, operates: true, reads: null }
    await using guarded = await startCluster({ servers: 1, secret })
    const entered = await logInAt(guarded.url, secret)
    t.match(entered, { status: 200, cookie: /^holdfast-/, body: { isOpen: false, ...all }, locks: 200 })
    t.match(await logInAt(guarded.url, null), { status: 401, cookie: null, locks: 401 })
    await using open = await startCluster({ servers: 1 })
    const free = await logInAt(open.url, null)
    t.match(free, { status: 200, cookie: null, body: { isOpen: true, ...all }, locks: 200 })
  },
)

t.test(
  'A9, B3: whoever guesses in the form waits longer and longer; the right token never waits',
  async t => {
    for (let i = 0; i < wrongSecretsFree; i++) await logIn(`a guess ${i}`)
    const began = performance.now()
    for (let i = 0; i < 2; i++) t.equal((await logIn(`another guess ${i}`)).status, 401)
    t.ok(performance.now() - began >= 50 + 100, 'each answer took twice as long as the one before')
    t.equal((await logIn(tokens.reader)).status, 200)
  },
)
