// A run does to the state exactly what its messages would do one by one, whatever else there is: limits, waiters,
// watches, copies under way. So copies may apply either.

import t from 'tap'
import { comesWhole, type RequestRun } from '../lockserver/run-requests.ts'
import type { Session } from '../lockserver/state/sessions.ts'
import { type Operation, State } from '../lockserver/state/state.ts'
import { principalOf } from '../wire/access/principal.ts'
import { type StateLimits, stateLimits } from '../wire/limits.ts'
import type { Manner, Mode } from '../wire/messages.ts'
import { addToken, entriesOf } from '../wire/runs.ts'
import { alwaysTheSame, copiedWhile } from './fixtures/copied-state.ts'
import { type Random, random } from './fixtures/random.ts'
import { StateStory, textOf } from './fixtures/state-story.ts'

const tight: Partial<StateLimits> = { locksPerSessionMax: 6, unansweredMax: 9, waitersPerLockMax: 2 }
const owners = [null, '192.0.2.7']

function someRun(dice: Random, { ordinal, nextRequest, holds }: Session): Operation {
  const length = 1 + dice.below(5)
  if (dice.chance(0.5)) {
    const names = Array.from({ length }, () => dice.pick(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']))
    const mode = dice.pick<Exclude<Mode, 'permits'>>(['exclusive', 'exclusive', 'exclusive', 'shared'])
    const manner = dice.pick<Manner>(['wait', 'wait', 'ifAvailable', 'steal'])
    return ['acquire-run', ordinal, nextRequest, names, mode, manner]
  }
  const held = [...holds.keys()].sort((a, b) => a - b)
  const pairs: number[] = []
  for (let i = 0; i < length; i++) addToken(pairs, held[i] ?? 900 + dice.below(200))
  return ['release-run', ordinal, nextRequest, pairs]
}

function someOperation(dice: Random, { state }: StateStory): Operation {
  const session = dice.pick([...state.sessions.values()])
  if (dice.chance(0.7)) return someRun(dice, session)
  if (dice.chance(0.1)) return state.table.paused ? ['unpause'] : ['go-on']
  const { nextRequest, ordinal } = session
  if (dice.chance(0.2)) return ['set-note', ordinal, nextRequest, [...session.holds.keys()][0] ?? 1, 'noted']
  return ['acknowledge', ordinal, [1, dice.below(nextRequest + 1)], [...session.losses.keys()]]
}

/** Two of the same beginning. */
function two(dice: Random): [StateStory, StateStory] {
  const limits = { ...stateLimits, ...(dice.chance(0.5) ? tight : {}) }
  const pauseMs = dice.chance(0.2) ? 1_000 : 0
  const begun = () => {
    const state = new State()
    state.apply(['start', 1_000, pauseMs, limits])
    return new StateStory({}, state)
  }
  const [whole, apart] = [begun(), begun()]
  for (const story of [whole, apart])
    for (const [i, owner] of owners.entries()) story.open('ab'[i] as string, owner)
  return [whole, apart]
}

function applyEach(story: StateStory, operation: Operation): number {
  let changes = 0
  for (const single of entriesOf([operation])) {
    story.apply(single as Operation)
    changes += story.state.changes
  }
  return changes
}

t.test('R4, S1: a run does what its messages do one by one, seeds 1 to 300', async t => {
  let kept = 0
  alwaysTheSame(t, 300, seed => {
    const dice = random(seed)
    const [whole, apart] = two(dice)
    for (let i = 0; i < 40; i++) {
      const wallMs = 1_000 * i
      const watched = dice.chance(0.1)
      for (const { state } of [whole, apart]) state.wallMs = wallMs
      for (const { state } of [whole, apart]) state.table.watch(watched)
      const operation = someOperation(dice, whole)
      whole.apply(operation)
      const changes = applyEach(apart, operation)
      if (whole.state.changes !== changes) throw new Error(`seed ${seed}: ${operation} counts otherwise`)
      kept += whole.state.sessions.get(1)?.replies.size ?? 0
    }
    t.strictSame(whole.shown, apart.shown, `seed ${seed}: what was shown`)
    t.strictSame(whole.happened, apart.happened, `seed ${seed}: what happened`)
    return [whole.state, apart.state]
  })
  t.ok(kept > 1_000)
})

t.test('R3: a copy that runs fall into is the same to the letter, seeds 1 to 100', async t => {
  alwaysTheSame(t, 100, seed => {
    const dice = random(seed)
    const [whole, apart] = two(dice)
    for (let i = 0; i < 20; i++) {
      const operation = someOperation(dice, whole)
      whole.apply(operation)
      applyEach(apart, operation)
    }
    const copied = copiedWhile(whole, dice, () => {
      const operation = someOperation(dice, whole)
      applyEach(apart, operation)
      return operation
    })
    if (textOf(whole.state) !== textOf(apart.state))
      throw new Error(`seed ${seed}: a run is not its messages`)
    return [whole.state, copied]
  })
})

t.test(
  'S1, R4: most of a run is one fact, and a loss of one of its grants is told in its own reply',
  async t => {
    const story = new StateStory()
    const [a, b] = [story.open('a'), story.open('b')]
    story.acquire(b, 'taken')
    const { state } = story
    state.apply(['acquire-run', a.ordinal, 1, ['x', 'y', 'taken', 'z', 'w'], 'exclusive', 'wait'])
    const facts = []
    for (let fact = state.facts.take(); fact !== undefined; fact = state.facts.take())
      if (fact.is === 'granted') facts.push(fact.message)
    t.strictSame(facts, [
      ['granted-run', 1, 2, 1_002],
      ['granted-run', 4, 2, 1_004],
    ])
    story.force(b, 'y')
    t.strictSame(a.replies.get(1), ['granted', 1, [1_002], []])
    t.strictSame(a.replies.get(2), ['granted', 2, [1_003], [[1_003, 'FORCED']]])
    story.acknowledge(a, 2)
    t.equal(a.replies.get(2), undefined)
  },
)

t.test('S1, A2: a run comes whole only if each of its messages might come now', async t => {
  const session = new StateStory().open('a')
  const may = principalOf('p', [{ prefix: 'ours/', verbs: ['acquire'] }])
  const acquires = (first: number, names: readonly string[], manner: Manner = 'wait'): RequestRun => [
    'acquire-run',
    first,
    names,
    'exclusive',
    manner,
  ]
  const ours = ['ours/a', 'ours/b']
  t.ok(comesWhole(acquires(1, ours), session, null, 2))
  t.notOk(comesWhole(acquires(2, ours), session, null, 2), 'a gap in the numbers')
  t.notOk(comesWhole(acquires(1, ours), session, null, 1), 'too many without an answer')
  t.ok(comesWhole(acquires(1, ours), session, may, 2))
  t.notOk(comesWhole(acquires(1, ['ours/a', 'b']), session, may, 2), 'one of them is not allowed')
  t.notOk(comesWhole(acquires(1, ours, 'steal'), session, may, 2))
  t.ok(comesWhole(['release-run', 1, [7, 2]], session, principalOf('none', []), 2))
})
