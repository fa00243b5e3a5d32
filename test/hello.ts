// B3 without a port: what the hello check itself refuses, wherever a socket comes from.

import t from 'tap'
import { WireError } from '../wire/codec.ts'
import { helloBytesMax, tokenWithinMs } from '../wire/limits.ts'
import { Guard, openAccess, type Proven, type SignedTokens } from '../wire/net/guard.ts'
import { acceptSocket, type Gate } from '../wire/net/hello.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import { memorySockets } from '../wire/net/memory-socket.ts'
import { wireVersion } from '../wire/version.ts'
import { Answer } from './fixtures/answer.ts'
import { HandTimers } from './fixtures/hand-timers.ts'

const text = (secret: string | null) =>
  JSON.stringify([['hello', wireVersion, null, secret, { kind: 'client', name: 'test' }]])

/** A socket in memory, and what its hello check sends to it. */
function story(gate?: Gate, guard?: Guard) {
  const runtime = new HandTimers(new MemoryRuntime(new Map()))
  const [dialled, accepted] = memorySockets(runtime, runtime)
  const heard: string[] = []
  const turnedAway: string[] = []
  const over: number[] = []
  const said: unknown[] = []
  const names: string[] = []
  dialled.hear({
    opened: () => {},
    received: frame => void heard.push(frame),
    receivedBinary: () => {},
    closed: code => void over.push(code),
  })
  const handlers = {
    accepted: (...[, , , , proven]: [unknown, unknown, unknown, unknown, Proven]) => {
      names.push(proven.principal?.name ?? '')
      return {
        messages: (messages: readonly unknown[]) => void said.push(...messages),
        token: (proven: Proven | null) => {
          said.push(proven?.principal?.name ?? 'the old one')
          return null
        },
        closed: () => void said.push('closed'),
      }
    },
    turnedAway: (reason: string) => void turnedAway.push(reason),
  }
  const options = { secret: 'sesame', role: 'lockserver', ...(guard && { guard }) } as const
  acceptSocket(accepted, options, handlers, 'memory', runtime, gate)
  const says = (frame: string) => {
    dialled.send(frame)
    runtime.run()
  }
  return { says, heard, turnedAway, over, runtime, said, names, leave: () => dialled.cut() }
}

t.test('B3: a hello that is too large is refused before it is parsed', async t => {
  const { says, turnedAway, over } = story()
  says('['.repeat(helloBytesMax + 1))
  t.match(turnedAway, [/^TOO_LARGE/])
  t.same(over, [1009])
  const fits = story()
  fits.says(text('sesame').padEnd(helloBytesMax))
  t.same([fits.turnedAway, fits.over], [[], []])
})

t.test('B3: the answer to a wrong secret waits, and nothing is heard in the meantime', async t => {
  let waits = 0
  const { says, heard, turnedAway, over, runtime } = story({
    mayTry: () => undefined,
    wrongSecret: () => {
      waits++
      return 100
    },
    admits: () => undefined,
    sent: () => {},
  })
  says(text('wrong'))
  says(text('sesame'))
  t.same([waits, heard, turnedAway, over], [1, [], [], []])
  runtime.ring(100)
  t.match(heard.join(), 'WRONG_SECRET')
  t.match(turnedAway, [/^WRONG_SECRET/])
  t.same(over, [4401])
})

/** A guard that finds out about each token when it is told. */
function slowGuard() {
  const answer = new Answer<WireError | null>()
  let isGood = false
  const principal = { name: 'a (login)', locks: { acquire: [], steal: [], force: [], read: [] }, cluster: [] }
  const signed: SignedTokens = {
    check: () => answer,
    proven: () => (isGood ? { principal, hash: null } : undefined),
    again: () => undefined,
  }
  const tells = (problem: WireError | null) => {
    isGood = problem === null
    answer.end(problem)
  }
  return { guard: new Guard({ ...openAccess, secret: 'what only servers know' }, signed), tells }
}

const echo = '[["echo",1]]'

t.test('A3: a hello waits while its token is looked at, and what comes behind it waits too', async t => {
  const { guard, tells } = slowGuard()
  const { says, runtime, names, said, heard, over } = story(undefined, guard)
  says(text('a.signed.token'))
  says(echo)
  says(echo)
  t.same([names, said, heard, over], [[], [], [], []])
  tells(null)
  runtime.run()
  t.same(names, ['a (login)'])
  t.same(said, [
    ['echo', 1],
    ['echo', 1],
  ])
  says(echo)
  t.equal(said.length, 3)
  runtime.ring(tokenWithinMs)
  t.same(over, [])
})

t.test(
  'A3, B3: a token that is not good is refused in its own words, and one that is not checked in time too',
  async t => {
    for (const code of ['WRONG_TOKEN', 'TOKEN_NOT_CHECKED'] as const) {
      const { guard, tells } = slowGuard()
      const { says, runtime, names, said, heard, turnedAway, over } = story(undefined, guard)
      says(text('a.signed.token'))
      says(echo)
      if (code === 'WRONG_TOKEN') tells(new WireError(code, 'the signed token has run out'))
      else runtime.ring(tokenWithinMs)
      runtime.run()
      t.match(turnedAway, [new RegExp(`^${code}: the signed token`)])
      t.match(heard.join(), code)
      t.same([names, said, over.length], [[], [], 1])
      tells(null)
      runtime.run()
      t.same(names, [], 'what is found later changes nothing')
    }
  },
)

t.test('B3: a peer that leaves while its token is looked at is let in nowhere', async t => {
  const { guard, tells } = slowGuard()
  const { says, runtime, names, turnedAway, leave } = story(undefined, guard)
  says(text('a.signed.token'))
  leave()
  runtime.run()
  tells(null)
  runtime.run()
  t.same([names, turnedAway.length], [[], 1])
})

t.test('A3: a newer token is looked at while all else goes on', async t => {
  const newer = '[["token","a.newer.token"]]'
  const begun = () => {
    const { guard, tells } = slowGuard()
    const all = { ...story(undefined, guard), tells }
    all.says(text('a.signed.token'))
    tells(null)
    all.runtime.run()
    all.says(newer)
    all.says(echo)
    return all
  }
  const good = begun()
  good.tells(null)
  t.same(good.said, [['echo', 1], 'a (login)'])
  const late = begun()
  late.runtime.ring(tokenWithinMs)
  t.same([late.said, late.over], [[['echo', 1], 'the old one'], []], 'the one from before counts')
  const wrong = begun()
  wrong.tells(new WireError('WRONG_TOKEN', 'the signed token has run out'))
  wrong.runtime.run()
  t.same(wrong.said, [['echo', 1], 'closed'])
  t.match(wrong.heard.join(), 'the signed token has run out')
  const twice = begun()
  twice.says(newer)
  t.match(twice.heard.join(), 'UNEXPECTED_MESSAGE')
  t.equal(twice.said.at(-1), 'closed')
})
