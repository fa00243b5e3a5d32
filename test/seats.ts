// E2 to E5 on whole view servers, without their drivers: who becomes active, and when; what a standby says; and
// that whoever lost the race for a record tells nobody anything.

import t from 'tap'
import { foundingOf } from '../viewservice/founding.ts'
import { ticksPerPing } from '../viewservice/seat.ts'
import { deadPings, ttlMaxMsDefault } from '../wire/limits.ts'
import type { Status } from '../wire/messages.ts'
import { SeatStory } from './fixtures/seat-story.ts'
import { clusterId, idOf } from './fixtures/view-story.ts'

/** a is active in view 1 of s1; b is its standby. */
function two() {
  const story = new SeatStory()
  const a = story.seat('a')
  const b = story.seat('b')
  const [s1, other] = [a.lockServer('s1').ping(), b.lockServer('s1')]
  story.tick(6)
  s1.ping({ role: 'primary', view: 1, acked: true })
  story.tick()
  return { story, a, b, s1, other }
}

t.test('E3: the first one takes the mark and makes views; a second one is a standby', async t => {
  const { story, a, b, s1, other } = two()
  t.same([a.isActive, b.isActive], [true, false])
  t.same([s1.marks.at(-1), other.marks.at(-1)], [1, 0])
  t.match(story.record?.record, { view: { number: 1 }, acked: true })
  t.ok(b.dialled.includes(a.address), 'it is connected to the active one')
})

t.test('E5: a standby reads the record, though its watch may have missed the news', async t => {
  const { story, b } = two()
  story.record = { record: { ...story.viewRecord, record: 9 }, version: 'x' }
  story.tick(10)
  t.equal(b.core.record?.record, 9)
})

t.test('E5: a standby tells its peers the views of the record', async t => {
  const { b, other } = two()
  t.equal(b.core.record?.view.number, 1)
  t.same(other.marks, [0])
  t.match(other.told.at(-1), ['welcome', { view: { number: 1 } }])
  b.input({ is: 'changed' })
  other.ping({ view: 1 })
  t.match(other.told.at(-1), ['pong', { number: 1 }, true, 10_000, 0, 600_000])
})

t.test('E3: when the active one’s address refuses, a standby takes over in the same moment', async t => {
  const { story, a, b, other } = two()
  const { now } = story
  a.kill()
  t.equal(story.now, now)
  t.ok(b.isActive)
  t.equal(other.marks.at(-1), 2, 'its lock servers hear of it on the connection that stands')
})

t.test('E3: a refusal where this standby was never welcomed shows nothing', async t => {
  const story = new SeatStory()
  const a = story.seat('a')
  a.state = 'dead'
  const b = story.seat('b')
  story.tick(3)
  t.ok(b.dialled.includes(a.address))
  t.notOk(b.isActive)
  story.tick(25)
  t.ok(b.isActive, 'once the mark has ended')
})

t.test('E3: another process at the address of the active one takes its place', async t => {
  const story = new SeatStory()
  const before = story.seat('a')
  before.state = 'dead'
  story.seats.pop()
  const again = story.seat('a')
  Object.assign(story.mark ?? {}, { id: idOf('before') })
  story.tick(1)
  t.ok(again.isActive, 'it need not wait for its own old mark')
})

t.test(
  'E3: a frozen active one is replaced when its mark has ended, and tells nothing when it thaws',
  async t => {
    const { story, a, b, s1 } = two()
    a.state = 'frozen'
    story.tick(25)
    t.ok(b.isActive)
    const s2 = b.lockServer('s2').ping()
    b.lockServer('s1', 1).ping({ role: 'primary', view: 1, acked: true })
    story.tick()
    t.equal(story.viewRecord.view.number, 2)
    const told = s1.told.length
    // It decides by what it knew: a backup for its primary.
    a.lockServer('s3').ping()
    s1.ping({ role: 'primary', view: 1, acked: true })
    a.thaw()
    t.notOk(a.isActive)
    const views = s1.told.slice(told).filter(([kind]) => kind === 'view')
    t.same(
      views.map(message => (message[1] as { number: number }).number).filter(number => number > 2),
      [],
    )
    t.equal(story.viewRecord.view.number, 2)
    t.match(s2.told.at(-1)?.[0], /view|pong|welcome/)
    story.tick(30)
    t.same([a.isActive, b.isActive], [false, true], 'it takes its mark back only when none stands')
  },
)

t.test('E5: a mark that can’t be confirmed for its lifetime sends the lock servers away', async t => {
  const { story, a, s1 } = two()
  const operator = a.client()
  story.away = true
  story.tick(10)
  t.ok(a.isActive)
  t.notOk(s1.isClosed)
  story.tick(15)
  t.notOk(a.isActive)
  t.ok(s1.isClosed)
  t.notOk(operator.isClosed)
  operator.say(['status', 1])
  t.match(operator.told.at(-1), ['status', 1, { view: { number: 1 }, halted: /etcd is not reached/ }])
})

t.test('E3: a view server whose mark lapses saves nothing any more', t => {
  const { story, a, s1 } = two()
  const saves: boolean[] = []
  const answer = story.answer.bind(story)
  story.answer = (effect, seat) => {
    if (effect.do === 'write') saves.push(seat.core.isActive)
    return answer(effect, seat)
  }
  story.away = true
  a.lockServer('s2').ping()
  s1.ping({ role: 'primary', view: 1, acked: true })
  for (let ticks = 0; a.isActive && ticks < 100; ticks++) story.tick()
  t.notOk(a.isActive)
  t.ok(saves.length > 2, 'it has tried until then')
  t.notOk(saves.includes(false))
  t.end()
})

t.test(
  'E3: a mark of another owner is another mark, though a store that was put back counts anew',
  async t => {
    const { story, a, b } = two()
    const c = story.seat('c')
    const { mark } = story
    if (mark === null) throw new Error('no mark stands')
    a.state = 'frozen'
    c.state = 'frozen'
    story.mark = { ...mark, id: c.id, address: c.address }
    story.markUntil = Number.POSITIVE_INFINITY
    story.tick(20)
    t.equal(story.mark.id, c.id, 'whom this one has met at its old place tells nothing of the new one')
    t.notOk(b.isActive)
    story.mark = null
    story.tick(10)
    t.ok(b.isActive)
  },
)

t.test('E3: a mark stands however rarely lock servers ping; their pings are counted as rarely', async t => {
  for (const intervalMs of [500, 501, 2_000, 60_000]) {
    const story = new SeatStory(intervalMs)
    const a = story.seat('a')
    const [s1, s2] = [a.lockServer('s1').ping(), a.lockServer('s2')]
    const livesAfter = (pings: number) => {
      for (let i = 0; i < pings; i++) {
        s2.ping()
        story.tick(ticksPerPing(intervalMs))
      }
      const { servers } = a.core.status({ monotonic: story.now })
      return servers.find(({ id }) => id === idOf('s1'))?.alive
    }
    s1.ping()
    t.equal(livesAfter(deadPings - 1), true, `${intervalMs} ms: it may miss so many`)
    t.equal(livesAfter(2), false, 'and no more')
    t.same([a.isActive, story.mark?.number], [true, 1], 'the mark was never taken anew')
  }
})

t.test('F18: while the store is away no view is made, and afterwards all goes on', async t => {
  const { story, a, s1 } = two()
  story.away = true
  a.lockServer('s2').ping()
  s1.ping({ role: 'primary', view: 1, acked: true })
  story.tick(3)
  t.same(s1.views, [1])
  t.match(a.core.status({ monotonic: story.now }).halted, /no view can be made now/)
  story.away = false
  story.tick(2)
  t.same(s1.views, [1, 2])
})

t.test('E5: a standby that has just started reaches the active one at once', async t => {
  const { story } = two()
  const c = story.seat('c')
  const operator = c.client()
  operator.say(['status', 1])
  t.match(operator.told.at(-1), ['status', 1, { halted: null, servers: [{ alive: true }] }])
})

t.test('E5: a standby passes the questions of operators on', async t => {
  const { b } = two()
  const operator = b.client()
  operator.say(['status', 41])
  t.match(operator.told.at(-1), [
    'status',
    41,
    { view: { number: 1 }, servers: [{ role: 'primary', alive: true }] },
  ])
  operator.say(['reset', 42, 0, 7, false])
  t.match(operator.told.at(-1), ['reset-refused', 42, /the view is 1, not 7/])
})

t.test('V6: a lock server that knows a later view makes a view server read the store', async t => {
  const { story, a, b } = two()
  // Another one has written, and this one has not noticed.
  const record = story.viewRecord
  const view = {
    ...record.view,
    number: 2,
    backup: { id: idOf('s9'), address: 'ws://s9.test:1' },
    start: null,
  }
  story.record = { record: { ...record, record: record.record + 1, view, nonce: 'another' }, version: 'x' }
  a.lockServer('s9', 2)
  b.lockServer('s9', 2)
  t.equal(b.core.record?.view.number, 2)
  t.equal(a.core.record?.view.number, 2)
  story.tick(12)
  t.ok(a.isActive || b.isActive)
  t.equal((a.isActive ? a : b).core.unready, null, 'no halt is left')
})

t.test('E5: a standby that hears of a later view by a ping reads it, and tells all who are connected', t => {
  const { story, b, other } = two()
  const client = b.client()
  const record = story.viewRecord
  const view = { ...record.view, number: 2, start: null }
  story.record = { record: { ...record, record: record.record + 1, view, nonce: 'next' }, version: 'x' }
  other.ping({ view: 2 })
  t.match(client.told.at(-1), ['view', { number: 2 }])
  t.ok(other.told.some(([kind, told]) => kind === 'view' && (told as typeof view).number === 2))
  t.end()
})

t.test('V6: a standby reads the store when a lock server greets it with a later view', async t => {
  const { story, a, b, other } = two()
  a.state = 'frozen'
  const record = story.viewRecord
  const view = { ...record.view, number: 2 }
  story.record = { record: { ...record, record: record.record + 1, view, nonce: 'another' }, version: 'x' }
  other.ping({ view: 1 })
  t.equal(b.core.record?.view.number, 1, 'nothing shows that there is one')
  b.lockServer('s9', 2)
  t.equal(b.core.record?.view.number, 2)
})

t.test('E5: a standby welcomes all once more when it learns which cluster there is', async t => {
  const story = new SeatStory()
  const begun = story.record
  story.record = null
  const [a, b] = [story.seat('a'), story.seat('b')]
  const peers = [b.lockServer('s1'), b.client()]
  for (const { told } of peers) t.match(told, [['welcome', { cluster: null, view: null }]])
  story.record = begun
  story.tick(12)
  for (const { told } of peers) t.match(told.at(-1), ['welcome', { cluster: clusterId, view: null, mark: 0 }])
  a.lockServer('s1').ping()
  for (const { told } of peers) t.match(told.at(-1), ['view', { number: 1 }])
})

t.test('E4: a new active one dials at once all that the record names and that are not there', async t => {
  const { a, b, other } = two()
  b.input({ is: 'closed', connection: other.connection, refused: false })
  const before = b.dialled.length
  a.kill()
  t.ok(b.isActive)
  t.ok(b.dialled.slice(before).includes('ws://s1.test:1'))
})

t.test(
  'E3: what is found at the address of an older mark says nothing of the owner of the present one',
  t => {
    const { story, a, b } = two()
    const c = story.seat('c')
    // Etcd has ended the mark, and c is the first one to see it.
    story.mark = null
    c.input({ is: 'changed' })
    t.ok(c.isActive)
    b.input({ is: 'changed' })
    // It finds out that it is not active any more, and greets those who are connected, as b was.
    a.input({ is: 'changed' })
    t.same([a.isActive, b.isActive, c.isActive], [false, false, true])
    t.match(story, { mark: { id: c.id } })
    t.end()
  },
)

t.test('E3: another process at the address counts also for one that reaches itself only later', t => {
  const story = new SeatStory()
  const before = story.seat('a')
  before.state = 'dead'
  story.seats.pop()
  Object.assign(story.mark ?? {}, { id: idOf('before') })
  const again = story.seat('a', false)
  t.notOk(again.isActive, 'it has met itself at the address of the mark, and not yet at its own')
  story.tick(1)
  t.ok(again.isActive, 'it does not wait for the end of its own old mark')
  t.end()
})

t.test('E3: a refusal that is found while the store is asked counts once the store has answered', t => {
  const { story, a, b } = two()
  story.held = []
  b.input({ is: 'changed' })
  a.kill()
  t.notOk(b.isActive)
  story.release()
  t.ok(b.isActive)
  t.end()
})

t.test('E2: a view that is being saved is none from the future, though a standby has read it', t => {
  const { story, a, b, s1, other } = two()
  a.lockServer('s2').ping()
  story.doneUnknown = true
  s1.ping({ role: 'primary', view: 1, acked: true })
  story.tick()
  t.equal(story.viewRecord.view.number, 2, 'it is in the store')
  b.input({ is: 'changed' })
  t.same(other.views, [2], 'the standby tells of it')
  s1.ping({ role: 'primary', view: 2 })
  const late = a.lockServer('s3', 2)
  t.same([s1.isClosed, late.isClosed], [false, false])
  story.away = false
  story.tick()
  t.same([a.isActive, a.core.unready], [true, null])
  t.ok(s1.views.includes(2))
  t.end()
})

t.test('E2: nor is the first view of all', t => {
  const story = new SeatStory()
  const [a, b] = [story.seat('a'), story.seat('b')]
  const other = b.lockServer('s1')
  const s1 = a.lockServer('s1').ping()
  story.doneUnknown = true
  while (story.record?.record.record === 1) story.tick()
  b.input({ is: 'changed' })
  t.same([story.viewRecord.view.number, other.views], [1, [1]], 'the standby tells of it')
  const late = a.lockServer('s2', 1)
  t.notOk(late.isClosed)
  story.away = false
  story.tick()
  t.same([a.isActive, a.core.status({ monotonic: story.now }).halted, s1.views], [true, null, [1]])
  t.end()
})

t.test('E2: a term begins with what the store held after the mark was taken', t => {
  const { story, a, b } = two()
  const record = story.viewRecord
  a.state = 'frozen'
  story.mark = null
  story.held = []
  story.tick(6)
  story.release('read mark')
  story.release('take mark')
  // Meanwhile the store went away, so that what is known is still the record from before.
  b.input({ is: 'not loaded', text: 'etcd is not reached' })
  t.notOk(b.isActive)
  story.record = { record: { ...record, record: record.record + 1, nonce: 'another' }, version: 'x' }
  story.held = null
  story.tick(2)
  t.ok(b.isActive)
  t.equal(b.core.record?.record, record.record + 1)
  t.end()
})

t.test('F19: one that halts while it takes the mark leaves it to others', t => {
  const { story, a, b } = two()
  a.state = 'frozen'
  story.mark = null
  story.held = []
  story.tick(6)
  story.release('read mark')
  story.release('load')
  story.record = null
  b.input({ is: 'changed' })
  story.release('load')
  t.match(b.core.unready, /the view record is gone/)
  t.ok(story.mark, 'it has asked for the mark before')
  story.release()
  t.equal(story.mark, null)
  t.notOk(b.isActive)
  t.end()
})

t.test('V5: at a standby, too, no server takes the id of another', t => {
  const { b, other } = two()
  const connection = b.accept()
  const from = {
    ...({ kind: 'lockserver', id: idOf('s1'), address: 'ws://elsewhere.test:1', role: 'idle' } as const),
    ...{ group: 0, view: 0, pid: 7, host: 'h', version: '0.1.0', journal: false, imprint: null },
  }
  b.input({ is: 'accepted', connection, cluster: null, from, owner: null, remote: '', principal: null })
  t.equal(b.closed.get(connection), 'WRONG_SERVER')
  t.notOk(other.isClosed)
  t.end()
})

// ---- E6

t.test(
  'E6: a view server that finds no record says what may be the case and waits; one that appears is taken',
  t => {
    const story = new SeatStory()
    const begun = story.record
    story.record = null
    const a = story.seat('a')
    const s1 = a.lockServer('s1').ping()
    story.tick(30)
    t.equal(story.record, null, 'it made none')
    t.match(a.core.unready, /there is no view record/)
    story.record = begun
    story.tick(12)
    s1.ping()
    t.match(a.core.record, { view: { number: 1 } })
    t.equal(a.core.record?.record, 2, 'the record after the first one')
    t.end()
  },
)

t.test(
  'E6: unattended, a cluster begins where no record was ever seen; where one is gone, none begins',
  t => {
    const story = new SeatStory()
    story.record = null
    story.founding = foundingOf({ cluster: clusterId })
    const a = story.seat('a')
    t.match(story.record, { record: { cluster: clusterId, pauseMs: ttlMaxMsDefault } })
    const s1 = a.lockServer('s1')
    for (let i = 0; i < 6; i++) {
      s1.ping()
      story.tick()
    }
    t.match(story.record, { record: { view: { number: 1, start: { pauseMs: ttlMaxMsDefault } } } })
    story.record = null
    a.input({ is: 'changed' })
    story.tick(30)
    t.equal(story.record, null)
    t.match(a.core.unready, /the view record is gone/)
    t.end()
  },
)

t.test('E6: one that would stop a new cluster is heard by a standby, too', t => {
  const story = new SeatStory()
  const [a, b] = [story.seat('a'), story.seat('b')]
  const stranger = b.lockServer('s9', 7, 'd'.repeat(32))
  t.equal(b.closed.get(stranger.connection), undefined, 'the standby knows no view yet')
  a.kill()
  story.tick(30)
  t.ok(b.isActive)
  t.match(b.core.unready, /ws:\/\/s9.test:1 knows view 7 of cluster d{32}/)
  t.end()
})

t.test(
  'E5: the status names all view servers that are known, and which one is active; from each of them',
  t => {
    const { story, a, b } = two()
    const c = story.seat('c')
    const asked = (seat: typeof a) => {
      const operator = seat.client().say(['status', 1])
      return (operator.told.at(-1) as ['status', 1, Status])[2]
    }
    const shown = (seat: typeof a) => asked(seat).viewServers.map(({ address, active }) => [address, active])
    const all = [
      [a.address, true],
      [b.address, false],
      [c.address, false],
    ]
    for (const seat of [a, b, c]) t.same(shown(seat), all, 'a standby passes the question on')
    t.match(asked(b), {
      servers: [{ version: '0.1.0' }],
      viewServers: [{ pid: 1, host: 'story', version: /./ }],
    })
    // Without an answer it says what it knows itself.
    a.state = 'frozen'
    const alone = b.core.status({ monotonic: story.now })
    t.match(alone.viewServers, [
      { address: b.address, active: false },
      { address: a.address, active: true, pid: 0, version: '' },
    ])
    t.end()
  },
)

t.test('F18: the active one says to whoever asks that the store is away', t => {
  const { story, a } = two()
  story.away = true
  story.tick(3)
  const operator = a.client().say(['status', 1])
  t.match(operator.told.at(-1), ['status', 1, { halted: /no view can be made now: etcd is not reached/ }])
  t.end()
})
