// The core of a client, with simulated servers by hand: calls from the request to the
// answer, cancelled calls, losses, and the end of a session.

import t from 'tap'
import { waitsShareMax } from '../client/session/requests.ts'
import { claimOf } from '../wire/claim.ts'
import {
  a,
  b,
  failOver,
  kinds,
  me,
  myClientId,
  myKey,
  opened,
  Story,
  ttlMs,
  view,
} from './fixtures/client-story.ts'

t.test('requests', async t => {
  t.test('S1 numbers count up from 1 as requests are first sent; an aborted one leaves no gap', async t => {
    const story = new Story()
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.acquire('x')
    const gone = story.acquire('y')
    story.acquire('z')
    story.abort(gone)
    t.same(story.failed(), { [gone]: ['TIMEOUT', true] }, 'definite: it was never sent')
    story.heard(a)
    story.says(a, ['opened', me, 1, ttlMs, myClientId])
    t.same(
      story.heard(a).map(message => message.slice(1, 3)),
      [
        [1, ['x']],
        [2, ['z']],
      ],
    )
  })

  t.test('the calls of one turn are what they would be one by one, in their order', async t => {
    const acquire = { verb: 'acquire', claim: claimOf('exclusive', 'wait') } as const
    const calls = [
      { ...acquire, call: 101, names: ['x'] },
      { call: 102, verb: 'query', prefix: '', confirmed: true },
      { call: 103, verb: 'force-release', name: 'y', token: null },
      { call: 104, verb: 'release', token: 7 },
      { ...acquire, call: 105, names: ['z'] },
    ] as const
    const [together, apart] = [opened(), opened()]
    const effects = together.step({ is: 'calls', calls })
    t.same(
      effects.filter(({ do: what }) => what === 'send'),
      calls.flatMap(call => apart.step(call)).filter(({ do: what }) => what === 'send'),
    )
    t.same(together.heard(a), [
      ['acquire', 1, ['x'], 'exclusive', 'wait', null],
      ['query', 1, '', true],
      ['force-release', 2, 'y', null],
      ['acquire', 3, ['z'], 'exclusive', 'wait', null],
    ])
    t.match(effects, [{ do: 'settle', call: 104, result: { verb: 'release', held: false } }])
    together.pass(ttlMs)
    together.step({
      is: 'calls',
      calls: [
        { ...acquire, call: 106, names: ['x'] },
        { ...calls[3], call: 107 },
      ],
    })
    t.same(together.failed()[106], ['SESSION_LOST', true], 'and none is forgotten once the session is over')
  })

  t.test('each kind of reply settles its call', async t => {
    const story = opened()
    const many = story.acquire(['b', 'a'])
    const none = story.acquire('c', 'shared', 'ifAvailable')
    const refused = story.acquire('d', 'exclusive', 'steal')
    t.same(story.heard(a), [
      ['acquire', 1, ['b', 'a'], 'exclusive', 'wait', null],
      ['acquire', 2, ['c'], 'shared', 'ifAvailable', null],
      ['acquire', 3, ['d'], 'exclusive', 'steal', null],
    ])
    story.says(
      a,
      ['unavailable', 2],
      ['granted', 1, [100, 101], []],
      ['refused', 3, 'LOCKS_LIMIT', 'too many'],
    )
    t.same(story.settled(), {
      [many]: { verb: 'acquire', tokens: [101, 100] },
      [none]: { verb: 'acquire', tokens: null },
    })
    t.same(story.failed(), { [refused]: ['LOCKS_LIMIT', true] })
    const release = story.release(100)
    const force = story.forceRelease('z')
    t.same(story.heard(a), [
      ['acknowledge', [1, 3], []],
      ['release', 4, 100],
      ['force-release', 5, 'z', null],
    ])
    story.says(a, ['force-released', 5, 2, null], ['released', 4, true])
    t.same(story.settled(), {
      [release]: { verb: 'release', held: true },
      [force]: { verb: 'force-release', released: 2 },
    })
  })

  t.test('an unknown code of a refusal is indefinite', async t => {
    const story = opened()
    const call = story.acquire('x')
    story.says(a, ['refused', 1, 'FROM_THE_FUTURE', 'well'])
    t.same(story.failed(), { [call]: ['FROM_THE_FUTURE', false] })
  })

  t.test('S1 acknowledgements ride on the next request, or go alone after a short while, once', async t => {
    const story = opened()
    for (const name of ['x', 'y', 'z']) story.acquire(name)
    story.heard(a)
    story.says(a, ['granted', 3, [103], []])
    story.says(a, ['granted', 1, [101], []])
    t.same(story.heard(a), [])
    story.pass(49)
    t.same(story.heard(a), [])
    story.pass(2)
    t.same(story.heard(a), [['acknowledge', [1, 1, 3, 3], []]])
    story.pass(200)
    t.same(story.heard(a), [])
    story.says(a, ['granted', 2, [102], []])
    story.release(101)
    t.same(story.heard(a), [
      ['acknowledge', [2, 2], []],
      ['release', 4, 101],
    ])
  })

  t.test('a repeated reply settles nothing twice and is acknowledged again', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.pass(60)
    story.heard(a)
    story.settled()
    story.says(a, ['granted', 1, [101], []])
    t.same(story.settled(), {})
    story.pass(60)
    t.same(story.heard(a), [['acknowledge', [1, 1], []]])
  })

  t.test('the client keeps to its share of unanswered requests, and cancels overtake the others', async t => {
    const story = opened()
    const calls = []
    for (let i = 0; i < waitsShareMax + 2; i++) calls.push(story.acquire(`n${i}`))
    t.equal(story.heard(a).length, waitsShareMax)
    const last = calls[0] as number
    story.abort(last)
    const next = waitsShareMax + 1
    t.same(story.heard(a), [['cancel', next, 1]])
    story.says(a, ['cancelled', 1], ['cancel-done', next, 'cancelled', null])
    t.same(
      story.heard(a).map(message => message.slice(0, 2)),
      [
        ['acknowledge', [1, 1, next, next]],
        ['acquire', next + 1],
      ],
    )
  })

  t.test('a release of a lock that is not held settles at once and sends nothing', async t => {
    const story = opened()
    const call = story.release(7)
    t.same(story.settled(), { [call]: { verb: 'release', held: false } })
    t.same(story.heard(a), [])
  })

  t.test('a second release of the same token is not sent', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.release(101)
    story.heard(a)
    story.release(101)
    t.same(story.heard(a), [])
  })
})

t.test('cancelling', async t => {
  t.test('a sent acquire is cancelled by number; the call fails at once, indefinite', async t => {
    const story = opened()
    const call = story.acquire('x')
    story.heard(a)
    story.abort(call)
    t.same(story.failed(), { [call]: ['TIMEOUT', false] })
    t.same(story.heard(a), [['cancel', 2, 1]])
    story.says(a, ['cancelled', 1], ['cancel-done', 2, 'cancelled', null])
    t.same(story.settled(), {})
    story.pass(60)
    t.same(story.heard(a), [['acknowledge', [1, 2], []]])
  })

  t.test('both stay unanswered until answered, and both are sent again', async t => {
    const story = opened()
    story.abort(story.acquire('x'))
    failOver(story)
    t.same(story.heard(b), [
      ['resume', me, myKey, 2, 3, [1, 2]],
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive', 'wait', null],
      ['cancel', 2, 1],
    ])
  })

  t.test('a grant that crossed the cancel is not shown to the user', async t => {
    const story = opened()
    story.abort(story.acquire('x'))
    story.says(a, ['granted', 1, [101], []])
    story.says(a, ['cancel-done', 2, 'released', null])
    t.same(story.settled(), {})
    story.pass(20_000)
    t.same(story.seen('lost'), [], 'it was never held')
  })

  t.test('S1 a grant that crossed the cancel is not acknowledged before the cancel is answered', async t => {
    const story = opened()
    story.abort(story.acquire('x'))
    story.heard(a)
    story.says(a, ['granted', 1, [101], []])
    story.pass(60)
    t.same(story.heard(a), [], 'else the cancel, lost with the connection, would find nothing to take back')
    failOver(story)
    t.same(story.heard(b), [
      ['resume', me, myKey, 2, 3, [1, 2]],
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive', 'wait', null],
      ['cancel', 2, 1],
    ])
    story.says(b, ['resumed', me, 2], ['granted', 1, [101], []], ['cancel-done', 2, 'released', null])
    story.pass(60)
    t.same(story.heard(b), [['acknowledge', [1, 2], []]])
    t.same(story.settled(), {})
  })

  t.test('an abort after the grant has settled changes nothing', async t => {
    const story = opened()
    const call = story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.pass(60)
    story.heard(a)
    story.abort(call)
    t.same(story.heard(a), [])
    t.same(story.failed(), {})
  })

  t.test('while disconnected the cancel waits, after the re-sent acquire', async t => {
    const story = opened()
    const call = story.acquire('x')
    story.cut(a)
    story.abort(call)
    failOver(story)
    t.same(kinds(story.heard(b)), ['resume', 'renew', 'acquire', 'cancel'])
  })
})

t.test('losses', async t => {
  t.test('S5 a loss is reported once and acknowledged by its token, again if it comes again', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.pass(60)
    story.heard(a)
    story.says(a, ['lost', 101, 'STOLEN'])
    t.match(story.seen('lost'), [{ token: 101, reason: 'STOLEN' }])
    story.pass(60)
    t.same(story.heard(a), [['acknowledge', [], [101]]])
    story.chance = 0
    failOver(story)
    story.heard(b)
    story.says(b, ['resumed', me, 2], ['lost', 101, 'STOLEN'])
    t.same(story.seen('lost'), [])
    story.pass(60)
    t.same(story.heard(b), [['acknowledge', [], [101]]])
  })

  t.test('S5 a grant that was lost before it arrived is a grant and a loss, in this order', async t => {
    const story = opened()
    const call = story.acquire('x')
    const effects = story.says(a, ['granted', 1, [101], [[101, 'FORCED']]])
    t.match(
      effects.filter(effect => effect.do === 'settle' || effect.do === 'lost'),
      [
        { do: 'settle', call },
        { do: 'lost', token: 101, reason: 'FORCED' },
      ],
    )
    story.pass(60)
    t.same(story.heard(a).at(-1), ['acknowledge', [1, 1], [101]])
  })

  t.test('S5 losses of a grant that no call waits for are acknowledged all the same', async t => {
    const story = opened()
    story.abort(story.acquire('x'))
    story.heard(a)
    story.says(a, ['granted', 1, [101], [[101, 'STOLEN']]])
    t.same(story.seen('lost'), [])
    story.pass(60)
    t.same(story.heard(a), [['acknowledge', [], [101]]])
  })

  t.test('a loss of a lock that is being released is only acknowledged', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.release(101)
    story.says(a, ['lost', 101, 'STOLEN'], ['released', 2, false])
    t.same(story.seen('lost'), [])
  })
})

t.test('the end', async t => {
  t.test('the end fails the waiting calls, ends the session in order, and is over', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    const waiting = story.acquire('y')
    const release = story.release(101)
    story.heard(a)
    const end = story.end()
    t.same(story.failed(), { [waiting]: ['CLOSED', false] })
    t.same(story.heard(a), [['end', 4]])
    const late = story.acquire('z')
    t.same(story.failed(), { [late]: ['CLOSED', true] })
    story.says(a, ['released', 3, true], ['cancelled', 2], ['ended', 4])
    t.same(story.settled(), {
      1: { verb: 'acquire', tokens: [101] },
      [release]: { verb: 'release', held: true },
      [end]: { verb: 'end' },
    })
    t.match(story.seen('over'), [{ reason: 'ended' }])
    t.equal(story.open.size, 0)
    t.equal(story.core.wakeAt, null)
    t.same([...story.core.abandoned], [])
  })

  t.test('an end before there is a session is over at once', async t => {
    const story = new Story()
    const call = story.acquire('x')
    const end = story.end()
    t.same(story.failed(), { [call]: ['CLOSED', true] })
    t.same(story.settled(), { [end]: { verb: 'end' } })
    t.equal(story.open.size, 0)
  })

  t.test('the end is sent again after a failover, and an unknown session counts as ended', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    const end = story.end()
    failOver(story)
    t.same(kinds(story.heard(b)), ['resume', 'renew', 'end'])
    story.says(b, ['unknown-session', me])
    t.same(story.settled()[end], { verb: 'end' })
    t.same(story.seen('lost'), [])
  })

  t.test('the end settles at the local deadline when no server answers', async t => {
    const story = opened()
    story.cut(a, true)
    const end = story.end()
    t.same(story.settled(), {})
    story.pass(ttlMs)
    t.same(story.settled(), { [end]: { verb: 'end' } })
    t.same([...story.core.abandoned], [[me, myKey]])
  })
})
