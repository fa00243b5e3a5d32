// G8 on the state alone: which slots it leaves, and what that must not depend on.

import t from 'tap'
import { levelling } from '../lockserver/levelling.ts'
import { leavings, leftOf } from '../lockserver/slot-moves.ts'
import type { Session } from '../lockserver/state/sessions.ts'
import { Copy, headerOf, Installation } from '../lockserver/state/snapshot.ts'
import { State } from '../lockserver/state/state.ts'
import { stateLimits } from '../wire/limits.ts'
import type { SlotMap } from '../wire/messages.ts'
import { firstMap, slotOf, slotsMax } from '../wire/slots.ts'
import { random } from './fixtures/random.ts'
import { StateStory, timesOf } from './fixtures/state-story.ts'

const every = [0, slotsMax - 1]
/** All slots are under way from group 0 to group 1. */
const map: SlotMap = {
  ...{ ...firstMap(1), number: 5, groups: 2 },
  moves: [{ number: 5, from: 0, to: 1, slots: every }],
}
const once = (key: string) => ({ once: { key, keepMs: 1_000 } })

/** What leaves what it may, and whether this name is still served. */
function serves(story: StateStory, name: string, number = 5): boolean {
  story.apply(['leave-slots', number, every])
  return story.state.slots.serves(name)
}

function withSession(): { story: StateStory; a: Session; b: Session } {
  const story = new StateStory()
  return { story, a: story.open('a'), b: story.open('b') }
}

t.test('G8: a slot in which nothing is, is left, and its names are refused from then on', async t => {
  const { story, a } = withSession()
  t.ok(story.state.slots.serves('x'))
  t.notOk(serves(story, 'x'))
  t.match(story.acquire(a, 'x'), [['a', ['refused', 1, 'WRONG_GROUP']]])
  t.match(story.acquire(a, 'x', 'shared', 'ifAvailable'), [['a', ['refused', 2, 'WRONG_GROUP']]])
})

t.test('G8: one is kept as long as anything in it is held', async t => {
  const { story, a } = withSession()
  story.acquire(a, 'x')
  t.ok(serves(story, 'x'))
  t.notOk(story.state.slots.serves('y'), 'each slot by itself')
  story.release(a, 1_001)
  t.notOk(serves(story, 'x'))
})

t.test('G8: likewise as long as it is waited for, also as a later one of several names', async t => {
  const { story, a, b } = withSession()
  const [first, later] = ['x', 'y'].sort() as [string, string]
  story.acquire(a, first)
  story.acquire(b, [first, later])
  t.ok(serves(story, later), 'b will want it')
  story.release(a, 1_001)
  t.ok(serves(story, later), 'b has it')
  for (const { token } of [...b.holds.values()]) story.release(b, token)
  t.notOk(serves(story, later))
})

t.test('G8: what one who still waits has had, and lost to a thief, is no use of its slot', async t => {
  const { story, a, b } = withSession()
  const [first, later] = ['x', 'y'].sort() as [string, string]
  story.acquire(a, later)
  story.acquire(b, [first, later])
  story.acquire(a, first, 'exclusive', 'steal')
  story.release(a, Math.max(...[...a.holds.values()].map(({ token }) => token)))
  t.notOk(serves(story, first))
  t.ok(story.state.slots.serves(later), 'b waits for it')
  t.equal(story.state.problem(), undefined, 'which is no contradiction')
})

t.test('C3, G8: likewise as long as a lock is kept for no client', async t => {
  const { story, a } = withSession()
  story.ask(a, 'x', { holdAtLeastMs: 1_000 })
  story.release(a, 1_001)
  t.same(story.holders('x'), ['nobody'])
  t.ok(serves(story, 'x'))
  story.apply(['least-over', [1_001]])
  t.notOk(serves(story, 'x'))
})

t.test('C5, G8: likewise as long as a key is remembered', async t => {
  const { story, a } = withSession()
  story.ask(a, 'x', once('k'))
  story.release(a, 1_001)
  t.same(story.holders('x'), [])
  t.ok(serves(story, 'x'))
  story.apply(['forget-once', [['x', 'k']]])
  t.notOk(serves(story, 'x'))
})

t.test('F14, G8: during a pause no slot is left, and none is reported', async t => {
  const state = new State()
  state.apply(['start', 1_000, 60_000, stateLimits])
  t.same(leavings(state, map.moves), [])
  state.apply(['leave-slots', 5, every])
  t.ok(state.slots.all, 'not by an operation either')
  t.equal(leftOf(state, map, 0), null)
  state.apply(['unpause'])
  state.apply(['leave-slots', 5, every])
  t.notOk(state.slots.serves('x'))
})

t.test('G8: a map of a number that is not larger leaves nothing, and opens nothing', async t => {
  const { story } = withSession()
  const slot = slotOf('x')
  story.apply(['open-slots', 7, [slot, slot], 0])
  t.ok(serves(story, 'x', 7))
  t.ok(serves(story, 'x', 6))
  t.notOk(serves(story, 'x', 8))
  story.apply(['open-slots', 8, [slot, slot], 0])
  t.notOk(story.state.slots.serves('x'))
})

t.test('G8: many slots are left by one operation, and reported by their moves', async t => {
  const { story, a } = withSession()
  story.acquire(a, 'x')
  const slot = slotOf('x')
  const rest = [0, slot - 1, slot + 1, slotsMax - 1]
  const [leaving, ...others] = leavings(story.state, map.moves)
  t.same([leaving, others], [['leave-slots', 5, rest], []])
  if (leaving !== undefined) story.apply(leaving)
  t.same(leavings(story.state, map.moves), [], 'not twice')
  t.same(leftOf(story.state, map, 0), { floor: 1_001, moves: [{ number: 5, slots: rest }] })
  t.equal(leftOf(story.state, map, 1), null)
  t.same(levelling(story.state.slots, map, 0), [], 'nor is one opened again while it is under way')
})

t.test(
  'G8, L2: a slot that it never opened, of a group with larger tokens, goes on with their floor',
  async t => {
    const { story } = withSession()
    story.apply(['close-slots', 3, every])
    // It was given all slots, with a floor, and they go on to the next group before it has opened them.
    const given: SlotMap = { ...map, floors: [[0, 9_000]] }
    t.same(levelling(story.state.slots, given, 0), [])
    for (const operation of leavings(story.state, given.moves)) story.apply(operation)
    t.same(leftOf(story.state, given, 0), { floor: 9_000, moves: [{ number: 5, slots: every }] })
  },
)

t.test('G8, L2: what it is given it opens above its floor', async t => {
  const { story, a } = withSession()
  story.apply(['close-slots', 3, every])
  const given: SlotMap = { ...map, number: 6, moves: [], floors: [[0, 9_000]] }
  for (const operation of levelling(story.state.slots, given, 0)) story.apply(operation)
  t.match(story.acquire(a, 'x'), [['a', ['granted', 1, [9_001]]]])
})

/** Acquires, releases, keys and ends at random; every state is checked, and so is what is counted. */
function busy(story: StateStory, seed: number, steps: number, each: () => void): void {
  const dice = random(seed)
  const sessions = ['a', 'b', 'c', 'd'].map(name => story.open(name))
  for (let i = 0; i < steps; i++) {
    const session = dice.pick(sessions)
    const names = [...new Set(Array.from({ length: dice.chance(0.3) ? 3 : 1 }, () => `n${dice.below(9)}`))]
    const [held] = [...session.holds.values()].reverse()
    const [waiting] = session.waiting.keys()
    if (dice.chance(0.45) && held !== undefined) story.release(session, held.token)
    else if (dice.chance(0.2) && waiting !== undefined) story.cancel(session, waiting)
    else if (dice.chance(0.1)) story.ask(session, names[0] ?? '', once(`k${dice.below(3)}`))
    else if (dice.chance(0.11)) story.apply(['forget-once', [[names[0] ?? '', `k${dice.below(3)}`]]])
    else if (dice.chance(0.12)) story.ask(session, names[0] ?? '', { holdAtLeastMs: 50 }, 'ifAvailable')
    else if (dice.chance(0.13)) story.apply(['least-over', [...story.state.table.timed.keys()].slice(0, 1)])
    else story.acquire(session, names, 'exclusive', dice.pick(['wait', 'wait', 'steal'] as const))
    each()
  }
}

t.test('B2, G8: counted in shares while all goes on, the counts are right', async t => {
  for (const share of [1, 2, 7]) {
    const story = new StateStory()
    busy(story, share, 400, () => story.state.table.countUse(share))
    t.ok(story.state.table.countUse(0))
    t.equal(story.state.problem(), undefined)
  }
})

t.test('R4, G8: what is left is alike in copies that have counted early, late and not at all', async t => {
  const [early, late, never] = [new StateStory(), new StateStory(), new StateStory()]
  const stories = [early, late, never]
  for (const [i, story] of stories.entries()) {
    let steps = 0
    busy(story, 4711, 300, () => {
      steps++
      if (i === 0 || (i === 1 && steps > 200)) story.state.table.countUse(2)
      if (steps % 100 === 0) story.apply(['leave-slots', steps, every])
      if (steps % 100 === 50) story.apply(['open-slots', steps, every, 0])
      if (i === 2) story.state.table.endUse()
    })
  }
  const seen = stories.map(({ state }) => [state.digest, state.slots.runs])
  t.same(seen[1], seen[0])
  t.same(seen[2], seen[0])
})

t.test('R3, G8: a copy goes on with the move where it stands', async t => {
  const { story, a, b } = withSession()
  story.acquire(a, 'x')
  story.acquire(b, ['x', 'y'])
  story.apply(['leave-slots', 5, every])
  const copy = new Copy(story.state, timesOf(1_000))
  const installation = new Installation(headerOf(story.state, 0, null))
  story.release(a, 1_001)
  for (let chunk = copy.nextChunk(); chunk !== null; chunk = copy.nextChunk()) installation.add(chunk, 0)
  const made = installation.finish()
  for (const operation of [
    ['release', a.ordinal, 2, 1_001],
    ['abandon', b.ordinal],
    ['leave-slots', 6, every],
  ] as const)
    made.apply(operation)
  t.notOk(made.slots.serves('y'))
  t.same(made.problem(), undefined)
})

t.test('G8: of a run, what is in use counts too', async t => {
  const { story, a } = withSession()
  story.state.table.countUse(0)
  story.apply(['acquire-run', a.ordinal, 1, ['x', 'y'], 'exclusive', 'wait'])
  t.ok(serves(story, 'x'))
  story.apply(['release-run', a.ordinal, 3, [1_001, 2]])
  t.notOk(serves(story, 'x'))
})
