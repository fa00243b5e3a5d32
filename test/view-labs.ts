// The view service scenarios of the public labs (MIT's MV, UW's MD), on a simulated clock. Where
// our rules differ, ours hold: an idle server reports its state instead of pinging 0, a restarted
// server has a new id, the view server asks a backup before it promotes it (V3), and the primary
// acks when the backup is in sync (V4), with an explicit message and not by pinging a view number.

import t from 'tap'
import { deadPings } from '../wire/limits.ts'
import { ViewStory } from './fixtures/view-story.ts'

/** (s1,s2)#2, acked, both alive. */
function pair() {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s1.ack()
  story.tick()
  return { story, s1, s2 }
}

/** One round of each lab's loops: the living servers have pinged, and a tick has passed. */
const rounds = 2 * deadPings

t.test('MV0: no primary before any server has pinged', async t => {
  const story = new ViewStory()
  story.tick(rounds)
  t.equal(story.view, 'none')
  t.equal(story.core.unready, 'there is no view yet: no idle lock server has been found')
})

t.test('MV1: the first server becomes primary of view 1', async t => {
  const story = new ViewStory()
  story.servers('s1')
  t.equal(story.view, '(s1,-)#1')
})

t.test('MV2: the next server becomes backup', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1')
  const s2 = story.server('s2').connect()
  s1.ping()
  s2.ping()
  t.equal(story.view, '(s1,s2)#2')
})

t.test('MV3: the backup takes over from a primary that falls silent', async t => {
  const { story, s2 } = pair()
  story.tick(deadPings - 1, s2)
  t.equal(story.view, '(s1,s2)#2')
  story.tick(1, s2)
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('MV4: a restarted server becomes backup, as a new server', async t => {
  const { story, s1, s2 } = pair()
  s1.die()
  s2.answer()
  s2.ping()
  t.equal(story.view, '(s2,-)#3')
  story.server('s1 again', s1.address).connect().ping()
  t.equal(story.view, '(s2,s1 again)#4')
})

t.test('MV5: an idle third server becomes backup in the view of the promotion', async t => {
  const { story, s2 } = pair()
  const s3 = story.server('s3').connect().ping()
  story.pingLimit(s2, s3)
  s2.answer()
  t.equal(story.view, '(s2,s3)#3')
  t.same(story.history, ['(s1,-)#1', '(s1,s2)#2', '(s2,s3)#3'], 'no view without backup between')
})

t.test('MV6: a restarted primary counts as dead, though its address pings on', async t => {
  const { story, s1, s2 } = pair()
  s1.cut()
  const again = story.server('s1 again', s1.address).connect().ping()
  s2.answer()
  t.equal(story.view, '(s2,s1 again)#3')
  t.equal(again.role, 'backup')
})

t.test('MV7: a dead backup is removed', async t => {
  const { story, s1 } = pair()
  story.pingLimit(s1)
  t.equal(story.view, '(s1,-)#3')
})

t.test("MV8: without the primary's ack the view server waits", async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  t.equal(story.view, '(s1,s2)#2')
  story.tick(rounds, s1, s2)
  t.equal(story.view, '(s1,s2)#2')
  story.tick(rounds, s2)
  s2.answer({ inSync: false })
  story.tick(rounds, s2)
  t.equal(story.view, '(s1,s2)#2', 'the backup has no state, and the primary is silent')
  s1.ack()
  t.ok(story.acked, 'something good: the primary was only slow')
})

t.test('MV9: a server without state never becomes primary', async t => {
  const { story, s1, s2 } = pair()
  const s3 = story.server('s3').connect()
  story.tick(rounds, s1, s2, s3)
  s1.die()
  s2.die()
  story.tick(rounds, s3)
  t.equal(story.view, '(s1,s2)#2')
  t.match(story.status.halted, /is dead and no other server holds the state/)
})

t.test('MD1: at the start there is no view', async t => {
  const client = new ViewStory().client()
  t.match(client.told, [['welcome', { view: null, acked: false }]])
})

t.test('MD2: the first ping makes view 1', async t => {
  const story = new ViewStory()
  story.server('s1').connect().ping()
  t.equal(story.view, '(s1,-)#1')
})

t.test('MD3: the first backup comes in at once', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1')
  s1.ping()
  story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
})

t.test("MD4: a backup that pings before the primary's ack comes in with the ack", async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1', 's2')
  t.equal(story.view, '(s1,-)#1')
  s1.ping()
  t.equal(story.view, '(s1,s2)#2')
})

t.test('MD5: the backup takes over after the last missed ping, not after one less', async t => {
  const { story, s2 } = pair()
  story.tick(deadPings - 1, s2)
  s2.ping()
  t.equal(story.view, '(s1,s2)#2')
  t.same(s2.questions, [])
  story.tick()
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('MD6: the old primary becomes backup when it has given its state up', async t => {
  const { story, s1, s2 } = pair()
  story.pingLimit(s2)
  s2.answer()
  s2.ping()
  t.equal(story.view, '(s2,-)#3')
  s1.ping({ role: 'primary', view: 2 })
  t.equal(story.view, '(s2,-)#3', 'it thinks that it is primary, so it is not chosen')
  s1.cut()
  story.server('s1 again', s1.address).connect().ping()
  t.equal(story.view, '(s2,s1 again)#4')
})

t.test('MD7: promotion and new backup are one view', async t => {
  const { story, s1, s2 } = pair()
  const s3 = story.server('s3').connect().ping()
  s1.die()
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,s3)#3')
  t.equal(s3.role, 'backup')
})

t.test('MD8: a view is acked by its primary; pings of a backup that is not in sync are no acks', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  t.equal(story.view, '(s1,-)#1')
  s1.ping()
  s2.ping()
  story.tick(rounds, s2)
  t.notOk(story.acked)
  t.equal(story.view, '(s1,s2)#2')
})

t.test('MD9: a dead backup is removed at the ping limit', async t => {
  const { story, s1 } = pair()
  story.tick(deadPings - 1, s1)
  t.equal(story.view, '(s1,s2)#2')
  story.tick(1, s1)
  t.equal(story.view, '(s1,-)#3')
})

t.test('MD10: a backup without state is not promoted', async t => {
  const { story, s1, s2 } = pair()
  const s3 = story.server('s3').connect().ping()
  s1.die()
  s2.answer()
  t.equal(story.view, '(s2,s3)#3')
  story.pingLimit(s3)
  s3.answer({ inSync: false })
  t.equal(story.view, '(s2,s3)#3')
  t.notOk(story.acked)
})

t.test('MD11: a dead idle server is not made backup', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1', 's2')
  for (let i = 0; i <= deadPings; i++) {
    s1.ping({ acked: false })
    story.tick()
  }
  t.equal(story.view, '(s1,-)#1')
  s1.ping()
  t.ok(story.acked)
  t.equal(story.view, '(s1,-)#1')
})

t.test('MD12: views that follow each other differ; without a change there is none', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1')
  for (let i = 0; i < rounds; i++) {
    s1.ping({ acked: false })
    story.tick()
  }
  story.tick(rounds)
  t.equal(story.view, '(s1,-)#1', 'alone and unacked')
  story.tick(rounds, s1)
  story.tick(rounds)
  t.equal(story.view, '(s1,-)#1', 'alone and acked')
  const [s2] = story.servers('s2')
  t.equal(story.view, '(s1,s2)#2', 'at once, though the primary was not heard lately')
  s1.ack()
  story.tick(rounds, s1, s2)
  t.equal(story.view, '(s1,s2)#2', 'both alive')
  story.tick(rounds)
  t.equal(story.view, '(s1,s2)#2', 'nobody heard: nobody dead')
})
