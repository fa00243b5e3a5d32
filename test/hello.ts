// B3 without a port: what the hello check itself refuses, wherever a socket comes from.

import t from 'tap'
import { helloBytesMax } from '../wire/limits.ts'
import { acceptSocket, type Gate } from '../wire/net/hello.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import { memorySockets } from '../wire/net/memory-socket.ts'
import { wireVersion } from '../wire/version.ts'
import { HandTimers } from './fixtures/hand-timers.ts'

const text = (secret: string | null) =>
  JSON.stringify([['hello', wireVersion, null, secret, { kind: 'client', name: 'test' }]])

/** A socket in memory, and what its hello check sends to it. */
function story(gate?: Gate) {
  const runtime = new HandTimers(new MemoryRuntime(new Map()))
  const [dialled, accepted] = memorySockets(runtime, runtime)
  const heard: string[] = []
  const turnedAway: string[] = []
  const over: number[] = []
  dialled.hear({
    opened: () => {},
    received: frame => void heard.push(frame),
    receivedBinary: () => {},
    closed: code => void over.push(code),
  })
  const handlers = {
    accepted: () => ({ messages: () => {}, closed: () => {} }),
    turnedAway: (reason: string) => void turnedAway.push(reason),
  }
  acceptSocket(accepted, { secret: 'sesame', role: 'lockserver' }, handlers, 'memory', runtime, gate)
  const says = (frame: string) => {
    dialled.send(frame)
    runtime.run()
  }
  return { says, heard, turnedAway, over, runtime }
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
