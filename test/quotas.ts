// B7: what one owner may have of sessions, locks, waiters, memory and watches, so that it can't shut the others
// out; in the state, over its copies, and in a cluster that fails over.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import { Copy, headerOf, Installation } from '../lockserver/state/snapshot.ts'
import type { State } from '../lockserver/state/state.ts'
import { type StateLimits, watchesMax } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { ownerOf } from '../wire/net/owner.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { opening, openOf } from './fixtures/said.ts'
import { StateStory, timesOf } from './fixtures/state-story.ts'

const [greedy, other] = ['192.0.2.1', '192.0.2.2']

function copyOf(state: State): State {
  const copy = new Copy(state, timesOf(1_000))
  const installation = new Installation(headerOf(state, 1, null))
  for (let chunk = copy.nextChunk(3); chunk !== null; chunk = copy.nextChunk(3)) installation.add(chunk, 0)
  state.table.endCopy(copy)
  return installation.finish()
}

/** The code and the text of what the acquire got; the kind of the answer if it was not refused. */
function asks(s: StateStory, session: Session, name: string, mode: 'exclusive' | 'shared' = 'exclusive') {
  const answer = s.acquire(session, name, mode).find(([to]) => to === session.name)?.[1]
  if (answer?.[0] === 'refused') return { code: answer[2], text: answer[3] }
  return { code: answer?.[0] ?? 'waits', text: '' }
}

/** Opens sessions of this owner until one is refused; how many it got. */
function fills(s: StateStory, owner: string | null, most: number): number {
  let count = 0
  for (; count < most && s.state.openRefusal(owner) === undefined; count++)
    s.open(`${owner ?? 'here'}/${count}`, owner)
  return count
}

t.test('B7, F20: an owner may have as many sessions as are left; another one still gets some', async t => {
  const s = new StateStory({ sessionsMax: 80 })
  t.equal(fills(s, greedy, 100), 35, 'half of what is not kept for operators')
  t.equal(s.state.openRefusal(greedy), 'sessions')
  s.state.apply(opening('f'.repeat(32), 1_000, 'x', greedy))
  t.notOk(s.state.sessionsById.has('f'.repeat(32)), 'the state refuses it, too')
  t.equal(fills(s, other, 100), 18)
  t.equal(fills(s, '192.0.2.3', 100), 9)
  t.equal(fills(s, null, 100), 18, 'an operator gets the rest')
  t.equal(s.state.openRefusal(null), 'SESSIONS_LIMIT')
})

t.test('B7: a quota that is set holds alone, and what was given back may be had again', async t => {
  const s = new StateStory({ sessionsPerOwnerMax: 2 })
  const [first] = [s.open('a', greedy), s.open('b', greedy)]
  t.equal(s.state.openRefusal(greedy), 'sessions')
  t.equal(s.state.openRefusal(null), undefined)
  s.apply(['end', first.ordinal, 1])
  t.equal(s.state.openRefusal(greedy), undefined)
})

t.test('B7: locks held and waited for count for all sessions of an owner together', async t => {
  const s = new StateStory({ locksPerOwnerMax: 3 })
  const [a, b, c] = [s.open('a', greedy), s.open('b', greedy), s.open('c', other)]
  s.acquire(a, ['x', 'y'])
  t.equal(asks(s, b, 'x').code, 'waits')
  const refused = asks(s, b, 'z')
  t.equal(refused.code, 'LOCKS_LIMIT')
  t.match(refused.text, /192\.0\.2\.1 .* 3 locks, its quota.*--locks-per-address/)
  t.equal(asks(s, c, 'z').code, 'granted')
  s.cancel(b, 1)
  t.equal(asks(s, b, 'w').code, 'granted')
  t.strictSame(asks(s, a, 'v').code, 'LOCKS_LIMIT')
})

t.test('B7: in a queue an owner leaves as many places as it takes', async t => {
  const s = new StateStory({ waitersPerLockMax: 8 })
  const holder = s.open('holder')
  s.acquire(holder, 'x')
  const [a, b] = [s.open('a', greedy), s.open('b', other)]
  const waits = (session: Session) => {
    for (let count = 0; ; count++) {
      const { code, text } = asks(s, session, 'x')
      if (code !== 'waits') return { code, text, count }
    }
  }
  const refused = waits(a)
  t.strictSame([refused.code, refused.count], ['WAITERS_LIMIT', 4])
  t.match(refused.text, /192\.0\.2\.1 .*as many places as are left/)
  t.equal(waits(b).count, 2)
  t.equal(asks(s, holder, 'x').code, 'waits', 'an operator may take the last place')
})

t.test('B7: a wait that is served counts no more, however often one waits', async t => {
  const s = new StateStory({ waitersPerOwnerMax: 1, locksPerOwnerMax: 1 })
  const [a, b] = [s.open('a', greedy), s.open('b', other)]
  const tokenOf = (session: Session) => [...session.holds.keys()].at(-1) ?? 0
  s.acquire(a, 'x')
  for (const [holder, waiter] of [
    [a, b],
    [b, a],
    [a, b],
    [b, a],
  ] as const) {
    t.equal(asks(s, waiter, 'x').code, 'waits')
    s.release(holder, tokenOf(holder))
    t.equal(waiter.owner?.waits, 0)
    t.equal(waiter.owner?.locks, 1)
  }
})

t.test('B7, B4: an owner takes at most half of the memory', async t => {
  const s = new StateStory({ stateBytesMax: 64_000 })
  const [a, b] = [s.open('a', greedy), s.open('b', other)]
  let refused = { code: '', text: '' }
  for (let i = 0; refused.code !== 'STATE_LIMIT'; i++) refused = asks(s, a, `${i}`.padStart(100, 'n'))
  t.match(refused.text, /192\.0\.2\.1 .*memory/)
  t.ok(s.state.used > 0.45 && s.state.used < 0.5, `${s.state.used}`)
  t.equal(asks(s, b, 'mine').code, 'granted')
  t.equal(s.state.openRefusal(greedy), 'memory', 'sessions take memory, too')
})

t.test('B7, R4: counts are alike in a copy, also of what is half ended', async t => {
  const s = new StateStory({ changesPerOperationMax: 2, locksPerOwnerMax: 9 })
  const [a, b] = [s.open('a', greedy), s.open('b', greedy)]
  for (let i = 0; i < 6; i++) s.acquire(a, `l/${i}`)
  s.acquire(b, ['l/0', 'm'])
  s.apply(['expire', [a.ordinal]])
  const copy = copyOf(s.state)
  t.equal(copy.problem(), undefined)
  const twin = new StateStory({}, copy)
  const codes = [s, twin].map(story => {
    const [session] = story.state.sessions.values()
    const results = ['p', 'q', 'r', 's'].map(name => asks(story, session as Session, name).code)
    while (story.state.table.isUnfinished) story.apply(['go-on'])
    return [...results, asks(story, session as Session, 't').code]
  })
  t.strictSame(codes[0], codes[1])
  t.strictSame(codes[0], ['granted', 'granted', 'granted', 'LOCKS_LIMIT', 'granted'])
})

t.test('B7: an owner is forgotten with its last session and its last lock', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a', greedy), s.open('b', greedy)]
  s.acquire(a, 'x')
  s.acquire(b, 'x')
  s.apply(['expire', [a.ordinal]])
  t.equal(s.state.owners.size, 1)
  s.apply(['abandon', b.ordinal])
  t.equal(s.state.owners.size, 0)
})

t.test('B7: whose quotas a peer takes from', async t => {
  t.equal(ownerOf('127.0.0.1', false), null)
  t.equal(ownerOf('::1', false), null)
  t.equal(ownerOf('127.0.0.1', true), '127.0.0.1', 'loopback counts once a quota is set')
  t.equal(ownerOf('::ffff:192.0.2.1', false), '192.0.2.1')
  t.equal(ownerOf('2001:db8:0:7:1:2:3:4', false), '2001:db8:0:7::/64')
  t.equal(ownerOf('2001:DB8::7:0:0:0:9', false), '2001:db8:0:7::/64')
  t.equal(ownerOf('fe80::1%eth0', false), 'fe80:0:0:0::/64')
})

// ---- in a cluster

function clusterOf(limits: Partial<StateLimits>): Cluster {
  const addressOf = (name: string) => (name.startsWith('greedy') ? greedy : name)
  const cluster = new Cluster({ limits, addressOf })
  cluster.ready()
  return cluster
}

function opens(cluster: Cluster, name: string, number: number): { hand: HandParty; answer: Message } {
  const hand = new HandParty(cluster, name).dial(cluster.primary.address)
  hand.hears('welcome')
  hand.say(openOf(number.toString(16).padStart(32, '0'), 1, 10_000, name))
  cluster.run(20)
  return { hand, answer: hand.heard.at(-1) as Message }
}

t.test('B7, F20: a client that takes its fill shuts no other one out, also after a promotion', async t => {
  const cluster = clusterOf({ sessionsPerOwnerMax: 3 })
  for (let i = 1; i <= 3; i++) t.equal(opens(cluster, `greedy${i}`, i).answer[0], 'opened')
  const refused = opens(cluster, 'greedy4', 4).answer
  t.strictSame(refused.slice(0, 3), ['open-refused', '4'.padStart(32, '0'), 'SESSIONS_LIMIT'])
  t.match(refused[3], /192\.0\.2\.1 has 3 sessions, its quota; .*--sessions-per-address/)
  t.equal(opens(cluster, 'other', 5).answer[0], 'opened')
  cluster.primary.kill()
  cluster.healed()
  t.equal(opens(cluster, 'greedy5', 6).answer[2], 'SESSIONS_LIMIT')
  t.equal(opens(cluster, 'another', 7).answer[0], 'opened')
  t.equal(cluster.problem(), undefined)
})

t.test('B7: watches of one owner leave as many for all others', async t => {
  const cluster = clusterOf({})
  const watch = (name: string, number: number) => {
    const { hand } = opens(cluster, name, number)
    const numbers = Array.from({ length: watchesMax }, (_, i) => i + 1)
    hand.say(...numbers.map((n): Message => ['watch', n, '']))
    cluster.run(50)
    return hand.heard.filter(([kind]) => kind === 'watching').length
  }
  t.equal(watch('greedy1', 1), (watchesMax - 32) / 2)
  t.equal(watch('greedy2', 2), 0)
  t.equal(watch('other', 3), (watchesMax - 32) / 4)
})
