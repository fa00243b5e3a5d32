// B3, B4, B7 with real sockets: what a stranger can send and hold, and what a server keeps for itself.

import { readdirSync } from 'node:fs'
import t from 'tap'
import { clientFrameBytesMax, helloBytesMax, receivingBytesMax, unreadBytesMax } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import type { Connection } from '../wire/net/connection.ts'
import { type ListenOptions, listen, urlOf } from '../wire/net/listen.ts'
import { wireVersion } from '../wire/version.ts'
import { until } from './fixtures/deadline.ts'
import { HostilePeer, hello, RawPeer } from './fixtures/hostile-peer.ts'

const probe = { kind: 'probe' }
const welcome = (): Message => ['echoed', 0]

/** A listener that accepts every peer, and notes their messages. */
async function server(options: Partial<ListenOptions> = {}) {
  const heard: Message[] = []
  const turnedAway: string[] = []
  const connections: Connection[] = []
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
        connection.send(welcome())
        return { messages: messages => void heard.push(...messages), closed: () => {} }
      },
      turnedAway: reason => void turnedAway.push(reason),
      http: (_, response) => response.end('page'),
    },
  )
  const url = urlOf(listener.host, listener.port)
  const { edge } = listener
  return { url, edge, heard, turnedAway, connections, [Symbol.asyncDispose]: () => listener.close() }
}

async function greeted(url: string, from?: unknown): Promise<HostilePeer> {
  const peer = await HostilePeer.connect(url)
  peer.say(hello(from))
  await peer.next('echoed')
  return peer
}

/** The head of a masked text frame of this many bytes; the mask is zero. */
function head(bytes: number): Buffer {
  const made = Buffer.alloc(14)
  made.writeUInt16BE(0x81_ff)
  made.writeBigUInt64BE(BigInt(bytes), 2)
  return made
}

t.test('B3: a frame before the hello has at most 16 KiB, and so have all its pieces together', async t => {
  await using own = await server()
  const large = await HostilePeer.connect(own.url)
  large.socket.send('['.repeat(helloBytesMax + 1))
  t.equal((await large.ended()).close, 1009)
  const inPieces = await HostilePeer.connect(own.url)
  const piece = '['.repeat(helloBytesMax / 2 + 1)
  inPieces.socket.send(piece, { fin: false })
  inPieces.socket.send(piece, { fin: true })
  t.equal((await inPieces.ended()).close, 1009)
  t.match(own.turnedAway, [/^TOO_LARGE/, /^TOO_LARGE/])
  const fits = await HostilePeer.connect(own.url)
  fits.socket.send(JSON.stringify([hello()]).padEnd(helloBytesMax))
  await fits.next('echoed')
  fits.leave()
})

t.test('B3: after its hello a client may send more, also in the same piece; a probe may not', async t => {
  await using own = await server()
  const peer = await HostilePeer.connect(own.url)
  peer.say(hello())
  peer.socket.send('[["echo",7]]'.padEnd(clientFrameBytesMax))
  await until('it is heard', () => own.heard.length === 1)
  peer.socket.send(' '.repeat(clientFrameBytesMax + 1))
  t.equal((await peer.ended()).close, 1009)
  const probing = await greeted(own.url, probe)
  probing.socket.send(' '.repeat(helloBytesMax + 1))
  t.equal((await probing.ended()).close, 1009)
})

t.test('B3: a hello of another wire version is refused as such, whatever its shape', async t => {
  await using own = await server({ secret: 'sesame' })
  const from = { kind: 'client', name: 'app' }
  for (const [version, ...rest] of [
    // As version 1 says it, with a wrong secret and with the right one.
    [1, null, null, from],
    [1, 'c'.repeat(32), 'sesame', from],
    [1, null, 'sesame', { kind: 'lockserver', id: 'a'.repeat(32), address: 'ws://x', role: 'idle', view: 0 }],
    // Fewer fields, more of them, others.
    [1],
    [3],
    [3, null, 'sesame'],
    [3, null, 'sesame', from, { token: 'of an account' }, 5],
    [0, null, null, null, 5],
    [999, { secret: 1 }, [], 7, 'client'],
    [Number.MAX_SAFE_INTEGER, null, null, { kind: 'sentinel' }],
  ]) {
    const text = JSON.stringify([['hello', version, ...rest]])
    for (const frame of [text, `${text.slice(0, -1)},["more"]]`]) {
      const peer = await HostilePeer.connect(own.url)
      peer.socket.send(frame)
      const { error, close } = await peer.ended()
      t.strictSame([error, close], ['WRONG_WIRE_VERSION', 4426], frame)
      t.same(peer.heard, [['error', error, `this server speaks wire version ${wireVersion}, not ${version}`]])
    }
  }
  const peer = await HostilePeer.connect(own.url)
  peer.socket.send('[["hello"]]')
  t.equal((await peer.ended()).error, 'BAD_MESSAGE')
})

t.test('B3: guesses of one address take longer and longer, the right secret gets in at once', async t => {
  await using own = await server({ secret: 'sesame' })
  const guess = async (secret: string) => {
    const peer = await HostilePeer.connect(own.url)
    peer.say(hello(undefined, { secret }))
    return peer
  }
  for (let i = 0; i < 8; i++) t.equal((await (await guess(`wrong ${i}`)).ended()).error, 'WRONG_SECRET')
  const late = await Promise.all(Array.from({ length: 12 }, (_, i) => guess(`late ${i}`)))
  t.equal((await (late[0] as HostilePeer).ended()).error, 'WRONG_SECRET', 'the first of them is told soon')
  const right = await guess('sesame')
  await right.next('echoed')
  right.leave()
  t.ok(
    late.some(peer => peer.end === null),
    'others still wait for their answer',
  )
  t.equal(own.edge.wrongSecrets.total, 20)
  for (const peer of late) peer.leave()
})

t.test('B3: any number of bare sockets leaves files and a way in', async t => {
  const open = readdirSync('/proc/self/fd').length
  await using own = await server({ files: open + 64 })
  const strangers = Array.from({ length: 400 }, () => new RawPeer(own.url))
  await until(
    'most were cut',
    () => strangers.filter(peer => peer.over).length >= 400 - own.edge.room.strangers,
  )
  t.ok(own.edge.counts.stranger <= own.edge.room.strangers)
  const peer = await greeted(own.url)
  t.equal(await (await fetch(own.url.replace('ws', 'http'))).text(), 'page', 'pages are read, too')
  peer.leave()
  for (const each of strangers) each.socket.destroy()
})

t.test('B7: when clients have all places a server still gets one', async t => {
  await using own = await server({ connectionsMax: 3 })
  const clients = await Promise.all([1, 2, 3].map(() => greeted(own.url)))
  const fourth = await HostilePeer.connect(own.url)
  fourth.say(hello())
  t.equal((await fourth.ended()).error, 'TOO_MANY_CONNECTIONS')
  const probing = await greeted(own.url, probe)
  for (const peer of [...clients, probing]) peer.leave()
  await until('all are gone', () => own.edge.counts.client + own.edge.counts.server === 0)
})

t.test('B7: frames beyond the share of an address wait and are not lost', async t => {
  await using own = await server({ framesPerAddress: 100 })
  const peer = await greeted(own.url)
  const began = performance.now()
  for (let i = 0; i < 150; i++) peer.say(['echo', i])
  await until('all are heard', () => own.heard.length === 150)
  // Messages that arrive in one piece with the first frame over the limit are read together with it.
  peer.say(['echo', 150])
  await until('the next is heard', () => own.heard.length === 151)
  t.ok(performance.now() - began > 300)
  t.equal(peer.end, null)
  peer.leave()
})

t.test('B4: bytes of frames that are not whole have a bound for all together', async t => {
  await using own = await server()
  const count = Math.ceil(receivingBytesMax / clientFrameBytesMax) + 6
  const peers = await Promise.all(
    Array.from({ length: count }, async () => {
      const peer = new RawPeer(own.url)
      await peer.upgrade()
      const text = Buffer.from(JSON.stringify([hello()]))
      peer.write(Buffer.concat([head(text.length), text]))
      await peer.until('echoed')
      return peer
    }),
  )
  const part = Buffer.concat([head(clientFrameBytesMax), Buffer.alloc(clientFrameBytesMax - 1, ' ')])
  for (const peer of peers) peer.write(part)
  await until(
    'some are cut',
    () => own.edge.cuts.receiving >= 6 || peers.filter(peer => peer.over).length >= 6,
  )
  t.ok(own.edge.receiving.sum <= receivingBytesMax)
  t.ok(
    peers.some(peer => !peer.over),
    'and not all',
  )
  for (const peer of peers) peer.socket.destroy()
  await until('nothing is held', () => own.edge.receiving.sum === 0)
})

t.test('B4: bytes that wait for peers that do not read have a bound for all together', async t => {
  await using own = await server()
  const peers = await Promise.all(Array.from({ length: 40 }, () => greeted(own.url)))
  for (const peer of peers) peer.socket.pause()
  // The network takes some of the bytes; each peer is sent one frame beyond that.
  const text = 'x'.repeat(1_500_000)
  for (let i = 0; i < 8; i++)
    for (const connection of own.connections) {
      connection.send(['error', 'X', text])
      connection.flush()
    }
  t.ok(own.edge.cuts.unread > 0)
  t.ok(own.edge.unread.sum <= unreadBytesMax)
  t.ok(
    own.connections.some(connection => !connection.over),
    'and not all are cut',
  )
  for (const peer of peers) peer.leave()
})
