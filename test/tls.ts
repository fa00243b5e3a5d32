// A5, B3 with real sockets: a port that speaks TLS, what it takes and refuses, and what it and its peers say of that.

import { once } from 'node:events'
import { get as askPlain } from 'node:http'
import { type AddressInfo, connect as connectPlain, createServer } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { runtime } from '#runtime'
import { handshakesPerTurnMax, handshakesReadMax } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { dial, helloOf } from '../wire/net/dial.ts'
import { type ListenOptions, listen } from '../wire/net/listen.ts'
import { dialTlsOf } from '../wire/net/tls/dial.ts'
import { helloIn } from '../wire/net/tls/hello.ts'
import type { TlsOptions } from '../wire/net/tls/options.ts'
import { ServerTls } from '../wire/net/tls/server-tls.ts'
import { Shaking } from '../wire/net/tls/shaking.ts'
import { askPage } from '../wire/serving/peer-page.ts'
import { authority, type Wanted } from './fixtures/certificate.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { HostilePeer, hello } from './fixtures/hostile-peer.ts'
import { type TlsSetting, tlsFiles } from './fixtures/tls-files.ts'

/** A listener with TLS that accepts every peer. `tls`: null for a port without it. */
async function listening(tls: ServerTls | null, options: Partial<ListenOptions> = {}) {
  const turnedAway: string[] = []
  const greeted: string[] = []
  const listener = await listen(
    {
      host: '127.0.0.1',
      port: 0,
      secret: null,
      insecure: false,
      origins: [],
      role: 'lockserver',
      tls,
      ...options,
    },
    {
      accepted: (connection, _, from) => {
        greeted.push(from.kind)
        connection.send(['echoed', 0])
        return { messages: () => connection.send(['echoed', 1]), closed: () => {} }
      },
      turnedAway: reason => void turnedAway.push(reason),
      http: (_, response) => response.end('page'),
    },
  )
  const { port, url, edge } = listener
  return { port, url, edge, tls, turnedAway, greeted, [Symbol.asyncDispose]: () => listener.close() }
}

async function secured(t: Test, wanted: Wanted = {}, options: Partial<ListenOptions> = {}) {
  const setting = tlsFiles(folderOf(t), wanted)
  const tls = await ServerTls.open({ own: setting.files, caFile: setting.files.caFile, clientCaFile: null })
  return Object.assign(await listening(tls, options), { tls, setting })
}

const believing = ({ trusted }: TlsSetting): TlsOptions => ({ ca: trusted.cert })
const client = { kind: 'client', name: 'test' } as const

/** What a dial of ours comes to: a message, or why there is none. */
function dialled(
  url: string,
  tls: TlsOptions | null,
  from: Parameters<typeof helloOf>[2] = client,
): Promise<Message | string> {
  return new Promise(resolve => {
    const { connection } = dial(
      url,
      helloOf(null, null, from),
      {
        messages: ([first]) => {
          connection.cut()
          resolve(first ?? 'nothing')
        },
        closed: resolve,
        failed: (_, { text }) => resolve(text),
      },
      tls === null ? runtime : (runtime.withTls?.(tls) ?? runtime),
    )
  })
}

t.test('A5: one port speaks wss and https, in TLS 1.3', async t => {
  await using own = await secured(t)
  t.match(own.url, /^wss:\/\/127\.0\.0\.1:\d+$/)
  t.match(await dialled(own.url, believing(own.setting)), ['echoed'])
  const tls = dialTlsOf(believing(own.setting))
  t.match(await askPage(own.url, '/', { secret: null, withinMs: 5_000, tls }), { status: 200, body: /page/ })
  const socket = connectTls({ host: '127.0.0.1', port: own.port, ...tls })
  await once(socket, 'secureConnect')
  t.equal(socket.getProtocol(), 'TLSv1.3')
  socket.destroy()
  t.strictSame(own.greeted, ['client'])
})

t.test('A5: TLS older than 1.2 is refused, and both sides say so', async t => {
  await using own = await secured(t)
  const old = connectTls({
    host: '127.0.0.1',
    port: own.port,
    ca: own.setting.trusted.cert,
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  })
  const [error] = await once(old, 'error')
  t.match(error.code, /PROTOCOL|EPROTO/)
  await until('the server says it', () => own.turnedAway.length > 0)
  t.match(own.turnedAway, [/^TLS: the peer speaks only versions of TLS older than 1\.2$/])
  t.equal(own.tls.refusals.handshake, 1)
})

t.test('A5: plain HTTP and ws:// at a port of TLS get an answer that people can read', async t => {
  await using own = await secured(t)
  const text = await new Promise<string>((resolve, reject) => {
    askPlain(`http://127.0.0.1:${own.port}/view`, response => {
      t.equal(response.statusCode, 400)
      response.setEncoding('utf8').on('data', resolve)
    }).on('error', reject)
  })
  t.match(text, /^This port speaks TLS\. Give its address with wss:\/\//)
  const plain = `ws://127.0.0.1:${own.port}`
  t.match(await dialled(plain, null), /as a port of TLS does; did you mean wss:\/\/127\.0\.0\.1:\d+\?$/)
  t.match(own.turnedAway, [/^TLS: the peer speaks no TLS; .*wss:/, /^TLS: the peer speaks no TLS/])
  t.equal(own.tls.refusals.plain, 2)
  const socket = connectPlain(own.port, '127.0.0.1').end('SSH-2.0\r\n')
  const [answer] = await once(socket.setEncoding('latin1'), 'data')
  t.match(answer, /^HTTP\/1\.1 400 /)
})

t.test('A5: wss:// at a port without TLS is told on both sides', async t => {
  await using own = await listening(null)
  const secure = `wss://127.0.0.1:${own.port}`
  t.match(await dialled(secure, null), /^speaks no TLS; did you mean ws:\/\/127\.0\.0\.1:\d+\?$/)
  t.match(own.turnedAway, [/^TLS: the peer speaks TLS and this server does not: .*ws:\/\//])
})

const untaken: readonly {
  readonly what: string
  readonly wanted: Wanted
  readonly tls: (setting: TlsSetting) => TlsOptions | null
  readonly dialler: RegExp
  readonly server: RegExp
}[] = [
  {
    what: 'an unknown authority',
    wanted: {},
    tls: () => ({ ca: authority('another').cert }),
    dialler:
      /^has a certificate that is not trusted: .*give the authority that signed it: tls\.ca, --tls-ca$/,
    server: /at the handshake: it may not know the authority of the certificate; .*--tls-ca/,
  },
  {
    what: 'no authority but those of Node',
    wanted: {},
    tls: () => null,
    dialler: /^has a certificate that is not trusted/,
    server: /may not know the authority/,
  },
  {
    what: 'another name',
    wanted: { hosts: ['elsewhere.example'], addresses: ['10.9.8.7'] },
    tls: believing,
    dialler: /^has a certificate for another name: .*127\.0\.0\.1.*ERR_TLS_CERT_ALTNAME_INVALID/,
    server: /the certificate is for DNS:elsewhere\.example, IP Address:10\.9\.8\.7, not for 127\.0\.0\.1$/,
  },
  {
    what: 'an outdated certificate',
    wanted: { to: '20210101000000Z' },
    tls: believing,
    dialler: /^has an outdated certificate: certificate has expired \(CERT_HAS_EXPIRED\)/,
    server: /this server's certificate has expired on Jan {2}1 00:00:00 2021 GMT$/,
  },
  {
    what: 'a certificate of the future',
    wanted: { from: '29990101000000Z' },
    tls: believing,
    dialler: /^has an outdated certificate: .*CERT_NOT_YET_VALID/,
    server: /not valid before Jan {2}1 00:00:00 2999 GMT$/,
  },
]

for (const { what, wanted, tls, dialler, server } of untaken)
  t.test(`A5: ${what}: each side says so`, async t => {
    await using own = await secured(t, wanted)
    t.match(await dialled(own.url, tls(own.setting)), dialler)
    await until('the server says it', () => own.turnedAway.length > 0)
    t.match(own.turnedAway, [server])
    t.match(own.tls.refusals, { quiet: 1, handshake: 0 })
  })

t.test(
  'A5: a peer that ends the connection once the handshake is done is told of, unless it asked for something',
  async t => {
    await using own = await secured(t)
    const options = {
      host: '127.0.0.1',
      port: own.port,
      ca: own.setting.trusted.cert,
      maxVersion: 'TLSv1.2',
    } as const
    const asking = connectTls(options)
    asking.end('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
    await once(asking.resume(), 'close')
    const quiet = connectTls(options)
    await once(quiet, 'secureConnect')
    quiet.end()
    await until('it is told', () => own.turnedAway.length > 0)
    t.match(own.turnedAway, [/^TLS: the peer ended the connection at the handshake/])
    t.equal(own.turnedAway.length, 1)
  },
)

t.test('A5: a name given by the client is taken in place of the host', async t => {
  await using own = await secured(t, { hosts: ['holdfast.internal'], addresses: [] })
  const named = { ...believing(own.setting), servername: 'holdfast.internal' }
  t.match(await dialled(own.url, named), ['echoed'])
  t.match(await dialled(own.url, believing(own.setting)), /certificate for another name/)
})

const probe = { kind: 'probe' } as const
const primary = {
  kind: 'primary',
  id: 'a'.repeat(32),
  to: 'b'.repeat(32),
  view: {
    group: 0,
    number: 1,
    primary: { id: 'a'.repeat(32), address: 'ws://x:1' },
    backup: null,
    durability: 'memory',
    start: null,
  },
} as const

t.test(
  'A5: with an authority of servers only who has its certificate is taken for one; clients need none',
  async t => {
    const dir = folderOf(t)
    const servers = tlsFiles(`${dir}/servers`)
    const others = tlsFiles(`${dir}/others`)
    const tls = await ServerTls.open({ own: servers.files, caFile: null, clientCaFile: servers.files.caFile })
    await using own = await listening(tls)
    const { trusted } = servers
    const proven = { ca: trusted.cert, ...trusted.issue({ commonName: 'b' }) }
    t.match(await dialled(own.url, { ca: trusted.cert }), ['echoed'], 'a client')
    t.match(await dialled(own.url, proven, probe), ['echoed'], 'a server')
    for (const [what, given, why] of [
      ['none', { ca: trusted.cert }, /it shows no certificate/],
      [
        "another authority's",
        { ca: trusted.cert, ...others.trusted.issue() },
        /its certificate is not taken: \w+/,
      ],
      [
        'one that is for listening only',
        { ca: trusted.cert, ...trusted.issue({ forServersOnly: true }) },
        /INVALID_PURPOSE/,
      ],
      [
        'an outdated one',
        { ca: trusted.cert, ...trusted.issue({ to: '20210101000000Z' }) },
        /CERT_HAS_EXPIRED/,
      ],
    ] as const)
      t.match(await dialled(own.url, given, probe), ['error', 'WRONG_CERTIFICATE', why], what)
    const peer = await HostilePeer.connect(own.url, { ca: trusted.cert })
    peer.say(hello(primary))
    t.equal((await peer.ended()).error, 'WRONG_CERTIFICATE', 'of a primary, too')
    t.strictSame(own.greeted, ['client', 'probe'])
    t.match(own.turnedAway[0], /^WRONG_CERTIFICATE: .*--tls-client-ca.*shows no certificate/)
  },
)

t.test(
  'A5: no session is resumed: Node would take a resumed one without a certificate for proven',
  async t => {
    const dir = folderOf(t)
    const servers = tlsFiles(dir)
    const tls = await ServerTls.open({ own: servers.files, caFile: null, clientCaFile: servers.files.caFile })
    await using own = await listening(tls)
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      let session: Buffer | undefined
      for (let round = 0; round < 2; round++) {
        const socket: TLSSocket = connectTls({
          host: '127.0.0.1',
          port: own.port,
          ca: servers.trusted.cert,
          maxVersion,
          ...(session !== undefined && { session }),
        })
        socket.on('session', made => {
          session = made
        })
        socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
        await once(socket, 'data')
        t.equal(socket.isSessionReused(), false, `${maxVersion}, round ${round + 1}`)
        socket.destroy()
      }
    }
  },
)

t.test('B3: a handshake that is not done has a place at the edge and a time limit', async t => {
  await using own = await secured(t, {}, { helloWithinMs: 150 })
  const bare = connectPlain(own.port, '127.0.0.1')
  const half = connectPlain(own.port, '127.0.0.1')
  half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]))
  const ended = Promise.all([bare, half].map(socket => once(socket.on('error', () => {}).resume(), 'close')))
  await until('both have their places', () => own.edge.counts.stranger === 2)
  await ended
  t.match(own.turnedAway, [/^TLS: the handshake was not done in time$/])
  t.equal(own.tls.refusals.late, 1)
  await until('their places are free', () => own.edge.counts.stranger === 0)
})

t.test('B3: too many handshakes at once: the oldest of the address that has most is cut', async t => {
  await using own = await secured(t, {}, { files: 200 })
  const { strangers } = own.edge.room
  const sockets = Array.from({ length: strangers + 3 }, () =>
    connectPlain(own.port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  )
  for (const socket of sockets) socket.write(Buffer.from([0x16, 0x03]))
  await until('the oldest are cut', () => own.edge.cuts.strangers === 3)
  t.equal(own.edge.counts.stranger, strangers)
  t.match(await dialled(own.url, believing(own.setting)), ['echoed'], 'and another gets in')
  for (const socket of sockets) socket.destroy()
})

t.test('B1: a hello that comes in pieces gets no handshake before it is whole', async t => {
  await using own = await secured(t)
  let pieces = 0
  const slow = createServer(peer => {
    const server = connectPlain(own.port, '127.0.0.1').setNoDelay()
    server.on('error', () => {}).pipe(peer)
    peer.on('error', () => {}).once('close', () => server.destroy())
    peer.on('data', async data => {
      peer.pause()
      for (const byte of data) {
        pieces++
        await new Promise(sent => server.write(Buffer.from([byte]), sent))
      }
      peer.resume()
    })
  }).listen(0, '127.0.0.1')
  await once(slow, 'listening')
  const { port } = slow.address() as AddressInfo
  t.match(await dialled(`wss://127.0.0.1:${port}`, believing(own.setting)), ['echoed'])
  t.ok(pieces > 200)
  slow.close()

  const larger = connectPlain(own.port, '127.0.0.1').on('error', () => {})
  larger.resume().write(Buffer.from([0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x40, 0x01]))
  await once(larger, 'close')
  t.match(own.turnedAway.at(-1), /^TLS: the hello of the peer has more than 16384 bytes$/)
})

t.test('B1: the length of a hello is found in whatever pieces and records it comes', async t => {
  const body = Buffer.alloc(300, 7)
  const message = Buffer.concat([Buffer.from([1, 0, 1, 44]), body])
  const record = (part: Buffer) =>
    Buffer.concat([Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part])
  const cut = [0, 1, 2, 3, 4, 5, 100, 303].map(at =>
    Buffer.concat([record(message.subarray(0, at)), record(message.subarray(at))]),
  )
  for (const hello of [record(message), ...cut]) {
    for (let length = 1; length < hello.length; length++)
      if (helloIn(hello.subarray(0, length)) !== 'begun') t.fail(`${length} of ${hello.length}`)
    t.equal(helloIn(hello), 'whole')
    t.equal(helloIn(Buffer.concat([hello, Buffer.from([23])])), 'whole')
  }
  t.equal(helloIn(record(Buffer.from([2, 0, 0]))), 'whole', 'no hello of a client: TLS refuses it')
  t.equal(helloIn(Buffer.from([22, 3, 1, 0, 1, 1, 23, 3, 3, 0, 0])), 'whole', 'nor is this')
  t.equal(helloIn(record(Buffer.from([1, 0, 64, 1]))), 'larger')
  const empty = Buffer.concat(Array.from({ length: 4_000 }, () => record(Buffer.alloc(0))))
  t.equal(helloIn(empty), 'larger')
})

t.test('B1: of many handshakes under way a few are read at a time, and each has its turn', async t => {
  const reads: boolean[] = Array.from({ length: 40 }, () => true)
  const had = new Set<number>()
  const all = reads.map((_, i) => ({
    readStart: () => {
      reads[i] = true
      had.add(i)
    },
    readStop: () => {
      reads[i] = false
    },
  }))
  const reading = () => reads.filter(Boolean).length
  const shaking = new Shaking()
  for (const one of all.slice(0, handshakesReadMax)) shaking.enter(one)
  for (const i of all.keys()) if (i >= handshakesReadMax) reads[i] = false
  t.equal(reading(), handshakesReadMax)
  for (const one of all.slice(handshakesReadMax)) {
    one.readStart()
    shaking.enter(one)
  }
  had.clear()
  t.equal(reading(), handshakesPerTurnMax)
  await until('each had its turn', () => had.size === 40)
  t.equal(reading(), handshakesPerTurnMax)
  for (const one of all.slice(0, 30)) shaking.leave(one, false)
  t.equal(reading(), 40, 'those that are done are read, and so are the others, which are few')
  for (const one of all.slice(30)) shaking.leave(one, true)
})

t.test('B1: many handshakes at once come to their end, in each version', async t => {
  await using own = await secured(t)
  const { port, setting } = own
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const sockets = Array.from({ length: 100 }, () =>
      connectTls({ host: '127.0.0.1', port, ca: setting.trusted.cert, maxVersion }),
    )
    await Promise.all(sockets.map(socket => once(socket, 'secureConnect')))
    const answers = sockets.map(async socket => {
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
      const [data] = await once(socket, 'data')
      return String(data).slice(0, 15)
    })
    t.strictSame(new Set(await Promise.all(answers)), new Set(['HTTP/1.1 200 OK']))
    for (const socket of sockets) socket.destroy()
  }
})

t.test(
  'B3: a hello that asks for a costly exchange of keys is refused, before and after new files',
  async t => {
    await using own = await secured(t)
    const groups = async (ecdhCurve: string) => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: own.port,
        ca: own.setting.trusted.cert,
        ecdhCurve,
      })
      const how = await new Promise<string>(resolve => {
        socket.once('secureConnect', () => resolve('taken'))
        socket.once('error', ({ message }) => resolve(message))
      })
      socket.destroy()
      return how
    }
    for (const round of ['at the start', 'later']) {
      t.equal(await groups('X25519'), 'taken', round)
      t.equal(await groups('P-256'), 'taken', round)
      for (const costly of ['P-384', 'P-521', 'X448'])
        t.not(await groups(costly), 'taken', `${costly} ${round}`)
      own.setting.write(own.setting.trusted.issue())
      await own.tls.reload()
    }
  },
)

t.test(
  'A5: new files are taken without a lost connection; spoilt ones change nothing and are told',
  async t => {
    await using own = await secured(t)
    const { tls, setting } = own
    const said: [string, string, object][] = []
    tls.start((...note) => void said.push(note), own.url, 5)
    t.teardown(() => tls.close())
    const peer = await HostilePeer.connect(own.url, { ca: setting.trusted.cert })
    peer.say(hello())
    await peer.next('echoed')
    const before = tls.own?.leaf.serialNumber

    const serial = async () => {
      const socket = connectTls({ host: '127.0.0.1', port: own.port, ca: setting.trusted.cert })
      await once(socket, 'secureConnect')
      const { serialNumber } = socket.getPeerCertificate()
      socket.destroy()
      return serialNumber
    }
    setting.write(setting.trusted.issue())
    await until('they are taken', () => tls.reloads.taken === 1)
    t.not(await serial(), before, 'new connections get the new one')
    const good = await serial()

    setting.write({ ...setting.trusted.issue(), key: authority().issue().key })
    await until('they are not taken', () => tls.reloads.refused === 1)
    t.ok(tls.spoilt)
    t.match(said.at(-1), [
      'error',
      /not taken; what was in force still is/,
      { problem: /the key in .* is not that of/ },
    ])
    setting.write({ cert: 'nonsense', key: 'a secret thing' })
    await until('nor are these', () => tls.reloads.refused === 2)
    t.match(said.at(-1)?.[2], { problem: /holds no certificate in PEM/ })
    t.notMatch(JSON.stringify(said), /a secret thing|PRIVATE/, 'and no key is shown')
    setting.write(setting.trusted.issue({ to: '20210101000000Z' }))
    await tls.reload()
    t.match(said.at(-1)?.[2], { problem: /the new certificate has expired on Jan/ })
    t.equal(await serial(), good, 'what was in force still is')

    setting.write(setting.trusted.issue())
    await tls.reload()
    t.notOk(tls.spoilt)
    t.equal(tls.reloads.taken, 2)
    peer.say(['echo', 1])
    await peer.next('echoed')
    t.equal(peer.end, null, 'the connection lives')
  },
)

t.test(
  'A5: a certificate for other names, one that soon ends, and a key that others may read are told at the start',
  async t => {
    const { chmodSync } = await import('node:fs')
    const setting = tlsFiles(folderOf(t), { to: '20210101000000Z', hosts: ['other'], addresses: [] })
    chmodSync(setting.files.keyFile, 0o644)
    const tls = await ServerTls.open({ own: setting.files, caFile: null, clientCaFile: null })
    const said: string[] = []
    tls.start((level, text) => void said.push(`${level}: ${text}`), 'wss://127.0.0.1:7400')
    tls.close()
    t.strictSame(said, [
      'warn: a key is not kept secret',
      'warn: the certificate is for other names than the address that others get',
      'error: the certificate is outdated, or soon will be',
    ])
  },
)
