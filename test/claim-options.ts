// Which options of a claim go together. The compiler refuses each wrong mixture (a line that it would accept is an
// error of its own), and at run time the same mixture is a TypeError that names it and says what would be right.

import t from 'tap'
import { claimToAcquire, claimToRunOnce, claimToTry, victimOf } from '../client/claim-options.ts'
import { type AcquireOptions, connect, type Lock, type Mode, type RequestOptions } from '../client/index.ts'
import { checkRequest } from '../client/web-locks.ts'
import { claimOf, claimProblem, noTerms } from '../wire/claim.ts'
import { FakeServer } from './fixtures/client-server.ts'

const server = await FakeServer.start()
const locks = await connect(server.url)
t.teardown(async () => {
  await locks.close()
  await server[Symbol.asyncDispose]()
})

const wrong = async (what: string, call: Promise<unknown>, message: RegExp) =>
  t.rejects(call, { name: 'TypeError', message }, what)

const run = () => 'ran'

t.test('C1: permits and a mode do not go together', async () => {
  const message = /permits and mode do not go together.*"shared"/
  const permits = { of: 5 }
  // @ts-expect-error permits are a mode of their own
  await wrong('acquire', locks.acquire('x', { permits, mode: 'shared' }), message)
  // @ts-expect-error likewise
  await wrong('acquireAll', locks.acquireAll(['x'], { permits, mode: 'shared' }), message)
  // @ts-expect-error likewise
  await wrong('tryAcquire', locks.tryAcquire('x', { permits, mode: 'shared' }), message)
  // @ts-expect-error likewise
  await wrong('request', locks.request('x', { permits, mode: 'shared' }, run), message)
  // @ts-expect-error not even with the default
  await wrong('exclusive', locks.acquire('x', { permits, mode: 'exclusive' }), /"exclusive"/)
})

t.test('C1: permits are take of of', async () => {
  // @ts-expect-error of how many is never left to guess
  await wrong('no of', locks.acquire('x', { permits: { take: 1 } }), /permits\.of must be a whole/)
  // @ts-expect-error two numbers, by name
  await wrong('a number', locks.acquire('x', { permits: 5 }), /must be \{ of, take \}, not 5/)
  // @ts-expect-error a misspelt one
  const misspelt = locks.acquire('x', { permits: { of: 5, takes: 2 } })
  await wrong('misspelt', misspelt, /"takes"; did you mean take\?/)
  const most = { permits: { of: 2, take: 3 } }
  await wrong('too many', locks.acquire('x', most), /permits\.of: nobody can have 3 of 2/)
  for (const of of [0, -1, 1.5, 1_000_001, Number.NaN])
    await wrong(String(of), locks.acquire('x', { permits: { of } }), /permits\.of .*from 1 to 1000000/)
})

t.test('L3: a steal is exclusive', async () => {
  const message = /steal takes the lock in exclusive mode only, not shared/
  // @ts-expect-error a steal takes it from all who share it
  await wrong('acquire', locks.acquire('x', { steal: true, mode: 'shared' }), message)
  // @ts-expect-error likewise
  await wrong('acquireAll', locks.acquireAll(['x'], { steal: true, mode: 'shared' }), message)
  // @ts-expect-error what tries does not steal
  await wrong('tryAcquire', locks.tryAcquire('x', { steal: true }), /has no option "steal"/)
})

t.test('C8: an exact steal names one token, of a single name', async () => {
  // @ts-expect-error a token is of a single lock
  const several = locks.acquireAll(['x', 'y'], { steal: { token: 7 } })
  await wrong('acquireAll', several, /steal: \{ token \} goes with a single name: use acquire/)
  const message = /steal must be true, false or \{ token \}/
  // @ts-expect-error misspelt, it would take the lock from whoever has it
  await wrong('misspelt', locks.acquire('x', { steal: { tokn: 7 } }), message)
  // @ts-expect-error the same in a request
  await wrong('request', locks.request('x', { steal: { tokn: 7 } }, run), message)
  // @ts-expect-error it is a number
  await wrong('a text', locks.acquire('x', { steal: { token: '7' } }), /steal\.token must be/)
  // @ts-expect-error likewise
  await wrong('forceRelease', locks.forceRelease('x', { token: '7' }), /token must be/)
  // @ts-expect-error there is no other way to say it
  await wrong('misspelt', locks.forceRelease('x', { steal: 7 }), /has no option "steal"/)
  t.equal(victimOf({ token: 7 }), 7)
  t.equal(victimOf(true), null)
})

t.test('C5: what runs once neither steals nor shares', async () => {
  // @ts-expect-error it might run beside its victim's work
  await wrong('steal', locks.once('x', 'k', { steal: true }, run), /steal does not go with once/)
  // @ts-expect-error it holds the lock alone, or with permits
  await wrong('mode', locks.once('x', 'k', { mode: 'shared' }, run), /mode does not go with once/)
  // @ts-expect-error misspelt
  await wrong('misspelt', locks.once('x', 'k', { keeps: 5 }, run), /"keeps"; did you mean keep\?/)
  // @ts-expect-error what would run?
  await wrong('nothing to run', locks.once('x', 'k', {}), /a function to run/)
  for (const keep of [-1, 1.5, 31_622_400_001])
    await wrong(String(keep), locks.once('x', 'k', { keep }, run), /keep must be .*from 0 to 31622400000/)
  for (const key of ['', 'k'.repeat(257), '\ud800'])
    await wrong(key.slice(0, 9), locks.once('x', key, {}, run), /the key of once must be/)
})

t.test('C3, C4, C6: times are whole and of ms, notes are short', async () => {
  for (const holdAtLeast of [0, 1.5, Number.POSITIVE_INFINITY])
    await wrong('at least', locks.acquire('x', { holdAtLeast }), /holdAtLeast must be a whole number of ms/)
  for (const holdAtMost of [0, -1, Number.NaN, 31_622_400_001])
    await wrong('at most', locks.acquire('x', { holdAtMost }), /holdAtMost must be a whole number of ms/)
  // @ts-expect-error ms, as all times
  await wrong('a text', locks.acquire('x', { holdAtMost: '2h' }), /holdAtMost .*not "2h"/)
  // @ts-expect-error a text
  await wrong('note', locks.tryAcquire('x', { note: 7 }), /note must be a string, not 7/)
  await wrong('note', locks.acquire('x', { note: 'ä'.repeat(129) }), /note must be at most 256 bytes/)
  await wrong('note', locks.acquire('x', { note: '\ud800' }), /note must not contain lone surrogates/)
})

t.test('what goes together makes one claim, and a plain one is none of its own', async t => {
  t.equal(claimToAcquire({}), claimOf('exclusive', 'wait'))
  t.equal(claimToAcquire({ mode: 'shared', timeout: 5 }), claimOf('shared', 'wait'))
  t.equal(claimToAcquire({ steal: true }), claimOf('exclusive', 'steal'))
  t.equal(claimToTry({ mode: 'shared' }), claimOf('shared', 'ifAvailable'))
  t.equal(claimToAcquire({ permits: { of: 1 } }), claimOf('exclusive', 'wait'), 'C1: one of one is exclusive')
  t.same(claimToAcquire({ permits: { of: 5 } }), {
    mode: 'permits',
    manner: 'wait',
    terms: { ...noTerms, permits: { of: 5, take: 1 } },
  })
  t.same(claimToAcquire({ steal: { token: 7 } }).terms, { ...noTerms, victim: 7 })
  t.same(claimToRunOnce('k', { keep: 0, holdAtMost: 9 }), {
    mode: 'exclusive',
    manner: 'wait',
    terms: { ...noTerms, holdAtMostMs: 9, once: { key: 'k', keepMs: 0 } },
  })
  t.equal(claimToRunOnce('k', {}).terms?.once?.keepMs, 86_400_000, 'a day')
  // Of a set of options each way.
  for (const holdAtLeast of [undefined, 5])
    for (const holdAtMost of [undefined, 7])
      for (const note of [undefined, 'why'])
        for (const permits of [undefined, { of: 3, take: 2 }]) {
          const { mode, manner, terms } = claimToAcquire({
            ...{ holdAtLeast, holdAtMost, note },
            ...(permits !== undefined && { permits }),
          })
          t.equal(claimProblem(['x'], mode, manner, terms), undefined)
          t.equal(terms === null, holdAtLeast === undefined && holdAtMost === undefined && !note && !permits)
          t.equal(terms?.holdAtLeastMs ?? undefined, holdAtLeast)
          t.equal(terms?.holdAtMostMs ?? undefined, holdAtMost)
          t.equal(terms?.note ?? undefined, note)
          t.same(terms?.permits ?? undefined, permits)
        }
})

t.test(
  'a request takes the same, behind what the specification reads, and what a browser gives still compiles',
  async t => {
    const callback = (lock: Lock | null) => lock
    const { claim } = checkRequest(['x', { permits: { of: 5 }, holdAtMost: 9, note: 'n' }, callback])
    t.same(claim.terms, { ...noTerms, permits: { of: 5, take: 1 }, holdAtMostMs: 9, note: 'n' })
    t.equal(checkRequest(['x', { steal: { token: 7 } }, callback]).claim.terms?.victim, 7)
    t.equal(
      checkRequest(['x', { steal: {} }, callback]).claim,
      claimOf('exclusive', 'steal'),
      'true, as in WebIDL',
    )
    const plain: { mode?: Mode; ifAvailable?: boolean; steal?: boolean } = { mode: 'shared' }
    const given: RequestOptions = plain
    t.equal(checkRequest(['x', given, callback]).claim, claimOf('shared', 'wait'))
    // Of a mode that is known at run time alone.
    const either = (mode: Mode): AcquireOptions => ({ mode })
    t.equal(claimToAcquire(either('shared')), claimOf('shared', 'wait'))
  },
)
