// A session is its client's (C9): who shows another key, or none of its own, gets what one gets for a session that
// there is not, whatever else it knows; and no server ever says an id or a key of another's session.

import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { connect } from '../client/index.ts'
import { isKeyOf, keyHashOf, publicIdOf } from '../lockserver/session-key.ts'
import { clientTurnCostMax, unknownSessionCost } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { clientDigits, clientOf } from '../wire/public-id.ts'
import { FakeServer } from './fixtures/client-server.ts'
import { Cluster, HandParty, type SessionParty } from './fixtures/cluster.ts'
import { until } from './fixtures/deadline.ts'
import { keyOf, openOf, publicIdFor, resumeOf } from './fixtures/said.ts'

const victimId = 'e'.repeat(32)
const otherKey = '7'.repeat(32)
const nowhere = 'd'.repeat(32)

/** A cluster, a victim that holds "x", and peers that know how to say hello. */
function started() {
  const cluster = new Cluster()
  cluster.ready()
  const hand = (name: string, address = cluster.primary.address) => {
    const party = new HandParty(cluster, name).dial(address)
    party.hears('welcome')
    return party
  }
  const victim = hand('victim')
  victim.say(openOf(victimId, 5, 10_000, 'victim'))
  victim.hears('opened')
  victim.say(['acquire', 1, ['x'], 'exclusive', 'wait', null])
  victim.hears('granted')
  return { cluster, hand, victim }
}

/** Its session and its connection are as before. */
function unharmed(t: Test, cluster: Cluster, victim: HandParty): void {
  const state = cluster.primary.core.state
  t.equal(state?.sessions.size, 1)
  t.equal(state?.table.locks.get('x')?.holder?.session.id, victimId)
  const number = victim.heard.length
  victim.say(['renew', number])
  cluster.until(() => victim.heard.some(each => each[0] === 'renewed' && each[1] === number), 'a renewal')
  victim.say(['acquire', 2, ['y'], 'exclusive', 'wait', null])
  cluster.until(() => victim.heard.filter(([kind]) => kind === 'granted').length === 2, 'its next grant')
  t.notOk(victim.closed)
}

const takeovers: Readonly<Record<string, Message>> = {
  'a resume with another key': ['resume', victimId, otherKey, 9, 2, []],
  'a resume with the id as its key': ['resume', victimId, victimId, 9, 2, []],
  'a resume with the public id as its key': ['resume', victimId, publicIdFor(victimId), 9, 2, []],
  'a resume with a half of the hash as its key': [
    ...(['resume', victimId, keyHashOf(keyOf(victimId)).slice(0, 32), 9, 2, []] as const),
  ],
  'a resume of the public id': ['resume', publicIdFor(victimId), keyOf(victimId), 9, 2, []],
  'an open with another key': ['open', victimId, otherKey, 9, 10_000, 'thief', null, null, ''],
  'an open with another key and an older count': [
    ...(['open', victimId, otherKey, 1, 10_000, 'thief', null, null, ''] as const),
  ],
}

for (const [what, message] of Object.entries(takeovers))
  t.test(`C9: ${what} is answered as if there were no such session, and touches nothing`, async t => {
    const { cluster, hand, victim } = started()
    const stranger = hand('stranger')
    stranger.say(['resume', nowhere, otherKey, 9, 2, []])
    stranger.hears('unknown-session')
    const thief = hand('thief')
    thief.say(message)
    thief.hears('unknown-session')
    const bare = (heard: readonly Message[]) => heard.slice(1).map(([kind, , ...rest]) => [kind, ...rest])
    t.same(bare(thief.heard), bare(stranger.heard), 'the same answer')
    t.same(thief.heard.at(-1), ['unknown-session', message[1]], 'which says nothing that it did not say')
    thief.say(['renew', 1], ['release', 2, 1], ['acquire', 1, ['x'], 'exclusive', 'steal', null])
    cluster.run(100)
    t.equal(thief.heard.at(-1)?.[0], 'unknown-session', 'and nothing more is heard on this connection')
    unharmed(t, cluster, victim)
  })

t.test('C9: an abandon with another key ends nothing, with the right one it does', async t => {
  const { cluster, hand, victim } = started()
  const thief = hand('thief')
  for (const [id, key] of [
    [victimId, otherKey],
    [victimId, publicIdFor(victimId)],
    [publicIdFor(victimId), otherKey],
    [publicIdFor(victimId), keyOf(victimId)],
  ] as const)
    thief.say(['abandon', id, key])
  thief.say(['echo', 1])
  thief.hears('echoed')
  t.notOk(thief.closed, 'as for a session that there is not')
  unharmed(t, cluster, victim)
  thief.say(['abandon', victimId, keyOf(victimId)])
  victim.hears('unknown-session')
  t.equal(cluster.primary.core.state?.sessions.size, 0)
})

t.test('C9, R3: a copy knows the key, and so does the primary that it becomes', async t => {
  const { cluster, hand, victim } = started()
  const hash = keyHashOf(keyOf(victimId))
  const copied = () => [...(cluster.backup.core.state?.sessions.values() ?? [])]
  const known = [{ keyHash: hash, publicId: publicIdFor(victimId), name: 'victim' }]
  cluster.until(() => copied().length === 1, 'the copy')
  t.match(copied(), known, 'by its open')
  cluster.primary.kill()
  cluster.healed()
  t.match(copied(), known, 'by a snapshot')
  cluster.primary.kill()
  cluster.until(() => cluster.primary.alive && cluster.primary.core.role === 'primary', 'another failover')
  const thief = hand('thief')
  thief.say(['resume', victimId, otherKey, 99, 2, []])
  thief.hears('unknown-session')
  t.ok(victim.closed)
  const again = hand('again')
  again.say(resumeOf(victimId, 6, 2, [1, 1]), ['acquire', 1, ['x'], 'exclusive', 'wait', null])
  t.same(again.hears('resumed'), ['resumed', victimId, 6])
  again.hears('granted')
  const repeated = hand('repeated')
  repeated.say(openOf(victimId, 7, 10_000, 'victim'))
  t.same(repeated.hears('opened')[4], publicIdFor(victimId), 'its public id is the same at every primary')
})

t.test('C9: through a whole day no server says an id or a key of a session to another client', async t => {
  const cluster = new Cluster()
  const secrets = new Map<string, string>()
  const heard: [string, string][] = []
  cluster.network.onFrame = (from, to, messages) => {
    for (const [kind, id, key] of messages)
      if (kind === 'open') for (const secret of [id, key]) secrets.set(String(secret), from.name)
    if (to.kind === 'client') heard.push([to.name, JSON.stringify(messages)])
    else if (from.kind === 'lockserver') heard.push(['a server', JSON.stringify(messages)])
    return 'pass'
  }
  cluster.ready()
  const [a, b, c] = ['a', 'b', 'c'].map(name => cluster.client(name)) as [
    SessionParty,
    SessionParty,
    SessionParty,
  ]
  cluster.until(() => [a, b, c].every(({ core }) => core.opened), 'sessions')
  for (const client of [a, b, c]) client.watch(1, '')
  const held = a.wait(a.acquire('x'))
  const waits = b.acquire('x', { timeoutMs: 50 })
  b.wait(waits)
  t.equal(waits.holder?.clientId, a.core.clientId, 'who is in the way')
  b.acquire(['w', 'x'])
  const looks = (...clients: SessionParty[]) => clients.map(client => client.wait(client.query()))
  looks(a, b, c)
  c.wait(c.acquire('x', { manner: 'steal' }))
  b.wait(b.forceRelease('x'))
  cluster.primary.kill()
  cluster.healed()
  looks(a, b, c)
  a.releaseToken(held.result?.verb === 'acquire' ? (held.result.tokens?.[0] ?? 0) : 0)
  a.wait(a.acquire('z'))
  a.kill()
  cluster.until(() => cluster.primary.core.state?.sessions.size === 2, 'its end', 60_000)
  looks(b, c)
  c.wait(c.end())
  t.ok(heard.length > 100)
  for (const { core } of [a, b, c]) t.ok(heard.some(([, text]) => text.includes(String(core.clientId))))
  for (const [secret, owner] of secrets)
    for (const [to, text] of heard) {
      // Servers tell their backups the ids, and nobody any key.
      const isKey = ![a, b, c].some(({ core }) => core.sessionId === secret)
      if (to !== owner && (to !== 'a server' || isKey) && text.includes(secret))
        t.fail(`${to} hears of ${owner}'s ${secret}: ${text}`)
    }
})

t.test('C9, B1: who tries one key after the other uses up its own turns', async t => {
  const { cluster, hand, victim } = started()
  const thief = hand('thief')
  const tries = Array.from({ length: 1_000 }, (_, i): Message => {
    return ['abandon', victimId, i.toString(16).padStart(32, '0')]
  })
  const turns = cluster.primary.turns
  thief.say(...tries, ['echo', 1])
  thief.hears('echoed')
  t.ok(cluster.primary.turns - turns >= (1_000 * unknownSessionCost) / clientTurnCostMax)
  unharmed(t, cluster, victim)
})

t.test('C9: keys, hashes and public ids', async t => {
  const [id, key] = ['0'.repeat(32), '0123456789abcdef0123456789abcdef']
  const hash = keyHashOf(key)
  t.match(hash, /^[0-9a-f]{64}$/)
  t.ok(isKeyOf(hash, key))
  for (let i = 0; i < 32; i++) {
    const other = `${key.slice(0, i)}${key[i] === '0' ? '1' : '0'}${key.slice(i + 1)}`
    t.notOk(isKeyOf(hash, other), other)
    t.not(clientOf(publicIdOf(id, other)), clientOf(publicIdOf(id, key)))
    t.not(publicIdOf(id, other).slice(clientDigits), publicIdOf(id, key).slice(clientDigits))
  }
  t.match(publicIdOf(id, key), /^[0-9a-f]{32}$/)
  t.not(publicIdOf(id, key), publicIdOf('1'.repeat(32), key))
  t.equal(
    clientOf(publicIdOf(id, key)),
    clientOf(publicIdOf('1'.repeat(32), key)),
    'two sessions of one client',
  )
  t.notOk(hash.includes(publicIdOf(id, key)), 'the one tells nothing about the other')
})

t.test('C9: a client says its key to open, resume and abandon, and shows it nowhere', async t => {
  await using server = await FakeServer.start()
  const locks = await connect(server.url)
  const said: unknown[] = []
  for (const event of ['session', 'reconnecting', 'lost', 'view'] as const)
    locks.on(event, about => said.push(about))
  const lock = await locks.acquire('x')
  const [, id, key] = server.requests.find(([kind]) => kind === 'open') as unknown as string[]
  server.cut()
  await until('a resume came', () => server.requests.some(([kind]) => kind === 'resume'))
  t.match(
    server.requests.find(([kind]) => kind === 'resume'),
    ['resume', id, key],
  )
  const error = await locks.acquire('x', { timeout: 1 }).catch(error => error)
  const shown = inspect([locks, lock, said, error, locks.clientId], { depth: 20, showHidden: true })
  t.match(locks.clientId, /^[0-9a-f]{32}$/)
  t.ok(shown.includes(locks.clientId))
  t.notOk(shown.includes(String(key)), 'no key')
  t.notOk(shown.includes(String(id)), 'and no id')
  await locks.close()
  for (const request of server.requests)
    if (!['open', 'resume', 'abandon'].includes(request[0]))
      t.notOk(JSON.stringify(request).includes(String(key)), request[0])
})
