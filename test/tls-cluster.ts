// A5: a whole cluster over TLS, with a certificate for each server: clients, pings, replication, probes, pages and
// failover; and what its members say when one of them is set up wrongly.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import t, { type Test } from 'tap'
import { connect, LockError } from '../client/index.ts'
import { checkConnect } from '../client/options.ts'
import { type LockServer, startLockServer } from '../lockserver/index.ts'
import { startViewServer } from '../viewservice/index.ts'
import { runtime as webRuntime } from '../wire/net/runtime-web.ts'
import { dialTlsOf } from '../wire/net/tls/dial.ts'
import type { ServerTlsOptions } from '../wire/net/tls/options.ts'
import type { Logger } from '../wire/serving/log.ts'
import { askPage } from '../wire/serving/peer-page.ts'
import { proofOf } from '../wire/serving/proof.ts'
import { startBegun } from './fixtures/begun.ts'
import { authority } from './fixtures/certificate.ts'
import { holdfast } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { tlsFiles } from './fixtures/tls-files.ts'

const quick = { pingIntervalMs: 20, deadPings: 15 }
const secret = 'a secret of the cluster'

/** Files of servers that one authority has signed. */
function fleet(t: Test) {
  const dir = folderOf(t)
  const trusted = authority()
  const of = (name: string) => {
    const { files } = tlsFiles(`${dir}/${name}`, { commonName: name }, trusted)
    return { ...files, clientCaFile: files.caFile }
  }
  return { dir: `${dir}/record`, of, client: { ca: trusted.cert }, caFile: of('client').caFile }
}

/** A log that keeps its warnings and errors. */
function keptLog(): { readonly log: Logger; readonly said: string[] } {
  const said: string[] = []
  const say = (fields: object, text: string) => void said.push(`${text} ${JSON.stringify(fields)}`)
  return { said, log: { debug() {}, info() {}, warn: say, error: say } }
}

/** What a log-in to the dashboard over TLS sets (A9). */
async function logIn(at: string, ca: string): Promise<string> {
  const headers = { origin: at, ...proofOf(secret) }
  const asked = request(`${at}/log-in`, { method: 'POST', ca, headers, agent: false }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.headers['set-cookie']?.[0] ?? ''
}

t.test('A5: a cluster over TLS serves, fails over, and shows its pages', async t => {
  const files = fleet(t)
  const { log, said } = keptLog()
  await using view = await startBegun({
    ...quick,
    port: 0,
    data: files.dir,
    secret,
    tls: files.of('view'),
    log,
  })
  t.match(view.address, /^wss:/)
  t.match(view.pages, /^https:/)
  const servers: LockServer[] = []
  for (const name of ['a', 'b', 'c'])
    servers.push(
      await startLockServer({
        ...quick,
        view: view.address,
        secret,
        tls: files.of(name),
        log,
        adminListen: { host: '127.0.0.1', port: 0 },
      }),
    )
  t.teardown(() => Promise.all(servers.map(server => server.close())))
  await until('there is a backup in sync', () => view.status().survives > 0)

  await using locks = await connect(view.address, { secret, tls: files.client })
  const lock = await locks.acquire('a lock')
  const primary = servers.find(server => server.advertised === locks.view?.primary.address)
  t.match(primary?.advertised, /^wss:/)
  await primary?.kill()
  const next = await locks.acquire('another')
  t.ok(lock.held, 'held through the failover')
  t.ok(next.token > lock.token)

  const tls = dialTlsOf(files.client)
  const page = async (address: string, path: string) =>
    (await askPage(address, path, { secret, withinMs: 5_000, tls })).body.toString()
  t.match(await page(view.address, '/locks'), /a lock/, 'of the primary, by way of the view server')
  t.match(await logIn(view.pages, files.client.ca), /; HttpOnly; SameSite=Strict; Secure$/)
  t.match(await page(view.address, '/metrics'), /^holdfast_certificate_expiry_timestamp_seconds \d{12}$/m)
  const other = servers.find(server => server !== primary) as LockServer
  t.match(other.pages, /^https:/)
  const metrics = await page(other.advertised, '/metrics')
  t.match(metrics, /^holdfast_tls_files_spoilt 0$/m, 'led to the address of the pages')
  t.match(metrics, /^holdfast_tls_refusals_total\{reason="handshake"\} 0$/m)
  t.strictSame(
    said.filter(line => /TLS|certificate/.test(line)),
    [],
  )
})

t.test('A5: who has no certificate of the authority is no server, and both ends say so', async t => {
  const files = fleet(t)
  const atView = keptLog()
  await using view = await startBegun({
    ...quick,
    port: 0,
    data: files.dir,
    tls: files.of('view'),
    log: atView.log,
  })
  const { log, said } = keptLog()
  await using _bare = await startLockServer({
    ...quick,
    view: view.address,
    tls: { caFile: files.caFile },
    log,
  })
  await until('it says so', () => said.length > 0)
  t.match(said[0], /WRONG_CERTIFICATE.*it shows no certificate/)
  await until('the view server says so', () => atView.said.length > 0)
  t.match(atView.said[0], /a connection was refused .*WRONG_CERTIFICATE.*it shows no certificate/)
})

t.test(
  'A5: ws:// to a view server with TLS is told in the log of a lock server, and by the command',
  async t => {
    const files = fleet(t)
    const { clientCaFile: _, ...tls } = files.of('view')
    await using view = await startBegun({ ...quick, port: 0, data: files.dir, tls })
    const plain = view.address.replace('wss', 'ws')
    const { log, said } = keptLog()
    await using _lost = await startLockServer({ ...quick, view: plain, log })
    await until('it says so', () => said.length > 0)
    t.match(said[0], /^the view server is not reached .*as a port of TLS does; did you mean wss:/)
    const error = await connect(plain, { timeout: 500 }).catch(error => error)
    t.type(error, LockError)
    t.match(error.message, /did you mean wss:\/\/127/)
    const status = (...args: string[]) => holdfast(t, ['status', ...args])
    t.match(
      (await status('--view', plain)).stderr,
      /^holdfast: ws:\S+ answers HTTP 400 .*did you mean wss:\/\/127/,
    )
    t.match((await status('--view', view.address)).stderr, /certificate that is not trusted: .*--tls-ca/)
    const right = await status('--view', view.address, '--tls-ca', files.caFile, '--json')
    t.equal(JSON.parse(right.stdout).view.number, 0)
    t.match(await status('--view', view.address, '--tls-ca', 'nowhere.pem'), {
      code: 2,
      stderr: /--tls-ca \(HOLDFAST_TLS_CA\): the file can't be read: ENOENT/,
    })
  },
)

t.test('A5: the options of TLS are checked', async t => {
  const files = fleet(t)
  const full = files.of('a')
  const server = (tls: unknown) => startViewServer({ port: 0, data: files.dir, tls: tls as ServerTlsOptions })
  await t.rejects(server({ certFile: full.certFile }), /^tls\.keyFile is missing/)
  await t.rejects(server({ clientCaFile: full.caFile }), /^tls\.clientCaFile needs tls\.certFile/)
  await t.rejects(
    server({ cert: 'x' }),
    /^tls has no option cert; it has certFile, keyFile, caFile, clientCaFile$/,
  )
  await t.rejects(
    server({ ...full, keyFile: files.of('b').keyFile }),
    /the key in .* is not that of the certificate in/,
  )
  await t.rejects(server({ ...full, caFile: full.keyFile }), /holds no certificate in PEM/)
  await t.rejects(
    server({ ...full, certFile: '/nowhere.pem' }),
    /the file \/nowhere\.pem can't be read: ENOENT/,
  )
  await t.rejects(
    startLockServer({ view: 'wss://127.0.0.1:1', advertise: 'ws://x:1', tls: full }),
    /^advertise must begin with wss:\/\//,
  )
  await t.rejects(connect('wss://a', { tls: { cert: 'x' } }), /^tls\.key is missing/)
  await t.rejects(connect('wss://a', { tls: { ca: 7 as unknown as string } }), /^tls\.ca must be PEM/)
  await t.rejects(connect('wss://a', { tls: { cert: 'x', key: 'y' } }), /can't be used/)
  t.throws(
    () => checkConnect(webRuntime, 'wss://a', { tls: {} }),
    /^tls is for Node: in a page its browser decides/,
  )
  const usage = async (...args: string[]) => (await holdfast(t, ['lockserver', ...args])).stderr
  t.match(await usage('--tls-cert', 'x'), /--tls-key FILE \(HOLDFAST_TLS_KEY\) is missing/)
  t.match(await usage('--tls-client-ca', 'x'), /--tls-client-ca needs --tls-cert and --tls-key/)
})
