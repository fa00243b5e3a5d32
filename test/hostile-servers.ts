// F13: malformed and hostile messages to servers that are not primary, and to the view server.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { View } from '../wire/messages.ts'
import { startBegun } from './fixtures/begun.ts'
import {
  acquire,
  allEchoed,
  answers,
  bad,
  closes,
  cluster,
  connected,
  greeted,
  id,
  idleUrl,
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
import { GoodClient, HostilePeer, hello, newId } from './fixtures/hostile-peer.ts'
import { idlePing } from './fixtures/idle-ping.ts'
import { openOf, resumeOf } from './fixtures/said.ts'

// ---- servers that are not primary

const elsewhere: Row[] = [
  row('open', [openOf(newId(), 1, 10_000, '')], closes('NOT_PRIMARY')),
  row('resume', [resumeOf(newId(), 1, 1, [])], closes('NOT_PRIMARY')),
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
    closes('BAD_MESSAGE'),
  ),
  row(
    'a primary that means the server before',
    [hello({ kind: 'primary', id: view.primary.id, to: id, view })],
    closes('WRONG_SERVER'),
  ),
  bad('a primary with a view that is none', [
    hello({
      kind: 'primary',
      id,
      to: id,
      view: { group: 0, number: 0, primary: null, backup: null, durability: 'memory', start: null },
    }),
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
  unexpected('what only a lock server says', [
    ['answer', 1, { group: 0, view: 1, role: 'idle', inSync: true }],
  ]),
  bad('a status without a number', [['status']]),
  bad('a forced reset of view -1', [['reset', 1, 0, -1, true]]),
  bad('a reset forced by text', [['reset', 1, 0, 1, 'yes']]),
  row(
    'a reset while the primary lives',
    [['reset', 1, 0, view.number, false]],
    answers(['reset-refused', 1, /still answers/] as never),
  ),
  row(
    'a reset of a view to come',
    [['reset', 1, 0, view.number + 1, true]],
    answers(['reset-refused', 1, String] as never),
  ),
  row(
    'a forced reset of a view that is over',
    [['reset', 1, 0, 0, true]],
    answers(['reset-done', 1, view] as never),
  ),
  row(
    '10,000 echoes in one frame',
    many(10_000, i => ['echo', i]),
    allEchoed(9_999),
  ),
])

rows('view server, a lock server', viewServer.address, greeted(server), [
  bad('a ping with a field too many', [['ping', { ...idlePing, load: 1 }]]),
  bad('a ping with a field too few', [['ping', { view: 0 }]]),
  bad('a ping with an unknown role', [['ping', { ...idlePing, role: 'leader' }]]),
  bad('a ping copied to 101 %', [['ping', { ...idlePing, copiedPart: 101 }]]),
  bad('a ping with 65 unreachable addresses', [
    ['ping', { ...idlePing, unreachable: many(65, i => `ws://h:${i}`) }],
  ]),
  bad(
    'a ping with a __proto__ key',
    text(`[["ping",${JSON.stringify(idlePing).replace('{', '{"__proto__":{},')}]]`),
  ),
  unexpected('a request of a client', [['reset', 1, 0, 0, true]]),
  row(
    'an ack of a view by a stranger',
    [
      [
        'ping',
        {
          ...idlePing,
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
        ['pong', view, true, 10_000, 1, 600_000],
        'what it says of tokens and ttls does not count',
      )
    },
  ),
  row(
    'an answer to no question',
    [
      ['answer', 1, { group: 0, view: view.number, role: 'backup', inSync: true }],
      ['ping', idlePing],
    ],
    async (peer, t) => {
      t.equal((await peer.next('pong'))[0], 'pong', 'ignored')
    },
  ),
])

t.test('F13: a view server that learns of a view to come makes no more views, and says so', async t => {
  const data = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'))
  const lonely = await startBegun({ data, port: 0 })
  const client = await GoodClient.connect(lonely.address)
  const peer = await HostilePeer.connect(lonely.address)
  peer.say(hello({ ...server, view: 99 }, { cluster: client.welcome.cluster }))
  await closes('VIEW_FROM_FUTURE')(peer, t)
  t.match((await client.status()).halted, /knows view 99/)
  client.peer.leave()
  await lonely.close()
  await rm(data, { recursive: true })
})
