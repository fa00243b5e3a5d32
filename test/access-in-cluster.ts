// Rights in a whole cluster on a simulated clock: what a promoted primary knows of them (A2 to A4).

import t from 'tap'
import { principalOfSigned, type Signed } from '../wire/access/signed.ts'
import { type AccessTable, readAccess } from '../wire/access/table.ts'
import type { SignedTokens } from '../wire/net/guard.ts'
import { hashOf } from '../wire/net/secret.ts'
import { Cluster, tokenOf, tokenOfParty } from './fixtures/cluster.ts'

const verbs = ['acquire', 'steal', 'force', 'read']
const table = (rules: Record<string, readonly object[] | null>) =>
  readAccess(
    JSON.stringify({
      format: 1,
      principals: Object.fromEntries(
        Object.entries(rules).map(([name, rules]) => [
          name,
          { tokens: rules === null ? [] : [hashOf(tokenOfParty(name))], rules: rules ?? [] },
        ]),
      ),
    }),
  )
const all = [{ prefix: '', verbs }]
const few = [{ prefix: 'mine/', verbs }]

t.test('A2, S1: a refusal is a stored reply, which a promoted primary repeats', async t => {
  const cluster = new Cluster({ access: table({ a: few, b: all }) })
  cluster.run(2_000)
  const a = cluster.client('a')
  const b = cluster.client('b')
  cluster.run(500)
  const held = b.acquire('theirs/1')
  cluster.run(200)
  t.ok(held.done)
  const { primary, backup } = cluster
  const before = backup.core.state?.opNumber ?? 0
  const refused = a.acquire('theirs/1')
  cluster.run(100)
  t.match(refused, { done: true, failed: 'NOT_ALLOWED', definite: true })
  t.ok((backup.core.state?.opNumber ?? 0) > before, 'the backup has it')
  primary.kill()
  cluster.run(3_000)
  t.equal(cluster.primary, backup)
  const mine = a.acquire('mine/1')
  cluster.run(500)
  t.ok(tokenOf(mine), 'its numbers go on')
  t.match(cluster.primary.core.state?.sessions.size, 2)
  const owners = [...(cluster.primary.core.state?.sessions.values() ?? [])].map(({ owner }) => owner?.name)
  t.same(owners.sort(), ['principal:a', 'principal:b'], 'A4')
  t.equal(cluster.primary.core.state?.problem(), undefined)
})

t.test(
  'A3: what a session waits for and may not have any more is refused, also after a failover',
  async t => {
    const cluster = new Cluster({ access: table({ a: all, b: all }) })
    cluster.run(2_000)
    const a = cluster.client('a')
    const b = cluster.client('b')
    cluster.run(500)
    b.acquire('theirs/1')
    cluster.run(200)
    const waits = a.acquire('theirs/1')
    cluster.run(500)
    t.notOk(waits.done)
    cluster.primary.kill()
    cluster.changeAccess(table({ a: few, b: all }))
    cluster.run(4_000)
    t.match(waits, { done: true, failed: 'NOT_ALLOWED' })
    t.equal(cluster.primary.core.state?.problem(), undefined)
  },
)

t.test(
  'A3: a token is taken away: its waits are refused a ping limit later, and what it holds ends with its lease',
  async t => {
    const cluster = new Cluster({ access: table({ a: all, b: all }) })
    cluster.run(2_000)
    const a = cluster.client('a', { ttlMs: 4_000 })
    const b = cluster.client('b')
    cluster.run(500)
    const held = a.acquire('a/1')
    b.acquire('b/1')
    cluster.run(200)
    a.acquire('b/1')
    const next = b.acquire('a/1')
    cluster.run(500)
    const waiting = () =>
      [...(cluster.primary.core.state?.sessions.values() ?? [])].map(({ waiting }) => waiting.size)
    t.same(waiting(), [1, 1])
    cluster.changeAccess(table({ a: null, b: all }))
    cluster.run(700)
    t.same(waiting(), [0, 1], 'the wait of a is gone')
    t.notOk(next.done, 'its hold stays until its lease is over')
    cluster.run(5_000)
    t.ok(tokenOf(next) > tokenOf(held))
    t.equal(a.lost[0]?.reason, 'EXPIRED')
    t.ok((a.lost[0]?.at ?? 0) <= next.at, 'L1')
    t.equal(cluster.primary.core.state?.problem(), undefined)
  },
)

t.test('A3: who comes back with a valid token within a ping limit keeps what it waits for', async t => {
  const cluster = new Cluster({ access: table({ a: all, b: all }) })
  cluster.run(2_000)
  const a = cluster.client('a')
  const b = cluster.client('b')
  cluster.run(500)
  b.acquire('b/1')
  cluster.run(200)
  const waits = a.acquire('b/1')
  cluster.run(300)
  cluster.changeAccess(table({ a: null, b: all }))
  cluster.changeAccess(table({ a: all, b: all }))
  cluster.run(3_000)
  t.notOk(waits.done)
  t.same(a.lost, [])
})

t.test('A2, A3: a rule that is taken away counts for what comes next on the same connection', async t => {
  const cluster = new Cluster({ access: table({ a: all, b: all }) })
  cluster.run(2_000)
  const a = cluster.client('a')
  cluster.run(500)
  t.ok(tokenOf(a.wait(a.acquire('theirs/1'))))
  cluster.changeAccess(table({ a: few, b: all }))
  t.match(a.wait(a.acquire('theirs/2')), { failed: 'NOT_ALLOWED' })
  t.ok(tokenOf(a.wait(a.acquire('mine/1'))))
  t.same(a.lost, [], 'what it holds stays its own')
})

t.test('A3: a client that has no session yet comes in when its token is good again', async t => {
  const cluster = new Cluster({ access: table({ a: null, b: all }) })
  cluster.run(2_000)
  const dead = cluster.idle
  dead.kill()
  // This address never says that the token is wrong, so the client goes on trying.
  const a = cluster.client('a', { seeds: [...cluster.viewAddresses, dead.address] })
  const held = a.acquire('a/1')
  cluster.run(1_000)
  t.notOk(held.done)
  cluster.changeAccess(table({ a: all, b: all }))
  cluster.run(1_000)
  t.ok(tokenOf(held))
  const wrong = cluster.client('nobody')
  const failed = wrong.acquire('a/1')
  cluster.run(1_000)
  t.match(failed, { done: true, failed: 'WRONG_TOKEN' }, 'where all servers refuse it, it is told so')
})

/** `a` waits for what `b` has, and holds something, when its machine dies; its session stays until its lease is over. */
function withoutConnection(more: ConstructorParameters<typeof Cluster>[0] = {}) {
  const cluster = new Cluster({ access: table({ a: all, b: all }), ...more })
  cluster.run(2_000)
  const a = cluster.client('a', { ttlMs: 6_000 })
  const b = cluster.client('b')
  cluster.run(500)
  b.acquire('b/1')
  a.acquire('a/1')
  cluster.run(200)
  a.acquire('b/1')
  cluster.run(500)
  a.kill()
  cluster.run(100)
  const session = () =>
    [...(cluster.primary.core.state?.sessions.values() ?? [])].find(({ name }) => name === 'a')
  return { cluster, b, session }
}

t.test('A3: the waits of a session without a connection are refused a ping limit later', async t => {
  const { cluster, b, session } = withoutConnection()
  const next = b.acquire('a/1')
  cluster.run(100)
  t.equal(session()?.waiting.size, 1)
  cluster.changeAccess(table({ a: null, b: all }))
  cluster.run(300)
  t.equal(session()?.waiting.size, 1, 'it may come back')
  cluster.run(400)
  t.equal(session()?.waiting.size, 0)
  t.notOk(next.done, 'its hold stays until its lease is over')
  cluster.run(6_000)
  t.ok(tokenOf(next))
  t.equal(cluster.primary.core.state?.problem(), undefined)
})

t.test('A3: a new primary judges the sessions that it takes over', async t => {
  const { cluster, session } = withoutConnection()
  cluster.primary.kill()
  cluster.changeAccess(table({ a: null, b: all }))
  cluster.healed()
  cluster.run(700)
  t.equal(session()?.holds.size, 1)
  t.equal(session()?.waiting.size, 0)
})

t.test(
  'A3: a session without a connection whose principal gets a token again keeps what it waits for',
  async t => {
    const { cluster, session } = withoutConnection()
    cluster.changeAccess(table({ a: null, b: all }))
    cluster.run(300)
    cluster.changeAccess(table({ a: all, b: all }))
    cluster.run(1_500)
    t.equal(session()?.waiting.size, 1)
  },
)

t.test(
  'A3: a session without a connection loses at once what it waits for by a rule that is gone',
  async t => {
    const { cluster, session } = withoutConnection()
    cluster.changeAccess(table({ a: few, b: all }))
    cluster.run(50)
    t.equal(session()?.waiting.size, 0)
    t.equal(session()?.holds.size, 1)
  },
)

t.test(
  'A3: with --revoke-now a session without a connection ends at once, also at a new primary',
  async t => {
    const { cluster, b, session } = withoutConnection({ revokeNow: true })
    const next = b.acquire('a/1')
    cluster.changeAccess(table({ a: null, b: all }))
    cluster.run(100)
    t.ok(tokenOf(next))
    t.equal(session(), undefined)
    const other = withoutConnection({ revokeNow: true })
    other.cluster.primary.kill()
    other.cluster.changeAccess(table({ a: null, b: all }))
    other.cluster.healed()
    other.cluster.run(200)
    t.equal(other.session(), undefined)
    t.equal(other.cluster.primary.core.state?.problem(), undefined)
  },
)

const issuer = {
  name: 'login',
  issuer: 'https://login/',
  audience: 'holdfast',
  keys: 'keys.json',
  algorithms: ['ES256'],
  claims: { name: 'sub', roles: null, rules: 'rules' },
  gives: null,
  toleranceMs: 0,
}

/** Of the client `a`: a token that was signed and found good, and ends after this time of the story. */
function signedUntil(ms: number, table: AccessTable, wall: () => number): SignedTokens {
  const rules = [{ prefix: '', verbs: ['acquire', 'read'] }] as const
  const signed = { issuer, key: 'k', name: 'a (login)', roles: [], rules, endsAt: wallAtStart + ms }
  const again = (signed: Signed) =>
    signed.endsAt > wall() ? { principal: principalOfSigned(signed, table), hash: null, signed } : undefined
  return {
    check: () => null,
    proven: hash => (hash === hashOf(tokenOfParty('a')) ? again(signed) : undefined),
    again,
  }
}

/** Likewise, but each time that it is shown it is a new one, which lasts for this time. */
function signedFor(ms: number, table: AccessTable, wall: () => number): SignedTokens {
  const shown = () => signedUntil(wall() + ms - wallAtStart, table, wall)
  return {
    check: () => null,
    proven: hash => shown().proven(hash),
    again: signed => shown().again(signed),
  }
}
const wallAtStart = 1_700_000_000_000

t.test(
  'A3: a signed token runs out: its session is told so, and nothing of it is taken any more',
  async t => {
    const rules = table({ b: all })
    let wall = () => 0
    const cluster = new Cluster({
      access: rules,
      signed: signedUntil(4_000, rules, () => wall()),
      wallAtStart,
    })
    wall = () => cluster.network.now().wall
    cluster.run(2_000)
    const a = cluster.client('a', { ttlMs: 4_000 })
    const b = cluster.client('b')
    cluster.run(500)
    const held = a.acquire('a/1')
    b.acquire('b/1')
    cluster.run(200)
    a.acquire('b/1')
    const next = b.acquire('a/1')
    cluster.run(500)
    const sessions = () => [...(cluster.primary.core.state?.sessions.values() ?? [])]
    const owners = () => sessions().map(({ owner }) => owner?.name)
    t.same(owners(), ['principal:a (login)', 'principal:b'])
    const runs = (ms: number) => {
      for (let left = ms; left > 0; left -= 100) {
        cluster.run(100)
        cluster.endTokens()
      }
    }
    runs(700)
    t.ok(a.core.reached, 'it is good until then')
    runs(400)
    t.notOk(a.core.reached)
    t.match(a.core.describe(), /the access token of this connection has run out|TOKEN_ENDED|WRONG_TOKEN/)
    runs(700)
    t.same(
      sessions().map(({ waiting }) => waiting.size),
      [0, 1],
      'what it waited for is refused',
    )
    t.notOk(next.done, 'its hold stays until its lease is over')
    runs(5_000)
    t.ok(tokenOf(next) > tokenOf(held))
    t.equal(a.lost[0]?.reason, 'EXPIRED')
    t.ok((a.lost[0]?.at ?? 0) <= next.at, 'L1')
    t.ok(cluster.primary.notes.includes('a token has run out'))
    t.equal(cluster.primary.core.state?.problem(), undefined)
  },
)

t.test('A3: of a bearer without a connection no file knows whether it may come back', async t => {
  const rules = { ...table({ b: all, c: all }), issuers: new Map([['login', issuer]]) }
  const wall = () => wallAtStart
  const cluster = new Cluster({ access: rules, signed: signedUntil(60_000, rules, wall), wallAtStart })
  cluster.run(2_000)
  const [a, b, c] = [cluster.client('a'), cluster.client('b'), cluster.client('c')]
  cluster.run(500)
  b.acquire('b/1')
  cluster.run(200)
  a.acquire('b/1')
  c.acquire('b/1')
  cluster.run(500)
  for (const client of [a, c]) client.kill()
  cluster.run(100)
  cluster.changeAccess({ ...rules, ...table({ b: all }), issuers: rules.issuers })
  cluster.run(1_500)
  const waits = [...(cluster.primary.core.state?.sessions.values() ?? [])].map(
    ({ owner, waiting }) => `${owner?.name} ${waiting.size}`,
  )
  t.same(waits, ['principal:a (login) 1', 'principal:b 0', 'principal:c 0'])
})

/** `a`, who came with a signed token, waits for what `b` has and holds something, when its machine dies. */
function signedAway(lastsMs: number, more: ConstructorParameters<typeof Cluster>[0] = {}) {
  const rules = { ...table({ b: all }), issuers: new Map([['login', issuer]]) }
  let wall = () => wallAtStart
  const signed = signedUntil(lastsMs, rules, () => wall())
  const cluster = new Cluster({ access: rules, signed, wallAtStart, ...more })
  wall = () => cluster.network.now().wall
  cluster.run(2_000)
  const a = cluster.client('a', { ttlMs: 20_000 })
  const b = cluster.client('b')
  cluster.run(500)
  b.acquire('b/1')
  a.acquire('a/1')
  cluster.run(200)
  a.acquire('b/1')
  cluster.run(300)
  a.kill()
  cluster.run(500)
  const session = () =>
    [...(cluster.primary.core.state?.sessions.values() ?? [])].find(({ name }) => name === 'a')
  return { cluster, rules, session }
}

t.test(
  'A3: a session without a connection loses its waits a ping limit after its signed token has run out',
  async t => {
    const { cluster, session } = signedAway(5_000)
    cluster.run(1_000)
    t.equal(session()?.waiting.size, 1, 'its token is good until then')
    cluster.run(1_200)
    t.equal(session()?.waiting.size, 0)
    t.equal(session()?.holds.size, 1, 'what it holds ends with its lease')
    const other = signedAway(5_000, { revokeNow: true })
    other.cluster.run(1_000)
    t.equal(other.session()?.holds.size, 1)
    other.cluster.run(800)
    t.equal(other.session(), undefined, 'or at once, with --revoke-now')
  },
)

t.test(
  'A3: a session without a connection ends with its issuer: waits within a ping limit, or all of it at once',
  async t => {
    const { cluster, rules, session } = signedAway(60_000)
    cluster.changeAccess({ ...rules, issuers: new Map([['other', { ...issuer, name: 'other' }]]) })
    cluster.run(700)
    t.equal(session()?.waiting.size, 0)
    t.equal(session()?.holds.size, 1)
    const now = signedAway(60_000, { revokeNow: true })
    now.cluster.changeAccess({ ...now.rules, issuers: new Map() })
    now.cluster.run(100)
    t.equal(now.session(), undefined)
  },
)

t.test('A3: a client shows a newer token in time, and its connection never ends with one', async t => {
  const rules = { ...table({ b: all }), issuers: new Map([['login', issuer]]) }
  let wall = () => 0
  const cluster = new Cluster({
    access: rules,
    signed: signedFor(3_000, rules, () => wall()),
    wallAtStart,
  })
  wall = () => cluster.network.now().wall
  cluster.run(2_000)
  const a = cluster.client('a', { ttlMs: 4_000 })
  cluster.run(500)
  const held = a.acquire('a/1')
  for (let i = 0; i < 200; i++) {
    cluster.run(100)
    cluster.endTokens()
  }
  t.ok(tokenOf(held))
  t.same(a.lost, [])
  t.same(
    a.events.filter(({ event }) => event === 'reconnecting'),
    [],
  )
  cluster.primary.kill()
  cluster.healed()
  for (let i = 0; i < 100; i++) {
    cluster.run(100)
    cluster.endTokens()
  }
  t.same(a.lost, [])
  t.equal(
    a.events.filter(({ event }) => event === 'reconnecting').length,
    1,
    'with its server, and never again',
  )
})
