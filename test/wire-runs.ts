// Runs: messages folded for sending come out as they went in, whatever their neighbours;
// and a run gets the same checks as the messages that it stands for.

import t from 'tap'
import { decode, encode, WireError } from '../wire/codec.ts'
import { lockNameBytesMax, runMax } from '../wire/limits.ts'
import type { Channel, Entry, Message } from '../wire/messages.ts'
import { unfolded } from '../wire/runs.ts'
import '../wire/server-channels.ts'
import { type Random, random } from './fixtures/random.ts'

const there = (messages: readonly Message[]) => encode(messages)
const back = (text: string, channel: Channel) => unfolded(decode(text, channel)) as unknown as Message[]
const kinds = (text: string) => (JSON.parse(text) as Message[]).map(([kind]) => kind)

function refusal(message: readonly unknown[], channel: Channel): string | null {
  try {
    decode(JSON.stringify([message]), channel)
    return null
  } catch (error) {
    if (error instanceof WireError) return `${error.code}: ${error.message}`
    throw error
  }
}

t.test('neighbours with consecutive numbers travel as one message and arrive as they were', async t => {
  const acquires: Message[] = [17, 18, 19].map(n => ['acquire', n, [`lock ${n}`], 'shared', 'wait', null])
  t.equal(there(acquires), '[["acquire-run",17,["lock 17","lock 18","lock 19"],"shared","wait"]]')
  t.same(back(there(acquires), 'clientToServer'), acquires)
  const releases: Message[] = [20, 21].map(n => ['release', n, 900 + n])
  t.equal(there(releases), '[["release-run",20,[920,2]]]')
  t.same(back(there([...acquires, ...releases]), 'clientToServer'), [...acquires, ...releases])
  const replies: Message[] = [
    ['granted', 17, [900], []],
    ['granted', 18, [901], []],
    ['released', 20, true],
    ['released', 21, true],
  ]
  t.equal(there(replies), '[["granted-run",17,2,900],["released-run",20,2]]')
  t.same(back(there(replies), 'serverToClient'), replies)
  const apart: Message[] = [7, 8, 3, 4, 4].map((token, i) => ['release', 5 + i, token])
  t.equal(there(apart), '[["release-run",5,[7,2,3,2,4,1]]]', 'tokens in any order')
  t.same(back(there(apart), 'clientToServer'), apart)
})

t.test('a message that no run can express travels by itself', async t => {
  const single = (...messages: Message[]) => {
    t.same(
      kinds(there(messages)),
      messages.map(([kind]) => kind),
      JSON.stringify(messages),
    )
  }
  single(['acquire', 1, ['a'], 'shared', 'wait', null])
  single(['acquire', 1, ['a'], 'shared', 'wait', null], ['acquire', 3, ['b'], 'shared', 'wait', null])
  single(['acquire', 1, ['a'], 'shared', 'wait', null], ['acquire', 2, ['b'], 'exclusive', 'wait', null])
  single(['acquire', 1, ['a'], 'shared', 'wait', null], ['acquire', 2, ['b'], 'shared', 'ifAvailable', null])
  single(['acquire', 1, ['a'], 'shared', 'wait', null], ['acquire', 2, ['b', 'c'], 'shared', 'wait', null])
  single(
    ['acquire', 1, ['a', 'b'], 'shared', 'wait', null],
    ['acquire', 2, ['c', 'd'], 'shared', 'wait', null],
  )
  single(['acquire', 1, ['a'], 'shared', 'wait', null], ['release', 2, 17])
  single(['granted', 1, [17], []], ['granted', 2, [18], [[18, 'STOLEN']]])
  single(['granted', 1, [17], []], ['granted', 2, [19], []])
  single(['granted', 1, [17, 18], []], ['granted', 2, [19, 20], []])
  single(['released', 1, true], ['released', 2, false], ['released', 3, true])
  single(['renew', 1], ['renew', 2])
})

t.test('the entries of a batch travel as runs of one session', async t => {
  const entries: Entry[] = [
    ['acquire', 5, 1, ['a'], 'exclusive', 'wait', null],
    ['acquire', 5, 2, ['b'], 'exclusive', 'wait', null],
    ['acquire', 6, 3, ['c'], 'exclusive', 'wait', null],
    ['renew', 5],
    ['release', 5, 3, 900],
    ['release', 5, 4, 901],
  ]
  const batch: Message = ['replicate', 1, 1, 17, 0, entries]
  const [, , , , , travels] = (JSON.parse(there([batch])) as Message[])[0] as Message
  t.same(travels, [
    ['acquire-run', 5, 1, ['a', 'b'], 'exclusive', 'wait'],
    ['acquire', 6, 3, ['c'], 'exclusive', 'wait', null],
    ['renew', 5],
    ['release-run', 5, 3, [900, 2]],
  ])
  t.same(back(there([batch]), 'primaryToBackup'), [batch])
  t.same(batch[5], entries, 'the batch itself is as it was: it may be sent again')
})

function someMessage(r: Random, number: number): Message {
  const names = r.chance(0.8) ? [r.pick(['a', 'b'])] : ['a', 'b']
  return r.pick<Message>([
    [
      'acquire',
      number,
      names,
      r.pick(['exclusive', 'shared']),
      r.pick(['wait', 'wait', 'ifAvailable']),
      null,
    ],
    ['release', number, r.below(5)],
    ['renew', number],
  ])
}

function someReply(r: Random, number: number): Message {
  const tokens = r.chance(0.8) ? [number + (r.chance(0.8) ? 100 : r.below(9))] : [7, 8]
  return r.pick<Message>([
    ['granted', number, tokens, r.chance(0.8) ? [] : [[7, 'FORCED']]],
    ['released', number, r.chance(0.8)],
    ['unavailable', number],
  ])
}

t.test('any mixture of messages is the same after packing and unpacking, seeds 1 to 300', async t => {
  let runs = 0
  for (let seed = 1; seed <= 300; seed++) {
    const r = random(seed)
    const requests: Message[] = []
    const replies: Message[] = []
    for (let number = 1 + r.below(9); requests.length < 60; number += r.chance(0.9) ? 1 : 2) {
      // Often several of one kind, since only these fold.
      const kindOf = random(seed * 1_000 + (number >> 2))
      requests.push(someMessage(r.chance(0.7) ? kindOf : r, number))
      replies.push(someReply(r.chance(0.7) ? kindOf : r, number))
    }
    t.same(back(there(requests), 'clientToServer'), requests, `seed ${seed}`)
    t.same(back(there(replies), 'serverToClient'), replies, `seed ${seed}`)
    const entries = requests.map(([kind, ...rest]): Message => [kind, 1 + (r.next() > 0.9 ? 1 : 0), ...rest])
    const batch: Message = ['replicate', 1, 1, 1, 0, entries.filter(([kind]) => kind !== 'renew')]
    t.same(back(there([batch]), 'primaryToBackup'), [batch], `seed ${seed}`)
    runs += kinds(there([...requests, ...replies])).filter(kind => kind.endsWith('-run')).length
  }
  t.ok(runs > 1_000, `${runs} runs were among them`)
})

t.test('a run ends at its limit, and another begins', async t => {
  const many = Array.from({ length: runMax + 2 }, (_, i): Message => ['release', i + 1, 17])
  t.same(kinds(there(many)), ['release-run', 'release-run'])
  t.same(back(there(many), 'clientToServer'), many)
  t.match(refusal(['release-run', 1, [1, runMax + 1]], 'clientToServer'), /more than 256 messages/)
  t.match(refusal(['release-run', 1, [1, runMax, 1, 1]], 'clientToServer'), /more than 256 messages/)
  t.match(refusal(['release-run', 1, Array(2 * runMax + 2).fill(1)], 'clientToServer'), /^BAD_MESSAGE/)
  t.match(refusal(['granted-run', 1, runMax + 1, 1], 'serverToClient'), /^BAD_MESSAGE/)
  t.match(refusal(['released-run', 1, runMax + 1], 'serverToClient'), /^BAD_MESSAGE/)
})

t.test('a run is checked like the messages that it stands for', async t => {
  const acquire = (...names: unknown[]) =>
    refusal(['acquire-run', 1, names, 'shared', 'wait'], 'clientToServer')
  t.equal(acquire('a'), null, 'one is a run too')
  t.same(back('[["acquire-run",1,["a"],"shared","wait"]]', 'clientToServer'), [
    ['acquire', 1, ['a'], 'shared', 'wait', null],
  ])
  t.equal(acquire('a', 'a'), null, 'two requests may want the same lock')
  t.match(acquire(), /^BAD_MESSAGE: message 0, acquire-run\.names/)
  t.match(acquire('a', ''), /^BAD_MESSAGE/)
  t.match(acquire('a', '\uD800'), /^BAD_MESSAGE/)
  t.match(acquire('a', 'é'.repeat(lockNameBytesMax / 2 + 1)), /more than 1024 bytes/)
  const last = Number.MAX_SAFE_INTEGER
  t.equal(refusal(['release-run', last - 1, [1, 2]], 'clientToServer'), null)
  t.match(refusal(['release-run', last, [1, 2]], 'clientToServer'), /last number is too large/)
  t.match(refusal(['release-run', 1, [last, 2]], 'clientToServer'), /last number is too large/)
  t.match(refusal(['granted-run', 1, 2, last], 'serverToClient'), /last number is too large/)
  for (const tokens of [[7], [7, 0], [7, 1, 9]])
    t.match(refusal(['release-run', 1, tokens], 'clientToServer'), /^BAD_MESSAGE: message 0/, tokens.join())
  t.match(refusal(['released-run', last, 2], 'serverToClient'), /last number is too large/)
  t.match(
    refusal(['replicate', 1, 1, 1, 1, [['release-run', 1, last, [1, 2]]]], 'primaryToBackup'),
    /last number is too large/,
  )
  t.match(refusal(['granted-run', 1, 1, 1], 'clientToServer'), /^UNEXPECTED_MESSAGE/, 'not in this direction')
  t.match(refusal(['acquire-run', 1, ['a'], 'shared', 'wait'], 'serverToClient'), /^UNEXPECTED_MESSAGE/)
})
