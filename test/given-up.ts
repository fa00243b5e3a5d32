// A client that gives up before its session is open, and one that finishes or is closed
// while others wait: nothing of it stays on the servers.

import t from 'tap'
import { a, b, failOver, me, myClientId, myKey, opened, Story, seed, view } from './fixtures/client-story.ts'
import { Cluster } from './fixtures/cluster.ts'

/** The client has sent its open to a, and has no answer. */
function opening(abandoned: ReadonlyMap<string, string> = new Map()): Story {
  const story = new Story({ abandoned })
  story.viewServerWelcomes(view(2, 'a', 'b'))
  story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
  return story
}

t.test('S4: a client that gives up while its open is unanswered abandons the session', async t => {
  const story = opening()
  t.same(
    story.heard(a).map(([kind]) => kind),
    ['open'],
  )
  const call = story.end()
  t.same(story.settled(), { [call]: { verb: 'end' } })
  t.same(story.heard(a), [['abandon', me, myKey]])
})

t.test('S4: before any open there is nothing to abandon', async t => {
  const story = new Story()
  story.viewServerWelcomes(view(2, 'a', 'b'))
  story.heard(seed)
  story.end()
  t.same([...story.core.abandoned], [])
})

t.test('S4: an open that was refused elsewhere may have been done: the next session ends it', async t => {
  const story = opening()
  story.cut(a)
  story.pass(1_000)
  for (const address of [seed, a, b]) {
    if (!story.isOpen(address)) story.pass(1_000)
    if (story.isOpen(address)) story.says(address, ['error', 'WRONG_CLUSTER', 'not here'])
  }
  t.same(story.seen('over').length, 1)
  t.same([...story.core.abandoned], [[me, myKey]])
})

t.test('S4: an open that was refused is not done: the next session has nothing to end', async t => {
  const story = opening()
  story.says(a, ['open-refused', me, 'SESSIONS_LIMIT', 'no room'])
  t.same(story.seen('over').length, 1)
  t.same([...story.core.abandoned], [])
})

t.test('S4: with another open before it, on a connection that was cut, the next session ends it', async t => {
  const story = opening()
  failOver(story)
  story.says(b, ['open-refused', me, 'SESSIONS_LIMIT', 'no room'])
  t.same(story.seen('over').length, 1)
  t.same([...story.core.abandoned], [[me, myKey]])
})

t.test('S4: a hundred connects that are given up leave no session', async t => {
  const cluster = new Cluster()
  cluster.ready()
  for (let i = 0; i < 100; i++) {
    const client = cluster.client(`c${i}`)
    const { primary } = cluster
    let sent = false
    cluster.network.onFrame = (from, to, messages) => {
      if (from === client && to === primary && messages.some(([kind]) => kind === 'open')) sent = true
      return 'pass'
    }
    cluster.until(() => sent, 'its open')
    client.end()
  }
  cluster.run(100)
  t.equal(cluster.primary.core.state?.sessions.size, 0)
})

t.test('S4: a session that was given up is ended by each later one, until that is confirmed', async t => {
  const first = 'f'.repeat(32)
  const story = opening(new Map([[first, myKey]]))
  t.same(
    story.heard(a).filter(([kind]) => kind === 'abandon'),
    [['abandon', first, myKey]],
  )
  story.says(a, ['opened', me, 1, 10_000, myClientId])
  failOver(story)
  t.same(
    story.heard(b).filter(([kind]) => kind === 'abandon'),
    [['abandon', first, myKey]],
    'and again',
  )
  story.end()
  story.says(b, ['unknown-session', me])
  t.same([...story.core.abandoned], [[first, myKey]])
})

t.test('L3: a client that finishes takes its waiters with it; the next one is granted the lock', async t => {
  const cluster = new Cluster()
  cluster.ready()
  const [holder, leaver, next] = ['holder', 'leaver', 'next'].map(name => cluster.client(name)) as [
    ReturnType<Cluster['client']>,
    ReturnType<Cluster['client']>,
    ReturnType<Cluster['client']>,
  ]
  cluster.until(() => cluster.clients.every(({ core }) => core.opened), 'sessions')
  const held = holder.wait(holder.acquire('x'))
  leaver.wait(leaver.acquire('own'))
  leaver.acquire('x')
  leaver.acquire(['w', 'x'])
  cluster.run(20)
  const waiting = next.acquire('x')
  const other = next.acquire('w')
  cluster.run(20)
  leaver.step({ is: 'finish' })
  holder.wait(holder.release(held))
  next.wait(waiting, 200)
  next.wait(other, 200)
  t.ok(leaver.core.opened && !leaver.core.over, 'it goes on with what it holds')
})

t.test('L3: the same holds for a client that finishes while it reconnects', async t => {
  const story = opened()
  story.acquire('x')
  story.acquire(['w', 'y'])
  story.heard(a)
  story.cut(a)
  story.step({ is: 'finish' })
  failOver(story)
  t.same(
    story.heard(b).map(message => message.slice(0, 4)),
    [
      ['resume', me, myKey, 2],
      ['renew', 1],
      ['acquire', 1, ['x'], 'exclusive'],
      ['acquire', 2, ['w', 'y'], 'exclusive'],
      ['cancel', 3, 1],
      ['cancel', 4, 2],
    ],
  )
})
