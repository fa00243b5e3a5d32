// Deadlines in slots: what is over is found, never too soon, in pieces, and however far apart they are; and what is
// broken in claims of a state is found by its own check (R4).

import t from 'tap'
import { Deadlines } from '../lockserver/deadlines.ts'
import { Times } from '../lockserver/times.ts'
import { StateStory } from './fixtures/state-story.ts'

t.test('C3: nothing is over too soon, and all of it is found soon after', async t => {
  const deadlines = new Deadlines()
  for (let i = 0; i < 1_000; i++) deadlines.set(i, 1_000 + i)
  for (let now = 900; now < 2_200; now += 7)
    for (let over = deadlines.take(now, 10); over.length > 0; over = deadlines.take(now, 10)) {
      t.ok(over.length <= 10)
      for (const key of over) {
        const until = 1_000 + key
        if (until > now || until < now - 200) t.fail(`${key}, over at ${until}, was found at ${now}`)
      }
    }
  t.equal(deadlines.size, 0)
  t.notOk(deadlines.some(1e15))
})

t.test('C3: a deadline that moves or goes is not found where it was', async t => {
  const deadlines = new Deadlines()
  const [moves, goes, stays, early] = [1, 2, 3, 4]
  deadlines.set(moves, 1_000)
  deadlines.set(goes, 1_000)
  deadlines.set(stays, 5_000_000)
  deadlines.set(moves, 9_000)
  deadlines.delete(goes)
  deadlines.delete(goes)
  t.same(deadlines.take(2_000, 9), [])
  t.same(deadlines.take(9_200, 9), [moves])
  t.same(deadlines.take(9_200, 9), [], 'once')
  deadlines.set(early, 100)
  t.same(deadlines.take(9_200, 9), [early], 'also if it comes late')
  t.same(deadlines.take(6_000_000, 9), [stays])
  t.equal(deadlines.size, 0)
})

t.test(
  'B1, C4: a promotion looks at each hold when it would be over, and then gives it the whole time again',
  async t => {
    const s = new StateStory()
    const session = s.open('one')
    s.acquire(session, 'a', 'exclusive', 'wait', { holdAtMostMs: 1_000 })
    const [held] = [...session.holds.values()]
    if (held === undefined) throw new Error('it is held')
    const times = new Times()
    times.setMost(held.token, 5_000)
    times.promote(4_800, s.state)
    t.equal(times.mostMs(held, 4_900), 900)
    t.equal(times.take(5_100, 9), undefined)
    t.equal(times.mostMs(held, 5_100), 700)
    t.notOk(times.more(5_700))
    t.same(times.take(5_900, 9), ['most-over', [held.token]])
  },
)

/** Something is broken by hand, behind the back of the state. */
const breaks: readonly [what: string, tag: string, breakIt: (s: StateStory) => void][] = [
  ['a kept hold need not last', 'C3', s => Object.assign(hold(s, 'kept').special ?? {}, { lasting: false })],
  ['a time is not known', 'C3', s => void s.state.table.timed.delete(1_001)],
  ['a time is of no hold', 'C3', s => s.state.table.timed.set(7, hold(s, 'kept'))],
  ['kept holds are counted wrong', 'C3', s => void s.state.table.kept++],
  ['a key may be forgotten while it runs', 'C5', s => Object.assign(key(s), { running: false })],
  ['a key runs that no hold has', 'C5', s => s.state.table.addKey({ ...key(s), name: 'y', token: 5 })],
  [
    'permits are added up wrong',
    'C1',
    s => Object.assign(hold(s, 'permits').special ?? {}, { terms: taking(3) }),
  ],
  [
    'there are two numbers of permits',
    'C1',
    s => Object.assign(hold(s, 'permits').special ?? {}, { terms: taking(2, 4) }),
  ],
  [
    'a note is not weighed',
    'B4',
    s => Object.assign(hold(s, 'note').special ?? {}, { terms: { note: 'a longer one' } }),
  ],
  [
    'a session holds what its lock does not know of',
    'session \\d+',
    s => void hold(s, 'note').session.holds.set(7, { ...hold(s, 'note'), token: 7 }),
  ],
  [
    'a lock has a holder that does not know of it',
    'note',
    s => void hold(s, 'note').session.holds.delete(hold(s, 'note').token),
  ],
  [
    'a lock has a hold of another',
    'note',
    s => Object.assign(hold(s, 'note'), { lock: hold(s, 'once').lock }),
  ],
]

const taking = (take: number, of = 5) => ({ permits: { of, take }, note: null, once: null })

function hold(s: StateStory, name: string) {
  const holder = s.state.table.locks.get(name)?.lastHolder
  if (holder === undefined || holder === null) throw new Error(`nobody holds ${name}`)
  return holder
}

function key(s: StateStory) {
  const key = s.state.table.onces.get('once', 'k')
  if (key === undefined) throw new Error('there is no key')
  return key
}

for (const [what, tag, breakIt] of breaks)
  t.test(`R4: a state finds that ${what}`, async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    s.ask(a, 'kept', { holdAtLeastMs: 1_000 })
    s.release(a, 1_001)
    s.ask(a, 'once', { once: { key: 'k', keepMs: 1_000 } })
    s.ask(a, 'permits', { permits: { of: 5, take: 2 } })
    s.ask(b, 'permits', { permits: { of: 5, take: 2 } })
    s.ask(b, 'note', { note: 'short' })
    t.equal(s.state.problem(), undefined)
    breakIt(s)
    t.match(s.state.problem(), new RegExp(`^${tag}: `))
  })
