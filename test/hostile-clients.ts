// F13: malformed and hostile messages before the hello, and from clients of the primary.

import { clientFrameBytesMax, helloBytesMax, rangesMax } from '../wire/limits.ts'
import { wireVersion } from '../wire/version.ts'
import {
  acquire,
  allEchoed,
  answers,
  bad,
  closes,
  connected,
  cut,
  greeted,
  id,
  idleUrl,
  ignored,
  inSession,
  leaveSession,
  many,
  type Row,
  row,
  rows,
  server,
  text,
  unexpected,
  urls,
  view,
  viewServer,
} from './fixtures/hostile-cluster.ts'
import { hello, newId } from './fixtures/hostile-peer.ts'
import { abandonOf, openOf, resumeOf } from './fixtures/said.ts'

// ---- before the hello: the same at every server

const strangers: Row[] = [
  bad('not JSON', text('hello?')),
  bad('an empty frame', text('')),
  bad('half of a message', text('[["hello",2,null')),
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
    text('[["hello",2,null,null,{"kind":"client","name":"x","__proto__":{"a":1}}]]'),
  ),
  bad('a hello from null', [hello(null)]),
  bad('a hello from an unknown kind of peer', [hello({ kind: 'operator', name: 'x' })]),
  bad('a broken wire version', text('[["hello",1.5,null,null,{"kind":"client","name":"x"}]]')),
  bad('a wire version beyond numbers', text('[["hello",1e400,null,null,{"kind":"client","name":"x"}]]')),
  row('another wire version', [hello(undefined, { wire: wireVersion + 1 })], closes('WRONG_WIRE_VERSION')),
  row('another cluster', [hello(undefined, { cluster: id })], closes('WRONG_CLUSTER')),
  bad('a cluster that is no id', [hello(undefined, { cluster: 'prod' })]),
  bad('a client name of 257 characters', [hello({ kind: 'client', name: 'x'.repeat(257) })]),
  bad(
    'a client name with a lone surrogate',
    text('[["hello",2,null,null,{"kind":"client","name":"\\ud800"}]]'),
  ),
  bad('a proof of 8,193 characters', [hello(undefined, { secret: 's'.repeat(8_193) })]),
  unexpected('a request before the hello', [acquire(1)]),
  unexpected('two messages with the hello', [hello(), ['echo', 1]]),
  unexpected('two hellos in one frame', [hello(), hello()]),
  bad('a binary frame', Buffer.from(JSON.stringify([hello()]))),
  bad('8,000 brackets', text('['.repeat(8_000) + ']'.repeat(8_000))),
  bad('16,000 brackets that never close', text('['.repeat(16_000))),
  row('a frame larger than a hello may be', text(' '.repeat(helloBytesMax + 1)), cut(1009)),
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
    closes('BAD_MESSAGE'),
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
  row('resume of an unknown session', [resumeOf(unknown, 1, 1, [])], async (peer, t) => {
    t.same(await peer.next('unknown-session'), ['unknown-session', unknown])
  }),
  row('abandon of an unknown session', [abandonOf(unknown)], ignored),
  bad('open under an id in capitals', [openOf('A'.repeat(32), 1, 10_000, '')]),
  bad('open under an id of 31 digits', [openOf('a'.repeat(31), 1, 10_000, '')]),
  bad('open with count 0', [openOf(newId(), 0, 10_000, '')]),
  bad('open with ttl 0', [openOf(newId(), 1, 0, '')]),
  bad('open with a negative ttl', [openOf(newId(), 1, -1, '')]),
  bad('open with a broken ttl', [openOf(newId(), 1, 10_000.5, '')]),
  bad('open with a ttl above the limit', [openOf(newId(), 1, 600_001, '')]),
  row(
    'open with a ttl below three ping limits',
    [openOf(unknown, 1, 1_499, '')],
    answers(['open-refused', unknown, 'TTL_OUT_OF_RANGE', /this cluster takes 1500 to \d+ ms/] as never),
  ),
  bad('echo with 2^53', [['echo', 2 ** 53]]),
  bad('a query for no text', [['query', 1, null, true]]),
  bad('a query with a number for a flag', [['query', 1, '', 1]]),
  row(
    '4,096 messages in one frame',
    many(4_096, i => ['echo', i]),
    allEchoed(4_095),
  ),
  bad(
    'more messages in one frame',
    many(4_097, i => ['echo', i]),
  ),
])

// ---- a client of the primary, in a session

rows('primary, in session', urls.primary, inSession, [
  unexpected('open twice', [openOf(newId(), 1, 10_000, '')]),
  unexpected('resume after open', [resumeOf(newId(), 1, 1, [])]),
  row('request number 5 before 1', [acquire(5)], closes('OUT_OF_ORDER')),
  bad('request number 0', [acquire(0)]),
  bad('a negative request number', [acquire(-1)]),
  bad('a broken request number', [acquire(1.5)]),
  bad('a request number of 2^53', [acquire(2 ** 53)]),
  bad('a request number beyond numbers', text('[["acquire",1e400,["h"],"exclusive","wait",null]]')),
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
  bad('a name with a lone surrogate', text('[["acquire",1,["a\\udfff"],"exclusive","wait",null]]')),
  bad('a number as name', [acquire(1, [7])]),
  bad('a name instead of names', [acquire(1, 'h')]),
  bad(
    'names nested 100,000 deep',
    text(`[["acquire",1,${'['.repeat(100_000)}${']'.repeat(100_000)},"shared","wait",null]]`),
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
  row(
    'force-release of a free lock',
    [['force-release', 1, 'h/free', null]],
    answers(['force-released', 1, 0, null]),
  ),
  row(
    'a key that there is not',
    [['forget-key', 1, 'h/free', 'k']],
    answers(['key-forgotten', 1, false, null]),
  ),
  bad('a key of 257 bytes', [['forget-key', 1, 'h/free', `${'é'.repeat(128)}x`]]),
  bad('force-release of a name of 1,025 bytes', [['force-release', 1, `${'é'.repeat(512)}x`, null]]),
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
    const tokens = Array(Math.floor((clientFrameBytesMax - 30) / (token.length + 1))).fill(token)
    peer.socket.send(`[["acknowledge",[],[${tokens.join()}]]]`)
    await ignored(peer, t)
  }),
  row('half a million ranges against 8,000 replies', [], async (peer, t) => {
    for (const first of [0, 4_000]) peer.say(...many(4_000, i => ['release', first + i + 1, 5]))
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
    const mine = String(peer.heard.find(([kind]) => kind === 'opened')?.[1])
    peer.say(abandonOf(mine), ['renew', 1])
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
    const theirs = String(victim.heard.find(([kind]) => kind === 'opened')?.[1])
    const late = await greeted()(urls.primary)
    late.say(resumeOf(theirs, 1, 1, []))
    await closes('REPLACED')(late, t)
    const thief = await greeted()(urls.primary)
    thief.say(resumeOf(theirs, 2, 1, [1, 2 ** 53 - 1]))
    t.same(await thief.next('resumed'), ['resumed', theirs, 2])
    await closes('REPLACED')(victim, t)
    thief.say(abandonOf(theirs))
    await thief.next('unknown-session')
    thief.leave()
  }),
  row("open of another's session with an old count", [], async (victim, t) => {
    const thief = await greeted()(urls.primary)
    thief.say(openOf(String(victim.heard.find(([kind]) => kind === 'opened')?.[1]), 1, 10_000, ''))
    await closes('REPLACED')(thief, t)
    await ignored(victim, t)
  }),
  row('10,000 acquires of one held lock', [], async (peer, t) => {
    for (const first of [0, 2_500, 5_000, 7_500])
      peer.say(...many(2_500, i => acquire(first + i + 1, ['h/one'])))
    t.match(await peer.next('refused'), ['refused', 8_193, 'UNANSWERED_LIMIT', String])
    await ignored(peer, t)
  }),
])
