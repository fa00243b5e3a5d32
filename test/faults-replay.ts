// The basis of the tests with real faults: the judge of histories. A day without errors has no
// finding; each of the days after it differs in one thing, and the judge finds it and names it.

import t from 'tap'
import type { Deed, Event } from './faults/history.ts'
import { type Allowed, judge } from './faults/replay.ts'

/** A history, one event per line: `AT WHO DEED …`. */
const deeds: Record<string, (rest: readonly string[]) => Deed> = {
  acquire: ([call, names = '', mode = 'exclusive', manner = 'wait', session]) => ({
    is: 'acquire',
    call: Number(call),
    session: session as string,
    names: names.split('+'),
    mode: mode as 'shared',
    manner: manner as 'wait',
  }),
  granted: ([call, tokens = '']) => ({
    is: 'granted',
    call: Number(call),
    tokens: tokens.split('+').map(Number),
  }),
  refused: ([call]) => ({ is: 'refused', call: Number(call) }),
  failed: ([call, code = '']) => ({ is: 'failed', call: Number(call), code }),
  abort: ([call]) => ({ is: 'abort', call: Number(call) }),
  release: ([token]) => ({ is: 'release', token: Number(token) }),
  released: ([token]) => ({ is: 'released', token: Number(token) }),
  lost: ([token, code = '']) => ({ is: 'lost', token: Number(token), code }),
  sessionLost: ([session = '', code = '']) => ({ is: 'sessionLost', session, code }),
  lease: ([session = '', untilAt]) => ({ is: 'lease', session, untilAt: Number(untilAt) }),
  looked: ([session = '', held]) => ({ is: 'looked', session, held: held === 'held' }),
  query: ([call]) => ({ is: 'query', call: Number(call) }),
  queried: ([call, ...holds]) => ({
    is: 'queried',
    call: Number(call),
    held: holds.flatMap(hold => shown(hold).filter(({ token }) => token > 0)),
    pending: holds.flatMap(hold => shown(hold).filter(({ token }) => token === 0)),
    confirmed: true,
    cut: false,
  }),
  killed: () => ({ is: 'killed' }),
  away: () => ({ is: 'away' }),
}

/** NAME:TOKEN:SESSION of a hold; a waiter has the token 0. */
function shown(line: string) {
  const [name = '', token, clientId = ''] = line.split(':')
  const mode = 'exclusive' as const
  const rest = { host: null, pid: null, heldMs: 0, waitedMs: 0, terms: null }
  return [{ name, mode, token: Number(token), clientId, clientName: clientId, ...rest }]
}

function history(text: string): Event[] {
  const lines = text.split('\n').flatMap(line => (line.trim() === '' ? [] : [line.trim().split(/\s+/)]))
  const events = lines.map(([at, who = '', is = '', ...rest]) => {
    // The session of a user is named after it.
    const deed = (deeds[is] as (rest: readonly string[]) => Deed)(is === 'acquire' ? padded(rest, who) : rest)
    return { at: Number(at), who, ...deed } as Event
  })
  return events.sort((a, b) => a.at - b.at)
}

const padded = (
  [call = '', names = '', mode = 'exclusive', manner = 'wait']: readonly string[],
  who: string,
) => [call, names, mode, manner, who]

const leases = `
  0 ann lease ann 1000
  0 ben lease ben 1000
  0 cas lease cas 1000`

function found(text: string, allowed: Allowed = {}): readonly string[] {
  return judge(history(leases + text), allowed).violations
}

t.test('a good day has no finding', async t => {
  const day = `
    10 ann acquire 1 x
    12 ann granted 1 100
    13 ben acquire 1 x
    14 ben acquire 2 y
    15 ben granted 2 101
    16 cas acquire 1 x exclusive ifAvailable
    17 cas refused 1
    18 cas query 2
    19 cas queried 2 x:100:ann y:101:ben x:0:ben
    20 ann release 100
    22 ben granted 1 102
    23 ann released 100
    30 cas acquire 3 x exclusive steal
    33 cas granted 3 103
    35 ben lost 102 STOLEN
    40 cas acquire 4 y
    45 cas abort 4
    46 cas failed 4 TIMEOUT
    50 cas release 103
    51 cas released 103
    52 ben release 101
    53 ben released 101`
  const { operations, violations, granted, untold } = judge(history(leases + day))
  t.strictSame(violations, [])
  t.strictSame({ operations, granted, untold }, { operations: 11, granted: 4, untold: 1 })
})

const held = `
  10 ann acquire 1 x
  12 ann granted 1 100`

const days: Record<string, { day: string; finding: RegExp; allowed?: Allowed }> = {
  'two believe at once': {
    day: `${held}
      13 ben acquire 1 x
      15 ben granted 1 101
      16 ann release 100
      17 ann released 100`,
    finding: /^L1 two holders: ben.* is granted while ann/,
  },
  'a frozen holder believed longer than it had said': {
    day: `${held}
      13 ben acquire 1 x
      1500 ann looked ann held
      1200 ben granted 1 101
      1600 ann sessionLost ann EXPIRED
      1600 ann lost 100 EXPIRED`,
    finding: /^L1 two holders/,
    allowed: { expired: 'an' },
  },
  'a token twice': {
    day: `${held}
      13 ann release 100
      14 ann released 100
      15 ben acquire 1 x
      16 ben granted 1 100`,
    finding: /^L2 token/,
  },
  'a token that is smaller than one known before': {
    day: `${held}
      15 ben acquire 1 y
      16 ben granted 1 99`,
    finding: /^L2 token not larger/,
  },
  'a client that came later was served first': {
    day: `${held}
      13 ben acquire 1 x
      14 ben acquire 2 y
      15 ben granted 2 101
      16 cas acquire 1 x
      20 ann release 100
      21 ann released 100
      22 cas granted 1 102
      23 cas release 102
      24 cas released 102
      25 ben granted 1 103`,
    finding: /^L3 overtaken/,
  },
  'an acknowledged release is forgotten': {
    day: `${held}
      13 ann release 100
      14 ann released 100
      15 ben query 1
      16 ben queried 1 x:100:ann`,
    finding: /^R1 stale query.* given up before/,
  },
  'an acknowledged grant is forgotten': {
    day: `${held}
      15 ben query 1
      16 ben queried 1`,
    finding: /^R1 stale query.* granted before/,
  },
  'a waiter is forgotten': {
    day: `${held}
      13 ben acquire 1 x
      14 ben acquire 2 y
      15 ben granted 2 101
      16 cas query 1
      17 cas queried 1 x:100:ann y:101:ben`,
    finding: /^R1 stale query.* ben waits for x/,
  },
  'refused though no other client could have it': {
    day: `
      15 ben acquire 1 x exclusive ifAvailable
      16 ben refused 1`,
    finding: /^R1 wrong refusal/,
  },
  'stolen though no client stole it': {
    day: `${held}
      15 ann lost 100 STOLEN`,
    finding: /^S5 false loss/,
  },
  'a session lost without a reason': {
    day: `${held}
      15 ann sessionLost ann EXPIRED
      15 ann lost 100 EXPIRED`,
    finding: /^S3 session lost: ann/,
  },
  'a session given up while its client believed in it': {
    day: `${held}
      15 ann sessionLost ann SESSION_LOST
      15 ann lost 100 SESSION_LOST`,
    finding: /^S4 session given up/,
    allowed: { expired: 'an' },
  },
  'a call that never ends': { day: '10 ann acquire 1 x', finding: /^liveness: ann 1 still waits for x/ },
  'a query that never ends': { day: '10 ann query 1', finding: /^liveness: ann 1 has no answer/ },
  'a strange failure': {
    day: `10 ann acquire 1 x
      11 ann failed 1 BAD_MESSAGE`,
    finding: /^S1 wrong reply/,
  },
}

for (const [name, { day, finding, allowed }] of Object.entries(days)) {
  t.test(name, async t => {
    const violations = found(`\n${day}`, allowed)
    t.ok(
      violations.some(violation => finding.test(violation)),
      `${violations.join('; ')} matches ${finding}`,
    )
  })
}

t.test('a client that was away may lose its session, and no other client may', async t => {
  const lost = `
    15 ann sessionLost ann EXPIRED
    15 ann lost 100 EXPIRED`
  t.strictSame(found(`${held}${lost}\n20 ann away`), [])
  t.match(found(`${held}${lost}\n20 ben away`), [/^S3 session lost: ann/])
})

t.test('killed clients leave calls open, which is no violation', async t => {
  t.strictSame(found('\n10 ann acquire 1 x\n20 ann killed'), [])
  const freed = `${held}
    15 ann killed
    20 ben acquire 1 x
    900 ben granted 1 101
    910 ben release 101
    911 ben released 101`
  t.strictSame(found(freed), [])
})
