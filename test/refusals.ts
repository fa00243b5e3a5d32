// What is refused says what was wrong and what would be right: the limit that was passed, by its number, for each limit
// there is; and each wrong argument what it was.

import t from 'tap'
import { claimToAcquire } from '../client/claim-options.ts'
import { cronCoordinator } from '../client/cron.ts'
import { connect, type LockClient } from '../client/index.ts'
import { checkNames } from '../client/options.ts'
import { checkRequest } from '../client/web-locks.ts'
import { refusalOf } from '../lockserver/state/refusals.ts'
import { type ErrorCode, errors } from '../wire/errors.ts'
import { stateLimits } from '../wire/limits.ts'
import { FakeServer } from './fixtures/client-server.ts'
import { StateStory } from './fixtures/state-story.ts'

type Refused = [string, readonly [string, number, ErrorCode, string]]

const textOf = (shown: unknown[]) => (shown.at(-1) as Refused)[1]

t.test('C3: a time that is too long is told how long the cluster takes', async t => {
  const s = new StateStory({ holdAtLeastMsMax: 59_999 })
  const told = textOf(s.ask(s.open('a'), 'x', { holdAtLeastMs: 60_000 }))
  t.match(told, ['refused', 1, 'AT_LEAST_OUT_OF_RANGE', /^holdAtLeast is longer .* 59999 ms$/])
})

t.test('C5: a name that is full says how many keys it takes', async t => {
  const s = new StateStory({ onceKeysPerNameMax: 1 })
  const once = (key: string) => ({ once: { key, keepMs: 1_000 } })
  s.ask(s.open('a'), 'x', once('k1'))
  t.match(textOf(s.ask(s.open('b'), 'x', once('k2'), 'ifAvailable')), [
    'refused',
    1,
    'ONCE_KEYS_LIMIT',
    /at most 1 keys/,
  ])
})

t.test('B4: a session, a queue, a lock and the whole state name what they take', async t => {
  const session = new StateStory({ locksPerSessionMax: 2 })
  const a = session.open('a')
  t.match(textOf(session.acquire(a, ['x', 'y', 'z'])), ['refused', 1, 'LOCKS_LIMIT', /at most 2 locks/])

  const lock = new StateStory({ sharedHoldsPerLockMax: 1 })
  const b = lock.open('b')
  lock.acquire(b, 'x', 'shared')
  t.match(textOf(lock.acquire(b, 'x', 'shared')), ['refused', 2, 'LOCKS_LIMIT', /same lock at most 1 times/])

  const queue = new StateStory({ waitersPerLockMax: 1 })
  const [c, d] = [queue.open('c'), queue.open('d')]
  queue.acquire(c, 'x')
  queue.acquire(d, 'x')
  t.match(textOf(queue.acquire(d, 'x')), ['refused', 2, 'WAITERS_LIMIT', /at most 1 wait for a lock/])

  const answers = new StateStory({ unansweredMax: 1 })
  const e = answers.open('e')
  answers.acquire(e, 'x')
  t.match(textOf(answers.acquire(e, 'y')), ['refused', 2, 'UNANSWERED_LIMIT', /at most 1 requests/])

  const state = new StateStory({ stateBytesMax: 2_000 })
  const f = state.open('f')
  t.match(textOf(state.acquire(f, 'x'.repeat(1_024))), ['refused', 1, 'STATE_LIMIT', /at most 2000 bytes/])
})

t.test('no code of a limit is without its limit', async t => {
  const limits = (Object.keys(errors) as ErrorCode[]).filter(
    code => code.endsWith('_LIMIT') || code === 'AT_LEAST_OUT_OF_RANGE',
  )
  // Watches are no part of the state: a server has its own number of them.
  for (const code of limits.filter(code => code !== 'WATCHES_LIMIT'))
    t.match(refusalOf(code, null, stateLimits)[1], /\d{3}/, code)
})

t.test('a wrong argument says what it was', async t => {
  const wrong: [() => unknown, RegExp][] = [
    [() => checkNames(['a', 'b', 'a']), /different from one another: "a" is there twice/],
    [() => claimToAcquire({ note: 'ä'.repeat(129) }), /note must be at most 256 bytes of UTF-8, not 258/],
    [() => checkNames(['ä'.repeat(513)]), /a lock name must be at most 1024 bytes of UTF-8, not 1026/],
    [
      () => claimToAcquire({ steal: { tokn: 4 } }),
      /steal must be true, false or \{ token \}, not \{ tokn \}/,
    ],
    [() => checkRequest(['x', {}, 5]), /the callback must be a function, not 5/],
    [() => checkRequest(['x', 5, () => {}]), /the options of request must be an object, not 5/],
  ]
  for (const [call, message] of wrong) t.throws(call, { name: 'TypeError', message })
  const server = await FakeServer.start()
  const locks: LockClient = await connect(server.url)
  t.teardown(async () => {
    await locks.close()
    await server[Symbol.asyncDispose]()
  })
  // @ts-expect-error no function
  t.throws(() => locks.on('lost', 'me'), { message: /the listener must be a function, not "me"/ })
  t.throws(() => cronCoordinator(locks).lockOf('job', 'soon' as unknown as Date), {
    message: /must be a Date, the one that was planned, not "soon"/,
  })
  await t.rejects(connect(server.url, { name: 'x'.repeat(257) }), {
    message: /at most 256 characters, not one of 257/,
  })
  // An object that String() does not take.
  const bare = Object.create(null)
  await t.rejects(locks.acquire('x', { mode: bare }), {
    message: /mode must be exclusive or shared, not an object/,
  })
})
