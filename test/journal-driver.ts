// The journal on a real file system: it is held by one process (D9), survives its end, and says what is wrong with its
// disk (D8). `holdfast journal` looks at it without writing.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runtime } from '#runtime'
import type { JournalWrite } from '../lockserver/journal/asked.ts'
import { checksum } from '../lockserver/journal/checksum.ts'
import type { DiskAct } from '../lockserver/journal/disk.ts'
import { DiskDriver } from '../lockserver/journal/driver/disk.ts'
import { hold, isFolderHeld } from '../lockserver/journal/driver/hold.ts'
import { lookAtJournal } from '../lockserver/journal/driver/look.ts'
import { type OpenJournal, openJournal } from '../lockserver/journal/driver/open.ts'
import { State } from '../lockserver/state/state.ts'
import { holdfast } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { anOperation, imprint, smallSizes, start } from './fixtures/journal-story.ts'
import { random } from './fixtures/random.ts'
import { textOf } from './fixtures/state-story.ts'

interface Opened {
  readonly journal: OpenJournal
  readonly failures: string[]
  readonly notes: string[]
  synced: number
}

async function opened(folder: string): Promise<Opened> {
  const failures: string[] = []
  const notes: string[] = []
  const owner = {
    note: (_: string, text: string) => void notes.push(text),
    failed: (problem: string) => void failures.push(problem),
  }
  const journal = await openJournal({ folder, runtime, owner, tickMs: 5, sizes: smallSizes })
  return { journal, failures, notes, synced: 0 }
}

/** A state, and what a core would say of it. */
async function written(journal: Opened, batches: number): Promise<State> {
  const state = new State()
  let number = 0
  const write = (write: JournalWrite) => journal.journal.write(++number, write)
  journal.journal.start(says => {
    if (says.is === 'synced') journal.synced = says.number
  })
  write({ is: 'begin', imprint })
  const dice = random(5)
  for (let i = 0; i < batches; i++) {
    const firstOp = state.opNumber + 1
    const operation = i === 0 ? start : anOperation(state, dice)
    state.wallMs = 1_700_000_000_000
    state.apply(operation)
    write({ is: 'batch', view: 1, firstOp, wallMs: state.wallMs, entries: [operation], digest: state.digest })
    if (i % 5 === 0) await until('all is synced', () => journal.synced === number)
  }
  await until('all is synced', () => journal.synced === number)
  return state
}

t.test('D1, D3: what was confirmed is found by the next process; the state comes with it', async t => {
  const folder = join(folderOf(t), 'made', 'here')
  const first = await opened(folder)
  t.equal(first.journal.takeFound(), null)
  const state = await written(first, 60)
  t.match(first.journal.figures, {
    spoilt: null,
    bytes: Number,
    syncP99Us: Number,
    imprint: { view: 1, as: 'primary', told: false, opNumber: state.opNumber },
    freeBytes: Number,
  })
  t.equal(statSync(folder).mode & 0o777, 0o700)
  await first.journal[Symbol.asyncDispose]()

  const second = await opened(folder)
  const found = second.journal.takeFound()
  t.match(found?.imprint, { ...imprint, opNumber: state.opNumber })
  t.equal(
    found?.here,
    readFileSync('/etc/machine-id', { flag: 'a+' }).length > 0,
    'machine, boot and folder are the same',
  )
  t.equal(found && textOf(found.state), textOf(state))
  t.equal(second.journal.takeFound(), null, 'it has let go of it')
  await second.journal[Symbol.asyncDispose]()
  t.strictSame(first.failures, [])
})

t.test('D9: one process holds the folder; when it has gone, another may', async t => {
  const folder = folderOf(t)
  const first = await opened(folder)
  t.ok(await isFolderHeld(folder))
  await t.rejects(opened(folder), {
    message: new RegExp(`another process uses the journal's folder ${folder}`),
  })
  await first.journal[Symbol.asyncDispose]()
  t.notOk(await isFolderHeld(folder))
  const second = await opened(folder)
  t.strictSame(
    readdirSync(folder).filter(name => name.startsWith('holder')),
    ['holder-2'],
  )
  await second.journal[Symbol.asyncDispose]()
})

t.test('D9: of many that start at once, one holds the folder', async t => {
  const folder = folderOf(t)
  for (let round = 0; round < 5; round++) {
    const all = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => hold(folder, `${round}${i}`)))
    const held = all.flatMap(each => (each.status === 'fulfilled' ? each.value : []))
    t.equal(held.length, 1, `round ${round}`)
    for (const each of held) await each[Symbol.asyncDispose]()
  }
})

t.test('D9: a path that is too long for a socket is no obstacle in Linux', async t => {
  const folder = join(folderOf(t), 'x'.repeat(120))
  const { journal } = await opened(folder)
  if (process.platform === 'linux') t.ok(await isFolderHeld(folder))
  await journal[Symbol.asyncDispose]()
})

t.test('D7: a spoilt journal is found out, said, and left as it is until another state counts', async t => {
  const folder = folderOf(t)
  const first = await opened(folder)
  await written(first, 20)
  await first.journal[Symbol.asyncDispose]()
  const segment = join(folder, 'volume-000001', `segment-000001-${smallSizes.firstSegmentBytes}`)
  const bytes = readFileSync(segment)
  bytes.writeUInt8(77, 1_100)
  writeFileSync(segment, bytes)
  const second = await opened(folder)
  t.equal(second.journal.takeFound(), null)
  t.match(second.notes, [/the journal is spoilt/])
  t.match(
    second.journal.figures.spoilt,
    /^volume-000001\/segment-000001-12288 at 1024: no block is readable there$/,
  )
  t.strictSame(readFileSync(segment), bytes)
  const command = await holdfast(t, ['journal', folder])
  t.match(command, { code: 1, stdout: /spoilt: volume-000001\/segment-000001-12288 at byte 1024: no block/ })
  await written(second, 3)
  await until('it is moved aside', () => readdirSync(folder).includes('spoilt-000001'))
  await second.journal[Symbol.asyncDispose]()
})

t.test('D7: another format is refused at the start, in one line, and the folder is free again', async t => {
  const folder = folderOf(t)
  const first = await opened(folder)
  await written(first, 3)
  await first.journal[Symbol.asyncDispose]()
  const name = `volume-000001/segment-000001-${smallSizes.firstSegmentBytes}`
  const bytes = readFileSync(join(folder, name))
  bytes.writeUInt16LE(99, 8)
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 96)), 96)
  writeFileSync(join(folder, name), bytes)
  const message = new RegExp(
    `^the journal ${join(folder, name)} has format 99, which this version can't read`,
  )
  await t.rejects(opened(folder), { message })
  t.notOk(await isFolderHeld(folder))
})

t.test('D3: a folder is removed with all that is in it; what can not be done says where', async t => {
  const folder = folderOf(t, { old: { segment: 'x' }, file: 'no folder' })
  const disk = new DiskDriver(folder)
  const failureOf = (act: DiskAct) => new Promise(resolve => disk.do(act, resolve))
  t.equal(await failureOf({ do: 'remove', path: 'old' }), null)
  t.strictSame(readdirSync(folder), ['file'])
  t.match(await failureOf({ do: 'create', file: 1, path: 'file' }), {
    problem: new RegExp(`^can't create ${join(folder, 'file')}: EEXIST`),
    full: false,
  })
})

t.test('D8: a folder that can not be written is refused at the start, in one line', async t => {
  const folder = folderOf(t, { file: 'no folder' })
  await t.rejects(opened(join(folder, 'file')), {
    message: /^can't make the journal's folder .*file: EEXIST/,
  })
})

t.test('holdfast journal: what it holds, beside a living server too; it writes nothing', async t => {
  const folder = folderOf(t)
  t.match(await holdfast(t, ['journal', folder, '--json']), { code: 0, stdout: /"is":"empty"/ })
  t.match(await holdfast(t, ['journal', folder, '--dump']), {
    code: 1,
    stderr: /there is no state in .* to list: empty/,
  })
  t.match(await holdfast(t, ['journal', join(folder, 'nowhere')]), {
    code: 1,
    stderr: /can't read the journal in .*nowhere/,
  })
  const living = await opened(folder)
  const state = await written(living, 40)
  const { stdout, code } = await holdfast(t, ['journal', folder])
  t.equal(code, 0)
  t.match(stdout, /journal +whole\n/)
  t.match(stdout, /held +by a process\n/)
  t.match(stdout, new RegExp(`imprint +view 1, as primary, operation ${state.opNumber}\n`))
  t.match(stdout, new RegExp(`state +${state.sessions.size} sessions, ${state.table.locks.size} locks`))
  const { look, dump } = await lookAtJournal(folder)
  t.match(look, { is: 'whole', held: true, torn: null, damage: [], imprint: { opNumber: state.opNumber } })
  t.equal(
    dump?.held.length,
    [...state.table.locks.values()].reduce((sum, { holders }) => sum + holders.length, 0),
  )
  const listed = JSON.parse((await holdfast(t, ['journal', folder, '--dump', '--json'])).stdout)
  t.strictSame(listed, dump)
  await living.journal[Symbol.asyncDispose]()
  const held = await hold(folder, 'a process that holds the folder and writes nothing')
  const before = readdirSync(folder, { recursive: true })
  const table = await holdfast(t, ['journal', folder, '--dump'])
  t.match(table.stdout, /^NAME +MODE +TOKEN +CLIENT +ID +WHERE +SINCE\n/)
  t.strictSame(readdirSync(folder, { recursive: true }), before)
  await held[Symbol.asyncDispose]()
  mkdirSync(join(folder, 'other'))
  t.match((await lookAtJournal(folder)).look, { held: false })
})
