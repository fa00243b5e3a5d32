// The contract of view stores (E1) and of active marks (E3) on a stand-in for etcd, and what its store makes of answers that
// are lost, late or no answers. That the real one answers so is shown by test/record/.

import t, { type Test } from 'tap'
import { EtcdStore } from '../viewservice/stores/etcd.ts'
import { recordPlace } from '../viewservice/stores/place.ts'
import { EtcdStandIn } from './fixtures/etcd-stand-in.ts'
import {
  marksContract,
  numberedRecord,
  type StorePlace,
  saved,
  storeContract,
  troubleOf,
  watchContract,
} from './fixtures/store-contract.ts'

const etcd = await new EtcdStandIn().start()
t.teardown(() => etcd.close())
let places = 0

function storeAt(t: Test, url: string): EtcdStore {
  const place = recordPlace(url)
  if (place.in !== 'etcd') throw new Error(`${url} is no etcd`)
  const store = new EtcdStore({ ...place, timeoutMs: 20_000 })
  t.teardown(() => store.close())
  return store
}

/** Everything at the prefix is written anew, as after a restore, under revisions that count on. */
async function etcdPlace(t: Test): Promise<StorePlace> {
  const prefix = `contract/${++places}`
  const key = Buffer.from(`${prefix}/record`).toString('base64')
  return {
    open: () => storeAt(t, `etcd://${etcd.host}/${prefix}`),
    async copy() {
      const kept = etcd.valueOf(key) ?? ''
      return async () => etcd.put(key, kept)
    },
  }
}

storeContract(t, 'a stand-in for etcd', etcdPlace)
marksContract(t, 'a stand-in for etcd', etcdPlace, store => {
  store.close()
  etcd.endLeases()
})
watchContract(t, 'a stand-in for etcd', etcdPlace)

/** A second endpoint, that spoils the answers of the first. */
async function twoOf(t: Test): Promise<{ first: EtcdStandIn; second: EtcdStandIn; store: EtcdStore }> {
  const [first, second] = [await new EtcdStandIn().start(), await new EtcdStandIn().start()]
  t.teardown(() => [first, second].map(each => each.close()))
  return { first, second, store: storeAt(t, `etcd://${first.host},${second.host}/p`) }
}

for (const act of ['cut', 'cut after it is done', 'talk nonsense', 'refuse with 503'] as const)
  t.test(`E1: etcd: a save whose answer is lost is unknown, and is asked nowhere else: ${act}`, async t => {
    const { first, second, store } = await twoOf(t)
    first.acts.push(act)
    t.equal(await troubleOf(store.save(numberedRecord(1), null)), 'unknown')
    t.same([first.asked.length, second.asked.length], [1, 0])
  })

t.test('E1: etcd: a read is asked at the next endpoint, whatever is wrong with the first', async t => {
  for (const act of ['cut', 'talk nonsense', 'refuse with 503'] as const) {
    const { first, second, store } = await twoOf(t)
    first.acts.push(act)
    t.equal(await store.load(), null, act)
    t.same([first.asked.length, second.asked.length], [1, 1])
    t.equal(
      (await saved(store, 1))?.record.record,
      1,
      'and the one that answered is asked first from then on',
    )
    t.equal(first.asked.length, 1)
  }
})

t.test(
  'E1: etcd: where no process listens nothing was done, so a save goes on to the next endpoint',
  async t => {
    const { first, second, store } = await twoOf(t)
    const gone = first.host
    first.close()
    t.equal(await troubleOf(store.save(numberedRecord(1), null)), null)
    t.equal(second.asked.length, 1)
    t.equal(await troubleOf(storeAt(t, `etcd://${gone}/p`).load()), 'away')
  },
)

t.test(
  'E1: etcd: a token that has run out is drawn anew, once, and what was asked is asked again',
  async t => {
    const { first } = await twoOf(t)
    first.token = 'the first token'
    const store = storeAt(t, `etcd://jo:hush@${first.host}/p`)
    t.equal((await saved(store, 1))?.record.record, 1)
    first.asked.length = 0
    first.acts.push('forget the token')
    t.equal((await store.load())?.record.record, 1)
    t.same(first.asked, ['/v3/kv/range', '/v3/auth/authenticate', '/v3/kv/range'])
    const stranger = storeAt(t, `etcd://${first.host}/p`)
    await t.rejects(Promise.resolve(stranger.load()), /etcd refuses \/v3\/kv\/range: .*invalid auth token/)
  },
)

t.test('E1: etcd: a save names the text that was read too, for revisions may be counted anew', async t => {
  const { store } = await twoOf(t)
  const last = await saved(store, 1)
  const [revision] = last?.version.split(' ') ?? []
  const other = { record: numberedRecord(1, 'lost'), version: `${revision} lost` }
  t.equal(await troubleOf(store.save(numberedRecord(2), other)), 'taken')
  t.equal((await saved(store, 2))?.record.record, 2)
})

t.test('E3: etcd: a mark is taken from whom it was read of, for revisions may be counted anew', async t => {
  const { first } = await twoOf(t)
  const { marks } = storeAt(t, `etcd://${first.host}/p`)
  const standing = await marks.take({ id: 'a'.repeat(32), address: 'ws://a:1' }, null)
  const [revision] = standing.version.split(' ')
  const other = { ...standing, id: 'd'.repeat(32), version: `${revision} {"id":"${'d'.repeat(32)}"}` }
  t.equal(await troubleOf(marks.take({ id: 'b'.repeat(32), address: 'ws://b:1' }, other)), 'taken')
  await storeAt(t, `etcd://${first.host}/p`).marks.giveUp(other)
  t.equal((await marks.read())?.id, standing.id, 'nor is it given up for another')
  const taken = await marks.take({ id: 'b'.repeat(32), address: 'ws://b:1' }, await marks.read())
  t.equal((await marks.read())?.version, taken.version)
})

t.test('E3: etcd: a mark whose lease has ended is not confirmed, though its key stands', async t => {
  const { first } = await twoOf(t)
  const { marks } = storeAt(t, `etcd://${first.host}/p`)
  const mark = await marks.take({ id: 'a'.repeat(32), address: 'ws://a:1' }, null)
  t.equal(mark.lifetimeMs, 2_000)
  await marks.confirm(mark)
  first.forgetLeases()
  t.equal(await troubleOf(marks.confirm(mark)), 'taken')
})

t.test('E3: etcd: a mark that is given up takes no later one of the same view server along', async t => {
  const { first } = await twoOf(t)
  const { marks } = storeAt(t, `etcd://${first.host}/p`)
  const owner = { id: 'a'.repeat(32), address: 'ws://a:1' }
  const old = await marks.take(owner, null)
  first.acts.push('answer later')
  const givenUp = marks.giveUp(old)
  while ((await marks.read()) !== null);
  const mark = await marks.take(owner, null)
  first.answerNow()
  await givenUp
  t.ok(mark.number > old.number)
  await marks.confirm(mark)
})

t.test('E1: etcd: an answer in another form than etcd’s shows nothing', async t => {
  const { first } = await twoOf(t)
  const { marks } = storeAt(t, `etcd://${first.host}/p`)
  first.put(Buffer.from('p/active').toString('base64'), '')
  t.equal(await troubleOf(marks.read()), 'unknown')
})
