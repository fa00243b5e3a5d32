// The core of a client, with simulated servers by hand: how long it relies on its lease
// (S4), and a session at rest.

import t from 'tap'
import type { ClientInput } from '../client/session/effects.ts'
import { restLeaseMs } from '../wire/limits.ts'
import { packageVersion } from '../wire/version.ts'
import {
  a,
  b,
  deadlineMs,
  failOver,
  holding,
  kinds,
  me,
  myClientId,
  myKey,
  opened,
  Story,
  seed,
  ttlMs,
  view,
} from './fixtures/client-story.ts'

t.test('the lease', async t => {
  t.test('S4 a renewal goes out each quarter of the ttl, each with its own number', async t => {
    const story = holding()
    for (let number = 1; number <= 12; number++) {
      story.passTalking(2_499)
      t.notOk(kinds(story.heard(a)).includes('renew'))
      story.passTalking(1)
      t.same(story.heard(a), [['renew', number]])
      story.says(a, ['renewed', number])
    }
    t.notOk(story.core.over)
  })

  t.test('S4 the lease counts from when the confirmed renewal was sent, to 98 % of the ttl', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.passTalking(2_500)
    const sent = story.now.monotonic
    t.same(
      story.heard(a).filter(m => m[0] === 'renew'),
      [['renew', 1]],
    )
    story.stall(400)
    story.says(a, ['renewed', 1])
    story.cut(a)
    story.pass(sent + deadlineMs - story.now.monotonic - 1)
    t.same(story.seen('lost'), [])
    story.pass(1)
    t.match(story.seen('lost'), [{ token: 101, reason: 'EXPIRED' }])
    t.ok(story.core.over)
  })

  t.test('S4 a renewal that is never confirmed extends nothing, nor does any request', async t => {
    const story = opened()
    const start = story.now.monotonic
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.passTalking(deadlineMs - 1)
    t.notOk(story.core.over)
    story.pass(start + deadlineMs - story.now.monotonic)
    t.match(story.seen('lost'), [{ token: 101, reason: 'EXPIRED' }])
  })

  t.test('S4 a renewal counts only on the connection that it went out on, and is not sent again', async t => {
    const story = holding()
    const start = story.now.monotonic
    story.passTalking(2_500)
    t.ok(story.heard(a).some(m => m[0] === 'renew' && m[1] === 1))
    failOver(story)
    t.same(story.heard(b), [
      ['resume', me, myKey, 2, 2, []],
      ['renew', 2],
    ])
    story.says(b, ['resumed', me, 2], ['renewed', 1])
    story.stall(start + deadlineMs - story.now.monotonic)
    story.wake()
    t.ok(story.core.over)
  })

  t.test('S4 the ttl in force is the one that the server names', async t => {
    const story = new Story()
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.says(a, ['opened', me, 1, 4_000, myClientId])
    story.acquire('x')
    t.notOk(story.core.expired({ ...story.now, monotonic: story.now.monotonic + 3_919 }))
    t.ok(story.core.expired({ ...story.now, monotonic: story.now.monotonic + 3_920 }))
  })

  t.test('S4 the wall clock has no part in a lease', async t => {
    for (const ms of [deadlineMs, 3_600_000, -3_600_000]) {
      const story = holding()
      story.setWallClock(ms)
      t.notOk(story.core.overdue(story.now))
      t.equal(story.core.remainingMs(story.now), deadlineMs)
      story.stall(deadlineMs)
      story.wake()
      t.match(story.seen('lost'), [{ token: 101, reason: 'EXPIRED' }])
    }
  })

  t.test('S4 a lease that a suspension ended says so, and one that ended otherwise says what', async t => {
    const lostText = (story: Story) => {
      story.wake()
      return story.seen('lost')[0]?.text ?? ''
    }
    const asleep = holding()
    asleep.suspend(60_000)
    t.equal(
      lostText(asleep),
      'the lease of 10000 ms could not be renewed in time: the machine was suspended for 60000 ms',
    )
    const page = holding()
    page.suspend(60_000, false)
    t.match(lostText(page), /suspended for 60000 ms, or its wall clock was set forward$/)
    const cutOff = holding()
    cutOff.suspend(1_000)
    cutOff.passTalking(1_500)
    cutOff.says(a, ['renewed', 1])
    cutOff.cut(a)
    cutOff.pass(deadlineMs + 1)
    t.notMatch(lostText(cutOff), 'suspended')
  })

  t.test('S4 F12 after a stall past the deadline a grant that was waiting is a loss', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    const call = story.acquire('y')
    story.settled()
    story.stall(deadlineMs + 5)
    t.ok(story.core.expired(story.now), 'to be seen by looking alone')
    story.says(a, ['granted', 2, [102], []])
    t.same(story.settled(), {}, 'nobody is told of it')
    t.same(story.failed(), { [call]: ['SESSION_LOST', false] })
    t.match(story.seen('lost'), [{ token: 101 }])
  })

  t.test(
    'S4 nothing is renewed or resumed after the deadline, not even by a message in time for it',
    async t => {
      const story = holding()
      story.stall(deadlineMs)
      story.saysOn(story.connection(a), ['renewed', 1])
      t.ok(story.core.over)
      t.same(story.heard(a), [])
      const inputs: ClientInput[] = [
        { is: 'wake', chance: 0 },
        { is: 'messages', connection: -1, messages: [['view', view(9, 'b')]], chance: 0 },
        { is: 'closed', connection: -1, refused: true, chance: 0 },
        { is: 'abort', call: 1, patient: false },
      ]
      for (const input of inputs) t.same(story.step(input), [])
      const call = story.acquire('x')
      t.same(story.failed(), { [call]: ['SESSION_LOST', true] })
    },
  )

  t.test('at the deadline sent calls fail indefinite, others definite, and releases settle', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    const sent = story.acquire('y')
    const release = story.release(101)
    story.cut(a)
    const unsent = story.acquire('z')
    const query = story.query()
    story.pass(ttlMs)
    t.same(story.failed(), {
      [sent]: ['SESSION_LOST', false],
      [unsent]: ['SESSION_LOST', true],
      [query]: ['SESSION_LOST', true],
    })
    t.same(story.settled()[release], { verb: 'release', held: false })
    t.same(story.seen('lost'), [], 'what was being released is not lost')
  })

  t.test('S4 a session that was given up is ended by the next one, until that is sure', async t => {
    const story = holding()
    story.pass(ttlMs)
    const { abandoned } = story.core
    t.same([...abandoned], [[me, myKey]])
    const id = '9'.repeat(32)
    const key = '8'.repeat(32)
    const next = new Story({ sessionId: id, sessionKey: key, abandoned })
    next.viewServerWelcomes(view(1, 'a'))
    next.serverWelcomes('a', 'primary', view(1, 'a'))
    t.same(next.heard(a), [
      ['open', id, key, 1, ttlMs, 'story', null, null, packageVersion],
      ['abandon', me, myKey],
    ])
    next.says(a, ['opened', id, 1, ttlMs, myClientId])
    next.cut(a)
    next.pass(30)
    next.serverWelcomes('a', 'primary', view(1, 'a'))
    t.same(kinds(next.heard(a)), ['resume', 'abandon', 'renew'])
    t.same([...next.core.abandoned], [[me, myKey]])
    next.says(a, ['resumed', id, 2], ['renewed', 1])
    t.same([...next.core.abandoned], [])
  })
})

t.test('S4 a session that rests', async t => {
  const restMs = restLeaseMs(ttlMs)

  t.test('it renews each quarter of the longer lease, and is given up at the end of that', async t => {
    const story = opened()
    story.passTalking(restMs / 4 - 1)
    t.same(story.heard(a), [])
    story.passTalking(1)
    t.same(story.heard(a), [['renew', 1]])
    story.passTalking(0.98 * restMs - restMs / 4 - 1)
    t.notOk(story.core.over)
    story.passTalking(1)
    t.ok(story.core.over)
    t.ok(story.core.abandoned.has(me))
  })

  t.test('it rests once nothing is held, asked for or waited for, and not before', async t => {
    const story = opened()
    const renewals = (ms: number) => {
      let sent = 0
      for (const end = story.now.monotonic + ms; story.now.monotonic < end; ) {
        story.passTalking(Math.min(500, end - story.now.monotonic))
        for (const message of story.heard(a)) {
          if (message[0] !== 'renew') continue
          sent++
          story.says(a, ['renewed', message[1]])
        }
      }
      return sent
    }
    story.acquire('x')
    t.equal(renewals(10_000), 4, 'it waits')
    story.says(a, ['granted', 1, [101], []])
    t.equal(renewals(10_000), 4, 'it holds')
    story.release(101)
    t.equal(renewals(10_000), 4, 'it gives back')
    story.says(a, ['released', 2, true])
    t.equal(renewals(restMs / 4 - 2_501), 0)
    t.equal(renewals(2_501), 1)
  })

  t.test('it sends a renewal before its next request, and counts its lease from there', async t => {
    const story = opened()
    story.passTalking(20_000)
    const woken = story.now.monotonic
    story.acquire('x')
    story.acquire('y')
    t.same(story.heard(a), [
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive', 'wait', null],
      ['acquire', 2, ['y'], 'exclusive', 'wait', null],
    ])
    story.says(a, ['granted', 1, [101], []])
    t.equal(story.core.remainingMs(story.now), deadlineMs)
    story.passTalking(woken + deadlineMs - story.now.monotonic - 1)
    t.notOk(story.core.over)
    story.passTalking(1)
    t.match(story.seen('lost'), [{ token: 101, reason: 'EXPIRED' }])
  })

  t.test('it sends no such renewal while the last one is young', async t => {
    const story = opened()
    story.passTalking(ttlMs / 4 - 1)
    const { remainingMs } = story.core.lease(story.now)
    t.equal(remainingMs, deadlineMs - (ttlMs / 4 - 1), 'S4: no more than what is acquired now will have')
    story.acquire('x')
    t.equal(story.core.remainingMs(story.now), remainingMs)
    t.same(kinds(story.heard(a)), ['acquire'])
    story.passTalking(1)
    t.same(kinds(story.heard(a)), ['renew'], 'which is due now')
  })

  t.test('when it asks without a connection, the renewal goes behind the resume', async t => {
    const story = opened()
    story.passTalking(20_000)
    story.cut(a)
    const woken = story.now.monotonic
    story.acquire('x')
    story.stall(500)
    failOver(story)
    t.same(kinds(story.heard(b)), ['resume', 'renew', 'acquire'])
    story.says(b, ['resumed', me, 2], ['granted', 1, [101], []])
    t.equal(story.core.remainingMs(story.now), deadlineMs - 500, 'from when it woke')
    story.says(b, ['renewed', 1])
    t.equal(story.core.remainingMs(story.now), deadlineMs)
    t.equal(story.now.monotonic, woken + 500)
  })

  t.test('a confirmation from before it woke does not shorten the lease', async t => {
    const story = opened()
    story.passTalking(restMs / 4)
    t.same(kinds(story.heard(a)), ['renew'])
    story.passTalking(3_000)
    story.acquire('x')
    story.says(a, ['renewed', 1])
    t.equal(story.core.remainingMs(story.now), deadlineMs)
  })

  t.test(
    'it comes to a new primary at a random moment between two renewals, or when it is woken',
    async t => {
      for (const chance of [0, 0.5, 0.999]) {
        const story = opened()
        story.chance = chance
        story.says(seed, ['view', view(3, 'b')])
        t.notOk(story.isOpen(a))
        const due = (chance * restMs) / 4
        if (due > 0) {
          story.passTalking(due - 1)
          t.notOk(story.isOpen(b), 'it leaves the way to others')
          story.passTalking(1)
        }
        t.ok(story.isOpen(b), `after ${due} ms`)
      }
      const woken = opened()
      woken.says(seed, ['view', view(3, 'b')])
      woken.passTalking(1_000)
      t.notOk(woken.isOpen(b))
      woken.acquire('x')
      t.ok(woken.isOpen(b), 'at once')
      const holder = holding()
      holder.says(seed, ['view', view(3, 'b')])
      t.ok(holder.isOpen(b), 'who holds something does not wait')
      const watcher = opened()
      watcher.step({ is: 'watch', watch: 1, prefix: '' })
      watcher.says(seed, ['view', view(3, 'b')])
      t.ok(watcher.isOpen(b), 'nor who watches')
    },
  )

  t.test('it is ended in order after a long rest', async t => {
    const story = opened()
    story.passTalking(20_000)
    const end = story.end()
    story.says(a, ['ended', 1])
    t.same(story.settled(), { [end]: { verb: 'end' } })
    t.same([...story.core.abandoned], [])
  })
})
