// Stories about one ClientCore, on a made-up clock, with the servers played by hand.

import t from 'tap'
import type { ClientInput } from '../client/effects.ts'
import { waitsShareMax } from '../client/requests.ts'
import { keepAliveMs, restLeaseMs } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { channels } from '../wire/messages.ts'
import {
  a,
  b,
  cluster,
  failOver,
  holding,
  me,
  opened,
  Story,
  seed,
  ttlMs,
  view,
} from './fixtures/client-story.ts'

const kinds = (messages: Message[]) => messages.map(message => message[0])
const deadlineMs = ttlMs * 0.98

t.test('connecting', async t => {
  t.test('it asks the seed for the view, dials the primary and opens', async t => {
    const story = new Story()
    t.match(story.seen('dial'), [{ connection: -1, address: seed, from: { kind: 'client', name: 'story' } }])
    story.viewServerWelcomes(view(2, 'a', 'b'))
    t.ok(story.isOpen(a))
    story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
    t.same(story.heard(a), [['open', me, 1, ttlMs, 'story']])
    story.says(a, ['opened', me, 1, ttlMs])
    t.match(story.seen('event'), [
      { event: 'view', view: { number: 2 } },
      { event: 'session', resumed: false, ttlMs },
    ])
    t.notOk(story.isOpen(b), 'one watcher is enough')
    t.equal(story.core.cluster, cluster)
  })

  t.test('a seed that is the primary itself gets the session on that very connection', async t => {
    const story = new Story()
    story.serverWelcomes('a', 'primary', view(2, 'a', 'b'), seed)
    t.same(kinds(story.heard(seed)), ['open'])
  })

  t.test('while there is no view it stays with who may tell it', async t => {
    const story = new Story()
    story.viewServerWelcomes(null)
    story.pass(100)
    t.match(story.core.describe(), /knows no primary yet/)
    story.says(seed, ['view', view(1, 'a')])
    t.ok(story.isOpen(a))
  })

  t.test('calls wait in the core until the session is open, and keep their order', async t => {
    const story = new Story()
    story.acquire('x')
    story.viewServerWelcomes(view(1, 'a'))
    story.acquire('y')
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.acquire('z')
    t.same(kinds(story.heard(a)), ['open'])
    story.says(a, ['opened', me, 1, ttlMs])
    t.same(story.heard(a), [
      ['acquire', 1, ['x'], 'exclusive', 'wait'],
      ['acquire', 2, ['y'], 'exclusive', 'wait'],
      ['acquire', 3, ['z'], 'exclusive', 'wait'],
    ])
  })

  t.test('S2 an open whose answer is lost is sent again with the next count', async t => {
    const story = new Story()
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.cut(a)
    story.pass(30)
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    t.same(story.heard(a).at(-1), ['open', me, 2, ttlMs, 'story'])
    story.says(a, ['opened', me, 1, ttlMs])
    t.notOk(story.core.opened, 'an answer to the first open does not count')
    story.says(a, ['opened', me, 2, ttlMs])
    t.ok(story.core.opened)
  })

  t.test('S4 an open that is answered after its lease would have ended is not believed', async t => {
    const story = new Story()
    const call = story.acquire('x')
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.stall(deadlineMs)
    story.says(a, ['opened', me, 1, ttlMs])
    t.ok(story.core.over)
    t.same(story.failed(), { [call]: ['SESSION_LOST', true] })
    t.ok(story.core.abandoned.has(me))
  })

  t.test('open-refused ends it with the code, and nothing was sent', async t => {
    const story = new Story()
    const call = story.acquire('x')
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.says(a, ['open-refused', me, 'TTL_OUT_OF_RANGE', 'too short'])
    t.match(story.seen('over'), [{ reason: 'refused', code: 'TTL_OUT_OF_RANGE', text: 'too short' }])
    t.same(story.failed(), { [call]: ['TTL_OUT_OF_RANGE', true] })
    t.equal(story.open.size, 0)
    t.equal(story.core.wakeAt, null)
  })

  for (const code of ['WRONG_CLUSTER', 'WRONG_SECRET', 'WRONG_WIRE_VERSION', 'WRONG_ORIGIN']) {
    t.test(`${code} gives the address up, and the connect when none is left`, async t => {
      const story = new Story({ addresses: [seed, a] })
      story.says(seed, ['error', code, 'go away'])
      t.notOk(story.core.over)
      story.pass(5_000)
      t.notOk(story.isOpen(seed), 'not dialled again')
      story.pass(5_000)
      story.says(a, ['error', code, 'go away too'])
      t.match(story.seen('over'), [{ reason: 'refused', code, text: /go away too/ }])
    })
  }

  t.test('a server of another cluster than before is refused by the client too', async t => {
    const story = new Story({ cluster: 'd'.repeat(32) })
    t.match(story.seen('dial'), [{ cluster: 'd'.repeat(32) }])
    story.viewServerWelcomes(view(1, 'a'))
    t.match(story.seen('over'), [{ reason: 'refused', code: 'WRONG_CLUSTER' }])
  })

  t.test('another server at the address of the primary is not the primary', async t => {
    const story = new Story()
    story.viewServerWelcomes(view(2, 'a', 'b'))
    story.serverWelcomes('d', 'idle', view(2, 'a', 'b'), a)
    t.notOk(story.isOpen(a))
    story.pass(30)
    t.ok(story.isOpen(a), 'it is tried again')
  })

  t.test('redials back off to half a second, with jitter, and never flood', async t => {
    const story = new Story()
    const at: number[] = []
    for (let i = 0; i < 10; i++) {
      story.cut(seed, true)
      const before = story.now.monotonic
      while (!story.isOpen(seed)) story.pass(1)
      at.push(story.now.monotonic - before)
    }
    t.ok((at[0] as number) <= 20)
    t.ok((at[1] as number) > (at[0] as number))
    t.ok((at[9] as number) >= 250 && (at[9] as number) <= 500, String(at))
    t.match(story.core.describe(), /refuses connections/)
  })
})

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
    story.says(a, ['opened', me, 1, ttlMs])
    t.same(
      story.heard(a).map(message => message.slice(1, 3)),
      [
        [1, ['x']],
        [2, ['z']],
      ],
    )
  })

  t.test('the calls of one turn are what they would be one by one, in their order', async t => {
    const acquire = { is: 'call', verb: 'acquire', mode: 'exclusive', manner: 'wait' } as const
    const calls = [
      { ...acquire, call: 101, names: ['x'] },
      { is: 'call', call: 102, verb: 'query', prefix: '', confirmed: true },
      { is: 'call', call: 103, verb: 'force-release', name: 'y' },
      { is: 'call', call: 104, verb: 'release', token: 7 },
      { ...acquire, call: 105, names: ['z'] },
    ] as const
    const [together, apart] = [opened(), opened()]
    const effects = together.step({ is: 'calls', calls })
    t.same(
      effects.filter(({ do: what }) => what === 'send'),
      calls.flatMap(call => apart.step(call)).filter(({ do: what }) => what === 'send'),
    )
    t.same(together.heard(a), [
      ['acquire', 1, ['x'], 'exclusive', 'wait'],
      ['query', 1, '', true],
      ['force-release', 2, 'y'],
      ['acquire', 3, ['z'], 'exclusive', 'wait'],
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
      ['acquire', 1, ['b', 'a'], 'exclusive', 'wait'],
      ['acquire', 2, ['c'], 'shared', 'ifAvailable'],
      ['acquire', 3, ['d'], 'exclusive', 'steal'],
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
      ['force-release', 5, 'z'],
    ])
    story.says(a, ['force-released', 5, 2], ['released', 4, true])
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

  t.test('it keeps to its share of unanswered requests, and cancels pass by', async t => {
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

  t.test('a release of what is not held settles at once and sends nothing', async t => {
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
      ['resume', me, 2, 3, [1, 2]],
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive', 'wait'],
      ['cancel', 2, 1],
    ])
  })

  t.test('a grant that crossed the cancel is nothing for the user', async t => {
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
      ['resume', me, 2, 3, [1, 2]],
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive', 'wait'],
      ['cancel', 2, 1],
    ])
    story.says(b, ['resumed', me, 2], ['granted', 1, [101], []], ['cancel-done', 2, 'released', null])
    story.pass(60)
    t.same(story.heard(b), [['acknowledge', [1, 2], []]])
    t.same(story.settled(), {})
  })

  t.test('after the grant has settled an abort changes nothing', async t => {
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

t.test('failover', async t => {
  t.test(
    'S2, S4 resume, a renewal, every unanswered request in number order; only then new ones',
    async t => {
      const story = opened()
      for (const name of ['u', 'v', 'w', 'x']) story.acquire(name)
      story.says(a, ['granted', 2, [102], []])
      story.says(seed, ['view', view(3, 'b')])
      t.notOk(story.isOpen(a), 'the old one is dropped at once')
      story.acquire('y')
      t.same(kinds(story.seen('event').map(e => [e.event])), ['view', 'reconnecting'])
      story.serverWelcomes('b', 'primary', view(3, 'b'))
      t.same(story.heard(b), [
        ['resume', me, 2, 5, [1, 1, 3, 4]],
        ['renew', 1],
        ['acquire', 1, ['u'], 'exclusive', 'wait'],
        ['acquire', 3, ['w'], 'exclusive', 'wait'],
        ['acquire', 4, ['x'], 'exclusive', 'wait'],
        ['acquire', 5, ['y'], 'exclusive', 'wait'],
      ])
      story.says(b, ['resumed', me, 2])
      t.match(story.seen('event'), [{ event: 'session', resumed: true }])
      story.pass(60)
      t.same(story.heard(b), [], 'the resume has acknowledged reply 2')
    },
  )

  t.test('the backup that was the watcher is promoted: no new dial', async t => {
    const story = new Story({ addresses: [b] })
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
    story.says(a, ['opened', me, 1, ttlMs])
    t.ok(story.isOpen(b))
    story.cut(a, true)
    story.seen('dial')
    story.says(b, ['view', view(3, 'b')])
    t.same(kinds(story.heard(b)), ['resume', 'renew'])
  })

  t.test('a server that is not primary yet is kept until it says so', async t => {
    const story = holding()
    story.says(seed, ['view', view(3, 'b')])
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    t.same(story.heard(b), [])
    t.ok(story.isOpen(b))
    story.says(b, ['view', view(3, 'b')])
    t.same(kinds(story.heard(b)), ['resume', 'renew'])
  })

  t.test(
    'a view that keeps the primary changes nothing for the session; an older one is ignored',
    async t => {
      const story = opened()
      story.says(seed, ['view', view(3, 'a', 'c')])
      story.says(seed, ['view', view(2, 'b')])
      t.ok(story.isOpen(a))
      t.equal(story.core.view?.number, 3)
      t.match(story.seen('event'), [{ event: 'view', view: { number: 3 } }])
      story.acquire('x')
      t.same(kinds(story.heard(a)), ['acquire'])
    },
  )

  t.test('S2 what still arrives on the replaced connection is ignored', async t => {
    const story = opened()
    const call = story.acquire('x')
    const old = story.connection(a)
    failOver(story)
    story.saysOn(old, ['granted', 1, [101], []])
    t.same(story.settled(), {})
    story.says(b, ['resumed', me, 2], ['granted', 1, [201], []])
    t.same(story.settled(), { [call]: { verb: 'acquire', tokens: [201] } })
  })

  t.test('S2 also the rest of the frame that brought the news', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['view', view(3, 'b')], ['granted', 1, [101], []])
    t.same(story.settled(), {})
  })

  t.test('S2 what a watcher says of sessions and requests is ignored', async t => {
    const story = opened()
    story.acquire('x')
    story.says(seed, ['granted', 1, [101], []], ['unknown-session', me], ['renewed', 1])
    t.same(story.settled(), {})
    t.notOk(story.core.over)
  })

  t.test('a frame that goes on after its error closes the connection once', async t => {
    const story = opened()
    story.says(a, ['error', 'LEAVING', 'bye'], ['error', 'LEAVING', 'bye'], ['view', view(9, 'e')])
    t.equal(story.seen('close').length, 1)
    t.equal(story.core.view?.number, 2)
  })

  t.test('a primary that does not know the newest view is waited for', async t => {
    const story = new Story()
    story.viewServerWelcomes(view(3, 'a', 'c'))
    story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
    t.same(story.heard(a), [])
    story.says(a, ['view', view(3, 'a', 'c')])
    t.same(kinds(story.heard(a)), ['open'])
  })

  t.test('who only calls itself primary is not asked', async t => {
    const story = new Story()
    story.serverWelcomes('d', 'primary', view(2, 'a', 'b'), seed)
    t.same(story.heard(seed), [])
    t.ok(story.isOpen(a))
  })

  t.test('the role in the welcome counts until the server pushes a view that names it primary', async t => {
    const story = holding()
    story.says(seed, ['view', view(3, 'b')])
    story.serverWelcomes('b', 'backup', view(3, 'b'))
    t.same(story.heard(b), [])
    story.says(b, ['view', view(3, 'b')])
    t.same(kinds(story.heard(b)), ['resume', 'renew'])
  })

  t.test(
    'when the connection is cut it dials all that it knows, and comes back to the same primary',
    async t => {
      const story = opened()
      story.acquire('x')
      story.cut(a)
      t.same(
        story.seen('dial').map(dial => dial.address),
        [b],
        'the watcher is still there; the primary has its short pause',
      )
      story.pass(25)
      story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
      t.same(
        story.heard(a).filter(m => m[0] === 'resume'),
        [['resume', me, 2, 2, [1, 1]]],
      )
    },
  )

  t.test('NOT_PRIMARY and REPLACED close the connection, and it is tried again', async t => {
    for (const code of ['NOT_PRIMARY', 'STEPPED_DOWN', 'LEAVING', 'REPLACED', 'OUT_OF_ORDER', 'NEWER_CODE']) {
      const story = holding()
      story.says(a, ['error', code, 'no'])
      t.notOk(story.isOpen(a))
      story.pass(25)
      t.ok(story.isOpen(a), code)
      t.notOk(story.core.over)
    }
  })

  t.test('unknown-session loses the session: locks, calls, core; no id is left to abandon', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    const call = story.acquire('y')
    failOver(story)
    story.says(b, ['unknown-session', me])
    t.match(story.seen('lost'), [{ token: 101, reason: 'SESSION_LOST' }])
    t.same(story.failed(), { [call]: ['SESSION_LOST', false] })
    t.match(story.seen('over'), [{ reason: 'lost', code: 'SESSION_LOST' }])
    t.same([...story.core.abandoned], [])
    t.equal(story.open.size, 0)
  })

  t.test('unknown-session for another id is ignored', async t => {
    const story = opened()
    story.says(a, ['unknown-session', 'f'.repeat(32)])
    t.notOk(story.core.over)
  })

  t.test('queries are asked anew under a new number, and parts of the old answer are forgotten', async t => {
    const story = opened()
    const call = story.query('p/')
    t.same(story.heard(a), [['query', 1, 'p/', true]])
    const hold = (name: string) => ({
      name,
      mode: 'shared' as const,
      token: 1,
      clientId: me,
      clientName: '',
      heldMs: 1,
    })
    story.says(a, ['locks', 1, { more: true, cut: false, confirmed: true }, [hold('p/1')], []])
    failOver(story)
    t.same(kinds(story.heard(b)), ['resume', 'renew', 'query'])
    story.says(b, ['locks', 1, { more: false, cut: false, confirmed: true }, [hold('old')], []])
    story.says(b, ['locks', 2, { more: true, cut: false, confirmed: true }, [hold('p/1')], []])
    t.same(story.settled(), {})
    story.says(b, ['locks', 2, { more: false, cut: true, confirmed: false }, [hold('p/2')], []])
    t.match(story.settled(), {
      [call]: { held: [{ name: 'p/1' }, { name: 'p/2' }], pending: [], confirmed: false, cut: true },
    })
  })

  t.test('an aborted query is not asked again', async t => {
    const story = opened()
    const call = story.query()
    story.abort(call)
    t.same(story.failed(), { [call]: ['TIMEOUT', true] }, 'a read changes nothing')
    failOver(story)
    t.same(kinds(story.heard(b)), ['resume', 'renew'])
  })
})

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

  t.test('S4 it counts from when the confirmed renewal was sent, to 98 % of the ttl', async t => {
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
      ['resume', me, 2, 2, []],
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
    story.says(a, ['opened', me, 1, 4_000])
    story.acquire('x')
    t.notOk(story.core.expired({ ...story.now, monotonic: story.now.monotonic + 3_919 }))
    t.ok(story.core.expired({ ...story.now, monotonic: story.now.monotonic + 3_920 }))
  })

  t.test(
    'S4 a wall clock that jumps ahead ends it too (a suspended machine), one that jumps back does not prolong it',
    async t => {
      const ahead = opened()
      ahead.acquire('x')
      ahead.says(a, ['granted', 1, [101], []])
      ahead.setWallClock(deadlineMs)
      ahead.wake()
      t.match(ahead.seen('lost'), [{ token: 101, reason: 'EXPIRED' }])
      const back = holding()
      back.setWallClock(-1_000_000)
      back.stall(deadlineMs)
      back.wake()
      t.ok(back.core.over)
    },
  )

  t.test(
    'S4 a renewal from before a jump of the wall clock ends it, and what follows is not believed',
    async t => {
      const story = holding()
      story.setWallClock(-5_000)
      story.passTalking(2_500)
      const call = story.acquire('y')
      story.setWallClock(deadlineMs)
      story.settled()
      t.notOk(story.core.expired(story.now), 'not by the open')
      story.says(a, ['renewed', 1], ['granted', 2, [102], []])
      t.same(story.settled(), {}, 'nobody is told of it')
      t.same(story.failed(), { [call]: ['SESSION_LOST', false] })
      t.match(story.seen('lost'), [{ token: 101 }])
    },
  )

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
        { is: 'abort', call: 1 },
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
    const abandoned = [...story.core.abandoned]
    t.same(abandoned, [me])
    const id = '9'.repeat(32)
    const next = new Story({ sessionId: id, abandoned })
    next.viewServerWelcomes(view(1, 'a'))
    next.serverWelcomes('a', 'primary', view(1, 'a'))
    t.same(next.heard(a), [
      ['open', id, 1, ttlMs, 'story'],
      ['abandon', me],
    ])
    next.says(a, ['opened', id, 1, ttlMs])
    next.cut(a)
    next.pass(30)
    next.serverWelcomes('a', 'primary', view(1, 'a'))
    t.same(kinds(next.heard(a)), ['resume', 'abandon', 'renew'])
    t.same([...next.core.abandoned], [me])
    next.says(a, ['resumed', id, 2], ['renewed', 1])
    t.same([...next.core.abandoned], [])
  })
})

t.test('S4 a session that rests', async t => {
  const restMs = restLeaseMs(ttlMs)

  t.test('renews each quarter of the longer lease, and is given up at its end', async t => {
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

  t.test('rests once nothing is held, asked for or waited for, and not before', async t => {
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

  t.test('puts a renewal in front of what it asks for next, and counts its lease from there', async t => {
    const story = opened()
    story.passTalking(20_000)
    const woken = story.now.monotonic
    story.acquire('x')
    story.acquire('y')
    t.same(story.heard(a), [
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive', 'wait'],
      ['acquire', 2, ['y'], 'exclusive', 'wait'],
    ])
    story.says(a, ['granted', 1, [101], []])
    t.equal(story.core.remainingMs(story.now), deadlineMs)
    story.passTalking(woken + deadlineMs - story.now.monotonic - 1)
    t.notOk(story.core.over)
    story.passTalking(1)
    t.match(story.seen('lost'), [{ token: 101, reason: 'EXPIRED' }])
  })

  t.test('asks without one while the last renewal is young', async t => {
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

  t.test('asks while it has no connection: the renewal goes behind the resume', async t => {
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

  t.test('a confirmation of before it woke takes nothing from the lease', async t => {
    const story = opened()
    story.passTalking(restMs / 4)
    t.same(kinds(story.heard(a)), ['renew'])
    story.passTalking(3_000)
    story.acquire('x')
    story.says(a, ['renewed', 1])
    t.equal(story.core.remainingMs(story.now), deadlineMs)
  })

  t.test(
    'comes to a new primary at any moment of the time between two renewals, or when it is woken',
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

  t.test('is ended in order after a long rest', async t => {
    const story = opened()
    story.passTalking(20_000)
    const end = story.end()
    story.says(a, ['ended', 1])
    t.same(story.settled(), { [end]: { verb: 'end' } })
    t.same([...story.core.abandoned], [])
  })
})

t.test('losses', async t => {
  t.test('S5 a loss is told once, acknowledged by its token, and again when it is told again', async t => {
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

  t.test('S5 losses of a grant that nobody waits for are acknowledged all the same', async t => {
    const story = opened()
    story.abort(story.acquire('x'))
    story.heard(a)
    story.says(a, ['granted', 1, [101], [[101, 'STOLEN']]])
    t.same(story.seen('lost'), [])
    story.pass(60)
    t.same(story.heard(a), [['acknowledge', [], [101]]])
  })

  t.test('a loss of what is being released is acknowledged only', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    story.release(101)
    story.says(a, ['lost', 101, 'STOLEN'], ['released', 2, false])
    t.same(story.seen('lost'), [])
  })
})

t.test('quiet connections', async t => {
  t.test('a session connection that owes an answer is asked after a second, and left after two', async t => {
    const story = opened()
    story.passTalking(500)
    story.acquire('x')
    story.heard(a)
    story.pass(999)
    t.same(story.heard(a), [])
    story.pass(1)
    t.match(story.heard(a), [['echo', Number]])
    story.pass(999)
    t.ok(story.isOpen(a))
    story.pass(1)
    t.match(story.seen('close'), [{ text: 'GONE_QUIET' }])
    t.match(story.seen('event').at(-1), { event: 'reconnecting' })
  })

  t.test(
    'who owes nothing is asked after half a minute only, so that nothing between takes it for dead',
    async t => {
      const story = new Story({ ttlMs: 600_000 })
      story.viewServerWelcomes(view(1, 'a'))
      story.serverWelcomes('a', 'primary', view(1, 'a'))
      story.says(a, ['opened', me, 1, 600_000])
      story.heard(a)
      story.pass(keepAliveMs - 1)
      t.same([...story.heard(a), ...story.heard(seed)], [])
      story.pass(1)
      t.same(kinds([...story.heard(a), ...story.heard(seed)]), ['echo', 'echo'])
      story.says(a, ['echoed', 1])
      story.says(seed, ['echoed', 2])
      t.same(story.seen('close'), [])
    },
  )

  t.test('while there is no session connection every other is asked soon', async t => {
    const story = holding()
    story.passTalking(2_000)
    story.says(a, ['view', view(3, 'b')])
    t.notOk(story.isOpen(a))
    story.cut(b, true)
    story.heard(seed)
    story.pass(1_000)
    t.same(kinds(story.heard(seed)), ['echo'])
  })

  t.test('what is watched is owed', async t => {
    const story = opened()
    story.step({ is: 'watch', watch: 1, prefix: '' })
    story.pass(1_000)
    t.same(kinds(story.heard(a)), ['watch', 'echo'])
  })

  t.test('any message shows life', async t => {
    const story = opened()
    story.acquire('x')
    for (let i = 0; i < 9; i++) {
      story.pass(999)
      for (const address of [a, seed]) story.says(address, ['view', view(2, 'a', 'b')])
    }
    t.same(story.seen('close'), [])
    t.notOk(kinds(story.heard(a)).includes('echo'))
  })

  t.test('with a short ttl it asks after a quarter of it', async t => {
    const story = new Story({ ttlMs: 1_600 })
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.says(a, ['opened', me, 1, 1_600])
    story.acquire('x')
    story.heard(a)
    story.pass(400)
    t.ok(kinds(story.heard(a)).includes('echo'))
  })

  t.test('a dial without a welcome is given up and tried again', async t => {
    const story = new Story()
    story.pass(1_999)
    t.same(story.seen('close'), [])
    story.pass(2)
    t.match(story.seen('close'), [{ connection: -1 }])
    story.pass(30)
    t.ok(story.isOpen(seed))
  })

  t.test('after its own stall it asks once more before it gives anyone up', async t => {
    const story = opened()
    story.acquire('x')
    story.pass(1_000)
    story.heard(a)
    story.stall(3_000)
    story.wake()
    t.ok(story.isOpen(a))
    t.ok(kinds(story.heard(a)).includes('echo'))
    story.pass(1_000)
    t.notOk(story.isOpen(a))
  })

  t.test('a primary that shows life but answers no renewal is doubted: others are asked', async t => {
    const story = holding()
    story.passTalking(2_500 + 1_999)
    t.notOk(story.isOpen(b))
    story.passTalking(1_000)
    t.ok(story.isOpen(b))
    t.ok(story.isOpen(a), 'and it is kept meanwhile')
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    story.says(a, ['renewed', 1], ['renewed', 2])
    t.notOk(story.isOpen(b), 'it has answered after all')
  })

  t.test('with one watcher no more are dialled; a lost watcher is replaced', async t => {
    const story = opened()
    story.pass(900)
    t.same(story.seen('dial'), [])
    story.cut(seed)
    t.same(
      story.seen('dial').map(dial => dial.address),
      [b],
    )
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    story.pass(60)
    t.same([...story.open.values()].sort(), [a, b])
  })
})

t.test('the end', async t => {
  t.test('it fails what waits, ends the session in order and is over', async t => {
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

  t.test('before there is a session it is over at once', async t => {
    const story = new Story()
    const call = story.acquire('x')
    const end = story.end()
    t.same(story.failed(), { [call]: ['CLOSED', true] })
    t.same(story.settled(), { [end]: { verb: 'end' } })
    t.equal(story.open.size, 0)
  })

  t.test('it is sent again after a failover, and an unknown session is an ended one', async t => {
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

  t.test('it settles at the local deadline when nobody answers', async t => {
    const story = opened()
    story.cut(a, true)
    const end = story.end()
    t.same(story.settled(), {})
    story.pass(ttlMs)
    t.same(story.settled(), { [end]: { verb: 'end' } })
    t.same([...story.core.abandoned], [me])
  })
})

t.test('every message in every state leaves the core whole', async t => {
  const states: Record<string, () => Story> = {
    dialling: () => new Story(),
    'watching only': () => {
      const story = new Story()
      story.viewServerWelcomes(null)
      return story
    },
    opening: () => {
      const story = new Story()
      story.viewServerWelcomes(view(2, 'a', 'b'))
      story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
      return story
    },
    open: () => opened(),
    'open with calls': () => {
      const story = opened()
      story.acquire('x')
      story.abort(story.acquire('y'))
      story.query()
      story.forceRelease('z')
      return story
    },
    resuming: () => {
      const story = opened()
      story.acquire('x')
      failOver(story)
      return story
    },
    ending: () => {
      const story = opened()
      story.acquire('x')
      story.end()
      return story
    },
  }
  for (const [name, begin] of Object.entries(states)) {
    t.test(name, async t => {
      for (const [kind, shape] of Object.entries(channels.serverToClient)) {
        const story = begin()
        try {
          for (const connection of [...story.open.keys()])
            story.saysOn(connection, structuredClone(shape.example) as unknown as Message)
          story.pass(3_000)
        } catch (error) {
          t.fail(`${kind}: ${error}`)
        }
        if (story.core.over) t.equal(story.open.size, 0, `${kind} leaves nothing open`)
      }
      t.pass('none throws')
    })
  }
})
