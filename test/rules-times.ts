// C3 and C4 on the replicated state: what lasts at least and at most, and what becomes of it at each end.

import t from 'tap'
import { StateStory } from './fixtures/state-story.ts'

const least = { holdAtLeastMs: 60_000 }
const most = { holdAtMostMs: 60_000 }
const of5 = (take: number) => ({ permits: { of: 5, take } })

t.test('C3: a released hold is kept for nobody until its time is over; then the next is served', async t => {
  const s = new StateStory()
  s.state.table.watch(true)
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', least)
  s.acquire(b, 'x')
  t.match(s.release(a, 1_001), [['a', ['released', 2, true]]])
  t.same([s.holders('x'), s.waiters('x'), a.holds.size], [['nobody'], ['b'], 0])
  t.match(s.happened.at(-1), { event: 'kept', token: 1_001, reason: null, clientName: 'a' })
  t.match(s.apply(['least-over', [1_001]]), [['b', ['granted', 1, [1_002], []]]])
  t.match(s.happened.slice(-2), [
    { event: 'released', token: 1_001, reason: null, clientId: null, clientName: null },
    { event: 'granted', token: 1_002, clientName: 'b' },
  ])
})

t.test('C3: once the time is over, its holder has it on, and its release frees it at once', async t => {
  const s = new StateStory()
  const a = s.open('a')
  s.ask(a, 'x', least)
  t.match(s.apply(['least-over', [1_001]]), [])
  t.same(s.holders('x'), ['a'])
  s.release(a, 1_001)
  t.same(s.holders('x'), [])
  t.equal(s.state.table.timed.size, 0)
})

t.test('C3: whatever becomes of its holder, the hold is kept: expiry, abandon, end', async t => {
  for (const how of ['expire', 'abandon', 'end'] as const) {
    const s = new StateStory()
    s.state.table.watch(true)
    const a = s.open('a')
    s.ask(a, 'x', least)
    if (how === 'expire') s.apply(['expire', [a.ordinal]])
    else if (how === 'abandon') s.apply(['abandon', a.ordinal])
    else s.apply(['end', a.ordinal, a.nextRequest])
    t.same(s.holders('x'), ['nobody'], how)
    t.match(s.happened.at(-1), { event: 'kept', reason: how === 'end' ? null : 'EXPIRED' })
    s.apply(['least-over', [1_001]])
    t.equal(s.state.table.locks.get('x'), undefined)
  }
})

t.test('C3: a steal and a forced release end it, kept or not; only a living holder has a loss', async t => {
  for (const kept of [false, true])
    for (const steal of [false, true]) {
      const s = new StateStory()
      const [a, b] = [s.open('a'), s.open('b')]
      s.ask(a, 'x', least)
      if (kept) s.release(a, 1_001)
      const shown = steal ? s.acquire(b, 'x', 'exclusive', 'steal') : s.force(b, 'x')
      t.same(s.holders('x'), steal ? ['b'] : [])
      t.equal(
        shown.some(([name]) => name === 'a'),
        !kept,
      )
      if (!steal) t.match(shown.at(-1), ['b', ['force-released', 1, 1, null]])
      t.equal(s.state.table.kept, 0)
      t.equal(s.state.table.timed.size, 0)
      t.same(s.apply(['least-over', [1_001]]), [], 'its end comes too late, and does nothing')
    }
})

t.test('C3, C8: a kept hold can be named by its token', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', least)
  s.release(a, 1_001)
  t.match(s.ask(b, 'x', { victim: 1_001 }, 'steal'), [['b', ['granted', 1, [1_002], []]]])
  s.ask(a, 'y', least)
  s.release(a, 1_003)
  t.match(s.force(b, 'y', 1_003), [['b', ['force-released', 2, 1, null]]])
})

t.test('C3: a kept hold takes its permits until its time is over', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', { ...least, ...of5(3) })
  s.release(a, 1_001)
  t.match(s.ask(b, 'x', of5(2)), [['b', ['granted', 1, [1_002], []]]])
  t.same(s.ask(b, 'x', of5(1)), [])
  t.match(s.ask(b, 'x', { permits: { of: 6, take: 1 } }), [['b', ['refused', 3, 'PERMITS_DIFFER']]])
  t.match(s.apply(['least-over', [1_001]]), [['b', ['granted', 2]]])
})

t.test('C3: what waits behind a kept hold is told so when it gives up', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', { ...least, note: 'nightly' })
  s.release(a, 1_001)
  t.match(s.acquire(b, 'x', 'exclusive', 'ifAvailable'), [['b', ['unavailable', 1]]])
  s.acquire(b, 'x')
  const blocker = { token: 1_001, clientId: null, clientName: null, note: 'nightly' }
  t.match(s.cancel(b, 2).at(-1), ['b', ['cancel-done', 3, 'cancelled', blocker]])
})

t.test('C3: a grant that crossed its cancel is given back whole: its client never acted on it', async t => {
  const s = new StateStory()
  const a = s.open('a')
  s.ask(a, 'x', least)
  t.match(s.cancel(a, 1), [['a', ['cancel-done', 2, 'released', null]]])
  t.same(s.holders('x'), [])
})

t.test('C3: of several names nothing is kept before all are granted', async t => {
  for (const end of ['cancel', 'expire', 'nothing'] as const) {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.acquire(b, 'y')
    s.ask(a, ['x', 'y'], least)
    if (end === 'cancel') s.cancel(a, 1)
    else if (end === 'expire') s.apply(['expire', [a.ordinal]])
    else {
      s.release(b, 1_001)
      s.apply(['expire', [a.ordinal]])
    }
    t.same(s.holders('x'), end === 'nothing' ? ['nobody'] : [], end)
    t.same(s.holders('y'), end === 'nothing' ? ['nobody'] : ['b'], end)
  }
})

t.test('C3: a time that is longer than the cluster allows is refused', async t => {
  const s = new StateStory({ holdAtLeastMsMax: 59_999 })
  const a = s.open('a')
  t.match(s.ask(a, 'x', least), [['a', ['refused', 1, 'AT_LEAST_OUT_OF_RANGE']]])
  t.match(s.ask(a, 'x', { holdAtLeastMs: 59_999 }), [['a', ['granted', 2]]])
})

t.test('C3, B4, B7: a kept hold weighs on, and counts for the owner of its session that is gone', async t => {
  const s = new StateStory({ locksPerOwnerMax: 2 })
  const [a, b] = [s.open('a', '192.0.2.1'), s.open('b', '192.0.2.1')]
  s.ask(a, 'x', least)
  s.ask(a, 'y', least)
  s.apply(['expire', [a.ordinal]])
  t.match(s.acquire(b, 'z'), [['b', ['refused', 1, 'LOCKS_LIMIT', /192.0.2.1/]]])
  s.apply(['least-over', [1_001]])
  t.match(s.acquire(b, 'z'), [['b', ['granted', 2]]])
  s.apply(['expire', [b.ordinal]])
  t.equal(s.state.owners.size, 1, 'the owner is known as long as something is kept for it')
  s.apply(['least-over', [1_002]])
  t.equal(s.state.owners.size, 0)
})

t.test(
  'C3, B2: a session with many holds becomes kept share by share; ends of their times fall in between',
  async t => {
    const s = new StateStory({ changesPerOperationMax: 3 })
    const [a, b] = [s.open('a'), s.open('b')]
    for (let i = 0; i < 9; i++) s.ask(a, 'x', { ...least, ...of5(1), permits: { of: 9, take: 1 } })
    s.ask(b, 'x', { permits: { of: 9, take: 2 } })
    s.apply(['expire', [a.ordinal]])
    t.equal(s.state.table.kept, 3)
    s.apply(['least-over', [1_001, 1_002, 1_009]])
    t.same(s.waiters('x'), [], 'two came free; the third was not kept yet')
    t.equal(s.holders('x').at(-1), 'b')
    for (let i = 0; i < 3; i++) s.apply(['go-on'])
    t.equal(s.state.table.kept, 6)
    t.equal(s.state.table.locks.get('x')?.taken, 8, 'the third was freed in its share')
    t.equal(s.state.table.isUnfinished, false)
  },
)

t.test(
  'C3, B2: a steal among kept holds takes them in shares, and what dies meanwhile with them',
  async t => {
    const s = new StateStory({ changesPerOperationMax: 3 })
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    for (let i = 0; i < 8; i++) s.acquire(i % 2 === 0 ? a : b, 'x', 'shared', 'wait', least)
    for (let i = 0; i < 8; i += 2) s.release(a, 1_001 + i)
    t.equal(s.state.table.kept, 4)
    t.same(s.acquire(c, 'x', 'exclusive', 'steal'), [])
    s.apply(['go-on'])
    s.apply(['expire', [b.ordinal]])
    for (let i = 0; i < 6; i++) s.apply(['go-on'])
    t.same(s.holders('x'), ['c'])
    t.equal(s.state.table.kept, 0)
  },
)

t.test('C4: a hold that is over its time is lost, and its client learns of it until it says so', async t => {
  const s = new StateStory()
  s.state.table.watch(true)
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', most)
  s.acquire(b, 'x')
  t.match(s.apply(['most-over', [1_001]]), [
    ['a', ['lost', 1_001, 'HELD_TOO_LONG']],
    ['b', ['granted', 1, [1_002], []]],
  ])
  t.same([...a.losses], [[1_001, 'HELD_TOO_LONG']])
  t.ok(s.happened.some(({ event, reason }) => event === 'lost' && reason === 'HELD_TOO_LONG'))
  t.match(s.release(a, 1_001), [['a', ['released', 2, false]]])
  s.apply(['acknowledge', a.ordinal, [], [1_001]])
  t.equal(a.losses.size, 0)
})

t.test('C4: its time counts from the acknowledgement of the reply that tells of it', async t => {
  const s = new StateStory()
  const a = s.open('a')
  s.ask(a, ['x', 'y'], most)
  const untold = () => s.state.table.locks.get('x')?.holder?.special?.untold
  t.equal(untold(), 1)
  s.acquire(a, 'z')
  s.acknowledge(a, 2)
  t.equal(untold(), 1)
  s.acknowledge(a, 1)
  t.equal(untold(), 0)
  t.equal(a.hasUntold, false)
})

t.test(
  'C3, C4: a hold that is over its time before it may be free is kept, and its client has lost it',
  async t => {
    const s = new StateStory()
    const a = s.open('a')
    s.ask(a, 'x', { ...least, ...most })
    t.match(s.apply(['most-over', [1_001]]), [['a', ['lost', 1_001, 'HELD_TOO_LONG']]])
    t.same(s.holders('x'), ['nobody'])
    t.same(s.apply(['most-over', [1_001]]), [], 'nobody holds it too long')
    s.apply(['least-over', [1_001]])
    t.same(s.holders('x'), [])
  },
)

t.test(
  'C4, B2: a time that is over while its session is ended in shares ends its hold, and no other',
  async t => {
    const s = new StateStory({ changesPerOperationMax: 2 })
    const a = s.open('a')
    for (const name of ['p', 'q', 'r', 's', 't']) s.ask(a, name, most)
    s.apply(['expire', [a.ordinal]])
    t.same(s.apply(['most-over', [1_005, 1_001]]), [])
    t.equal(s.state.table.locks.size, 2)
    for (let i = 0; i < 3; i++) s.apply(['go-on'])
    t.equal(s.state.table.locks.size, 0)
  },
)
