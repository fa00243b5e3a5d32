// F13: hostile input below the messages (frames, HTTP, TCP), peers that only cost, and
// peers that say nothing.

import t, { type Test } from 'tap'
import {
  acquire,
  closes,
  greeted,
  inSession,
  inTime,
  leaveSession,
  many,
  unharmed,
  urls,
  viewServer,
} from './fixtures/hostile-cluster.ts'
import { frame, HostilePeer, hello, RawPeer, upgradeRequest } from './fixtures/hostile-peer.ts'

// ---- below the messages: frames, HTTP, TCP

type RawRow = readonly [
  name: string,
  sends: (string | Buffer)[],
  then: (peer: RawPeer, t: Test) => Promise<void>,
]
const closesRaw = (number: number) => async (peer: RawPeer, t: Test) => {
  await peer.ended()
  t.equal(peer.close, number)
}
const status = (line: string) => async (peer: RawPeer, t: Test) => {
  await peer.until('\r\n\r\n')
  t.match(peer.text.split('\r\n')[0], `HTTP/1.1 ${line}`)
}
const justClosed = async (peer: RawPeer, t: Test) => {
  t.ok(await peer.ended())
}

const frames: RawRow[] = [
  ['a frame without a mask', [frame(0x81, '[]', false)], closesRaw(1002)],
  ['a frame with an unknown opcode', [frame(0x83, '[]')], closesRaw(1002)],
  ['a compressed frame', [frame(0xc1, '[]')], closesRaw(1002)],
  ['a ping of 126 bytes', [frame(0x89, 'x'.repeat(126))], closesRaw(1002)],
  ['a ping in pieces', [frame(0x09, 'x')], closesRaw(1002)],
  ['a continuation of nothing', [frame(0x80, 'x')], closesRaw(1002)],
  ['a close with half a number', [frame(0x88, 'x')], closesRaw(1002)],
  ['invalid UTF-8', [frame(0x81, Buffer.from([0x22, 0xff, 0xc0, 0x22]))], closesRaw(1007)],
  ['a surrogate in UTF-8', [frame(0x81, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))], closesRaw(1007)],
  ['20,000 empty pieces', [frame(0x01, ''), ...Array<Buffer>(20_000).fill(frame(0x00, ''))], closesRaw(1008)],
  ['a length of 2^63', [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])], closesRaw(1009)],
]
const requests: RawRow[] = [
  ['garbage instead of HTTP', ['\x16\x03\x01\x02\x00\x01 hello\r\n\r\n'], status('400')],
  ['a request with a NUL', ['GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'], status('400')],
  [
    'headers of 100,000 bytes',
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(100_000)}\r\n\r\n`],
    status('431'),
  ],
  ['a method that nobody knows', ['EAT / HTTP/1.1\r\nHost: x\r\n\r\n'], status('400')],
  ['TRACE', ['TRACE /readyz HTTP/1.1\r\nHost: x\r\n\r\n'], status('405')],
  [
    'DELETE',
    ['DELETE /view HTTP/1.1\r\nHost: x\r\n\r\n'],
    async (peer, t) => {
      await peer.until('\r\n\r\n')
      t.match(peer.text, /^HTTP\/1\.1 (200|404|405)/)
    },
  ],
  ['POST with a body', ['POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody'], status('405')],
  ['CONNECT', ['CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n'], justClosed],
  [
    'two lengths',
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n'],
    status('400'),
  ],
  ['a path upwards', ['GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n'], status('404')],
  ['WebSocket version 7', [upgradeRequest({ 'Sec-WebSocket-Version': '7' })], status('400')],
  ['a WebSocket without a key', [upgradeRequest({ 'Sec-WebSocket-Key': '' })], status('400')],
  ['an upgrade to something else', [upgradeRequest({ Upgrade: 'h2c' })], status('400')],
  ['a page of another origin', [upgradeRequest({ Origin: 'https://evil.example' })], status('403')],
]
for (const [where, url] of [
  ['lock server', urls.primary],
  ['view server', viewServer.address],
] as const) {
  for (const [name, sends, then] of [
    ...frames.map(row => [...row, true] as const),
    ...requests.map(row => [...row, false] as const),
  ].map(([name, sends, then, upgraded]) => [name, upgraded ? ['upgrade', ...sends] : sends, then] as const)) {
    t.test(`F13: ${where}, raw: ${name}`, inTime, async t => {
      const peer = new RawPeer(url)
      if (sends[0] === 'upgrade') await peer.upgrade()
      for (const data of sends) if (data !== 'upgrade') peer.write(data)
      await then(peer, t)
      peer.socket.destroy()
      await unharmed()
    })
  }
}

// ---- those that only cost

t.test('F13: primary: a flood of 200,000 pings', async t => {
  const peer = await greeted()(urls.primary)
  for (let i = 0; i < 200_000; i++) peer.socket.ping('x'.repeat(100))
  await unharmed()
  t.equal((await peer.ended()).close, 1006, 'cut: its pongs may not fill our memory')
  await unharmed()
})

t.test('F13: primary: a reader that never reads is cut, and its lock is free after its ttl', async t => {
  const before = await slowReadersCut()
  // The locks that the reader queries stay for the whole test, also after it has lost its session.
  const others = await inSession(urls.primary, 600_000)
  const names = (i: number) => many(64, j => `slow/${i}/${j}/`.padEnd(1_024, '\u0001'))
  for (let i = 0; i < 4; i++) others.say(acquire(i + 1, names(i)))
  for (let i = 0; i < 4; i++) await others.next('granted')
  const peer = await inSession(urls.primary)
  peer.say(acquire(1, ['its own']))
  await peer.next('granted')
  peer.socket.pause()
  peer.say(...many(60, i => ['query', i, 'slow/', true]))
  while ((await slowReadersCut()) === before) await unharmed()
  others.say(acquire(5, ['its own']))
  await others.next('granted')
  peer.socket.resume()
  t.equal((await peer.ended()).close, 1006, 'cut, since a close would not be read either')
  await unharmed()
  await leaveSession(others)
  others.leave()
})

/** As the primary reports it in its metrics. */
async function slowReadersCut(): Promise<number> {
  const metrics = await (await fetch(`${urls.primary.replace(/^ws/, 'http')}/metrics`)).text()
  return Number(/_closed_connections_total\{code="SLOW_READER"\} (\d+)/.exec(metrics)?.[1])
}

t.test('F13: primary: 300 connections that come and go at once', async () => {
  const all = await Promise.all(many(300, () => HostilePeer.connect(urls.primary)) as Promise<HostilePeer>[])
  for (const peer of all) peer.leave()
  await unharmed()
})

t.test('F13: primary: a hello and a reset of the connection', async () => {
  const peer = new RawPeer(urls.primary)
  await peer.upgrade()
  peer.write(frame(0x81, JSON.stringify([hello()])))
  await peer.until('welcome')
  peer.socket.resetAndDestroy()
  await unharmed()
})

// ---- silent peers: they connected first, and the tests look at them last

const silent = await Promise.all(
  [urls.primary, viewServer.address].map(async url => {
    const quiet = await HostilePeer.connect(url)
    const half = new RawPeer(url)
    await half.upgrade()
    half.write(frame(0x81, JSON.stringify([hello()])).subarray(0, 20))
    const request = new RawPeer(url)
    request.write('GET / HTTP/1.1\r\nHost: x\r\nX-Half: ')
    const nothing = new RawPeer(url)
    return { url, quiet, half, request, nothing }
  }),
)
t.test('F13: peers that send no hello, half a frame, half a request or nothing are cut', async t => {
  for (const { quiet, half, request, nothing } of silent) {
    await closes('HELLO_TIMEOUT')(quiet, t)
    await half.ended()
    t.equal(half.close, 4408)
    await request.until('408')
    await request.ended()
    await nothing.ended()
  }
  await unharmed()
})
