// V6, on the view core alone: what is on the disk before any server learns of it, and how
// a view server starts with a record, or without one.

import t from 'tap'
import type { ViewHears } from '../viewservice/record.ts'
import { saidOn } from '../wire/effects.ts'
import { asksPerTurnMax, deadPings, pingIntervalMs, ttlMsDefault } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { imprintOf } from './fixtures/durable-view.ts'
import { alone, pair, recordOfPair, trio } from './fixtures/view-started.ts'
import { clusterId, ViewStory } from './fixtures/view-story.ts'

// ---- V6

t.test('V6: no peer learns of a view or an ack before it is durable', async t => {
  const story = new ViewStory()
  const client = story.client()
  story.holdSaves = true
  const [s1] = story.servers('s1')
  t.equal(story.view, 'none')
  t.same(client.views, [])
  t.equal(s1.view, null)
  t.equal(story.status.view, null)
  story.finishSave()
  t.same(client.views, ['(s1,-)#1'])
  t.equal(s1.view?.number, 1)
  s1.ping()
  t.notOk(story.status.acked)
  story.finishSave()
  t.ok(story.status.acked)
})

t.test('V6: nothing is decided while a record is being saved, and everything afterwards', async t => {
  const { story, s1, s2 } = trio()
  story.holdSaves = true
  s2.die()
  const saving = story.heldSave
  t.equal(saving?.view.number, 3)
  s1.ping({ unreachable: ['ws://s3.test:1'], acked: true })
  s1.ping({ leaving: true, acked: true })
  t.equal(story.heldSave, saving)
  t.equal(s1.view?.number, 2)
  story.finishSave()
  t.equal(story.view, '(s1,s3)#3')
})

t.test(
  'E6: servers that come before view 1 learn of which cluster it will be, and the view when it is made',
  async t => {
    const story = new ViewStory()
    const client = story.client()
    const [s1] = story.servers('s1')
    for (const { told } of [client, s1]) {
      t.match(told[0], [
        'welcome',
        { cluster: clusterId, view: null, pingLimitMs: deadPings * pingIntervalMs },
      ])
      t.match(
        told.find(([kind]) => kind === 'view'),
        ['view', { number: 1 }],
      )
    }
  },
)

t.test(
  'E6: view 1 waits for a full ping limit of listening, and grants nothing for the longest ttl',
  async t => {
    const story = new ViewStory({ pauseMs: 60_000 })
    const [s1] = story.servers('s1')
    story.tick(deadPings - 1, s1)
    t.equal(story.view, 'none')
    story.tick(1, s1)
    t.equal(story.view, '(s1,-)#1')
    t.match(s1.view?.start, { pauseMs: 60_000 })
    t.equal(story.record?.longestTtlMs, 60_000, 'a reset meanwhile waits as long')
    const told = new ViewStory()
    told.servers('s1')
    t.equal(told.view, '(s1,-)#1', 'at once, if no server has run before')
    t.equal(told.record?.view.start?.pauseMs, 0)
  },
)

t.test(
  'E6: a primary, a backup, a journal or a server that knows a view of another cluster stops a new one',
  async t => {
    const cluster = 'd'.repeat(32)
    const journal = { ...imprintOf(new ViewStory().server('s9')), cluster, view: 3 }
    for (const hello of [
      { role: 'primary', view: 3 },
      { role: 'backup', view: 3 },
      { role: 'idle', view: 3 },
      { role: 'idle', view: 3, imprint: journal },
    ] as const) {
      const story = new ViewStory({ pauseMs: 60_000 })
      const [s1] = story.servers('s1')
      const s2 = story.server('s2')
      if ('imprint' in hello) s2.imprint = hello.imprint
      s2.connect({ role: hello.role, view: hello.view, cluster })
      t.equal(s2.refusal, 'WRONG_CLUSTER')
      story.tick(20, s1)
      t.equal(story.view, 'none')
      t.match(story.status.halted, /ws:\/\/s2.test:1 knows view 3 of cluster d{32}.*holdfast adopt/)
      t.match(story.core.unready, /knows view 3/)
      t.ok(story.notes.some(note => note.level === 'error'))
    }
  },
)

t.test(
  'E6: until view 1 is acked a server of another cluster stops it, and no other server learns of it',
  async t => {
    const story = new ViewStory()
    const [s1] = story.servers('s1')
    t.equal(story.view, '(s1,-)#1')
    t.notOk(story.acked)
    const stranger = { cluster: 'd'.repeat(32), view: 3, role: 'primary' } as const
    t.equal(story.server('s2').connect(stranger).refusal, 'WRONG_CLUSTER')
    s1.ack()
    t.notOk(story.acked)
    const late = story.client()
    t.match(late.told[0], ['welcome', { view: null }])
  },
)

t.test(
  'E6: once view 1 is acked a server of another cluster is refused by name, and stops nothing',
  async t => {
    const { story, s1 } = alone()
    const stranger = { cluster: 'd'.repeat(32), view: 3, role: 'primary' } as const
    const s2 = story.server('s2').connect(stranger)
    t.equal(s2.refusal, 'WRONG_CLUSTER')
    t.match(story.closed.get(s2.connection)?.text, /d{32}.*c{32}/)
    story.servers('s3')
    s1.ping()
    t.equal(story.view, '(s1,s3)#2')
    t.equal(story.status.halted, null)
  },
)

t.test('V6: a hello or a ping from a newer view than the record halts it for good', async t => {
  const { story, s1, s2 } = pair()
  const newer = story.server('s3').connect({ view: 3, cluster: clusterId })
  t.equal(newer.refusal, 'VIEW_FROM_FUTURE')
  s1.die()
  t.same(s2.questions, [])
  story.tick(10, s2)
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.status.survives, 0)

  const other = pair()
  other.s1.ping({ view: 3 })
  t.equal(other.s1.refusal, 'VIEW_FROM_FUTURE')
  t.match(other.story.status.halted, /ends at 2/)
  const client = other.story.client().say(['reset', 1, 0, 2, true])
  t.match(client.last, ['reset-refused', 1, /ends at 2/])
})

t.test(
  'V6: a view to come is hearsay from a peer that names no cluster and was not found at its address',
  async t => {
    const { story, s1, s2 } = pair()
    const nameless = story.server('s8').connect({ view: 99 })
    t.equal(nameless.refusal, 'VIEW_FROM_FUTURE')
    const unfound = story.server('s9').sayHello()
    t.equal(unfound.refusal, undefined)
    t.equal(unfound.ping({ view: 99 }).refusal, 'VIEW_FROM_FUTURE')
    t.equal(story.status.halted, null)
    s1.die()
    story.tick(1, s2)
    s2.answer()
    t.equal(story.view, '(s2,-)#3', 'views go on')
    const without = new ViewStory()
    t.equal(without.server('s1').connect({ view: 4, role: 'primary' }).refusal, 'VIEW_FROM_FUTURE')
    t.equal(without.status.halted, null)
    without.server('s1').connect({ view: 4, role: 'primary', cluster: clusterId })
    t.match(without.status.halted, /ends at 0/, 'the same server, once it says of which cluster')
  },
)

t.test(
  'F13: a peer that asks for hundreds of statuses at a time is cut; one that asks one by one is not',
  async t => {
    const { story } = pair()
    const ask = (number: number): Message => ['status', number]
    const patient = story.client()
    for (let i = 0; i < 3 * asksPerTurnMax; i++) patient.say(['status', i])
    t.equal(patient.told.filter(message => message[0] === 'status').length, 3 * asksPerTurnMax)
    const hasty = story.client()
    const messages = Array.from({ length: 3 * asksPerTurnMax }, (_, i) => ask(i))
    story.input({ is: 'messages', connection: hasty.connection, messages: saidOn<ViewHears>(messages) })
    t.equal(hasty.refusal, 'UNEXPECTED_MESSAGE')
    t.equal(hasty.told.filter(message => message[0] === 'status').length, asksPerTurnMax)
  },
)

t.test('V6: servers and clients of another cluster are refused and halt nothing', async t => {
  const { story, s1, s2 } = pair()
  const stranger = story.server('s9').connect({ cluster: 'd'.repeat(32), view: 99, role: 'primary' })
  t.equal(stranger.refusal, 'WRONG_CLUSTER')
  t.match(story.closed.get(stranger.connection)?.text, /d{32}.*c{32}/)
  t.equal(story.client('d'.repeat(32)).refusal, 'WRONG_CLUSTER')
  t.equal(story.client(clusterId).refusal, undefined)
  t.equal(new ViewStory().client('d'.repeat(32)).refusal, 'WRONG_CLUSTER', 'also without a record')
  t.equal(story.status.halted, null)
  story.tick(3, s1, s2)
})

t.test(
  'V6: a view server continues with its record; servers that it names and does not hear count as dead',
  async t => {
    const story = new ViewStory({ record: recordOfPair() })
    t.equal(story.view, '(s1,s2)#2')
    story.server('s1')
    const s2 = story.server('s2').connect({ cluster: clusterId, view: 2, role: 'backup' })
    story.tick(20)
    t.same(s2.questions, [], 'nobody heard, nobody dead')
    story.tick(deadPings - 1, s2)
    t.same(s2.questions, [])
    story.tick(1, s2)
    s2.answer()
    t.equal(story.view, '(s2,-)#3')
    t.equal(story.saved[0]?.record, 5, 'the next record number')
  },
)

t.test('V6: a dead backup of a loaded record does not hang the service', async t => {
  const story = new ViewStory({ record: recordOfPair() })
  const s1 = story.server('s1').connect({ cluster: clusterId, view: 2, role: 'primary' })
  story.server('s2')
  const s3 = story.server('s3').connect().ping()
  t.equal(story.view, '(s1,s2)#2')
  story.tick(deadPings, s1, s3)
  t.equal(story.view, '(s1,s3)#3')
})

t.test('V6: the ids that a record names count without being dialled', async t => {
  const story = new ViewStory({ record: recordOfPair(false) })
  const s1 = story.server('s1').connect({ view: 2, role: 'primary' })
  t.same(story.dialled, [])
  s1.ack()
  t.ok(story.acked)
})

t.test('V6: news of a save that was not asked for ends the process', async t => {
  const story = new ViewStory()
  t.throws(() => story.input({ is: 'saved' }), /V6/)
})

// ---- L2, and the record's other contents

t.test('L2: the record is rewritten before it lags behind the tokens by 2^31', async t => {
  const { story, s1 } = alone()
  const token = 1_700_000_000_000_000
  s1.fields = { token }
  s1.ping()
  t.equal(story.record?.highestToken, token)
  const saves = story.saved.length
  s1.ping({ token: token + 2 ** 30 })
  t.equal(story.saved.length, saves, 'not for every token')
  s1.ping({ token: token + 2 ** 30 + 1 })
  t.equal(story.record?.highestToken, token + 2 ** 30 + 1)
  t.ok(story.acked, 'the view and its ack stay')
})

t.test(
  'L2: tokens and ttls are believed only of the view, and only so far that a reset stays possible',
  async t => {
    const { story, s1 } = alone()
    const [s2, liar] = story.servers('s2', 'liar')
    const poison = { token: Number.MAX_SAFE_INTEGER, ttlMs: 600_000 }
    t.equal(story.view, '(s1,s2)#2')
    const before = story.record
    liar.ping(poison)
    t.same(story.record, before, 'an idle server has granted nothing')
    for (const server of [s1, s2]) server.ping(poison)
    t.ok((story.record?.highestToken as number) < 2 ** 53 - 1000 * 2 ** 32, 'a thousand resets are left')
    t.equal(story.record?.longestTtlMs, 600_000)
  },
)

t.test('F14: a longer ttl is confirmed only when the record holds it', async t => {
  const { story, s1 } = alone()
  const longest = () => s1.told.findLast(([kind]) => kind === 'pong')?.[3]
  t.equal(longest(), ttlMsDefault)
  story.holdSaves = true
  s1.fields = { ttlMs: 60_000 }
  s1.ping()
  s1.ping()
  t.equal(longest(), ttlMsDefault)
  story.finishSave()
  s1.ping()
  t.equal(longest(), 60_000)
  s1.fields = {}
  s1.ping()
  t.equal(longest(), 60_000, 'it never shrinks')
})
