// The view record on a real disk (V6): it survives, no save overwrites it, and the error
// for a spoilt one names it.

import fs, { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { ViewRecord } from '../viewservice/record.ts'
import type { Lack } from '../viewservice/shortage.ts'
import { FileStore } from '../viewservice/stores/file.ts'
import { firstView } from '../viewservice/view.ts'
import { recordOf } from './fixtures/begun.ts'
import { folderOf } from './fixtures/folder.ts'

const cluster = 'c'.repeat(32)
const place = { id: '1'.repeat(32), address: 'ws://127.0.0.1:1' }
const numbered = (record: number): ViewRecord => ({
  ...recordOf(cluster, firstView(place, 'memory')),
  record,
})
/** What a store holds after the record before this one. */
const before = ({ record }: ViewRecord) =>
  record === 1 ? null : { record: numbered(record - 1), version: `${record - 1}` }
const save = (store: FileStore, record: ViewRecord) => store.save(record, before(record))
const fileOf = (number: number) => `view-record-${String(number).padStart(12, '0')}.json`

/** Its files are closed with the test. */
function open(folder: string, lacking?: (lack: Lack) => void): FileStore {
  const store = new FileStore(folder, lacking)
  t.teardown(() => store.close())
  return store
}

/** The files of a folder that matter to users: not the spare ones for the next records. */
const seen = (folder: string) =>
  readdirSync(folder)
    .filter(name => !name.startsWith('.spare-'))
    .sort()

/** A folder that holds records 1 to `last`. */
async function filled(folder: string, last: number): Promise<FileStore> {
  const store = open(folder)
  await store.load()
  for (let i = 1; i <= last; i++) await save(store, numbered(i))
  return store
}

t.test('V6: an empty folder, or one that is not there yet, has no record', async t => {
  const folder = join(folderOf(t), 'made', 'on', 'the', 'way')
  t.equal(await open(folder).load(), null)
  t.same(seen(folder), [])
})

t.test('V6: a restart goes on with the last record; old ones are cleared away', async t => {
  const folder = folderOf(t)
  await filled(folder, 12)
  t.same((await open(folder).load())?.record, numbered(12))
  t.same(seen(folder), [10, 11, 12].map(fileOf))
})

t.test(
  'V6: a record that is there already is never written over: another view server writes here',
  async t => {
    const folder = folderOf(t)
    const frozen = await filled(folder, 2)
    await save(await other(folder), numbered(3))
    const before = readFileSync(join(folder, fileOf(3)), 'utf8')
    await t.rejects(save(frozen, { ...numbered(3), acked: true }), /another view server writes to .*record 3/)
    t.equal(readFileSync(join(folder, fileOf(3)), 'utf8'), before)
    t.same(seen(folder), [1, 2, 3].map(fileOf), 'nothing is left lying about')
  },
)

t.test('V6: a view server that was overtaken so far that its number is free again fails, too', async t => {
  const folder = folderOf(t)
  const frozen = await filled(folder, 2)
  const awake = await other(folder)
  for (let i = 3; i <= 9; i++) await save(awake, numbered(i))
  await nextTurn()
  t.notOk(readdirSync(folder).includes(fileOf(3)))
  await t.rejects(save(frozen, numbered(3)), /another view server writes/)
  t.same((await open(folder).load())?.record, numbered(9), 'the newest stays the newest')
})

t.test('V6: of two view servers that save at once one wins', async t => {
  const folder = folderOf(t)
  const one = await filled(folder, 2)
  const two = await other(folder)
  const results = await Promise.allSettled([save(one, numbered(3)), save(two, numbered(3))])
  t.same(results.map(result => result.status).sort(), ['fulfilled', 'rejected'])
})

t.test('V6: a spoilt record is refused by name, never skipped for an older one', async t => {
  const good = async () => {
    const folder = folderOf(t, {})
    await filled(folder, 2)
    return folder
  }
  const text = (record: object, sum: string) => JSON.stringify([['view-record', record, sum]])
  const spoil: [string, (path: string) => string, RegExp][] = [
    ['empty', () => '', /not JSON/],
    ['cut', path => readFileSync(path, 'utf8').slice(0, 90), /not JSON/],
    ['no array', () => '{}', /not an array/],
    ['nothing in it', () => '[]', /does not hold one record/],
    ['wrong fields', () => text({ ...numbered(2), acked: 'yes' }, '0'.repeat(64)), /acked/],
    ['wrong checksum', path => readFileSync(path, 'utf8').replace(':false', ':true'), /checksum/],
    ['another number', path => readFileSync(join(path, '..', fileOf(1)), 'utf8'), /holds record 1/],
  ]
  for (const [name, make, why] of spoil) {
    const folder = await good()
    const path = join(folder, fileOf(2))
    writeFileSync(path, make(path))
    const loaded = open(folder).load()
    const error = await loaded.then(
      () => undefined,
      (error: Error) => error,
    )
    t.match(error?.message, why, name)
    t.match(error?.message, path)
    t.match(error?.message, /Put it back from a copy/)
    t.equal(error?.message.includes('\n'), false, 'in one line')
  }
})

t.test('V6: a record of another wire version is refused', async t => {
  const folder = folderOf(t)
  const store = open(folder)
  await save(store, { ...numbered(1), wire: 99 })
  await t.rejects(open(folder).load(), /wire version 99/)
})

t.test('V6: files that a crash left half written are cleared away', async t => {
  const folder = folderOf(t)
  await filled(folder, 2)
  writeFileSync(join(folder, `${fileOf(2)}.0a.tmp`), '')
  writeFileSync(join(folder, `${fileOf(3)}.0a.tmp`), 'another may be writing this one')
  writeFileSync(join(folder, 'notes.txt'), 'not ours')
  t.same((await open(folder).load())?.record, numbered(2))
  t.same(seen(folder), ['notes.txt', fileOf(1), fileOf(2), `${fileOf(3)}.0a.tmp`].sort())
})

t.test('a folder that cannot be used is one clear line', async t => {
  const folder = folderOf(t, { file: 'not a folder' })
  for (const path of [join(folder, 'file'), join(folder, 'file', 'below')])
    await t.rejects(open(path).load(), {
      message: new RegExp(`^can't use the data folder ${path}: .*$`),
    })
  const gone = open(join(folder, 'gone'))
  await t.rejects(save(gone, numbered(1)), { message: /^can't write to the data folder/ })
})

t.test('B6: a folder without hard links is refused at the start, and not at the first view', async t => {
  const link = fs.linkSync
  t.teardown(() => {
    fs.linkSync = link
    syncBuiltinESMExports()
  })
  for (const code of ['EPERM', 'ENOTSUP', 'EOPNOTSUPP']) {
    fs.linkSync = () => {
      throw Object.assign(new Error(`${code}: operation not permitted, link`), { code, syscall: 'link' })
    }
    syncBuiltinESMExports()
    const folder = folderOf(t)
    await t.rejects(open(folder).load(), {
      message: `can't write to the data folder ${folder}: it needs a file system with hard links, and this one makes none (${code}: operation not permitted, link)`,
    })
    t.same(readdirSync(folder), [], 'and nothing is left in it')
  }
})

t.test('a folder without write permission is one clear line', { skip: process.getuid?.() === 0 }, async t => {
  const folder = join(folderOf(t), 'locked')
  mkdirSync(folder)
  chmodSync(folder, 0o500)
  await t.rejects(open(folder).load(), { message: /^can't write to the data folder/ })
})

async function other(folder: string): Promise<FileStore> {
  const store = open(folder)
  await store.load()
  return store
}
