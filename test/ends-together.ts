// Sessions whose leases end at the same moment: they end in pieces, one per turn. Each
// piece is its own operation, and other operations between two pieces take effect.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import type { Entry, Message } from '../wire/messages.ts'
import { Cluster, HandParty, pingIntervalMs } from './fixtures/cluster.ts'
import { openOf, resumeOf } from './fixtures/said.ts'

/** Many sessions with some locks each, all cut off at once; and the primary's operations afterwards. */
function crowded(sessions: number, locks: number, turnMs = 0) {
  // While all of them come a slow server would read little in each turn (B1).
  let isThere = false
  const cluster = new Cluster({ turnMs: () => (isThere ? turnMs : 0) })
  cluster.ready()
  const { address } = cluster.primary
  const hands = Array.from({ length: sessions }, (_, i) => new HandParty(cluster, `h${i}`).dial(address))
  for (const hand of hands) hand.hears('welcome')
  for (const [i, hand] of hands.entries())
    hand.say(openOf(`e${i.toString(16).padStart(31, '0')}`, 1, 2_000, `h${i}`))
  for (const [i, hand] of hands.entries()) {
    hand.hears('opened')
    const name = (n: number) => `l/${i}/${n}`
    hand.say(
      ...Array.from(
        { length: locks },
        (_, n): Message => ['acquire', n + 1, [name(n)], 'exclusive', 'wait', null],
      ),
    )
  }
  const held = () => cluster.primary.core.state?.table.locks.size
  cluster.until(() => held() === sessions * locks, 'all of it')
  isThere = true
  const expires: number[] = []
  cluster.network.onFrame = (from, _to, messages) => {
    if (from !== cluster.primary) return 'pass'
    for (const message of messages)
      if (message[0] === 'replicate')
        for (const entry of message[5] as Entry[]) if (entry[0] === 'expire') expires.push(entry[1].length)
    return 'pass'
  }
  // The primary receives all of these in one moment, so all leases end in one moment.
  for (const hand of hands) hand.say(['renew', 1])
  cluster.run(5)
  for (const hand of hands) hand.kill()
  return { cluster, expires, held }
}

t.test('S3: sessions that end together end in pieces, one piece a turn', async t => {
  const { cluster, expires, held } = crowded(600, 3)
  cluster.until(() => held() === 0, 'the end of all', 5_000)
  t.ok(Math.max(...expires) * 3 <= 1_000, `sessions in one operation: ${expires}`)
  t.equal(
    expires.reduce((sum, count) => sum + count, 0),
    600,
  )
  t.equal(cluster.problem(), undefined)
})

t.test('S3: a primary that takes over between two pieces continues with the rest', async t => {
  const { cluster, expires, held } = crowded(600, 3)
  cluster.until(() => expires.length > 0, 'the first piece')
  t.ok((held() ?? 0) > 0, 'there is a rest')
  cluster.primary.kill()
  cluster.healed()
  cluster.until(() => held() === 0, 'the end of all', 5_000)
  t.equal(cluster.problem(), undefined)
})

t.test('S3: a session that is renewed between two pieces stays', async t => {
  const { cluster, expires, held } = crowded(600, 3, 1)
  const { primary } = cluster
  const hand = new HandParty(cluster, 'late').dial(primary.address)
  hand.hears('welcome')
  const last = [...(primary.core.state?.sessions.values() ?? [])].at(-1) as Session
  cluster.until(() => expires.length > 0, 'the first piece')
  hand.say(resumeOf(last.id, 2, 4, []), ['renew', 1])
  cluster.until(() => held() === 3, 'the end of the others', 5_000)
  t.ok(primary.core.state?.sessionsById.has(last.id))
})

t.test('S3: a tick between two pieces forgets none of the rest', async t => {
  // Each turn takes so long that the ticks come between the pieces.
  const { cluster, expires, held } = crowded(600, 3, 60)
  cluster.until(() => expires.length > 0, 'the first piece')
  const first = cluster.network.time
  cluster.until(() => held() === 0, 'the end of all', 5_000)
  t.ok(cluster.network.time - first > 2 * pingIntervalMs, 'there were ticks in between')
  t.ok(expires.length > 2, `${expires}`)
  t.equal(cluster.problem(), undefined)
})
