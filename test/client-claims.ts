// The core of a client, with simulated servers by hand: what it makes of claims with times, keys, notes and exact
// tokens. A hold that lasts at most some time is given up a little sooner than the servers would end it (C4).

import t from 'tap'
import { noTerms } from '../wire/claim.ts'
import { a, b, failOver, kinds, me, opened, type Story, seed, ttlMs } from './fixtures/client-story.ts'

const atMostMs = 5_000
/** C4: how long the client believes in such a hold. */
const believedMs = atMostMs * 0.98

/** It holds x with the token 101, for 5 s at most. */
function timed(): Story {
  const story = opened()
  story.acquire('x', 'exclusive', 'wait', { holdAtMostMs: atMostMs })
  story.says(a, ['granted', 1, [101], []])
  story.heard(a)
  return story
}

/** Renewals are confirmed all the time. */
function passRenewing(story: Story, ms: number, at = a): void {
  for (let left = ms; left > 0; left -= 100) {
    story.passTalking(Math.min(left, 100))
    for (const message of story.heard(at)) if (message[0] === 'renew') story.says(at, ['renewed', message[1]])
  }
}

const lost = (story: Story) => story.seen('lost').map(({ token, reason }) => [token, reason])

t.test('C4: 98 % of the time after it saw the grant, the hold is lost as held too long', async t => {
  const story = timed()
  passRenewing(story, believedMs - 1)
  t.same(lost(story), [])
  t.equal(story.core.remainingMsOf(101, story.now), 1)
  passRenewing(story, 1)
  t.same(lost(story), [[101, 'HELD_TOO_LONG']])
  t.equal(story.core.remainingMsOf(101, story.now), 0)
  t.ok(story.core.remainingMs(story.now) > 0, 'the session goes on')
  passRenewing(story, ttlMs)
  t.same(lost(story), [], 'once')
})

t.test('C4: it counts from the grant, not from the call', async t => {
  const story = opened()
  story.acquire('x', 'exclusive', 'wait', { holdAtMostMs: atMostMs })
  passRenewing(story, 4_000)
  story.says(a, ['granted', 1, [101], []])
  passRenewing(story, believedMs - 1)
  t.same(lost(story), [])
  passRenewing(story, 1)
  t.same(lost(story), [[101, 'HELD_TOO_LONG']])
})

t.test('C4: a new connection, and a new primary, give it no more time', async t => {
  const story = timed()
  passRenewing(story, 2_000)
  failOver(story)
  story.says(b, ['resumed', me, 2])
  passRenewing(story, 2_000, b)
  t.ok(story.isOpen(b))
  passRenewing(story, believedMs - 4_001, b)
  t.same(lost(story), [])
  passRenewing(story, 1, b)
  t.same(lost(story), [[101, 'HELD_TOO_LONG']])
})

t.test('C4: while no server can be reached it is over in time, too', async t => {
  const story = timed()
  story.cut(a)
  story.cut(seed)
  story.pass(believedMs - 1)
  t.same(lost(story), [])
  story.pass(1)
  t.same(lost(story), [[101, 'HELD_TOO_LONG']])
})

t.test('C4: a wall clock that is set has no part in it', async t => {
  for (const ms of [believedMs, 3_600_000, -3_600_000]) {
    const story = timed()
    story.setWallClock(ms)
    t.equal(story.core.remainingMsOf(101, story.now), believedMs)
    passRenewing(story, believedMs - 1)
    t.same(lost(story), [])
    passRenewing(story, 1)
    t.same(lost(story), [[101, 'HELD_TOO_LONG']])
  }
})

t.test('C4: a stall past its time is noticed before anything else is done', async t => {
  const story = timed()
  story.stall(believedMs)
  story.says(a, ['lost', 101, 'STOLEN'])
  t.same(lost(story), [[101, 'HELD_TOO_LONG']], 'one loss, and the first')
})

t.test('C4: a release after it gives the lock back sooner, and is no error', async t => {
  const story = timed()
  passRenewing(story, believedMs)
  story.seen('lost')
  const call = story.release(101)
  t.same(kinds(story.heard(a)).filter(kind => kind === 'release').length, 1)
  story.says(a, ['released', 2, false])
  t.same(story.settled()[call], { verb: 'release', held: false })
  t.same(lost(story), [])
})

t.test(
  'C4, S5: the servers end it as well: nothing is lost twice, and their word is acknowledged',
  async t => {
    const story = timed()
    passRenewing(story, believedMs)
    t.same(lost(story), [[101, 'HELD_TOO_LONG']])
    story.heard(a)
    story.says(a, ['lost', 101, 'HELD_TOO_LONG'])
    t.same(lost(story), [])
    story.pass(50)
    t.same(
      story.heard(a).filter(([kind]) => kind === 'acknowledge'),
      [['acknowledge', [], [101]]],
    )
  },
)

t.test(
  'C4, S4: until it is given back the session does not rest, as it does not for the servers',
  async t => {
    const story = timed()
    passRenewing(story, believedMs)
    story.heard(a)
    story.passTalking(2_500)
    t.ok(kinds(story.heard(a)).includes('renew'), 'as often as a holder')
  },
)

t.test('C4: what is released, or lost otherwise, has no time any more', async t => {
  const story = timed()
  story.release(101)
  story.says(a, ['released', 2, true])
  passRenewing(story, ttlMs)
  t.same(lost(story), [])
  const stolen = timed()
  stolen.says(a, ['lost', 101, 'STOLEN'])
  passRenewing(stolen, ttlMs)
  t.same(lost(stolen), [[101, 'STOLEN']])
})

t.test('C4: each of several names has the time; a plain lock beside them has none', async t => {
  const story = opened()
  story.acquire(['x', 'y'], 'exclusive', 'wait', { holdAtMostMs: atMostMs })
  story.acquire('z')
  story.says(a, ['granted', 1, [101, 102], []], ['granted', 2, [103], []])
  passRenewing(story, believedMs)
  t.same(lost(story), [
    [101, 'HELD_TOO_LONG'],
    [102, 'HELD_TOO_LONG'],
  ])
  t.ok(story.core.remainingMsOf(103, story.now) > 0)
})

t.test('C5: a key that has run settles the call, and nothing is held', async t => {
  const story = opened()
  const once = { key: 'k', keepMs: 60_000 }
  const call = story.acquire('x', 'exclusive', 'wait', { once })
  t.same(story.heard(a), [['acquire', 1, ['x'], 'exclusive', 'wait', { ...noTerms, once }]])
  const record = { token: 90, clientId: 'd'.repeat(32), clientName: 'other', grantedAt: 1, endedAt: null }
  story.says(a, ['done-before', 1, record])
  t.same(story.settled()[call], { verb: 'done-before', record })
  story.pass(50)
  t.same(story.heard(a), [['acknowledge', [1, 1], []]], 'S1: acknowledged as every reply')
})

t.test('C5: to fail ends the hold; a repeat after a failover fails, too', async t => {
  const story = opened()
  story.acquire('x', 'exclusive', 'wait', { once: { key: 'k', keepMs: 0 } })
  story.says(a, ['granted', 1, [101], []])
  story.heard(a)
  const call = story.fail(101)
  t.same(story.heard(a).at(-1), ['fail', 2, 101])
  failOver(story)
  story.says(b, ['resumed', me, 2])
  t.same(
    story.heard(b).filter(([kind]) => kind === 'fail'),
    [['fail', 2, 101]],
  )
  story.says(b, ['released', 2, true])
  t.same(story.settled()[call], { verb: 'release', held: true })
  const again = story.fail(101)
  t.same(story.settled()[again], { verb: 'release', held: false }, 'it has none any more')
})

t.test('C6: a note is a request, and of a session that is over it is nothing', async t => {
  const story = timed()
  const call = story.setNote(101, 'half of it')
  t.same(story.heard(a).at(-1), ['set-note', 2, 101, 'half of it'])
  story.says(a, ['noted', 2, true])
  t.same(story.settled()[call], { verb: 'release', held: true })
  const late = story.setNote(101, null)
  story.says(a, ['unknown-session', me])
  t.same(story.settled()[late], { verb: 'release', held: false })
  const later = story.setNote(101, 'x')
  t.same(story.settled()[later], { verb: 'release', held: false })
  t.same(story.failed(), {})
})

t.test('C8: another token holds: a steal says so, and surely did nothing', async t => {
  const story = opened()
  const call = story.acquire('x', 'exclusive', 'steal', { victim: 7 })
  story.says(a, ['not-this', 1, 9])
  const [failed] = story.seen('fail')
  t.match(failed, { call, code: 'NOT_THIS_TOKEN', definite: true })
  t.match(failed?.text, /nothing was done: it is not held by token 7 alone, token 9 holds it/)
  const force = story.forceRelease('x', 7)
  t.same(story.heard(a).at(-1), ['force-release', 2, 'x', 7])
  story.says(a, ['force-released', 2, 0, 9])
  t.same(story.settled()[force], { verb: 'force-release', released: 0 })
})

t.test('C5: a key is forgotten by its lock and its name; the answer says whose it was', async t => {
  const story = opened()
  const call = story.forgetKey('nightly', 'monday')
  t.same(story.heard(a).at(-1), ['forget-key', 1, 'nightly', 'monday'])
  const record = { token: 90, clientId: 'd'.repeat(32), clientName: 'other', grantedAt: 1, endedAt: 2 }
  story.says(a, ['key-forgotten', 1, true, record])
  t.same(story.settled()[call], { verb: 'forget-key', forgotten: true, record })
})
