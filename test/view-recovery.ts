// D3, D4, D5 on the view core alone: from whom a lost state is recovered, what must be proven before, and who
// hears of it when.

import t from 'tap'
import type { View } from '../wire/messages.ts'
import { back, durablePair, imprintOf, inStory, powerBack } from './fixtures/durable-view.ts'
import { idOf, type StoryOptions, type StoryServer, ViewStory } from './fixtures/view-story.ts'

/** (s1,s2)#2 was acked, and all lost their power. */
function afterPowerLoss(options: StoryOptions = {}) {
  const { story: before, s1, s2 } = durablePair()
  const story = powerBack(before, options)
  return { story, s1: inStory(s1, story), s2: inStory(s2, story) }
}

/** The view of this number, as it was made; or the one in force before. */
function made(story: ViewStory, number: number): string {
  return story.history.find(view => view.endsWith(`#${number}`)) ?? story.view
}

function choiceIn(story: ViewStory) {
  return story.record?.view.start?.choice ?? null
}

t.test('D3: a durable cluster refuses a lock server without a journal, by name', async t => {
  const story = new ViewStory({ durability: 'disk' })
  const s1 = story.server('s1').connect({ journal: false })
  t.equal(s1.refusal, 'NO_JOURNAL')
  t.match(story.closed.get(s1.connection)?.text, /--data/)
  const memory = new ViewStory()
  memory.server('s1').connect({ journal: true }).ping()
  t.equal(memory.record?.view.durability, 'memory', 'something good: with a journal it serves in memory')
})

t.test('D3: an imprint of a view to come halts, and one of another cluster is refused', async t => {
  const { story, s1 } = afterPowerLoss()
  const other = story.server('other')
  other.imprint = imprintOf(s1, { cluster: 'd'.repeat(32) })
  t.equal(other.connect().refusal, 'WRONG_CLUSTER')
  const ahead = back(s1, { view: 3 })
  t.equal(ahead.refusal, 'VIEW_FROM_FUTURE')
  t.match(story.status.halted, /knows view 3/)
})

t.test('D4: power is back everywhere: both copies are there, and the larger one is recovered', async t => {
  const { story, s1, s2 } = afterPowerLoss()
  back(s1, { opNumber: 10 })
  t.equal(story.view, '(s1,s2)#2', 'it waits for the other one')
  const b = back(s2, { told: true, opNumber: 11 })
  t.equal(story.view, '(s2 again,-)#3')
  t.notOk(story.acked)
  t.same(choiceIn(story), {
    number: 2,
    acked: true,
    primary: { id: s1.id, address: s1.address },
    backup: { id: s2.id, address: s2.address },
    durability: 'disk',
    start: null,
    lastAcked: 2,
    since: [{ id: b.id, address: b.address, from: s2.id, view: 2 }],
  })
})

t.test('D4: with one copy it waits for its patience, and only while the state is lost', async t => {
  const { story, s1, s2 } = afterPowerLoss({ recoveryPatienceMs: 2_000 })
  const p = back(s1)
  story.network.set(s2.address, 'silent')
  story.tick(5, p)
  t.equal(story.status.recovery?.waitedFor[0]?.id, s2.id)
  t.match(story.status.halted, new RegExp(s2.id))
  story.tick(19, p)
  t.equal(story.view, '(s1,s2)#2')
  story.tick(2, p)
  t.equal(story.view, '(s1 again,-)#3')
})

t.test('D4: the process that wrote it must be gone: a silent address proves nothing', async t => {
  const { story, s1, s2 } = afterPowerLoss()
  const elsewhere = story.server('elsewhere')
  elsewhere.imprint = imprintOf(s1)
  for (const at of [s1.address, s2.address]) story.network.set(at, 'silent')
  elsewhere.connect().ping()
  story.tick(30, elsewhere)
  t.equal(story.view, '(s1,s2)#2')
  t.match(story.status.halted, new RegExp(`recover --gone ${s1.id}`))
  const client = story.client()
  client.say(['gone', 1, 'f'.repeat(32)])
  t.match(client.last, ['gone-refused', 1, /no server/])
  client.say(['gone', 2, s1.id])
  t.match(client.last, ['gone-noted', 2, /may be recovered/])
  t.equal(story.view, '(elsewhere,-)#3')
})

t.test('D4: an address that refuses, and a folder that is not held, are proofs', async t => {
  for (const free of [false, true]) {
    const { story, s1 } = afterPowerLoss()
    const elsewhere = story.server('elsewhere')
    elsewhere.imprint = imprintOf(s1, { free })
    story.network.set(s1.address, free ? 'silent' : 'refuses')
    elsewhere.connect().ping()
    story.tick(30, elsewhere)
    t.equal(story.view, '(elsewhere,-)#3', String(free))
  }
})

t.test('D4: while the process that wrote it is connected, nothing of it is recovered', async t => {
  const { story, s1, s2 } = afterPowerLoss()
  for (const at of [s1.address, s2.address]) story.network.set(at, 'silent')
  s1.sayHello({ role: 'primary', view: 2 })
  const elsewhere = story.server('elsewhere')
  elsewhere.imprint = imprintOf(s1, { free: true })
  elsewhere.connect().ping()
  story.tick(30, elsewhere)
  t.equal(story.view, '(s1,s2)#2', 'it is silent, and its connection stands')
  s1.cut()
  story.tick(2, elsewhere)
  t.equal(made(story, 3), '(elsewhere,-)#3')
})

t.test('D4: an imprint of the primary from an older view than the acked one does not count', async t => {
  const { story, s1 } = afterPowerLoss()
  const old = back(s1, { view: 1 })
  story.tick(30, old)
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.status.recovery?.found.length, 0)
})

t.test('D4: of an unacked view the primary counts from the last acked view on', async t => {
  for (const [view, as, told, counts] of [
    [2, 'backup', true, true],
    [2, 'backup', false, false],
    [3, 'primary', false, true],
    [1, 'primary', false, false],
  ] as const) {
    const { story: before, s1, s2 } = durablePair()
    const [s3] = before.servers('s3')
    s1.die()
    s2.answer()
    t.equal(before.view, '(s2,s3)#3')
    const story = powerBack(before)
    const again = back(inStory(s2, story), { view, as, told })
    back(inStory(s3, story), { id: 'e'.repeat(32), view: 1 })
    story.tick(20, again)
    t.equal(made(story, 4), counts ? '(s2 again,-)#4' : '(s2,s3)#3', `${view} ${as} ${told}`)
  }
})

t.test('D4: the backup counts from exactly its view, acked or told', async t => {
  for (const [acked, view, told, counts] of [
    [true, 2, false, true],
    [true, 1, true, false],
    [false, 2, true, true],
    [false, 2, false, false],
  ] as const) {
    const { story: before, s1, s2 } = durablePair()
    const record = before.record
    if (record === null) throw new Error('there is no record')
    const story = new ViewStory({
      record: { ...record, acked, lastAcked: acked ? 2 : 1 },
      durability: 'disk',
    })
    const b = back(inStory(s2, story), { view, told, as: 'backup' })
    story.network.set(s1.address, 'silent')
    story.tick(20, b)
    t.equal(made(story, 3), counts ? '(s2 again,-)#3' : '(s1,s2)#2', `${acked} ${view} ${told}`)
  }
})

t.test('D4: a dropped backup, and a server that was in no view, do not count', async t => {
  const { story: before, s1, s2 } = durablePair()
  s2.die()
  s1.ping()
  t.equal(before.view, '(s1,-)#3')
  const story = powerBack(before)
  const dropped = back(inStory(s2, story), { view: 2, told: true, opNumber: 99 })
  story.network.set(s1.address, 'silent')
  story.tick(30, dropped)
  t.equal(story.view, '(s1,-)#3')
  back(inStory(s1, story))
  t.equal(story.view, '(s1 again,-)#4', 'something good: the primary alone had it all')
})

t.test('D4: one whose digest differed is taken last', async t => {
  const { story, s1, s2 } = afterPowerLoss()
  back(s2, { told: true, opNumber: 99, differs: true })
  back(s1, { opNumber: 10 })
  t.equal(story.view, '(s1 again,-)#3')
  const alone = afterPowerLoss()
  const b = back(alone.s2, { told: true, differs: true })
  alone.story.tick(20, b)
  t.equal(alone.story.view, '(s2 again,-)#3', 'if there is no other')
})

t.test('D4: a single restart is what it is today', async t => {
  const { story, s1, s2 } = durablePair()
  s1.die()
  const p = back(s1)
  t.equal(story.view, '(s1,s2)#2', 'the backup lives')
  s2.answer()
  t.equal(story.view, '(s2,s1 again)#3')
  t.equal(choiceIn(story), null)
  p.ping()
})

t.test('D4: a backup that lives and is not in sync hinders no recovery', async t => {
  const story = new ViewStory({ durability: 'disk' })
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  t.equal(story.view, '(s1,s2)#2')
  s1.die()
  back(s1)
  story.tick(3, s2)
  t.equal(story.view, '(s1,s2)#2', 'it has not answered')
  s2.answer({ inSync: false })
  t.equal(story.view, '(s1 again,-)#3')
})

t.test('D4: in memory nobody is recovered', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1')
  s1.ping()
  s1.die()
  const again = back(s1)
  story.tick(30, again)
  t.equal(story.view, '(s1,-)#1')
  t.equal(story.status.recovery, null)
})

t.test('D4: view 1 and a view of a reset may be followed by a recovery before their ack', async t => {
  const story = new ViewStory({ durability: 'disk' })
  const [s1] = story.servers('s1')
  t.equal(story.view, '(s1,-)#1')
  t.notOk(story.acked)
  s1.die()
  back(s1)
  t.equal(story.view, '(s1 again,-)#2')
  t.same(choiceIn(story)?.start, { tokenFloor: 0, pauseMs: 0 })
})

/** A recovery view whose primary dies before its ack. */
function recovering() {
  const { story, s1, s2 } = afterPowerLoss()
  const b = back(s2, { told: true, opNumber: 10 })
  const p = back(s1, { opNumber: 12 })
  t.equal(story.view, '(s1 again,-)#3')
  return { story, s1, s2, p, b }
}

t.test('D5: an unacked recovery view is told to its primary alone', async t => {
  const { story, p, b } = recovering()
  const client = story.client()
  t.equal(story.show(viewOf(client.last)), '(s1,s2)#2')
  t.equal(p.view?.number, 3)
  t.match(p.told.at(-1), ['view', { number: 3 }, false])
  t.equal(story.show(b.view), '(s1,s2)#2')
  t.match(b.told.at(-1), ['pong', { number: 2 }, true])
  p.ping({ acked: true })
  t.equal(story.record?.lastAcked, 3)
  for (const { told } of [p, b])
    t.ok(
      told.some(([kind, view, acked]) => kind === 'view' && (view as View).number === 3 && acked === true),
      'both hear that it is acked',
    )
  t.match(client.views, ['(s1 again,-)#3'])
  p.ping({ acked: true })
  t.equal(story.view, '(s1 again,s2 again)#4', 'the other one is copied like any idle server')
})

function viewOf(message: readonly unknown[] | undefined): View | null {
  const said = message?.[1] as { view?: View } | View | undefined
  return said === undefined ? null : 'view' in said ? (said.view ?? null) : (said as View)
}

t.test('D5: two recoveries in a row: the choice stays, and each who recovered counts', async t => {
  const { story, s2, p, b } = recovering()
  p.die()
  b.fields = { acked: false }
  story.tick(20, b)
  t.equal(story.view, '(s2 again,-)#4', 'the other imprint is there')
  t.equal(choiceIn(story)?.number, 2)
  t.same(
    choiceIn(story)?.since.map(({ id, from, view }) => [id, from, view]),
    [
      [p.id, choiceIn(story)?.primary.id, 2],
      [b.id, s2.id, 2],
    ],
  )
  b.die()
  const third = back(p, { id: p.id, view: 3, as: 'primary' }, 'more')
  story.tick(20, third)
  t.equal(story.view, '(s1 again more,-)#5', 'what the first recovery wrote counts')
  third.ping({ acked: true })
  t.ok(story.acked)
  t.equal(story.record?.lastAcked, 5)
})

t.test('D4: a living server of the choice goes on with the state that it has, at once', async t => {
  const { story, s2, p } = recovering()
  p.die()
  // The backup of the choice was only cut off all the time.
  story.network.set(s2.address, { id: s2.id })
  const alive = story.server('s2', s2.address)
  alive.connect({ role: 'backup', view: 2 })
  t.equal(alive.refusal, 'ADDRESS_TAKEN', 'unless another server is at its address')
  const other = durablePair()
  const { story: later, s1, s2: cut } = other
  later.network.set(cut.address, 'silent')
  cut.cut()
  s1.die()
  later.tick(6)
  const first = back(s1)
  first.fields = { acked: false }
  later.tick(20, first)
  t.equal(later.view, '(s1 again,-)#3')
  first.die()
  later.network.set(cut.address, { id: cut.id })
  cut.connect({ role: 'backup', view: 2 }).ping({ role: 'backup', view: 2, inSync: true })
  t.equal(later.view, '(s2,-)#4')
  t.match(choiceIn(later)?.since.at(-1), { id: cut.id, from: cut.id, view: 2 })
})

t.test('D5: a view server that restarts meanwhile goes on with the recovery', async t => {
  const { story: before, p } = recovering()
  const story = powerBack(before)
  const same: StoryServer = story.server('s1 again', p.address).connect({ role: 'primary', view: 3 })
  same.ping({ role: 'primary', view: 3, acked: true })
  t.equal(story.view, '(s1 again,-)#3')
  t.ok(story.acked)
})

t.test('D5: while a recovery is possible a reset needs --force', async t => {
  const { story, s1, s2 } = afterPowerLoss({ recoveryPatienceMs: 60_000 })
  const again = back(s1)
  story.network.set(s2.address, 'silent')
  const [s3] = story.servers('s3')
  story.tick(6, s3, again)
  const client = story.client()
  client.say(['reset', 1, 0, 2, false])
  t.match(client.last, ['reset-refused', 1, /--force/])
  t.match(client.last, ['reset-refused', 1, /view 2, operation 10/])
  client.say(['reset', 2, 0, 2, true])
  t.match(client.last, ['reset-done', 2, { number: 3, durability: 'disk', start: { choice: null } }])
})

t.test(
  'D5, F14: who could have the state on its disk must be back without it, or a reset needs --force',
  async t => {
    const { story, s1, s2 } = afterPowerLoss()
    const [s3] = story.servers('s3')
    for (const server of [s1, s2]) story.network.set(server.address, 'refuses')
    story.tick(6, s3)
    const client = story.client()
    const asks = (number: number) => client.say(['reset', number, 0, 2, false])
    asks(1)
    t.match(client.last, ['reset-refused', 1, /may be on the disk of server .* at ws:\/\/s1.*--force/])
    const first = story.server('s1 again', s1.address).connect().ping()
    asks(2)
    t.match(client.last, ['reset-refused', 2, /at ws:\/\/s2/])
    const second = story.server('s2 again', s2.address).connect().ping()
    story.tick(6, s3, first, second)
    asks(3)
    story.tick(6, s3, first, second)
    const reset = story.saved.find(({ view }) => view.number === 3)?.view
    t.match(reset, { primary: { id: s3.id }, start: { choice: null } }, 'both are back with nothing')
  },
)

t.test('D5, F14: a reset that comes before the death is noticed looks at the copies, too', async t => {
  const { story, p, b } = recovering()
  story.network.set(p.address, { id: idOf('next') })
  const [s3] = story.servers('s3')
  const client = story.client()
  client.say(['reset', 1, 0, story.record?.view.number ?? 0, false])
  story.tick(1, s3, b)
  t.match(client.last, ['reset-refused', 1, /operation 10/])
})

t.test('D5, F14: a server that is back, and has not said yet what it has, may have the state', async t => {
  const { story, s1, s2 } = durablePair()
  const [s3] = story.servers('s3')
  s3.ping()
  for (const server of [s1, s2]) story.network.set(server.address, { id: idOf('next') })
  const client = story.client()
  client.say(['reset', 1, 0, 2, false])
  t.match(client.last, ['reset-refused', 1, /may be on the disk of server .* at ws:\/\/s1/])
})

t.test('D5, F14: a reset of an unacked recovery asks after the whole choice', async t => {
  const { story, s2, p } = recovering()
  const [s3] = story.servers('s3')
  p.die()
  story.network.set(p.address, 'refuses')
  story.network.set(s2.address, 'silent')
  s3.ping()
  const client = story.client()
  client.say(['reset', 1, 0, story.record?.view.number ?? 0, false])
  story.tick(6, s3)
  t.match(client.last, ['reset-refused', 1])
})

t.test('L2: a recovery view begins above all tokens that were known', async t => {
  const { story, s1 } = durablePair()
  s1.ping({ token: 5_000 })
  story.tick(1, s1)
  const record = story.record
  const later = powerBack(story)
  later.tick(6)
  const p = back(inStory(s1, later))
  later.tick(20, p)
  t.equal(later.view, '(s1 again,-)#3')
  t.equal(later.record?.view.start?.tokenFloor, (record?.highestToken ?? 0) + 2 ** 32)
  t.equal(later.record?.highestToken, later.record?.view.start?.tokenFloor)
})

// ---- D8

t.test(
  'D8: a server that is low on disk is not chosen, and a low backup is replaced for a roomy one only',
  async t => {
    const { story, s1, s2 } = durablePair()
    s2.ping({ low: true })
    t.equal(story.view, '(s1,s2)#2')
    const s3 = story.server('s3').connect().ping({ low: true })
    s1.ack()
    t.equal(story.view, '(s1,s2)#2', 'never for another that is low')
    s3.ping()
    s1.ack()
    t.equal(story.view, '(s1,s3)#3')
  },
)

t.test('D8: a low primary is relieved by a backup in sync that has room', async t => {
  const { story, s1, s2 } = durablePair()
  s2.ping({ low: true })
  s1.ping({ acked: true, low: true })
  t.equal(s2.questions.length, 0, 'not by one that is low, too')
  s2.ping()
  s1.ping({ acked: true, low: true })
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test(
  'D12, G1: the backup of a recovery is who has the newest copy, but on another host if there is one',
  async t => {
    for (const host of ['h', 'other']) {
      const { story, s1, s2 } = afterPowerLoss()
      const blank = story.server('s3', 'ws://s3.test:1', host).connect().ping()
      back(s1, { opNumber: 10 })
      const b = back(s2, { told: true, opNumber: 11 })
      b.ping({ acked: true })
      story.tick(2, blank, b)
      const expected = host === 'h' ? '(s2 again,s1 again)#4' : '(s2 again,s3)#4'
      t.equal(
        made(story, 4),
        expected,
        host === 'h' ? 'all are on one host' : 'the one without a copy is elsewhere',
      )
    }
  },
)
