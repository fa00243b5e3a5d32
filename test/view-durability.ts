// D11 on the view core alone: which server learns of a change of durability when, what follows if its primary dies before it is
// acked, and why it is refused.

import t from 'tap'
import { changeView } from '../viewservice/durability.ts'
import { choiceOf } from '../viewservice/recovery.ts'
import { stepProblem } from '../viewservice/view.ts'
import type { Durability } from '../wire/messages.ts'
import { back, imprintOf, inStory, powerBack } from './fixtures/durable-view.ts'
import { ViewStory } from './fixtures/view-story.ts'

/** (s1,s2)#2, acked; both have a journal. */
function pair(durability: Durability) {
  const story = new ViewStory({ durability })
  const [s1, s2] = [
    story.server('s1').connect({ journal: true }).ping(),
    story.server('s2').connect({ journal: true }).ping(),
  ]
  s1.ping()
  s2.ping()
  s1.ack()
  return { story, s1, s2 }
}

/** An operator has asked for it, and the view is made; s1 has heard of it, and has not acked it. */
function asked(from: Durability, to: Durability) {
  const about = pair(from)
  const operator = about.story.client(null)
  operator.say(['durability', 7, to])
  return { ...about, operator }
}

for (const [from, to] of [
  ['memory', 'disk'],
  ['disk', 'memory'],
] as const) {
  t.test(`D11: from ${from} to ${to}: its primary alone hears of it, and all once it is acked`, async t => {
    const { story, s1, s2, operator } = asked(from, to)
    t.equal(story.view, '(s1,-)#3')
    t.match(story.record?.view, { durability: to, start: { choice: { durability: from, number: 2 } } })
    t.match(s1.view, { number: 3, durability: to })
    t.match([s2.view?.number, s2.role], [2, 'backup'], 'its copy stays')
    t.same(operator.views, [], 'so do clients')
    s2.cut().connect({ journal: true })
    t.match(s2.view, { number: 2, durability: from }, 'who asks again hears the same')
    s2.ping({ inSync: true })
    s1.fields = { acked: false }
    story.tick(3, s1, s2)
    t.equal(story.view, '(s1,-)#3', 'no other view comes before its ack')
    s1.fields = {}
    s1.ack()
    t.match(
      operator.told.find(([kind]) => kind === 'durability-done'),
      ['durability-done', 7, { number: 3, durability: to }],
    )
    t.equal(s2.view?.number, 3)
    s2.cut()
    const again = story.server('s2 again', s2.address).connect({ journal: true }).ping()
    story.tick(8, s1, again)
    t.equal(story.view, '(s1,s2 again)#4')
    t.equal(story.record?.view.durability, to, 'the next views keep it')
  })

  t.test(`D11: from ${from} to ${to}: the primary dies before the ack, and the change is off`, async t => {
    const { story, s1, s2, operator } = asked(from, to)
    s1.die()
    story.pingLimit(s2)
    t.equal(story.view, '(s2,-)#4', 'its backup goes on')
    t.equal(story.record?.view.durability, from)
    t.match(
      operator.told.find(([kind]) => kind === 'durability-refused'),
      ['durability-refused', 7, new RegExp(`view 4 is of durability ${from}`)],
    )
    s2.ack()
    t.ok(story.acked)
  })
}

t.test('D11: nothing is recovered from a view in memory, whatever older imprints there are', async t => {
  const { story, s1, s2 } = pair('memory')
  const later = powerBack(story, { durability: 'memory' })
  const [a, b] = [inStory(s1, later), inStory(s2, later)]
  const old = { view: 1, as: 'primary' } as const
  const one = later.server('one', a.address)
  one.imprint = imprintOf(a, old)
  one.connect({ journal: true }).ping()
  later.server('two', b.address).connect({ journal: true }).ping()
  later.tick(200, one)
  t.equal(later.view, '(s1,s2)#2')
  t.match(later.status, { recovery: null, halted: /no other server holds the state/ })
})

t.test('D11: a change to disk that all lost before its ack leaves nothing to recover', async t => {
  const { story, s1, s2 } = asked('memory', 'disk')
  const later = powerBack(story, { recoveryPatienceMs: 100 })
  const [a, b] = [inStory(s1, later), inStory(s2, later)]
  const one = back(a, { view: 3, as: 'primary' })
  const two = later.server('two', b.address).connect({ journal: true }).ping()
  later.tick(30, one, two)
  t.equal(later.view, '(s1,-)#3', 'its state was in memory')
  t.match(later.status, { recovery: null, halted: /no other server holds the state/ })
  later.client(null).say(['reset', 1, 0, 3, true])
  later.tick(1, one, two)
  const reset = later.saved.find(({ view }) => view.number === 4)?.view
  t.match(reset, { durability: 'memory', start: { choice: null } })
})

t.test('D11: a change to memory that all lost before its ack is recovered on disk', async t => {
  const { story, s1, s2 } = asked('disk', 'memory')
  const later = powerBack(story, { recoveryPatienceMs: 100 })
  const [a, b] = [inStory(s1, later), inStory(s2, later)]
  const one = back(a, { view: 2, as: 'primary', opNumber: 10 })
  const two = back(b, { view: 2, as: 'backup', told: true, opNumber: 11 })
  later.tick(3, one, two)
  const recovery = later.saved.find(({ view }) => view.number === 4)?.view
  t.match(recovery, { durability: 'disk', primary: { id: two.id } })
})

t.test('D11: imprints from before a time in memory are too old ever after', async t => {
  const { story, s1, s2 } = asked('disk', 'memory')
  s1.ack()
  const operator = story.client(null)
  operator.say(['durability', 1, 'disk'])
  t.equal(story.view, '(s1,-)#4')
  const later = powerBack(story, { recoveryPatienceMs: 100 })
  const [a, b] = [inStory(s1, later), inStory(s2, later)]
  const one = back(a, { view: 2, as: 'primary' })
  const two = back(b, { view: 2, as: 'backup', told: true })
  later.tick(30, one, two)
  t.equal(later.view, '(s1,-)#4')
})

t.test('D11: why it is refused, and what is done already', async t => {
  const refused = (story: ViewStory, to: Durability = 'disk') => {
    const operator = story.client(null)
    operator.say(['durability', 1, to])
    return operator.last?.[0] === 'durability-refused' ? operator.last[2] : operator.last?.[0]
  }
  t.match(refused(new ViewStory()), /there is no view yet/)
  const { story, s1, s2 } = pair('memory')
  t.equal(refused(story, 'memory'), 'durability-done')
  story.server('s3').connect({ journal: false }).ping()
  t.match(refused(story), /have no journal: [0-9a-f]+ at ws:\/\/s3\.test:1; start them again with --data/)
  const other = pair('memory')
  other.s1.ping({ low: true, acked: true })
  t.match(refused(other.story), /disk of the primary .* is nearly full/)
  s1.cut()
  t.match(refused(story), /is silent/)
  const alone = new ViewStory()
  const p = alone.server('p').connect({ journal: true }).ping({ acked: false })
  alone.server('q').connect({ journal: true }).ping()
  p.ping()
  alone.tick(1, p)
  t.match(refused(alone), /view 2 is not acked yet/)
  t.ok(s2)
})

t.test('D11: one change is made at a time, and who asks meanwhile is told', async t => {
  const { story, s1, operator } = asked('memory', 'disk')
  const other = story.client(null)
  other.say(['durability', 8, 'memory'])
  t.match(other.last, ['durability-refused', 8, /another change is under way/])
  s1.ack()
  t.match(
    operator.told.find(([kind]) => kind === 'durability-done'),
    ['durability-done', 7, { durability: 'disk' }],
  )
})

t.test('D11: no other step changes the durability', async t => {
  const { story } = pair('memory')
  const { record } = story
  if (record === null) throw new Error('there is a record')
  const change = changeView(0, choiceOf(record), 5, 'disk')
  t.equal(stepProblem(record, change, false), undefined)
  t.match(
    stepProblem(
      { ...record, acked: false },
      changeView(0, choiceOf({ ...record, acked: false }), 5, 'disk'),
      false,
    ),
    /acked view/,
  )
  const [primary, backup] = [record.view.backup, record.view.primary]
  if (primary === null) throw new Error('it has a backup')
  t.match(stepProblem(record, { ...change, primary }, false), /keeps the primary/)
  const next = { group: 0, number: 3, primary, backup: null, durability: 'disk', start: null } as const
  t.match(stepProblem(record, next, true), /only a change view/)
  t.equal(stepProblem(record, { ...next, durability: 'memory' }, true), undefined)
  t.match(
    stepProblem(record, { ...next, start: { tokenFloor: 1, pauseMs: 1, choice: null } }, true),
    /only a change view/,
  )
  t.ok(backup)
})
