// G8 on the view core alone: more groups and fewer while all goes on, what a report of slots that were left counts for,
// and when a group ends.

import t from 'tap'
import { changeOf } from '../viewservice/counts.ts'
import { begunFrom, countsIn } from '../viewservice/moves.ts'
import type { StoredRecord, ViewRecord } from '../viewservice/record.ts'
import { StandbyCore } from '../viewservice/standby.ts'
import type { Message, SlotMap, SlotsLeft } from '../wire/messages.ts'
import { firstMap, mapProblem, slotsMax } from '../wire/slots.ts'
import { idOf, type StoryServer, ViewStory } from './fixtures/view-story.ts'

/** One group, acked: (a,b)#2; c and d are idle. */
function four(options: ConstructorParameters<typeof ViewStory>[0] = {}) {
  const story = new ViewStory(options)
  const all = story.servers('a', 'b', 'c', 'd')
  const [a, b, c, d] = all
  for (const server of [...all, ...all]) server.ping()
  a.ack()
  const client = story.client()
  const ask = (groups: number) =>
    client.say(['groups', 1, groups]).told.findLast(([kind]) => String(kind).startsWith('groups-'))
  return { story, a, b, c, d, client, ask }
}

/** Two groups are wanted, and the upper half of the slots is under way to the second: (a,b)#2, (c,d)#2. */
function moving() {
  const all = four()
  all.ask(2)
  all.c.ping()
  all.c.ping()
  all.c.ack()
  return all
}

const mapOf = (story: ViewStory): SlotMap => story.record?.map ?? firstMap(1)
const left = (number: number, slots: number[], floor = 500): { left: SlotsLeft } => {
  return { left: { floor, moves: [{ number, slots }] } }
}
const mapsTold = (server: StoryServer) => server.told.filter(([kind]: Message) => kind === 'map')

t.test('G8: a new group has a view with a backup in sync before slots go to it', async t => {
  const { story, c, d, ask, client } = four()
  t.match(ask(2), ['groups-done', 1, { number: 1, groups: 1 }])
  t.match(story.record, { groupsWanted: 2, map: { groups: 1, moves: [] } })
  t.same(story.views, ['(a,b)#2', '(c,-)#1'])
  t.match(story.status, { groupsWanted: 2, groupsWait: /group 1 has no backup/, survives: 1, halted: null })
  c.ping()
  t.same(story.views, ['(a,b)#2', '(c,d)#2'])
  t.match(mapOf(story), { number: 1, moves: [] }, 'the backup is not in sync')
  c.ack()
  t.match(mapOf(story), { number: 2, groups: 2, moves: [{ number: 2, from: 0, to: 1, slots: [2048, 4095] }] })
  t.same(mapOf(story).starts, [[0, 0]], "they are still the first group's")
  t.match(mapsTold(d), [['map', { number: 2 }]])
  t.match(client.last, ['map', { groups: 2 }], 'a client is told that there is a group more')
})

t.test('G8: what was left arrives, with its floor, in one save', async t => {
  const { story, a, client } = moving()
  const saves = story.saved.length
  a.ping(left(2, [2048, 3000]))
  t.equal(story.saved.length, saves + 1)
  t.match(mapOf(story), { number: 3, moves: [{ number: 2, from: 0, to: 1, slots: [3001, 4095] }] })
  t.same(mapOf(story).starts, [
    [0, 0],
    [2048, 1],
    [3001, 0],
  ])
  t.same(mapOf(story).floors, [[1, 500]])
  t.match(story.record?.others, [{ group: 1, highestToken: 500 }], 'L2: in the same save')
  t.notMatch(client.last, ['map', { number: 3 }], 'clients learn of it when they are refused')
  a.ping(left(2, [3001, 4095], 400))
  t.match(mapOf(story), { number: 4, moves: [], floors: [[1, 500]] })
  t.match(client.last, ['map', { number: 4 }], 'the last move has ended')
  t.match(story.status, { groupsWanted: 2, groupsWait: null })
})

t.test('L2, G8: the floor of a slot stays above what a reset begins with', async t => {
  const { story, a, c, d, client } = moving()
  const jump = 2 ** 53 - 2 ** 40
  a.ping(left(2, [2048, 4095], jump))
  c.die()
  d.die()
  const [e] = story.servers('e')
  story.pingLimit(a, e)
  client.say(['reset', 2, 1, 2, true])
  t.ok(
    (story.record?.others[0]?.view?.start?.tokenFloor ?? 0) > jump,
    'its primary never told of such a token',
  )
})

t.test('G8: a report counts from the primary of the view alone, in this view, for this move', async t => {
  const { story, a, b, c } = moving()
  const before = mapOf(story)
  b.ping(left(2, [2048, 4095]))
  c.ping(left(2, [2048, 4095]))
  a.ping({ ...left(2, [2048, 4095]), view: 1 })
  a.ping({ ...left(2, [2048, 4095]), role: 'idle' })
  a.ping({ ...left(2, [2048, 4095]), group: 1 })
  a.ping(left(1, [2048, 4095]))
  a.ping(left(2, [0, 2047]))
  t.equal(mapOf(story), before)
  a.ping(left(2, [2048, 4095]))
  t.equal(mapOf(story).number, 3)
})

t.test('G8: a report of the view before is void, and one that comes while the view changes', async t => {
  const { story, a, b, c, d } = moving()
  story.holdSaves = true
  b.die()
  story.pingLimit(a, c, d)
  a.ping(left(2, [2048, 4095]))
  story.holdSaves = false
  story.finishSave()
  t.match(story.record, { view: { number: 3, backup: null }, map: { number: 2 } })
  a.ping({ ...left(2, [2048, 4095]), view: 3 })
  t.equal(mapOf(story).number, 3, 'made anew in the new view')
})

t.test('G8: a reset voids what the group has reported', async t => {
  const { story, a, b, c, d, client } = moving()
  a.fields = { acked: true }
  story.holdSaves = true
  const [e] = story.servers('e')
  a.die()
  b.die()
  story.pingLimit(c, d, e)
  client.say(['reset', 2, 0, 2, true])
  t.match(story.heldSave?.view, { number: 3, start: { pauseMs: 10_000 } })
  t.match(story.heldSave?.map, { number: 2 })
  story.holdSaves = false
  story.finishSave()
  t.equal(mapOf(story).number, 2)
})

t.test('G8: with fewer groups, one whose slots have all gone ends, and its servers are idle', async t => {
  const { story, a, b, c, d, client, ask } = moving()
  a.ping(left(2, [2048, 4095]))
  t.match(ask(1), ['groups-done', 1, { number: 4, groups: 2, moves: [{ number: 4, from: 1, to: 0 }] }])
  c.ping({ ...left(4, [2048, 4095], 900), acked: true })
  t.match(mapOf(story), { groups: 1, moves: [], ended: [[1, 2]] })
  t.same(mapOf(story).starts, [[0, 0]])
  t.same(story.views, ['(a,b)#2', 'none'])
  t.match(story.record, { highestToken: 900 })
  t.match(client.last, ['map', { groups: 1 }])
  t.match(story.status.groups, [{ group: 0 }])
  t.equal(story.status.groups.length, 1)
  c.die()
  d.die()
  const [e, f] = story.servers('e', 'f')
  t.match(ask(2), ['groups-done', 1])
  t.same(story.views, ['(a,b)#2', '(e,-)#3'], 'its views go on')
  t.ok((e.view?.start?.tokenFloor ?? 0) > 2 ** 32 + 400, 'with tokens above all before')
  t.equal(e.view?.start?.pauseMs, 0)
  t.equal(e.view && changeOf(null, e.view), 'first', 'which is no reset')
  t.ok(f && b)
})

t.test('G8: a server that knows a view of a group that has ended is none from the future', async t => {
  const { story, a, c, ask } = moving()
  a.ping(left(2, [2048, 4095]))
  ask(1)
  c.ping({ ...left(4, [2048, 4095]), acked: true })
  c.cut()
  c.connect({ cluster: story.record?.cluster ?? null, group: 1, view: 2, role: 'primary' })
  t.equal(story.status.halted, null)
  t.match(c.hear().at(-1), ['welcome', { view: null, map: { ended: [[1, 2]] } }])
})

t.test('G8: an empty new group whose primary dies begins again', async t => {
  const { story, a, b, c, d, ask } = four()
  ask(2)
  t.same(story.views, ['(a,b)#2', '(c,-)#1'])
  c.die()
  story.pingLimit(a, b, d)
  t.same(story.views, ['(a,b)#2', '(d,-)#2'])
  t.same(mapOf(story).ended, [[1, 1]])
})

t.test('G8: what is lacking is said', async t => {
  const { story, ask, c } = four()
  t.match(ask(4), [
    'groups-refused',
    1,
    'each new group needs two idle lock servers, a primary and a backup: that makes 6 for 4 groups, and there are 2; start 4 more and ask again',
  ])
  t.match(story.record, { groupsWanted: 1 })
  t.match(ask(1), ['groups-done', 1], 'as it is')
  c.die()
  story.pingLimit()
  t.match(ask(2), ['groups-refused', 1, /there is 1; start 1 more/])
})

t.test(
  'G8, F14: no group begins while the state of one is lost, whose reset needs the idle servers',
  async t => {
    const { story, a, b, c, d, ask } = four()
    for (const server of [a, b]) server.die()
    story.pingLimit(c, d)
    t.match(ask(2), [
      'groups-refused',
      1,
      /^no group begins while the state of one is lost: .*holdfast reset/,
    ])
    t.match(ask(1), ['groups-done', 1], 'as it is')
    t.equal(story.record?.groupsWanted, 1)
  },
)

t.test('G8: a wish while another is under way, and one that is taken back', async t => {
  const { story, a, c, ask } = moving()
  t.match(ask(1), ['groups-done', 1], 'slots under way are left alone')
  t.equal(mapOf(story).moves.length, 1)
  a.ping(left(2, [2048, 3000]))
  t.match(mapOf(story).moves, [
    { number: 2, from: 0, to: 1, slots: [3001, 4095] },
    { from: 1, to: 0, slots: [2048, 3000] },
  ])
  a.ping(left(2, [3001, 4095]))
  const { number = 0 } = mapOf(story).moves[1] ?? {}
  c.ping({
    acked: true,
    left: { floor: 1, moves: mapOf(story).moves.map(({ number: of, slots }) => ({ number: of, slots })) },
  })
  t.match(mapOf(story), { groups: 1, moves: [], starts: [[0, 0]], ended: [[1, 2]] })
  t.ok(number > 2)
})

t.test('G8, D11: durability and groups are not changed at the same time', async t => {
  const { ask, client } = four()
  ask(2)
  client.say(['durability', 7, 'disk'])
  t.match(client.last, ['durability-refused', 7, /number of groups/])
})

t.test('G8: from a to b groups: each gets an equal part, few slots move, and none twice', async t => {
  for (const [from, to] of [
    [1, 2],
    [2, 1],
    [1, 3],
    [3, 2],
    [2, 3],
    [4, 7],
    [7, 4],
    [64, 1],
    [1, 64],
  ] as const) {
    const map = firstMap(from)
    t.equal(begunFrom(map, from), undefined, `${from} groups are right as they are`)
    const begun = begunFrom(map, to)
    t.equal(begun && mapProblem(begun), undefined)
    const { gets } = countsIn(begun ?? map, to)
    t.ok(Math.max(...gets.slice(0, to)) - Math.min(...gets.slice(0, to)) <= 1, `${from} to ${to}`)
    t.ok(gets.slice(to).every(count => count === 0))
    const moved = countsIn(begun ?? map, to).has.reduce(
      (sum, has, i) => sum + Math.max(0, has - (gets[i] ?? 0)),
      0,
    )
    t.ok(moved <= Math.ceil((slotsMax * Math.abs(from - to)) / Math.max(from, to)) + to, `${moved} move`)
    t.equal(begunFrom(begun ?? map, to), undefined, 'no slot that is under way')
  }
})

t.test('G2: a map is told before the views of the same record', async t => {
  const { story, a, c, d } = moving()
  d.die()
  story.pingLimit(a)
  c.ping()
  a.hear()
  const saves = story.saved.length
  story.holdTurn = true
  a.ping(left(2, [2048, 4095]))
  story.servers('e')
  story.endTurn()
  t.equal(story.saved.length, saves + 1)
  const kinds = a.hear().map(([kind]) => kind)
  t.same(
    kinds.filter(kind => kind === 'map' || kind === 'view'),
    ['map', 'view'],
  )
})

t.test('E5, G2: a standby tells lock servers of each newer map, before the views of its record', async t => {
  const { story, a } = moving()
  const before = story.record as StoredRecord
  a.ping(left(2, [2048, 4095]))
  const { view, ...rest } = story.record as ViewRecord
  const newer = { ...rest, view: { ...view, number: view.number + 1 } }
  const owner = { passOn: () => false, look: () => {}, reason: 'a standby' }
  const standby = new StandbyCore({ id: idOf('v'), pingLimitMs: 500, pid: 1 }, before, owner)
  const about = { cluster: before.cluster, owner: null, remote: '', principal: null } as const
  const hello = { kind: 'lockserver', role: 'idle', group: 0, view: 0, pid: 7, host: 'h' } as const
  const from = {
    ...hello,
    id: idOf('s'),
    address: 'ws://s.test:1',
    version: '1',
    journal: false,
    imprint: null,
  }
  standby.step({ is: 'accepted', connection: 1, from, ...about }, { monotonic: 0 })
  standby.step(
    { is: 'accepted', connection: 2, from: { kind: 'client', name: 'c' }, ...about },
    { monotonic: 0 },
  )
  const told = standby.follow(newer).flatMap(effect => (effect.do === 'send' ? [effect] : []))
  const toldTo = (to: number) =>
    told.filter(({ connection }) => connection === to).map(({ message }) => message[0])
  t.same(toldTo(1), ['map', 'view'])
  t.same(toldTo(2), ['map', 'view'], 'the last move has ended')
  t.same(standby.follow(newer), [])
})
