// C6: pages, lists and metrics show what a hold takes of how many, its note, its key, and until when it is kept.

import t from 'tap'
import { checkOptions } from '../lockserver/options.ts'
import { Longest } from '../lockserver/pages/longest.ts'
import { tablePage, tableQuery } from '../lockserver/pages/table-page.ts'
import { whyPage } from '../lockserver/pages/why-page.ts'
import { StateStory } from './fixtures/state-story.ts'

const turn = async () => {}

t.test(
  'C6: a page of the table shows permits, notes and times, and whose hold is kept for nobody',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.ask(a, 'x', { permits: { of: 5, take: 2 }, note: 'import' })
    s.ask(b, 'x', { permits: { of: 5, take: 4 }, note: 'export' })
    s.ask(a, 'y', { holdAtLeastMs: 60_000, once: { key: 'k', keepMs: 1 } })
    s.release(a, 1_002)
    const remaining = { permits: null, note: null, keptMs: 700, endsMs: null, once: 'k' }
    const page = await tablePage(s.state, tableQuery(new URLSearchParams()), 0, turn, hold =>
      hold.token === 1_002 ? remaining : { ...remaining, permits: { of: 5, take: 2 }, note: 'import' },
    )
    t.match(page?.locks, [
      {
        name: 'x',
        held: [{ client: 'a', mode: 'permits', terms: { permits: { of: 5, take: 2 }, note: 'import' } }],
        waiting: [{ client: 'b', mode: 'permits', terms: { permits: { of: 5, take: 4 }, note: 'export' } }],
      },
      {
        name: 'y',
        held: [{ client: null, clientId: null, mode: 'exclusive', terms: { keptMs: 700, once: 'k' } }],
      },
    ])
  },
)

const nobody = { clientId: null, clientName: null, host: null, pid: null }

t.test('C6: why shows the same, and follows no holder that is gone', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  Object.assign(b, { host: 'app-2', pid: 4_711 })
  s.ask(a, 'x', { holdAtLeastMs: 60_000, note: 'nightly' })
  s.release(a, 1_001)
  s.ask(b, 'x', { note: 'manual' })
  t.match(whyPage(s.state, 'x', 0), {
    holders: 1,
    held: [{ name: 'x', token: 1_001, ...nobody, terms: { note: 'nightly' } }],
    pending: [{ name: 'x', clientName: 'b', host: 'app-2', pid: 4_711, terms: { note: 'manual' } }],
  })
})

t.test('C6: the longest hold and the longest wait are found among all, but for what is kept', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  const longest = new Longest()
  await longest.look(s.state, 0, turn)
  t.same([longest.holdMs(9_000), longest.waitMs(9_000)], [0, 0])
  s.state.wallMs = 1_000
  s.ask(a, 'kept', { holdAtLeastMs: 60_000 })
  s.release(a, 1_001)
  s.state.wallMs = 2_000
  s.acquire(a, 'x')
  s.state.wallMs = 4_000
  s.acquire(b, 'x')
  s.acquire(b, 'y', 'shared')
  s.state.wallMs = 5_000
  s.acquire(c, 'x')
  await longest.look(s.state, 1_000, turn)
  t.same([longest.holdMs(9_000), longest.waitMs(9_000)], [0, 0], 'the last look still stands')
  await longest.look(s.state, 8_000, turn)
  t.same([longest.holdMs(9_000), longest.waitMs(9_000)], [7_000, 5_000])
  s.state.wallMs = 9_000
  s.release(a, 1_002)
  await longest.look(s.state, 20_000, turn)
  t.same([longest.holdMs(20_000), longest.waitMs(20_000)], [16_000, 15_000])
})

t.test('B5: a look at very many locks is cut into turns', async t => {
  const s = new StateStory()
  const a = s.open('a')
  for (let i = 0; i < 5_000; i++)
    s.state.apply(['acquire', a.ordinal, i + 1, [`l/${i}`], 'exclusive', 'wait', null])
  let turns = 0
  await new Longest().look(s.state, 1e6, async () => void turns++)
  t.equal(turns, 2)
})

t.test(
  'C3: how long a hold may be asked to last at least is an option, a day unless it is given',
  async t => {
    const view = 'ws://127.0.0.1:7400'
    t.equal(checkOptions({ view }).holdAtLeastMsMax, 86_400_000)
    t.equal(checkOptions({ view, holdAtLeastMsMax: 1 }).holdAtLeastMsMax, 1)
    for (const wrong of [0, 1.5, 31_622_400_001])
      t.throws(() => checkOptions({ view, holdAtLeastMsMax: wrong }), /holdAtLeastMsMax/)
  },
)
