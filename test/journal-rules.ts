// The journal's rules one by one, on a simulated disk: in which order things reach the disk, and what is said when.

import t from 'tap'
import { checksum } from '../lockserver/journal/checksum.ts'
import type { DiskAct } from '../lockserver/journal/disk.ts'
import { isUnfinished } from '../lockserver/journal/names.ts'
import { type DumpedLock, dumpOf } from '../lockserver/journal/report.ts'
import { State } from '../lockserver/state/state.ts'
import { anOperation, JournalStory, readAll, start } from './fixtures/journal-story.ts'
import { random } from './fixtures/random.ts'
import { opening } from './fixtures/said.ts'
import { keepAll, keepNone } from './fixtures/simulated-disk.ts'
import { textOf } from './fixtures/state-story.ts'

function begun(story = new JournalStory()): JournalStory {
  story.begin()
  story.answerAll()
  story.batch(start)
  story.turnEnd()
  story.answerAll()
  return story
}

/** So many batches, each in a block of its own. */
function busy(story: JournalStory, batches: number, seed = 1): void {
  const dice = random(seed)
  for (let i = 0; i < batches; i++) {
    story.batch(anOperation(story.state, dice))
    story.turnEnd()
    story.answerAll()
  }
}

const logWrites = ({ disk }: JournalStory) =>
  disk.acts.filter(act => act.do === 'write' && act.sync && act.bytes.some(byte => byte !== 0))
const found = (story: JournalStory) => readAll(story.disk.powerLost(random(1), keepNone)).reading

t.test('D1: nothing is confirmed before the disk has answered', async t => {
  const story = begun()
  const before = story.synced
  story.batch(anOperation(story.state, random(1)))
  story.turnEnd()
  t.equal(story.synced, before, 'it is being written')
  story.answerOne()
  t.equal(story.synced, before + 1)
})

t.test('D1: what comes while a block is written goes into one block together', async t => {
  const story = begun()
  const before = logWrites(story).length
  const dice = random(2)
  for (let i = 0; i < 9; i++) {
    story.batch(anOperation(story.state, dice))
    story.turnEnd()
  }
  t.equal(logWrites(story).length, before + 1, 'one unsynced write of the log is under way, and no more')
  story.answerAll()
  t.equal(logWrites(story).length, before + 2, 'the other eight share a sync')
  t.equal(story.synced, story.moments.at(-1)?.number)
})

t.test('D2: a state counts with its imprint, and not before: the name comes last', async t => {
  const story = new JournalStory()
  story.begin()
  for (let steps = 0; steps < 100; steps++) {
    const { reading } = readAll(story.disk.powerLost(random(1), keepAll))
    t.equal(reading.is === 'whole' ? reading.imprint?.view : reading.is, reading.is === 'whole' ? 1 : 'empty')
    if (story.synced > 0)
      t.equal(found(story).is, 'whole', 'what was confirmed is there with nothing else kept')
    if (!story.answerOne()) break
  }
  t.equal(story.synced, 1)
  const places = story.disk.acts.map(kindOf)
  t.ok(places.indexOf('sync folder volume-000001.tmp') < places.indexOf('rename volume-000001.tmp'))
  t.equal(places[places.indexOf('rename volume-000001.tmp') + 1], 'sync folder ')
})

const kindOf = (act: DiskAct) => `${act.do} ${'path' in act ? act.path : 'from' in act ? act.from : ''}`

t.test(
  'D2: an installed state replaces the old one in one step; a copy that is cut leaves the old one',
  async t => {
    const story = begun()
    busy(story, 5)
    const old = textOf(story.state)
    story.write({ is: 'install', header: { ...headerOf(story), opNumber: 40 } })
    story.answerAll()
    t.match(found(story), { is: 'whole', imprint: { view: 1 } }, 'while it comes')
    story.write({ is: 'dropped' })
    story.turnEnd()
    story.answerAll()
    t.match(found(story), { is: 'whole', imprint: { view: 1 }, volume: 1 })
    t.notOk(
      story.disk.list('').some(({ name }) => isUnfinished(name)),
      'its files are gone',
    )

    story.install(story.state, { as: 'backup', view: 2 })
    story.answerAll()
    const reading = found(story)
    t.match(reading, { is: 'whole', imprint: { view: 2, as: 'backup', told: false } })
    t.equal(reading.is === 'whole' && textOf(reading.state), old)
    t.strictSame(
      story.disk.list('').map(({ name }) => name),
      ['volume-000003'],
      'its own earlier files are removed',
    )
  },
)

function headerOf({ state }: JournalStory) {
  const { opNumber, digest, limits, nextOrdinal, bytes, pauseMs } = state
  const { lastToken } = state.table
  return {
    opNumber,
    sequence: 0,
    token: lastToken,
    digest,
    ordinal: nextOrdinal,
    bytes,
    paused: null,
    pauseMs,
    limits,
  }
}

t.test(
  'D2: what an imprint says is told only once it is synced; a state that is given up is none',
  async t => {
    const story = begun()
    story.sayImprint({ view: 3, told: true, as: 'backup' })
    t.match(found(story), { imprint: { view: 1, told: false } })
    story.answerAll()
    t.match(found(story), { imprint: { view: 3, told: true } })
    story.giveUp()
    story.answerAll()
    t.match(found(story), { is: 'whole', imprint: null })
  },
)

t.test(
  'D3: what an earlier process left is moved aside once another state counts; two of them are kept',
  async t => {
    let story = begun()
    for (let round = 1; round <= 4; round++) {
      story = new JournalStory(story.disk.powerLost(random(round), keepNone), {}, String(round).repeat(32))
      t.equal(story.disk.acts.length, 0, 'nothing is written before it is told what to do')
      story.begin({ view: round + 1 })
      story.answerAll()
    }
    t.strictSame(
      story.disk
        .list('')
        .map(({ name }) => name)
        .sort(),
      ['forgotten-000003', 'forgotten-000004', 'volume-000005'],
    )
  },
)

t.test('D3: what a process did not come to move aside before it ended is moved by the next', async t => {
  const first = begun()
  const second = new JournalStory(first.disk.powerLost(random(1), keepNone), {}, '2'.repeat(32))
  second.begin({ view: 2 })
  second.answerBut(act => act.do === 'rename' && act.to.startsWith('forgotten'))
  const third = new JournalStory(second.disk.powerLost(random(1), keepNone), {}, '3'.repeat(32))
  t.strictSame(
    third.disk
      .list('')
      .map(({ name }) => name)
      .sort(),
    ['volume-000001', 'volume-000002'],
  )
  third.begin({ view: 3 })
  third.answerAll()
  const names = third.disk.list('').map(({ name }) => name)
  t.strictSame(names.sort(), ['forgotten-000001', 'forgotten-000002', 'volume-000003'])
})

t.test(
  'D3: a state begins in the files that were made ahead, and those count for nothing before',
  async t => {
    const story = new JournalStory()
    story.step({ is: 'prepare' })
    story.step({ is: 'prepare' })
    story.answerAll()
    t.match(found(story), { is: 'empty' })
    const names = story.disk.list('').map(({ name }) => name)
    t.strictSame(names, ['volume-000001.tmp'])
    const ahead = story.disk.acts.length
    story.begin()
    story.answerAll()
    t.match(found(story), { is: 'whole', volume: 1, imprint: { view: 1 } })
    t.notOk(
      story.disk.acts.slice(ahead).some(act => act.do === 'make folder' || act.do === 'create'),
      'nothing has to be made any more',
    )
  },
)

t.test('D3, D8: a disk that is too full for files made ahead does no harm', async t => {
  for (const what of ['make folder', 'create', 'write'] as const) {
    const story = new JournalStory()
    story.fails = act => (act.do === what ? { problem: 'ENOSPC', full: true } : null)
    story.step({ is: 'prepare' })
    story.answerAll()
    t.equal(story.failed, null, what)
    t.strictSame(story.disk.list(''), [], 'nothing of it is left')
    story.fails = () => null
    story.begin()
    story.answerAll()
    t.match(found(story), { is: 'whole', imprint: { view: 1 } })
  }
})

t.test('the next segment is made once a quarter of the one in use is full', async t => {
  const story = begun()
  const isMade = () => story.disk.acts.some(act => act.do === 'create' && act.path.includes('segment-000002'))
  t.notOk(isMade(), 'a new state has better use for its disk')
  busy(story, 6)
  t.ok(isMade())
})

t.test('D5: a recovered state goes into new files; nothing is written into those that were read', async t => {
  const story = begun()
  busy(story, 6)
  story.batch(anOperation(story.state, random(9)))
  story.turnEnd()
  const torn = story.disk.powerLost(random(4), () => false)
  const [file = ''] = torn.files
  torn.file(file).bytes.write('torn', 12_288 - 512)
  const second = new JournalStory(torn, {}, '2'.repeat(32))
  t.match(readAll(torn).reading, { is: 'whole', torn: { file } })
  second.install(second.state, { view: 2, id: '2'.repeat(32) })
  second.answerAll()
  const touched = second.disk.acts.filter(act => 'path' in act && act.path.startsWith('volume-000001/'))
  t.strictSame(touched, [])
  // Two recoveries in a row, each with a torn end: neither is rot.
  const third = new JournalStory(second.disk.powerLost(random(5), keepNone), {}, '3'.repeat(32))
  t.match(readAll(third.disk).reading, { is: 'whole', imprint: { view: 2 }, volume: 2 })
})

t.test('D7: the folder is synced after each new segment, before the log goes on in it', async t => {
  const story = begun()
  busy(story, 40)
  const { acts } = story.disk
  const files = new Map<number, string>()
  for (const [i, act] of acts.entries()) {
    if (act.do === 'create') files.set(act.file, act.path)
    if (act.do !== 'write' || act.at > 0 || act.bytes.every(byte => byte === 0)) continue
    const path = files.get(act.file)
    if (!path?.endsWith('.tmp') || !path.includes('/segment')) continue
    const named = acts.findIndex(other => other.do === 'rename' && other.from === path)
    const synced = acts.findIndex((other, at) => at > named && other.do === 'sync folder')
    t.ok(named >= 0 && synced > named && synced < i, path)
  }
  t.ok(acts.filter(act => act.do === 'create' && act.path.includes('/segment-000003')).length === 1)
})

t.test('D7: an old block behind a torn one, from another volume or process, makes no rot of it', async t => {
  const story = begun()
  busy(story, 3)
  const [file = ''] = story.disk.files
  const { bytes } = story.disk.file(file)
  const end = bytes.length - 4_096
  const old = Buffer.from(bytes.subarray(512, 1_024))
  old.copy(bytes, end)
  t.match(readAll(story.disk).reading, { is: 'whole' }, 'one of its own that came before')
  const other = new JournalStory(undefined, {}, 'f'.repeat(32))
  begun(other)
  busy(other, 12)
  const theirs = other.disk.file(other.disk.files[0] ?? '').bytes
  theirs.copy(bytes, end, 4_096, 6_144)
  t.match(readAll(story.disk).reading, { is: 'whole', torn: { file } }, 'later ones of another process')
})

t.test('D7: rot of a block that has an imprint and no batch is found, too', async t => {
  const story = begun()
  busy(story, 3)
  story.giveUp()
  story.answerAll()
  const [file = ''] = story.disk.files
  const { bytes } = story.disk.file(file)
  const at = bytes.indexOf('given-up')
  bytes[at] = 0
  t.match(readAll(story.disk).reading, { is: 'whole', torn: { file } }, 'the last one may be torn')
  bytes.write('g', at)
  story.step({ is: 'tick', freeBytes: null })
  story.answerAll()
  story.disk.file(file).bytes[at] = 0
  t.match(readAll(story.disk).reading, { is: 'spoilt', spot: { file } }, 'a state that was given up stays so')
})

t.test('D2: a snapshot lets old segments and older snapshots go, and two are kept', async t => {
  const story = begun()
  for (let round = 0; round < 4; round++) {
    busy(story, 40, round)
    story.wholeSnapshot()
    story.answerAll()
  }
  busy(story, 3)
  const names = story.disk.list('volume-000001').map(({ name }) => name)
  t.strictSame(
    names.filter(name => name.startsWith('snapshot')),
    ['snapshot-000003', 'snapshot-000004'],
  )
  t.notOk(names.some(name => name.startsWith('segment-000001')))
  const reading = found(story)
  t.match(reading, { is: 'whole', snapshot: 'volume-000001/snapshot-000004' })
  t.equal(reading.is === 'whole' && textOf(reading.state), textOf(story.state))
  for (const name of ['snapshot-000004', 'snapshot-000003']) {
    story.disk.file(`volume-000001/${name}`).bytes.fill(1, 200, 300)
    const without = readAll(story.disk).reading
    if (name === 'snapshot-000004') {
      t.match(
        without,
        { is: 'whole', damage: [{ file: `volume-000001/${name}` }] },
        'the older one gives the same',
      )
      t.equal(without.is === 'whole' && textOf(without.state), textOf(story.state))
    } else
      t.match(without, { is: 'spoilt', spot: { file: 'volume-000001/snapshot-000004' } }, 'and no third way')
  }
})

t.test('D2: a snapshot gets its name only when the log has all that is inside it', async t => {
  const story = begun()
  busy(story, 4)
  story.batch(anOperation(story.state, random(3)))
  story.turnEnd()
  const slow = story.disk.acts.at(-1)
  story.batch(anOperation(story.state, random(4)))
  story.turnEnd()
  story.beginSnapshot()
  while (story.copying) story.goOn()
  story.answerBut(act => act === slow)
  const named = () => story.disk.acts.some(act => act.do === 'rename' && act.from.includes('snapshot'))
  t.notOk(named())
  story.answerAll()
  t.ok(named())
  const reading = found(story)
  t.match(reading, { is: 'whole', snapshot: 'volume-000001/snapshot-000001', batches: 0 })
  t.equal(
    reading.is === 'whole' && textOf(reading.state),
    textOf(story.state),
    'what it waited for is inside',
  )
})

t.test('D7: a batch whose digest does not come out is no history, and its block is named', async t => {
  const story = begun()
  const { opNumber, digest, wallMs } = story.state
  const entries = [anOperation(story.state, random(1))]
  story.write({ is: 'batch', view: 1, firstOp: opNumber + 1, wallMs, entries, digest })
  story.turnEnd()
  story.answerAll()
  t.match(found(story), { is: 'spoilt', spot: { problem: /^R4: the digest after operation 2 / } })
})

t.test('D7: another format is refused, and neither read nor spoilt', async t => {
  const story = begun()
  const [file = ''] = story.disk.files
  const { bytes } = story.disk.file(file)
  bytes.writeUInt16LE(99, 8)
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 96)), 96)
  t.match(readAll(story.disk).reading, { is: 'other format', file, format: 99 })
})

t.test('D8: after the first error of a write or sync nothing is confirmed or written any more', async t => {
  const story = begun()
  const before = story.synced
  story.fails = act => (act.do === 'write' ? { problem: 'EIO', full: false } : null)
  story.batch(anOperation(story.state, random(1)))
  story.turnEnd()
  story.answerAll()
  t.equal(story.failed, 'EIO')
  const acts = story.disk.acts.length
  story.fails = () => null
  busy(story, 3)
  t.equal(story.synced, before)
  t.equal(story.disk.acts.length, acts, 'a failed sync is not tried again')
})

t.test('D8: a full disk ends what can be made later, and the server when its log needs it', async t => {
  const story = begun()
  story.fails = act => (act.do === 'create' ? { problem: 'ENOSPC', full: true } : null)
  busy(story, 3)
  story.beginSnapshot()
  while (story.copying) story.goOn()
  story.answerAll()
  t.equal(story.failed, null)
  t.match(story.notes, [/no room for a snapshot/])
  busy(story, 400)
  t.equal(story.failed, 'ENOSPC', 'there is no next segment')
  t.match(story.notes[1], /no room for the next segment/)
  const reading = found(story)
  const last = story.moments.findLast(({ number }) => number <= story.synced)
  t.equal(reading.is === 'whole' && reading.state.opNumber, last?.opNumber)
})

t.test('D8: room is low below the reserve, and enough again when there is clearly more', async t => {
  const story = begun()
  const at = (freeBytes: number) => {
    story.step({ is: 'tick', freeBytes })
    return story.low
  }
  t.strictSame([2_000, 999, 1_100, 1_300].map(at), [null, true, true, false])
})

t.test('a dump lists every holder of a lock and whoever waits for it, in order', async t => {
  const state = new State()
  state.apply(start)
  for (const [i, name] of ['a', 'b', 'c'].entries())
    state.apply(opening(String(i).repeat(32), 10_000, name, null))
  for (const [i, { ordinal }] of [...state.sessions.values()].entries())
    state.apply(['acquire', ordinal, 1, ['x'], i < 2 ? 'shared' : 'exclusive', 'wait', null])
  const { held, pending } = dumpOf(state)
  const short = ({ name, mode, token, clientName }: DumpedLock) => [name, mode, token, clientName]
  const tokens = held.map(({ token }) => token)
  t.strictSame(held.map(short), [
    ['x', 'shared', tokens[0], 'a'],
    ['x', 'shared', tokens[1], 'b'],
  ])
  t.ok((tokens[0] ?? 0) < (tokens[1] ?? 0))
  t.strictSame(pending.map(short), [['x', 'exclusive', null, 'c']])
})

t.test('a snapshot is wanted when the log has grown, and again after one was dropped', async t => {
  const story = begun()
  busy(story, 60)
  t.equal(story.snapshotsWanted, 1)
  story.beginSnapshot()
  story.dropSnapshot()
  busy(story, 40)
  t.equal(story.snapshotsWanted, 2)
  story.wholeSnapshot()
  story.answerAll()
  t.notOk(story.disk.files.some(file => file.endsWith('.tmp')))
})
