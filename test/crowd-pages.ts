// B2: a page about a lock walks over what it shows of the lock's holders and waiters, however many there are.

import t from 'tap'
import { tablePage, tableQuery } from '../lockserver/pages/table-page.ts'
import { whyPage } from '../lockserver/pages/why-page.ts'
import { Line } from '../lockserver/state/line.ts'
import { whyMax } from '../wire/limits.ts'
import { NumberMap } from '../wire/number-map.ts'
import { StateStory } from './fixtures/state-story.ts'

type Walk = (this: Iterable<unknown>) => Iterator<unknown>

/** Counts what is walked over while `run` runs, by replacing a method that makes an iterator. */
async function walked(owner: object, method: PropertyKey, run: () => unknown): Promise<number> {
  const original = Reflect.get(owner, method) as Walk
  let count = 0
  Reflect.set(owner, method, function* (this: Iterable<unknown>) {
    const items = original.call(this)
    for (let next = items.next(); !next.done; next = items.next()) {
      count++
      yield next.value
    }
  })
  try {
    await run()
  } finally {
    Reflect.set(owner, method, original)
  }
  return count
}

const crowd = 3_000

function crowded(): StateStory {
  const s = new StateStory({ unansweredMax: 20_000 })
  for (let i = 0; i < crowd; i++) {
    const session = s.open(`${i}`)
    s.state.apply(['acquire', session.ordinal, 1, ['x'], 'shared', 'wait', null])
  }
  for (let i = 0; i < crowd; i++) {
    const session = s.open(`w${i}`)
    s.state.apply(['acquire', session.ordinal, 1, ['x'], 'exclusive', 'wait', null])
  }
  return s
}

t.test('B2: a row of the lock table walks over as many as it shows', async t => {
  const { state } = crowded()
  let page: Awaited<ReturnType<typeof tablePage>> = null
  const count = await walked(Line.prototype, Symbol.iterator, async () => {
    page = await tablePage(state, tableQuery(new URLSearchParams()), 0, async () => {})
  })
  t.match(page, { locks: [{ name: 'x', holders: crowd, waiters: crowd }] })
  t.match(page, { locks: [{ held: Array.from({ length: 20 }, () => ({ mode: 'shared' })) }] })
  t.ok(count < 50, `${count}`)
})

t.test('B2: why walks over no more holders, and follows no more waits, than fit its page', async t => {
  const s = crowded()
  const holder = s.open('holder')
  for (let i = 0; i < 6_000; i++)
    s.state.apply(['acquire', holder.ordinal, holder.nextRequest, [`z/${i}`], 'exclusive', 'wait', null])
  for (const session of [...s.state.sessions.values()].slice(0, 10))
    for (let i = 0; i < 6_000; i++)
      s.state.apply(['acquire', session.ordinal, session.nextRequest, [`z/${i}`], 'exclusive', 'wait', null])
  let page: ReturnType<typeof whyPage> | undefined
  const why = () => {
    page = whyPage(s.state, 'x', 0)
  }
  const people = await walked(Line.prototype, Symbol.iterator, why)
  t.match(page, { holders: crowd, waiters: crowd, cut: true })
  t.ok(people <= whyMax + 10, `${people}`)
  const waits = await walked(NumberMap.prototype, 'values', why)
  t.ok(waits <= whyMax + crowd, `${waits}`)
})
