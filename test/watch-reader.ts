// What a watch keeps for its reader, and what it reports about the reader to the servers: without a server.

import t from 'tap'
import { WatchRequests } from '../client/session/watches.ts'
import { LockWatch } from '../client/watch.ts'
import { eventsUnseenMax } from '../wire/limits.ts'
import type { LockEvent } from '../wire/messages.ts'

const event = (name: string): LockEvent => ({
  event: 'granted',
  name,
  mode: 'exclusive',
  token: 1,
  clientId: 'a'.repeat(32),
  clientName: 'a',
  reason: null,
  terms: null,
  at: 1,
})

function reading() {
  const seen: number[] = []
  let stops = 0
  const watch = new LockWatch(
    events => seen.push(events),
    () => stops++,
  )
  return { watch, seen, stops: () => stops }
}

t.test('for a reader that has stopped some events are kept, and further ones are counted', async t => {
  const { watch } = reading()
  const kept = 2 * eventsUnseenMax
  for (let i = 0; i < kept + 3; i++) watch.push(event(`l/${i}`))
  watch.push({ event: 'missed', events: 4 })
  watch.push({ event: 'watching' })
  watch.push(event('last'))
  let granted = 0
  for (let i = 0; i < kept; i++) if ((await watch.next()).value?.event === 'granted') granted++
  t.equal(granted, kept)
  t.same(await watch.next(), { done: false, value: { event: 'missed', events: 8 } })
  watch.push(event('on'))
  t.match(await watch.next(), { value: { name: 'on' } }, 'and goes on')
})

t.test(
  'a reader that has stopped learns that its watch began again, and has missed nothing by that',
  async t => {
    const { watch } = reading()
    const kept = 2 * eventsUnseenMax
    for (let i = 0; i < kept; i++) watch.push(event(`l/${i}`))
    for (let i = 0; i < 3; i++) watch.push({ event: 'watching' })
    watch.push(event('late'))
    watch.push({ event: 'watching' })
    const told: unknown[] = []
    for (let i = 0; i < kept + 2; i++) told.push((await watch.next()).value)
    t.same(told.slice(kept), [{ event: 'watching' }, { event: 'missed', events: 1 }])
    t.same(watch.toJSON(), { prefix: '', over: false, unread: 0 })
  },
)

t.test('the servers learn now and then how far the reader is', async t => {
  const { watch, seen } = reading()
  watch.push({ event: 'watching' })
  for (let i = 0; i < eventsUnseenMax / 4; i++) watch.push(event('l'))
  t.same(seen, [], 'what nobody has read is not seen')
  await watch.next()
  for (let i = 0; i < eventsUnseenMax / 4; i++) await watch.next()
  t.same(seen, [eventsUnseenMax / 8, eventsUnseenMax / 4])
})

t.test('a reader that leaves ends the watch: servers learn it once, kept events are dropped', async t => {
  const { watch, stops } = reading()
  watch.push(event('kept'))
  t.same(await watch.return(), { done: true, value: undefined })
  t.equal(stops(), 1)
  t.same(await watch.next(), { done: true, value: undefined })
  watch.push(event('late'))
  t.same(await watch.next(), { done: true, value: undefined })
  await watch[Symbol.asyncDispose]()
  t.equal(stops(), 1)
})

t.test('when the watch ends for another reason, kept events are read first', async t => {
  const { watch, stops } = reading()
  watch.push(event('kept'))
  watch.end({ reason: new Error('enough') })
  t.equal(stops(), 1)
  t.match(await watch.next(), { value: { name: 'kept' } })
  await t.rejects(watch.next(), { message: 'enough' })
  t.same(await watch.next(), { done: true, value: undefined })
})

t.test('seen events are counted by connection', async t => {
  const watches = new WatchRequests()
  const seen = (events: number) => watches.ask({ is: 'seen', watch: 1, events })
  t.same(watches.ask({ is: 'watch', watch: 1, prefix: 'a/' }), ['watch', 1, 'a/'])
  for (let i = 0; i < 10; i++) watches.hear(['event', 1, event('a/b')])
  t.same(seen(8), ['seen', 1, 8])
  t.same(watches.again(), [['watch', 1, 'a/']])
  t.equal(seen(10), null, 'those came over the old one')
  for (let i = 0; i < 5; i++) watches.hear(['event', 1, event('a/b')])
  t.same(seen(13), ['seen', 1, 3])
  watches.ask({ is: 'unwatch', watch: 1 })
  t.same(watches.again(), [])
})
