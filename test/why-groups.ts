// Why a lock isn't available, through several groups (G5): which primary is asked next, what all have said put together,
// and that a client is known by all of its sessions; at last on real servers.

import t from 'tap'
import { connect, type LockClient } from '../client/index.ts'
import { waitedForBy } from '../lockserver/pages/why-page.ts'
import { startCluster } from '../testing/index.ts'
import { circleFrom } from '../viewservice/circles.ts'
import { type WhyAnswer, type WhyAsk, WhyWalk, whyPath } from '../viewservice/why-walk.ts'
import { principalOf } from '../wire/access/principal.ts'
import { whyClientsMax, whyMax } from '../wire/limits.ts'
import type { HoldRecord, WaitRecord } from '../wire/messages.ts'
import { clientOf } from '../wire/public-id.ts'
import { firstMap, groupOf } from '../wire/slots.ts'
import { until } from './fixtures/deadline.ts'
import { StateStory } from './fixtures/state-story.ts'

/** The first half is the client's, the second its session's in this group. */
const idOf = (client: string, group: number) => client.padEnd(16, '0') + String(group).repeat(16)
const hold = (name: string, client: string, group: number): HoldRecord => ({
  ...{ name, mode: 'exclusive', token: 1, heldMs: 1, host: null, pid: null, terms: null },
  clientId: idOf(client, group),
  clientName: client,
})
const wait = (name: string, client: string, group: number): WaitRecord => ({
  ...{ name, mode: 'exclusive', waitedMs: 1, host: null, pid: null, terms: null },
  clientId: idOf(client, group),
  clientName: client,
})
const answer = (held: HoldRecord[], pending: WaitRecord[], more: Partial<WhyAnswer> = {}): WhyAnswer => ({
  ...{ cut: false, holders: held.length, waiters: pending.length, held, pending },
  ...more,
})
const nothing = answer([], [])

t.test('G5: a walk asks other groups what the holders wait for there, until nobody new is found', async t => {
  const walk = new WhyWalk('x', 1, 3)
  const [first] = walk.next() as [WhyAsk]
  t.same(first, { group: 1, name: 'x', clients: [] })
  walk.heard(first, answer([hold('x', 'a', 1)], [wait('x', 'b', 1)]))
  const second = walk.next()
  t.same(second, [
    { group: 0, name: null, clients: [clientOf(idOf('a', 1))] },
    { group: 2, name: null, clients: [clientOf(idOf('a', 1))] },
  ])
  walk.heard(second[0] as WhyAsk, answer([hold('y', 'b', 0)], [wait('y', 'a', 0)]))
  walk.heard(second[1] as WhyAsk, nothing)
  const third = walk.next()
  t.same(
    third.map(({ group, clients }) => [group, clients]),
    [
      [1, [clientOf(idOf('b', 1))]],
      [2, [clientOf(idOf('b', 1))]],
    ],
    'b was followed in group 0, where it was found',
  )
  walk.heard(third[0] as WhyAsk, answer([hold('x', 'a', 1)], [wait('x', 'b', 1)]))
  walk.failed(third[1] as WhyAsk)
  t.same(walk.next(), [])
  const found = walk.found()
  t.match(found, { cut: false, holders: 1, waiters: 1, missing: [2] })
  t.same(
    found.held.map(({ name }) => name),
    ['x', 'y'],
    'each lock once',
  )
  t.same(
    found.pending.map(({ name }) => name),
    ['x', 'y'],
  )
  t.match(circleFrom(found, 'x'), [
    { clientName: 'a', holds: 'x', waitsFor: 'y' },
    { clientName: 'b', holds: 'y', waitsFor: 'x' },
  ])
})

t.test('G5: of a single group one primary is asked once', async t => {
  const walk = new WhyWalk('x', 0, 1)
  const [first] = walk.next() as [WhyAsk]
  walk.heard(first, answer([hold('x', 'a', 0)], [wait('x', 'b', 0)]))
  t.same(walk.next(), [])
})

t.test('G5: a walk ends when it has as much as an answer holds, and says that it is cut', async t => {
  const walk = new WhyWalk('x', 0, 2)
  const [first] = walk.next() as [WhyAsk]
  const crowd = Array.from({ length: whyMax }, (_, i) => hold('x', `c${String(i).padStart(6, '0')}`, 0))
  walk.heard(first, answer(crowd, []))
  t.same(walk.next(), [])
  t.equal(walk.found().cut, true)
  const many = new WhyWalk('x', 0, 2)
  const [asked] = many.next() as [WhyAsk]
  many.heard(asked, answer(crowd.slice(0, whyClientsMax + 1), []))
  t.same(
    [many.next(), many.next()].map(asks => asks.map(({ clients }) => clients.length)),
    [[whyClientsMax], [1]],
    'no more clients at a time than a primary takes',
  )
  t.same(many.next(), [])
  t.equal(many.found().cut, false)
})

t.test('where it is asked', async t => {
  t.equal(whyPath({ group: 0, name: 'a b', clients: [] }), '/why?name=a+b')
  t.equal(whyPath({ group: 0, name: null, clients: ['1', '2'] }), '/why?client=1&client=2')
})

t.test('A2: what a client waits for is told as far as the caller may read it', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  for (const name of ['ours/1', 'theirs/1']) {
    s.acquire(a, [name])
    s.acquire(b, [name])
  }
  const clients = new Set([clientOf(b.publicId)])
  const turn = async () => {}
  t.same((await waitedForBy(s.state, clients, null, turn)).sort(), ['ours/1', 'theirs/1'])
  const principal = principalOf('p', [{ prefix: 'ours/', verbs: ['read'] }])
  t.same(await waitedForBy(s.state, clients, principal, turn), ['ours/1'])
  t.same(await waitedForBy(s.state, new Set([clientOf(a.publicId)]), null, turn), [])
})

const map = firstMap(2)
const nameIn = (group: number) => {
  for (let i = 0; ; i++) if (groupOf(map, `lock/${i}`) === group) return `lock/${i}`
}

t.test('C9, G5: a client is known by all its sessions, and a circle through two groups is found', async t => {
  await using cluster = await startCluster({ groups: 2 })
  await using a = await connect(cluster.url, { name: 'a' })
  await using b = await connect(cluster.url, { name: 'b' })
  const [x, y] = [nameIn(0), nameIn(1)]
  await Promise.all([a.acquire(x), b.acquire(y)])
  const waits = (client: LockClient, name: string) => void client.acquire(name).catch(() => {})
  waits(a, y)
  waits(b, x)
  await until('both wait', async () => (await a.query()).pending.length === 2)
  const { held, pending } = await a.query()
  const idsOf = (name: string) =>
    [...held, ...pending].flatMap(each => (each.clientName === name ? [each.clientId ?? ''] : []))
  for (const name of ['a', 'b']) {
    t.equal(new Set(idsOf(name)).size, 2, 'a session in each group')
    t.equal(new Set(idsOf(name).map(clientOf)).size, 1, 'of one client')
  }
  t.ok(idsOf('a').includes(a.clientId))
  const circle = circleFrom({ held, pending }, x)
  t.match(circle, [
    { clientName: 'a', holds: x, waitsFor: y },
    { clientName: 'b', holds: y, waitsFor: x },
  ])
  const page = await fetch(new URL(`/why?name=${encodeURIComponent(x)}`, cluster.url.replace(/^ws/, 'http')))
  t.match(
    await page.json(),
    { missing: [], held: [{ name: x }, { name: y }], circle },
    'the view server finds it',
  )
  const wrong = await fetch(new URL('/why?name=', cluster.url.replace(/^ws/, 'http')))
  t.equal(wrong.status, 400)
})
