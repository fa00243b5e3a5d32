// C1, C3, C5, C8: which claim fits beside which, of all kinds that there are, as a table with a test of each cell: modes, permits,
// keys that run once, what is kept for no client, and a steal of exactly what is there.

import t from 'tap'
import type { Session } from '../lockserver/state/sessions.ts'
import type { Manner, Terms } from '../wire/messages.ts'
import { StateStory } from './fixtures/state-story.ts'

/** Words: `shared`, `kept` (released, and to last still), `TAKE/OF`, and `k` or `j`, which run that key once; exclusive without the others. */
const termsOf = (kind: string): Partial<Terms> => {
  const [, take, of] = /(\d)\/(\d)/.exec(kind) ?? []
  const [key] = /\b[kj]\b/.exec(kind) ?? []
  return {
    ...(of !== undefined && { permits: { take: Number(take), of: Number(of) } }),
    ...(key !== undefined && { once: { key, keepMs: 60_000 } }),
    ...(kind.startsWith('kept') && { holdAtLeastMs: 60_000 }),
    note: kind,
  }
}

/** A row holds, a column asks: + it fits beside it, - it waits, x it is refused, d its key runs or has run. */
const besides = `
            exclusive shared 1/3 3/3 k k+1/3 j j+1/3
exclusive        -       -     x   x   -   x   -   x
shared           -       +     x   x   -   x   -   x
1/3              x       x     +   -   x   +   x   +
3/3              x       x     -   -   x   -   x   -
k                -       -     x   x   d   d   -   x
k+1/3            x       x     +   -   d   d   x   +
kept             -       -     x   x   -   x   -   x
kept+shared      -       +     x   x   -   x   -   x
kept+1/3         x       x     +   -   x   +   x   +
kept+k           -       -     x   x   d   d   -   x
kept+k+1/3       x       x     +   -   d   d   x   +
done+k           +       +     +   +   d   d   +   +`

const outcomes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  wait: { '+': 'granted', '-': 'waits', x: 'PERMITS_DIFFER', d: 'done-before' },
  ifAvailable: { '+': 'granted', '-': 'unavailable', x: 'PERMITS_DIFFER', d: 'done-before' },
  steal: { '+': 'granted', '-': 'granted', x: 'PERMITS_DIFFER' },
  exactly: { '+': 'granted', '-': 'granted', x: 'PERMITS_DIFFER' },
}

function ask(s: StateStory, session: Session, kind: string, manner: Manner, victim: number | null = null) {
  const terms = { ...termsOf(kind), victim }
  const mode = kind.includes('shared') ? 'shared' : terms.permits === undefined ? 'exclusive' : 'permits'
  return s.acquire(session, 'x', mode, manner, terms)
}

function outcomeFor(who: string, shown: ReturnType<StateStory['apply']>): string {
  const message = shown.findLast(([name]) => name === who)?.[1]
  if (message === undefined) return 'waits'
  return message[0] === 'refused' ? message[2] : message[0]
}

const [head = '', ...rows] = besides.trim().split('\n')
for (const line of rows) {
  const [row = '', ...signs] = line.trim().split(/ +/)
  for (const [i, column] of head.trim().split(/ +/).entries())
    for (const manner of ['wait', 'ifAvailable', 'steal', 'exactly'])
      tryCell(row, column, signs[i] ?? '', manner)
}

function tryCell(row: string, column: string, sign: string, manner: string): void {
  const steals = manner === 'steal' || manner === 'exactly'
  // C5: a key goes with no steal. A shared one is exclusive, and nothing is there to be stolen where all is done.
  if (steals && (/[kj]/.test(column) || column === 'shared' || row.startsWith('done'))) return
  t.test(`C1, C3, C5, C8: ${column} beside ${row}, ${manner}`, async t => {
    const s = new StateStory()
    const [a, b] = [s.open('a'), s.open('b')]
    t.equal(outcomeFor('a', ask(s, a, row, 'wait')), 'granted')
    if (/kept|done/.test(row)) s.release(a, 1_001)
    const before = s.holders('x')
    const victim = manner === 'exactly' ? 1_001 : null
    const shown = ask(s, b, column, steals ? 'steal' : (manner as Manner), victim)
    const expected = outcomes[manner]?.[sign] as string
    t.equal(outcomeFor('b', shown), expected)
    const left = expected !== 'granted' ? before : steals ? ['b'] : [...before, 'b']
    t.same(s.holders('x'), left, 'who holds it then')
    t.same(s.waiters('x'), expected === 'waits' ? ['b'] : [])
  })
}
