// G1 on the view core alone: several groups in one record, idle servers that are spares of all, and what one group's
// trouble does to another.

import t from 'tap'
import { partsProblem, type ViewRecord } from '../viewservice/record.ts'
import type { View } from '../wire/messages.ts'
import { back, imprintOf } from './fixtures/durable-view.ts'
import { random } from './fixtures/random.ts'
import { type StoryServer, ViewStory } from './fixtures/view-story.ts'

/** Two groups, both acked: (a,c)#2 and (b,d)#2. */
function four(options: ConstructorParameters<typeof ViewStory>[0] = {}) {
  const story = new ViewStory({ groups: 2, ...options })
  const all = story.servers('a', 'b', 'c', 'd')
  const [a, b, c, d] = all
  for (const server of [...all, ...all]) server.ping()
  a.ack()
  b.ack()
  return { story, a, b, c, d, all }
}

function viewsIn(record: ViewRecord): View[] {
  return [record.view, ...record.others.flatMap(({ view }) => view ?? [])]
}

function numbersIn({ view, others }: ViewRecord): number[] {
  return [view, ...others.map(other => other.view)].map(each => each?.number ?? 0)
}

function idsIn(record: ViewRecord): string[] {
  return viewsIn(record).flatMap(({ primary, backup }) => [primary.id, ...(backup ? [backup.id] : [])])
}

t.test('G1: each group gets a primary first, and a backup when there are more servers', async t => {
  const story = new ViewStory({ groups: 2 })
  const [a] = story.servers('a')
  t.same(story.views, ['(a,-)#1', 'none'])
  const [b] = story.servers('b')
  t.same(story.views, ['(a,-)#1', '(b,-)#1'])
  a.ping()
  b.ping()
  const [c] = story.servers('c')
  t.same(story.views, ['(a,c)#2', '(b,-)#1'])
  story.servers('d')
  t.same(story.views, ['(a,c)#2', '(b,d)#2'])
  t.match(c.view, { group: 0, number: 2 })
  t.match(story.record, {
    map: {
      groups: 2,
      starts: [
        [0, 0],
        [2048, 1],
      ],
    },
  })
})

t.test('G1: what a server or client is told: its own view, all others, and the map', async t => {
  const { story, a, b, d } = four()
  t.match(d.view, { group: 1, number: 2 })
  const client = story.client()
  t.match(client.told, [['welcome', { view: { group: 0 }, others: [{ group: 1 }], map: { groups: 2 } }]])
  d.cut().connect()
  t.match(d.hear(), [['welcome', { view: { group: 1, number: 2 }, acked: true, others: [{ group: 0 }] }]])
  b.hear()
  b.ping()
  t.match(b.hear(), [['pong', { group: 1, number: 2 }, true]])
  a.hear()
  d.die()
  t.match(a.hear(), [['view', { group: 1, number: 3, backup: null }, false]], 'also of the other group')
  t.match(client.last, ['view', { group: 1, number: 3 }])
})

t.test('G1: a spare goes to the group that needs it most', async t => {
  const { story, a, b, c, d, all } = four()
  d.die()
  t.same(story.views, ['(a,c)#2', '(b,-)#3'])
  b.ping()
  c.fields = { leaving: true }
  c.ping()
  t.same(story.views, ['(a,-)#3', '(b,-)#3'], 'one that leaves is let go')
  a.ping()
  story.servers('e')
  t.same(story.views, ['(a,e)#4', '(b,-)#3'], 'of two that need it alike, the first')
  story.servers('f')
  t.same(story.views, ['(a,e)#4', '(b,f)#4'])
  t.ok(all)
})

t.test('G1: a group without a backup comes before one whose backup runs out of room', async t => {
  const { story, a, b, c, d } = four()
  d.die()
  b.ping()
  c.fields = { low: true }
  c.ping()
  t.same(story.views, ['(a,c)#2', '(b,-)#3'])
  story.servers('e')
  t.same(story.views, ['(a,c)#2', '(b,e)#4'])
  story.servers('f')
  t.same(story.views, ['(a,f)#3', '(b,e)#4'], 'then the other')
  t.ok(a)
})

t.test('G1: a spare is kept for the needier group that can not take it yet', async t => {
  const { story, b, c, d } = four()
  b.fields = { acked: false }
  d.die()
  t.same(story.views, ['(a,c)#2', '(b,-)#3'])
  c.fields = { low: true }
  c.ping()
  const [e] = story.servers('e')
  t.same(story.views, ['(a,c)#2', '(b,-)#3'], 'group 1 is not acked, so it can take none')
  b.fields = {}
  b.ping()
  t.same(story.views, ['(a,c)#2', '(b,e)#4'])
  t.ok(e)
})

t.test('G1: primary and backup are on two hosts while an idle server is on another', async t => {
  const story = new ViewStory({ groups: 2 })
  const on = (name: string, host: string) => story.server(name, `ws://${name}.test:1`, host).connect().ping()
  const [a, b] = [on('a', 'one'), on('b', 'one')]
  const d = on('d', 'one')
  on('c', 'two')
  a.fields = { acked: false }
  b.fields = { acked: false }
  t.same(story.views, ['(a,-)#1', '(b,-)#1'])
  a.fields = {}
  a.ping()
  t.same(story.views, ['(a,c)#2', '(b,-)#1'])
  b.fields = {}
  b.ping()
  t.same(story.views, ['(a,c)#2', '(b,d)#2'], 'on one host, when there is no other')
  on('e', 'two')
  story.tick(3, a, b, d)
  t.same(story.views, ['(a,c)#2', '(b,d)#2'], 'V7: that alone makes no view')
})

t.test('G1, V6: one save carries the views of several groups, and none drops another', async t => {
  const { story, a, b, c, d } = four()
  story.holdSaves = true
  const saves = story.saved.length
  story.holdTurn = true
  c.die()
  d.die()
  story.endTurn()
  t.match(story.heldSave, {
    view: { number: 3, backup: null },
    others: [{ view: { number: 3, backup: null } }],
  })
  a.ping({ acked: false })
  b.ping({ acked: false })
  story.finishSave()
  t.equal(story.saved.length, saves + 1)
  b.ping()
  t.match(story.heldSave, { view: { number: 3 }, others: [{ acked: true, view: { number: 3 } }] })
  a.ping()
  story.finishSave()
  t.match(story.heldSave, { acked: true, others: [{ acked: true }] }, 'the ack of the first came meanwhile')
})

t.test("G1, V6: a halt is the cluster's", async t => {
  const { story, b, c } = four()
  b.ping({ view: 9 })
  t.match(story.core.halted, /knows view 9 of group 1/)
  c.die()
  t.same(story.views, ['(a,c)#2', '(b,d)#2'])
})

t.test(
  "G1, E6: a pause is that of each group's first view; the cluster is new until one is acked",
  async t => {
    const story = new ViewStory({ groups: 2, pauseMs: 10_000 })
    const [a, b] = story.servers('a', 'b')
    story.tick(2, a, b)
    t.same(story.views, ['none'])
    story.pingLimit(a, b)
    t.same(story.views, ['(a,-)#1', '(b,-)#1'])
    t.same(
      viewsIn(story.record as ViewRecord).map(({ start }) => start?.pauseMs),
      [10_000, 10_000],
    )
    const stranger = story.server('s').connect({ cluster: 'd'.repeat(32), view: 4 })
    t.equal(stranger.refusal, 'WRONG_CLUSTER')
    t.equal(story.core.halted, null, 'one group is acked, so the cluster is not new')
  },
)

t.test('G1, V4: a server that speaks of another group acks nothing', async t => {
  const story = new ViewStory({ groups: 2 })
  const [a, b] = story.servers('a', 'b')
  a.fields = { acked: false }
  b.fields = { acked: false }
  story.tick(1, a, b)
  const unacked = story.record?.others[0]?.acked
  b.ping({ group: 0, acked: true })
  t.same([unacked, story.record?.others[0]?.acked], [false, false])
  b.ping({ acked: true })
  t.ok(story.record?.others[0]?.acked)
})

t.test('G1, L2: tokens are of each group alone', async t => {
  const { story, a, b } = four()
  const token = 2 ** 52 + 2 ** 30
  b.ping({ token })
  a.ping({ token: 5 })
  story.tick(1, a, b)
  t.equal(story.record?.others[0]?.highestToken, 2 ** 52 + 2 ** 30)
  t.ok((story.record?.highestToken ?? 0) < 2 ** 52)
})

t.test('G1, F14: a reset is of one group', async t => {
  const { story, b, d } = four()
  const [e] = story.servers('e')
  b.die()
  d.die()
  story.pingLimit()
  const operator = story.client()
  operator.say(['reset', 1, 5, 1, false])
  t.match(operator.last, ['reset-refused', 1, /no view yet of group 5/])
  operator.say(['reset', 2, 1, 2, false])
  story.tick(1, e)
  t.match(
    operator.told.find(([kind]) => kind === 'reset-done'),
    ['reset-done', 2, { group: 1, number: 3, primary: { id: e.id }, start: { choice: null } }],
  )
  t.same(story.views, ['(a,c)#2', '(e,-)#3'])
})

t.test('G1, D11: the durability is changed when it is in every group', async t => {
  const story = new ViewStory({ groups: 2 })
  const all = ['a', 'b'].map(name => story.server(name).connect({ journal: true }).ping())
  for (const server of all) server.ping()
  const operator = story.client()
  operator.say(['durability', 3, 'disk'])
  const done = () => operator.told.filter(([kind]) => kind === 'durability-done').length
  all[0]?.ping()
  t.same([story.record?.view.durability, done()], ['disk', 0])
  all[1]?.ping()
  t.same([story.record?.others[0]?.view?.durability, done()], ['disk', 1])
})

t.test('G1, V3: a question is answered for the group that asks', async t => {
  const { story, a, b, c, d } = four()
  story.holdTurn = true
  a.die()
  b.die()
  story.endTurn()
  c.answer()
  t.same(story.views, ['(c,-)#3', '(b,d)#2'])
  d.answer({ group: 0 })
  t.same(story.views, ['(c,-)#3', '(b,d)#2'], 'an answer for another group counts for none')
  d.answer()
  t.same(story.views, ['(c,-)#3', '(d,-)#3'])
})

t.test('G1: status tells each group, and the smallest of what they survive', async t => {
  const { story, d } = four()
  t.match(story.status, {
    survives: 1,
    groups: [
      { group: 0, survives: 1 },
      { group: 1, survives: 1 },
    ],
  })
  t.equal(story.status.servers.find(({ id }) => id === d.id)?.group, 1)
  d.die()
  t.match(story.status, { survives: 0, groups: [{ survives: 1 }, { group: 1, survives: 0 }] })
})

t.test('G1, D4: a journal that another group may need makes its server no spare', async t => {
  const story = new ViewStory({ groups: 2, durability: 'disk', recoveryPatienceMs: 200 })
  const [a, b, c, d] = story.servers('a', 'b', 'c', 'd')
  for (const server of [a, b, c, d, a, b]) server.ping()
  a.ack()
  b.ack()
  t.same(story.views, ['(a,c)#2', '(b,d)#2'])
  const written = imprintOf(d, { told: true })
  for (const server of [b, c, d]) server.die()
  const again = back(d, written)
  story.tick(1, a, again)
  t.same(story.views, ['(a,-)#3', '(b,d)#2'], 'group 0 needs a backup, and does not get this one')
  story.tick(9, a, again)
  t.same(story.views, ['(a,-)#3', '(d again,-)#3'], 'the state of group 1 goes on')
  t.equal(partsProblem(story.record as ViewRecord), undefined)
})

/** Whatever happens: no server has two parts, and each group's views go one by one. */
function walk(seed: number): string | undefined {
  const dice = random(seed)
  const story = new ViewStory({ groups: 2 + dice.below(3) })
  const servers: StoryServer[] = []
  for (let i = 0; i < 120; i++) {
    const server = servers.length === 0 || dice.chance(0.12) ? undefined : dice.pick(servers)
    if (server === undefined) servers.push(story.server(`s${i}`).connect().ping())
    else if (dice.chance(0.04)) servers.splice(servers.indexOf(server), 1)[0]?.die()
    else if (dice.chance(0.1)) server.cut().connect()
    else if (dice.chance(0.12)) story.tick(1, ...servers)
    else if (dice.chance(0.3) && server.role === 'primary') server.ack()
    else if (dice.chance(0.2) && server.questions.length > 0) server.answer()
    else server.ping()
  }
  return problemIn(story.saved)
}

function problemIn(records: readonly ViewRecord[]): string | undefined {
  for (const [i, record] of records.entries()) {
    const ids = idsIn(record)
    if (new Set(ids).size < ids.length) return `record ${record.record} names a server twice`
    const before = numbersIn(records[i - 1] ?? record)
    for (const [group, now] of numbersIn(record).entries()) {
      const then = before[group] ?? 0
      if (now < then || now > then + 1)
        return `record ${record.record}: group ${group} goes from view ${then} to ${now}`
    }
  }
  return undefined
}

t.test('G1, V1: no server has two parts, and no save drops a view, whatever happens', async t => {
  for (let seed = 1; seed <= 60; seed++) t.equal(walk(seed), undefined, `seed ${seed}`)
})
