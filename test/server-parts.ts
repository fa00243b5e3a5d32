// Small parts of both kinds of servers, each alone: what is parked, dialled, counted, leased, asked. What they are for in
// the whole is shown by the stories of the rules.

import t from 'tap'
import { BackupLink } from '../lockserver/backup-link.ts'
import type { Client } from '../lockserver/clients.ts'
import { ServerCounts } from '../lockserver/counts.ts'
import { Expiry } from '../lockserver/expiry.ts'
import { Leases } from '../lockserver/leases.ts'
import { type OpenRequest, Opens } from '../lockserver/opens.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import { Parking } from '../lockserver/parking.ts'
import type { Peers } from '../lockserver/peers.ts'
import { listLocks } from '../lockserver/query.ts'
import { RunningLockServer } from '../lockserver/running.ts'
import type { InView, Situation } from '../lockserver/situation.ts'
import { Facts } from '../lockserver/state/facts.ts'
import { type InLine, Line } from '../lockserver/state/line.ts'
import type { Session } from '../lockserver/state/sessions.ts'
import type { State } from '../lockserver/state/state.ts'
import { acquireBytes, replyBytes } from '../lockserver/state/tally.ts'
import { Stream } from '../lockserver/stream.ts'
import { ViewLink, type ViewLinkOwner } from '../lockserver/view-link.ts'
import { ViewLinks } from '../lockserver/view-links.ts'
import { ViewOutbox } from '../viewservice/outbox.ts'
import { Probes } from '../viewservice/probes.ts'
import { Question } from '../viewservice/question.ts'
import type { ViewRecord } from '../viewservice/record.ts'
import type { KnownServer, Servers } from '../viewservice/servers.ts'
import { lossOf, statusOf } from '../viewservice/status.ts'
import {
  promotionGraceMs,
  replicateTextMax,
  restLeaseMs,
  stateLimits,
  unreachableMax,
} from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import { isLoopback } from '../wire/net/listen.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import { addressQuotas } from '../wire/options.ts'
import { StateStory } from './fixtures/state-story.ts'

const client = () => ({ parked: 0, opening: false }) as Client
const echo = (number: number): MessageOf<'clientToServer'> => ['echo', number]

t.test('R3: requests of who leaves are parked no more, all others stay in their order', async t => {
  const parking = new Parking()
  const [a, b, c] = [client(), client(), client()]
  for (const [i, each] of [a, b, c, a, b, c, a, b].entries()) parking.add(each, echo(i))
  const taken = [parking.take(), parking.take()].map(parked => parked.request[1])
  t.same(taken, [0, 1])
  parking.gone(a)
  t.same([parking.size, a.parked, b.parked, c.parked], [4, 0, 2, 2])
  const left = Array.from({ length: 4 }, () => parking.take().request[1])
  t.same([...left, parking.size], [2, 4, 5, 7, 0])
})

function situation(): Situation {
  const now = { monotonic: 1_000, wall: 1_700_000_000_000 }
  return {
    now,
    view: null,
    cluster: null,
    longestTtlMs: 10_000,
    ttlMaxMs: 600_000,
    viewServerConnected: true,
    group: 0,
    others: new Map(),
    map: null,
  }
}

t.test('a hand-over is timed by the monotonic clock', async t => {
  const counts = new ServerCounts()
  const now = situation()
  const out = new ServerOutbox(now, new Map(), counts)
  now.now = { monotonic: 1_007, wall: 5 }
  out.count({ is: 'handed over', since: 1_000 })
  t.equal(counts.handOver.sumMs, 7)
})

/** The links to two view servers, and what they did. */
function linksToTwo() {
  const at = situation()
  const out = new ServerOutbox(at, new Map())
  const owner = { hello: { kind: 'lockserver' }, pingNow: {}, ponged() {}, viewFromViewServer() {} }
  Object.assign(owner, { welcomedByViewServer() {}, answerNow: {} })
  const links = new ViewLinks(out, at, ['ws://v:1', 'ws://v:2'], 5, owner as unknown as ViewLinkOwner)
  const say = (connection: number, ...message: unknown[]) =>
    links.messages(connection, [message as unknown as MessageOf<'viewToServer'>])
  links.tick()
  const [first, second] = out.take().map(effect => (effect.do === 'dial' ? effect.connection : 0))
  return { links, out, say, first: first as number, second: second as number }
}

t.test(
  'E5: all view servers stay connected, and the one with the largest mark is pinged each tick',
  async t => {
    const { links, out, say, first, second } = linksToTwo()
    const pinged = (ticks: number) => {
      for (let i = 0; i < ticks; i++) {
        links.tick()
        say(first, 'pong', null, false, 1, 0, 60_000)
        say(second, 'pong', null, false, 1, 7, 60_000)
      }
      const sent = out.take().flatMap(effect => (effect.do === 'send' ? [effect.connection] : []))
      return [first, second].map(link => sent.filter(connection => connection === link).length)
    }
    say(first, 'welcome', { mark: 0 })
    say(second, 'welcome', { mark: 7 })
    t.same(pinged(4), [0, 4])
    t.same(pinged(6), [2, 6], 'the other one now and then')
    say(first, 'welcome', { mark: 9 })
    out.take()
    links.ping()
    t.same(
      out.take().map(effect => effect.do === 'send' && effect.connection),
      [first],
      'whoever takes the mark over is pinged from then on',
    )
    say(first, 'welcome', { mark: 0 })
    out.take()
    links.ping()
    t.same(
      out.take().map(effect => effect.do === 'send' && effect.connection),
      [second],
      'and not once it has lost it',
    )
    t.end()
  },
)

t.test('E5: a view server that is gone has no mark any more, and is dialled again', async t => {
  const { links, out, say, first, second } = linksToTwo()
  say(first, 'welcome', { mark: 3 })
  say(second, 'welcome', { mark: 2 })
  links.closed(first, undefined)
  links.ping()
  t.ok(out.take().some(effect => effect.do === 'send' && effect.connection === second))
  for (let tick = 0; tick < 2; tick++) links.tick()
  t.match(
    out.take().filter(effect => effect.do === 'dial'),
    [{ address: 'ws://v:1' }],
  )
  t.end()
})

t.test('S4: an open with a long ttl waits for the record, and for no longer than a ping limit', async t => {
  const opens = new Opens(situation() as InView, 3)
  const each = client()
  opens.add(each, ['open', 'id', 'key', 1, 60_000, ''] as unknown as OpenRequest)
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
  const answer = { group: 0, view: 3, role: 'backup', inSync: true } as const
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
    t.match(probes.closed(connection, false, null), { outcome: { is: 'cut' } })
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
    const record = {
      view: { group: 0, number: 2, primary, backup, durability: 'memory', start: null },
      acked,
    } as unknown as ViewRecord
    t.equal(lossOf(record, servers) !== null, lost)
    t.equal(statusOf([{ number: 0, record, recovery: null }], servers, null, 0).survives, survives)
  }
})

/** Backups that are connected to, one after the other; each gets the view with its own number. */
function linkTo(deadPings: number) {
  const backup = (number: number) => ({ id: `b${number}`, address: `ws://b${number}:1` })
  const viewOf = (number: number) => ({
    group: 0,
    number,
    primary: backup(0),
    backup: backup(number),
    durability: 'memory' as const,
    start: null,
  })
  const at = { ...situation(), view: viewOf(1) }
  const carried = { connected: () => true, disconnected() {} }
  const link = new BackupLink(new ServerOutbox(at, new Map()), at, 'b0', deadPings, carried)
  const enter = (number: number) => {
    at.view = viewOf(number)
    link.enter()
  }
  return { link, enter }
}

t.test('V7: of too many unreachable addresses the oldest is forgotten', t => {
  const { link, enter } = linkTo(3)
  for (let number = 1; number <= unreachableMax + 1; number++) {
    enter(number)
    link.refuse('silent')
  }
  const kept = Array.from({ length: unreachableMax }, (_, i) => `ws://b${i + 2}:1`)
  t.same(link.unreachable, kept)
  t.end()
})

t.test('V7: each new backup has the whole ping limit, however long the one before was silent', t => {
  const { link, enter } = linkTo(3)
  link.tick()
  link.tick()
  enter(2)
  link.tick()
  link.tick()
  t.same(link.unreachable, [])
  link.tick()
  t.same(link.unreachable, ['ws://b2:1'])
  t.end()
})

t.test('F9: a view server counts as connected from its welcome until its connection ends', t => {
  const at = situation()
  const owner = { hello: { kind: 'lockserver' }, welcomedByViewServer() {} } as unknown as ViewLinkOwner
  const link = new ViewLink(new ServerOutbox(at, new Map()), at, 'ws://v:1', 5, owner)
  link.tick(true)
  t.notOk(link.connected)
  link.messages([['welcome', {}] as unknown as MessageOf<'viewToServer'>])
  t.ok(link.connected)
  link.closed(undefined)
  t.notOk(link.connected)
  t.end()
})

t.test('R5: a connection that the core has closed has no peer any more', t => {
  const peers: Peers = new Map([[7, { is: 'primary' }]])
  const out = new ServerOutbox(situation(), peers)
  const dialled = out.dial('ws://b:1', null, { kind: 'probe' })
  t.same([...peers.keys()], [7, dialled])
  out.close(7, null, 'over')
  out.close(dialled, null, 'over')
  t.equal(peers.size, 0)
  t.end()
})

t.test('S3: a session that was heard while its lease ended is looked at again', t => {
  const leases = new Leases()
  const one = {
    ...session(1, 1_000),
    rests: false,
    holds: new Map(),
    waiting: new Map(),
  } as unknown as Session
  const sessions = new Map([[1, one]])
  leases.renew(one, 0)
  const expiry = new Expiry()
  expiry.begin(leases.due(1_000, sessions).sessions, 1_000)
  t.same(
    expiry.take(sessions, leases, () => true),
    [],
  )
  t.same(leases.due(1_100, sessions).sessions, [1])
  t.end()
})

t.test('S4: a session that is over has no lease, also if it rested and is named once more', t => {
  const leases = new Leases()
  const one = session(1, 1_000)
  leases.renew(one, 0)
  leases.due(1_000, new Map([[1, one]]))
  leases.forget(one)
  leases.wake(one, 2_000)
  t.same(leases.due(10_000_000, new Map()).sessions, [])
  t.end()
})

t.test('S3, S4: a rest makes no lease shorter, and a promotion gives two ping limits', t => {
  t.same([1_000, 10_000, 60_000, 600_000].map(restLeaseMs), [12_000, 120_000, 120_000, 600_000])
  t.equal(promotionGraceMs(500), 1_000)
  t.end()
})

t.test('L3: an item that has left a line takes no other out when it leaves again', t => {
  interface Item extends InLine<Item> {
    readonly name: string
  }
  const line = new Line<Item>()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name): Item => ({ name, ahead: null, behind: null }))
  if (!a || !b || !c || !d) throw new Error('four items')
  for (const item of [a, b, c]) line.enter(item)
  line.leave(b)
  line.enter(d, c)
  line.leave(b)
  t.same(
    [...line].map(({ name }) => name),
    ['a', 'd', 'c'],
  )
  t.equal(line.size, 3)
  t.end()
})

t.test('R1: facts are taken in their order, to the last one', t => {
  const facts = new Facts<{ readonly number: number }>()
  for (const count of [1, 2, 3, 20, 2]) {
    for (let number = 0; number < count; number++) facts.add({ number })
    for (let number = 0; number < count; number++) t.same(facts.take(), { number })
    t.equal(facts.take(), undefined)
  }
  t.end()
})

t.test('R3, B4: a batch is full when its names fill a frame, however few they are', t => {
  const stream = new Stream(situation() as InView, { opNumber: 0, wallMs: 0, digest: 0 } as State)
  const names = Array.from({ length: 16 }, (_, i) => `${i}`.padEnd(1_000, 'n'))
  const most = Math.ceil(replicateTextMax / 16_000)
  for (let count = 1; count <= most; count++) {
    t.notOk(stream.full)
    stream.add(['acquire', 1, count, names, 'exclusive', 'wait', null], false, 0)
  }
  t.ok(stream.full)
  t.end()
})

t.test('R1: a query lists holds in the order of their tokens', t => {
  const story = new StateStory()
  const [a, b] = [story.open('a'), story.open('b')]
  story.acquire(a, 'x', 'shared')
  story.acquire(a, 'y')
  story.acquire(b, 'x', 'shared')
  const held = listLocks(story.state, '', 0).parts.flatMap(part => part.held)
  t.same(
    held.map(({ name }) => name),
    ['x', 'y', 'x'],
  )
  t.end()
})

t.test('B4: an acquire of many names is weighed as much as one of each', t => {
  const names = ['a', 'some/longer name', 'b']
  const each = names.reduce((sum, name) => sum + acquireBytes([name]) - replyBytes, replyBytes)
  t.equal(acquireBytes(names), each)
  t.end()
})

t.test('B3, B7: loopback is an address and not the beginning of a name; each quota is its own', t => {
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost']) t.ok(isLoopback(host), host)
  for (const host of [
    '127.0.0.1.example.org',
    '127.0.0.1:80',
    'localhost.example.org',
    '0.0.0.0',
    '128.0.0.1',
  ])
    t.notOk(isLoopback(host), host)
  t.same(addressQuotas({ connectionsPerAddress: 3, framesPerAddress: 5 }), {
    connectionsPerAddress: 3,
    framesPerAddress: 5,
  })
  t.same(addressQuotas({ framesPerAddress: 5 }), { connectionsPerAddress: null, framesPerAddress: 5 })
  t.end()
})

t.test('R4: a server that finds its state broken ends with an exit status that says so', t => {
  const ended: number[] = []
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const running = new RunningLockServer(
    {
      address: 'ws://a:1',
      viewServers: ['ws://v:1'],
      pingIntervalMs: 100,
      deadPings: 5,
      drainMs: 100,
      limits: stateLimits,
      secret: null,
      log: quiet,
      pid: 1,
      host: 'h',
    },
    new MemoryRuntime(new Map()),
    { ended: status => void ended.push(status) },
  )
  running.core.step = () => {
    throw new Error('broken')
  }
  running.start()
  t.same(ended, [1])
  t.end()
})
