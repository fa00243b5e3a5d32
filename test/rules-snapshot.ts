// Snapshots (R3, R4): a copy taken during operations, plus the operations since, gives exactly
// the same state, whatever the operations are and wherever they fall between the chunks.

import t from 'tap'
import { Leases } from '../lockserver/leases.ts'
import { Copy, headerOf, Installation } from '../lockserver/state/snapshot.ts'
import type { Operation, State } from '../lockserver/state/state.ts'
import type { SnapshotRecord } from '../wire/messages.ts'
import { alwaysTheSame, copiedWhile } from './fixtures/copied-state.ts'
import { type Random, random } from './fixtures/random.ts'
import { opening, snapshotted } from './fixtures/said.ts'
import { StateStory, textOf, timesOf } from './fixtures/state-story.ts'

const owners = [null, '192.0.2.1', '192.0.2.2']
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

/** A random operation that the state accepts. */
function anyOperation(state: State, dice: Random): Operation {
  const sessions = [...state.sessions.values()]
  if (sessions.length < 3 || dice.chance(0.05))
    return opening(dice.below(1e9).toString(16).padStart(32, '0'), 10_000, 'any', dice.pick(owners))
  const session = dice.pick(sessions)
  const { ordinal, nextRequest } = session
  const some = names.filter(() => dice.chance(0.2))
  switch (dice.below(12)) {
    case 0:
      return ['expire', [ordinal]]
    case 1:
      return ['cancel', ordinal, nextRequest, Math.max(1, nextRequest - 1 - dice.below(4))]
    case 2:
      return [
        'acknowledge',
        ordinal,
        [1, nextRequest - dice.below(3)],
        [...session.losses.keys()].slice(0, 1),
      ]
    case 3:
      return ['force-release', ordinal, nextRequest, dice.pick(names), null]
    case 4:
    case 5:
    case 6:
      return ['release', ordinal, nextRequest, dice.pick([...session.holds.keys(), 0])]
    default: {
      const manner = dice.chance(0.1) ? 'steal' : dice.chance(0.2) ? 'ifAvailable' : 'wait'
      const list = some.length === 0 ? [dice.pick(names)] : some
      return ['acquire', ordinal, nextRequest, list, dice.chance(0.4) ? 'shared' : 'exclusive', manner, null]
    }
  }
}

function copyWhile(seed: number): [State, State] {
  const dice = random(seed)
  const story = new StateStory()
  const { state } = story
  for (let i = 0; i < 150; i++) story.apply(anyOperation(state, dice))
  return [state, copiedWhile(story, dice, () => anyOperation(state, dice))]
}

t.test('R3: a copy taken while 300 seeds of operations go on is the same state to the letter', async t => {
  alwaysTheSame(t, 300, copyWhile)
})

t.test('R4: a copy does the same afterwards, whatever order its maps have', async t => {
  for (let seed = 1; seed <= 100; seed++) {
    const [state, copied] = copyWhile(seed)
    for (const [i, one] of [state, copied].entries()) {
      one.apply(['expire', [...one.sessions.keys()].sort((a, b) => a - b).filter((_, n) => n % 2 === 0)])
      if (i === 0 || textOf(state) === textOf(copied)) continue
      t.equal(textOf(copied), textOf(state), `seed ${seed}`)
      return
    }
  }
  t.pass('100 seeds')
})

t.test('B4: a copy counts its own bytes, whatever its sender has counted', async t => {
  const story = new StateStory()
  const { state } = story
  const dice = random(7)
  for (let i = 0; i < 150; i++) story.apply(anyOperation(state, dice))
  const right = state.bytes
  state.table.tally.bytes += 7
  const copy = new Copy(state, timesOf(1_000))
  const installation = new Installation(headerOf(state, 1, null))
  for (let chunk = copy.nextChunk(3); chunk !== null; chunk = copy.nextChunk(3)) installation.add(chunk, 0)
  t.equal(installation.finish().bytes, right)
})

t.test('R3: a snapshot that speaks of a session that is not in it is refused', async t => {
  const story = new StateStory()
  const installation = new Installation(headerOf(story.state, 0, null))
  t.throws(() => installation.add([['hold', 'x', 1_001, 7, 'exclusive', 0, null, null]], 0), /R3/)
})

t.test('R3: a snapshot that brings a lock again after others is refused', async t => {
  const story = new StateStory()
  const installation = new Installation(headerOf(story.state, 0, null))
  const hold = (name: string, token: number): SnapshotRecord => [
    'hold',
    name,
    token,
    1,
    'shared',
    0,
    null,
    null,
  ]
  installation.add([snapshotted(1, 'a'.repeat(32), 1_000, 'any')], 0)
  installation.add([hold('x', 1_001), hold('x', 1_002), hold('y', 1_003)], 0)
  t.throws(() => installation.add([hold('x', 1_004)], 0), /R3.*"x" twice/)
})

t.test(
  'B1, R3: sessions come before the locks that speak of them, also before those that changed',
  async t => {
    const story = new StateStory()
    const [a, b] = [story.open('a'), story.open('b')]
    for (let i = 0; i < 20; i++) story.acquire(i % 2 === 0 ? a : b, 'x', 'shared')
    const copy = new Copy(story.state, timesOf(700))
    story.acquire(a, 'x', 'shared')
    const kinds: string[] = []
    for (let chunk = copy.nextChunk(3); chunk !== null; chunk = copy.nextChunk(3))
      kinds.push(...chunk.map(([kind]) => kind))
    t.equal(kinds.filter(kind => kind === 'hold').length, 20)
    t.ok(kinds.lastIndexOf('session') < kinds.indexOf('hold'))
  },
)

t.test('S3: the rest of a lease counts from when its chunk came', async t => {
  const story = new StateStory()
  story.open('a')
  const copy = new Copy(story.state, timesOf(700))
  const installation = new Installation(headerOf(story.state, 0, null))
  installation.add(copy.nextChunk() ?? [], 5_000)
  t.strictSame([...installation.leases], [[1, 5_700]])
})

t.test('S3: leases run out in order, once, and a promotion gives each at least the grace', async t => {
  const story = new StateStory()
  const [a, b] = [story.open('a'), story.open('b')]
  const leases = new Leases()
  leases.renew(a, 0)
  leases.set(b.ordinal, 500)
  const due = (now: number) => leases.due(now, story.state.sessions).sessions
  for (const session of [a, b]) story.acquire(session, `lock of ${session.name}`)
  t.strictSame(due(499), [])
  t.strictSame(due(500), [b.ordinal])
  leases.forget(b)
  leases.extendAll(9_000)
  t.strictSame(due(9_999), [], 'a longer lease is not shortened')
  t.strictSame(due(10_000), [a.ordinal])
})

t.test('S4: a session that rests has a longer lease, until it is heard again', async t => {
  const story = new StateStory()
  const [a, b] = [story.open('a'), story.open('b')]
  const leases = new Leases()
  for (const session of [a, b]) leases.renew(session, 0)
  const due = (now: number) => leases.due(now, story.state.sessions).sessions
  t.strictSame(due(10_000), [])
  leases.renew(b, 12_000)
  story.acquire(b, 'x')
  t.strictSame(due(21_999), [])
  t.strictSame(due(22_000), [b.ordinal], 'who holds something is believed for the ttl')
  leases.forget(b)
  t.strictSame(due(30_000), [])
  t.equal(leases.remainingMs(a, 30_000), 0, 'a copy has nothing of the rest')
  t.strictSame(due(119_999), [])
  t.strictSame(due(120_000), [a.ordinal], 'once')
})

t.test('S3: a client that asks after a long rest is believed for no more than its ttl', async t => {
  const story = new StateStory()
  const a = story.open('a')
  const leases = new Leases()
  leases.renew(a, 0)
  const due = (now: number) => leases.due(now, story.state.sessions).sessions
  t.strictSame(due(10_000), [])
  leases.wake(a, 15_000)
  story.acquire(a, 'x')
  t.strictSame(due(24_999), [])
  t.strictSame(due(25_000), [a.ordinal])
})
