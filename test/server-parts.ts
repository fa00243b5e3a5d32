// Small parts of both kinds of servers, each alone: what is parked, dialled, counted, leased, asked. What they are for in
// the whole is shown by the stories of the rules.

import t from 'tap'
import type { Client } from '../lockserver/clients.ts'
import { ServerCounts } from '../lockserver/counts.ts'
import { Leases } from '../lockserver/leases.ts'
import { type OpenRequest, Opens } from '../lockserver/opens.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import { Parking } from '../lockserver/parking.ts'
import type { InView, Situation } from '../lockserver/situation.ts'
import type { Session } from '../lockserver/state/sessions.ts'
import { ViewLink, type ViewLinkOwner } from '../lockserver/view-link.ts'
import { ViewOutbox } from '../viewservice/outbox.ts'
import { Probes } from '../viewservice/probes.ts'
import { Question } from '../viewservice/question.ts'
import type { ViewRecord } from '../viewservice/record.ts'
import type { KnownServer, Servers } from '../viewservice/servers.ts'
import { lossOf, statusOf } from '../viewservice/status.ts'
import type { MessageOf } from '../wire/messages.ts'

const client = () => ({ parked: 0, opening: false }) as Client
const echo = (number: number): MessageOf<'clientToServer'> => ['echo', number]

t.test('R3: requests of who leaves are parked no more, all others stay in their order', async t => {
  const parking = new Parking()
  const [a, b, c] = [client(), client(), client()]
  for (const [i, each] of [a, b, c, a, b, c, a, b].entries()) parking.add(each, echo(i))
  const taken = [parking.take(), parking.take()].map(parked => parked?.request[1])
  t.same(taken, [0, 1])
  parking.gone(a)
  t.same([parking.size, a.parked, b.parked, c.parked], [4, 0, 2, 2])
  const left = Array.from({ length: 4 }, () => parking.take()?.request[1])
  t.same([...left, parking.take()], [2, 4, 5, 7, undefined])
})

function situation(): Situation {
  const now = { monotonic: 1_000, wall: 1_700_000_000_000 }
  return { now, view: null, cluster: null, longestTtlMs: 10_000, viewServerConnected: true }
}

t.test('a hand-over is timed by the monotonic clock', async t => {
  const counts = new ServerCounts()
  const now = situation()
  const out = new ServerOutbox(now, new Map(), counts)
  now.now = { monotonic: 1_007, wall: 5 }
  out.count({ is: 'handed over', since: 1_000 })
  t.equal(counts.handOver.sumMs, 7)
})

t.test('F9: each of several view servers is dialled in turn, and a new silence begins with each', async t => {
  const at = situation()
  const out = new ServerOutbox(at, new Map())
  const owner = { hello: { kind: 'lockserver' } } as ViewLinkOwner
  const link = new ViewLink(out, at, ['ws://v:1', 'ws://v:2'], 5, owner)
  const dialled: string[] = []
  for (let tick = 0; tick < 30; tick++) {
    link.tick()
    for (const effect of out.take()) {
      if (effect.do === 'close') t.fail('a dial has the whole ping limit')
      if (effect.do !== 'dial') continue
      dialled.push(effect.address)
      link.closed()
    }
  }
  t.same(dialled.slice(0, 4), ['ws://v:1', 'ws://v:2', 'ws://v:1', 'ws://v:2'])
})

t.test('S4: an open with a long ttl waits for the record, and for no longer than a ping limit', async t => {
  const opens = new Opens(situation() as InView, 3)
  const each = client()
  opens.add(each, ['open', 'id', 1, 60_000, ''] as unknown as OpenRequest)
  const covered = [0, 1, 2].map(() => {
    opens.tick()
    return opens.take() === undefined ? 0 : 1
  })
  t.same(covered, [0, 0, 1])
})

const session = (ordinal: number, ttlMs: number) => ({ ordinal, ttlMs, rests: true }) as unknown as Session

t.test('S3: each lease is found when it is over, in whatever order they were given', async t => {
  const ttls = [9_000, 1_000, 5_000, 3_000, 7_000]
  for (let turn = 0; turn < ttls.length; turn++) {
    const leases = new Leases()
    const order = [...ttls.slice(turn), ...ttls.slice(0, turn)]
    for (const [i, ttl] of order.entries()) leases.set(i + 1, ttl)
    const found: number[] = []
    for (let now = 0; now <= 10_000; now += 500)
      for (const ordinal of leases.due(now, new Map()).sessions) {
        t.equal(now, order[ordinal - 1])
        leases.forget(session(ordinal, 0))
        found.push(ordinal)
      }
    t.equal(found.length, ttls.length)
  }
})

t.test(
  'S4: a rest is given once, also by the next primary, and a lease that is long anyhow keeps its length',
  async t => {
    const leases = new Leases()
    const one = session(1, 1_000)
    leases.renew(one, 0)
    t.same(leases.due(1_000, new Map([[1, one]])).sessions, [], 'it rests')
    t.equal(leases.remainingMs(one, 1_000), 0, 'the rest is for the next primary to give')
    const long = session(2, 600_000)
    leases.renew(long, 0)
    t.same(leases.due(599_999, new Map([[2, long]])).sessions.includes(2), false)
    leases.due(600_000, new Map([[2, long]]))
    t.ok(leases.remainingMs(long, 0) <= 600_000)
    leases.forget(one)
    t.same(leases.due(10_000_000, new Map([[1, one]])).sessions.includes(1), false)
  },
)

t.test('V3: only the answer to the newest question counts', async t => {
  const question = new Question(new ViewOutbox())
  const backup = { id: 'b', connection: 1 } as KnownServer
  const answer = { view: 3, role: 'backup', inSync: true } as const
  question.ask(3, 'leaving', backup)
  question.ask(3, 'dead', backup)
  t.notOk(question.answered('b', 1, answer))
  t.notOk(question.backupInSync)
  t.ok(question.answered('b', 2, answer))
  t.ok(question.backupInSync)
})

t.test(
  'V5, V7: a probe names its cluster, and the same question can be asked again once it is over',
  async t => {
    const out = new ViewOutbox()
    const probes = new Probes(out, 2)
    const server = { id: 'a', address: 'ws://a:1' }
    for (const purpose of ['verify', 'lost', 'reset'] as const) {
      probes.start(purpose, server, 'c')
      t.match(out.take(), [{ do: 'dial', cluster: 'c', address: 'ws://a:1' }])
      probes.tick()
      t.match(probes.tick(), [{ outcome: { is: 'no news' } }])
      t.equal(probes.asked(purpose), 0)
      out.take()
    }
    probes.start('lost', server, 'c')
    probes.tick()
    const [dialled] = out.take()
    const { connection } = dialled as { connection: number }
    t.match(probes.closed(connection, false), { outcome: { is: 'cut' } })
  },
)

t.test('F14: a state is lost, or survives a death, by what its view has made sure', async t => {
  const [primary, backup] = ['p', 'b'].map(id => ({ id, address: `ws://${id}:1` }))
  for (const [acked, dead, lost, survives] of [
    [true, [], false, 1],
    [false, [], false, 0],
    [true, ['p'], false, 0],
    [false, ['p'], true, 0],
    [true, ['p', 'b'], true, 0],
  ] as const) {
    const isDead = ({ id }: { id: string }) => dead.some(each => each === id)
    const living = { isDead, lives: (server: { id: string }) => !isDead(server), all: () => [] }
    const servers = { ...living, named: (id: string) => ({ id }) } as unknown as Servers
    const record = { view: { number: 2, primary, backup, start: null }, acked } as unknown as ViewRecord
    t.equal(lossOf(record, servers) !== null, lost)
    t.equal(statusOf(record, servers, null, 1, 0).survives, survives)
  }
})
