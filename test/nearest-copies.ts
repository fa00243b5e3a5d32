// Nearest reads, at the servers: any whole copy answers, says how old it may be, and takes nothing from the primary.

import t from 'tap'
import { Clients } from '../lockserver/clients.ts'
import type { ServerHears, ServerInput } from '../lockserver/input.ts'
import { Leases } from '../lockserver/leases.ts'
import { ServerOutbox } from '../lockserver/outbox.ts'
import { ShownCopy } from '../lockserver/shown-copy.ts'
import { State } from '../lockserver/state/state.ts'
import { type Principal, principalOf } from '../wire/access/principal.ts'
import { saidOn } from '../wire/effects.ts'
import { channels, type Message, type MessageOf, type View } from '../wire/messages.ts'
import { Cluster, HandParty, type LockServerParty } from './fixtures/cluster.ts'
import { openOf } from './fixtures/said.ts'
import { started } from './fixtures/started-cluster.ts'

type Looked = MessageOf<'serverToClient', 'looked'>

/** What this server's copy shows to a client that asks it now. */
function looked(hand: HandParty, number: number, prefix = ''): Looked {
  hand.say(['look', number, prefix])
  const isAnswer = ([kind, of]: Message) => kind === 'looked' && of === number
  hand.network.until(() => hand.heard.some(isAnswer), 'an answer')
  return hand.heard.find(isAnswer) as Looked
}

const names = ([, , , held]: Looked) => held.map(({ name }) => name)

t.test('G7: a backup shows what its primary has shown, with its age, and asks it nothing', async t => {
  const { cluster, clients } = started(['a'])
  clients.a.wait(clients.a.acquire('x'))
  cluster.run(500)
  const hand = new HandParty(cluster, 'reader').dial(cluster.backup.address)
  const other = new HandParty(cluster, 'other').dial(cluster.primary.address)
  const answer = looked(hand, 1)
  t.same(names(answer), ['x'])
  t.same(answer[2], { more: false, cut: false, asOfMs: answer[2].asOfMs, onDisk: null })
  t.ok(answer[2].asOfMs > 0 && answer[2].asOfMs <= 3 * cluster.pingIntervalMs, `${answer[2].asOfMs} ms`)
  t.same(names(looked(other, 1)), ['x'], 'and so does the primary')
  t.same(names(looked(hand, 2, 'y')), [], 'of a prefix')
})

t.test('G7: a server without a copy says so, and stays', async t => {
  const { cluster } = started(['a'])
  const hand = new HandParty(cluster, 'reader').dial(cluster.idle.address)
  hand.say(['look', 7, ''])
  t.match(hand.hears('query-refused'), ['query-refused', 7, 'NO_COPY', /is idle and has no whole copy/])
  t.notOk(hand.closed)
})

t.test('G7: without a primary it is answered all the same, and grows old', async t => {
  const { cluster, clients } = started(['a'])
  clients.a.wait(clients.a.acquire('x'))
  cluster.run(500)
  const { backup } = cluster
  cluster.viewServer.kill()
  cluster.primary.kill()
  cluster.run(3_000)
  const hand = new HandParty(cluster, 'reader').dial(backup.address)
  const answer = looked(hand, 1)
  t.same(names(answer), ['x'])
  t.ok(answer[2].asOfMs >= 3_000, `${answer[2].asOfMs} ms`)
})

t.test('G7: the age covers all that the copy may lack', async t => {
  const { cluster, clients } = started(['a'])
  cluster.run(500)
  const { primary, backup } = cluster
  const hand = new HandParty(cluster, 'reader').dial(backup.address)
  hand.hears('welcome')
  cluster.network.onFrame = (from, to) => (from === primary && to === backup ? 'hold' : 'pass')
  const heldAt = cluster.network.now().monotonic
  clients.a.acquire('y')
  cluster.run(300)
  const answer = looked(hand, 1)
  t.same(names(answer), [], 'it has not come')
  const elapsed = cluster.network.now().monotonic - heldAt
  t.ok(answer[2].asOfMs >= elapsed - 20, `${answer[2].asOfMs} ms, held for ${elapsed} ms`)
})

/** A lock is held, and from the first look of this reader on the primary reaches the reader alone. */
function cutOff() {
  const { cluster, clients } = started(['a'])
  clients.a.wait(clients.a.acquire('x'))
  cluster.run(500)
  const { primary } = cluster
  const hand = new HandParty(cluster, 'reader').dial(primary.address)
  hand.hears('welcome')
  const first = looked(hand, 1)
  cluster.network.onFrame = (from, to) =>
    (from === primary && to !== hand) || (to === primary && from !== hand) ? 'hold' : 'pass'
  return { cluster, primary, hand, first }
}

t.test('G7, R1: a deposed primary shows how long it has not heard that it still is the primary', async t => {
  const { cluster, hand, first } = cutOff()
  t.ok(first[2].asOfMs <= 3 * cluster.pingIntervalMs)
  cluster.run(1_500)
  t.ok((cluster.view?.number ?? 0) > 2, 'another one is the primary')
  t.ok(looked(hand, 2)[2].asOfMs >= 1_400)
})

t.test('G7: a deposed primary shows nothing of what it has decided alone', async t => {
  const { cluster, primary, hand } = cutOff()
  cluster.until(() => primary.core.state?.sessions.size === 0, 'the end of the lease there', 60_000)
  hand.say(['look', 2, ''])
  t.match(hand.hears('query-refused'), ['query-refused', 2, 'NO_COPY', /may have been replaced/])
  t.equal(cluster.primary.core.state?.sessions.size, 1, 'the client goes on at another one')
})

t.test('G7: a primary without a backup is as of now', async t => {
  const { cluster } = started(['a'], { servers: 1 })
  cluster.run(500)
  const hand = new HandParty(cluster, 'reader').dial(cluster.primary.address)
  t.equal(looked(hand, 1)[2].asOfMs, 0)
})

t.test('G7, D1: what is on no disk yet is shown, and marked', async t => {
  const cluster = new Cluster({ durability: 'disk' })
  cluster.ready()
  const client = cluster.client('a')
  client.wait(client.acquire('x'))
  cluster.run(500)
  const { backup } = cluster
  const hand = new HandParty(cluster, 'reader').dial(backup.address)
  t.equal(looked(hand, 1)[2].onDisk, true)
  cluster.diskOf(backup.name).syncMs = 2_000
  client.acquire('y')
  cluster.run(200)
  const answer = looked(hand, 2)
  t.same(names(answer).sort(), ['x', 'y'])
  t.equal(answer[2].onDisk, false)
})

/** Asks a server as this principal does; what comes back. */
function asked(server: LockServerParty, principal: Principal | null, ...messages: Message[]): Message[] {
  const connection = 1_000_000
  const { core, network } = server
  const from = { kind: 'client', name: 'by hand' } as const
  const about = { cluster: null, owner: null, remote: '', principal }
  const steps: ServerInput[] = [
    { is: 'accepted', connection, from, ...about },
    { is: 'messages', connection, messages: saidOn<ServerHears>(messages) },
    { is: 'turn-end' },
    { is: 'closed', connection, refused: false },
  ]
  const effects = steps.flatMap(step => core.step(step, network.now()))
  return effects.flatMap(effect =>
    effect.do === 'send' && effect.connection === connection && effect.message[0] !== 'welcome'
      ? [effect.message]
      : [],
  )
}

t.test('G7, R3: a copy that is half received answers nothing', async t => {
  const { cluster } = started(['a'])
  const { idle } = cluster
  const old = cluster.view as View
  const view = { ...old, number: old.number + 1, backup: { id: idle.id, address: idle.address } }
  const from = { kind: 'primary', id: view.primary.id, to: idle.id, view } as const
  const about = { cluster: null, owner: null, remote: '', principal: null }
  const connection = 2_000_000
  const says = (...messages: Message[]) =>
    idle.core.step(
      { is: 'messages', connection, messages: saidOn<ServerHears>(messages) },
      cluster.network.now(),
    )
  idle.core.step({ is: 'accepted', connection, from, ...about }, cluster.network.now())
  const header = { ...channels.primaryToBackup.copy.example[2], opNumber: 3, sequence: 5, paused: null }
  says(['copy', view.number, header])
  t.match(asked(idle, null, ['look', 1, '']), [['query-refused', 1, 'NO_COPY', /is backup and has no whole/]])
  says(['chunk', view.number, 0, []])
  t.match(asked(idle, null, ['look', 2, '']), [['query-refused', 2, 'NO_COPY']])
  says(['whole', view.number, 1])
  t.match(asked(idle, null, ['look', 3, '']), [['looked', 3]])
})

t.test('G7, A2: a copy shows what may be read, and no more', async t => {
  const { cluster, clients } = started(['a'])
  for (const name of ['ours/1', 'theirs/1']) clients.a.wait(clients.a.acquire(name))
  cluster.run(500)
  const reader = principalOf('reader', [{ prefix: 'ours/', verbs: ['read'] }])
  const { backup } = cluster
  const [all] = asked(backup, reader, ['look', 1, '']) as [Looked]
  t.same(names(all), ['ours/1'])
  t.ok(all[2].cut, 'A2: there may be more')
  const [refused] = asked(backup, reader, ['look', 2, 'theirs/'])
  t.match(refused, ['query-refused', 2, 'NOT_ALLOWED', /reader may not read "theirs\/"/])
})

t.test('F20, G7: of a frame full of looks a copy answers a share at a time', async t => {
  const { cluster, clients } = started(['a'])
  for (let i = 0; i < 500; i++) clients.a.acquire(`x/${i}`)
  cluster.run(500)
  const most = 300
  const asking = Array.from({ length: most }, (_, i): Message => ['look', i, `x/${i}`])
  const hand = new HandParty(cluster, 'reader').dial(cluster.backup.address)
  hand.hears('welcome')
  hand.say(...asking)
  cluster.until(() => hand.heard.filter(([kind]) => kind === 'looked').length === most, 'all of them')
  const atOnce = asked(cluster.backup, null, ...asking).length
  t.ok(atOnce > 0 && atOnce < most, `${atOnce} at once`)
})

t.test('G7: who waits at a copy that becomes another part is told to ask elsewhere', async t => {
  const { cluster, clients } = started(['a'])
  for (let i = 0; i < 500; i++) clients.a.acquire(`x/${i}`)
  cluster.run(500)
  const { backup } = cluster
  const connection = 1_000_000
  const { core, network } = backup
  const from = { kind: 'client', name: 'by hand' } as const
  const asking = Array.from({ length: 300 }, (_, i): Message => ['look', i, `x/${i}`])
  const about = { cluster: null, owner: null, remote: '', principal: null }
  const effects = [
    ...core.step({ is: 'accepted', connection, from, ...about }, network.now()),
    ...core.step({ is: 'messages', connection, messages: saidOn<ServerHears>(asking) }, network.now()),
  ]
  const view = core.view
  if (view === null || view.backup === null) throw new Error('it is no backup')
  core.adopt({ ...view, number: view.number + 1, primary: view.backup, backup: null })
  effects.push(...core.step({ is: 'turn-end' }, network.now()))
  const answers = effects.flatMap(effect =>
    effect.do === 'send' && effect.connection === connection ? [effect.message[0]] : [],
  )
  const [shown, refused] = ['looked', 'query-refused'].map(kind => answers.filter(a => a === kind).length)
  t.ok(refused !== undefined && refused > 0, `${refused} of them`)
  t.equal((shown ?? 0) + (refused ?? 0), 300, 'and none hangs')
})

t.test('G7: what is decided before the question stands before its answer', async t => {
  const { cluster } = started(['a'])
  cluster.run(500)
  const { core, network } = cluster.primary
  const connection = 1_000_000
  const from = { kind: 'client', name: 'by hand' } as const
  const about = { cluster: null, owner: null, remote: '', principal: null }
  core.step({ is: 'accepted', connection, from, ...about }, network.now())
  const opens = [openOf('d'.repeat(32), 1, 10_000, 'by hand')]
  core.step({ is: 'messages', connection, messages: saidOn<ServerHears>(opens) }, network.now())
  const { number } = cluster.view as View
  const asks = saidOn<ServerHears>([['when', number, 7]])
  const effects = Array.from({ length: 12 }, (_, i) => -1 - i).flatMap(backup =>
    core.step({ is: 'messages', connection: backup, messages: asks }, network.now()),
  )
  const said = effects.flatMap(effect => (effect.do === 'send' ? [effect.message] : []))
  t.match(said, [
    ['replicate', number],
    ['as-of', number, 7],
  ])
  t.match(said[0]?.[5], [['open']])
})

t.test('G7: a copy is as of its question, once what came before the answer is applied', async t => {
  const now = { monotonic: 1_000, wall: 0 }
  const one = { id: 'p', address: 'ws://p' }
  const view: View = { group: 0, number: 3, primary: one, backup: null, durability: 'memory', start: null }
  const cluster = { cluster: 'c', group: 0, others: new Map(), map: null }
  const situation = { now, view, ...cluster, longestTtlMs: 0, ttlMaxMs: 600_000, viewServerConnected: true }
  const out = new ServerOutbox(situation, new Map())
  const copy = { received: 4, applied: 4, onDisk: null }
  const shown = { state: new State(), times: new Leases().times }
  const copied = new ShownCopy(out, situation, new Clients(out, new Map()), shown, copy, 900)
  t.equal(copied.age.asOfMs, 100)
  copied.tick(5)
  t.match(out.take(), [{ do: 'send', connection: 5, message: ['when', 3, 1] }])
  now.monotonic = 1_050
  copied.tick(5)
  t.same(out.take(), [], 'one question at a time')
  copy.received = 6
  copied.answered(1)
  t.equal(copied.age.asOfMs, 150, 'batches 5 and 6 are not applied')
  copy.applied = 6
  t.equal(copied.age.asOfMs, 50)
  copied.tick(null)
  copied.tick(6)
  t.match(out.take(), [{ do: 'send', message: ['when', 3, 2] }])
  copied.disconnected()
  copied.answered(2)
  now.monotonic = 1_100
  t.equal(copied.age.asOfMs, 100, 'an answer to nothing changes nothing')
})
