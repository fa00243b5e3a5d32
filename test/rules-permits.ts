// C1 and C2: what fits beside what, as tables with a test of each cell, and what the queue, steals and deaths make
// of permits.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import { claimOf, claimProblem, noTerms } from '../wire/claim.ts'
import type { Manner, Mode, Permits } from '../wire/messages.ts'
import { StateStory } from './fixtures/state-story.ts'

interface Kind {
  readonly mode: Mode
  readonly permits: Permits | null
}

const permits = (take: number, of: number): Kind => ({ mode: 'permits', permits: { of, take } })
const kinds: Readonly<Record<string, Kind>> = {
  exclusive: { mode: 'exclusive', permits: null },
  shared: { mode: 'shared', permits: null },
  '1/1': permits(1, 1),
  '1/3': permits(1, 3),
  '2/3': permits(2, 3),
  '3/3': permits(3, 3),
  '1/4': permits(1, 4),
}

/** A row holds, a column asks: + it fits beside it, - it waits, x it is refused. */
const besides = `
          exclusive shared 1/1 1/3 2/3 3/3 1/4
exclusive     -       -     -   x   x   x   x
shared        -       +     -   x   x   x   x
1/1           -       -     -   x   x   x   x
1/3           x       x     x   +   +   -   x
2/3           x       x     x   +   -   -   x
3/3           x       x     x   -   -   -   x
1/4           x       x     x   x   x   x   +`

function cells(table: string): { row: string; column: string; sign: string }[] {
  const [head = '', ...rows] = table.trim().split('\n')
  const columns = head.trim().split(/ +/)
  return rows.flatMap(line => {
    const [row = '', ...signs] = line.trim().split(/ +/)
    return columns.map((column, i) => ({ row, column, sign: signs[i] as string }))
  })
}

function ask(
  s: StateStory,
  session: Session,
  name: string,
  manner: Manner = 'wait',
  note: string | null = null,
) {
  const { mode, permits } = kinds[name] as Kind
  const terms = permits === null && note === null ? null : { permits, note }
  return s.acquire(session, 'x', mode, manner, terms)
}

const outcomes: Readonly<Record<Manner, Readonly<Record<string, string>>>> = {
  wait: { '+': 'granted', '-': 'waits', x: 'refused PERMITS_DIFFER' },
  ifAvailable: { '+': 'granted', '-': 'unavailable', x: 'refused PERMITS_DIFFER' },
  steal: { '+': 'granted', '-': 'granted', x: 'refused PERMITS_DIFFER' },
}

/** What the one who asked is told. */
function outcome(shown: ReturnType<StateStory['apply']>, who: string): string {
  const message = shown.findLast(([name]) => name === who)?.[1]
  if (message === undefined) return 'waits'
  return message[0] === 'refused' ? `refused ${message[2]}` : message[0]
}

for (const { row, column, sign } of cells(besides)) {
  for (const manner of ['wait', 'ifAvailable', 'steal'] as const) {
    for (const note of [null, 'a note']) {
      const what = `C1: ${column} beside ${row}, ${manner}${note === null ? '' : ', with a note'}`
      t.test(what, async t => {
        const s = new StateStory()
        const [a, b] = [s.open('a'), s.open('b')]
        ask(s, a, row, 'wait', note)
        t.equal(outcome(ask(s, b, column, manner, note), 'b'), outcomes[manner][sign])
        if (sign === 'x')
          t.equal(
            s.state.table.locks.get('x')?.of,
            kinds[row]?.permits?.of === 1 ? 0 : (kinds[row]?.permits?.of ?? 0),
          )
        if (manner === 'steal' && sign !== 'x')
          t.same(s.holders('x'), ['b'], 'a steal takes from all holders')
      })
    }
  }
}

/** A row waits (behind a holder of all), a column asks: - it waits behind it, x it is refused. */
for (const { row, column, sign } of cells(besides)) {
  t.test(`C1: ${column} behind ${row}, which waits`, async t => {
    const s = new StateStory()
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    const of = kinds[row]?.permits?.of ?? 1
    s.acquire(a, 'x', 'permits', 'wait', { permits: { of, take: of } })
    ask(s, b, row)
    t.same([s.holders('x'), s.waiters('x')], [['a'], ['b']])
    t.equal(outcome(ask(s, c, column), 'c'), sign === 'x' ? 'refused PERMITS_DIFFER' : 'waits')
  })
}

const of5 = (take: number) => ({ permits: { of: 5, take } })

t.test('C1: the refusal names the N in force, and once the lock is free N is what is asked next', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.ask(a, 'x', of5(2))
  const [[, refused]] = s.ask(b, 'x', { permits: { of: 7, take: 1 } }) as [
    [string, ['refused', 1, string, string]],
  ]
  t.match(refused[3], /"x" is in use with permits of 5/)
  s.release(a, 1_001)
  t.match(s.ask(b, 'x', { permits: { of: 7, take: 7 } }), [['b', ['granted', 2]]])
  t.match(s.acquire(a, 'x'), [['a', ['refused', 3, 'PERMITS_DIFFER', /permits of 7/]]])
  t.match(s.ask(a, 'plain', of5(1)), [['a', ['granted', 4]]])
})

t.test('C1: a plain lock in use refuses permits, and says that it has none', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'x', 'shared')
  t.match(s.ask(b, 'x', of5(1)), [['b', ['refused', 1, 'PERMITS_DIFFER', /in use with no permits/]]])
})

t.test('C1: permits fit until their sum is N; what comes free goes to the front first', async t => {
  const s = new StateStory()
  const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
  s.ask(a, 'x', of5(2))
  s.ask(b, 'x', of5(2))
  t.same(s.ask(c, 'x', of5(2)), [], 'one is left, which is too few')
  t.same(s.ask(d, 'x', of5(1)), [], 'L3: it would fit, but c was first')
  t.equal(s.state.table.locks.get('x')?.taken, 4)
  s.release(a, 1_001)
  t.same([s.holders('x'), s.waiters('x')], [['b', 'c', 'd'], []])
  t.equal(s.state.table.locks.get('x')?.taken, 5)
})

t.test(
  'C1, L3: a large claim at the front holds back the smaller ones behind it, ifAvailable too',
  async t => {
    const s = new StateStory()
    const [a, b, c, d] = [s.open('a'), s.open('b'), s.open('c'), s.open('d')]
    s.ask(a, 'x', of5(1))
    s.ask(b, 'x', of5(5))
    s.ask(c, 'x', of5(1))
    t.match(s.ask(d, 'x', of5(1), 'ifAvailable'), [['d', ['unavailable', 1]]])
    t.same([s.holders('x'), s.waiters('x')], [['a'], ['b', 'c']])
    s.release(a, 1_001)
    t.same([s.holders('x'), s.waiters('x')], [['b'], ['c']])
  },
)

t.test('C1, L3: permits that a steal takes from all and does not want go to those who wait', async t => {
  const s = new StateStory()
  const [one, thief, two] = [s.open('1'), s.open('2'), s.open('3')]
  ask(s, one, '3/3')
  ask(s, two, '2/3')
  t.same(s.waiters('x'), ['3'])
  ask(s, thief, '1/3', 'steal')
  t.same([s.holders('x'), s.waiters('x')], [['2', '3'], []])
})

t.test('C1: a large claim that gives up lets the smaller ones behind it in', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'x', of5(1))
  s.ask(b, 'x', of5(5))
  s.ask(c, 'x', of5(4))
  s.cancel(b, 1)
  t.same([s.holders('x'), s.waiters('x')], [['a', 'c'], []])
})

t.test('C1: the permits of a session that dies come free, in any order of deaths', async t => {
  const s = new StateStory()
  const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
  s.ask(a, 'x', of5(3))
  s.ask(b, 'x', of5(2))
  s.ask(c, 'x', of5(5))
  s.apply(['expire', [b.ordinal]])
  t.equal(s.state.table.locks.get('x')?.taken, 3)
  s.apply(['expire', [a.ordinal]])
  t.same(s.holders('x'), ['c'])
})

t.test('C1: permits of a dead session are counted until its last share is ended', async t => {
  const s = new StateStory({ changesPerOperationMax: 2 })
  const [a, b] = [s.open('a'), s.open('b')]
  for (let i = 0; i < 5; i++) s.ask(a, 'x', of5(1))
  s.ask(b, 'x', of5(5))
  s.apply(['expire', [a.ordinal]])
  t.equal(s.state.table.locks.get('x')?.taken, 3)
  t.same(s.waiters('x'), ['b'])
  s.apply(['go-on'])
  t.equal(s.state.table.locks.get('x')?.taken, 1)
  s.apply(['go-on'])
  s.apply(['go-on'])
  t.same(s.holders('x'), ['b'])
})

t.test('C1: several names with permits are taken one by one; one that differs gives all back', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  s.acquire(a, 'y')
  t.match(s.ask(b, ['x', 'y'], of5(1)), [['b', ['refused', 1, 'PERMITS_DIFFER', /"y"/]]])
  t.equal(s.state.table.locks.get('x'), undefined, 'x was given back')
  s.ask(a, ['p', 'q'], of5(4))
  s.ask(b, ['p', 'q'], of5(2))
  t.same([s.holders('p'), s.waiters('p')], [['a'], ['b']])
})

t.test(
  'C1: a lock that becomes of another number while several names wait refuses them in their turn',
  async t => {
    const s = new StateStory()
    const [a, b, c] = [s.open('a'), s.open('b'), s.open('c')]
    s.ask(a, 'p', of5(5))
    s.ask(b, ['p', 'q'], of5(1))
    s.acquire(c, 'q')
    t.match(s.release(a, 1_001), [
      ['b', ['refused', 1, 'PERMITS_DIFFER', /"q" is in use with no permits/]],
      ['a', ['released']],
    ])
    t.equal(s.state.table.locks.get('p'), undefined)
  },
)

t.test('C1: one session holds one lock of permits at most so many times', async t => {
  const s = new StateStory({ sharedHoldsPerLockMax: 2 })
  const a = s.open('a')
  s.ask(a, 'x', of5(1))
  s.ask(a, 'x', of5(1))
  t.match(s.ask(a, 'x', of5(1)), [['a', ['refused', 3, 'LOCKS_LIMIT']]])
})

t.test('C2, L2: each grant of permits has its own token, larger than those before', async t => {
  const s = new StateStory()
  const [a, b] = [s.open('a'), s.open('b')]
  t.match(s.ask(a, 'x', of5(1)), [['a', ['granted', 1, [1_001]]]])
  t.match(s.ask(b, 'x', of5(1)), [['b', ['granted', 1, [1_002]]]])
})

t.test('C1: one permit of one is exclusive, and permits are a mode of their own', async t => {
  t.equal(
    claimOf('permits', 'wait', { ...noTerms, permits: { of: 1, take: 1 } }),
    claimOf('exclusive', 'wait'),
  )
  t.match(claimOf('permits', 'wait', { ...noTerms, note: 'n', permits: { of: 1, take: 1 } }), {
    mode: 'exclusive',
    terms: { note: 'n', permits: null },
  })
  t.equal(claimOf('shared', 'steal', noTerms), claimOf('shared', 'steal'), 'no terms are none')
  const wrong: [string, string[], Mode, Manner, object | null][] = [
    ['permits without a number', ['x'], 'permits', 'wait', null],
    ['shared with permits', ['x'], 'shared', 'wait', { permits: { of: 2, take: 1 } }],
    ['more than there are', ['x'], 'permits', 'wait', { permits: { of: 2, take: 3 } }],
    ['a token without a steal', ['x'], 'exclusive', 'wait', { victim: 5 }],
    ['a token for several names', ['x', 'y'], 'exclusive', 'steal', { victim: 5 }],
    ['a key that steals', ['x'], 'exclusive', 'steal', { once: { key: 'k', keepMs: 1 } }],
    ['a key for several names', ['x', 'y'], 'exclusive', 'wait', { once: { key: 'k', keepMs: 1 } }],
    ['a key of 257 bytes', ['x'], 'exclusive', 'wait', { once: { key: `${'é'.repeat(128)}x`, keepMs: 1 } }],
    ['a hold of more than a year', ['x'], 'exclusive', 'wait', { holdAtMostMs: 31_622_400_001 }],
    ['a note of 257 bytes', ['x'], 'exclusive', 'wait', { note: `${'é'.repeat(128)}x` }],
  ]
  for (const [what, names, mode, manner, terms] of wrong)
    t.type(claimProblem(names, mode, manner, terms && { ...noTerms, ...terms }), 'string', what)
})
