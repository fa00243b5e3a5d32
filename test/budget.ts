// What one peer may cost: no operation changes more than its share, no turn does more than its limit, and the
// state has a maximum size. The tests also look at the state between any two shares of a divided operation.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import { Copy, headerOf, Installation } from '../lockserver/state/snapshot.ts'
import type { State } from '../lockserver/state/state.ts'
import { decode } from '../wire/codec.ts'
import { clientTurnCostMax, stateLimits, unfoldedMax } from '../wire/limits.ts'
import type { Entry, Message } from '../wire/messages.ts'
import { unfolded } from '../wire/runs.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { opening, openOf } from './fixtures/said.ts'
import { StateStory, timesOf } from './fixtures/state-story.ts'

const share = 4

function holding(count: number, mode: 'shared' | 'exclusive' = 'exclusive'): { s: StateStory; a: Session } {
  const s = new StateStory({ changesPerOperationMax: share })
  const a = s.open('a')
  for (let i = 0; i < count; i++) s.acquire(a, mode === 'shared' ? 'x' : `l/${i}`, mode)
  return { s, a }
}

/** Continues until nothing is unfinished; returns how often it had to. */
function finish(s: StateStory, each = () => {}): number {
  let count = 0
  for (; s.state.table.isUnfinished; count++) {
    each()
    s.apply(['go-on'])
  }
  return count
}

function copyOf(state: State): State {
  const copy = new Copy(state, timesOf(1_000))
  const installation = new Installation(headerOf(state, 1, null))
  for (let chunk = copy.nextChunk(3); chunk !== null; chunk = copy.nextChunk(3)) installation.add(chunk, 0)
  state.table.endCopy(copy)
  return installation.finish()
}

for (const how of ['expire', 'abandon', 'end'] as const) {
  t.test(
    `B2, F20: a session that holds much is over at once, and its holds end in shares: ${how}`,
    async t => {
      const { s, a } = holding(20)
      const b = s.open('b')
      s.acquire(b, 'l/19')
      if (how === 'expire') s.apply(['expire', [a.ordinal]])
      else if (how === 'abandon') s.apply(['abandon', a.ordinal])
      else s.apply(['end', a.ordinal, a.nextRequest])
      t.notOk(s.state.sessionsById.has(a.id), 'nobody can resume it')
      t.equal(a.holds.size, 20 - share)
      let before = a.holds.size
      const count = finish(s, () => {
        t.ok(before - a.holds.size <= share)
        before = a.holds.size
      })
      t.ok(count >= 4)
      t.equal(a.holds.size, 0)
      t.strictSame(s.holders('l/19'), ['b'])
    },
  )
}

t.test('B2: a session that is half ended is granted nothing; the waiters behind it are served', async t => {
  const { s, a } = holding(10)
  const [b, c] = [s.open('b'), s.open('c')]
  s.acquire(b, 'y')
  for (let i = 0; i < 10; i++) s.acquire(a, 'y')
  s.acquire(c, 'y')
  s.apply(['expire', [a.ordinal]])
  s.release(b, 1_011)
  t.strictSame(s.holders('y'), [])
  finish(s, () => t.notOk(s.holders('y').includes('a')))
  t.strictSame(s.holders('y'), ['c'])
})

t.test('B2: a forced release of many holds is done in shares', async t => {
  const { s, a } = holding(20, 'shared')
  const [b, c] = [s.open('b'), s.open('c')]
  s.acquire(b, 'x')
  t.strictSame(s.apply(['force-release', c.ordinal, 1, 'x', null]), [['c', ['force-released', 1, 20, null]]])
  t.ok(finish(s) <= 6)
  t.strictSame(s.holders('x'), ['b'])
  t.equal(a.losses.size, 20)
})

t.test('B2, L3: a steal from many holders is first in the queue until all have lost it', async t => {
  const { s, a } = holding(20, 'shared')
  const [b, c, d] = [s.open('b'), s.open('c'), s.open('d')]
  s.acquire(b, 'x')
  t.strictSame(s.acquire(c, 'x', 'exclusive', 'steal'), [])
  s.acquire(d, 'x', 'shared')
  t.strictSame(s.waiters('x'), ['c', 'b', 'd'])
  // A hold that ends by itself in the meantime makes the lock no freer for the thief (L1).
  s.release(a, [...a.holds.keys()].at(-1) as number)
  t.notOk(s.holders('x').includes('c'), 'others hold it still')
  finish(s)
  t.strictSame(s.holders('x'), ['c'])
  t.equal(a.losses.size, 19)
})

t.test('B2, F14: an unpause serves locks in the order in which they were asked for', async t => {
  const s = new StateStory({ changesPerOperationMax: share })
  s.state.table.start(1_000, true, { ...stateLimits, changesPerOperationMax: share })
  const a = s.open('a')
  for (let i = 20; i > 0; i--) s.acquire(a, `l/${i}`)
  t.equal(s.apply(['unpause']).length, share)
  finish(s)
  t.equal(a.holds.size, 20)
  t.strictSame(a.replies.get(1), ['granted', 1, [1_001], []], 'the first that was asked for')
})

t.test('B2, R3: a copy made between two shares continues with the rest, and equals the state', async t => {
  const { s, a } = holding(12)
  const [b, c] = [s.open('b'), s.open('c')]
  for (let i = 0; i < 12; i++) s.acquire(b, `l/${i}`)
  for (let i = 0; i < 12; i++) s.acquire(c, 's', 'shared')
  s.apply(['expire', [a.ordinal]])
  s.apply(['force-release', b.ordinal, b.nextRequest, 's', null])
  for (; s.state.table.isUnfinished; s.apply(['go-on'])) {
    const other = new StateStory({}, copyOf(s.state))
    t.ok(other.state.table.isUnfinished)
    const again = copyOf(other.state)
    t.equal(again.bytes, s.state.bytes)
    for (let i = 0; i < 2; i++) other.apply(['go-on'])
    t.equal(other.state.problem(), undefined)
  }
  const { table } = s.state
  t.strictSame([table.locks.size, b.holds.size, c.losses.size], [12, 12, 12])
})

t.test('B2: a session holds one lock shared only as often as its limit says', async t => {
  const s = new StateStory({ sharedHoldsPerLockMax: 2 })
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(b, 'x')
  for (let i = 0; i < 3; i++) s.acquire(a, 'x', 'shared')
  s.release(b, 1_001)
  t.strictSame(a.replies.get(3)?.slice(0, 3), ['refused', 3, 'LOCKS_LIMIT'], 'also one that has waited')
  t.strictSame(s.acquire(a, 'x', 'shared')[0]?.[1].slice(0, 3), ['refused', 4, 'LOCKS_LIMIT'])
  s.release(a, 1_002)
  t.equal(s.acquire(a, 'x', 'shared')[0]?.[1][0], 'granted')
})

t.test('B4: the state takes no more bytes than its limit; giving something back is not refused', async t => {
  const s = new StateStory({ stateBytesMax: 6_000 })
  const a = s.open('a')
  let last: Message = ['none']
  for (let i = 0; last[0] !== 'refused'; i++) last = s.acquire(a, `l/${i}`)[0]?.[1] as Message
  t.strictSame(last.slice(2, 3), ['STATE_LIMIT'])
  t.ok(s.state.bytes <= 6_200)
  const held = [...a.holds.keys()]
  for (const token of held) s.release(a, token)
  s.apply(['acknowledge', a.ordinal, [1, a.nextRequest], []])
  t.equal(s.acquire(a, 'x')[0]?.[1][0], 'granted')
  for (let i = 0; i < 30 && !s.state.isFull; i++)
    s.state.apply(opening(`${i}`.padStart(32, '0'), 10_000, 'more', null))
  t.ok(s.state.sessions.size < 14, 'sessions count, too')
})

t.test('B4: a million locks with names of thirty bytes find room', async t => {
  const s = new StateStory()
  const a = s.open('a')
  const before = s.state.bytes
  s.acquire(a, 'n'.repeat(30))
  s.apply(['acknowledge', a.ordinal, [1, 1], []])
  t.ok(1_000_000 * (s.state.bytes - before) < stateLimits.stateBytesMax)
})

t.test('B1: a frame stands for no more messages than its limit', async t => {
  const run = (first: number, count: number) => [
    'acquire-run',
    first,
    Array(count).fill('x'),
    'exclusive',
    'wait',
  ]
  const runs = (count: number) =>
    JSON.stringify(Array.from({ length: count }, (_, i) => run(1 + 256 * i, 256)))
  t.equal(unfolded(decode(runs(unfoldedMax / 256), 'clientToServer')).length, unfoldedMax)
  t.throws(() => decode(runs(unfoldedMax / 256 + 1), 'clientToServer'), { code: 'BAD_MESSAGE' })
})

t.test('B1, F20: a client that asks for much waits behind one that asks for little', async t => {
  const cluster = new Cluster({ turnMs: () => 1 })
  cluster.ready()
  const [much, little] = ['much', 'little'].map((name, i) => {
    const hand = new HandParty(cluster, name).dial(cluster.primary.address)
    hand.hears('welcome')
    hand.say(openOf(`e${i}`.padEnd(32, '0'), 1, 10_000, name)).hears('opened')
    return hand
  }) as [HandParty, HandParty]
  const many = Array.from(
    { length: 4_000 },
    (_, i): Message => ['acquire', i + 1, [`m/${i}`], 'exclusive', 'wait', null],
  )
  const sizes: number[] = []
  cluster.network.onFrame = (from, _to, messages) => {
    for (const message of messages)
      if (from === cluster.primary && message[0] === 'replicate') sizes.push((message[5] as Entry[]).length)
    return 'pass'
  }
  much.say(...many)
  little.say(['acquire', 1, ['l'], 'exclusive', 'wait', null])
  little.hears('granted')
  const granted = much.heard.filter(([kind]) => kind.startsWith('granted')).length
  t.ok(granted < 4_000, `${granted} of many before the one`)
  t.ok(Math.max(...sizes) <= clientTurnCostMax + 8)
  cluster.until(() => cluster.primary.core.state?.table.locks.size === 4_001, 'all of it')
  t.equal(cluster.problem(), undefined)
})

t.test('B1, S1: requests that a client sent before its connection ended are done', async t => {
  const cluster = new Cluster({ turnMs: () => 1 })
  cluster.ready()
  const hand = new HandParty(cluster, 'hand').dial(cluster.primary.address)
  hand.hears('welcome')
  hand.say(openOf('e'.repeat(32), 1, 10_000, 'hand')).hears('opened')
  hand.say(
    ...Array.from(
      { length: 4_000 },
      (_, i): Message => ['acquire', i + 1, [`m/${i}`], 'exclusive', 'wait', null],
    ),
  )
  const held = () => cluster.primary.core.state?.table.locks.size ?? 0
  cluster.until(() => held() > 0, 'the first of it')
  cluster.run(0.3)
  hand.kill()
  t.ok(held() < 4_000, 'the rest waits for other turns')
  cluster.until(() => held() === 4_000, 'all of it')
  t.equal(cluster.problem(), undefined)
})

t.test('B2, F20: when a primary dies between two shares, the next one continues with the rest', async t => {
  const cluster = new Cluster()
  cluster.ready()
  const hand = new HandParty(cluster, 'hand').dial(cluster.primary.address)
  hand.hears('welcome')
  hand.say(openOf('e'.repeat(32), 1, 2_000, 'hand')).hears('opened')
  const held = () => cluster.primary.core.state?.table.locks.size ?? 0
  for (let k = 0; k < 4; k++) {
    const all = Array.from({ length: 2_000 }, (_, i): Message => {
      const n = 2_000 * k + i + 1
      return ['acquire', n, [`m/${n}`], 'exclusive', 'wait', null]
    })
    hand.say(['renew', k], ...all)
    cluster.until(() => held() === 2_000 * (k + 1), 'all of it')
    hand.say(['acknowledge', [1, 2_000 * (k + 1)], []])
  }
  let shares = 0
  cluster.network.onFrame = (from, _to, messages) => {
    for (const message of messages)
      if (from === cluster.primary && message[0] === 'replicate')
        for (const [kind] of message[5] as Entry[]) if (kind === 'go-on') shares++
    return 'pass'
  }
  hand.kill()
  cluster.until(() => shares > 1, 'the second share', 10_000)
  t.ok(held() > 0, 'there is a rest')
  cluster.primary.kill()
  cluster.healed()
  cluster.until(() => held() === 0, 'the end of all', 10_000)
  t.equal(cluster.problem(), undefined)
})
