// The core of a client, with simulated servers by hand: its behaviour when the primary changes.

import t from 'tap'
import {
  a,
  b,
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

t.test('failover', async t => {
  t.test(
    'S2, S4 a resume is followed by a renewal, all unanswered requests in number order, then new ones',
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
        ['resume', me, myKey, 2, 5, [1, 1, 3, 4]],
        ['renew', 1],
        ['acquire', 1, ['u'], 'exclusive', 'wait', null],
        ['acquire', 3, ['w'], 'exclusive', 'wait', null],
        ['acquire', 4, ['x'], 'exclusive', 'wait', null],
        ['acquire', 5, ['y'], 'exclusive', 'wait', null],
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
    story.says(a, ['opened', me, 1, ttlMs, myClientId])
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

  t.test('S2 messages that still arrive on the replaced connection are ignored', async t => {
    const story = opened()
    const call = story.acquire('x')
    const old = story.connection(a)
    failOver(story)
    story.saysOn(old, ['granted', 1, [101], []])
    t.same(story.settled(), {})
    story.says(b, ['resumed', me, 2], ['granted', 1, [201], []])
    t.same(story.settled(), { [call]: { verb: 'acquire', tokens: [201] } })
  })

  t.test('S2 the rest of the frame that brought the news is ignored, too', async t => {
    const story = opened()
    story.acquire('x')
    story.says(a, ['view', view(3, 'b')], ['granted', 1, [101], []])
    t.same(story.settled(), {})
  })

  t.test('S2 messages of a watcher about sessions and requests are ignored', async t => {
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

  t.test('a server that only calls itself primary is not asked', async t => {
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
    'when the connection is cut the client dials all servers that it knows, and returns to the same primary',
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
        [['resume', me, myKey, 2, 2, [1, 1]]],
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

  t.test('queries are asked again under a new number, and parts of the old answer are forgotten', async t => {
    const story = opened()
    const call = story.query('p/')
    t.same(story.heard(a), [['query', 1, 'p/', true]])
    const hold = (name: string) => ({
      name,
      mode: 'shared' as const,
      token: 1,
      clientId: me,
      clientName: '',
      host: null,
      pid: null,
      heldMs: 1,
      terms: null,
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
