// A client with very many calls at a time: calls that never wait are not held up by thousands
// of waiting ones, and none of its calls makes a server refuse it or close its connection.

import t from 'tap'
import { a, holding, opened } from './fixtures/client-story.ts'
import { Cluster, type Outcome, type SessionParty, truth } from './fixtures/cluster.ts'

const thousands = 4_500
const list = (count: number, make: (i: number) => Outcome) => Array.from({ length: count }, (_, i) => make(i))

function started(names: readonly string[]) {
  const cluster = new Cluster()
  cluster.ready()
  const clients = names.map(name => cluster.client(name))
  cluster.until(() => clients.every(({ core }) => core.opened), 'sessions')
  return { cluster, clients }
}

const cuts = ({ events }: SessionParty) => events.filter(({ event }) => event === 'reconnecting').length

t.test('S1: calls that never wait overtake the calls that wait', async t => {
  const story = holding()
  for (let i = 0; i < thousands; i++) story.acquire('y')
  story.heard(a)
  const sends = (ask: () => void) => {
    ask()
    return story.heard(a).map(([kind]) => kind)
  }
  t.same(
    sends(() => story.release(101)),
    ['release'],
    'or nothing would ever come free',
  )
  t.same(
    sends(() => story.forceRelease('z')),
    ['force-release'],
  )
  t.same(
    sends(() => story.acquire('z', 'exclusive', 'ifAvailable')),
    ['acquire'],
  )
  t.same(
    sends(() => story.acquire('z', 'exclusive', 'steal')),
    ['acquire'],
  )
  t.same(
    sends(() => story.query('z')),
    ['query'],
  )
  t.same(
    sends(() => story.acquire('z')),
    [],
    'one more that may wait does not',
  )
})

t.test('S1: calls keep their order as long as there is room', async t => {
  const story = holding()
  story.acquire('a')
  story.release(101)
  story.acquire('b', 'exclusive', 'ifAvailable')
  story.acquire('c')
  t.same(
    story.heard(a).map(message => message.slice(0, 2)),
    [
      ['acknowledge', [1, 1]],
      ['acquire', 2],
      ['release', 3],
      ['acquire', 4],
      ['acquire', 5],
    ],
  )
})

t.test('L3: thousands of waits of one client for one lock come one after the other', async t => {
  const { cluster, clients } = started(['many', 'other'])
  const [many, other] = clients as [SessionParty, SessionParty]
  let done = 0
  for (const client of [many, other])
    client.onTold = (effect, outcome) => {
      if (effect.do !== 'settle' || effect.result.verb !== 'acquire' || outcome === undefined) return
      done++
      cluster.network.after(0, () => client.release(outcome))
    }
  list(thousands, () => many.acquire('job'))
  cluster.run(20)
  const others = other.acquire('job')
  cluster.until(() => done === thousands + 1, 'all of them', 60_000)
  t.ok(truth(others), 'and the other client had its turn')
})

t.test('S1: a client that waits for thousands of locks can release its own', async t => {
  const { clients } = started(['many', 'other'])
  const [many, other] = clients as [SessionParty, SessionParty]
  const theirs = list(thousands, i => other.acquire(`theirs/${i}`))
  for (const outcome of theirs) other.wait(outcome)
  const own = many.wait(many.acquire('own'))
  list(thousands, i => many.acquire(`theirs/${i}`))
  t.ok(truth(many.wait(many.release(own))))
  t.equal(many.wait(many.query('own')).result?.verb, 'query')
})

t.test('S1: a full share of everything, all of it cancelled, is refused nothing', async t => {
  const { cluster, clients } = started(['many', 'other'])
  const [many, other] = clients as [SessionParty, SessionParty]
  other.wait(other.acquire('taken'))
  const own = list(6_000, i => many.acquire(`own/${i}`))
  for (const outcome of own) many.wait(outcome)
  const waits = list(thousands, () => many.acquire('taken'))
  cluster.run(20)
  cluster.backup.freeze() // nothing is answered
  const tries = list(thousands, () => many.tryAcquire('taken'))
  const queries = list(thousands, () => many.query('taken'))
  const releases = own.map(outcome => many.release(outcome))
  cluster.run(100)
  for (const wait of [...waits, ...tries]) if (!wait.done) many.abort(wait)
  cluster.run(100)
  cluster.backup.thaw()
  t.equal(releases.filter(release => truth(many.wait(release, 60_000))).length, releases.length)
  for (const query of queries) many.wait(query, 60_000)
  const refusals = [...waits, ...tries].map(({ failed }) => failed)
  t.same([...new Set(refusals)].sort(), ['TIMEOUT'])
  t.equal(cuts(many), 0)
})

t.test('F13: thousands of queries at a time do not end the connection', async t => {
  const { cluster, clients } = started(['many'])
  const [many] = clients as [SessionParty]
  for (const outcome of list(2_100, i => many.acquire(`l/${i}`))) many.wait(outcome)
  const queries = list(5_000, i => many.query(`l/${i}`))
  for (const query of queries) many.wait(query, 60_000)
  t.equal(queries.filter(({ result }) => result?.verb === 'query').length, queries.length)
  t.equal(cuts(many), 0)
  t.equal(cluster.problem(), undefined)
})

t.test('F13: no more queries are on their way than a server takes, before and after a cut', async t => {
  const story = opened()
  for (let i = 0; i < 5_000; i++) story.query()
  const first = story.heard(a).filter(([kind]) => kind === 'query').length
  t.ok(first <= 2_048, `${first}`)
  story.says(a, ['locks', 1, { more: false, cut: false, confirmed: true }, [], []])
  t.same(
    story.heard(a).map(([kind]) => kind),
    ['query'],
    'one answered, another one asked',
  )
})
