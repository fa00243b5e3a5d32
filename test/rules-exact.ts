// C8: a steal or a forced release that names a token does nothing, and says so, if another token holds.

import t from 'tap'
import { StateStory } from './fixtures/state-story.ts'

const of5 = (take: number) => ({ permits: { of: 5, take } })

t.test('C8: a forced release with the token that holds ends it; with another it does nothing', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x')
  s.release(a, 1_001)
  s.acquire(b, 'x')
  t.match(s.force(c, 'x', 1_001), [['c', ['force-released', 1, 0, 1_002]]], 'the healthy successor stays')
  t.same(s.holders('x'), ['b'])
  t.match(s.force(c, 'x', 1_002), [
    ['b', ['lost', 1_002, 'FORCED']],
    ['c', ['force-released', 2, 1, null]],
  ])
  t.match(s.force(c, 'x', 1_002), [['c', ['force-released', 3, 0, null]]], 'nobody holds it')
})

t.test('C8: of many holders only this one loses the lock, first, last or in between', async t => {
  for (const victim of [1_001, 1_002, 1_003]) {
    const s = new StateStory()
    const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
    for (const session of [a, b, c]) s.acquire(session, 'x', 'shared')
    s.acquire(d, 'x')
    s.force(d, 'x', victim)
    const left = [1_001, 1_002, 1_003].filter(token => token !== victim)
    t.same(
      s.state.table.locks.get('x')?.holders.map(({ token }) => token),
      left,
    )
    t.same(s.waiters('x'), ['d'])
  }
})

t.test('C8: a crowd with more holders than there are sessions is searched by session', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  for (let i = 0; i < 9; i++) s.acquire(i % 2 === 0 ? a : b, 'x', 'shared')
  t.match(s.force(a, 'x', 1_007).at(-1), ['a', ['force-released', Number, 1, null]])
  t.match(s.force(a, 'x', 1_007).at(-1), ['a', ['force-released', Number, 0, 1_001]])
  s.acquire(a, 'y')
  t.match(s.force(a, 'x', 1_010).at(-1), ['a', ['force-released', Number, 0, 1_001]], 'it holds another lock')
})

t.test('C8: a permit that comes free by force goes to the front', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'x', of5(3))
  s.ask(b, 'x', of5(2))
  s.ask(c, 'x', of5(2))
  s.force(c, 'x', 1_002)
  t.same(s.holders('x'), ['a', 'c'])
})

t.test('C8: a steal that names the holder takes its place; past the queue', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x')
  s.acquire(b, 'x')
  t.match(s.ask(c, 'x', { victim: 1_001 }, 'steal'), [
    ['a', ['lost', 1_001, 'STOLEN']],
    ['c', ['granted', 1, [1_002], []]],
  ])
  t.same([s.holders('x'), s.waiters('x')], [['c'], ['b']])
  t.same(s.state.table.locks.get('x')?.holder?.special, null, 'it is a plain hold')
})

t.test('C8: a steal from a token that does not hold does nothing, and says who does', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  t.match(s.ask(b, 'x', { victim: 1_001 }, 'steal'), [['b', ['not-this', 1, null]]])
  t.equal(s.state.table.locks.get('x'), undefined)
  s.acquire(a, 'x')
  t.match(s.ask(b, 'x', { victim: 1_000 }, 'steal'), [['b', ['not-this', 2, 1_001]]])
  t.same([s.holders('x'), s.waiters('x')], [['a'], []])
})

t.test('C8: a steal of exactly one does nothing while others hold beside it', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x', 'shared')
  t.match(s.ask(c, 'x', { victim: 1_001 }, 'steal'), [['c', ['not-this', 1, 1_002]]])
  t.same(s.holders('x'), ['a', 'b'])
})

t.test('C8: of permits, exactly one holder is replaced if the claim fits then', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'x', of5(2))
  s.ask(b, 'x', of5(2))
  t.match(s.ask(c, 'x', { ...of5(4), victim: 1_001 }, 'steal'), [['c', ['not-this', 1, 1_002]]])
  t.same(s.holders('x'), ['a', 'b'])
  t.match(s.ask(c, 'x', { ...of5(3), victim: 1_001 }, 'steal'), [
    ['a', ['lost', 1_001, 'STOLEN']],
    ['c', ['granted', 2, [1_003], []]],
  ])
  t.same(s.holders('x'), ['b', 'c'])
  t.match(s.ask(a, 'x', { victim: 1_003 }, 'steal'), [['a', ['refused', 2, 'PERMITS_DIFFER']]])
})

t.test('C8: a steal that waits for a crowd to lose the lock is not overtaken', async t => {
  const s = new StateStory({ changesPerOperationMax: 2 })
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  const one = { permits: { of: 6, take: 1 } }
  for (let i = 0; i < 6; i++) s.ask(a, 'x', one)
  s.ask(b, 'x', one, 'steal')
  s.apply(['go-on'])
  t.match(s.ask(c, 'x', { ...one, victim: 1_006 }, 'steal'), [['c', ['not-this', 1]]])
  for (let i = 0; i < 5; i++) s.apply(['go-on'])
  t.same(s.holders('x'), ['b'])
})
