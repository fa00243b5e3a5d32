// Connections over real sockets: which peers may connect, how messages become frames, and how connections
// end. The limits are small, so that nothing waits; a listener that does not close would hang this file.

import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { runtime } from '#runtime'
import type { ConnectionInput } from '../wire/effects.ts'
import { type ErrorCode, errors } from '../wire/errors.ts'
import { frameBytesMax, frameMessagesMax } from '../wire/limits.ts'
import type { HelloFrom, Message } from '../wire/messages.ts'
import { Connection } from '../wire/net/connection.ts'
import { Connections } from '../wire/net/connections.ts'
import { dial, helloOf } from '../wire/net/dial.ts'
import { isLoopback, isWildcard, type ListenOptions, listen, urlOf } from '../wire/net/listen.ts'
import { wireVersion } from '../wire/version.ts'
import { HostilePeer, hello } from './fixtures/hostile-peer.ts'
import { idleHello } from './fixtures/said.ts'

const client: HelloFrom = { kind: 'client', name: 'test' }
const welcome: Message = [
  'welcome',
  {
    wire: wireVersion,
    cluster: null,
    kind: 'lockserver',
    id: null,
    role: null,
    view: null,
    acked: false,
    others: [],
    map: null,
    pingLimitMs: 500,
    whole: 0,
    sequence: 0,
    mark: 0,
  },
]

/** A listener that welcomes every peer, and notes their messages. */
async function server(options: Partial<ListenOptions> = {}) {
  const connections: Connection[] = []
  const heard: Message[] = []
  const closed: string[] = []
  const turnedAway: string[] = []
  let wake = () => {}
  const listener = await listen(
    {
      host: '127.0.0.1',
      port: 0,
      secret: null,
      insecure: false,
      origins: [],
      role: 'lockserver',
      ...options,
    },
    {
      accepted: connection => {
        connections.push(connection)
        connection.send(welcome)
        return {
          messages: messages => void heard.push(...messages),
          closed: reason => {
            closed.push(reason)
            wake()
          },
        }
      },
      turnedAway: reason => {
        turnedAway.push(reason)
        wake()
      },
      http: (_, response) => response.end('hello'),
    },
  )
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>(resolve => (wake = resolve))
  }
  const url = urlOf(listener.host, listener.port)
  return {
    listener,
    url,
    connections,
    heard,
    closed,
    turnedAway,
    until,
    [Symbol.asyncDispose]: () => listener.close(),
  }
}

async function greeted(url: string): Promise<HostilePeer> {
  const peer = await HostilePeer.connect(url)
  peer.say(hello(client))
  await peer.next('welcome')
  return peer
}

/** The outcome of a dial: the first event that its handlers got. */
function dialled(url: string, from = client): Promise<string> {
  return new Promise(resolve => {
    const { connection } = dial(url, helloOf(null, null, from), {
      messages: ([message]) => {
        connection.close(null, 'seen')
        resolve(String(message?.[0]))
      },
      closed: reason => resolve(`closed: ${reason}`),
      failed: (refused, { code }) => resolve(`${refused ? 'refused' : 'failed'}: ${code}`),
    })
  })
}

async function endsWith(t: Test, peer: HostilePeer, code: ErrorCode) {
  const end = await peer.ended()
  t.equal(end.error, code)
  t.equal(end.close, errors[code].close, 'close number')
}

// ---- frames

t.test('messages of one turn travel in few frames, in order', async t => {
  await using own = await server()
  const peer = await greeted(own.url)
  const frames: number[] = []
  peer.socket.on('message', data => frames.push(JSON.parse(String(data)).length))
  const count = 2 * frameMessagesMax + 10
  for (let i = 0; i < count; i++) own.connections[0]?.send(['echoed', i])
  for (let i = 0; i < count; i++) t.equal((await peer.next('echoed'))[1], i)
  t.same(frames, [frameMessagesMax, frameMessagesMax, 10])
})

t.test('a batch above the byte limit is split into frames that fit', async t => {
  await using own = await server()
  const peer = await greeted(own.url)
  const sizes: number[] = []
  peer.socket.on('message', data => sizes.push(String(data).length))
  const text = 'é'.repeat(400_000)
  for (let i = 0; i < 10; i++) own.connections[0]?.send(['error', `E${i}`, text])
  for (let i = 0; i < 10; i++) t.equal((await peer.next('error'))[1], `E${i}`)
  t.ok(sizes.length > 1 && sizes.length < 10, `${sizes.length} frames`)
  for (const size of sizes) t.ok(2 * size < 1.1 * frameBytesMax)
})

t.test('after close nothing is sent and nothing is heard', async t => {
  await using own = await server()
  const peer = await greeted(own.url)
  const [connection] = own.connections
  connection?.send(['echoed', 1])
  connection?.close('LEAVING', 'the server ends')
  connection?.send(['echoed', 2])
  connection?.close('INTERNAL', 'twice')
  peer.say(['echo', 3])
  t.same(await peer.ended(), { close: 4433, reason: 'the server ends', error: 'LEAVING' })
  t.same(peer.heard.slice(1), [
    ['echoed', 1],
    ['error', 'LEAVING', 'the server ends'],
  ])
  t.same(own.heard, [])
  t.same(own.closed, [], 'who closes is not told of it')
  t.ok(connection?.over)
})

t.test('a close without a code is 1000; a long reason is cut to 123 bytes between characters', async t => {
  await using own = await server()
  const [plain, long] = [await greeted(own.url), await greeted(own.url)]
  own.connections[0]?.close(null, 'done')
  t.same(await plain.ended(), { close: 1000, reason: 'done', error: null })
  own.connections[1]?.close('INTERNAL', '🔒'.repeat(3_000))
  const { close, reason } = await long.ended()
  t.equal(close, 4500)
  t.equal(reason, '🔒'.repeat(30))
  const told = (await long.next('error'))[2] as string
  t.ok(told.isWellFormed() && told.length === 2_000, 'the whole story is in the error')
})

t.test('a malformed frame closes with the code, and the other side hears why', async t => {
  await using own = await server()
  const peer = await greeted(own.url)
  peer.socket.send(Buffer.from('[]'))
  await endsWith(t, peer, 'BAD_MESSAGE')
  t.same(own.closed, ['BAD_MESSAGE: a binary frame; frames must be text'])
})

t.test('a peer that does not read is cut', async t => {
  await using own = await server({ bufferedBytesMax: 100_000 })
  const peer = await greeted(own.url)
  peer.socket.pause()
  const text = 'x'.repeat(1_000_000)
  while (own.closed.length === 0) {
    for (let i = 0; i < 20; i++) own.connections[0]?.send(['error', 'X', text])
    own.connections[0]?.flush()
  }
  t.match(own.closed[0], 'SLOW_READER')
  peer.socket.resume()
  t.equal((await peer.ended()).close, 1006)
})

// ---- the hello

t.test('a peer without a hello in time is cut', async t => {
  await using own = await server({ helloWithinMs: 20 })
  await endsWith(t, await HostilePeer.connect(own.url), 'HELLO_TIMEOUT')
  t.same(own.turnedAway, ['HELLO_TIMEOUT: no hello within 20 ms'])
})

t.test('a hello in time stops that timer', async t => {
  await using own = await server({ helloWithinMs: 100 })
  const [peer, late] = [await greeted(own.url), await HostilePeer.connect(own.url)]
  await endsWith(t, late, 'HELLO_TIMEOUT')
  own.connections[0]?.send(['echoed', 1])
  await peer.next('echoed')
})

t.test('a wrong wire version and a wrong secret are refused, the right secret is not', async t => {
  await using own = await server({ secret: 'sesame' })
  const says = async (message: unknown) => {
    const peer = await HostilePeer.connect(own.url)
    peer.say(message)
    return peer
  }
  await endsWith(
    t,
    await says(hello(client, { wire: wireVersion + 1, secret: 'sesame' })),
    'WRONG_WIRE_VERSION',
  )
  for (const secret of [null, '', 'Sesame', 'sesame '])
    await endsWith(t, await says(hello(client, { secret })), 'WRONG_SECRET')
  await (await says(hello(client, { secret: 'sesame' }))).next('welcome')
  t.equal(own.turnedAway.length, 5)
  t.notMatch(own.turnedAway.join(), 'sesame')
})

t.test('each kind of server takes its own peers only', async t => {
  const id = 'a'.repeat(32)
  const address = 'ws://h:1'
  const primary: HelloFrom = {
    kind: 'primary',
    id,
    to: id,
    view: { group: 0, number: 1, primary: { id, address }, backup: null, durability: 'memory', start: null },
  }
  const lockserver: HelloFrom = idleHello(id, address)
  const probe: HelloFrom = { kind: 'probe' }
  const takes: Record<string, HelloFrom[]> = {
    lockserver: [client, primary, probe],
    viewserver: [client, lockserver],
  }
  for (const role of ['lockserver', 'viewserver'] as const) {
    await using own = await server({ role })
    for (const from of [client, primary, lockserver, probe]) {
      const peer = await HostilePeer.connect(own.url)
      peer.say(hello(from))
      if (takes[role]?.includes(from)) await peer.next('welcome')
      else await endsWith(t, peer, 'UNEXPECTED_MESSAGE')
    }
  }
})

t.test('a page of another origin is refused before it is a WebSocket; an allowed one is not', async t => {
  await using own = await server({ origins: ['https://good.example'] })
  const refusal = HostilePeer.connect(own.url, { headers: { Origin: 'https://evil.example' } })
  await t.rejects(refusal, { message: 'Unexpected server response: 403' })
  t.same(own.turnedAway, ['WRONG_ORIGIN: https://evil.example'])
  const peer = await HostilePeer.connect(own.url, { headers: { Origin: 'https://good.example' } })
  peer.say(hello(client))
  await peer.next('welcome')
})

t.test('one connection too many is refused, and a place that is free again is given', async t => {
  await using own = await server({ connectionsMax: 2 })
  const [first] = [await greeted(own.url), await greeted(own.url)]
  const third = await HostilePeer.connect(own.url)
  third.say(hello(client))
  await endsWith(t, third, 'TOO_MANY_CONNECTIONS')
  t.same(own.turnedAway, ['TOO_MANY_CONNECTIONS: there are 2 already'])
  first?.leave()
  await own.until(() => own.closed.length === 1)
  await greeted(own.url)
})

// ---- listening

t.test('a server without a secret listens on loopback only', async t => {
  await t.rejects(server({ host: '0.0.0.0' }), /refusing to listen on 0\.0\.0\.0 for all.*--insecure/)
  for (const options of [{ insecure: true }, { secret: 's' }])
    await (await server({ host: '0.0.0.0', ...options })).listener.close()
  t.same(
    ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '0.0.0.0', '::', '10.0.0.1', '127.evil.example'].filter(
      isLoopback,
    ),
    ['127.0.0.1', '127.9.9.9', '::1', 'localhost'],
  )
  t.same(['0.0.0.0', '::', '127.0.0.1'].map(isWildcard), [true, true, false])
  t.equal(urlOf('::1', 7400), 'ws://[::1]:7400')
})

t.test('a taken port and an address that is not here are clear errors', async t => {
  await using own = await server()
  const taken = server({ port: own.listener.port })
  await t.rejects(taken, {
    message: `can't listen on 127.0.0.1:${own.listener.port}: the port is taken; choose another with --listen, or 0 for a free one`,
  })
  await t.rejects(
    server({ host: '192.0.2.1', insecure: true }),
    /can't listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL/,
  )
})

t.test('close ends all connections, also those that do not answer, and frees the port', async t => {
  const own = await server()
  const [peer, deaf] = [await greeted(own.url), await greeted(own.url)]
  deaf.socket.pause()
  await own.listener.close()
  t.equal((await peer.ended()).close, 1001)
  t.match(await dialled(own.url), /^refused: /)
  deaf.leave()
})

t.test('HTTP requests go to the handler that the server named', async t => {
  await using own = await server()
  const response = await fetch(own.url.replace('ws:', 'http:'))
  t.equal(await response.text(), 'hello')
})

// ---- dialling

t.test('only ECONNREFUSED is a refusal', async t => {
  const own = await server()
  t.equal(await dialled(own.url), 'welcome')
  await own.listener.close()
  t.match(await dialled(own.url), /^refused: ECONNREFUSED$/)
  t.match(await dialled('ws://no-such-host.invalid:1'), /^failed: /)
  t.match(await dialled('ws://127.0.0.1:1'), /^refused: /)
  // A server accepts, and hangs up before the handshake.
  const rude = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => rude.listen(0, '127.0.0.1', resolve))
  const { port } = rude.address() as { port: number }
  t.match(await dialled(`ws://127.0.0.1:${port}`), /^failed: /)
  await new Promise(resolve => rude.close(resolve))
})

t.test('a dial that is cancelled reports nothing', async t => {
  await using own = await server()
  const said: string[] = []
  const { cancel } = dial(own.url, helloOf(null, null, client), {
    messages: () => void said.push('messages'),
    closed: () => void said.push('closed'),
    failed: () => void said.push('failed'),
  })
  cancel()
  await greeted(own.url)
  t.same(said, [])
})

t.test('a peer that dials as a client hears what a view server says to clients', async t => {
  const peers: WebSocket[] = []
  const fake = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  fake.on('connection', socket => {
    peers.push(socket)
    socket.on('message', data => {
      if (String(data).includes('hello')) {
        const said = { ...(welcome[1] as object), kind: 'viewserver' }
        socket.send(JSON.stringify([['welcome', said]]))
      } else socket.send(JSON.stringify([['reset-refused', 1, 'no']]))
    })
  })
  await new Promise(resolve => fake.once('listening', resolve))
  const url = `ws://127.0.0.1:${(fake.address() as { port: number }).port}`
  const kinds: unknown[] = []
  await new Promise<void>(resolve => {
    const { connection } = dial(url, helloOf(null, null, client), {
      messages: messages => {
        kinds.push(messages[0]?.[0])
        if (kinds.length === 1) connection.send(['reset', 1, 0, 1, false])
        else resolve(connection.close(null, 'done'))
      },
      closed: reason => resolve(void kinds.push(reason)),
      failed: (_, reason) => resolve(void kinds.push(reason)),
    })
  })
  t.same(kinds, ['welcome', 'reset-refused'])
  for (const socket of peers) socket.terminate()
  await new Promise(resolve => fake.close(resolve))
})

// ---- the connections of a core, by number

t.test('a core knows its connections by number, and hears only of open ones', async t => {
  const heard: ConnectionInput[] = []
  let wake = () => {}
  const links = new Connections(runtime, null, input => {
    heard.push(input)
    wake()
  })
  const until = async (find: (input: ConnectionInput) => boolean) => {
    while (!heard.some(find)) await new Promise<void>(resolve => (wake = resolve))
  }
  await using listener = Object.assign(
    await listen(
      { host: '127.0.0.1', port: 0, secret: null, insecure: false, origins: [], role: 'lockserver' },
      {
        accepted: (connection, cluster, from) => links.accept(connection, cluster, from),
        turnedAway: () => {},
        http: () => {},
      },
    ),
    { [Symbol.asyncDispose]: async () => listener.close() },
  )
  const url = urlOf(listener.host, listener.port)
  links.perform({ do: 'dial', connection: -1, address: url, cluster: null, from: client })
  await until(input => input.is === 'accepted')
  t.same(heard[0], {
    is: 'accepted',
    connection: 1,
    cluster: null,
    from: client,
    owner: null,
    remote: '',
    principal: null,
  })
  links.perform({ do: 'send', connection: -1, message: ['echo', 1] })
  await until(input => input.is === 'messages' && input.connection === 1)
  links.perform({ do: 'send', connection: 99, message: ['echo', 1] })
  links.perform({ do: 'close', connection: 1, code: 'LEAVING', text: 'bye' })
  links.flush()
  await until(input => input.is === 'closed')
  const seen = heard.slice(2)
  t.same(seen, [
    { is: 'messages', connection: -1, messages: [['error', 'LEAVING', 'bye']] },
    { is: 'closed', connection: -1, refused: false },
  ])
  links.perform({ do: 'dial', connection: -2, address: 'ws://127.0.0.1:1', cluster: null, from: client })
  await until(input => input.is === 'closed' && input.connection === -2)
  const trouble = { code: 'ECONNREFUSED', text: 'refuses connections' }
  t.same(heard.at(-1), { is: 'closed', connection: -2, refused: true, trouble })
  // Links dial at the end of the turn; a connection that was closed in the same turn is never dialled.
  for (const connection of [-3, -4])
    links.perform({ do: 'dial', connection, address: url, cluster: null, from: client })
  links.perform({ do: 'close', connection: -3, code: null, text: 'no more' })
  t.equal(links.size, 1)
  await until(input => input.is === 'accepted' && input.connection === 2)
  links.perform({ do: 'send', connection: -4, message: ['echo', 1] })
  await until(input => input.is === 'messages' && input.connection === 2)
  t.notOk(heard.some(input => input.connection === 3 || input.connection === -3))
  const left = new WebSocket(url)
  await new Promise(resolve => left.once('open', resolve))
  links.closeAll('LEAVING', 'all')
  left.terminate()
})

t.test('a dial that fails at once keeps no other one from being made', async t => {
  await using own = await server()
  const welcomed: number[] = []
  let done = () => {}
  const both = new Promise<void>(resolve => (done = resolve))
  const dials = (connection: number, address: string) =>
    links.perform({ do: 'dial', connection, address, cluster: null, from: client })
  const links: Connections<'serverToClient'> = new Connections(runtime, null, input => {
    if (input.is === 'closed') dials(-3, own.url)
    else if (welcomed.push(input.connection) === 2) done()
  })
  dials(-1, 'no address')
  dials(-2, own.url)
  await both
  t.same(welcomed.sort(), [-2, -3])
  links.cutAll()
})

t.test('messages of a lock server to its view server do not wait for the end of the turn', async t => {
  const sentOn = (channel: 'viewToServer' | 'clientToServer') => {
    const sent: string[] = []
    const send = (text: string) => void sent.push(text)
    const socket = { open: true, bufferedAmount: 0, hear() {}, send, close() {}, cut() {} }
    new Connection(socket, channel, { messages() {}, closed() {} }, false, runtime).send(['echo', 1])
    return sent
  }
  t.same(sentOn('viewToServer'), ['[["echo",1]]'])
  t.same(sentOn('clientToServer'), [], 'others gather what one turn says')
})
