// Circles of clients that wait for one another, as the dashboard shows them: found wherever they are, no chain is taken for one,
// and a reader sees only those whose locks it may all read.

import t from 'tap'
import { deadlocksPage } from '../lockserver/pages/deadlocks.ts'
import { principalOf } from '../wire/access/principal.ts'
import { StateStory } from './fixtures/state-story.ts'

const turn = async () => {}

/** Each circle as `a holds x, waits for y; …`. */
async function circles(s: StateStory, reads: string | null = null): Promise<string[]> {
  const principal = reads === null ? null : principalOf('reader', [{ prefix: reads, verbs: ['read'] }])
  const page = await deadlocksPage(s.state, principal, turn)
  return page.circles.map(circle =>
    circle.map(({ client, holds, waitsFor }) => `${client} holds ${holds}, waits for ${waitsFor}`).join('; '),
  )
}

t.test('two clients, three, and one that waits for its own lock', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.acquire(a, 'x')
  s.acquire(b, 'y')
  s.acquire(c, 'z')
  s.acquire(a, 'y')
  s.acquire(b, 'z')
  t.same(await circles(s), [], 'a chain is none')
  s.acquire(d, 'x')
  t.same(await circles(s), [], 'nor is a queue')
  s.acquire(c, 'x')
  t.same(await circles(s), ['a holds x, waits for y; b holds y, waits for z; c holds z, waits for x'])
  s.acquire(d, 'own')
  s.acquire(d, 'own')
  t.same((await circles(s)).at(-1), 'd holds own, waits for own')
})

t.test('two ways to one client are no circle', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.acquire(a, 'top')
  s.acquire(b, 'left')
  s.acquire(c, 'right')
  s.acquire(d, 'end')
  s.acquire(a, 'left')
  s.acquire(a, 'right')
  s.acquire(b, 'end')
  s.acquire(c, 'end')
  t.same(await circles(s), [])
  s.acquire(d, 'right')
  t.same((await circles(s)).length, 1)
})

t.test('several holders: a circle through any of them counts', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x', 'shared')
  s.acquire(c, 'y')
  s.acquire(c, 'x')
  t.same(await circles(s), [])
  s.acquire(b, 'y')
  t.same(await circles(s), ['b holds x, waits for y; c holds y, waits for x'])
})

t.test('A2: a circle is shown to those who may read all of its locks', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'ours/x')
  s.acquire(b, 'theirs/y')
  s.acquire(a, 'theirs/y')
  s.acquire(b, 'ours/x')
  t.equal((await circles(s)).length, 1)
  t.equal((await circles(s, '')).length, 1)
  t.same(await circles(s, 'ours/'), [])
  t.same(await circles(s, 'theirs/'), [])
})

t.test('B5: a long chain is followed in pieces, and the look ends', async t => {
  const s = new StateStory()
  const length = 5_000
  const sessions = Array.from({ length }, (_, i) => s.open(`${i}`))
  const apply = (i: number, name: string) => {
    const session = sessions[i]
    if (session === undefined) throw new Error(`there is no session ${i}`)
    s.state.apply(['acquire', session.ordinal, session.nextRequest, [name], 'exclusive', 'wait', null])
  }
  for (let i = 0; i < length; i++) apply(i, `l${i}`)
  for (let i = 0; i < length; i++) apply(i, `l${(i + 1) % length}`)
  let turns = 0
  const page = await deadlocksPage(s.state, null, async () => void turns++)
  t.equal(page.circles[0]?.length, length)
  t.ok(turns >= 5, `${turns} turns`)
  t.equal(page.cut, false)
})
