// Classic bugs of primary/backup services in repeats, stored replies and late requests: a server
// with the bug would fail its story. The number is that of the bug in the catalogue of the labs.

import t from 'tap'
import type { Message } from '../wire/messages.ts'
import { ByHand } from './fixtures/by-hand.ts'
import { tokenOf, truth } from './fixtures/cluster.ts'
import { held, type Script } from './fixtures/lab-cluster.ts'
import { lab } from './fixtures/lab-in-service.ts'
import { openOf, resumeOf } from './fixtures/said.ts'

t.test('bugs 20, 22, 23: stored replies come with the snapshot, and answer repeats', async t => {
  const { story } = lab(1)
  const [me, s1] = [new ByHand(story, 'me'), story.primary]
  const id = 'a'.repeat(32)
  let connection = me.dial(s1.address)
  me.say(connection, [openOf(id, 1, 10_000, 'me')])
  const [granted] = me.say(connection, [['acquire', 1, ['a'], 'exclusive', 'ifAvailable', null]]) as [Message]
  const [unavailable] = me.say(connection, [['acquire', 2, ['a'], 'exclusive', 'ifAvailable', null]]) as [
    Message,
  ]
  const token = (granted[2] as number[])[0] as number
  const [released] = me.say(connection, [['release', 3, token]]) as [Message]
  const [nothing] = me.say(connection, [['release', 4, token]]) as [Message]
  t.same(
    [granted, unavailable, released, nothing],
    [
      ['granted', 1, [token], []],
      ['unavailable', 2],
      ['released', 3, true],
      ['released', 4, false],
    ],
  )
  story.addServer('S2')
  story.ready()
  story.primary.kill()
  story.until(() => story.view?.primary.address === 'ws://S2' && story.viewServer.acked, 'S2 takes over')
  const other = story.clerk('other')
  t.ok(other.lock('a'), 'another client acts on the lock in between')
  connection = me.dial('ws://S2')
  const answers = me.say(connection, [
    resumeOf(id, 2, 5, [1, 4]),
    ['acquire', 1, ['a'], 'exclusive', 'ifAvailable', null],
    ['acquire', 2, ['a'], 'exclusive', 'ifAvailable', null],
    ['release', 3, token],
    ['release', 4, token],
    ['acquire', 5, ['b'], 'exclusive', 'ifAvailable', null],
  ])
  t.same(answers.slice(0, 5), [['resumed', id, 2], granted, unavailable, released, nothing])
  t.match(answers[5], ['granted', 5])
  t.ok(other.unlock('a'))
  t.equal(story.wrong(), undefined)
})

t.test('bug 21: the same words are a repeat under the old number, a request under a new one', async t => {
  const { story } = lab(2)
  const me = new ByHand(story, 'me')
  const connection = me.dial(story.primary.address)
  me.say(connection, [openOf('b'.repeat(32), 1, 10_000, 'me')])
  const acquire = (number: number): Message => ['acquire', number, ['a'], 'shared', 'ifAvailable', null]
  const [first, again, second] = [acquire(1), acquire(1), acquire(2)].map(
    message => me.say(connection, [message])[0],
  )
  t.same(first, again)
  t.notSame(first?.[2], second?.[2])
  t.equal(story.clerk('reader').list('a').length, 2)
  t.equal(story.wrong(), undefined)
})

t.test('bug 22: a late request on a replaced connection does nothing and gets no answer', async t => {
  const { story } = lab(2)
  const me = new ByHand(story, 'me')
  const [old, id] = [me.dial(story.primary.address), 'c'.repeat(32)]
  me.say(old, [openOf(id, 1, 10_000, 'me'), ['acquire', 1, ['a'], 'exclusive', 'wait', null]])
  const current = me.dial(story.primary.address)
  me.say(current, [resumeOf(id, 2, 2, [1, 1])])
  t.ok(me.isClosed(old))
  t.same(me.say(old, [['acquire', 2, ['b'], 'exclusive', 'wait', null]]), [])
  t.match(me.say(current, [['acquire', 2, ['c'], 'exclusive', 'wait', null]]), [['granted', 2]])
  const stale = me.dial(story.primary.address)
  t.match(me.say(stale, [resumeOf(id, 1, 1, [])]), [['error', 'REPLACED']], 'a resume with a smaller count')
  t.same(
    story
      .clerk('reader')
      .list()
      .map(hold => hold.name),
    ['a', 'c'],
  )
  t.equal(story.wrong(), undefined)
})

t.test('bug 22: the release of a token that was stolen frees nothing of the thief', async t => {
  const { story, clerks } = lab(2, 'victim', 'thief')
  const [victim, thief] = clerks
  t.ok(victim.lock('a'))
  story.deaf(victim)
  const stolen = thief.wait(thief.client.acquire('a', { manner: 'steal' }))
  const release = victim.startUnlock('a')
  story.run(5)
  t.same(held(thief.list()), ['a thief'])
  story.primary.kill()
  story.hears(victim)
  t.notOk(truth(victim.wait(release)))
  t.same(
    thief.list().map(hold => hold.token),
    [tokenOf(stolen)],
  )
  t.equal(story.wrong(), undefined)
})

t.test('bug 24: the table of replies does not grow with the requests', async t => {
  const { story, clerks } = lab(2, 'c')
  const blocker = story.clerk('blocker')
  t.ok(blocker.lock('long'))
  const wait = clerks[0].startWait('long')
  function* many(): Script {
    for (let i = 0; i < 300; i++) {
      yield clerks[0].startLock('a')
      yield clerks[0].startUnlock('a')
    }
  }
  const play = story.play([many()])
  let most = 0
  const count = () => {
    for (const { core } of story.servers)
      for (const session of core.state?.sessions.values() ?? []) most = Math.max(most, session.replies.size)
    return play.done
  }
  story.until(count, 'the calls')
  t.ok(most > 0 && most <= 10, `at most ${most} replies are kept, though one acquire waits all the time`)
  t.ok(blocker.unlock('long'))
  clerks[0].wait(wait)
  t.equal(story.wrong(), undefined)
})
