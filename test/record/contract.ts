// The contract of view stores (E1) on a real etcd, and what a gateway that lies, is slow, or is cut off makes of
// the answers: *unknown*, never a guess.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { EtcdStore } from '../../viewservice/stores/etcd.ts'
import { recordPlace } from '../../viewservice/stores/place.ts'
import { freePort } from '../fixtures/server-processes.ts'
import {
  marksContract,
  numberedRecord,
  type StorePlace,
  saved,
  storeContract,
  troubleOf,
  watchContract,
} from '../fixtures/store-contract.ts'
import { Etcd } from './etcd.ts'

const etcd = await Etcd.start(1)
t.teardown(() => etcd[Symbol.asyncDispose]())
const host = etcd.nodes[0]?.host ?? ''
let places = 0

function storeAt(t: Test, url: string, timeoutMs = 1_000): EtcdStore {
  const place = recordPlace(url)
  if (place.in !== 'etcd') throw new Error(`${url} is no etcd`)
  const store = new EtcdStore({ ...place, timeoutMs })
  t.teardown(() => store.close())
  return store
}

const newUrl = () => etcd.url(`contract/${++places}`)

/** Everything at the prefix is written anew, as after a restore, under revisions that count on. */
async function etcdPlace(t: Test): Promise<StorePlace> {
  const url = newUrl()
  const key = Buffer.from(`contract/${places}/record`).toString('base64')
  return {
    open: () => storeAt(t, url),
    async copy() {
      const [kept] = (await ask('range', { key })).kvs ?? []
      return async () => void (await ask('put', { key, value: kept?.value ?? '' }))
    },
  }
}

interface Answer {
  readonly kvs?: readonly { readonly value: string }[]
}

async function ask(what: string, body: object): Promise<Answer> {
  const response = await fetch(`http://${host}/v3/kv/${what}`, { method: 'POST', body: JSON.stringify(body) })
  return (await response.json()) as Answer
}

storeContract(t, 'etcd', etcdPlace)
marksContract(t, 'etcd', etcdPlace, store => store.close())
watchContract(t, 'etcd', etcdPlace)

/** What a gateway that stands before etcd does with one request. */
type Act =
  | 'pass on'
  | 'hang'
  | 'cut'
  | 'cut after it is done'
  | 'talk nonsense'
  | 'refuse with 503'
  | 'forget the token'

/** A gateway before the real one; `acts` are used up in turn. */
async function bad(t: Test, acts: Act[]): Promise<{ host: string; asked: () => number }> {
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    const act = acts.shift() ?? 'pass on'
    if (act === 'hang') return
    if (act === 'cut') return void request.socket.destroy()
    if (act === 'talk nonsense') return void response.end('<html>')
    if (act === 'refuse with 503') return void response.writeHead(503).end('{"error":"no leader","code":14}')
    if (act === 'forget the token')
      return void response.writeHead(401).end('{"error":"invalid auth token","code":16}')
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const body = Buffer.concat(chunks)
      const { authorization } = request.headers
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
      const answer = await fetch(`http://${host}${request.url}`, { method: 'POST', headers, body })
      const text = await answer.text()
      if (act === 'cut after it is done') request.socket.destroy()
      else response.writeHead(answer.status).end(text)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { host: `127.0.0.1:${port}`, asked: () => asked }
}

for (const [act, done] of [
  ['hang', false],
  ['cut', false],
  ['cut after it is done', true],
  ['talk nonsense', false],
  ['refuse with 503', false],
] as const)
  t.test(`E1: etcd: a save whose answer is lost is unknown, and is not repeated: ${act}`, async t => {
    const prefix = `bad/${++places}`
    const gateway = await bad(t, ['pass on', act])
    const store = storeAt(t, `etcd://${gateway.host},${host}/${prefix}`, 300)
    t.equal(await store.load(), null)
    t.equal(await troubleOf(store.save(numberedRecord(1), null)), 'unknown')
    t.equal(gateway.asked(), 2)
    const found = await store.load()
    t.equal(found?.record.nonce, done ? 'n-1' : undefined)
    t.equal(await troubleOf(store.save(numberedRecord(1, 'again'), null)), done ? 'taken' : null)
  })

t.test('E1: etcd: a read goes to the next endpoint, whatever is wrong with the first', async t => {
  for (const act of ['hang', 'cut', 'talk nonsense', 'refuse with 503'] as const) {
    const prefix = `read/${++places}`
    const gateway = await bad(t, [act])
    const store = storeAt(t, `etcd://${gateway.host},${host}/${prefix}`, 300)
    t.equal(await store.load(), null, act)
    t.equal((await saved(store, 1))?.record.record, 1)
  }
})

t.test('E1: etcd: an endpoint that refuses is left for the next one, by a save too', async t => {
  const closed = `127.0.0.1:${await freePort()}`
  const store = storeAt(t, `etcd://${closed},${host}/refused/${++places}`)
  t.equal(await troubleOf(store.save(numberedRecord(1), null)), null)
  const away = storeAt(t, `etcd://${closed}/p`)
  t.equal(await troubleOf(away.save(numberedRecord(1), null)), 'away')
  t.equal(await troubleOf(away.load()), 'away')
})

t.test('E1: etcd: users and passwords', async t => {
  const auth = (what: string, body: object) =>
    fetch(`http://${host}/v3/auth/${what}`, { method: 'POST', body: JSON.stringify(body) })
  await auth('user/add', { name: 'root', password: 'hush' })
  await auth('user/grant', { user: 'root', role: 'root' })
  await auth('enable', {})
  try {
    const store = storeAt(t, `etcd://root:hush@${host}/auth/${++places}`)
    t.equal((await saved(store, 2))?.record.record, 2)
    const gateway = await bad(t, ['pass on', 'forget the token'])
    t.equal(await storeAt(t, `etcd://root:hush@${gateway.host}/auth/token`).load(), null)
    t.equal(gateway.asked(), 4, 'a token that has run out is asked for again')
    await t.rejects(
      Promise.resolve(storeAt(t, `etcd://root:wrong@${host}/auth/p`).load()),
      /authentication failed/,
    )
    await t.rejects(
      Promise.resolve(storeAt(t, `etcd://${host}/auth/p`).load()),
      /etcd refuses .*user name is empty/,
    )
  } finally {
    const answer = await auth('authenticate', { name: 'root', password: 'hush' })
    const { token } = (await answer.json()) as { token: string }
    await fetch(`http://${host}/v3/auth/disable`, {
      method: 'POST',
      body: '{}',
      headers: { authorization: token },
    })
  }
})
