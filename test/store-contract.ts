// The contract of view stores (E1) on a folder, and what their URLs may say. That on a real etcd is in test/record/.

import { cpSync, rmSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { FileStore } from '../viewservice/stores/file.ts'
import { hidden, recordPlace } from '../viewservice/stores/place.ts'
import { folderOf } from './fixtures/folder.ts'
import { marksContract, type StorePlace, storeContract } from './fixtures/store-contract.ts'

async function folderPlace(t: Test): Promise<StorePlace> {
  const folder = folderOf(t, { data: {}, copy: {} })
  const [data, copy] = [`${folder}/data`, `${folder}/copy`]
  return {
    open() {
      const store = new FileStore(data)
      t.teardown(() => store.close())
      return store
    },
    async copy() {
      await nextTurn() // old records are cleared away after a save
      cpSync(data, copy, { recursive: true })
      return async () => {
        await nextTurn()
        rmSync(data, { recursive: true })
        cpSync(copy, data, { recursive: true })
      }
    },
  }
}

storeContract(t, 'a folder', folderPlace)
marksContract(t, 'a folder', folderPlace, store => store.close())

t.test('E1: a URL says where the record lives', async t => {
  t.same(recordPlace('file:/var/lib/holdfast'), { in: 'folder', folder: '/var/lib/holdfast' })
  t.same(recordPlace('etcd://a:2379,b:2379/locks/one'), {
    in: 'etcd',
    endpoints: ['http://a:2379', 'http://b:2379'],
    prefix: 'locks/one',
    user: null,
    tls: { ca: null, cert: null, key: null },
  })
  t.same(recordPlace('etcds://jo%40x:s%3Acret@[::1]:2379/p/'), {
    in: 'etcd',
    endpoints: ['https://[::1]:2379'],
    prefix: 'p',
    user: { name: 'jo@x', password: 's:cret' },
    tls: { ca: null, cert: null, key: null },
  })
  t.match(recordPlace('etcds://a:2379/p?ca=/x/ca.pem&cert=c.pem&key=c.key'), {
    prefix: 'p',
    tls: { ca: '/x/ca.pem', cert: 'c.pem', key: 'c.key' },
  })
  t.match(recordPlace('etcds://a:2379/p/?ca=ca.pem'), {
    prefix: 'p',
    tls: { ca: 'ca.pem', cert: null, key: null },
  })
})

t.test('E1: a URL that says no place is refused with what would be right', async t => {
  for (const url of [
    '',
    'file:',
    'etcd://a/p',
    'etcd://a:2379',
    'etcd://a:2379/',
    'http://a:2379/p',
    '/data',
    'etcd://a:2379/p?ca=ca.pem',
    'etcds://a:2379/p?ca=',
    'etcds://a:2379/p?cert=c.pem',
    'etcds://a:2379/p?key=c.key',
    'etcds://a:2379/p?ca=a&ca=b',
    'etcds://a:2379/p?authority=ca.pem',
  ])
    t.throws(() => recordPlace(url), { name: 'TypeError', message: /give file:DIR, etcd:\/\/HOST:PORT/ }, url)
  t.throws(
    () => recordPlace('etcd://me:hush@a/p'),
    { message: /etcd:\/\/me:…@a\/p/ },
    'the password is not told',
  )
  t.equal(hidden('etcd://me:hush@a:1/p'), '"etcd://me:…@a:1/p"')
})
