// The running view server: real sockets on free ports, a real folder, and a process that ends by itself.

import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import type { ViewServer } from '../viewservice/server.ts'
import { FileStore } from '../viewservice/stores/file.ts'
import type { HelloFrom, Message, Ping, Role, Status, View, Welcome } from '../wire/messages.ts'
import type { Connection } from '../wire/net/connection.ts'
import { dial, helloOf } from '../wire/net/dial.ts'
import { type Listener, listen } from '../wire/net/listen.ts'
import { wireVersion } from '../wire/version.ts'
import { type BegunOptions, begin, startBegun } from './fixtures/begun.ts'
import { folderOf } from './fixtures/folder.ts'
import { idlePing } from './fixtures/idle-ping.ts'
import { idleHello } from './fixtures/said.ts'

const quick = { port: 0, pingIntervalMs: 20, deadPings: 3 }

function start(data: string, options: Partial<BegunOptions> = {}): Promise<ViewServer> {
  return startBegun({ ...quick, data, ...options })
}

const clientHello: HelloFrom = { kind: 'client', name: 'test' }

/** A connection that keeps all messages, so that a story can wait for one. */
class Peer {
  readonly told: Message[] = []
  connection: Connection
  over: string | undefined
  #wake: () => void = () => {}

  constructor(address: string, from: HelloFrom, cluster: string | null = null, secret: string | null = null) {
    const ended = (reason: string) => {
      this.over = reason
      this.#wake()
    }
    const hear = (messages: readonly Message[]) => {
      this.told.push(...messages)
      this.#wake()
    }
    const hello = helloOf(cluster, secret, from)
    const handlers = {
      messages: hear,
      closed: ended,
      failed: (_: boolean, { text }: { text: string }) => ended(text),
    }
    this.connection = dial(address, hello, handlers).connection
    if (from.kind === 'client') this.connection.channel = 'viewToClient'
  }

  /** The first message of the kind that passes, whether it has come or is still to come. */
  async hears(kind: string, test: (message: Message) => boolean = () => true): Promise<Message> {
    for (;;) {
      const found = this.told.find(message => message[0] === kind && test(message))
      if (found !== undefined) return found
      if (this.over !== undefined) throw new Error(`closed: ${this.over}`)
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  /** E3: what is said before it is active is not heard. */
  hearsActive(): Promise<Message> {
    return this.hears('welcome', message => (message[1] as Welcome).mark > 0)
  }

  hearsView(number: number): Promise<Message> {
    return this.hears('view', message => (message[1] as View).number === number)
  }
}

/** A lock server that pings, answers at its address and acks the views that it must. */
class Puppet {
  readonly id: string
  readonly peer: Peer
  readonly #listener: Listener
  view: View | null = null
  role: Role = 'idle'

  static async start(
    name: string,
    viewServer: string,
    hello: { view?: number; cluster?: string } = {},
  ): Promise<Puppet> {
    const id = Buffer.from(name).toString('hex').padEnd(32, '0')
    const listener = await listen(
      { host: '127.0.0.1', port: 0, secret: null, insecure: false, origins: [], role: 'lockserver' },
      {
        accepted(connection) {
          connection.send(welcome(id))
          return { messages() {}, closed() {} }
        },
        turnedAway() {},
        http() {},
      },
    )
    return new Puppet(id, listener, viewServer, hello.view ?? 0, hello.cluster ?? null)
  }

  constructor(id: string, listener: Listener, viewServer: string, view: number, cluster: string | null) {
    this.id = id
    this.#listener = listener
    const address = `ws://127.0.0.1:${listener.port}`
    const from = { ...idleHello(id, address), view }
    this.peer = new Peer(viewServer, from, cluster)
  }

  /** Once the view server is active. */
  async ping(fields: Partial<Ping> = {}): Promise<void> {
    await this.peer.hearsActive()
    this.peer.connection.send(['ping', { ...idlePing, ...fields }])
  }

  async die(): Promise<void> {
    await this.#listener.close()
    this.peer.connection.cut()
  }
}

function welcome(id: string): Message {
  return [
    'welcome',
    {
      wire: wireVersion,
      cluster: null,
      kind: 'lockserver',
      id,
      role: 'idle',
      view: null,
      acked: false,
      others: [],
      map: null,
      pingLimitMs: 100,
      whole: 0,
      sequence: 0,
      mark: 0,
    },
  ]
}

async function get(server: ViewServer, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(server.address.replace('ws:', 'http:') + path)
  return { status: response.status, body: await response.json() }
}

t.test('a hello, view 1, a backup, a failover: each view is pushed to all', async t => {
  await using server = await start(folderOf(t))
  const client = new Peer(server.address, clientHello)
  t.match(await client.hears('welcome'), ['welcome', { kind: 'viewserver', view: null, pingLimitMs: 60 }])
  const s1 = await Puppet.start('s1', server.address)
  await s1.ping()
  t.match(await client.hearsView(1), ['view', { primary: { id: s1.id } }])
  await s1.peer.hearsView(1)
  await s1.ping({ view: 1, role: 'primary', acked: true })
  const s2 = await Puppet.start('s2', server.address)
  await s2.ping()
  t.match(await client.hearsView(2), ['view', { primary: { id: s1.id }, backup: { id: s2.id } }])
  await s1.ping({ view: 2, role: 'primary', acked: true })
  await s1.die()
  const [, question] = await s2.peer.hears('question')
  s2.peer.connection.send(['answer', question, { group: 0, view: 2, role: 'backup', inSync: true }])
  t.match(await client.hearsView(3), ['view', { primary: { id: s2.id }, backup: null }])
  client.connection.send(['echo', 5])
  t.same(await client.hears('echoed'), ['echoed', 5])
  await s2.die()
})

t.test('V6: after a restart it goes on with the same cluster, view and ack', async t => {
  const data = folderOf(t)
  let before: Status
  {
    await using server = await start(data)
    const s1 = await Puppet.start('s1', server.address)
    await s1.ping()
    await s1.peer.hearsView(1)
    await s1.ping({ view: 1, role: 'primary', acked: true })
    do before = (await get(server, '/view')).body as Status
    while (!before.acked)
    await s1.die()
  }
  await using server = await start(data)
  const { body } = await get(server, '/view')
  const { cluster, view, acked } = before
  t.match(body, { cluster, view, acked })
})

t.test('wrong cluster, wrong secret, wrong version, wrong kind: refused with a clear text', async t => {
  const secret = 'open sesame'
  await using server = await start(folderOf(t), { secret })
  const refused = async (peer: Peer) => (await peer.hears('error')).slice(1)
  t.match(await refused(new Peer(server.address, clientHello, 'd'.repeat(32), secret)), ['WRONG_CLUSTER'])
  t.match(await refused(new Peer(server.address, clientHello, null, 'wrong')), ['WRONG_SECRET', /--secret/])
  t.match(await refused(new Peer(server.address, clientHello)), ['WRONG_SECRET'])
  const other = new Peer(server.address, { kind: 'probe' }, null, secret)
  t.match(await refused(other), ['UNEXPECTED_MESSAGE', /takes no connection from a probe/])
  const good = new Peer(server.address, clientHello, null, secret)
  await good.hears('welcome')

  const socket = new WebSocket(server.address)
  await once(socket, 'open')
  socket.send(JSON.stringify([['hello', 99, null, secret, clientHello]]))
  const [data] = await once(socket, 'message')
  t.match(String(data), /WRONG_WIRE_VERSION.*not 99/)
  socket.terminate()
})

t.test('E6: a server of another cluster stops a new one, and /readyz and the status say so', async t => {
  const logged: string[] = []
  const log = { debug() {}, info() {}, warn() {}, error: (_: object, text: string) => logged.push(text) }
  await using server = await start(folderOf(t), { log })
  const s1 = await Puppet.start('s1', server.address, { view: 7, cluster: 'c'.repeat(32) })
  t.match(await s1.peer.hears('error'), ['error', 'WRONG_CLUSTER', /knows view 7/])
  const { status, body } = await get(server, '/readyz')
  t.equal(status, 503)
  t.match(body, { ready: false, reason: /knows view 7/ })
  t.match((await get(server, '/view')).body, { halted: /knows view 7/ })
  t.same(logged, ['view changes halted'])
  await s1.die()
})

t.test('/healthz, /readyz, /view, and 404 for the rest', async t => {
  await using server = await start(folderOf(t))
  t.equal((await get(server, '/healthz')).status, 200)
  await new Peer(server.address, clientHello).hearsActive()
  t.match(await get(server, '/readyz'), { status: 503, body: { reason: /no view yet/ } })
  const s1 = await Puppet.start('s1', server.address)
  await s1.ping()
  await s1.peer.hearsView(1)
  t.match(await get(server, '/readyz?verbose'), { status: 200, body: { ready: true, reason: null } })
  t.match((await get(server, '/view')).body, { view: { number: 1 }, survives: 0, pid: process.pid })
  t.equal((await get(server, '/nothing')).status, 404)
  t.equal((await get(server, '//')).status, 404)
  await s1.die()
})

t.test('F13: garbage closes that connection with a reason, and no other peer notices', async t => {
  await using server = await start(folderOf(t))
  const good = new Peer(server.address, clientHello)
  await good.hears('welcome')
  const bad = new Peer(server.address, clientHello)
  await bad.hears('welcome')
  bad.connection.send(['reset', -1, 0, 'x', 3])
  t.match(await bad.hears('error'), ['error', 'BAD_MESSAGE', /reset/])
  good.connection.send(['echo', 1])
  await good.hears('echoed')
})

t.test('a record that cannot be saved ends the view server before any peer learns of it', async t => {
  const data = folderOf(t)
  let told: (error: Error) => void = () => {}
  const fatal = new Promise<Error>(resolve => {
    told = resolve
  })
  const server = await start(data, { onFatal: told })
  const s1 = await Puppet.start('s1', server.address)
  await s1.peer.hearsActive()
  rmSync(data, { recursive: true })
  await s1.ping()
  t.match((await fatal).message, /can't read the data folder/)
  await t.rejects(s1.peer.hearsView(1), /closed/)
  await t.rejects(get(server, '/healthz'))
  await server.close()
  await s1.die()
})

t.test('the server logs when it listens, with its url, and each line has view, role and server', async t => {
  const lines: object[] = []
  const keep = (fields: object, text: string) => lines.push({ ...fields, text })
  const log = { debug: keep, info: keep, warn: keep, error: keep }
  const server = await start(folderOf(t), { log })
  await server.close()
  await server.close()
  t.match(lines, [
    { text: 'listening', url: server.address, view: 0, role: 'viewserver', server: server.address },
    { text: 'closing', view: 0, role: 'viewserver', server: server.address },
  ])
})

t.test('closing ends its connections at once and frees the port', async t => {
  const data = folderOf(t)
  const server = await start(data)
  const client = new Peer(server.address, clientHello)
  await client.hears('welcome')
  const before = performance.now()
  await server.close()
  t.ok(performance.now() - before < 1_000)
  t.match(await client.hears('error'), ['error', 'LEAVING'])
  const { port } = new URL(server.address)
  await using again = await start(data, { port: Number(port) })
  t.equal(again.address, server.address)
})

t.test('V6: a view server is closed only when its last record is written', async t => {
  const data = folderOf(t)
  await begin(data)
  const { save, close } = FileStore.prototype
  const done: string[] = []
  let begun = () => {}
  let write = () => {}
  const saving = new Promise<void>(resolve => {
    begun = resolve
  })
  const slow = new Promise<void>(resolve => {
    write = resolve
  })
  FileStore.prototype.save = async function (record, expected) {
    begun()
    await slow
    const stored = await save.call(this, record, expected)
    done.push('written')
    return stored
  }
  FileStore.prototype.close = function () {
    done.push('closed')
    close.call(this)
  }
  try {
    const server = await start(data)
    const s1 = await Puppet.start('s1', server.address)
    await s1.ping()
    await saving
    const closed = server.close()
    await t.rejects(s1.peer.hearsView(1), /closed/)
    // All sockets are gone by then, and nothing but the record is waited for.
    for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
    write()
    await closed
    t.same(done, ['written', 'closed'])
    await s1.die()
  } finally {
    Object.assign(FileStore.prototype, { save, close })
  }
})

t.test('a taken port, a strange host without a secret, and wrong options are clear errors', async t => {
  const data = folderOf(t)
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const { port } = blocker.address() as { port: number }
  await t.rejects(start(data, { port }), /the port is taken/)
  blocker.close()
  await t.rejects(start(data, { host: '0.0.0.0' }), /for all: set --server-secret/)
  const wrong = (options: object, name: RegExp) =>
    t.rejects(start(data, options as Partial<BegunOptions>), { name: 'TypeError', message: name })
  await wrong({ port: 70_000 }, /port/)
  await wrong({ data: '' }, /data/)
  await wrong({ pingIntervalMs: 0 }, /pingIntervalMs/)
  await wrong({ deadPings: 1 }, /deadPings/)
  await wrong({ secret: 5 }, /secret/)
  await wrong({ insecure: 'yes' }, /insecure/)
  await wrong({ origins: 'x' }, /origins/)
  await wrong({ dead_pings: 3 }, /dead_pings/)
})
