// Real servers and sockets: every message and every page against every kind of proof (F21, A1, A2). A kind of message or
// page that has no row here fails, so that none can be forgotten.

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { startLockServer } from '../lockserver/index.ts'
import { channels } from '../wire/messages.ts'
import { proofOf } from '../wire/serving/proof.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { type Heard, HostilePeer, hello, newId } from './fixtures/hostile-peer.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const serverSecret = 'what only servers know'
/** What a peer shows; `weak` has no rule at all, `other` has rules for other names. */
const proofs = {
  none: null,
  wrong: 'nothing that anybody knows',
  server: serverSecret,
  weak: 'the-token-of-weak',
  other: 'the-token-of-other',
  client: 'the-token-of-client',
  operator: 'the-token-of-operator',
} as const
type Who = keyof typeof proofs
const known = ['weak', 'other', 'client', 'operator'] as const
type Known = (typeof known)[number]

const verbs = ['acquire', 'steal', 'force', 'read']
const principal = (token: Known, ...rules: object[]) => ({ tokens: [hash(proofs[token])], rules })
const access = {
  format: 1,
  principals: {
    weak: principal('weak'),
    other: principal('other', { prefix: 'theirs/', verbs }),
    client: principal('client', { prefix: 'ours/', verbs }),
    operator: principal('operator', { verbs: ['operate', 'metrics'] }, { prefix: '', verbs: ['read'] }),
  },
}
const folder = t.testdir({ 'access.json': JSON.stringify(access), data: {} })
const lines: [object, string][] = []
const note = (fields: object, text: string) => void lines.push([fields, text])
const log = { debug: note, info: note, warn: note, error: note }
const settings = {
  pingIntervalMs: 50,
  deadPings: 10,
  serverSecret,
  access: join(folder, 'access.json'),
  log,
}
const view = await startBegun({ ...settings, port: 0, data: join(folder, 'data') })
const servers = [
  await startLockServer({ ...settings, view: view.address }),
  await startLockServer({ ...settings, view: view.address }),
]
t.teardown(async () => {
  for (const server of servers) await server.close()
  await view.close()
})
await until('there is an acked view with a backup', () => {
  const status = view.status()
  return status.acked && status.view?.backup ? status.view : undefined
})
const { view: inForce } = view.status()
const primary = servers.find(({ advertised }) => advertised === inForce?.primary.address) ?? servers[0]
const backup = servers.find(server => server !== primary)

const id = newId()
const kinds: Record<string, object> = {
  client: { kind: 'client', name: 'x' },
  lockserver: {
    kind: 'lockserver',
    id,
    address: 'ws://127.0.0.1:1',
    role: 'idle',
    group: 0,
    view: 0,
    pid: 1,
    host: 'h',
    version: '0.1.0',
    journal: false,
    imprint: null,
  },
  primary: { kind: 'primary', id: inForce?.primary.id, to: inForce?.backup?.id, view: inForce },
  probe: { kind: 'probe' },
  viewserver: { kind: 'viewserver', id, address: 'ws://127.0.0.1:1', pid: 1, host: 'h', version: '0.1.0' },
}

/** B3: each wrong proof comes from another address, or its answer would come later and later. */
let addresses = 0
function ownAddress(): string {
  const number = ++addresses
  return `127.1.${number >> 8}.${number & 255}`
}

/** What the first word of the server is: welcome, or an error's code. */
async function firstWord(url: string, who: Who, from: object): Promise<unknown> {
  const peer = await HostilePeer.connect(url, { localAddress: ownAddress() })
  peer.say(hello(from, { secret: proofs[who] }))
  await peer.more()
  const [kind, code] = peer.heard[0] ?? []
  peer.leave()
  return kind === 'error' ? code : kind
}

t.test('A1: a hello of each kind, with each proof, at each server', async t => {
  const servers = { viewserver: view.address, lockserver: primary?.address ?? '' }
  const welcome: Record<string, readonly string[]> = {
    viewserver: ['lockserver', 'viewserver'],
    lockserver: ['probe'],
  }
  for (const [role, url] of Object.entries(servers))
    for (const [kind, from] of Object.entries(kinds))
      for (const who of Object.keys(proofs) as Who[]) {
        const isKnown = known.some(each => each === who)
        const got = await firstWord(url, who, from)
        if (kind === 'client') t.equal(got, isKnown ? 'welcome' : 'WRONG_TOKEN', `${kind} ${who} at ${role}`)
        else if (who !== 'server') t.equal(got, 'WRONG_SECRET', `${kind} ${who} at ${role}`)
        else if (welcome[role]?.includes(kind)) t.equal(got, 'welcome', `${kind} ${who} at ${role}`)
      }
})

async function connectAs(url: string, who: Known): Promise<HostilePeer> {
  const peer = await HostilePeer.connect(url)
  peer.say(hello(kinds.client, { secret: proofs[who] }))
  await peer.next('welcome')
  return peer
}

/** A peer with a session of its own. */
async function sessionOf(who: Known) {
  const [session, key] = [newId(), newId()]
  const peer = await connectAs(primary?.address ?? '', who)
  peer.say(['open', session, key, 1, 10_000, who, null, null, ''])
  await peer.next('opened')
  return { peer, session, key }
}

const all = (answer: string) => ({ weak: answer, other: answer, client: answer, operator: answer })
const only = (who: Known, answer: string, refusal = 'refused') => ({ ...all(refusal), [who]: answer })

/** Of each kind: what is said about a lock of `ours/` by a session whose next request is 1, and what it is answered by name. */
const requests: Record<string, [unknown[], Record<Known, string>]> = {
  acquire: [['acquire', 1, ['ours/1'], 'exclusive', 'ifAvailable', null], only('client', 'unavailable')],
  cancel: [['cancel', 1, 9], all('cancel-done')],
  release: [['release', 1, 1], all('released')],
  fail: [['fail', 1, 1], all('released')],
  'set-note': [['set-note', 1, 1, 'n'], all('noted')],
  'force-release': [['force-release', 1, 'ours/none', null], only('client', 'force-released')],
  'forget-key': [['forget-key', 1, 'ours/none', 'k'], only('client', 'key-forgotten')],
  end: [['end', 1], all('ended')],
  acknowledge: [['acknowledge', [1, 1], []], all('')],
  renew: [['renew', 1], all('renewed')],
  query: [
    ['query', 1, 'ours/', true],
    { weak: 'query-refused', other: 'query-refused', client: 'locks', operator: 'locks' },
  ],
  look: [
    ['look', 1, 'ours/'],
    { weak: 'query-refused', other: 'query-refused', client: 'looked', operator: 'looked' },
  ],
  clients: [['clients', 1, '', true, 0], all('clients')],
  watch: [
    ['watch', 1, 'ours/'],
    { weak: 'watch-refused', other: 'watch-refused', client: 'watching', operator: 'watching' },
  ],
  testify: [['testify', 1], only('operator', 'testimony', 'query-refused')],
  seen: [['seen', 1, 1], all('')],
  unwatch: [['unwatch', 1], all('')],
  echo: [['echo', 2], all('echoed')],
}
/** These are about sessions as a whole: see below. */
const ofSessions = ['open', 'resume', 'abandon', 'token']

const holder = await sessionOf('client')
holder.peer.say(['acquire', 1, ['ours/1'], 'exclusive', 'wait', null])
const [, , [heldToken]] = (await holder.peer.next('granted')) as [string, number, number[]]

/** The answers that came before the echo that follows each question. */
async function answersTo(peer: HostilePeer, message: unknown[]): Promise<Heard[]> {
  const from = peer.heard.length
  peer.say(message)
  peer.say(['renew', 77], ['echo', 99])
  await until('it is answered', () =>
    peer.heard
      .slice(from)
      .some(([kind, n]) => (kind === 'renewed' && n === 77) || kind === 'unknown-session'),
  )
  return peer.heard.slice(from).filter(([kind, n]) => n !== 77 && !(kind === 'echoed' && n === 99))
}

t.test('F21, A2: each message to a primary, by each principal', async t => {
  t.same([...Object.keys(requests), ...ofSessions].sort(), Object.keys(channels.clientToServer).sort())
  for (const [kind, [message, expected]] of Object.entries(requests))
    for (const who of known) {
      const { peer } = await sessionOf(who)
      const [answer] = await answersTo(peer, message)
      t.equal(answer?.[0] ?? '', expected[who], `${kind} by ${who}`)
      if (answer?.[0] === 'refused') {
        t.match(answer, ['refused', 1, 'NOT_ALLOWED', /^the principal \w+ may not (acquire|force) "ours\//])
        t.same(await answersTo(peer, message), [answer], 'S1: it is stored')
      }
      peer.leave()
    }
})

t.test('A2: a steal needs steal, of each of its names; a forced release of a hold too', async t => {
  const steal = (...names: string[]) => ['acquire', 1, names, 'exclusive', 'steal', null]
  for (const who of ['weak', 'other', 'operator'] as const) {
    const { peer } = await sessionOf(who)
    t.match(await answersTo(peer, steal('theirs/1', 'ours/1')), [
      ['refused', 1, 'NOT_ALLOWED', /may not steal/],
    ])
    t.match(await answersTo(peer, ['force-release', 2, 'ours/1', heldToken]), [['refused', 2, 'NOT_ALLOWED']])
    peer.leave()
  }
  const [, , , shown] = (await answersTo(holder.peer, ['query', 1, 'ours/1', true]))[0] ?? []
  t.match(shown, [{ token: heldToken }], 'it is held still')
})

t.test('A2: of a run each request is judged by itself', async t => {
  const { peer } = await sessionOf('client')
  const names = ['ours/run 1', 'theirs/run', 'ours/run 2']
  const answers = await answersTo(peer, ['acquire-run', 1, names, 'exclusive', 'wait'])
  t.match(answers.filter(([kind]) => kind === 'refused').map(String), [/^refused,2,NOT_ALLOWED/])
  const [, , , shown] = (await answersTo(peer, ['query', 1, 'ours/run', true]))[0] ?? []
  t.equal((shown as unknown[]).length, 2, 'the others are done')
  peer.say(['end', 4])
  await peer.next('ended')
  peer.leave()
})

t.test('A2: lists and events show what may be read, and nothing of the rest', async t => {
  const theirs = await sessionOf('other')
  theirs.peer.say(['acquire', 1, ['theirs/1'], 'exclusive', 'wait', null])
  await theirs.peer.next('granted')
  const ours = await sessionOf('client')
  ours.peer.say(['acquire', 1, ['ours/more'], 'exclusive', 'wait', null])
  await ours.peer.next('granted')
  let number = 1
  const names = (answer: Heard | undefined) => {
    const held = answer?.[3] as { name: string }[]
    return held.map(({ name }) => name)
  }
  for (const [who, expected, cut] of [
    ['other', ['theirs/1'], true],
    ['client', ['ours/1', 'ours/more'], true],
    ['operator', ['ours/1', 'ours/more', 'theirs/1'], false],
  ] as const) {
    const { peer } = await sessionOf(who)
    peer.say(['watch', 5, ''])
    await peer.next('watching')
    const [answer] = await answersTo(peer, ['query', 1, '', true])
    t.same(names(answer).sort(), expected, who)
    t.match(answer?.[2], { cut }, `${who}: that there may be more`)
    const [clients] = await answersTo(peer, ['clients', 1, '', true, 0])
    const sessions = clients?.[3] as { clientName: string }[]
    const seen = new Set(sessions.map(({ clientName }) => clientName))
    if (who === 'operator') t.ok(seen.has('client') && seen.has('other'))
    else t.same([...seen], [who], 'its own sessions')
    for (const [by, name] of [
      [theirs, 'theirs/2'],
      [ours, 'ours/2'],
    ] as const) {
      by.peer.say(['acquire', ++number, [name], 'exclusive', 'wait', null])
      const [, , [token]] = (await by.peer.next('granted')) as [string, number, number[]]
      by.peer.say(['release', ++number, token])
      await by.peer.next('released')
      number -= 2
    }
    number += 2
    const end = (each: string) => (cut ? expected[0].startsWith(each) : true)
    await until(
      'events have come',
      () => peer.heard.filter(([kind]) => kind === 'event').length >= (cut ? 2 : 4) || undefined,
    )
    const events = peer.heard
      .filter(([kind]) => kind === 'event')
      .map(([, , event]) => event as { name: string })
    t.ok(
      events.every(({ name }) => end(name.split('/')[0] ?? '')),
      `${who} hears of ${events.map(({ name }) => name)}`,
    )
    peer.leave()
  }
})

t.test('A2, B7: who asks for the same right after another gets a list of its own', async t => {
  const asking = ['operator', 'other', 'client', 'other'] as const
  const peers = await Promise.all(asking.map(who => connectAs(primary?.address ?? '', who)))
  for (const [i, peer] of peers.entries()) {
    peer.say(['query', 1, '', true])
    const [, , , held] = await peer.next('locks')
    const rooms = new Set((held as { name: string }[]).map(({ name }) => name.split('/')[0]))
    const own = { operator: ['ours', 'theirs'], other: ['theirs'], client: ['ours'] }[asking[i] ?? 'other']
    t.same([...rooms].sort(), own, asking[i] ?? '')
    peer.leave()
  }
})

t.test('A2: who holds a lock is told to one who may read it', async t => {
  const blind = { verbs: ['acquire'], prefix: 'ours/' }
  writeFileSync(
    settings.access,
    JSON.stringify({ ...access, principals: { ...access.principals, weak: principal('weak', blind) } }),
  )
  for (const server of [...servers, view]) await server.readAgain()
  await until('all have read it', () => lines.filter(([, text]) => text.includes('read again')).length >= 3)
  const { peer } = await sessionOf('weak')
  peer.say(['acquire', 1, ['ours/1'], 'exclusive', 'wait', null], ['cancel', 2, 1])
  t.same(await peer.next('cancel-done'), ['cancel-done', 2, 'cancelled', null])
  t.match(await answersTo(peer, ['query', 3, 'ours/', true]), [['query-refused', 3, 'NOT_ALLOWED']])
  const { peer: reader } = await sessionOf('client')
  reader.say(['acquire', 1, ['ours/1'], 'exclusive', 'wait', null], ['cancel', 2, 1])
  t.match(await reader.next('cancel-done'), ['cancel-done', 2, 'cancelled', { token: heldToken }])
  peer.leave()
  reader.leave()
})

t.test('A4: a session is resumed and abandoned by its own principal alone, with its key', async t => {
  const { peer, session, key } = await sessionOf('client')
  peer.leave()
  const resume = ['resume', session, key, 9, 1, []]
  for (const who of ['weak', 'other', 'operator'] as const) {
    for (const message of [
      resume,
      ['abandon', session, key],
      ['open', session, key, 9, 10_000, who, null, null, ''],
    ]) {
      const thief = await connectAs(primary?.address ?? '', who)
      thief.say(message, ['resume', session, key, 9, 1, []])
      t.same(await thief.next('unknown-session'), ['unknown-session', session], `${message[0]} by ${who}`)
      thief.leave()
    }
  }
  const own = await connectAs(primary?.address ?? '', 'client')
  own.say(resume)
  t.same(await own.next('resumed'), ['resumed', session, 9])
  own.leave()
})

t.test('A2: each message to a view server, by each principal', async t => {
  const questions: Record<string, [unknown[], Record<Known, string>]> = {
    status: [['status', 1], { weak: 'status', other: 'status', client: 'status', operator: 'status' }],
    // Of a view that is none: it does nothing.
    reset: [['reset', 1, 0, 0, false], only('operator', 'reset-done', 'reset-refused')],
    gone: [['gone', 1, newId()], all('gone-refused')],
    // It is so already.
    durability: [['durability', 1, 'memory'], only('operator', 'durability-done', 'durability-refused')],
    // It has so many.
    groups: [['groups', 1, 1], only('operator', 'groups-done', 'groups-refused')],
    echo: [['echo', 1], all('echoed')],
  }
  t.same(Object.keys(questions).sort(), Object.keys(channels.clientToView).sort())
  for (const [kind, [message, expected]] of Object.entries(questions))
    for (const who of known) {
      const peer = await connectAs(view.address, who)
      peer.say(message)
      await until('it is answered', () => peer.heard.length > 1)
      const answer = peer.heard[1]
      const isBlind = kind === 'status' && who === 'weak'
      t.equal(answer?.[0], isBlind ? 'status-refused' : expected[who], `${kind} by ${who}`)
      const isOperating = ['reset', 'gone', 'durability', 'groups'].includes(kind)
      const text = String(answer?.at(-1))
      if (isOperating)
        t.equal(text.startsWith('NOT_ALLOWED'), who !== 'operator', `${kind} by ${who}: ${text}`)
      peer.leave()
    }
})

/** What each page says to each: 401 to a stranger, 403 to one without the right. */
const pageRights: Record<string, readonly Known[]> = {
  '/view': ['other', 'client', 'operator'],
  '/cluster': ['other', 'client', 'operator'],
  '/stats': ['other', 'client', 'operator'],
  '/hour': ['other', 'client', 'operator'],
  '/deadlocks': ['other', 'client', 'operator'],
  '/locks': ['other', 'client', 'operator'],
  '/clients': ['other', 'client', 'operator'],
  '/why?name=ours/1': ['client', 'operator'],
  '/metrics': ['operator'],
  '/session': ['other', 'client', 'operator'],
}
/** The same for every cluster: they are open, so that a browser gets the form of the log-in (A9). */
const files = ['/', '/dashboard.js', '/dashboard.css', '/icon.svg']

async function statusOf(url: string, who: Who, bearer: boolean): Promise<number> {
  const proof = proofs[who]
  const headers = bearer && proof !== null ? { authorization: `Bearer ${proof}` } : proofOf(proof)
  return await statusFrom(url, headers, 'GET')
}

function statusFrom(url: string, headers: object, method: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers }, localAddress: ownAddress(), agent: false }
    request(url, options, answer => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .once('error', reject)
      .end()
  })
}

async function pagesOf(at: string): Promise<string[]> {
  const answer = await fetch(`${at}/nothing`, { headers: proofOf(proofs.operator) })
  const { error } = (await answer.json()) as { error: string }
  return [...error.matchAll(/\/[\w.-]*/g)].map(([path]) => path)
}

t.test('F21, A2: each page, with each proof', async t => {
  const strangers = ['none', 'wrong', 'server'] as const
  for (const [what, at] of [
    ['view', view.pages],
    ['lock', primary?.pages ?? ''],
  ] as const) {
    const paths = await pagesOf(at)
    t.ok(paths.length > 5)
    const asked = Object.keys(pageRights).filter(page => paths.includes(page.split('?')[0] ?? ''))
    const changing = what === 'view' ? ['/log-in', '/log-out', '/relieve'] : ['/end', '/leave']
    const open = ['/healthz', '/readyz', ...(what === 'view' ? files : [])]
    const pages = asked.map(page => page.split('?')[0] ?? '')
    t.same([...open, ...changing, ...pages].sort(), paths.sort(), `${what}: there is a row for each`)
    for (const path of open) t.equal(await statusOf(at + path, 'none', false), 200, `${what} ${path}`)
    for (const page of asked) {
      for (const who of strangers) {
        // A1: a view server asks for figures, in which no name is.
        const isFigures = who === 'server' && what === 'lock' && page === '/stats'
        t.equal(await statusOf(at + page, who, false), isFigures ? 200 : 401, `${page} ${who}`)
      }
      for (const who of known) {
        // Since an earlier story `weak` may acquire, which lets it look at nothing.
        const right = pageRights[page]?.includes(who) ? 200 : 403
        t.equal(await statusOf(at + page, who, who === 'client'), right, `${what} ${page} ${who}`)
      }
    }
  }
  for (const who of [...strangers, ...known]) {
    const status = await statusFrom(`${primary?.pages}/end?id=nobody`, proofOf(proofs[who]), 'POST')
    const isStranger = strangers.some(each => each === who)
    t.equal(status, who === 'operator' ? 409 : isStranger ? 401 : 403, `/end ${who}`)
    const leave = await statusFrom(`${primary?.pages}/leave?id=nobody`, proofOf(proofs[who]), 'POST')
    t.equal(leave, status, `/leave ${who}`)
    const byPage = { ...proofOf(proofs[who]), origin: view.pages }
    const relieve = await statusFrom(`${view.pages}/relieve?id=nobody`, byPage, 'POST')
    t.equal(relieve, who === 'operator' ? 400 : isStranger ? 401 : 403, `/relieve ${who}`)
    for (const path of ['/log-in', '/log-out']) {
      const headers = { ...proofOf(proofs[who]), origin: view.pages }
      const entered = await statusFrom(view.pages + path, headers, 'POST')
      t.equal(entered, isStranger ? 401 : who === 'weak' ? 403 : 200, `${path} ${who}`)
    }
  }
})

t.test('A2: pages show what may be read, also by way of the view server', async t => {
  for (const at of [view.pages, primary?.pages])
    for (const who of ['other', 'client', 'operator'] as const) {
      const answer = await fetch(`${at}/locks`, { headers: proofOf(proofs[who]) })
      const { locks, total } = (await answer.json()) as { locks: { name: string }[]; total: number }
      const names = locks.map(({ name }) => name).sort()
      const prefix = { other: 'theirs/', client: 'ours/', operator: '' }[who]
      t.ok(names.length > 0 && names.every(name => name.startsWith(prefix)), `${at} ${who}: ${names}`)
      t.equal(total, names.length, 'what may not be read is not counted')
    }
})

t.test('A7: acts and refusals are in the log, with who and what, and no token is', async t => {
  const of = (text: string) => lines.filter(line => line[1] === text).map(([fields]) => fields)
  t.match(
    of('not allowed').find(fields => 'lock' in fields && fields.lock === 'ours/none'),
    { principal: /\w+/, address: '127.0.0.1', verb: 'force', lock: 'ours/none' },
  )
  t.ok(of('done by an operator').some(fields => 'act' in fields && fields.act === 'force-release'))
  t.ok(of('done by an operator').some(fields => 'act' in fields && fields.act === 'reset'))
  const printed = JSON.stringify(lines)
  for (const proof of Object.values(proofs)) if (proof !== null) t.notOk(printed.includes(proof))
})

t.test('the backup takes no part in it: it says only that it is no primary', async t => {
  const peer = await connectAs(backup?.address ?? '', 'client')
  peer.say(['query', 1, '', true])
  t.match(await peer.ended(), { error: 'NOT_PRIMARY' })
})

t.test(
  'A3, B3: on an open connection only a token of its own principal is taken, and no other is guessed',
  async t => {
    for (const who of known)
      for (const shown of ['none', 'server', ...known] as const) {
        const token = proofs[shown] ?? 'nothing that anybody knows'
        const peer = await HostilePeer.connect(primary?.address ?? '', { localAddress: ownAddress() })
        peer.say(hello(kinds.client, { secret: proofs[who] }))
        await peer.next('welcome')
        peer.say(['token', token])
        if (shown === who) t.same(await peer.next('token-lasts'), ['token-lasts', null], who)
        else t.match(await peer.next('error'), ['error', 'WRONG_TOKEN'], `${shown} by ${who}`)
        peer.leave()
      }
    const two = await sessionOf('client')
    two.peer.say(['token', proofs.client], ['echo', 1])
    t.match(await two.peer.next('error'), ['error', 'UNEXPECTED_MESSAGE', /comes alone in its frame/])
    const behind = await sessionOf('client')
    behind.peer.say(['echo', 1], ['token', proofs.client])
    t.match(await behind.peer.next('error'), ['error', 'UNEXPECTED_MESSAGE', /alone in its frame/])
  },
)
