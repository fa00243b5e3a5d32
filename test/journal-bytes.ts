// D7: a small journal with every byte flipped, every length cut, and every file gone. What is read is then all that was
// there, or all but a torn end, or nothing: spoilt, by file and place. It is never a hole, and never a shorter history
// that looks whole.

import t, { type Test } from 'tap'
import { encodeBlock } from '../lockserver/journal/block.ts'
import { type Asking, FileBytes } from '../lockserver/journal/bytes.ts'
import type { Reading } from '../lockserver/journal/reading.ts'
import { anOperation, JournalStory, readAll, start } from './fixtures/journal-story.ts'
import { random } from './fixtures/random.ts'
import type { SimulatedDisk } from './fixtures/simulated-disk.ts'
import { textOf } from './fixtures/state-story.ts'

const sizes = {
  ...{ firstSegmentBytes: 4_096, segmentBytes: 4_096, payloadBytes: 400, prefixBytes: 624 },
  snapshotLogBytes: 1_000_000,
}

/** Segments and snapshots enough that old ones have gone. `rests`: the last block has no messages. */
function smallJournal(rests: boolean): JournalStory {
  const dice = random(7)
  const story = new JournalStory(undefined, sizes)
  story.begin()
  story.batch(start)
  for (let i = 0; i < 24; i++) {
    story.batch(anOperation(story.state, dice))
    story.turnEnd()
    story.answerAll()
    if (i === 6 || i === 10 || i === 14) story.wholeSnapshot()
    if (i === 17) story.sayImprint({ view: 2, told: true })
  }
  story.answerAll()
  if (rests) story.step({ is: 'tick', freeBytes: null })
  story.answerAll()
  return story
}

/** What was there, and what was there one block before. */
function versions(story: JournalStory): { whole: string; before: string } {
  const [before, whole] = story.moments.slice(-2).map(({ state, imprint }) => versionOf(state, imprint?.view))
  return { whole: whole ?? '', before: before ?? '' }
}

const versionOf = (state: string, view: number | undefined) => `${view} ${state}`

/** The file without its place, so that a table of what came out is short. */
function outcome(reading: Reading, { whole, before }: ReturnType<typeof versions>): string {
  if (reading.is === 'spoilt')
    return reading.spot.file.startsWith('volume-') && reading.spot.at >= 0 ? 'spoilt' : 'spoilt, nowhere'
  if (reading.is !== 'whole') return reading.is
  const version = versionOf(textOf(reading.state), reading.imprint?.view)
  if (version === whole) return reading.torn === null ? 'whole' : 'whole, torn end'
  return version === before && reading.torn !== null ? 'all but a torn end' : 'another history'
}

function outcomes(
  disk: SimulatedDisk,
  story: JournalStory,
  change: (copy: SimulatedDisk, file: string, at: number) => void,
) {
  const versionsOf = versions(story)
  const all: Record<string, Record<string, number>> = {}
  for (const file of disk.files) {
    const counts: Record<string, number> = {}
    const { length } = disk.file(file).bytes
    for (let at = 0; at < length; at += every) {
      const copy = disk.copyWith(file)
      change(copy, file, at)
      const was = outcome(readAll(copy).reading, versionsOf)
      counts[was] = (counts[was] ?? 0) + 1
    }
    all[file] = counts
  }
  return all
}

/** `npm run test:disk` tries every byte. */
const every = Number(process.env.HOLDFAST_TEST_EVERY ?? 17)

const kinds = (all: Record<string, Record<string, number>>) =>
  [...new Set(Object.values(all).flatMap(Object.keys))].sort()

function described(t: Test, all: Record<string, Record<string, number>>): void {
  for (const [file, counts] of Object.entries(all)) t.comment(`${file}: ${JSON.stringify(counts)}`)
}

t.test('D7: one bit flipped, in each byte of each file', async t => {
  const story = smallJournal(false)
  t.equal(outcome(readAll(story.disk).reading, versions(story)), 'whole')
  const all = outcomes(story.disk, story, (copy, file, at) => copy.flip(file, at))
  described(t, all)
  t.strictSame(kinds(all), ['all but a torn end', 'spoilt', 'whole', 'whole, torn end'])
})

t.test('D7: after an idle tick, not even the last block can be lost to one bit', async t => {
  const story = smallJournal(true)
  const all = outcomes(story.disk, story, (copy, file, at) => copy.flip(file, at))
  described(t, all)
  t.strictSame(kinds(all), ['spoilt', 'whole', 'whole, torn end'])
})

t.test('D7: each file cut at each length', async t => {
  const story = smallJournal(false)
  const all = outcomes(story.disk, story, (copy, file, at) => copy.cut(file, at))
  described(t, all)
  t.strictSame(kinds(all), ['spoilt', 'whole'])
  for (const [file, counts] of Object.entries(all))
    if (file.includes('segment'))
      t.match(Object.keys(counts), ['spoilt'], `${file}: a segment that was cut shows`)
})

t.test('D7: a snapshot that was cut between two blocks is not read', async t => {
  const story = smallJournal(false)
  const snapshots = story.disk.files.filter(file => file.includes('snapshot'))
  for (const file of snapshots)
    for (let length = 0; length < story.disk.file(file).bytes.length; length += 512) {
      const copy = story.disk.copyWith(file)
      copy.cut(file, length)
      const { reading } = readAll(copy)
      t.equal(outcome(reading, versions(story)), 'whole', `${file}, ${length} bytes`)
      t.not(reading.is === 'whole' && reading.snapshot, file, 'the other one was read')
    }
})

t.test('D7: a block that begins in one window of a file and ends in the next is read whole', async t => {
  const head = { kind: 'log', last: false, volume: 1, file: 1, boot: 'b'.repeat(32), view: 1 } as const
  const numbers = { sequence: 1, firstOp: 1, lastOp: 0, digest: 0, before: 0 }
  const block = encodeBlock({ ...head, ...numbers }, 'x'.repeat(2_000)).bytes
  const at = 1_048_576 - 1_024
  const bytes = Buffer.alloc(at + 8_192)
  block.copy(bytes, at)
  const file = new FileBytes('segment', bytes.length)
  const found = file.next(0, () => true)
  t.equal(answered(found, bytes), at)
  t.match(answered(file.sight(at), bytes), { is: 'block', block: { bytes: block.length } })
  t.notOk(answered(file.hasMore(at + block.length), bytes))
})

function answered<T>(asking: Asking<T>, bytes: Buffer): T {
  let step = asking.next()
  while (!step.done) {
    const ask = step.value
    step = asking.next(ask.is === 'read' ? bytes.subarray(ask.at, ask.at + ask.length) : [])
  }
  return step.value
}

t.test('D7: each file gone', async t => {
  const story = smallJournal(false)
  for (const file of story.disk.files) {
    const copy = story.disk.copyWith(file)
    copy.lose(file)
    const { reading } = readAll(copy)
    const was = outcome(reading, versions(story))
    // Either snapshot will do, and the next segment is not in use.
    const needed = /segment-00000[345]/.test(file)
    t.equal(was, needed ? 'spoilt' : 'whole', file)
  }
})

t.test('D7: each sector of zeros, each two sectors exchanged', async t => {
  const story = smallJournal(true)
  const versionsOf = versions(story)
  const found = new Set<string>()
  for (const file of story.disk.files)
    for (let at = 0; at < story.disk.file(file).bytes.length; at += 512) {
      const zeroed = story.disk.copyWith(file)
      zeroed.file(file).bytes.fill(0, at, at + 512)
      found.add(outcome(readAll(zeroed).reading, versionsOf))
      const exchanged = story.disk.copyWith(file)
      const { bytes } = exchanged.file(file)
      const other = Buffer.from(bytes.subarray(at + 512, at + 1_024))
      bytes.copy(bytes, at + 512, at, at + 512)
      other.copy(bytes, at)
      found.add(outcome(readAll(exchanged).reading, versionsOf))
    }
  t.notOk(found.has('another history'))
  t.notOk(found.has('empty'))
})
