// E1: the view record in an etcd that speaks TLS: a private authority, a certificate that it asks for, user and password, new files
// while all runs; and in what words each mistake is told. With a real etcd and certificates of openssl.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EtcdStore } from '../../viewservice/stores/etcd.ts'
import { Gateway } from '../../viewservice/stores/gateway.ts'
import { openStore, recordPlace } from '../../viewservice/stores/place.ts'
import { until } from '../fixtures/deadline.ts'
import { saved, troubleOf } from '../fixtures/store-contract.ts'
import { Authority } from './certificates.ts'
import { Etcd } from './etcd.ts'
import { RecordService } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-record-tls-'))
const authority = new Authority(join(folder, 'authority'))
const other = new Authority(join(folder, 'other'))
const own = authority.issue('etcd')
const client = authority.issue('client')
const tls = { ca: authority.ca, ...client }
const { etcd, host } = await secureEtcd(['--client-cert-auth', `--trusted-ca-file=${authority.ca}`])
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

async function secureEtcd(more: readonly string[]): Promise<{ etcd: Etcd; host: string }> {
  const args = [`--cert-file=${own.cert}`, `--key-file=${own.key}`, ...more]
  const etcd = await Etcd.start(1, { args, tls })
  t.teardown(() => etcd[Symbol.asyncDispose]())
  return { etcd, host: etcd.nodes[0]?.host ?? '' }
}

/** The URL of a place in it, with files of this kind. */
const urlOf = (prefix: string, files: Partial<Record<'ca' | 'cert' | 'key', string>>, user = '') =>
  `etcds://${user}${host}/${prefix}?${Object.entries(files)
    .map(([name, file]) => `${name}=${file}`)
    .join('&')}`

function storeAt(t: Test, url: string): EtcdStore {
  const store = openStore(recordPlace(url), () => {})
  t.teardown(() => store.close())
  if (!(store instanceof EtcdStore)) throw new Error(`${url} is no etcd`)
  return store
}

t.test('E1: a record behind a private authority and a certificate that etcd asks for', async t => {
  const url = urlOf('one', tls)
  const store = storeAt(t, url)
  t.equal(await store.load(), null)
  let changes = 0
  store.watch(() => changes++)
  t.equal((await saved(store, 2))?.record.record, 2)
  await until('the watch tells of it', () => changes > 0)
  t.equal((await storeAt(t, url).load())?.record.record, 2)
})

t.test('E1: what is wrong with TLS is told with what would be right, and nothing was asked', async t => {
  const words = async (files: Parameters<typeof urlOf>[1]) => {
    const store = storeAt(t, urlOf('wrong', files))
    t.equal(await troubleOf(store.load()), 'away')
    return String(await Promise.resolve(store.load()).catch(error => error.message))
  }
  t.match(await words(client), /give the authority that signed it: \?ca=FILE/)
  t.match(await words({ ca: other.ca, ...client }), /give the authority that signed it: \?ca=FILE/)
  t.match(await words({ ca: authority.ca }), /show it a certificate that it takes: \?cert=FILE&key=FILE/)
  t.match(
    await words({ ca: authority.ca, ...other.issue('stranger') }),
    /show it a certificate that it takes/,
  )
  const plain = storeAt(t, `etcd://${host}/wrong`)
  t.not(await troubleOf(plain.load()), null, 'without TLS')
  const gone = urlOf('wrong', { ca: join(folder, 'gone') })
  t.throws(() => openStore(recordPlace(gone), () => {}), /record: the file of ca can't be read: ENOENT/)
})

t.test('E1: a certificate that is replaced while all runs is taken without a restart', async t => {
  const mine = { cert: join(folder, 'mine.pem'), key: join(folder, 'mine.key') }
  const use = ({ cert, key }: { cert: string; key: string }) => {
    copyFileSync(cert, mine.cert)
    copyFileSync(key, mine.key)
  }
  use(other.issue('mine'))
  const store = storeAt(t, urlOf('replaced', { ca: authority.ca, ...mine }))
  t.equal(await troubleOf(store.load()), 'away')
  use(client)
  await troubleOf(store.load())
  t.equal(await store.load(), null)
})

t.test(
  'E1, F17: a whole service on such an etcd: the active view server and the primary are killed',
  async t => {
    await using service = await RecordService.start(urlOf('service', tls), 2, 2)
    const [active, primary] = [await service.active(), service.primary()]
    const since = performance.now()
    active?.signal('SIGKILL')
    await primary?.kill()
    await active?.kill()
    t.comment(`next grant after ${Math.round((await service.grantedSince(since + 5)) - since)} ms`)
    active?.start()
    primary?.start()
    await service.isWhole()
    t.same(service.violations, [])
  },
)

t.test('E1: user and password over TLS', async t => {
  const { host } = await secureEtcd([])
  const ask = (path: string, body: object, user: { name: string; password: string } | null = null) => {
    const gateway = new Gateway({ endpoints: [`https://${host}`], user, tls, timeoutMs: 5_000 })
    return gateway.write(path, body).finally(() => gateway.close())
  }
  const root = { name: 'root', password: 'hush' }
  await ask('/v3/auth/user/add', root)
  await ask('/v3/auth/user/grant', { user: 'root', role: 'root' })
  await ask('/v3/auth/enable', {})
  const at = (user: string) => storeAt(t, `etcds://${user}${host}/auth/one?ca=${authority.ca}`)
  t.equal((await saved(at('root:hush@'), 2))?.record.record, 2)
  await t.rejects(Promise.resolve(at('root:wrong@').load()), /authentication failed/)
  await t.rejects(Promise.resolve(at('').load()), /etcd refuses .*user name is empty/)
})

t.test('the etcd is still there', async t => {
  t.ok(await etcd.leader())
})
