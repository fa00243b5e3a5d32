// A client that watches gets what happens to the locks: the right events, in order, no sooner than R1 allows,
// and no more than it reads. On the replicated state, on the simulated network, and through real sockets.

import t from 'tap'
import { connect, type LockClient, type WatchEvent } from '../client/index.ts'
import { eventsUnseenMax, watchesMax } from '../wire/limits.ts'
import type { LockEvent, Message } from '../wire/messages.ts'
import { Cluster, HandParty, type Outcome } from './fixtures/cluster.ts'
import { RealCluster } from './fixtures/real-cluster.ts'
import { StateStory } from './fixtures/state-story.ts'

const told = ({ event, name, clientName, reason }: LockEvent) =>
  [event, name, clientName, ...(reason === null ? [] : [reason])].join(' ')

t.test('everything that happens to a lock is an event', async t => {
  const s = new StateStory()
  s.state.table.watch(true)
  const [a, b] = [s.open('a'), s.open('b')]
  const heard = () => s.happened.splice(0).map(told)

  s.acquire(a, 'x')
  s.acquire(b, 'x')
  t.strictSame(heard(), ['granted x a', 'waiting x b'])
  s.release(a, 1_001)
  t.strictSame(heard(), ['released x a', 'granted x b'])
  s.acquire(a, 'x', 'exclusive', 'ifAvailable')
  t.strictSame(heard(), [], 'nothing happened')
  s.acquire(a, 'x', 'exclusive', 'steal')
  t.strictSame(heard(), ['lost x b STOLEN', 'granted x a'])
  s.acquire(b, 'x')
  s.apply(['cancel', b.ordinal, b.nextRequest, b.nextRequest - 1])
  t.strictSame(heard(), ['waiting x b', 'cancelled x b'])
  s.apply(['force-release', b.ordinal, b.nextRequest, 'x', null])
  t.strictSame(heard(), ['lost x a FORCED'])
  s.acquire(a, 'x')
  s.acquire(b, 'x')
  heard()
  s.apply(['expire', [a.ordinal]])
  t.strictSame(heard(), ['lost x a EXPIRED', 'granted x b'])
  s.apply(['end', b.ordinal, b.nextRequest])
  t.strictSame(heard(), ['released x b'], 'its own wish is no loss')
})

/** A cluster on a simulated clock, a client, and a watching peer by hand. */
function watched(prefix = '', turnMs = 0) {
  const cluster = new Cluster({ turnMs: () => turnMs })
  cluster.ready()
  const client = cluster.client('c')
  cluster.until(() => client.core.opened, 'a session')
  const hand = new HandParty(cluster, 'watcher').dial(cluster.primary.address)
  hand.hears('welcome')
  hand.say(['watch', 7, prefix])
  hand.hears('watching')
  const events = () => hand.heard.filter(([kind]) => kind === 'event').map(message => message[2] as LockEvent)
  return { cluster, client, hand, events }
}

t.test('a watch gets the events of its prefix, with tokens, modes and clients', async t => {
  const { cluster, client, events } = watched('a/')
  const held = client.wait(client.acquire('a/1', { mode: 'shared' }))
  client.wait(client.acquire('b/1'))
  client.wait(client.release(held))
  cluster.until(() => events().length === 2, 'two events')
  const { clientId, token, at } = events()[0] as LockEvent
  t.equal(clientId, client.core.clientId)
  t.ok(at > 0)
  const of = { name: 'a/1', mode: 'shared', token, clientId, clientName: 'c', reason: null }
  t.match(events(), [
    { event: 'granted', ...of },
    { event: 'released', ...of },
  ])
})

t.test('R1: an event is sent only after the backup has applied it, and never if it has not', async t => {
  const { cluster, client, events } = watched()
  const { backup, primary } = cluster
  backup.freeze()
  client.acquire('x')
  cluster.run(50)
  t.ok([...(primary.core.state?.table.locks.keys() ?? [])].includes('x'), 'the primary has granted it')
  t.same(events(), [], 'nobody was told')
  backup.thaw()
  cluster.until(() => events().length === 1, 'the event, once the backup has it')
})

for (const turnMs of [0, 2])
  t.test(`a query shows the state that belongs to the events before it, turns of ${turnMs} ms`, async t => {
    const { cluster, client, hand } = watched('', turnMs)
    for (let i = 0; i < 40; i++) {
      client.acquire(`x${i}`)
      if (i % 10 === 5) hand.say(['query', i, '', true])
      if (i % 3 === 0) cluster.run(1)
    }
    cluster.until(() => hand.heard.filter(([kind]) => kind === 'event').length === 40, 'all events')
    let granted = 0
    for (const message of hand.heard) {
      if (message[0] === 'event') granted++
      else if (message[0] === 'locks')
        t.equal((message[3] as unknown[]).length, granted, 'as many as were told before')
    }
    t.equal(hand.heard.filter(([kind]) => kind === 'locks').length, 4)
  })

t.test('a client that does not say what was seen misses events, learns how many, and continues', async t => {
  const { cluster, client, hand, events } = watched()
  const more = (count: number) => {
    for (let i = 0; i < count; i++) {
      const held = client.wait(client.acquire('x'))
      client.wait(client.release(held))
    }
  }
  // Two events per pair; a step of the clock for each would take long.
  more(eventsUnseenMax / 2)
  cluster.run(10)
  t.equal(events().length, eventsUnseenMax)
  more(5)
  cluster.run(10)
  t.equal(events().length, eventsUnseenMax, 'no more without a word')
  hand.say(['seen', 7, 100])
  cluster.run(10)
  t.notOk(
    hand.heard.some(([kind]) => kind === 'missed'),
    'not for so little',
  )
  hand.say(['seen', 7, eventsUnseenMax])
  t.same(hand.hears('missed'), ['missed', 7, 10])
  more(1)
  cluster.run(10)
  t.equal(events().length, eventsUnseenMax + 2)
})

t.test('R1: a watch begins behind what was decided before it came, and reports nothing of that', async t => {
  const { cluster, client, hand, events } = watched('none')
  const { backup } = cluster
  backup.freeze()
  client.acquire('before')
  cluster.run(20)
  hand.say(['watch', 8, ''])
  client.acquire('after')
  cluster.run(20)
  const began = () => hand.heard.some(message => message[0] === 'watching' && message[1] === 8)
  t.notOk(began(), 'not while the backup is silent')
  backup.thaw()
  cluster.until(() => events().length === 1, 'the event')
  t.ok(began())
  cluster.run(20)
  t.same(
    events().map(({ name }) => name),
    ['after'],
  )
})

t.test('a watch under a number that is in use replaces the old one', async t => {
  const { cluster, client, hand, events } = watched('a')
  hand.say(['watch', 7, 'b'])
  cluster.run(20)
  for (const name of ['a', 'b']) client.wait(client.acquire(name))
  cluster.run(20)
  t.same(
    events().map(({ name }) => name),
    ['b'],
  )
  hand.say(['unwatch', 7])
  client.wait(client.acquire('b/2'))
  client.wait(client.acquire('a/2'))
  cluster.run(20)
  t.equal(events().length, 1, 'and one word ends it')
})

t.test('unwatch ends a watch, and the watches of a server have a limit', async t => {
  const { cluster, client, hand, events } = watched()
  hand.say(['unwatch', 7])
  client.wait(client.acquire('x'))
  cluster.run(10)
  t.same(events(), [])
  t.equal(cluster.primary.core.state?.table.watched, false, 'it costs nothing any more')
  hand.say(...Array.from({ length: watchesMax + 1 }, (_, i): Message => ['watch', i, '']))
  t.match(hand.hears('watch-refused'), ['watch-refused', watchesMax, 'WATCHES_LIMIT'])
  hand.say(['unwatch', 0], ['watch', 999, ''])
  cluster.until(
    () => hand.heard.some(message => message[0] === 'watching' && message[1] === 999),
    'room again',
  )
})

t.test('a client that is gone does not watch', async t => {
  const { cluster, hand } = watched()
  t.ok(cluster.primary.core.state?.table.watched)
  hand.kill()
  cluster.run(10)
  t.notOk(cluster.primary.core.state?.table.watched)
})

t.test("the client's core watches again on each connection", async t => {
  const cluster = new Cluster()
  cluster.ready()
  const [watcher, client] = [cluster.client('w'), cluster.client('c')]
  const heard: string[] = []
  watcher.onTold = effect => {
    if (effect.do === 'watched') heard.push('name' in effect.what ? told(effect.what) : effect.what.event)
  }
  watcher.step({ is: 'watch', watch: 1, prefix: '' })
  cluster.until(() => heard.length === 1, 'it begins')
  const held: Outcome = client.wait(client.acquire('x'))
  cluster.until(() => heard.length === 2, 'an event')
  cluster.primary.kill()
  client.wait(client.release(held))
  cluster.until(() => heard.filter(word => word === 'watching').length === 2, 'it begins again')
  const next = client.wait(client.acquire('y'))
  client.wait(client.release(next))
  cluster.run(10)
  t.same(heard.slice(0, 3), ['watching', 'granted x c', 'watching'])
  t.same(heard.slice(-2), ['granted y c', 'released y c'])
})

async function next(watch: AsyncIterator<WatchEvent>): Promise<WatchEvent> {
  const { done, value } = await watch.next()
  if (done) throw new Error('it is over')
  return value
}

t.test('locks.watch', async t => {
  await using cluster = await RealCluster.start(3)
  const client = (name: string): Promise<LockClient> => connect(cluster.url, { name })
  await using watcher = await client('watcher')
  await using holder = await client('holder')

  await t.test('an async iterable of what happens', async t => {
    const seen: string[] = []
    for await (const event of watcher.watch('orders/')) {
      seen.push('name' in event ? told(event) : event.event)
      if (event.event === 'watching')
        void holder.request('orders/1', () =>
          holder.request('orders/2', () => holder.request('other', () => {})),
        )
      if (seen.at(-1) === 'released orders/1 holder') break
    }
    t.same(seen, [
      'watching',
      'granted orders/1 holder',
      'granted orders/2 holder',
      'released orders/2 holder',
      'released orders/1 holder',
    ])
  })

  await t.test('a watch continues after a failover, and says that it began again', async t => {
    await using watch = watcher.watch()
    t.match(await next(watch), { event: 'watching' })
    await cluster.killPrimary()
    t.match(await next(watch), { event: 'watching' })
    const lock = await holder.acquire('x')
    t.match(await next(watch), { event: 'granted', name: 'x', token: lock.token, clientName: 'holder' })
    await lock.release()
  })

  await t.test('a watch ends by its signal, with the client, and after kept events are read', async t => {
    const controller = new AbortController()
    const watch = watcher.watch('s', { signal: controller.signal })
    t.match(await next(watch), { event: 'watching' })
    const lock = await holder.acquire('s')
    t.match(await next(watch), { event: 'granted' })
    await lock.release()
    const waiting = watch.next()
    t.match(await waiting, { value: { event: 'released' } })
    const last = watch.next()
    controller.abort(new Error('enough'))
    await t.rejects(last, { message: 'enough' })
    t.same(await watch.next(), { done: true, value: undefined })
    await t.rejects(watcher.watch('', { signal: AbortSignal.abort(new Error('before')) }).next(), {
      message: 'before',
    })

    const other = await client('short')
    const over = other.watch()
    t.match(await next(over), { event: 'watching' })
    const end = over.next()
    await other.close()
    t.same(await end, { done: true, value: undefined })
    await t.rejects(other.watch().next(), { code: 'CLOSED' })
  })

  await t.test('a reader that stops learns how many events it missed', async t => {
    const pairs = eventsUnseenMax / 2 + 7
    /** Null: on a busy machine the client gave the connection up, and the watch began again. */
    const count = async (prefix: string) => {
      await using watch = watcher.watch(prefix)
      t.match(await next(watch), { event: 'watching' })
      await Promise.all(Array.from({ length: pairs }, (_, i) => holder.request(`${prefix}${i}`, () => {})))
      let [events, missed] = [0, 0]
      while (events + missed < 2 * pairs) {
        const event = await next(watch)
        if (event.event === 'watching') return null
        if (event.event === 'missed') missed += event.events
        else events++
      }
      return [events, missed]
    }
    let counted = await count('many/')
    for (let i = 0; counted === null && i < 5; i++) counted = await count(`more/${i}/`)
    t.same(counted, [eventsUnseenMax, 14])
  })

  await t.test('watch checks its arguments', async t => {
    const type = { name: 'TypeError' }
    t.throws(() => watcher.watch(7 as unknown as string), type)
    t.throws(() => watcher.watch('x'.repeat(1_025)), type)
    t.throws(() => watcher.watch('', { signal: 7 } as object), type)
    t.throws(() => watcher.watch('', { prefix: 'x' } as object), type)
  })
})
