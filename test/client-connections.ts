// The core of a client, with simulated servers by hand: how it finds the primary, which
// connections it keeps, and that no message in any state breaks it.

import t from 'tap'
import { keepAliveMs } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { channels } from '../wire/messages.ts'
import { packageVersion } from '../wire/version.ts'
import {
  a,
  b,
  cluster,
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

t.test('connecting', async t => {
  t.test('a client asks the seed for the view, dials the primary and opens a session', async t => {
    const story = new Story()
    t.match(story.seen('dial'), [{ connection: -1, address: seed, from: { kind: 'client', name: 'story' } }])
    story.viewServerWelcomes(view(2, 'a', 'b'))
    t.ok(story.isOpen(a))
    story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
    t.same(story.heard(a), [['open', me, myKey, 1, ttlMs, 'story', null, null, packageVersion]])
    story.says(a, ['opened', me, 1, ttlMs, myClientId])
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

  t.test('while there is no view the client stays with the servers that may announce one', async t => {
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
    story.says(a, ['opened', me, 1, ttlMs, myClientId])
    t.same(story.heard(a), [
      ['acquire', 1, ['x'], 'exclusive', 'wait', null],
      ['acquire', 2, ['y'], 'exclusive', 'wait', null],
      ['acquire', 3, ['z'], 'exclusive', 'wait', null],
    ])
  })

  t.test('S2 an open whose answer is lost is sent again with the next count', async t => {
    const story = new Story()
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.cut(a)
    story.pass(30)
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    t.same(story.heard(a).at(-1), ['open', me, myKey, 2, ttlMs, 'story', null, null, packageVersion])
    story.says(a, ['opened', me, 1, ttlMs, myClientId])
    t.notOk(story.core.opened, 'an answer to the first open does not count')
    story.says(a, ['opened', me, 2, ttlMs, myClientId])
    t.ok(story.core.opened)
  })

  t.test('S4 an open that is answered after its lease would have ended is not believed', async t => {
    const story = new Story()
    const call = story.acquire('x')
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.stall(deadlineMs)
    story.says(a, ['opened', me, 1, ttlMs, myClientId])
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

  for (const [how, learn] of [
    ['from itself', story => story.says(a, ['view', view(2, 'a', 'b')])],
    ['elsewhere', story => story.step({ is: 'told', views: [view(2, 'a', 'b')], chance: 0.5 })],
  ] satisfies [string, (story: Story) => void][])
    t.test(`G1: a restarted primary, welcomed without a view, is left once one comes ${how}`, async t => {
      const story = new Story({ addresses: [a] })
      story.serverWelcomes('d', 'idle', null, a)
      t.ok(story.isOpen(a), 'it may announce one')
      learn(story)
      t.notOk(story.isOpen(a), 'it is in another group now, and says nothing of the next view')
      story.pass(30)
      t.ok(story.isOpen(b), 'the others are asked')
    })

  t.test('delays between redials grow to half a second, with jitter', async t => {
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

t.test('quiet connections', async t => {
  t.test('a session connection that owes an answer is asked after a second, left after two', async t => {
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
    'a server that owes no answer is asked only after half a minute, so that no device between drops it',
    async t => {
      const story = new Story({ ttlMs: 600_000 })
      story.viewServerWelcomes(view(1, 'a'))
      story.serverWelcomes('a', 'primary', view(1, 'a'))
      story.says(a, ['opened', me, 1, 600_000, myClientId])
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

  t.test('while there is no session connection every other connection is asked soon', async t => {
    const story = holding()
    story.passTalking(2_000)
    story.says(a, ['view', view(3, 'b')])
    t.notOk(story.isOpen(a))
    story.cut(b, true)
    story.heard(seed)
    story.pass(1_000)
    t.same(kinds(story.heard(seed)), ['echo'])
  })

  t.test('a server with watches owes an answer', async t => {
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

  t.test('with a short ttl the client asks after a quarter of the ttl', async t => {
    const story = new Story({ ttlMs: 1_600 })
    story.viewServerWelcomes(view(1, 'a'))
    story.serverWelcomes('a', 'primary', view(1, 'a'))
    story.says(a, ['opened', me, 1, 1_600, myClientId])
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

  t.test('after its own stall a client asks once more before it gives up a connection', async t => {
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
    t.same(story.seen('close'), [], 'b is kept as the way to the backup')
  })

  t.test('a client with one watcher dials no second one; a lost watcher is replaced', async t => {
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

/** Time passes, and every server answers echoes and renewals. */
function passRenewing(story: Story, ms: number): void {
  for (let left = ms; left > 0; left -= 500) {
    story.passTalking(Math.min(left, 500))
    for (const message of story.heard(a))
      if (message[0] === 'renew') story.says(a, ['renewed', message[1] as number])
  }
}

/** Half of the time in which a crowd comes to a new backup: these stories draw the middle of it. */
const drawnMs = 15_000

/** It holds x, and has dialled the backup just now. */
function near(): Story {
  const story = holding()
  passRenewing(story, drawnMs)
  return story
}

t.test('the way to the backup', async t => {
  t.test('S4: a session that holds something connects to the backup at a random moment', async t => {
    const story = holding()
    passRenewing(story, drawnMs - 1)
    t.notOk(story.isOpen(b))
    passRenewing(story, 1)
    t.ok(story.isOpen(b))
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    story.heard(b)
    passRenewing(story, keepAliveMs)
    t.same([...story.open.values()].sort(), [a, b, seed].sort(), 'and keeps its watcher')
  })

  t.test('a session that rests does not', async t => {
    const story = opened()
    passRenewing(story, 60_000)
    t.notOk(story.isOpen(b))
    story.acquire('x')
    story.says(a, ['granted', 1, [101], []])
    passRenewing(story, 1)
    t.ok(story.isOpen(b), 'but it does as soon as it holds something')
  })

  t.test('S4: when the backup becomes primary the session comes over without a dial', async t => {
    const story = near()
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    story.heard(b)
    story.seen('dial')
    story.cut(a, false)
    story.says(b, ['view', view(3, 'b', 'c')])
    t.same(kinds(story.heard(b)).slice(0, 1), ['resume'])
    t.same(
      story.seen('dial').filter(({ address }) => address === b),
      [],
    )
  })

  t.test('S4: a new backup is connected to at a random moment, too, and so is one that was lost', async t => {
    const story = near()
    story.serverWelcomes('b', 'backup', view(2, 'a', 'b'))
    story.cut(b)
    passRenewing(story, drawnMs - 1)
    t.notOk(story.isOpen(b))
    passRenewing(story, 1)
    t.ok(story.isOpen(b))
    story.says(seed, ['view', view(3, 'a', 'c')])
    t.notOk(story.isOpen(b), 'a dial to a server that is out of the view is given up')
    story.says(a, ['view', view(3, 'a', 'c')])
    passRenewing(story, drawnMs - 1)
    t.notOk(story.isOpen('ws://c:7401'))
    passRenewing(story, 1)
    t.ok(story.isOpen('ws://c:7401'))
  })

  t.test(
    'A5: a dial that waits for its turn in this process is not given up; its silence counts from its turn',
    async t => {
      const story = new Story()
      story.step({ is: 'waits', connection: -1, waits: true, chance: 0 })
      story.pass(60_000)
      t.ok(story.isOpen(seed))
      story.step({ is: 'waits', connection: -1, waits: false, chance: 0 })
      story.pass(1_999)
      t.ok(story.isOpen(seed))
      story.pass(1)
      t.match(story.seen('close'), [{ connection: -1 }])
    },
  )

  t.test('S4: a dial says when the lease ends that waits for it', async t => {
    const story = holding()
    const endsAt = story.now.monotonic + deadlineMs
    t.match(story.core.lease(story.now), { remainingMs: deadlineMs })
    story.cut(a)
    t.match(story.seen('dial').at(-1), { address: b, hurryAt: endsAt })
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
