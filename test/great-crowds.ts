// One operation on a large state: its time grows with the size of its change, and no faster.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import { State } from '../lockserver/state/state.ts'
import { stateLimits } from '../wire/limits.ts'
import type { Mode } from '../wire/messages.ts'
import { effort } from './fixtures/effort.ts'
import { opening } from './fixtures/said.ts'
import { StateStory } from './fixtures/state-story.ts'

/** Limit, in multiples of the time to build the crowd one by one; a search for each takes 20 or more. */
const enough = 8

class Crowd {
  readonly state = new State()

  constructor() {
    this.state.apply(['start', 1_000, 0, stateLimits])
  }

  open(): Session {
    const number = this.state.nextOrdinal
    this.state.apply(opening(number.toString(16).padStart(32, '0'), 10_000, `s${number}`, null))
    return this.state.sessions.get(number) as Session
  }

  /** Acknowledges the reply at once. */
  acquire(session: Session, names: string[], mode: Mode, manner: 'wait' | 'steal' = 'wait'): void {
    const request = session.nextRequest
    this.state.apply(['acquire', session.ordinal, request, names, mode, manner, null])
    if (session.replies.size > 0) this.state.apply(['acknowledge', session.ordinal, [request, request], []])
  }

  /** This many shared holders of x, each in its own session, or all in one. */
  static sharing(size: number, one = false): Crowd {
    const crowd = new Crowd()
    const only = one ? crowd.open() : null
    for (let i = 0; i < size; i++) crowd.acquire(only ?? crowd.open(), ['x'], 'shared')
    return crowd
  }

  /** One holder of x, and this many waiters. */
  static queueing(size: number): Crowd {
    const crowd = new Crowd()
    for (let i = 0; i <= size; i++) crowd.acquire(crowd.open(), ['x'], 'exclusive')
    return crowd
  }
}

function grows(name: string, size: number, prepare: (size: number) => () => void, most = enough): void {
  t.test(name, async t => {
    const times = effort(() => prepare(size), most)
    t.ok(times < most, `${times.toFixed(2)} times as long as to make the crowd`)
  })
}

for (const one of [false, true]) {
  const whose = one ? 'one session' : 'many sessions'
  grows(`F13: a steal from shared holders of ${whose}`, 32_000, size => {
    const crowd = Crowd.sharing(size, one)
    const thief = crowd.open()
    return () => crowd.acquire(thief, ['x'], 'exclusive', 'steal')
  })
  grows(`F13: a forced release of shared holders of ${whose}`, 32_000, size => {
    const crowd = Crowd.sharing(size, one)
    const operator = crowd.open()
    return () => crowd.state.apply(['force-release', operator.ordinal, 1, 'x', null])
  })
  grows(`F13: the end of shared holders of ${whose}`, 32_000, size => {
    const crowd = Crowd.sharing(size, one)
    return () => crowd.state.apply(['expire', [...crowd.state.sessions.keys()]])
  })
}

grows('F13: shared holders that release one after the other, the oldest first', 32_000, size => {
  const crowd = Crowd.sharing(size, true)
  const [session] = crowd.state.sessions.values() as Iterable<Session> as [Session]
  const tokens = [...session.holds.keys()].sort((a, b) => a - b)
  return () => {
    for (const token of tokens) {
      const request = session.nextRequest
      crowd.state.apply(['release', session.ordinal, request, token])
      crowd.state.apply(['acknowledge', session.ordinal, [request, request], []])
    }
  }
})

grows('F13: waiters of one lock that end together, the youngest first', 16_000, size => {
  const crowd = Crowd.queueing(size)
  const ordinals = [...crowd.state.sessions.keys()].slice(1).reverse()
  return () => crowd.state.apply(['expire', ordinals])
})

grows("R4: a server's check of its own state", 8_000, size => {
  const crowd = Crowd.sharing(size)
  return () => {
    if (crowd.state.problem() !== undefined) throw new Error(crowd.state.problem())
  }
})

grows('S5: losses of a session that waits for much', 4_000, size => {
  const crowd = new Crowd()
  const [victim, thief] = [crowd.open(), crowd.open()]
  for (let i = 0; i < size; i++) crowd.acquire(victim, [`l/${i}`], 'exclusive')
  crowd.acquire(thief, ['x'], 'exclusive')
  for (let i = 0; i < size; i++) crowd.acquire(victim, [`a/${i}`, 'x'], 'exclusive')
  return () => {
    for (let i = 0; i < size; i++) crowd.acquire(thief, [`l/${i}`], 'exclusive', 'steal')
    for (const token of victim.losses.keys()) if (victim.isWaitingWith(token)) throw new Error('it does not')
  }
})

// 200 times as long if each loss walks over all replies; the size is small, so one slow
// moment counts for more.
grows(
  'S5: losses of a session with many replies that it has not acknowledged',
  6_000,
  size => {
    const crowd = new Crowd()
    const [victim, thief] = [crowd.open(), crowd.open()]
    for (let i = 0; i < size; i++)
      crowd.state.apply([
        'acquire',
        victim.ordinal,
        victim.nextRequest,
        [`l/${i}`],
        'exclusive',
        'wait',
        null,
      ])
    return () => {
      for (let i = 0; i < size; i++) crowd.acquire(thief, [`l/${i}`], 'exclusive', 'steal')
    }
  },
  40,
)

t.test(
  'S5: the reply of a grant reports its loss until the reply is acknowledged, also the second time',
  async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    for (const name of ['x', 'y', 'z']) s.acquire(a, name)
    s.acquire(b, 'x', 'exclusive', 'steal')
    t.same(a.replies.get(1), ['granted', 1, [1_001], [[1_001, 'STOLEN']]])
    s.apply(['acknowledge', a.ordinal, [1, 1], [1_001]])
    s.acquire(a, ['v', 'w'])
    s.acquire(b, 'y', 'exclusive', 'steal')
    s.acquire(b, 'w', 'exclusive', 'steal')
    t.same(a.replies.get(2), ['granted', 2, [1_002], [[1_002, 'STOLEN']]])
    t.same(a.replies.get(3), ['granted', 3, [1_003], []])
    t.same(a.replies.get(4), ['granted', 4, [1_005, 1_006], [[1_006, 'STOLEN']]])
  },
)

t.test('S5: what an acquire of several names loses on its way is reported by its own reply only', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(b, 'y')
  s.acquire(a, ['x', 'y'])
  const x = a.waiting.get(1)?.tokens[0] as number
  t.same(
    s.acquire(b, 'x', 'exclusive', 'steal').map(([, [kind]]) => kind),
    ['granted'],
    'a hears nothing',
  )
  t.ok(a.isWaitingWith(x))
  s.apply(['cancel', a.ordinal, a.nextRequest, 1])
  t.notOk(a.isWaitingWith(x))
  t.equal(a.losses.size, 0)
})

t.test('L3: holders and waiters keep their order, wherever one of them goes', async t => {
  const s = new StateStory()
  const all = ['a', 'b', 'c', 'd', 'e'].map(name => s.open(name))
  for (const session of all) s.acquire(session, 'x', 'shared')
  const waiting = ['f', 'g', 'h', 'i', 'j'].map(name => s.open(name))
  for (const session of waiting) s.acquire(session, 'x')
  for (const [gone, left] of [
    [2, 'abde'],
    [0, 'bde'],
    [4, 'bd'],
  ] as const) {
    s.apply(['expire', [(all[gone] as Session).ordinal, (waiting[gone] as Session).ordinal]])
    t.equal(s.holders('x').join(''), left)
  }
  t.equal(s.waiters('x').join(''), 'gi')
  s.acquire(s.open('k'), 'x')
  t.equal(s.waiters('x').join(''), 'gik')
})
