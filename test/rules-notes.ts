// C6: a note goes with a claim, changes by an operation, and is seen by watchers, in lists and by who gives up.

import t from 'tap'
import { listLocks } from '../lockserver/query.ts'
import { StateStory } from './fixtures/state-story.ts'

t.test(
  'C6: a note stands with the hold and with the waiter, and in what a cancelled acquire waited for',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.ask(a, 'x', { note: 'nightly' })
    s.ask(b, 'x', { note: 'also' })
    const { parts } = listLocks(s.state, '', 0)
    t.match(parts[0]?.held, [{ name: 'x', terms: { note: 'nightly', permits: null, keptMs: null } }])
    t.match(parts[0]?.pending, [{ name: 'x', terms: { note: 'also' } }])
    t.match(s.cancel(b, 1).at(-1), ['b', ['cancel-done', 2, 'cancelled', { note: 'nightly' }]])
  },
)

t.test(
  'C6: set-note changes the note of a plain hold, first, shared or alone, and takes it away',
  async t => {
    for (const place of [0, 1, 2]) {
      const s = new StateStory()
      s.state.table.watch(true)
      const [a, b] = [s.open('a'), s.open('b')]
      for (let i = 0; i < 3; i++) s.acquire(i === 1 ? b : a, 'x', 'shared')
      const token = 1_001 + place
      const owner = place === 1 ? b : a
      t.match(s.note(owner, token, 'one'), [[owner.name, ['noted', Number, true]]])
      t.match(s.happened.at(-1), { event: 'noted', name: 'x', token, mode: 'shared', terms: { note: 'one' } })
      t.same(
        s.state.table.locks.get('x')?.holders.map(hold => hold.token),
        [1_001, 1_002, 1_003],
      )
      t.equal(s.state.table.locks.get('x')?.holders[place]?.special?.terms.note, 'one')
      s.note(owner, token, null)
      t.match(s.happened.at(-1), { event: 'noted', token, terms: { note: null } })
      t.match(s.release(owner, token), [[owner.name, ['released', Number, true]]])
      t.equal(s.state.table.locks.get('x')?.held, 2)
    }
  },
)

t.test(
  'C6: an exclusive hold that gets a note is the same hold: its waiter waits, its release frees it',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.acquire(a, 'x')
    s.acquire(b, 'x')
    s.note(a, 1_001, 'busy')
    t.same([s.holders('x'), s.waiters('x')], [['a'], ['b']])
    t.match(s.release(a, 1_001), [
      ['b', ['granted', 1, [1_002], []]],
      ['a', ['released', 3, true]],
    ])
  },
)

t.test('C6: only the holder changes its note, and only while it holds', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', { note: 'mine' })
  t.match(s.note(b, 1_001, 'not yours'), [['b', ['noted', 1, false]]])
  s.release(a, 1_001)
  t.match(s.note(a, 1_001, 'late'), [['a', ['noted', 3, false]]])
})

t.test(
  'C6, B4, B7: notes weigh, in all and for their owner; a full state takes no longer one, but a shorter',
  async t => {
    const s = new StateStory()
    const a = s.open('a', '192.0.2.1')
    s.ask(a, 'x', { note: 'ab' })
    const before = [s.state.bytes, s.state.owners.of('192.0.2.1').bytes]
    s.note(a, 1_001, 'abcd')
    const after = [s.state.bytes, s.state.owners.of('192.0.2.1').bytes]
    t.ok(after.every((bytes, i) => bytes > (before[i] as number)))
    const full = new StateStory({ stateBytesMax: 5_000 })
    const b = full.open('b')
    full.ask(b, 'x', { note: 'ab' })
    full.acquire(b, 'y')
    full.state.limits = { ...full.state.limits, stateBytesMax: full.state.bytes }
    t.match(full.note(b, 1_001, 'abc'), [['b', ['refused', 3, 'STATE_LIMIT']]])
    t.match(full.note(b, 1_002, 'a'), [['b', ['refused', 4, 'STATE_LIMIT']]])
    full.state.limits = { ...full.state.limits, stateBytesMax: full.state.bytes }
    t.match(full.note(b, 1_001, 'a'), [['b', ['noted', 5, true]]])
  },
)

t.test('C6: a waiter has a note and no token; the next holder has its own note, or none', async t => {
  const s = new StateStory()
  s.state.table.watch(true)
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'leader', { note: 'ws://a:1' })
  s.ask(b, 'leader', { note: 'ws://b:1' })
  s.ask(c, 'leader', { holdAtMostMs: 1_000 })
  t.match(s.happened.slice(-2), [
    { event: 'waiting', token: null, clientName: 'b', terms: { note: 'ws://b:1' } },
    { event: 'waiting', token: null, clientName: 'c', terms: { note: null } },
  ])
  s.release(a, 1_001)
  t.match(s.happened.at(-1), { event: 'granted', token: 1_002, terms: { note: 'ws://b:1' } })
  s.release(b, 1_002)
  t.match(s.happened.at(-1), { event: 'granted', token: 1_003, terms: { note: null } })
  const { parts } = listLocks(s.state, '', 0)
  t.match(parts[0]?.held, [{ token: 1_003, terms: { note: null } }])
})
