// B7: what many are told alike is made once: the text of an event or of an answer, and the list of locks behind
// answers to the same query; and queries of one owner do not keep those of others waiting.

import t from 'tap'
import type { Client } from '../lockserver/clients.ts'
import { Listings } from '../lockserver/listings.ts'
import { Queries } from '../lockserver/queries.ts'
import { Times } from '../lockserver/times.ts'
import { queriesPerOwnerMax, queryMax } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { frameText, share } from '../wire/shared.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { openOf } from './fixtures/said.ts'
import { StateStory } from './fixtures/state-story.ts'

const atStart = { now: { monotonic: 0, wall: 0 } }

t.test('B7: a shared part becomes text once, and frames read as if it were not shared', async t => {
  let made = 0
  const event = {
    name: 'a "b" \u2028',
    token: 7,
    toJSON() {
      made++
      return { name: this.name, token: this.token }
    },
  }
  share(event)
  const plain = { name: event.name, token: 7 }
  const frame = (part: object): Message[] => [
    ['granted', 1, [2], []],
    ['event', 1, part],
    ['event', 2, part],
    ['released', 3, true],
    ['renewed', 4],
    ['locks', 5, { more: false }, [], [part]],
    ['event', 9, null],
  ]
  const expected = JSON.stringify(frame(plain))
  t.equal(frameText(frame(plain)), expected)
  made = 0
  t.equal(frameText([['event', 1, event]]), JSON.stringify([['event', 1, plain]]))
  t.equal(frameText([['event', 2, event]]), JSON.stringify([['event', 2, plain]]))
  t.equal(made, 1)
  t.equal(frameText(frame(event)), expected)
  t.equal(frameText([]), '[]')
  const whole = share<Message>(['event', 3, event])
  t.equal(frameText([whole, whole]), JSON.stringify([whole, whole]))
})

const all = (prefix: string) => ({ prefix, only: null })

t.test('B7: all who ask for the same prefix of the same state get the same list', async t => {
  const s = new StateStory()
  const a = s.open('a')
  s.acquire(a, 'p/1')
  s.acquire(a, 'q/1')
  const listings = new Listings(s.state, new Times(), atStart)
  const first = listings.of(all('p/'), 1_000)
  t.equal(listings.of(all('p/'), 1_010), first)
  t.equal(listings.of(all('q/'), 1_010).parts[0]?.held[0]?.name, 'q/1')
  t.equal(listings.of(all('p/'), 1_020), first)
  t.not(listings.of(all('p/'), 1_060), first, 'ages have grown')
  const second = listings.of(all('p/'), 1_060)
  s.acquire(a, 'p/2')
  t.equal(listings.of(all('p/'), 1_060).size, 2, 'R1: not of an earlier state')
  t.equal(second.size, 1)
  listings.sweep(2_000)
  t.equal(listings.known(all('p/'), 1_060), undefined)
})

const clientOf = (connection: number, owner: string | null): Client => ({
  is: 'client',
  connection,
  owner,
  remote: '',
  principal: null,
  session: null,
  deaf: false,
  opening: false,
  parked: 0,
  queries: 0,
  spent: 0,
  unread: false,
  map: 0,
  tokenEndsAt: null,
})

t.test('B7: queries of one owner do not keep those of others waiting', async t => {
  const queries = new Queries(new StateStory().state, new Times(), atStart)
  const [a, b, c] = [clientOf(1, '192.0.2.1'), clientOf(2, '192.0.2.1'), clientOf(3, '192.0.2.2')]
  for (let i = 1; i <= 100; i++)
    for (const client of [a, b]) queries.add(client, ['query', i, `${i}/${client.connection}`, true])
  queries.add(c, ['query', 1, 'mine', true])
  const order = [1, 2, 3].map(() => queries.take(0).map(({ client }) => client.connection))
  t.strictSame(order, [[1], [3], [2]])
  queries.gone(a)
  t.strictSame(queries.take(0)[0]?.client, b)
  t.equal(a.queries, 0)
})

t.test('B7: those who ask for the same are answered together, as many as a turn may answer', async t => {
  const s = new StateStory()
  const holder = s.open('holder')
  for (let i = 0; i < queryMax / 4; i++) s.acquire(holder, `p/${i}`)
  const queries = new Queries(s.state, new Times(), atStart)
  const all = Array.from({ length: 10 }, (_, i) => clientOf(i, i % 2 === 0 ? null : `192.0.2.${i}`))
  for (const client of all) queries.add(client, ['query', 1, 'p/', true])
  t.equal(queries.take(0).length, 4)
  t.equal(queries.take(0).length, 4)
  t.equal(queries.take(0).length, 2)
  t.notOk(queries.more)
})

t.test('B7: an owner with far too many queries is told so; another one is not', async t => {
  const queries = new Queries(new StateStory().state, new Times(), atStart)
  for (let i = 0; i < queriesPerOwnerMax; i++)
    queries.add(clientOf(i >> 10, '192.0.2.1'), ['query', i, `${i}`, true])
  t.equal(queries.add(clientOf(99, '192.0.2.1'), ['query', 1, '', true]), 'too many of its owner')
  t.equal(queries.add(clientOf(100, '192.0.2.2'), ['query', 1, '', true]), undefined)
})

t.test('B7, R1: watchers with different numbers and askers in one turn all learn the same', async t => {
  const cluster = new Cluster()
  cluster.ready()
  const hands = ['a', 'b', 'c'].map(name => new HandParty(cluster, name).dial(cluster.primary.address))
  const [a, b, c] = hands as [HandParty, HandParty, HandParty]
  a.say(openOf('a'.repeat(32), 1, 10_000, 'a'))
  a.hears('opened')
  a.say(['watch', 1, ''])
  b.say(['watch', 1, ''])
  c.say(['watch', 7, 'x'])
  cluster.run(20)
  a.say(['acquire', 1, ['x'], 'exclusive', 'wait', null], ['acquire', 2, ['y'], 'exclusive', 'wait', null])
  cluster.run(20)
  for (const hand of hands) hand.say(['query', 5, '', true])
  cluster.run(20)
  const told = (hand: HandParty) => hand.heard.filter(([kind]) => kind === 'event')
  t.strictSame(told(a), told(b))
  t.equal(told(a).length, 2)
  t.strictSame(told(c), [['event', 7, told(a)[0]?.[2]]])
  const answers = hands.map(hand => hand.heard.filter(([kind]) => kind === 'locks'))
  t.strictSame(answers[0], answers[1])
  t.match(answers[2]?.[0]?.[3], [{ name: 'x' }, { name: 'y' }])
})
