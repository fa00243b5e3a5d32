// B6: a view server that is short of files, disk or memory for a moment still saves its
// view records, reports the shortage, and ends only when that lasts for a ping limit. The
// shortages are simulated: calls of node:fs fail.

import fs, { readdirSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startLockServer } from '../lockserver/index.ts'
import type { ViewRecord } from '../viewservice/record.ts'
import { type Lack, lackOf, withPatience } from '../viewservice/shortage.ts'
import { FileStore } from '../viewservice/stores/file.ts'
import { firstView } from '../viewservice/view.ts'
import type { Logger } from '../wire/serving/log.ts'
import { recordOf, startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { Scrape } from './fixtures/scrape.ts'

const place = { id: '1'.repeat(32), address: 'ws://127.0.0.1:1' }
const numbered = (record: number): ViewRecord => ({
  ...recordOf('c'.repeat(32), firstView(place, 'memory')),
  record,
})
/** What a store holds after the record before this one. */
const before = ({ record }: ViewRecord) =>
  record === 1 ? null : { record: numbered(record - 1), version: `${record - 1}` }
const save = (store: FileStore, record: ViewRecord) => store.save(record, before(record))
const shortage = (code: string) => Object.assign(new Error(`${code}: simulated`), { code })

type Call = 'openSync' | 'writeSync' | 'linkSync' | 'fsyncSync'

/** From now on this call fails `times` times; `openSync` fails only with the flag `wx`. */
function failing(t: Test, call: Call, code: string, times = Number.POSITIVE_INFINITY): () => void {
  const real = fs[call] as (...args: unknown[]) => unknown
  let left = times
  const replace = (act: unknown) => {
    Object.assign(fs, { [call]: act })
    syncBuiltinESMExports()
  }
  replace((...args: unknown[]) => {
    // The sync opens the folder itself at all times; the active mark is another matter.
    const isOther = (call === 'openSync' && args[1] !== 'wx') || String(args[1]).includes('active-mark')
    if (left > 0 && !isOther) {
      left--
      throw shortage(code)
    }
    return real(...args)
  })
  const mend = () => replace(real)
  t.teardown(mend)
  return mend
}

async function opened(
  t: Test,
  lacking?: (lack: Lack) => void,
): Promise<{ store: FileStore; folder: string }> {
  const folder = folderOf(t)
  const store = new FileStore(folder, lacking)
  t.teardown(() => store.close())
  await store.load()
  return { store, folder }
}

const records = (folder: string) => readdirSync(folder).filter(name => name.startsWith('view-record-')).length

t.test('B6: a view and its acknowledgement are saved while nothing new can be opened', async t => {
  const lacks: Lack[] = []
  const { store, folder } = await opened(t, lack => lacks.push(lack))
  t.equal(store.reserve, 2)
  const mend = failing(t, 'openSync', 'EMFILE')
  await save(store, numbered(1))
  await save(store, numbered(2))
  t.equal(store.reserve, 0)
  await t.rejects(save(store, numbered(3)), { message: /^can't write to the data folder.*EMFILE/ })
  await new Promise(resolve => setImmediate(resolve))
  t.ok(lacks.length > 0 && lacks.every(lack => lack === 'files'), 'it says so')
  mend()
  await save(store, numbered(3))
  t.equal(records(folder), 3)
  await until('the reserve is whole again', () => store.reserve === 2)
  t.same((await new FileStore(folder).load())?.record, numbered(3))
})

t.test('B6: whatever a save lacks, its repeat continues where it stopped', async t => {
  for (const [call, code] of [
    ['writeSync', 'ENOSPC'],
    ['fsyncSync', 'ENOSPC'],
    ['linkSync', 'ENOSPC'],
    ['linkSync', 'ENOMEM'],
  ] as const) {
    const { store, folder } = await opened(t)
    const mend = failing(t, call, code, 1)
    await t.rejects(save(store, numbered(1)), { message: /simulated/ }, `${call} ${code}`)
    await save(store, numbered(1))
    mend()
    t.equal(records(folder), 1)
    store.close()
  }
})

t.test(
  'B6, V6: a record that is there but for the sync of its folder is not taken for another’s',
  async t => {
    const { store, folder } = await opened(t)
    let synced = 0
    const real = fs.fsyncSync
    fs.fsyncSync = file => {
      if (++synced === 2) throw shortage('ENOSPC') // the folder; before it the record
      real(file)
    }
    syncBuiltinESMExports()
    t.teardown(() => {
      fs.fsyncSync = real
      syncBuiltinESMExports()
    })
    await t.rejects(save(store, numbered(1)), { message: /simulated/ })
    await save(store, numbered(1))
    t.equal(records(folder), 1)
    await t.rejects(save(store, { ...numbered(1), acked: true }), /another view server/, 'its number is used')
  },
)

t.test('B6: the check at the start does what a save does', async t => {
  for (const call of ['openSync', 'writeSync', 'fsyncSync', 'linkSync'] as const) {
    const folder = folderOf(t, {})
    const mend = failing(t, call, 'ENOSPC')
    const store = new FileStore(folder)
    await t.rejects(store.load(), { message: /^can't write to the data folder.*simulated/ }, call)
    mend()
    store.close()
    t.same(readdirSync(folder), [], 'nothing is left lying about')
  }
})

t.test('B6: a save is tried again for a ping limit, and only in a shortage', async t => {
  const lacks: Lack[] = []
  const how = { limitMs: 60, everyMs: 1, lacking: (lack: Lack) => lacks.push(lack) }
  let tries = 0
  await withPatience(async () => {
    if (++tries < 4) throw new Error('no save', { cause: shortage('ENFILE') })
  }, how)
  t.same(lacks, ['files', 'files', 'files'])
  await t.rejects(
    withPatience(() => Promise.reject(shortage('ENOSPC')), how),
    /ENOSPC/,
  )
  t.ok(lacks.filter(lack => lack === 'room').length > 1)
  tries = 0
  const broken = async () => {
    tries++
    throw shortage('EIO')
  }
  await t.rejects(withPatience(broken, how), /EIO/)
  t.equal(tries, 1)
  t.equal(lackOf(new Error('another view server writes here')), undefined)
})

t.test('B6: a view is made through a shortage, and the server tells of it', async t => {
  const told: object[] = []
  const none = () => {}
  const log: Logger = { debug: none, info: none, error: none, warn: fields => told.push(fields) }
  const fatal: Error[] = []
  const view = await startBegun({
    port: 0,
    data: join(folderOf(t), 'data'),
    pingIntervalMs: 20,
    deadPings: 50,
    log,
    onFatal: error => fatal.push(error),
  })
  t.teardown(() => view.close())
  const mend = failing(t, 'linkSync', 'ENOSPC', 3)
  const lock = await startLockServer({ view: view.address, pingIntervalMs: 20, deadPings: 50 })
  t.teardown(() => lock.close())
  await until('there is a view', () => view.status().view !== null)
  mend()
  t.same(fatal, [])
  t.match(told, [{ lacks: /disk.*full/ }])
  const scrape = await Scrape.of(view.address)
  t.equal(scrape.value('holdfast_view_record_shortages_total', '{lack="room"}'), 3)
  t.equal(scrape.value('holdfast_view_record_reserve'), 2)
})
