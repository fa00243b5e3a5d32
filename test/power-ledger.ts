// The basis of the tests with losses of power: the ledger of what clients were told. A day on which all agrees has no
// finding; each of the days after it differs in one thing, and the ledger finds it and names it.

import t from 'tap'
import type { Deed, Event } from './faults/history.ts'
import { Ledger, type Listing } from './power/ledger.ts'

const acquire = (call: number, ...names: string[]): Deed => ({
  is: 'acquire',
  call,
  session: 's',
  names,
  mode: 'exclusive',
  manner: 'wait',
})
const granted = (call: number, ...tokens: number[]): Deed => ({ is: 'granted', call, tokens })

/** By user, what it wrote down. */
function ledgerOf(days: Readonly<Record<string, readonly Deed[]>>): Ledger {
  const ledger = new Ledger()
  for (const [who, deeds] of Object.entries(days))
    for (const [at, deed] of deeds.entries()) ledger.hear({ at, who, ...deed } satisfies Event)
  return ledger
}

const held = (name: string, token: number, clientName: string) => ({ name, token, clientName })
const pending = (name: string, clientName: string) => ({ name, clientName })

/** Ann has a and was served b; Bob waits for a, Cid for b and c of which it has b. */
const day = {
  ann: [
    acquire(1, 'a'),
    granted(1, 11),
    acquire(2, 'b'),
    granted(2, 12),
    { is: 'release', token: 12 },
    { is: 'released', token: 12 },
  ],
  bob: [acquire(1, 'a'), acquire(2, 'c'), granted(2, 13)],
  cid: [acquire(1, 'b', 'c')],
} as const
const right: Listing = {
  held: [held('a', 11, 'ann'), held('c', 13, 'bob'), held('b', 14, 'cid')],
  pending: [pending('a', 'bob'), pending('c', 'cid')],
}

function problemsOf(listing: Partial<Listing>): string[] {
  const ledger = ledgerOf(day)
  ledger.compare({ ...right, ...listing })
  return ledger.violations
}

t.test('F15: what agrees has no finding', async t => t.same(problemsOf({}), []))

t.test('F15: a grant that is lost, or held by another client or with another token, is found', async t => {
  for (const a of [[], [held('a', 11, 'bob')], [held('a', 15, 'ann')]])
    t.match(
      problemsOf({ held: [...a, ...right.held.slice(1)] })[0],
      /^F15: a was granted to ann with token 11/,
    )
})

t.test('F15: a release that is lost is found', async t => {
  const listed = [...right.held, held('b', 12, 'ann')]
  t.match(problemsOf({ held: listed }), [/^F15: b is held with token 12 by ann, which released it/])
})

t.test('F15: a waiter that is lost, and one that is none, are found', async t => {
  t.match(problemsOf({ pending: right.pending.slice(1) }), [/^F15: bob waits for a, and has lost its place/])
  t.match(problemsOf({ pending: right.pending.slice(0, 1) }), [/^F15: cid waits for b and c, and has lost/])
  t.match(problemsOf({ pending: [...right.pending, pending('c', 'ann')] }), [
    /^F15: ann is said to wait for c/,
  ])
})

t.test('F15: a token that is told twice, and one that is told to no client, are found', async t => {
  const tokensOf = (...tokens: number[]) => {
    const calls = tokens.flatMap((token, i) => [acquire(i, 'a'), granted(i, token), released(token)])
    const ledger = ledgerOf({ ann: calls })
    ledger.checkTokens()
    return ledger.violations
  }
  const released = (token: number): Deed => ({ is: 'released', token })
  t.same(tokensOf(11, 12, 13, 2 ** 32 + 20, 2 ** 32 + 21), [])
  t.match(tokensOf(11, 12, 12), [/^F15: token 12 was told twice/])
  t.match(tokensOf(11, 12, 15), [/^F15: 2 grants after token 12 were told to no client/])
})

t.test('F15: calls that fail, and lost locks and sessions, are found', async t => {
  const ledger = ledgerOf({
    ann: [
      { is: 'failed', call: 1, code: 'SESSION_LOST' },
      { is: 'lost', token: 11, code: 'EXPIRED' },
      { is: 'sessionLost', session: 's', code: 'EXPIRED' },
    ],
  })
  t.equal(ledger.violations.length, 3)
})
