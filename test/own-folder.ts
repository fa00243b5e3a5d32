// The folders in which servers keep what must survive a loss of power: their own names must survive it, too.

import { mkdirSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runtime } from '#runtime'
import { openJournal } from '../lockserver/journal/driver/open.ts'
import { FileStore } from '../viewservice/stores/file.ts'
import { foldersAbove, makeFolder } from '../wire/serving/own-folder.ts'
import { folderOf } from './fixtures/folder.ts'

/** What handles of node:fs/promises have synced since then, by inode. */
const synced = new Set<number>()

t.before(async () => {
  const probe = await open(process.cwd(), 'r')
  await probe.close()
  const handles: FileHandle = Object.getPrototypeOf(probe)
  const { sync } = handles
  handles.sync = async function (this: FileHandle) {
    await sync.call(this)
    synced.add((await this.stat()).ino)
  }
})

const isSynced = (folder: string) => synced.has(statSync(folder).ino)

t.test('of a folder that is made with those above it, each name is synced', async t => {
  const root = folderOf(t)
  await makeFolder(join(root, 'a', 'b'))
  t.ok(isSynced(root), 'has the name a')
  t.ok(isSynced(join(root, 'a')), 'has the name b')
  t.notOk(isSynced(join(root, 'a', 'b')), 'what comes into it is for its owner')
  t.equal(statSync(join(root, 'a', 'b')).mode & 0o777, 0o700)
})

t.test(
  'the folder of another process, which may have died before it synced the name, is synced, too',
  async t => {
    const root = folderOf(t, { a: {} })
    await makeFolder(join(root, 'a'))
    t.ok(isSynced(root))
  },
)

t.test('the highest folder that was made is the first whose name is synced', async t => {
  t.same(foldersAbove('/data/x/y', '/data/x'), ['/data', '/data/x'])
  t.same(foldersAbove('/data', '/data'), ['/'])
})

t.test('D2, V6: what a journal or a view record lies in is synced before it is used', async t => {
  const root = folderOf(t)
  const owner = { note: () => {}, failed: (problem: string) => t.fail(problem) }
  const journal = await openJournal({ folder: join(root, 'journals', '1'), runtime, owner, tickMs: 1_000 })
  await journal[Symbol.asyncDispose]()
  t.ok(isSynced(root) && isSynced(join(root, 'journals')))

  mkdirSync(join(root, 'records'))
  const store = new FileStore(join(root, 'records', '1'))
  t.teardown(() => store.close())
  await store.load()
  t.ok(isSynced(join(root, 'records')))
})

t.test('a folder that can not be made is named', async t => {
  const root = folderOf(t, { file: '' })
  await t.rejects(makeFolder(join(root, 'file', 'a')), { code: 'ENOTDIR' })
})
