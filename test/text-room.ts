// Answers have limited room for text (B1): with the longest names a page is shorter, and says that there is more.

import t from 'tap'
import { listClients } from '../lockserver/client-list.ts'
import { deadlocksPage } from '../lockserver/pages/deadlocks.ts'
import { tablePage } from '../lockserver/pages/table-page.ts'
import { waitedForBy, whyPage } from '../lockserver/pages/why-page.ts'
import { listLocks } from '../lockserver/query.ts'
import { mergedTables } from '../viewservice/pages/merged-pages.ts'
import { answerCharsMax, frameBytesMax, queryPartCharsMax } from '../wire/limits.ts'
import { clientOf } from '../wire/public-id.ts'
import { StateStory } from './fixtures/state-story.ts'

/** In JSON each of its characters takes six. */
const long = (i: number, length = 1_020) => `${i}`.padStart(4, '0').padEnd(length, '\u0001')
const noTurn = async () => {}

function longNames(locks: number): StateStory {
  const s = new StateStory()
  const [holder, waiter] = [s.open('holder'), s.open('waiter')]
  for (let i = 0; i < locks; i++) {
    s.acquire(holder, long(i))
    s.acquire(waiter, long(i))
  }
  return s
}

const sizeOf = (page: object) => JSON.stringify(page).length

t.test(
  'B1, C9: a page of clients whose locks have long names fits a frame, and says that it is cut',
  async t => {
    const s = longNames(900)
    const page = listClients(s.state, { who: 'holder', after: 0 }, 0)
    t.ok(sizeOf(page) < frameBytesMax, `${sizeOf(page)} bytes`)
    const { locks, held } = page.clients[0] ?? {}
    t.equal(held, 900)
    t.ok(locks?.cut && locks.held.length > 400)
  },
)

t.test(
  'B1, B5: a page of the table is as short as its names make it, and the next one goes on behind it',
  async t => {
    const { state } = longNames(1_200)
    const names: string[] = []
    let pages = 0
    for (let after: string | null = null, more = true; more; pages++) {
      const page = await tablePage(state, { prefix: '', sort: 'name', after, limit: 500 }, 0, noTurn)
      t.ok(sizeOf(page as object) < 8 * answerCharsMax)
      names.push(...(page?.locks ?? []).map(({ name }) => name))
      after = names.at(-1) ?? null
      more = page?.more ?? false
    }
    t.equal(names.length, 1_200)
    t.strictSame(names, names.toSorted())
    t.ok(pages > 2, `${pages} pages`)
  },
)

t.test('G5: pages of several groups are put together no further than each of them goes', async t => {
  const table = (names: readonly string[], more: boolean) => ({
    total: 10,
    matching: 10,
    more,
    locks: names.map(name => ({ name, rank: 0 })),
  })
  const merged = mergedTables([table(['a', 'c'], true), table(['b', 'd', 'e'], false)], 10)
  t.strictSame(
    merged.locks.map(({ name }) => name),
    ['a', 'b', 'c'],
    'there may be something between c and d',
  )
  t.equal(merged.more, true)
  const whole = mergedTables([table(['a', 'c'], false), table(['b', 'd'], false)], 3)
  t.strictSame([whole.locks.length, whole.more], [3, true])
  t.equal(mergedTables([table(['a'], false), table(['b'], false)], 3).more, false)
})

t.test('B1: a part of a list is as short as its names make it', async t => {
  const { parts, size } = listLocks(longNames(1_000).state, '', 0)
  t.ok(parts.every(part => sizeOf(part) < 14 * queryPartCharsMax))
  t.equal(parts.flatMap(({ held }) => held).length, 1_000)
  t.equal(parts.flatMap(({ pending }) => pending).length, 1_000)
  t.equal(size, 2_000)
  t.ok(parts.length >= 7, `${parts.length} parts`)
})

t.test('B1: why a lock is waited for is told in limited room', async t => {
  const s = new StateStory()
  const holder = s.open('holder')
  s.acquire(holder, 'first')
  for (let i = 0; i < 800; i++) {
    const other = s.open(`other ${i}`)
    s.acquire(other, long(i))
    s.acquire(holder, long(i))
  }
  const page = whyPage(s.state, 'first', 0)
  t.ok(page.cut && page.held.length > 100)
  t.ok(sizeOf(page) < 8 * answerCharsMax, `${sizeOf(page)} bytes`)
})

t.test('B1: what a session waits for is looked at in pieces, however much of it leads nowhere', async t => {
  const s = new StateStory({ sharedHoldsPerLockMax: 1_000 })
  const [kept, waiter] = [s.open('kept'), s.open('waiter')]
  for (let i = 0; i < 600; i++) s.acquire(kept, 'crowd', 'shared', 'wait', { holdAtLeastMs: 60_000 })
  s.acquire(waiter, 'mine')
  for (let i = 0; i < 600; i++) s.acquire(waiter, 'crowd')
  s.apply(['end', kept.ordinal, kept.nextRequest])
  t.equal(s.state.table.kept, 600, 'their holder is gone')
  let turns = 0
  const nextTurn = async () => void turns++
  t.same(await deadlocksPage(s.state, null, nextTurn), { circles: [], cut: false })
  t.ok(turns < 3, `${turns} turns`)
  for (let i = 0; i < 4_000; i++) s.acquire(waiter, 'crowd')
  turns = 0
  const names = await waitedForBy(s.state, new Set([clientOf(waiter.publicId)]), null, nextTurn)
  t.strictSame(names, ['crowd'])
  t.ok(turns >= 2, `${turns} turns`)
})
