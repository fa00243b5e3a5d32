// C5 on the replicated state: the first who asks for a key runs it, and all others learn who did.

import t from 'tap'
import { State } from '../lockserver/state/state.ts'
import { stateLimits } from '../wire/limits.ts'
import { StateStory } from './fixtures/state-story.ts'

const once = (key: string, keepMs = 60_000) => ({ once: { key, keepMs } })
const keys = (s: StateStory) => [...s.state.table.onces.each()].map(({ name, key }) => `${name} ${key}`)

t.test(
  'C5: the first who asks is granted; others learn at once who runs it, and later who ran it',
  async t => {
    const s = new StateStory()
    s.state.wallMs = 5_000
    const [a, b] = [s.open('a'), s.open('b')]
    t.match(s.ask(a, 'x', once('k')), [['a', ['granted', 1, [1_001], []]]])
    const by = { token: 1_001, clientId: a.publicId, clientName: 'a', grantedAt: 5_000 }
    t.match(s.ask(b, 'x', once('k')), [['b', ['done-before', 1, { ...by, endedAt: null }]]])
    s.state.wallMs = 7_000
    s.release(a, 1_001)
    t.match(s.ask(b, 'x', once('k')), [['b', ['done-before', 2, { ...by, endedAt: 7_000 }]]])
    t.match(s.ask(a, 'x', once('k')), [['a', ['done-before', 3, by]]], 'also the same session')
    t.match(s.ask(b, 'x', once('k'), 'ifAvailable'), [['b', ['done-before', 3, by]]])
    t.same(s.holders('x'), [])
  },
)

t.test('C5: a key is of its name, and another key of the same name is another run', async t => {
  const s = new StateStory()
  const a = s.open('a')
  s.ask(a, 'x', once('k'))
  t.match(s.ask(a, 'y', once('k')), [['a', ['granted']]])
  s.release(a, 1_001)
  t.match(s.ask(a, 'x', once('l')), [['a', ['granted']]])
  t.same(keys(s).sort(), ['x k', 'x l', 'y k'])
})

t.test(
  'C5: the same session that asks twice at once is told the second time, and does not wait for itself',
  async t => {
    const s = new StateStory()
    const a = s.open('a')
    s.ask(a, 'x', once('k'))
    t.match(s.ask(a, 'x', once('k')), [['a', ['done-before', 2, { token: 1_001, endedAt: null }]]])
  },
)

t.test('C5: after its holder died the key is done: expiry, abandon, end, steal, force', async t => {
  for (const how of ['expire', 'abandon', 'end', 'steal', 'force'] as const) {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.ask(a, 'x', once('k'))
    if (how === 'expire') s.apply(['expire', [a.ordinal]])
    else if (how === 'abandon') s.apply(['abandon', a.ordinal])
    else if (how === 'end') s.apply(['end', a.ordinal, a.nextRequest])
    else if (how === 'steal') s.acquire(b, 'x', 'exclusive', 'steal')
    else s.force(b, 'x')
    t.match(s.ask(b, 'x', once('k')), [['b', ['done-before', Number, { clientName: 'a' }]]], how)
  }
})

t.test('C5: a failure frees the key, and the next who asks for it runs', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'x', once('k'))
  s.acquire(b, 'x')
  t.match(s.fail(a, 1_001), [
    ['b', ['granted', 1]],
    ['a', ['released', 2, true]],
  ])
  t.same(s.ask(c, 'x', once('k')), [], 'it waits behind b, who runs no key')
  t.match(s.release(b, 1_002)[0], ['c', ['granted', 1]])
  t.match(s.fail(a, 1_001), [['a', ['released', 3, false]]])
})

t.test('C5: a grant that crossed its cancel frees the key: nothing ran', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', once('k'))
  s.cancel(a, 1)
  t.match(s.ask(b, 'x', once('k')), [['b', ['granted', 1]]])
})

t.test(
  'C5: of those who wait behind another key, one runs, and all others with its key are told',
  async t => {
    const s = new StateStory()
    const all = ['a', 'b', 'c', 'd', 'e'].map(name => s.open(name))
    const [a, b, c, d, e] = all as [
      (typeof all)[0],
      (typeof all)[0],
      (typeof all)[0],
      (typeof all)[0],
      (typeof all)[0],
    ]
    s.ask(a, 'x', once('j'))
    s.ask(b, 'x', once('k'))
    s.ask(c, 'x', once('l'))
    s.ask(d, 'x', once('k'))
    s.ask(e, 'x', once('k'))
    t.same(s.waiters('x'), ['b', 'c', 'd', 'e'])
    const shown = s.release(a, 1_001)
    t.match(
      shown.map(([name, message]) => [name, message[0]]),
      [
        ['d', 'done-before'],
        ['e', 'done-before'],
        ['b', 'granted'],
        ['a', 'released'],
      ],
    )
    t.same([s.holders('x'), s.waiters('x')], [['b'], ['c']])
    t.match(s.release(b, 1_002)[0], ['c', ['granted', 1]])
  },
)

t.test('C5, B2: the waiters of a key are told in shares, and a death falls in between', async t => {
  const s = new StateStory({ changesPerOperationMax: 3 })
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', once('j'))
  const waiters = Array.from({ length: 9 }, (_, i) => s.open(`w${i}`))
  for (const waiter of waiters) s.ask(waiter, 'x', once('k'))
  s.ask(b, 'x', once('l'))
  s.release(a, 1_001)
  t.same(s.holders('x'), ['w0'])
  const [, , , , fifth] = waiters
  if (fifth !== undefined) s.apply(['expire', [fifth.ordinal]])
  for (let i = 0; i < 6; i++) if (s.state.table.isUnfinished) s.apply(['go-on'])
  t.same(s.waiters('x'), ['b'])
  const told = s.shown.filter(([, message]) => message[0] === 'done-before').map(([name]) => name)
  t.same(told.sort(), ['w1', 'w2', 'w3', 'w5', 'w6', 'w7', 'w8'])
})

t.test('C5, B2: those who were not told yet run no key that is done, when it ends in between', async t => {
  const s = new StateStory({ changesPerOperationMax: 3 })
  const a = s.open('a')
  s.ask(a, 'x', once('j'))
  const waiters = Array.from({ length: 6 }, (_, i) => s.open(`w${i}`))
  for (const waiter of waiters) s.ask(waiter, 'x', once('k'))
  s.release(a, 1_001)
  const [first] = waiters
  if (first !== undefined) s.release(first, 1_002)
  for (let i = 0; i < 9; i++) if (s.state.table.isUnfinished) s.apply(['go-on'])
  t.equal(s.state.table.lastToken, 1_002, 'nobody else was granted anything')
  t.same([s.holders('x'), s.waiters('x')], [[], []])
})

t.test('C5, B2: a failure in between frees the key for those who were not told yet', async t => {
  const s = new StateStory({ changesPerOperationMax: 3 })
  const a = s.open('a')
  s.ask(a, 'x', once('j'))
  const waiters = Array.from({ length: 6 }, (_, i) => s.open(`w${i}`))
  for (const waiter of waiters) s.ask(waiter, 'x', once('k'))
  s.release(a, 1_001)
  const [first] = waiters
  t.same(s.holders('x'), ['w0'])
  const left = s.waiters('x')
  t.ok(left.length > 1)
  if (first !== undefined) s.fail(first, 1_002)
  for (let i = 0; i < 9; i++) if (s.state.table.isUnfinished) s.apply(['go-on'])
  t.same([s.holders('x'), s.waiters('x')], [[left[0]], []], 'the next of them runs, and the rest is told')
})

t.test('C5: a key is forgotten by its operation, never while it is held; then it may run again', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', once('k'))
  s.apply(['forget-once', [['x', 'k']]])
  t.match(s.ask(b, 'x', once('k')), [['b', ['done-before']]])
  s.release(a, 1_001)
  s.apply([
    'forget-once',
    [
      ['x', 'k'],
      ['x', 'unknown'],
    ],
  ])
  t.same(keys(s), [])
  t.match(s.ask(b, 'x', once('k')), [['b', ['granted']]])
})

t.test(
  'C5: an operator lets a key run again; one that runs, or is kept, stays; each is told who',
  async t => {
    const s = new StateStory()
    const [a, b, operator] = [s.open('a'), s.open('b'), s.open('operator')]
    const forget = (key: string, name = 'x') =>
      s.apply(['forget-key', operator.ordinal, operator.nextRequest, name, key])
    s.state.wallMs = 5_000
    s.ask(a, 'x', { ...once('k'), holdAtLeastMs: 60_000 })
    const by = { token: 1_001, clientId: a.publicId, clientName: 'a', grantedAt: 5_000 }
    t.strictSame(
      forget('k'),
      [['operator', ['key-forgotten', 1, false, { ...by, endedAt: null }]]],
      'it runs',
    )
    s.state.wallMs = 6_000
    s.release(a, 1_001)
    const ran = { ...by, endedAt: 6_000 }
    t.strictSame(forget('k'), [['operator', ['key-forgotten', 2, false, ran]]], 'its hold is kept')
    s.apply(['least-over', [1_001]])
    t.match(s.ask(b, 'x', once('k')), [['b', ['done-before']]])
    t.strictSame(forget('other'), [['operator', ['key-forgotten', 3, false, null]]])
    t.strictSame(forget('k', 'y'), [['operator', ['key-forgotten', 4, false, null]]], 'of another lock')
    t.strictSame(forget('k'), [['operator', ['key-forgotten', 5, true, ran]]])
    t.same(keys(s), [])
    t.strictSame(forget('k'), [['operator', ['key-forgotten', 6, false, null]]])
    t.match(s.ask(b, 'x', once('k')), [['b', ['granted']]])
  },
)

t.test(
  'C3, C5: while the hold of a key is kept the key runs on: it is not forgotten, and who asks is told',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.state.wallMs = 3_000
    s.ask(a, 'x', { ...once('k'), holdAtLeastMs: 60_000 })
    s.release(a, 1_001)
    s.apply(['forget-once', [['x', 'k']]])
    t.match(s.ask(b, 'x', once('k')), [['b', ['done-before', 1, { endedAt: 3_000 }]]])
    t.same(s.ask(b, 'x', once('l')), [], 'another key waits')
    t.match(s.apply(['least-over', [1_001]]), [['b', ['granted', 2]]])
    s.apply(['forget-once', [['x', 'k']]])
    t.same(keys(s), ['x l'])
  },
)

t.test(
  'C3, C5: a failure frees the key though its hold is kept; the next run of it waits for that',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.ask(a, 'x', { ...once('k'), holdAtLeastMs: 60_000 })
    s.fail(a, 1_001)
    t.same([s.holders('x'), keys(s)], [['nobody'], []])
    t.same(s.ask(b, 'x', once('k')), [])
    t.match(s.apply(['least-over', [1_001]]), [['b', ['granted', 1]]])
    t.same(keys(s), ['x k'])
  },
)

t.test('C5: a name that is full takes no new key, and pushes none out', async t => {
  const s = new StateStory({ onceKeysPerNameMax: 2 })
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', once('k'))
  s.ask(b, 'x', once('l'))
  s.release(a, 1_001)
  t.match(s.ask(a, 'x', once('m')), [['a', ['refused', 3, 'ONCE_KEYS_LIMIT']]])
  t.match(s.ask(a, 'x', once('l')), [['a', ['done-before']]])
  t.match(s.ask(a, 'y', once('m')), [['a', ['granted']]], 'another name has its own room')
})

t.test('C5: one who waits while the name fills up is refused in its turn', async t => {
  const s = new StateStory({ onceKeysPerNameMax: 2 })
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'x', once('k'))
  s.ask(b, 'x', once('l'))
  s.ask(c, 'x', once('m'))
  s.release(a, 1_001)
  t.match(s.release(b, 1_002), [
    ['c', ['refused', 1, 'ONCE_KEYS_LIMIT']],
    ['b', ['released']],
  ])
  t.same([s.holders('x'), keys(s)], [[], ['x k', 'x l']])
})

t.test('C1, C5: different keys of one name run side by side if their permits fit', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  const permits = { of: 2, take: 1 }
  s.ask(a, 'x', { ...once('k'), permits })
  t.match(s.ask(b, 'x', { ...once('l'), permits }), [['b', ['granted']]])
  s.ask(c, 'x', { ...once('m'), permits })
  t.match(s.ask(c, 'x', { ...once('k'), permits }), [['c', ['done-before']]])
  t.same([s.holders('x'), s.waiters('x')], [['a', 'b'], ['c']])
})

t.test('C5: one who is told lets the next in the queue go', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.ask(a, 'x', { ...once('j'), permits: { of: 2, take: 2 } })
  s.ask(b, 'x', { ...once('k'), permits: { of: 2, take: 1 } })
  s.ask(c, 'x', { ...once('k'), permits: { of: 2, take: 2 } })
  s.ask(d, 'x', { permits: { of: 2, take: 1 } })
  s.release(a, 1_001)
  t.same([s.holders('x'), s.waiters('x')], [['b', 'd'], []])
})

t.test('C5, B4, B7: keys weigh, also after their session and its owner are gone', async t => {
  const s = new StateStory()
  const a = s.open('a', '192.0.2.1')
  const empty = s.state.bytes
  s.ask(a, 'x', once('k'))
  s.apply(['expire', [a.ordinal]])
  t.ok(s.state.bytes > empty - 600 && s.state.bytes > 0)
  t.equal(s.state.owners.size, 1)
  s.apply(['forget-once', [['x', 'k']]])
  t.equal(s.state.bytes, 0)
  t.equal(s.state.owners.size, 0)
})

t.test(
  "C1, C5, C8, F14: in a reset's pause all wait, and its end grants, refuses and tells as ever",
  async t => {
    const paused = new State()
    paused.apply(['start', 1_000, 10_000, stateLimits])
    const s = new StateStory({}, paused)
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    s.ask(a, 'x', once('k'))
    s.ask(b, 'x', once('k'))
    s.ask(a, 'p', { permits: { of: 5, take: 3 } })
    t.match(s.ask(b, 'p', { permits: { of: 4, take: 1 } }), [['b', ['refused', 2, 'PERMITS_DIFFER', /of 5/]]])
    s.ask(b, 'p', { permits: { of: 5, take: 3 } })
    t.match(s.ask(c, 'x', { victim: 1_001 }, 'steal'), [['c', ['not-this', 1, null]]])
    t.match(s.ask(c, 'x', once('k'), 'ifAvailable'), [['c', ['unavailable', 2]]])
    const shown = s.apply(['unpause'])
    t.match(shown.map(([name, message]) => [name, message[0], message[1]]).sort(), [
      ['a', 'granted', 1],
      ['a', 'granted', 2],
      ['b', 'done-before', 1],
    ])
    t.same([s.holders('p'), s.waiters('p')], [['a'], ['b']])
  },
)
