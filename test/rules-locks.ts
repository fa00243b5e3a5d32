// Locks and sessions by rule (L1 to L3, S1, S5, F14), on the replicated state alone.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import { State } from '../lockserver/state/state.ts'
import { claimOf } from '../wire/claim.ts'
import { stateLimits } from '../wire/limits.ts'
import type { Blocker, Mode } from '../wire/messages.ts'
import { StateStory, textOf } from './fixtures/state-story.ts'

/** What a cancelled acquire was waiting for. */
const blockedBy = (
  { publicId: clientId, name }: Session,
  lock: string,
  mode: Mode,
  token: number,
): Blocker => {
  return { name: lock, mode, token, clientId, clientName: name, heldMs: 0, note: null, ahead: 0 }
}

t.test('L1: an exclusive lock has one holder; the next is served on release', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  t.strictSame(s.acquire(a, 'x'), [['a', ['granted', 1, [1_001], []]]])
  t.strictSame(s.acquire(b, 'x'), [])
  t.strictSame(s.holders('x'), ['a'])
  t.strictSame(s.release(a, 1_001), [
    ['b', ['granted', 1, [1_002], []]],
    ['a', ['released', 2, true]],
  ])
})

t.test('L1: any number share a lock, and none of them with an exclusive holder', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x', 'shared')
  s.acquire(c, 'x', 'exclusive')
  t.strictSame([s.holders('x'), s.waiters('x')], [['a', 'b'], ['c']])
  s.release(a, 1_001)
  t.strictSame(s.holders('x'), ['b'], 'one sharer is left')
  s.release(b, 1_002)
  t.strictSame(s.holders('x'), ['c'])
})

t.test('L1: not re-entrant: a session waits behind itself', async t => {
  const s = new StateStory()
  const a = s.open('a')
  s.acquire(a, 'x')
  t.strictSame(s.acquire(a, 'x'), [])
  t.strictSame(s.release(a, 1_001)[0], ['a', ['granted', 2, [1_002], []]])
})

t.test('L2: each token is larger than all before it, over all locks', async t => {
  const s = new StateStory()
  const a = s.open('a')
  const tokens: number[] = []
  for (const name of ['x', 'y', 'x', 'z']) {
    const [[, shown]] = s.acquire(a, name) as [[string, ['granted', number, number[], []]]]
    tokens.push(shown[2][0] as number)
    s.release(a, shown[2][0] as number)
  }
  t.strictSame(tokens, [1_001, 1_002, 1_003, 1_004])
})

t.test('L3: first come, first served, across modes: a shared waiter does not overtake', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x', 'exclusive')
  t.strictSame(s.acquire(c, 'x', 'shared'), [], 'c could share with a, but b was first')
  t.strictSame(
    s.acquire(d, 'x', 'shared', 'ifAvailable'),
    [['d', ['unavailable', 1]]],
    'ifAvailable does not overtake either',
  )
  s.release(a, 1_001)
  t.strictSame([s.holders('x'), s.waiters('x')], [['b'], ['c']])
  s.release(b, 1_002)
  t.strictSame(s.holders('x'), ['c'])
})

t.test('L3: a run of shared waiters at the front is granted together', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.acquire(a, 'x')
  s.acquire(b, 'x', 'shared')
  s.acquire(c, 'x', 'shared')
  s.acquire(d, 'x')
  s.release(a, 1_001)
  t.strictSame([s.holders('x'), s.waiters('x')], [['b', 'c'], ['d']])
})

t.test('L3: a steal goes to the front; waiters keep their places; the victim has a loss', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x')
  s.acquire(b, 'x')
  t.strictSame(s.acquire(c, 'x', 'exclusive', 'steal'), [
    ['a', ['lost', 1_001, 'STOLEN']],
    ['c', ['granted', 1, [1_002], []]],
  ])
  t.strictSame([s.holders('x'), s.waiters('x')], [['c'], ['b']])
  t.strictSame(
    s.release(a, 1_001),
    [['a', ['released', 2, false]]],
    'the victim can free nothing with its old token',
  )
  t.strictSame(s.holders('x'), ['c'])
})

t.test('L3: cancelling an exclusive waiter lets the sharers behind it in', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x')
  s.acquire(c, 'x', 'shared')
  t.strictSame(s.cancel(b, 1), [
    ['c', ['granted', 1, [1_002], []]],
    ['b', ['cancelled', 1]],
    ['b', ['cancel-done', 2, 'cancelled', blockedBy(a, 'x', 'shared', 1_001)]],
  ])
})

t.test(
  'L3: sessions that expire together leave nothing to each other; the living waiter is served',
  async t => {
    const s = new StateStory()
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    s.acquire(a, 'x')
    s.acquire(b, 'x')
    s.acquire(c, 'x')
    t.strictSame(
      s.apply(['expire', [a.ordinal, b.ordinal]]),
      [['c', ['granted', 1, [1_002], []]]],
      'one token, none for the dead',
    )
    t.equal(s.state.sessions.size, 1)
  },
)

t.test(
  'L3: a dead waiter does not block the queue, also when it is the exclusive one before sharers',
  async t => {
    const s = new StateStory()
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    s.acquire(a, 'x', 'shared')
    s.acquire(b, 'x')
    s.acquire(c, 'x', 'shared')
    s.apply(['expire', [b.ordinal]])
    t.strictSame(s.holders('x'), ['a', 'c'])
  },
)

t.test('L3: several names are taken one by one in sorted order, and answered when all are there', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'y')
  t.strictSame(s.acquire(b, ['z', 'y', 'x']), [], 'x is taken, y is not free')
  t.strictSame([s.holders('x'), s.waiters('y'), s.holders('z')], [['b'], ['b'], []])
  t.strictSame(
    s.release(a, 1_001)[0],
    ['b', ['granted', 1, [1_002, 1_003, 1_004], []]],
    'tokens in sorted order',
  )
})

t.test('L3: two that want the same names in another order do not lock each other out', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, ['x', 'y'])
  s.acquire(b, ['y', 'x'])
  s.release(a, 1_001)
  s.release(a, 1_002)
  t.strictSame([s.holders('x'), s.holders('y')], [['b'], ['b']])
})

t.test('L3: the answer to a cancel names the holder, since when, and how many waited before', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.state.wallMs = 5_000
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x')
  s.acquire(c, 'x')
  s.state.wallMs = 12_000
  const told = { ...blockedBy(a, 'x', 'shared', 1_001), heldMs: 7_000, ahead: 1 }
  t.strictSame(s.cancel(c, 1).at(-1), ['c', ['cancel-done', 2, 'cancelled', told]])
})

t.test('L3: a cancelled acquire of several names gives all back', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'y')
  s.acquire(b, ['x', 'y'])
  s.acquire(c, 'x')
  t.strictSame(s.cancel(b, 1), [
    ['c', ['granted', 1, [1_003], []]],
    ['b', ['cancelled', 1]],
    ['b', ['cancel-done', 2, 'cancelled', blockedBy(a, 'y', 'exclusive', 1_001)]],
  ])
  t.equal(b.holds.size, 0)
})

t.test('L3, S5: a steal of one name in the meantime is a loss in the answer', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'y')
  s.acquire(b, ['x', 'y'])
  s.acquire(c, 'x', 'exclusive', 'steal')
  t.strictSame(s.release(a, 1_001)[0], ['b', ['granted', 1, [1_002, 1_004], [[1_002, 'STOLEN']]]])
})

t.test('ifAvailable takes all of several names or none, and never waits', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'y')
  t.strictSame(s.acquire(b, ['x', 'y'], 'exclusive', 'ifAvailable'), [['b', ['unavailable', 1]]])
  t.strictSame(s.holders('x'), [])
  s.release(a, 1_001)
  t.match(s.acquire(b, ['x', 'y'], 'exclusive', 'ifAvailable')[0]?.[1][0], 'granted')
})

t.test('S1: every numbered request leaves its reply until that is acknowledged, refusals too', async t => {
  const s = new StateStory({ locksPerSessionMax: 1 })
  const a = s.open('a')
  s.acquire(a, 'x')
  t.strictSame(s.acquire(a, 'y')[0]?.[1].slice(0, 3), ['refused', 2, 'LOCKS_LIMIT'])
  s.release(a, 1_001)
  t.strictSame([...a.replies.keys()].sort(), [1, 2, 3])
  s.apply(['acknowledge', a.ordinal, [1, 1, 3, 3], []])
  t.strictSame([...a.replies.keys()], [2], 'one by one')
  s.apply(['acknowledge', a.ordinal, [1, 1_000_000], []])
  s.apply(['acknowledge', a.ordinal, [1, 1_000_000], []])
  t.strictSame([...a.replies.keys()], [], 'repeating it changes nothing')
})

t.test('S1: each name that is waited for counts against the limit of locks', async t => {
  const s = new StateStory({ locksPerSessionMax: 4 })
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'x')
  s.acquire(b, ['x', 'y', 'z'])
  t.strictSame(s.acquire(b, ['v', 'w'])[0]?.[1].slice(0, 3), ['refused', 2, 'LOCKS_LIMIT'])
  t.match(s.acquire(b, 'v')[0]?.[1][0], 'granted', 'exactly as many as the limit')
  s.release(a, 1_001)
  t.equal(b.holds.size, 4, 'all of them are granted, and no more')
  t.strictSame(s.acquire(b, 'w')[0]?.[1].slice(0, 3), ['refused', 4, 'LOCKS_LIMIT'])
  s.cancel(b, 1)
  t.match(s.acquire(b, ['u', 'w', 'y'])[0]?.[1][0], 'granted', 'what is given back counts no more')
})

t.test('S1: an operation with another number than the next is refused by the state itself', async t => {
  const s = new StateStory()
  const a = s.open('a')
  t.throws(() => s.state.apply(['acquire', a.ordinal, 2, ['x'], 'exclusive', 'wait', null]), /S1/)
})

t.test('limits are refusals with their code: waiters, unanswered, sessions', async t => {
  const s = new StateStory({ waitersPerLockMax: 1, unansweredMax: 3, sessionsMax: 3 })
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  t.equal(s.open('d').name, 'c', 'no fourth session')
  s.acquire(a, 'x')
  s.acquire(b, 'x')
  t.strictSame(s.acquire(c, ['w', 'x'])[0]?.[1].slice(0, 3), ['refused', 1, 'WAITERS_LIMIT'])
  t.strictSame(s.holders('w'), [], 'what it had got is given back')
  s.acquire(c, 'p')
  s.acquire(c, 'q')
  t.strictSame(s.acquire(c, 'r')[0]?.[1].slice(0, 3), ['refused', 4, 'UNANSWERED_LIMIT'])
  s.apply(['acknowledge', c.ordinal, [1, 4], []])
  t.equal(s.acquire(c, 'r')[0]?.[1][0], 'granted', 'and goes on when they are acknowledged')
})

t.test(
  'L3: ten thousand waiters that are refused one after the other need no deep stack; the next is served',
  async t => {
    const s = new StateStory({ waitersPerLockMax: 20_000, unansweredMax: 100_000 })
    const [holder, full, many, last] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
    s.state.apply(['acquire', holder.ordinal, 1, ['x'], 'exclusive', 'wait', null])
    s.state.apply(['acquire', holder.ordinal, 2, ['y'], 'exclusive', 'wait', null])
    for (let n = 1; n <= 20_000; n++)
      s.state.apply(['acquire', full.ordinal, n, ['y'], 'exclusive', 'wait', null])
    for (let n = 1; n <= 10_000; n++)
      s.state.apply(['acquire', many.ordinal, n, ['x', 'y'], 'exclusive', 'wait', null])
    s.state.apply(['acquire', last.ordinal, 1, ['x'], 'exclusive', 'wait', null])
    s.state.apply(['release', holder.ordinal, 3, 1_001])
    while (s.state.table.isUnfinished) s.state.apply(['go-on'])
    t.strictSame(many.replies.get(10_000)?.slice(0, 3), ['refused', 10_000, 'WAITERS_LIMIT'])
    t.equal(many.waiting.size, 0)
    t.strictSame(s.holders('x'), ['d'])
    t.equal(s.state.problem(), undefined)
  },
)

t.test('S5: losses that are never acknowledged count against the limit of locks', async t => {
  const s = new StateStory({ locksPerSessionMax: 3 })
  const [a, b] = [s.open('a'), s.open('b')]
  for (let i = 0; i < 3; i++) {
    s.acquire(a, 'x')
    s.acquire(b, 'x', 'exclusive', 'steal')
    s.release(b, s.state.table.lastToken)
  }
  t.strictSame(s.acquire(a, 'x')[0]?.[1].slice(0, 3), ['refused', 4, 'LOCKS_LIMIT'])
  s.apply(['acknowledge', a.ordinal, [], [...a.losses.keys()]])
  t.equal(s.acquire(a, 'x')[0]?.[1][0], 'granted')
})

t.test(
  'a cancel that a grant has crossed releases exactly that grant; a repeat of the acquire says cancelled',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.acquire(a, 'x', 'shared')
    s.acquire(a, 'x', 'shared')
    s.acquire(b, 'x')
    t.strictSame(s.cancel(a, 2).at(-1), ['a', ['cancel-done', 3, 'released', null]])
    t.strictSame(s.holders('x'), ['a'], 'the other shared hold of the same session stays')
    t.strictSame(a.replies.get(2), ['cancelled', 2])
    t.strictSame(s.cancel(a, 2).at(-1), ['a', ['cancel-done', 4, 'nothing', null]])
  },
)

t.test(
  'S5: a loss stays until it is acknowledged by its token, and goes into an unacknowledged grant',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.acquire(a, 'x')
    s.apply(['force-release', b.ordinal, 1, 'x', null])
    t.strictSame(a.replies.get(1), ['granted', 1, [1_001], [[1_001, 'FORCED']]])
    s.apply(['acknowledge', a.ordinal, [1, 1], []])
    t.strictSame([...a.losses], [[1_001, 'FORCED']], 'acknowledging the reply does not acknowledge the loss')
    s.apply(['acknowledge', a.ordinal, [], [1_001]])
    t.equal(a.losses.size, 0)
  },
)

t.test('a forced release serves the queue and says how many it freed', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.acquire(a, 'x', 'shared')
  s.acquire(b, 'x', 'shared')
  s.acquire(c, 'x')
  const shown = s.apply(['force-release', d.ordinal, 1, 'x', null])
  t.strictSame(shown.at(-1), ['d', ['force-released', 1, 2, null]])
  t.strictSame(s.holders('x'), ['c'])
  t.strictSame(s.apply(['force-release', d.ordinal, 2, 'nobody has this', null])[0]?.[1], [
    'force-released',
    2,
    0,
    null,
  ])
})

t.test('the end of a session frees all that it had, and is answered', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'x')
  s.acquire(b, 'x')
  t.strictSame(s.apply(['end', a.ordinal, 2]), [
    ['a', ['ended', 2]],
    ['b', ['granted', 1, [1_002], []]],
  ])
  t.equal(s.state.sessions.size, 1)
})

t.test(
  'F14: during the pause nothing is granted; afterwards the queue is served in order, steals first',
  async t => {
    const s = new StateStory()
    s.state.table.start(1_000, true, stateLimits)
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    t.strictSame(s.state.table.available('x', claimOf('shared', 'ifAvailable')), false)
    s.acquire(a, 'x')
    s.acquire(b, 'x')
    s.acquire(c, 'x', 'exclusive', 'steal')
    t.strictSame(s.shown, [])
    t.strictSame(s.state.table.locks.get('x')?.holders, [])
    const shown = s.apply(['unpause'])
    t.strictSame(shown, [['c', ['granted', 1, [1_001], []]]])
    t.strictSame(s.waiters('x'), ['a', 'b'])
  },
)

t.test('F14: of two steals that the pause held up, the second takes the lock from the first', async t => {
  const s = new StateStory()
  s.state.table.start(1_000, true, stateLimits)
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.acquire(a, 'x')
  s.acquire(b, 'x', 'exclusive', 'steal')
  s.acquire(c, 'x', 'exclusive', 'steal')
  t.strictSame(s.apply(['unpause']), [
    ['b', ['granted', 1, [1_001], []]],
    ['b', ['lost', 1_001, 'STOLEN']],
    ['c', ['granted', 1, [1_002], []]],
  ])
  t.strictSame(s.holders('x'), ['c'])
  t.strictSame(s.waiters('x'), ['a'])
})

t.test('R4: a copy that says another holder to one who gives up has another digest', async t => {
  const run = (tokens: number) => {
    const s = new StateStory({}, new State())
    s.state.apply(['start', tokens, 0, stateLimits])
    const [a, b] = [s.open('a'), s.open('b')]
    s.acquire(a, 'x')
    s.acquire(b, 'x')
    s.state.digest = 0 // As if no copy had seen the grant.
    s.cancel(b, 1)
    return s.state.digest
  }
  t.not(run(1_000), run(2_000))
})

t.test(
  'R4: the same operations give the same state, digest included; another order gives another digest',
  async t => {
    const run = (order: number[]) => {
      const s = new StateStory()
      const sessions = [s.open('a'), s.open('b')]
      for (const i of order) s.acquire(sessions[i] as (typeof sessions)[0], 'x')
      return s.state
    }
    t.equal(textOf(run([0, 1])), textOf(run([0, 1])))
    t.not(run([0, 1]).digest, run([1, 0]).digest)
  },
)
