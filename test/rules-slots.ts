// G2: which slots a state serves is a part of it, in every copy; who asks the wrong group is told so for good, and is
// told the newest map first.

import t from 'tap'
import { levelling } from '../lockserver/levelling.ts'
import { keyHashOf } from '../lockserver/session-key.ts'
import { Copy, headerOf, Installation } from '../lockserver/state/snapshot.ts'
import { State } from '../lockserver/state/state.ts'
import { WholeTimes } from '../lockserver/whole-times.ts'
import { stateLimits } from '../wire/limits.ts'
import type { SlotMap } from '../wire/messages.ts'
import { firstMap, groupOf, slotOf } from '../wire/slots.ts'
import { Cluster } from './fixtures/cluster.ts'

const map = firstMap(2)
const nameOf = (group: number) => {
  for (let i = 0; ; i++) if (groupOf(map, `lock ${i}`) === group) return `lock ${i}`
}
const [own, other] = [nameOf(0), nameOf(1)]

/** A state with a session, level with the map as group 0's. */
function stateOf(group = 0): State {
  const state = new State()
  state.apply(['start', 1_000, 0, stateLimits])
  for (const operation of levelling(state.slots, map, group)) state.apply(operation)
  const id = 'a'.repeat(32)
  state.apply(['open', id, keyHashOf('b'.repeat(32)), id, 10_000, 'a', null, null, '', '', null])
  return state
}

const repliesOf = (state: State) =>
  [...(state.sessions.get(1)?.replies.values() ?? [])].sort((a, b) => a[1] - b[1]).map(reply => [...reply])

t.test(
  'G2: a state that is not told otherwise serves all slots, and level with one group nothing is done',
  async t => {
    const state = new State()
    t.ok(state.slots.all)
    t.same(levelling(state.slots, firstMap(1), 0), [])
    t.same(state.slots.runs, [])
  },
)

t.test('G2, S1: whatever names a lock of another group is refused, by an operation', async t => {
  const state = stateOf()
  state.apply(['acquire', 1, 1, [own], 'exclusive', 'wait', null])
  state.apply(['acquire', 1, 2, [other], 'exclusive', 'wait', null])
  state.apply(['acquire', 1, 3, [own, other], 'exclusive', 'ifAvailable', null])
  state.apply(['force-release', 1, 4, other, null])
  state.apply(['forget-key', 1, 5, other, 'k'])
  const codes = repliesOf(state).map(reply => (reply[0] === 'refused' ? reply[2] : reply[0]))
  t.same(codes, ['granted', 'WRONG_GROUP', 'WRONG_GROUP', 'WRONG_GROUP', 'WRONG_GROUP'])
  t.equal(state.problem(), undefined)
})

t.test('G2: of a run, too', async t => {
  const [single, run] = [stateOf(), stateOf()]
  const names = [own, other, `${own} again`]
  for (const [i, name] of names.entries())
    single.apply(['acquire', 1, i + 1, [name], 'exclusive', 'wait', null])
  run.apply(['acquire-run', 1, 1, names, 'exclusive', 'wait'])
  t.same(
    repliesOf(run)
      .map(([kind]) => kind)
      .slice(0, 2),
    ['granted', 'refused'],
  )
  t.same([run.digest, run.opNumber], [single.digest, single.opNumber])
})

t.test('G2: a map with a smaller number, or the same, changes nothing', async t => {
  const state = stateOf()
  const slot = slotOf(other)
  state.apply(['open-slots', 1, [slot, slot], 0])
  t.notOk(state.slots.serves(other))
  state.apply(['open-slots', 5, [slot, slot], 0])
  t.ok(state.slots.serves(other))
  state.apply(['close-slots', 4, [slot, slot]])
  t.ok(state.slots.serves(other), 'a late one of an older map')
  t.same(levelling(state.slots, map, 0), [], 'to an older map nothing is levelled')
  state.apply(['close-slots', 6, [slot, slot]])
  t.notOk(state.slots.serves(other))
})

t.test('G2, L2: tokens go on above the floor of what was opened', async t => {
  const state = stateOf()
  const slot = slotOf(other)
  state.apply(['open-slots', 2, [slot, slot], 9_000_000])
  state.apply(['acquire', 1, 1, [other], 'exclusive', 'wait', null])
  t.match(repliesOf(state), [['granted', 1, [9_000_001]]])
})

t.test('G2: a slot that is in use is not closed', async t => {
  const state = stateOf()
  const slot = slotOf(own)
  state.apply(['acquire', 1, 1, [own], 'exclusive', 'wait', null])
  state.apply(['close-slots', 2, [slot, slot]])
  t.ok(state.slots.serves(own))
  state.apply(['release', 1, 2, 1_001])
  state.apply(['close-slots', 2, [slot, slot]])
  t.notOk(state.slots.serves(own))
})

t.test('G2, R3: a copy serves the same slots, also when they change while it is made', async t => {
  const state = stateOf()
  const copy = new Copy(state, new WholeTimes())
  const installation = new Installation(headerOf(state, 0, null))
  const slot = slotOf(other)
  state.apply(['open-slots', 7, [slot, slot], 0])
  for (let chunk = copy.nextChunk(); chunk !== null; chunk = copy.nextChunk()) installation.add(chunk, 0)
  const made = installation.finish()
  t.same([made.slots.serves(own), made.slots.serves(other)], [true, false])
  made.apply(['open-slots', 7, [slot, slot], 0])
  t.same([made.digest, made.slots.runs], [state.digest, state.slots.runs])
})

/** A cluster of two groups, and who is primary of which. */
function twoGroups() {
  const cluster = new Cluster({ servers: 4, groups: 2 })
  const parts = () => [cluster.viewServer.record, cluster.viewServer.record?.others[0]]
  const acked = () => parts().every(part => part?.acked && part.view?.backup != null)
  cluster.network.until(acked, 'two acked views', 10_000)
  cluster.network.run(300)
  const primaryOf = (group: number) => cluster.serverOf(parts()[group]?.view?.primary.id)
  return { cluster, primaryOf, acked }
}

t.test('G2: each primary serves the slots of its own group alone, and so does its successor', async t => {
  const { cluster, primaryOf, acked } = twoGroups()
  for (let round = 0; round < 2; round++) {
    for (const group of [0, 1]) {
      const { slots } = primaryOf(group).core.state ?? new State()
      t.same([slots.serves(own), slots.serves(other)], [group === 0, group === 1], `group ${group}`)
    }
    primaryOf(0).kill()
    primaryOf(1).kill()
    cluster.network.run(100)
    for (const server of cluster.servers) if (!server.alive) server.restart()
    cluster.network.until(acked, 'two acked views again', 20_000)
    cluster.network.run(300)
  }
})

t.test('G2, F14: the empty state of a reset serves its own slots alone, from its first moment', async t => {
  const state = new State()
  state.apply(['start', 1_000, 60_000, stateLimits])
  const newer: SlotMap = { ...map, number: 9 }
  for (const operation of levelling(state.slots, newer, 1)) state.apply(operation)
  t.same([state.slots.serves(own), state.slots.serves(other)], [false, true])
})
