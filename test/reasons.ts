// Why no server is reached, by real sockets: the reason stands in what `connect` and the commands say and in the
// `cause` of the error, in the log of a lock server without a view server, and in what a view server finds at an
// advertised address. Each kind of failure in each of these places.

import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { createServer as createTls } from 'node:tls'
import t, { type Test } from 'tap'
import { connect, LockError } from '../client/index.ts'
import { startLockServer } from '../lockserver/index.ts'
import { troubleOf } from '../wire/net/trouble.ts'
import type { Logger } from '../wire/serving/log.ts'
import { startBegun } from './fixtures/begun.ts'
import { selfSigned } from './fixtures/certificate.ts'
import { holdfast } from './fixtures/command.ts'
import { folderOf } from './fixtures/folder.ts'

interface Kind {
  readonly what: string
  /** What listens; null: nothing does. */
  readonly server: (() => Server) | null
  readonly url: (port: number) => string
  readonly text: RegExp
  readonly code: string
}

const plain = (port: number) => `ws://127.0.0.1:${port}`
const tls = (port: number) => `wss://127.0.0.1:${port}`

const oldTls = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const
const spoilt = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Accept: of another',
  '',
  '',
]

const kinds: readonly Kind[] = [
  {
    what: 'an unknown host',
    server: null,
    url: () => 'ws://no-such-host.invalid:7400',
    text: /no-such-host\.invalid:7400 is at an unknown host \((ENOTFOUND|EAI_AGAIN)\)/,
    code: 'ENOTFOUND',
  },
  {
    what: 'a closed port',
    server: null,
    url: () => plain(1),
    text: /refuses connections|nothing listens/,
    code: 'ECONNREFUSED',
  },
  {
    what: 'a self-signed certificate',
    server: () => createTls(selfSigned()),
    url: tls,
    text: /has a certificate that is not trusted: self-signed certificate \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  },
  {
    what: 'TLS to a plain port',
    server: () => createHttp(),
    url: tls,
    text: /wss:\/\/127\.0\.0\.1:\d+ speaks no TLS; did you mean ws:\/\/127\.0\.0\.1:\d+\?/,
    code: 'EPROTO',
  },
  {
    what: 'a plain dial to a port of TLS',
    server: () => createTls(selfSigned()).on('tlsClientError', () => {}),
    url: plain,
    text: /ended the connection without an answer of HTTP \(ECONNRESET\); if it speaks TLS, give wss:\/\/127/,
    code: 'ECONNRESET',
  },
  {
    what: 'a proxy that reaches no server',
    server: () => createHttp((_, response) => response.writeHead(502).end()),
    url: plain,
    text: /answers HTTP 502: no Holdfast server, or a proxy that reaches none/,
    code: 'HTTP_502',
  },
  {
    what: 'TLS of versions that are too old',
    server: () => createTls({ ...selfSigned(), ...oldTls }).on('tlsClientError', () => {}),
    url: tls,
    text: /speaks no version of TLS that is new enough, 1\.2 or later \(EPROTO\)/,
    code: 'EPROTO',
  },
  {
    what: 'a proxy that answers something else than a WebSocket server',
    server: () =>
      createHttp().on('upgrade', (_, socket) => socket.on('error', () => {}).write(spoilt.join('\r\n'))),
    url: plain,
    text: /is no Holdfast server, or behind a proxy that spoils WebSockets: Invalid Sec-WebSocket-Accept header/,
    code: 'NO_WEBSOCKET',
  },
  {
    what: 'something that speaks no HTTP',
    server: () => createTcp(socket => socket.on('error', () => {}).end('SSH-2.0\r\n')),
    url: plain,
    text: /without an answer of HTTP \(HPE_INVALID_CONSTANT\); if it speaks TLS/,
    code: 'HPE_INVALID_CONSTANT',
  },
]

/** Where this kind of trouble is found. */
async function addressOf(t: Test, { server, url }: Kind): Promise<string> {
  if (server === null) return url(0)
  const listener = server()
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => listener.close())
  return url((listener.address() as AddressInfo).port)
}

/** A log that waits for a line. */
function logOf(text: string): { log: Logger; line: Promise<Record<string, unknown>>; count(): number } {
  let count = 0
  let found: (fields: Record<string, unknown>) => void = () => {}
  const line = new Promise<Record<string, unknown>>(resolve => {
    found = resolve
  })
  const say = (fields: object, said: string) => {
    if (said !== text) return
    count++
    found(fields as Record<string, unknown>)
  }
  return { log: { debug: say, info: say, warn: say, error: say }, line, count: () => count }
}

t.jobs = kinds.length

for (const kind of kinds) {
  t.test(`${kind.what}: each place says so`, async t => {
    const url = await addressOf(t, kind)

    const error = (await connect(url, { timeout: 700 }).catch(error => error)) as LockError
    t.type(error, LockError)
    t.match(error.message, kind.text, 'connect')
    t.match(error.cause, { address: url }, 'its cause')
    const { code } = error.cause as { code: string }
    t.ok(code === kind.code || code === 'EAI_AGAIN', code)

    const { log, line } = logOf('the view server is not reached')
    await using server = await startLockServer({ view: [url], log })
    t.match(await line, { url, reason: reasonAfter(url, kind.text) }, 'the log of a lock server')
    const ready = await fetch(`${server.pages}/readyz`)
    t.match(await ready.text(), kind.text, 'and its readiness')

    const found = logOf('lock server does not answer at its advertised address')
    await using viewServer = await startBegun({
      log: found.log,
      port: 0,
      data: folderOf(t),
      pingIntervalMs: 20,
    })
    await using _advertised = await startLockServer({
      view: [viewServer.address],
      advertise: url,
      pingIntervalMs: 20,
    })
    t.match(await found.line, { address: url, reason: reasonAfter(url, kind.text) }, 'the view server')
  })
}

/** In a log the address is a field of its own. */
function reasonAfter(_url: string, text: RegExp): RegExp {
  return new RegExp(text.source.replace(/^(no-such-host|wss:).*?(?=is at|speaks)/, ''))
}

t.test('a port that takes connections and never answers is a cause, too', async t => {
  const listener = createTcp(socket => void socket.on('error', () => {}))
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => listener.close())
  for (const to of [plain, tls]) {
    const url = to((listener.address() as AddressInfo).port)
    const error = (await connect(url, { timeout: 100 }).catch(error => error)) as LockError
    t.match(error, {
      code: 'TIMEOUT',
      message: /has not answered yet/,
      cause: { address: url, code: 'NO_ANSWER' },
    })
  }
})

t.test('what goes into JSON of an error names each address and its code', async t => {
  const urls = [plain(1), 'ws://no-such-host.invalid:7400']
  const error = (await connect(urls, { timeout: 700 }).catch(error => error)) as LockError
  const { cause } = JSON.parse(JSON.stringify(error))
  t.match(cause.errors, [{ address: plain(1), code: 'ECONNREFUSED' }, { address: urls[1] }])
})

t.test('run, hold and status say it, too', async t => {
  const ask = async (what: string, command: string, ...args: string[]) => {
    const kind = kinds.find(kind => kind.what === what)
    if (kind === undefined) throw new Error(`there is no kind ${what}`)
    const { stderr, code } = await holdfast(t, [command, '--view', await addressOf(t, kind), ...args])
    t.not(code, 0)
    t.match(stderr, kind.text, `${command}: ${what}`)
    t.equal(stderr.trim().split('\n').length, 1, 'in one line')
  }
  await Promise.all([
    ask('an unknown host', 'run', 'x', '--', 'true'),
    ask('a self-signed certificate', 'hold', 'x'),
    ask('TLS to a plain port', 'status'),
    ask('a proxy that reaches no server', 'status'),
  ])
})

t.test('of a primary that is gone, locks says what status would, and names no other cluster', async t => {
  await using viewServer = await startBegun({ port: 0, data: folderOf(t), pingIntervalMs: 20 })
  const primary = await startLockServer({ view: [viewServer.address], pingIntervalMs: 20 })
  const locks = await connect(viewServer.address)
  await locks.close()
  await primary.close()
  const { code, stderr } = await holdfast(t, ['locks', '--view', viewServer.address])
  t.equal(code, 1)
  t.match(stderr, /^holdfast: the primary \w+ of view 1 can't be asked: nothing listens at ws:\S+; \S/)
  t.notMatch(stderr, /holdfast cluster|--view/)
  t.match(stderr, /holdfast reset|Start |holdfast status/)
})

t.test('a lock server that reaches no view server says so once a minute', async t => {
  const { log, line, count } = logOf('the view server is not reached')
  await using server = await startLockServer({ view: ['ws://127.0.0.1:1'], log, pingIntervalMs: 5 })
  await line
  t.match(server.address, 'ws:')
  t.equal(count(), 1)
})

t.test('what a peer sends is one short line, without control characters', async t => {
  const error = Object.assign(new Error(`\u001b[31mred\nsecond line ${'x'.repeat(5_000)}`), { code: 'EWHAT' })
  t.equal(troubleOf('ws://a', error, '').text, 'can not be reached: [31mred (EWHAT)')
  const openSsl =
    'write EPROTO 80CC:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../record.c:1601:SSL alert number 40'
  const failed = Object.assign(new Error(openSsl), { code: 'EPROTO' })
  t.equal(
    troubleOf('wss://a', failed, '').text,
    'can not be reached: ssl/tls alert handshake failure (EPROTO)',
  )
  const long = Object.assign(new Error('y'.repeat(5_000)), { code: 'CERT_HAS_EXPIRED' })
  t.ok(troubleOf('wss://a', long, '').text.length < 300)
})

t.test('a name with several addresses says each reason once', async t => {
  const failed = (code: string) => Object.assign(new Error(code), { code })
  const of = (...codes: string[]) => troubleOf('ws://a', new AggregateError(codes.map(failed)), 'closed').text
  t.equal(of('ECONNREFUSED', 'ECONNREFUSED'), 'refuses connections')
  t.match(of('ECONNREFUSED', 'ENETUNREACH'), /^refuses connections, or can not be reached: ENETUNREACH$/)
  t.equal(troubleOf('ws://a', undefined, 'closed with 1006').text, 'can not be reached: closed with 1006')
})
