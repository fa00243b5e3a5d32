// Every message of every channel in every role, also where a core must refuse it: on the real
// cores, without a socket. A cluster on a simulated clock brings a core into its role; the test
// then speaks to it by hand, under connection numbers that the simulated network does not know.

import t from 'tap'
import type { ServerHears, ServerInput } from '../lockserver/input.ts'
import type { ServerEffect } from '../lockserver/outbox.ts'
import type { ViewEffect, ViewHears, ViewInput } from '../viewservice/record.ts'
import type { SeatEffect } from '../viewservice/seat.ts'
import { saidOn } from '../wire/effects.ts'
import { type Channel, channels, type HelloFrom, type Message, type View } from '../wire/messages.ts'
import { firstMap } from '../wire/slots.ts'
import { Cluster, type LockServerParty, type ViewServerParty } from './fixtures/cluster.ts'
import { abandonOf, idleHello, opening, openOf, resumeOf } from './fixtures/said.ts'

type Effect = ServerEffect | ViewEffect | SeatEffect
type Party = LockServerParty | ViewServerParty

const id = 'e'.repeat(32)
const session = 'd'.repeat(32)
const asClient: HelloFrom = { kind: 'client', name: 'by hand' }

/** Speaks to one core; no party receives the core's actions. */
class ByHand {
  static #connections = 1_000_000
  readonly party: Party
  readonly connection = ++ByHand.#connections
  readonly effects: Effect[] = []

  constructor(party: Party) {
    this.party = party
  }

  hello(from: HelloFrom, cluster: string | null = null): this {
    return this.#step({
      is: 'accepted',
      connection: this.connection,
      cluster,
      from,
      owner: null,
      remote: '',
      principal: null,
    })
  }

  say(...messages: Message[]): this {
    return this.#step({
      is: 'messages',
      connection: this.connection,
      messages: saidOn<ServerHears & ViewHears>(messages),
    })
  }

  #step(input: ServerInput & ViewInput): this {
    const { core, network } = this.party
    this.effects.push(...core.step(input, network.now()), ...core.step({ is: 'turn-end' }, network.now()))
    return this
  }

  /** What the core sent back on this connection, and how it closed it. */
  get outcome(): string {
    const words: string[] = []
    for (const effect of this.effects) {
      if (!('connection' in effect) || effect.connection !== this.connection) continue
      if (effect.do === 'send') words.push(effect.message[0])
      if (effect.do === 'close') words.push(`closed ${effect.code ?? 'without a code'}`)
    }
    return words.join(', ') || 'ignored'
  }

  forget(): this {
    this.effects.length = 0
    return this
  }
}

/** A primary alone, so that answers need not wait; and a pair with an idle third server. */
function alone(): Cluster {
  const cluster = new Cluster({ servers: 1 })
  cluster.ready(false)
  return cluster
}
function trio(): Cluster {
  const cluster = new Cluster()
  cluster.ready()
  return cluster
}

const open: Message = openOf(session, 1, 10_000, 'by hand')
const requests: Record<keyof typeof channels.clientToServer, Message> = {
  open: openOf(id, 1, 10_000, 'x'),
  resume: resumeOf(id, 1, 1, []),
  abandon: abandonOf(id),
  renew: ['renew', 4],
  acquire: ['acquire', 1, ['a'], 'exclusive', 'wait', null],
  cancel: ['cancel', 1, 1],
  release: ['release', 1, 5],
  fail: ['fail', 1, 5],
  'set-note': ['set-note', 1, 5, 'a note'],
  'force-release': ['force-release', 1, 'a', null],
  'forget-key': ['forget-key', 1, 'a', 'k'],
  end: ['end', 1],
  acknowledge: ['acknowledge', [1, 1], []],
  query: ['query', 1, '', true],
  look: ['look', 1, ''],
  clients: ['clients', 1, '', true, 0],
  watch: ['watch', 1, ''],
  seen: ['seen', 1, 0],
  unwatch: ['unwatch', 1],
  testify: ['testify', 1],
  token: ['token', 'a newer one'],
  echo: ['echo', 1],
}
type Request = keyof typeof requests

// ---- clients

const expected: Record<Request, { session: string; none: string; notPrimary: string }> = {
  open: { session: 'closed UNEXPECTED_MESSAGE', none: 'opened', notPrimary: 'closed NOT_PRIMARY' },
  resume: { session: 'closed UNEXPECTED_MESSAGE', none: 'unknown-session', notPrimary: 'closed NOT_PRIMARY' },
  abandon: { session: 'ignored', none: 'ignored', notPrimary: 'closed NOT_PRIMARY' },
  renew: { session: 'renewed', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  acquire: { session: 'granted', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  cancel: { session: 'cancel-done', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  release: { session: 'released', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  fail: { session: 'released', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  'set-note': { session: 'noted', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  'force-release': {
    session: 'force-released',
    none: 'closed UNEXPECTED_MESSAGE',
    notPrimary: 'closed NOT_PRIMARY',
  },
  'forget-key': {
    session: 'key-forgotten',
    none: 'closed UNEXPECTED_MESSAGE',
    notPrimary: 'closed NOT_PRIMARY',
  },
  end: {
    session: 'ended, unknown-session',
    none: 'closed UNEXPECTED_MESSAGE',
    notPrimary: 'closed NOT_PRIMARY',
  },
  acknowledge: { session: 'ignored', none: 'closed UNEXPECTED_MESSAGE', notPrimary: 'closed NOT_PRIMARY' },
  query: { session: 'locks', none: 'locks', notPrimary: 'closed NOT_PRIMARY' },
  look: { session: 'looked', none: 'looked', notPrimary: 'looked' },
  clients: { session: 'clients', none: 'clients', notPrimary: 'closed NOT_PRIMARY' },
  watch: { session: 'watching', none: 'watching', notPrimary: 'closed NOT_PRIMARY' },
  seen: { session: 'ignored', none: 'ignored', notPrimary: 'closed NOT_PRIMARY' },
  unwatch: { session: 'ignored', none: 'ignored', notPrimary: 'closed NOT_PRIMARY' },
  testify: { session: 'testimony', none: 'testimony', notPrimary: 'testimony' },
  token: {
    session: 'closed UNEXPECTED_MESSAGE',
    none: 'closed UNEXPECTED_MESSAGE',
    notPrimary: 'closed UNEXPECTED_MESSAGE',
  },
  echo: { session: 'echoed', none: 'echoed', notPrimary: 'echoed' },
}

for (const [kind, { session: inSession, none, notPrimary }] of Object.entries(expected)) {
  const request = requests[kind as Request]
  t.test(`a client says ${kind}`, async t => {
    const { primary } = alone()
    t.equal(
      new ByHand(primary).hello(asClient).say(open).forget().say(request).outcome,
      inSession,
      'in a session',
    )
    t.equal(new ByHand(primary).hello(asClient).forget().say(request).outcome, none, 'without a session')
    const cluster = trio()
    for (const server of [cluster.backup, cluster.idle])
      t.equal(
        new ByHand(server).hello(asClient).forget().say(request).outcome,
        kind === 'look' && server.core.role === 'idle' ? 'query-refused' : notPrimary,
        `at the ${server.core.role}`,
      )
    const held = new ByHand(cluster.primary).hello(asClient).forget().say(request).outcome
    const isHeld = !none.startsWith('closed') && !['echoed', 'testimony', 'looked'].includes(none)
    const atOnce = isHeld ? 'ignored' : none
    t.equal(held, atOnce, 'R1: with a backup, answers wait for it')
    t.equal(cluster.problem(), undefined)
  })
}

t.test('R1: at a primary with a backup every answer of a session waits for the backup', async t => {
  for (const kind of Object.keys(requests) as Request[]) {
    if (
      kind === 'open' ||
      kind === 'resume' ||
      kind === 'abandon' ||
      kind === 'acknowledge' ||
      kind === 'testify' ||
      kind === 'token' ||
      kind === 'look' ||
      kind === 'echo'
    )
      continue
    const { primary } = trio()
    t.equal(
      new ByHand(primary).hello(asClient).say(open).forget().say(requests[kind]).outcome,
      'ignored',
      kind,
    )
  }
})

t.test('messages of a client after its connection was closed are ignored', async t => {
  const { primary } = alone()
  const peer = new ByHand(primary).hello(asClient).say(requests.acquire).forget()
  for (const request of Object.values(requests)) t.equal(peer.say(request).outcome, 'ignored', request[0])
})

// ---- hellos

t.test('each kind of server accepts the hellos of its own peers only', async t => {
  const cluster = trio()
  const view = cluster.view as View
  const { primary, backup, idle, viewServer } = cluster
  const lockserver: HelloFrom = idleHello(id, 'ws://new')
  const asPrimary = (to: string, from = view.primary.id, of = view): HelloFrom => ({
    kind: 'primary',
    id: from,
    to,
    view: of,
  })
  const older = { ...view, number: view.number - 1 }
  const rows: [string, Party, HelloFrom, string][] = [
    ['a client to the primary', primary, asClient, 'welcome'],
    ['a client to the backup', backup, asClient, 'welcome'],
    ['a client to an idle server', idle, asClient, 'welcome'],
    ['a client to the view server', viewServer, asClient, 'welcome'],
    ['a probe of a lock server', idle, { kind: 'probe' }, 'welcome'],
    ['a probe of a view server', viewServer, { kind: 'probe' }, 'closed UNEXPECTED_MESSAGE'],
    ['a lock server to the view server', viewServer, lockserver, 'welcome'],
    ['a primary to the view server', viewServer, asPrimary(backup.id), 'closed UNEXPECTED_MESSAGE'],
    [
      'a lock server from the future, last',
      viewServer,
      { ...lockserver, id: 'f'.repeat(32), view: 9 },
      'closed VIEW_FROM_FUTURE',
    ],
    ['a primary that means another server', backup, asPrimary(idle.id), 'closed WRONG_SERVER'],
    [
      'R2: a primary of an older view',
      backup,
      asPrimary(backup.id, view.primary.id, older),
      'view, closed without a code',
    ],
    ['R2: a stranger in the view in force', backup, asPrimary(backup.id, id), 'closed BAD_MESSAGE'],
    [
      'R2: a stranger who tells of a newer view',
      idle,
      asPrimary(idle.id, id, { ...view, number: view.number + 1 }),
      'closed BAD_MESSAGE',
    ],
    [
      'R2: a peer that takes the primary for its backup',
      primary,
      asPrimary(primary.id),
      'view, closed without a code',
    ],
    [
      'R2: a peer that takes an idle server for its backup',
      idle,
      asPrimary(idle.id),
      'view, closed without a code',
    ],
    ['the primary to its backup, again', backup, asPrimary(backup.id), 'welcome, applied'],
  ]
  for (const [name, party, from, outcome] of rows)
    t.equal(new ByHand(party).hello(from).outcome, outcome, name)
  for (const party of [primary, backup, idle, viewServer])
    t.equal(
      new ByHand(party).hello(asClient, id).outcome,
      'closed WRONG_CLUSTER',
      `${party.name}: another cluster`,
    )
})

t.test('R2: a hello with a newer view is adopted, also by a primary that it deposes', async t => {
  const cluster = trio()
  const { primary, backup, idle } = cluster
  const newer: View = {
    group: 0,
    number: (cluster.view as View).number + 1,
    primary: { id: backup.id, address: backup.address },
    backup: { id: idle.id, address: idle.address },
    durability: 'memory',
    start: null,
  }
  const joining = new ByHand(idle).hello({ kind: 'primary', id: backup.id, to: idle.id, view: newer })
  t.equal(joining.outcome, 'welcome')
  t.equal(idle.core.role, 'backup')
  t.same(idle.core.view, newer)
  const deposed = new ByHand(primary).hello({ kind: 'primary', id: backup.id, to: primary.id, view: newer })
  t.ok(
    deposed.effects.some(effect => effect.do === 'step-down'),
    'R5: it gives up its state',
  )
  t.equal(deposed.outcome, 'ignored', 'and says nothing more')
})

// ---- from a primary to a backup

const stream = (view: number): Record<keyof typeof channels.primaryToBackup, Message> => ({
  copy: ['copy', view, channels.primaryToBackup.copy.example[2]],
  chunk: ['chunk', view, 7, []],
  whole: ['whole', view, 7],
  seek: ['seek', view],
  keep: ['keep', view, 7],
  replicate: ['replicate', view, 9_000, 1, 1, []],
  'in-sync': ['in-sync', view],
  differs: ['differs', view, 1],
  'as-of': ['as-of', view, 1],
})
const gap = 'closed OUT_OF_ORDER'
const streamed: Record<keyof ReturnType<typeof stream>, { fresh: string; whole: string }> = {
  copy: { fresh: 'ignored', whole: 'ignored' },
  chunk: { fresh: gap, whole: gap },
  whole: { fresh: gap, whole: gap },
  seek: { fresh: 'has', whole: 'has' },
  keep: { fresh: gap, whole: 'ignored' },
  replicate: { fresh: gap, whole: gap },
  'in-sync': { fresh: 'ignored', whole: 'heard' },
  differs: { fresh: 'ignored', whole: 'ignored' },
  'as-of': { fresh: 'ignored', whole: 'ignored' },
}

/** A backup of the next view, which has nothing yet; and the backup of this view, which has everything. */
function fresh(): { peer: ByHand; view: number; server: LockServerParty } {
  const cluster = trio()
  const view = { ...(cluster.view as View), number: (cluster.view as View).number + 1 }
  const server = cluster.idle
  const next = { ...view, backup: { id: server.id, address: server.address } }
  const peer = new ByHand(server)
    .hello({ kind: 'primary', id: view.primary.id, to: server.id, view: next })
    .forget()
  return { peer, view: view.number, server }
}
function whole(): { peer: ByHand; view: number; server: LockServerParty } {
  const cluster = trio()
  const view = cluster.view as View
  const server = cluster.backup
  const peer = new ByHand(server)
    .hello({ kind: 'primary', id: view.primary.id, to: server.id, view })
    .forget()
  return { peer, view: view.number, server }
}

for (const [kind, outcomes] of Object.entries(streamed)) {
  t.test(`a primary says ${kind}`, async t => {
    for (const [state, make] of Object.entries({ fresh, whole })) {
      const now = make()
      const message = (view: number) => stream(view)[kind as keyof typeof streamed]
      t.equal(now.peer.say(message(now.view - 1)).outcome, 'ignored', `R2: of an older view, ${state}`)
      t.equal(now.peer.say(message(now.view + 1)).outcome, 'ignored', `R2: of a view to come, ${state}`)
      t.equal(now.peer.say(message(now.view)).outcome, outcomes[state as 'fresh' | 'whole'], state)
      const replaced = make()
      new ByHand(replaced.server).hello({ ...dialler(replaced.server) })
      t.equal(
        replaced.peer.forget().say(message(replaced.view)).outcome,
        'ignored',
        `on a replaced connection, ${state}`,
      )
    }
  })
}

function dialler(server: LockServerParty): HelloFrom {
  const view = server.core.view as View
  return { kind: 'primary', id: view.primary.id, to: server.id, view }
}

t.test('R2, R3: a copy, chunk by chunk, then batches in order, repeats and gaps', async t => {
  const { peer, view, server } = fresh()
  const header = { ...channels.primaryToBackup.copy.example[2], opNumber: 3, sequence: 5, paused: null }
  peer.say(['copy', view, header], ['chunk', view, 0, []])
  t.equal(peer.outcome, 'received')
  t.equal(server.core.state, null, 'R3: nothing is there before it is whole')
  t.equal(peer.forget().say(['whole', view, 1]).outcome, 'applied')
  t.equal(server.core.state?.opNumber, 3)
  t.equal(peer.forget().say(['copy', view, header]).outcome, 'ignored', 'R3: at most one in a view')
  const batch: Message = ['replicate', view, 6, 4, 1, [opening(session, 10_000, 'x', null)]]
  t.equal(peer.say(batch).outcome, 'applied')
  t.equal(peer.forget().say(batch).outcome, 'ignored', 'a repeat is applied once')
  t.equal(server.core.state?.opNumber, 4)
  t.equal(peer.say(['replicate', view, 8, 5, 1, []]).outcome, gap)
})

// ---- from a backup to its primary, from a view server to a lock server

/** The connection that a lock server dialled to its backup or to the view server, found by its hello. */
function dials(party: LockServerParty, messages: readonly Message[]): Effect[] {
  const effects: Effect[] = []
  for (let connection = -1; connection >= -12; connection--)
    effects.push(
      ...party.core.step(
        { is: 'messages', connection, messages: saidOn<ServerHears>(messages) },
        party.network.now(),
      ),
    )
  return effects
}

const sentKinds = (effects: Effect[]) =>
  effects.flatMap(effect => (effect.do === 'send' ? effect.message[0] : []))

t.test(
  'messages of a backup about another view are ignored; a newer view that names the primary again is adopted',
  async t => {
    const cluster = trio()
    const { primary } = cluster
    const view = cluster.view as View
    const peer = new ByHand(primary).hello(asClient).say(open).forget()
    for (const number of [view.number - 1, view.number + 1]) {
      for (const message of [
        ['received', number, 0],
        ['applied', number, 2 ** 40, 2 ** 40, 0],
        ['heard', number],
        ['has', number, null],
        ['when', number, 1],
      ] as Message[]) {
        dials(primary, [message])
        t.equal(peer.outcome, 'ignored', `${message[0]} of view ${number} releases nothing`)
      }
    }
    t.same(
      sentKinds(dials(primary, [['applied', view.number, 2 ** 40, 2 ** 40, 0]])),
      [],
      'nor does one of what was never sent',
    )
    const again: View = { ...view, number: view.number + 1, backup: null }
    const effects = dials(primary, [['view', again]])
    t.ok(sentKinds(effects).includes('opened'), 'R2: it goes on, and answers what waited')
    t.same(primary.core.view, again)
    t.equal(primary.core.role, 'primary')
    dials(primary, [['view', view]])
    t.same(primary.core.view, again, 'V1: an older view changes nothing')
  },
)

t.test('every message of a view server to a lock server, in each role', async t => {
  for (const role of ['primary', 'backup', 'idle'] as const) {
    const cluster = trio()
    const server = cluster[role]
    const view = cluster.view as View
    t.same(sentKinds(dials(server, [['question', 5]])), ['answer'], `${role}: a question is answered`)
    t.same(sentKinds(dials(server, [['pong', view, true, 10_000, 0, 60_000]])), [], `${role}: a pong is not`)
    t.same(sentKinds(dials(server, [['map', firstMap(1)]])), [], `${role}: nor a map`)
    t.same(
      sentKinds(dials(server, [['error', 'WRONG_CLUSTER', 'no']])).filter(kind => kind !== 'ping'),
      [],
      `${role}: nor an error`,
    )
    t.same(server.core.view, view)
  }
})

// ---- the view server

t.test('every message of a client to the view server', async t => {
  const { viewServer } = trio()
  const rows: Record<keyof typeof channels.clientToView, [Message, string]> = {
    status: [['status', 1], 'status'],
    reset: [['reset', 1, 0, 99, false], 'reset-refused'],
    echo: [['echo', 1], 'echoed'],
    gone: [['gone', 1, id], 'gone-refused'],
    durability: [['durability', 1, 'disk'], 'durability-refused'],
    groups: [['groups', 1, 64], 'groups-refused'],
  }
  t.same(Object.keys(rows).sort(), Object.keys(channels.clientToView).sort())
  for (const [message, outcome] of Object.values(rows))
    t.equal(new ByHand(viewServer).hello(asClient).forget().say(message).outcome, outcome, message[0])
})

t.test('every message of a lock server to the view server', async t => {
  const cluster = trio()
  const { viewServer } = cluster
  const before = cluster.viewText
  const stranger: HelloFrom = idleHello(id, 'ws://stranger')
  const ping = { ...channels.serverToView.ping.example[1], view: 0 }
  const rows: Record<keyof typeof channels.serverToView, [Message, string]> = {
    ping: [['ping', { ...ping, role: 'primary', acked: true }], 'pong'],
    answer: [
      ['answer', 1, { group: 0, view: cluster.view?.number ?? 0, role: 'backup', inSync: true }],
      'ignored',
    ],
  }
  t.same(Object.keys(rows).sort(), Object.keys(channels.serverToView).sort())
  for (const [message, outcome] of Object.values(rows))
    t.equal(new ByHand(viewServer).hello(stranger).forget().say(message).outcome, outcome, message[0])
  const future: Message = ['ping', { ...ping, view: 99 }]
  t.equal(cluster.viewText, before, 'no view was made')
  t.equal(new ByHand(viewServer).hello(stranger).forget().say(future).outcome, 'closed VIEW_FROM_FUTURE')
})

t.test('no role and no kind is forgotten in this file', async t => {
  const said: Partial<Record<Channel, string[]>> = {
    clientToServer: Object.keys(expected),
    primaryToBackup: Object.keys(streamed),
    backupToPrimary: ['welcome', 'error', 'view', 'received', 'applied', 'has', 'heard', 'when'],
    viewToServer: ['welcome', 'error', 'view', 'map', 'pong', 'question'],
    serverToView: ['ping', 'answer'],
    clientToView: ['status', 'reset', 'gone', 'durability', 'groups', 'echo'],
  }
  for (const [channel, kinds] of Object.entries(said))
    t.same([...kinds].sort(), Object.keys(channels[channel as Channel]).sort(), channel)
})
