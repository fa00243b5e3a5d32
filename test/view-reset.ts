// F14, on the view core alone: when an operator's reset goes through; and what the view server reports of it.

import t from 'tap'
import { deadPings } from '../wire/limits.ts'
import { alone, recordOfPair, trio } from './fixtures/view-started.ts'
import { clusterId, ViewStory } from './fixtures/view-story.ts'

// ---- reset

t.test('F14: a reset goes through when the last primary is gone, and starts empty', async t => {
  const { story, s1 } = alone()
  s1.ping({ token: 1_000_000, ttlMs: 30_000 })
  const [s2] = story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
  s2.die()
  s1.ping()
  t.equal(story.view, '(s1,-)#3')
  const [s3] = story.servers('s3')
  s3.die()
  s1.ping()
  s1.die()
  t.equal(story.view, '(s1,-)#5')
  story.servers('s4')
  t.match(story.status.halted, /holdfast reset/)
  const client = story.client()
  client.say(['reset', 7, 0, 5, false])
  t.equal(story.view, '(s4,-)#6')
  t.match(client.last, ['reset-done', 7, { number: 6 }])
  t.same(story.record?.view.start, { tokenFloor: 1_000_000 + 2 ** 32, pauseMs: 30_000, choice: null })
  t.equal(story.record?.highestToken, 1_000_000 + 2 ** 32)
  t.notOk(story.acked)
  client.say(['reset', 8, 0, 5, false])
  t.match(client.last, ['reset-done', 8, { number: 6 }], 'a repeat does nothing')
  t.equal(story.view, '(s4,-)#6')
})

t.test(
  'L2, F14: of two resets the second one begins above the first, though no token was given between',
  async t => {
    const { story, s1 } = alone()
    s1.ping({ token: 1_000_000 })
    s1.die()
    const [s2] = story.servers('s2')
    story.client().say(['reset', 1, 0, story.record?.view.number ?? 0, false])
    const first = story.record?.view.start?.tokenFloor ?? 0
    t.equal(first, 1_000_000 + 2 ** 32)
    s2.ping()
    t.ok(story.acked)
    s2.die()
    story.servers('s3')
    story.client().say(['reset', 2, 0, story.record?.view.number ?? 0, false])
    t.equal(story.record?.view.start?.tokenFloor, first + 2 ** 32)
  },
)

t.test('F14: a restarted primary, which is empty, may be the one that starts', async t => {
  const { story, s1 } = alone()
  s1.cut()
  const again = story.server('s1 again', s1.address).connect().ping()
  t.equal(story.view, '(s1,-)#1')
  const client = story.client().say(['reset', 1, 0, 1, false])
  t.equal(story.view, '(s1 again,-)#2')
  t.match(client.last, ['reset-done', 1, { number: 2 }])
  again.ping()
  t.ok(story.acked)
})

t.test('F14: silence is no proof: an unforced reset is refused and names possible survivors', async t => {
  for (const found of ['silent', 'cut', 'own'] as const) {
    const { story, s1 } = alone()
    const [s2] = story.servers('s2')
    t.equal(story.view, '(s1,s2)#2')
    const [s3] = story.servers('s3')
    story.network.set(s1.address, found === 'own' ? { id: s1.id } : found)
    s1.cut()
    story.tick(deadPings + 1, s2, s3)
    s2.die()
    const client = story.client().say(['reset', 1, 0, 2, false])
    story.tick(deadPings, s3)
    t.match(client.last, ['reset-refused', 1, new RegExp(`${s1.id}.*--force`)])
    t.equal(story.view, '(s1,s2)#2')
    client.say(['reset', 2, 0, 2, true])
    t.equal(story.view, '(s3,-)#3', 'something good: forced it goes through')
  }
})

t.test('F14: in an acked view the backup must be gone too', async t => {
  const { story, s1, s2, s3 } = trio()
  story.network.set(s2.address, 'silent')
  s2.cut()
  s1.die()
  const client = story.client().say(['reset', 1, 0, 2, false])
  t.equal(client.last?.[0], 'welcome', 'it waits')
  story.tick(deadPings, s3)
  t.match(client.last, ['reset-refused', 1, new RegExp(s2.id)])
  story.network.set(s2.address, 'refuses')
  client.say(['reset', 2, 0, 2, false])
  t.equal(story.view, '(s3,-)#3')
})

t.test('F14: when the view is acked while its primary is asked after, the backup is asked too', async t => {
  const { story, s1 } = alone()
  const [s2] = story.servers('s2')
  const [s3] = story.servers('s3')
  t.equal(story.view, '(s1,s2)#2')
  story.network.set(s1.address, 'silent')
  const client = story.client().say(['reset', 1, 0, 2, false])
  const asked = -story.dialled.length
  t.notOk(story.acked)
  s2.ping({ inSync: true })
  t.ok(story.acked)
  story.input({ is: 'closed', connection: asked, refused: true })
  story.network.set(s1.address, 'refuses')
  story.tick(2, s2, s3)
  t.match(client.last, ['reset-refused', 1, new RegExp(s2.id)])
  t.not(story.view, '(s3,-)#3')
})

t.test('F14: a reset without an idle server, of a view to come, or beside another is refused', async t => {
  const { story, s1 } = alone()
  story.network.set(s1.address, 'silent')
  s1.cut()
  const client = story.client()
  client.say(['reset', 1, 0, 1, true])
  t.match(client.last, ['reset-refused', 1, /no idle lock server/])
  client.say(['reset', 2, 0, 2, true])
  t.match(client.last, ['reset-refused', 2, /the view is 1, not 2/])
  story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
  story.servers('s3')
  client.say(['reset', 3, 0, 2, false])
  const second = story.client().say(['reset', 1, 0, 2, true])
  t.match(second.last, ['reset-refused', 1, /another reset/])
  story.input({ is: 'closed', connection: client.connection, refused: false })
  second.say(['reset', 2, 0, 2, true])
  t.match(second.last, ['reset-done', 2, { number: 3 }], 'who asked first is gone')
  t.equal(story.view, '(s3,-)#3')
  t.match(new ViewStory().client().say(['reset', 1, 0, 1, true]).last, ['reset-refused', 1, /no view yet/])
})

t.test('F14: the view of a reset must be acked before any other is made', async t => {
  const { story, s1 } = alone()
  s1.die()
  const [s2, s3] = story.servers('s2', 's3')
  story.client().say(['reset', 1, 0, 1, false])
  t.equal(story.view, '(s2,-)#2')
  story.tick(10, s3)
  t.equal(story.view, '(s2,-)#2')
  s2.ping()
  t.equal(story.view, '(s2,s3)#3')
})

// ---- the reports of it

t.test('status: each server, what is survived, and echo', async t => {
  const { story, s1, s2, s3 } = trio()
  s2.ping({ opNumber: 5, lag: 2, copiedPart: 40 })
  story.now += 30
  const client = story.client(clusterId)
  client.say(['status', 4])
  const [, number, status] = client.last as ['status', number, typeof story.status]
  t.equal(number, 4)
  t.match(status, { cluster: clusterId, view: { number: 2 }, acked: true, survives: 1, halted: null, pid: 1 })
  t.match(status.servers, [
    { id: s1.id, role: 'primary', alive: true, inSync: false },
    { id: s2.id, role: 'backup', opNumber: 5, lag: 2, copiedPart: 40, pingAgeMs: 30, pid: 7, inSync: true },
    { id: s3.id, role: 'idle', view: 2 },
  ])
  s2.die()
  t.equal(story.status.survives, 0, 'the new backup is not in sync')
  t.equal(story.core.unready, null)
  s1.ack()
  t.equal(story.status.survives, 1)
  client.say(['echo', 9])
  t.same(client.last, ['echoed', 9])
})

t.test('status: a primary that is not heard is not ready', async t => {
  const story = new ViewStory({ record: recordOfPair() })
  t.match(story.core.unready, /the primary .* is silent/)
  t.equal(story.status.survives, 0)
})

t.test('a view is pushed to all servers and clients', async t => {
  const { story, s1, s2, s3 } = trio()
  const client = story.client()
  s1.die()
  s2.answer()
  t.same(client.views, ['(s2,s3)#3'])
  t.equal(s3.told.at(-1)?.[0], 'view')
  t.equal(s2.view?.number, 3)
})

t.test('L2: a reset that would need unsafe tokens is refused', async t => {
  const story = new ViewStory({ record: { ...recordOfPair(), highestToken: Number.MAX_SAFE_INTEGER } })
  story.servers('s3')
  const client = story.client().say(['reset', 1, 0, 2, true])
  t.match(client.last, ['reset-refused', 1, /tokens are used up/])
  t.equal(story.view, '(s1,s2)#2')
})
