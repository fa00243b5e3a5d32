// V1 to V4, on the view core alone: which view may follow which, when a backup is promoted,
// what counts as the ack. Each thing that must not happen has its counterpart that must.

import t from 'tap'
import { firstView, nextView, stepProblem } from '../viewservice/view.ts'
import type { View } from '../wire/messages.ts'
import { alone, pair, place, recordOfPair, trio } from './fixtures/view-started.ts'
import { idOf, ViewStory } from './fixtures/view-story.ts'

// ---- V1, V2

t.test('V1: view numbers grow by one through any mixture of deaths and returns', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.die()
  s2.answer()
  s2.ack()
  s3.die()
  s2.ack()
  const [s4] = story.servers('s4')
  s2.ack()
  s2.die()
  s4.answer()
  t.same(
    story.saved.map(record => record.view.number).filter((n, i, all) => n !== all[i - 1]),
    [1, 2, 3, 4, 5, 6],
  )
  t.equal(story.view, '(s4,-)#6')
  t.same(
    story.saved.map(record => record.record),
    story.saved.map((_, i) => i + 2),
    'record numbers too',
  )
})

t.test('V2: an idle server is never made primary, whoever dies', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.die()
  s2.die()
  story.tick(20, s3)
  t.equal(story.view, '(s1,s2)#2')
  t.match(story.core.unready, /is dead and no other server holds the state/)
})

t.test('V2: a lone primary that dies has no successor, and comes back as primary', async t => {
  const { story, s1 } = alone()
  const [s2] = story.servers('s2')
  t.equal(story.view, '(s1,s2)#2')
  s2.die()
  t.equal(story.view, '(s1,-)#3')
  s1.ping()
  s1.die()
  const [s3] = story.servers('s3')
  story.tick(10, s3)
  t.equal(story.view, '(s1,-)#3')
  s1.connect().ping()
  t.equal(story.view, '(s1,s3)#4', 'something good: the guess was wrong, and did no harm')
})

t.test('V1 V2 V3 V7: a broken step is named, so that the server can end itself', async t => {
  const before = { view: recordOfPair().view, acked: true, lastAcked: 2 }
  const next = (fields: Partial<View>): View => ({ ...before.view, number: 3, backup: null, ...fields })
  const unacked = { ...before, acked: false, lastAcked: 1 }
  const lone = { ...unacked, view: { ...before.view, backup: null } }
  const first = { view: firstView(place('s1'), 'memory'), acked: false, lastAcked: 0 }
  const start = { tokenFloor: 0, pauseMs: 0, choice: null }
  t.match(stepProblem(before, next({ number: 4 }), true), /^V1/)
  t.match(stepProblem(before, next({ primary: place('s3') }), true), /^V2/)
  t.match(stepProblem(before, next({ backup: place('s1') }), true), /^V2/)
  t.match(stepProblem(before, next({ primary: place('s2') }), false), /^V3/)
  t.match(stepProblem(unacked, next({ primary: place('s2') }), true), /^V3/)
  t.match(stepProblem(lone, next({ backup: place('s2') }), true), /^V3/)
  t.match(stepProblem(first, { ...next({ backup: place('s2') }), number: 2 }, true), /^V3/)
  t.match(stepProblem(before, next({ start, backup: place('s2') }), true), /^V3/)
  t.match(stepProblem(null, { ...next({}), number: 1 }, true), /^V3/)
  t.match(stepProblem(before, next({ backup: place('s2') }), true), /^V7/)
  t.match(
    stepProblem(before, next({ start: { tokenFloor: 2 ** 53, pauseMs: 0, choice: null } }), true),
    /^L2/,
  )
  t.equal(stepProblem(before, next({ primary: place('s2') }), true), undefined)
  t.equal(stepProblem(unacked, next({}), false), undefined)
  t.equal(stepProblem(before, next({ primary: place('s3'), start }), false), undefined)
})

// ---- V3

t.test('V3: a backup that does not answer is not promoted; one that answers is', async t => {
  const { story, s1, s2 } = pair()
  s1.die()
  s2.ping()
  story.tick(3, s2)
  t.equal(story.view, '(s1,s2)#2', 'its pings may be older than its death')
  t.equal(s2.questions.length, 4, 'asked at once, and again each tick')
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: an answer to an older question shows nothing', async t => {
  const { story, s1, s2 } = pair()
  story.network.set(s1.address, 'silent')
  story.pingLimit(s2)
  const [first] = s2.questions
  s1.ping() // alive again: the question is withdrawn
  story.tick(1, s1, s2)
  story.pingLimit(s2)
  t.not(s2.questions.at(-1), first)
  s2.say(['answer', first as number, { group: 0, view: 2, role: 'backup', inSync: true }])
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: a primary that is heard before the answer stays primary', async t => {
  const { story, s1, s2 } = pair()
  story.pingLimit(s2)
  t.equal(s2.questions.length, 1)
  s1.ping()
  s2.answer()
  t.equal(story.view, '(s1,s2)#2')
  story.pingLimit(s1, s2)
  t.equal(s2.questions.length, 1, 'and nobody asks any more')
})

t.test('V3: an answer from another view, in another role or from another server shows nothing', async t => {
  const { story, s1, s2, s3 } = trio()
  s1.die()
  const number = s2.questions.at(-1) as number
  s2.answer({ view: 1 })
  s2.answer({ role: 'idle' })
  s3.say(['answer', number, { group: 0, view: 2, role: 'backup', inSync: true }])
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,s3)#3')
})

t.test('V3: the question goes out again on a new connection of the backup', async t => {
  const { story, s1, s2 } = pair()
  s1.die()
  s2.cut()
  s2.connect()
  t.equal(s2.questions.length, 1)
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: the backup of an unacked view is not promoted, unless it knows that it is in sync', async t => {
  for (const inSync of [false, true]) {
    const story = new ViewStory()
    const [s1, s2] = story.servers('s1', 's2')
    s1.ping()
    t.equal(story.view, '(s1,s2)#2')
    s1.die()
    s2.answer({ inSync })
    t.equal(story.view, inSync ? '(s2,-)#3' : '(s1,s2)#2')
  }
})

t.test('V3: while a view is unacked its backup may be dropped or replaced, and nothing else', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s2.die()
  t.equal(story.view, '(s1,-)#3', 'dropped')
  const [s3] = story.servers('s3')
  t.equal(story.view, '(s1,-)#3', 'none added before the ack')
  s1.ping()
  t.equal(story.view, '(s1,s3)#4')
  story.servers('s4')
  s3.die()
  t.equal(story.view, '(s1,s4)#5', 'replaced')
})

t.test('V3: view 1 must be acked before any other is made', async t => {
  const story = new ViewStory()
  const [s1] = story.servers('s1', 's2')
  t.same(story.record?.view.start, { tokenFloor: 0, pauseMs: 0, choice: null })
  story.tick(10)
  s1.ping({ role: 'idle', acked: false, view: 0 })
  t.equal(story.view, '(s1,-)#1', 'a backup would let it learn view 2 first and have no state')
  s1.ping()
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.record?.view.start, null)
})

t.test('V3: a leaving primary is relieved once its backup has answered', async t => {
  const { story, s1, s2 } = trio()
  s1.ping({ acked: true, leaving: true })
  t.equal(story.view, '(s1,s2)#2')
  s1.ping({ acked: true, leaving: true })
  t.same(s2.questions.length, 1, 'being heard does not withdraw this question')
  s2.answer()
  t.equal(story.view, '(s2,s3)#3', 'the leaving one is not chosen')
})

t.test('V3: the answer about a leaving primary does not count when it is found dead later', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping({ leaving: true })
  t.equal(story.view, '(s1,s2)#2')
  s1.ping({ leaving: true, acked: false })
  const [first] = s2.questions
  s2.answer({ inSync: false })
  s1.die()
  s2.say(['answer', first as number, { group: 0, view: 2, role: 'backup', inSync: true }])
  t.equal(story.view, '(s1,s2)#2')
  s2.answer()
  t.equal(story.view, '(s2,-)#3')
})

t.test('V3: an answer is void once the primary was heard, also during a save', async t => {
  const { story, s1, s2 } = trio()
  s1.die()
  story.holdSaves = true
  s2.ping({ token: 2 ** 40 })
  t.ok(story.heldSave)
  s2.answer()
  s1.connect().ping()
  s1.die()
  story.finishSave()
  t.equal(story.view, '(s1,s2)#2')
  t.equal(story.heldSave, null)
  s2.answer()
  story.finishSave()
  t.equal(story.view, '(s2,s3)#3')
})

t.test('V3: no answer makes up for a missing ack', async t => {
  const { view } = recordOfPair()
  const now = {
    primary: 'dead',
    primaryHeard: false,
    backup: 'well',
    backupAnswered: true,
    idle: null,
    idleInReach: null,
  } as const
  t.equal(nextView(view, false, now), undefined)
  t.equal(nextView(view, true, now)?.primary.id, idOf('s2'))
})

// ---- V4

t.test('V4: the ping of a backup that knows that it is in sync counts as the ack', async t => {
  const story = new ViewStory()
  const [s1, s2] = story.servers('s1', 's2')
  s1.ping()
  s2.ping({ inSync: true, view: 1 })
  t.notOk(story.acked, 'not for another view')
  s2.ping({ inSync: true, role: 'idle' })
  t.notOk(story.acked, 'not in another role')
  s2.ping({ inSync: true })
  t.ok(story.acked)
})

t.test(
  "V4: only the primary's word for this very view acks; the flag starts again with each view",
  async t => {
    const { story, s1, s2, s3 } = trio()
    t.ok(story.acked)
    s1.die()
    s2.answer()
    t.equal(story.view, '(s2,s3)#3')
    t.notOk(story.acked)
    s2.ping({ role: 'backup', view: 2, acked: true })
    s3.ping({ acked: true })
    t.notOk(story.acked)
    s2.ack()
    t.ok(story.acked)
  },
)

t.test(
  'V4: the backup of an acked view that says it is not in sync is not promoted, and an operator hears of it',
  async t => {
    const { story, s1, s2 } = pair()
    s1.die()
    s2.answer({ inSync: false })
    t.equal(story.view, '(s1,s2)#2')
    t.ok(story.notes.some(note => note.level === 'error' && /not in sync/.test(note.text)))
  },
)
