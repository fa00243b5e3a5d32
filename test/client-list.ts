// The list of sessions (C9): who has them, in order, page by page, with what each holds and waits for; as the query,
// the API, the command and the page have it.

import t from 'tap'
import { clientLines } from '../cli/clients.ts'
import { connect } from '../client/index.ts'
import { clientsPage, listClients } from '../lockserver/client-list.ts'
import { clientsQuery, clientsTable } from '../lockserver/pages/clients-page.ts'
import { wholeTerms } from '../lockserver/query.ts'
import type { Session } from '../lockserver/state/sessions.ts'
import { clientLocksMax, clientsPartMax, drawnLimits } from '../wire/limits.ts'
import type { ClientRecord, Message, MessageOf } from '../wire/messages.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { startCluster } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { opening, openOf, publicIdFor } from './fixtures/said.ts'
import { startSmallCluster } from './fixtures/small-cluster.ts'
import { StateStory } from './fixtures/state-story.ts'

const all = { who: '', after: 0 }
const shows = { wall: 0, termsOf: wholeTerms }

/** Three sessions: "a" holds two locks, "b" waits for one of them, "c" has nothing. */
function three() {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.state.wallMs = 5_000
  s.acquire(a, 'x')
  s.acquire(a, 'y', 'shared')
  s.acquire(b, ['w', 'x', 'z'])
  return { s, a, b, c }
}

t.test('C9: the list says who has a session, since when, and how much it has', async t => {
  const { s, a, b, c } = three()
  const { clients, next } = listClients(s.state, all, 8_000)
  t.equal(next, null)
  t.match(clients, [
    { clientId: a.publicId, clientName: 'a', held: 2, waiting: 0, openMs: 8_000, ttlMs: 10_000, locks: null },
    { clientId: b.publicId, clientName: 'b', held: 1, waiting: 1 },
    { clientId: c.publicId, clientName: 'c', held: 0, waiting: 0, host: null, pid: null },
  ])
  const shown = JSON.stringify(clients)
  for (const { id, keyHash } of [a, b, c]) t.notOk(shown.includes(id) || shown.includes(keyHash))
})

t.test('C9: of a client that is named it says what it holds and waits for', async t => {
  const { s, a, b } = three()
  const of = (who: string) => listClients(s.state, { who, after: 0 }, 8_000).clients
  t.match(of('b'), [
    {
      clientName: 'b',
      locks: {
        held: [{ name: 'w', mode: 'exclusive', heldMs: 3_000 }],
        pending: [{ name: 'x', mode: 'exclusive', waitedMs: 3_000 }],
        cut: false,
      },
    },
  ])
  t.match(of(a.publicId), [
    { clientName: 'a', locks: { held: [{ name: 'x' }, { name: 'y', mode: 'shared' }] } },
  ])
  t.equal(of(b.publicId.slice(0, 8)).length, 1)
  t.same(of(b.publicId.slice(0, 7)), [], 'seven digits are a name')
  t.same(of(b.id), [], 'the id itself means nobody')
  t.same(of('nobody'), [])
})

t.test('C9, B1: a page has a limit, and the next one begins behind it whatever ended meanwhile', async t => {
  const s = new StateStory()
  const count = 2 * clientsPartMax + 1
  for (let i = 0; i < count; i++) s.open(`s${i}`)
  const first = listClients(s.state, all, 0)
  t.same([first.clients.length, first.next], [clientsPartMax, clientsPartMax])
  s.apply(['abandon', first.next as number])
  const second = listClients(s.state, { who: '', after: first.next as number }, 0)
  t.equal(second.clients[0]?.clientName, `s${clientsPartMax}`)
  const third = listClients(s.state, { who: '', after: second.next as number }, 0)
  t.match(third, { clients: [{ clientName: `s${count - 1}` }], next: null })
  // A copy has them in another order.
  const ordinals = [...s.state.sessions.keys()].reverse()
  t.equal(clientsPage(s.state, ordinals, false, shows).clients[0]?.clientName, 's0')
})

t.test('B2: the locks of clients are listed as far as one answer has room for them', async t => {
  const s = new StateStory({ unansweredMax: 100_000 })
  for (const digit of ['a', 'b']) s.state.apply(opening(digit.repeat(32), 10_000, 'same'))
  const [a, b] = [...s.state.sessions.values()] as [Session, Session]
  for (const session of [a, b])
    for (let i = 0; i < clientLocksMax - 1; i++)
      s.state.apply([
        'acquire',
        session.ordinal,
        i + 1,
        [`${session.ordinal}/${i}`],
        'exclusive',
        'wait',
        null,
      ])
  const { clients } = listClients(s.state, { who: 'same', after: 0 }, 0)
  t.same(
    clients.map(({ locks, held }) => [locks?.held.length, locks?.cut, held]),
    [
      [clientLocksMax - 1, false, clientLocksMax - 1],
      [1, true, clientLocksMax - 1],
    ],
  )
})

t.test('B5: the page walks over the sessions in pieces, and has the same list', async t => {
  const { s } = three()
  for (let i = 0; i < 4_000; i++) s.open(`crowd ${i}`)
  let turns = 0
  const query = clientsQuery(new URLSearchParams({ limit: '2', after: '1' }))
  const page = await clientsTable(s.state, query, shows, async () => void turns++)
  t.equal(turns, 2)
  t.match(page, {
    total: 4_003,
    matching: 4_002,
    next: 3,
    clients: [{ clientName: 'b' }, { clientName: 'c' }],
  })
  const wrong = (parameters: Record<string, string>) => () => clientsQuery(new URLSearchParams(parameters))
  t.throws(wrong({ who: 'x'.repeat(257) }), /who/)
  t.throws(wrong({ limit: `${clientsPartMax + 1}` }), /limit/)
  t.throws(wrong({ after: '-1' }), /after/)
})

t.test('R1: what the list shows is confirmed by the backup, or says that it is not', async t => {
  const cluster = new Cluster()
  cluster.ready()
  const hand = new HandParty(cluster, 'hand').dial(cluster.primary.address)
  hand.hears('welcome')
  const page = (number: number) =>
    hand.heard.find(message => message[0] === 'clients' && message[1] === number) as
      | MessageOf<'serverToClient', 'clients'>
      | undefined
  hand.say(openOf('e'.repeat(32), 1, 10_000, 'hand'), ['clients', 1, '', true, 0])
  cluster.until(() => page(1) !== undefined, 'a page')
  t.match(page(1)?.[2], { next: null, confirmed: true })
  t.match(page(1)?.[3], [{ clientName: 'hand', clientId: publicIdFor('e'.repeat(32)), address: '127.0.0.1' }])
  cluster.network.onFrame = (from, to) =>
    from === cluster.backup && to === cluster.primary ? 'hold' : 'pass'
  hand.say(['clients', 2, '', true, 0], ['clients', 3, '', false, 0])
  cluster.until(() => page(3) !== undefined, 'an unconfirmed page')
  t.equal(page(3)?.[2].confirmed, false)
  t.equal(page(2), undefined, 'this one waits for the backup')
})

t.test('B1: lists of many sessions wait for turns of their own, as queries do', async t => {
  drawnLimits({ queriedInPlaceMax: 3 })
  t.teardown(() => drawnLimits({}))
  const cluster = new Cluster()
  cluster.ready()
  for (let i = 0; i < 5; i++) {
    const hand = new HandParty(cluster, `h${i}`).dial(cluster.primary.address)
    hand.hears('welcome')
    hand.say(openOf(`e${i}`.padEnd(32, '0'), 1, 10_000, `h${i}`))
    hand.hears('opened')
  }
  const asker = new HandParty(cluster, 'asker').dial(cluster.primary.address)
  asker.hears('welcome')
  const { turns } = cluster.primary
  asker.say(...Array.from({ length: 6 }, (_, i): Message => ['clients', i, '', true, 0]))
  const pages = () => asker.heard.filter(([kind]) => kind === 'clients').length
  cluster.until(() => pages() === 6, 'six pages')
  t.ok(cluster.primary.turns - turns >= 6, `${cluster.primary.turns - turns} turns`)
})

t.test('C9: a program lists the clients, all pages of them, and those of one name', async t => {
  const { view, primary, backup } = await startSmallCluster(t)
  drawnLimits({ clientsPartMax: 2 })
  t.teardown(() => drawnLimits({}))
  const programs = await Promise.all(
    ['one', 'two', 'three', 'four', 'five'].map(name => connect(view.address, { name })),
  )
  const [one, two] = programs as [(typeof programs)[0], (typeof programs)[0]]
  await using lock = await one.acquire('x')
  const waits = two.acquire('x').catch(() => {})
  await until('two waits', async () => (await one.query()).pending.length === 1)
  const { clients, confirmed } = await one.clients()
  t.ok(confirmed)
  t.same(clients.map(({ clientName }) => clientName).sort(), ['five', 'four', 'one', 'three', 'two'])
  t.same(clients.map(({ clientId }) => clientId).sort(), programs.map(({ clientId }) => clientId).sort())
  t.match(clients[0], { address: '127.0.0.1', pid: process.pid, version: /^\d+\.\d+\.\d+/, locks: null })
  t.match(await one.clients({ client: 'one' }), {
    clients: [{ held: 1, waiting: 0, locks: { held: [{ name: 'x', token: lock.token }], pending: [] } }],
  })
  t.match(await one.clients({ client: two.clientId, confirmed: false }), {
    clients: [{ clientName: 'two', locks: { held: [], pending: [{ name: 'x' }] } }],
  })
  for (const options of [{ who: 'x' }, { client: 5 }, { confirmed: 1 }, { timeout: -1 }])
    await t.rejects(one.clients(options as object), TypeError)
  for (const server of [primary, backup]) {
    const response = await fetch(`${server.pages}/clients?who=one`)
    t.match(await response.json(), { total: 5, matching: 1, clients: [{ locks: { held: [{ name: 'x' }] } }] })
    t.equal((await fetch(`${server.pages}/clients?after=x`)).status, 400)
  }
  await Promise.all(programs.map(program => program.close()))
  await waits
})

t.test('against a cluster: holdfast clients', async t => {
  const { start, run, json } = await startCluster(t)
  const holder = start('hold', 'clients/a', '--json')
  await holder.json(({ name }) => name === 'clients/a')
  const { clients } = (await json('clients')) as { clients: ClientRecord[] }
  const held = clients.filter(({ clientName }) => clientName.startsWith('holdfast hold'))
  t.match(held, [{ held: 1, waiting: 0, locks: null }])
  const id = held[0]?.clientId as string
  const told = await run('clients', id.slice(0, 8))
  t.equal(told.code, 0)
  t.match(told.stdout, /^CLIENT +CLIENT ID +HOST +PID +ADDRESS +VERSION +SINCE +HOLDS +WAITS\n/)
  t.match(
    told.stdout,
    new RegExp(`${id.slice(0, 8)}.*\n {2}has held "clients/a" for .*: exclusive, token \\d+\n`),
  )
  t.match(await run('clients', 'nobody'), { code: 0, stdout: 'no client is called "nobody"\n' })
  t.match(await run('clients', 'x'.repeat(300)), { code: 2 })
})

t.test('lines of the command: what clients call themselves stays in its line', async t => {
  const ofFive = { permits: { of: 5, take: 2 }, note: 'why', keptMs: null, endsMs: null, once: null }
  const client: ClientRecord = {
    ...{ clientId: 'a'.repeat(32), clientName: 'evil\nname', host: 'h\r', pid: null, version: '1\u001b[2J' },
    ...{ address: '10.0.0.9', openMs: 61_000, ttlMs: 10_000, held: 1, waiting: 1 },
    locks: {
      held: [{ name: 'l\n', mode: 'exclusive', token: 7, heldMs: 1_000, terms: null }],
      pending: [{ name: 'm', mode: 'permits', waitedMs: 2_000, terms: ofFive }],
      cut: false,
    },
  }
  const lines = clientLines({ confirmed: false, clients: [client] }, '')
  t.equal(lines.length, 5)
  t.match(lines[0], /^unconfirmed/)
  t.match(lines[4], /: 2 of 5; why$/)
  for (const line of lines) t.same(line, line.replaceAll(/\p{Cc}/gu, ''))
  t.same(clientLines({ confirmed: true, clients: [] }, ''), ['no client has a session'])
})
