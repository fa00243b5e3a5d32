// F13: malformed, oversized and hostile input. Each row is one peer that misbehaves towards a real
// server over a real socket; it gets the stated answer, or error and close number, and afterwards a
// well-behaved client goes on on its long-lived connection as if nothing had been.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type LockServer, startLockServer } from '../lockserver/server.ts'
import { startViewServer } from '../viewservice/server.ts'
import { type ErrorCode, errors } from '../wire/errors.ts'
import { frameBytesMax, rangesMax } from '../wire/limits.ts'
import type { View } from '../wire/messages.ts'
import {
  frame,
  GoodClient,
  type Heard,
  hello,
  newId,
  Peer,
  RawPeer,
  upgradeRequest,
} from './fixtures/hostile-peer.ts'

// ---- a real cluster: a view server and three lock servers

const data = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'))
const viewServer = await startViewServer({ data, port: 0, newCluster: true })
const lockServers: LockServer[] = []
for (let i = 0; i < 3; i++) lockServers.push(await startLockServer({ view: viewServer.address }))
const onView = await GoodClient.connect(viewServer.address)
const view = await ackedView()
const urls = { primary: view.primary.address, backup: (view.backup as View['primary']).address }
const idleUrl = lockServers.find(s => !Object.values(urls).includes(s.address))?.address as string
const good = await (await GoodClient.connect(urls.primary)).open()
const onBackup = await GoodClient.connect(urls.backup)
const onIdle = await GoodClient.connect(idleUrl)
const cluster = good.welcome.cluster

async function ackedView(): Promise<View> {
  for (;;) {
    const { view, acked } = (await onView.status()) as unknown as { view: View | null; acked: boolean }
    if (acked && view?.backup) return view
  }
}

t.teardown(async () => {
  for (const client of [good, onBackup, onIdle, onView]) client.peer.leave()
  await Promise.all(lockServers.map(server => server.close()))
  await viewServer.close()
  await rm(data, { recursive: true })
})

/** Nobody else has noticed: not the lock service, not the others on the same server, not the view. */
async function unharmed(): Promise<void> {
  await Promise.all([good.acquireAndRelease(), onBackup.echo(), onIdle.echo()])
  const { view: now, halted } = await onView.status()
  if (halted !== null) throw new Error(`the view server halted: ${halted}`)
  if (now.number !== view.number) throw new Error(`view ${now.number} after ${view.number}`)
}

// ---- rows

/** What never comes fails its row and not the whole file. */
const inTime = { timeout: 10_000 }

interface Row {
  readonly name: string
  /** What is sent: messages, or a whole frame as text or bytes. */
  readonly sends: unknown[] | string | Buffer
  readonly then: Then
}
type Then = (peer: Peer, t: Test) => Promise<void>

/** An error message with this code, and the close number of the code. */
const closes =
  (code: ErrorCode): Then =>
  async (peer, t) => {
    const end = await peer.ended()
    t.equal(end.error, code, `error, not ${JSON.stringify(peer.heard.at(-1))}`)
    t.equal(end.close, errors[code].close, 'close number')
    t.ok(end.reason.length > 0, 'and a reason')
  }

/** ws itself closes: there is no error message, only the number. */
const cut =
  (close: number): Then =>
  async (peer, t) => {
    t.equal((await peer.ended()).close, close)
  }

/** Answered with these, in this order; the connection stays and works. */
const answers =
  (...wanted: Heard[]): Then =>
  async (peer, t) => {
    for (const message of wanted) t.match(await peer.next(message[0]), message)
    peer.say(['echo', 77])
    t.same(await peer.next('echoed'), ['echoed', 77], 'the connection stays')
  }

/** Nothing comes of it; the connection stays and works. */
const ignored = answers()

/** Answered one by one up to this number. */
const allEchoed =
  (last: number): Then =>
  async (peer, t) => {
    for (let i = 0; i <= last; i++) if ((await peer.next('echoed'))[1] !== i) t.fail(`echo ${i} is missing`)
  }

const row = (name: string, sends: Row['sends'], then: Then): Row => ({ name, sends, then })
const bad = (name: string, sends: Row['sends']) => row(name, sends, closes('BAD_MESSAGE'))
const unexpected = (name: string, sends: Row['sends']) => row(name, sends, closes('UNEXPECTED_MESSAGE'))

type Ready = (url: string) => Promise<Peer>
const connected: Ready = url => Peer.connect(url)
const greeted =
  (from?: unknown): Ready =>
  async url => {
    const peer = await Peer.connect(url)
    peer.say(hello(from))
    await peer.next('welcome')
    return peer
  }
const inSession = async (url: string, ttl = 2_000) => {
  const peer = await greeted()(url)
  peer.say(['open', newId(), 1, ttl, 'hostile'])
  await peer.next('opened')
  return peer
}

function rows(where: string, url: string, ready: Ready, table: readonly Row[]): void {
  for (const { name, sends, then } of table) {
    t.test(`F13: ${where}: ${name}`, inTime, async t => {
      const peer = await ready(url)
      if (Array.isArray(sends)) peer.say(...sends)
      else peer.socket.send(sends as string)
      await then(peer, t)
      if (peer.end === null) await leaveSession(peer)
      peer.leave()
      await unharmed()
    })
  }
}

/** Gives back what a row may have acquired, so that rows do not meet. */
async function leaveSession(peer: Peer): Promise<void> {
  const opened = peer.heard.find(([kind]) => kind === 'opened')
  if (opened === undefined || peer.heard.some(([kind]) => kind === 'unknown-session')) return
  peer.say(['abandon', opened[1]])
  await peer.next('unknown-session')
}

const acquire = (
  number: unknown,
  names: unknown = ['h'],
  mode: unknown = 'exclusive',
  manner: unknown = 'wait',
) => ['acquire', number, names, mode, manner]
const text = (json: string) => json
const many = (count: number, make: (i: number) => unknown) => Array.from({ length: count }, (_, i) => make(i))
const id = newId()
const server = {
  kind: 'lockserver',
  id,
  address: 'ws://127.0.0.1:1',
  role: 'idle',
  view: 0,
  pid: 1,
  host: 'h',
}

// ---- before the hello: the same at every server

const strangers: Row[] = [
  bad('not JSON', text('hello?')),
  bad('an empty frame', text('')),
  bad('half of a message', text('[["hello",1,null')),
  bad('an object instead of an array', text('{"kind":"hello"}')),
  bad('a number instead of an array', text('17')),
  bad('null', text('null')),
  bad('a string', text('"hello"')),
  unexpected('an array of no messages', []),
  bad('a message without a kind', [[]]),
  bad('a hello without its fields', [['hello']]),
  bad('a hello with an element too many', [[...hello(), 1]]),
  bad('a hello with an unknown property', [hello({ kind: 'client', name: 'x', admin: true })]),
  bad(
    'a hello with a __proto__ key',
    text('[["hello",1,null,null,{"kind":"client","name":"x","__proto__":{"a":1}}]]'),
  ),
  bad('a hello from null', [hello(null)]),
  bad('a hello from an unknown kind of peer', [hello({ kind: 'operator', name: 'x' })]),
  bad('a broken wire version', text('[["hello",1.5,null,null,{"kind":"client","name":"x"}]]')),
  bad('a wire version beyond numbers', text('[["hello",1e400,null,null,{"kind":"client","name":"x"}]]')),
  row('another wire version', [hello(undefined, { wire: 2 })], closes('WRONG_WIRE_VERSION')),
  row('another cluster', [hello(undefined, { cluster: id })], closes('WRONG_CLUSTER')),
  bad('a cluster that is no id', [hello(undefined, { cluster: 'prod' })]),
  bad('a client name of 257 characters', [hello({ kind: 'client', name: 'x'.repeat(257) })]),
  bad(
    'a client name with a lone surrogate',
    text('[["hello",1,null,null,{"kind":"client","name":"\\ud800"}]]'),
  ),
  bad('a secret of 1,025 characters', [hello(undefined, { secret: 's'.repeat(1_025) })]),
  unexpected('a request before the hello', [acquire(1)]),
  unexpected('two messages with the hello', [hello(), ['echo', 1]]),
  unexpected('two hellos in one frame', [hello(), hello()]),
  bad('a binary frame', Buffer.from(JSON.stringify([hello()]))),
  bad('100,000 brackets', text('['.repeat(100_000) + ']'.repeat(100_000))),
  bad('100,000 brackets that never close', text('['.repeat(100_000))),
  row('a frame larger than the limit', text(' '.repeat(frameBytesMax + 1)), cut(1009)),
]
for (const [where, url] of [
  ['primary', urls.primary],
  ['idle', idleUrl],
  ['view server', viewServer.address],
] as const)
  rows(`${where}, before the hello`, url, connected, strangers)

rows('lock server, before the hello', urls.primary, connected, [
  unexpected('the hello of a lock server', [hello(server)]),
  row(
    'the hello of a primary that means another server',
    [hello({ kind: 'primary', id, to: id, view })],
    closes('WRONG_SERVER'),
  ),
  row(
    'the hello of a stranger as primary of the view in force',
    [hello({ kind: 'primary', id, to: view.primary.id, view })],
    async (peer, t) => {
      t.same(await peer.next('view'), ['view', view], 'R2: refused with the view in force')
      t.equal((await peer.ended()).close, 1000)
    },
  ),
  row('a probe that says more than hello', [hello({ kind: 'probe' })], async (peer, t) => {
    await peer.next('welcome')
    peer.say(hello({ kind: 'probe' }))
    await closes('UNEXPECTED_MESSAGE')(peer, t)
  }),
])

// ---- a client of the primary, without a session

const unknown = newId()
rows('primary, no session', urls.primary, greeted(), [
  unexpected('hello twice', [hello()]),
  bad('an unknown kind', [['lock', 1]]),
  bad('the kind __proto__', [['__proto__', 1]]),
  bad('the kind constructor', [['constructor']]),
  bad('the kind toString', [['toString']]),
  bad('a number as kind', [[17]]),
  bad('a message that is a record', [{ 0: 'echo', 1: 1, length: 2 }]),
  bad('a message inside of a message', [[['echo', 1]]]),
  row('a frame of no messages', [], ignored),
  unexpected('acquire before open', [acquire(1)]),
  unexpected('release before open', [['release', 1, 1]]),
  unexpected('renew before open', [['renew', 1]]),
  unexpected('acknowledge before open', [['acknowledge', [], []]]),
  unexpected('what only a primary says', [['replicate', 1, 1, 1, 1, []]]),
  unexpected('what only a backup says', [['applied', 1, 1, 1, 1]]),
  unexpected('what only a lock server says to a view server', [['ping', {}]]),
  unexpected('what only a server answers', [['granted', 1, [1], []]]),
  unexpected('an entry of the replicated stream', [['expire', [1]]]),
  row('resume of an unknown session', [['resume', unknown, 1, 1, []]], async (peer, t) => {
    t.same(await peer.next('unknown-session'), ['unknown-session', unknown])
  }),
  row('abandon of an unknown session', [['abandon', unknown]], ignored),
  bad('open under an id in capitals', [['open', 'A'.repeat(32), 1, 10_000, '']]),
  bad('open under an id of 31 digits', [['open', 'a'.repeat(31), 1, 10_000, '']]),
  bad('open with count 0', [['open', newId(), 0, 10_000, '']]),
  bad('open with ttl 0', [['open', newId(), 1, 0, '']]),
  bad('open with a negative ttl', [['open', newId(), 1, -1, '']]),
  bad('open with a broken ttl', [['open', newId(), 1, 10_000.5, '']]),
  bad('open with a ttl above the limit', [['open', newId(), 1, 600_001, '']]),
  row(
    'open with a ttl below three ping limits',
    [['open', unknown, 1, 1_499, '']],
    answers(['open-refused', unknown, 'TTL_OUT_OF_RANGE', /1500 ms or more/] as never),
  ),
  bad('echo with 2^53', [['echo', 2 ** 53]]),
  bad('a query for no text', [['query', 1, null, true]]),
  bad('a query with a number for a flag', [['query', 1, '', 1]]),
  row(
    '100,000 messages in one frame',
    many(100_000, i => ['echo', i]),
    allEchoed(99_999),
  ),
])

// ---- a client of the primary, in a session

rows('primary, in session', urls.primary, inSession, [
  unexpected('open twice', [['open', newId(), 1, 10_000, '']]),
  unexpected('resume after open', [['resume', newId(), 1, 1, []]]),
  row('request number 5 before 1', [acquire(5)], closes('OUT_OF_ORDER')),
  bad('request number 0', [acquire(0)]),
  bad('a negative request number', [acquire(-1)]),
  bad('a broken request number', [acquire(1.5)]),
  bad('a request number of 2^53', [acquire(2 ** 53)]),
  bad('a request number beyond numbers', text('[["acquire",1e400,["h"],"exclusive","wait"]]')),
  bad('a request number as text', [acquire('1')]),
  bad('null as request number', [acquire(null)]),
  bad('an element too few', [['acquire', 1, ['h'], 'exclusive']]),
  bad('an element too many', [[...acquire(1), true]]),
  bad('no names', [acquire(1, [])]),
  bad('65 names', [
    acquire(
      1,
      many(65, i => `n${i}`),
    ),
  ]),
  bad('one name twice', [acquire(1, ['a', 'b', 'a'])]),
  bad('the name __proto__ twice', [acquire(1, ['__proto__', '__proto__'])]),
  row(
    'names that are properties of every object',
    [acquire(1, ['__proto__', 'constructor', 'hasOwnProperty'])],
    answers(['granted', 1, [Number, Number, Number] as never, []]),
  ),
  bad('an empty name', [acquire(1, [''])]),
  bad('a name of 1,025 bytes', [acquire(1, ['x'.repeat(1_025)])]),
  bad('a name of 1,024 characters and 2,048 bytes', [acquire(1, ['é'.repeat(1_024)])]),
  row(
    'a name of exactly 1,024 bytes',
    [acquire(1, ['é'.repeat(512)])],
    answers(['granted', 1, [Number] as never, []]),
  ),
  bad('a name with a lone surrogate', text('[["acquire",1,["a\\udfff"],"exclusive","wait"]]')),
  bad('a number as name', [acquire(1, [7])]),
  bad('a name instead of names', [acquire(1, 'h')]),
  bad(
    'names nested 100,000 deep',
    text(`[["acquire",1,${'['.repeat(100_000)}${']'.repeat(100_000)},"shared","wait"]]`),
  ),
  bad('an unknown mode', [acquire(1, ['h'], 'EXCLUSIVE')]),
  bad('an unknown manner', [acquire(1, ['h'], 'shared', 'please')]),
  row(
    'a bad message behind a good one: neither is done',
    [acquire(1, ['h/both']), ['nope']],
    async (peer, t) => {
      await closes('BAD_MESSAGE')(peer, t)
      const other = await inSession(urls.primary)
      other.say(acquire(1, ['h/both'], 'exclusive', 'ifAvailable'))
      t.equal((await other.next('granted'))[1], 1, 'the lock is free')
      await leaveSession(other)
      other.leave()
    },
  ),
  row('release of a token not held', [['release', 1, 12345]], answers(['released', 1, false])),
  row("release of another session's token", [['release', 1, 2 ** 53 - 1]], answers(['released', 1, false])),
  row('cancel of nothing', [['cancel', 1, 999]], answers(['cancel-done', 1, 'nothing', null])),
  row('cancel of itself', [['cancel', 1, 1]], answers(['cancel-done', 1, 'nothing', null])),
  row('force-release of a free lock', [['force-release', 1, 'h/free']], answers(['force-released', 1, 0])),
  bad('force-release of a name of 1,025 bytes', [['force-release', 1, `${'é'.repeat(512)}x`]]),
  bad('acknowledge with half a range', [['acknowledge', [1, 2, 3], []]]),
  bad('acknowledge with too many ranges', [['acknowledge', Array(rangesMax + 2).fill(1), []]]),
  row(
    'acknowledge of everything there could be',
    [
      ['release', 1, 5],
      ['acknowledge', [1, 2 ** 53 - 1], [2 ** 53 - 1]],
    ],
    answers(['released', 1, false]),
  ),
  row('acknowledge backwards', [['acknowledge', [9, 1], []]], ignored),
  row('a frame of losses that would not fit a batch to the backup', [], async (peer, t) => {
    const token = String(2 ** 53 - 1)
    const tokens = Array(Math.floor((frameBytesMax - 30) / (token.length + 1))).fill(token)
    peer.socket.send(`[["acknowledge",[],[${tokens.join()}]]]`)
    await ignored(peer, t)
  }),
  row('half a million ranges against 8,000 replies', [], async (peer, t) => {
    peer.say(...many(8_000, i => ['release', i + 1, 5]))
    for (let i = 0; i < 8_000; i++) await peer.next('released')
    const far = many(rangesMax, () => 20_000)
    for (let i = 0; i < 16; i++) peer.say(['acknowledge', far, []])
    peer.say(['acknowledge', many(rangesMax, i => (i % 2 ? 2 ** 53 - 1 : 1)), []])
    await ignored(peer, t)
    peer.say(['release', 1, 5])
    await closes('OUT_OF_ORDER')(peer, t)
  }),
  row(
    'ten thousand gigantic ranges',
    [['acknowledge', many(rangesMax, i => (i % 2 ? 2 ** 53 - 1 : 1)), []]],
    ignored,
  ),
  row(
    'a repeat of an unacknowledged request',
    [
      ['release', 1, 5],
      ['release', 1, 5],
    ],
    answers(['released', 1, false], ['released', 1, false]),
  ),
  row(
    'a repeat of an acknowledged request',
    [
      ['release', 1, 5],
      ['acknowledge', [1, 1], []],
      ['release', 1, 5],
    ],
    closes('OUT_OF_ORDER'),
  ),
  row(
    'another request under a used number',
    [['release', 1, 5], acquire(1)],
    answers(['released', 1, false], ['released', 1, false]),
  ),
  row('renew after the session was abandoned', [], async (peer, t) => {
    const mine = peer.heard.find(([kind]) => kind === 'opened')?.[1]
    peer.say(['abandon', mine], ['renew', 1])
    t.same(await peer.next('unknown-session'), ['unknown-session', mine])
  }),
  row(
    'end twice',
    [
      ['end', 1],
      ['end', 2],
    ],
    async (peer, t) => {
      t.same(await peer.next('ended'), ['ended', 1])
      t.equal((await peer.next('unknown-session'))[0], 'unknown-session')
    },
  ),
  row("resume of another's session takes it over by its count", [], async (victim, t) => {
    const theirs = victim.heard.find(([kind]) => kind === 'opened')?.[1]
    const late = await greeted()(urls.primary)
    late.say(['resume', theirs, 1, 1, []])
    await closes('REPLACED')(late, t)
    const thief = await greeted()(urls.primary)
    thief.say(['resume', theirs, 2, 1, [1, 2 ** 53 - 1]])
    t.same(await thief.next('resumed'), ['resumed', theirs, 2])
    await closes('REPLACED')(victim, t)
    thief.say(['abandon', theirs])
    await thief.next('unknown-session')
    thief.leave()
  }),
  row("open of another's session with an old count", [], async (victim, t) => {
    const thief = await greeted()(urls.primary)
    thief.say(['open', victim.heard.find(([kind]) => kind === 'opened')?.[1], 1, 10_000, ''])
    await closes('REPLACED')(thief, t)
    await ignored(victim, t)
  }),
  row('10,000 acquires of one held lock', [], async (peer, t) => {
    peer.say(...many(10_000, i => acquire(i + 1, ['h/one'])))
    t.match(await peer.next('refused'), ['refused', 8_193, 'UNANSWERED_LIMIT', String])
    await ignored(peer, t)
  }),
])

// ---- servers that are not primary

const elsewhere: Row[] = [
  row('open', [['open', newId(), 1, 10_000, '']], closes('NOT_PRIMARY')),
  row('resume', [['resume', newId(), 1, 1, []]], closes('NOT_PRIMARY')),
  row('a request', [acquire(1)], closes('NOT_PRIMARY')),
  row('a query', [['query', 1, '', false]], closes('NOT_PRIMARY')),
  row(
    'what is left of the frame is not heard',
    [
      ['renew', 1],
      ['echo', 5],
    ],
    async (peer, t) => {
      await closes('NOT_PRIMARY')(peer, t)
      t.notOk(peer.heard.some(([kind]) => kind === 'echoed'))
    },
  ),
  row('echo', [['echo', 5]], answers(['echoed', 5])),
  unexpected('a batch from a client', [['replicate', 1, 1, 1, 1, []]]),
  unexpected('a copy from a client', [['whole', 1, 0]]),
  bad('a malformed request', [['open']]),
]
rows('backup', urls.backup, greeted(), elsewhere)
rows('idle', idleUrl, greeted(), elsewhere)
rows('backup, before the hello', urls.backup, connected, [
  row(
    'a stranger as primary of the view in force',
    [hello({ kind: 'primary', id, to: (view.backup as View['primary']).id, view })],
    async (peer, t) => {
      t.same(await peer.next('view'), ['view', view])
      t.equal((await peer.ended()).close, 1000)
    },
  ),
  row(
    'a primary that means the server before',
    [hello({ kind: 'primary', id: view.primary.id, to: id, view })],
    closes('WRONG_SERVER'),
  ),
  bad('a primary with a view that is none', [
    hello({ kind: 'primary', id, to: id, view: { number: 0, primary: null, backup: null, start: null } }),
  ]),
])

// ---- the view server

rows('view server, before the hello', viewServer.address, connected, [
  unexpected('the hello of a primary', [hello({ kind: 'primary', id, to: id, view })]),
  unexpected('the hello of a probe', [hello({ kind: 'probe' })]),
  row('a lock server of another cluster', [hello(server, { cluster: id })], closes('WRONG_CLUSTER')),
  row(
    'a lock server of another cluster from the future',
    [hello({ ...server, view: 99 }, { cluster: id })],
    closes('WRONG_CLUSTER'),
  ),
  bad('a lock server at no address', [hello({ ...server, address: 'nowhere' })]),
  bad('a lock server at a file', [hello({ ...server, address: 'file:///etc/passwd' })]),
  bad('a lock server at an empty address', [hello({ ...server, address: '' })]),
  bad('a lock server in an unknown role', [hello({ ...server, role: 'leader' })]),
  bad('a lock server in view -1', [hello({ ...server, view: -1 })]),
  bad('a lock server with a broken pid', [hello({ ...server, pid: 0.5 })]),
  row(
    "a new id at the living primary's address",
    [hello({ ...server, address: urls.primary }, { cluster })],
    closes('ADDRESS_TAKEN'),
  ),
  row(
    "the primary's id at another address",
    [hello({ ...server, id: view.primary.id }, { cluster })],
    closes('WRONG_SERVER'),
  ),
])
rows('view server, a client', viewServer.address, greeted(), [
  unexpected('hello twice', [hello()]),
  unexpected('what only a lock server takes', [acquire(1)]),
  unexpected('what only a lock server says', [['answer', 1, { view: 1, role: 'idle', inSync: true }]]),
  bad('a status without a number', [['status']]),
  bad('a forced reset of view -1', [['reset', 1, -1, true]]),
  bad('a reset forced by text', [['reset', 1, 1, 'yes']]),
  row(
    'a reset while the primary lives',
    [['reset', 1, view.number, false]],
    answers(['reset-refused', 1, /still answers/] as never),
  ),
  row(
    'a reset of a view to come',
    [['reset', 1, view.number + 1, true]],
    answers(['reset-refused', 1, String] as never),
  ),
  row(
    'a forced reset of a view that is over',
    [['reset', 1, 0, true]],
    answers(['reset-done', 1, view] as never),
  ),
  row(
    '10,000 echoes in one frame',
    many(10_000, i => ['echo', i]),
    allEchoed(9_999),
  ),
])

const ping = {
  view: 0,
  role: 'idle',
  acked: false,
  inSync: false,
  opNumber: 0,
  lag: 0,
  copiedPart: 0,
  token: 0,
  unreachable: [],
  leaving: false,
  ttlMs: 0,
}
rows('view server, a lock server', viewServer.address, greeted(server), [
  bad('a ping with a field too many', [['ping', { ...ping, load: 1 }]]),
  bad('a ping with a field too few', [['ping', { view: 0 }]]),
  bad('a ping with an unknown role', [['ping', { ...ping, role: 'leader' }]]),
  bad('a ping copied to 101 %', [['ping', { ...ping, copiedPart: 101 }]]),
  bad('a ping with 65 unreachable addresses', [
    ['ping', { ...ping, unreachable: many(65, i => `ws://h:${i}`) }],
  ]),
  bad(
    'a ping with a __proto__ key',
    text(`[["ping",${JSON.stringify(ping).replace('{', '{"__proto__":{},')}]]`),
  ),
  unexpected('a request of a client', [['reset', 1, 0, true]]),
  row(
    'an ack of a view by a stranger',
    [
      [
        'ping',
        {
          ...ping,
          view: view.number,
          role: 'primary',
          acked: true,
          unreachable: [urls.backup],
          token: 2 ** 53 - 1,
          ttlMs: 600_000,
        },
      ],
    ],
    async (peer, t) => {
      t.same(
        await peer.next('pong'),
        ['pong', view, 10_000],
        'what it says of tokens and ttls does not count',
      )
    },
  ),
  row(
    'an answer that nobody asked for',
    [
      ['answer', 1, { view: view.number, role: 'backup', inSync: true }],
      ['ping', ping],
    ],
    async (peer, t) => {
      t.equal((await peer.next('pong'))[0], 'pong', 'ignored')
    },
  ),
])

// ---- below the messages: frames, HTTP, TCP

type RawRow = readonly [
  name: string,
  sends: (string | Buffer)[],
  then: (peer: RawPeer, t: Test) => Promise<void>,
]
const closesRaw = (number: number) => async (peer: RawPeer, t: Test) => {
  await peer.ended()
  t.equal(peer.close, number)
}
const status = (line: string) => async (peer: RawPeer, t: Test) => {
  await peer.until('\r\n\r\n')
  t.match(peer.text.split('\r\n')[0], `HTTP/1.1 ${line}`)
}
const justClosed = async (peer: RawPeer, t: Test) => {
  t.ok(await peer.ended())
}

const frames: RawRow[] = [
  ['a frame without a mask', [frame(0x81, '[]', false)], closesRaw(1002)],
  ['a frame with an unknown opcode', [frame(0x83, '[]')], closesRaw(1002)],
  ['a compressed frame', [frame(0xc1, '[]')], closesRaw(1002)],
  ['a ping of 126 bytes', [frame(0x89, 'x'.repeat(126))], closesRaw(1002)],
  ['a ping in pieces', [frame(0x09, 'x')], closesRaw(1002)],
  ['a continuation of nothing', [frame(0x80, 'x')], closesRaw(1002)],
  ['a close with half a number', [frame(0x88, 'x')], closesRaw(1002)],
  ['invalid UTF-8', [frame(0x81, Buffer.from([0x22, 0xff, 0xc0, 0x22]))], closesRaw(1007)],
  ['a surrogate in UTF-8', [frame(0x81, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))], closesRaw(1007)],
  ['20,000 empty pieces', [frame(0x01, ''), ...Array<Buffer>(20_000).fill(frame(0x00, ''))], closesRaw(1008)],
  ['a length of 2^63', [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])], closesRaw(1009)],
]
const requests: RawRow[] = [
  ['garbage instead of HTTP', ['\x16\x03\x01\x02\x00\x01 hello\r\n\r\n'], status('400')],
  ['a request with a NUL', ['GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'], status('400')],
  [
    'headers of 100,000 bytes',
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(100_000)}\r\n\r\n`],
    status('431'),
  ],
  ['a method that nobody knows', ['EAT / HTTP/1.1\r\nHost: x\r\n\r\n'], status('400')],
  ['TRACE', ['TRACE /readyz HTTP/1.1\r\nHost: x\r\n\r\n'], status('405')],
  [
    'DELETE',
    ['DELETE /view HTTP/1.1\r\nHost: x\r\n\r\n'],
    async (peer, t) => {
      await peer.until('\r\n\r\n')
      t.match(peer.text, /^HTTP\/1\.1 (200|404|405)/)
    },
  ],
  ['POST with a body', ['POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody'], status('405')],
  ['CONNECT', ['CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n'], justClosed],
  [
    'two lengths',
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n'],
    status('400'),
  ],
  ['a path upwards', ['GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n'], status('404')],
  ['WebSocket version 7', [upgradeRequest({ 'Sec-WebSocket-Version': '7' })], status('400')],
  ['a WebSocket without a key', [upgradeRequest({ 'Sec-WebSocket-Key': '' })], status('400')],
  ['an upgrade to something else', [upgradeRequest({ Upgrade: 'h2c' })], status('400')],
  ['a page of another origin', [upgradeRequest({ Origin: 'https://evil.example' })], status('403')],
]
for (const [where, url] of [
  ['lock server', urls.primary],
  ['view server', viewServer.address],
] as const) {
  for (const [name, sends, then] of [
    ...frames.map(row => [...row, true] as const),
    ...requests.map(row => [...row, false] as const),
  ].map(([name, sends, then, upgraded]) => [name, upgraded ? ['upgrade', ...sends] : sends, then] as const)) {
    t.test(`F13: ${where}, raw: ${name}`, inTime, async t => {
      const peer = new RawPeer(url)
      if (sends[0] === 'upgrade') await peer.upgrade()
      for (const data of sends) if (data !== 'upgrade') peer.write(data)
      await then(peer, t)
      peer.socket.destroy()
      await unharmed()
    })
  }
}

// ---- those that only cost

t.test('F13: primary: a flood of 200,000 pings', async t => {
  const peer = await greeted()(urls.primary)
  for (let i = 0; i < 200_000; i++) peer.socket.ping('x'.repeat(100))
  await unharmed()
  t.equal((await peer.ended()).close, 1006, 'cut: its pongs may not fill our memory')
  await unharmed()
})

t.test('F13: primary: a reader that never reads is cut, and its lock is free after its ttl', async t => {
  const before = await slowReadersCut()
  // What it asks for is there for as long as it takes, also when it has lost its session.
  const others = await inSession(urls.primary, 600_000)
  const names = (i: number) => many(64, j => `slow/${i}/${j}/`.padEnd(1_024, '\u0001'))
  others.say(...many(4, i => acquire(i + 1, names(i))))
  for (let i = 0; i < 4; i++) await others.next('granted')
  const peer = await inSession(urls.primary)
  peer.say(acquire(1, ['its own']))
  await peer.next('granted')
  peer.socket.pause()
  peer.say(...many(60, i => ['query', i, 'slow/', true]))
  while ((await slowReadersCut()) === before) await unharmed()
  others.say(acquire(5, ['its own']))
  await others.next('granted')
  peer.socket.resume()
  t.equal((await peer.ended()).close, 1006, 'cut, since a close would not be read either')
  await unharmed()
  await leaveSession(others)
  others.leave()
})

/** As the primary tells whoever scrapes it. */
async function slowReadersCut(): Promise<number> {
  const metrics = await (await fetch(`${urls.primary.replace(/^ws/, 'http')}/metrics`)).text()
  return Number(/_closed_connections_total\{code="SLOW_READER"\} (\d+)/.exec(metrics)?.[1])
}

t.test('F13: primary: 300 connections that come and go at once', async () => {
  const all = await Promise.all(many(300, () => Peer.connect(urls.primary)) as Promise<Peer>[])
  for (const peer of all) peer.leave()
  await unharmed()
})

t.test('F13: primary: a hello and a reset of the connection', async () => {
  const peer = new RawPeer(urls.primary)
  await peer.upgrade()
  peer.write(frame(0x81, JSON.stringify([hello()])))
  await peer.until('welcome')
  peer.socket.resetAndDestroy()
  await unharmed()
})

t.test('F13: a view server that is told of a view to come makes no view any more, and says so', async t => {
  const data = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'))
  const lonely = await startViewServer({ data, port: 0, newCluster: true })
  const peer = await Peer.connect(lonely.address)
  peer.say(hello({ ...server, view: 99 }, { cluster: 'c'.repeat(32) }))
  await closes('VIEW_FROM_FUTURE')(peer, t)
  const client = await GoodClient.connect(lonely.address)
  t.match((await client.status()).halted, /knows view 99/)
  client.peer.leave()
  await lonely.close()
  await rm(data, { recursive: true })
})

// ---- those that say nothing: they were connected first, and are looked at last

const silent = await Promise.all(
  [urls.primary, viewServer.address].map(async url => {
    const quiet = await Peer.connect(url)
    const half = new RawPeer(url)
    await half.upgrade()
    half.write(frame(0x81, JSON.stringify([hello()])).subarray(0, 20))
    const request = new RawPeer(url)
    request.write('GET / HTTP/1.1\r\nHost: x\r\nX-Half: ')
    const nothing = new RawPeer(url)
    return { url, quiet, half, request, nothing }
  }),
)
t.test('F13: no hello, half a frame, half a request, nothing at all', async t => {
  for (const { quiet, half, request, nothing } of silent) {
    await closes('HELLO_TIMEOUT')(quiet, t)
    await half.ended()
    t.equal(half.close, 4408)
    await request.until('408')
    await request.ended()
    await nothing.ended()
  }
  await unharmed()
})
