// Every message of every channel: its example is accepted, every single mutation of it is refused.
// Two judges say what "refused" must mean, and neither is the code under test: laws that hold for the
// whole protocol whatever a schema says, and a small interpreter of the schemas that knows no ajv.

import t from 'tap'
import { amongRanges, decode, encode, inRanges, toRanges, WireError } from '../wire/codec.ts'
import { errors } from '../wire/errors.ts'
import { lockNameBytesMax, namesPerAcquireMax, rangesMax } from '../wire/limits.ts'
import { type Channel, channels, type Message } from '../wire/messages.ts'
import '../wire/server-channels.ts'
import { validators as ofClients } from '../wire/validators-client.js'
import { validators as ofOperators } from '../wire/validators-operator.js'
import { validators as ofServers } from '../wire/validators-server.js'
import { allowed, members, mutations, replaceAt } from './fixtures/hostile-mutations.ts'

interface Row {
  readonly channel: Channel
  readonly kind: string
  readonly schema: object
  readonly example: Message
}

const rows: Row[] = Object.entries(channels).flatMap(([channel, kinds]) =>
  Object.entries(kinds).map(([kind, shape]) => ({
    channel: channel as Channel,
    kind,
    schema: shape.schema,
    example: shape.example as unknown as Message,
  })),
)

/** How a peer at the other end would judge this frame. */
function verdict(text: string, channel: Channel): WireError | null {
  try {
    decode(text, channel)
    return null
  } catch (error) {
    if (error instanceof WireError) return error
    throw error
  }
}

t.test('every kind of every channel has a validator, and there is no other', async t => {
  const validators = { ...ofClients, ...ofServers }
  const namesOf = (channel: string) =>
    [validators, ofOperators].flatMap(known => Object.keys(known[channel] ?? {}))
  for (const [channel, kinds] of Object.entries(channels))
    t.same(namesOf(channel).sort(), Object.keys(kinds).sort(), channel)
  t.same(Object.keys(validators).sort(), Object.keys(channels).sort())
  t.same(
    Object.keys(ofClients),
    ['serverToClient', 'replyRuns', 'viewToClient'],
    'a client knows what is said to clients',
  )
  t.notOk('status' in (ofClients.viewToClient ?? {}), 'but for what operators alone ask for')
})

for (const { channel, kind, schema, example } of rows) {
  t.test(`${channel}: ${kind}`, async t => {
    t.equal(example[0], kind, 'its table names it as it names itself')
    t.same(decode(encode([example]), channel), [example], 'the example goes there and back')
    let refused = 0
    for (const { text, why, law } of mutations(example)) {
      const error = verdict(`[${text}]`, channel)
      // B3: a peer of another version gets that error before any other check of its hello.
      const otherVersion = error?.code === 'WRONG_WIRE_VERSION'
      const legal = allowed(schema, channel, JSON.parse(text)) && !otherVersion
      if (law && error === null) t.fail(`the law is broken: ${why}: ${text}`)
      if ((error === null) !== legal) t.fail(`${legal ? 'refused' : 'accepted'} against the schema: ${text}`)
      if (error !== null) refused++
    }
    t.ok(refused >= 10, `${refused} mutations are refused`)
    for (const { path, value } of members(schema, example)) {
      const message = replaceAt(example, path, value)
      t.equal(
        verdict(JSON.stringify([message]), channel) === null,
        allowed(schema, channel, message),
        `${JSON.stringify(value)} at /${path.join('/')}`,
      )
    }
  })
}

t.test('the interpreter is not blind: a schema that allows too much is found by the laws', async t => {
  const lax = mutations(['renew', 17]).filter(({ law }) => law)
  t.ok(lax.some(({ text }) => text === '["renew",-1]'))
  t.ok(lax.some(({ text }) => text === '["renew",1.5]'))
  t.ok(lax.some(({ text }) => text === '["renew",9007199254740992]'))
  t.ok(lax.some(({ text }) => text === '["renew"]'))
  t.ok(lax.some(({ text }) => text === '["renew",17,0]'))
  t.ok(lax.some(({ text }) => text === '["renew",1e400]'))
})

t.test('members are found: enums, unions and null where it may stand', async t => {
  const { acquire } = channels.clientToServer
  const found = (schema: object, example: unknown) => members(schema, example).map(({ value }) => value)
  const words = found(acquire.schema, acquire.example).filter(value => typeof value === 'string')
  t.same(words.slice(0, 6), ['exclusive', 'shared', 'permits', 'wait', 'ifAvailable', 'steal'])
  const { pong } = channels.viewToServer
  t.same(
    found(pong.schema, pong.example).filter(value => value === null).length,
    6,
    'view, backup, start, choice, its backup and start',
  )
  const { hello } = channels.opening
  const kinds = found(hello.schema, hello.example).map(value => (value as { kind?: string } | null)?.kind)
  t.same([...new Set(kinds.filter(kind => kind !== undefined))].sort(), [
    'client',
    'lockserver',
    'primary',
    'probe',
    'viewserver',
  ])
})

t.test('an error names the message, its kind and the place', async t => {
  const good = '["renew",1]'
  const error = (text: string, channel: Channel = 'clientToServer') => {
    const found = verdict(text, channel)
    return found === null ? null : `${found.code} ${found.close}: ${found.message}`
  }
  t.match(
    error(`[${good},["acquire",1,["a"],"x","wait",null]]`),
    /^BAD_MESSAGE 4400: message 1, acquire\.mode: /,
  )
  t.match(
    error(`[${good},${good},["open","zz","",1,1,"",null,null,""]]`),
    /^BAD_MESSAGE 4400: message 2, open\.id: /,
  )
  t.equal(
    error(`[["open","${'a'.repeat(32)}","${'b'.repeat(32)}",1,5000,"",17,null,"1.2.3"]]`),
    'BAD_MESSAGE 4400: message 0, open.host: must be string,null',
  )
  t.match(error('[["renew"]]'), /^BAD_MESSAGE 4400: message 0, "renew": must NOT have fewer than 2 items/)
  t.equal(error('[["nonsense"]]'), 'BAD_MESSAGE 4400: message 0: there is no message "nonsense"')
  t.match(
    error('[["replicate"]]'),
    /^UNEXPECTED_MESSAGE 4405: message 0: "replicate" can't come here; open, resume/,
  )
  t.equal(
    error(`[${good},17]`),
    'BAD_MESSAGE 4400: message 1 of the frame is not an array that starts with its kind',
  )
  t.equal(error('{'), 'BAD_MESSAGE 4400: the frame is not JSON; it must be an array of messages')
  t.equal(error('{}'), 'BAD_MESSAGE 4400: the frame is not an array of messages')
  t.match(error('[["replicate",1,1,1,1,[["start"]]]]', 'primaryToBackup'), /message 0, "start": must NOT/)
  t.match(
    error('[["replicate",1,1,1,1,[["hold"]]]]', 'primaryToBackup'),
    /UNEXPECTED_MESSAGE .* "hold" can't/,
  )
  t.match(error('[["chunk",1,1,[["nonsense"]]]]', 'primaryToBackup'), /BAD_MESSAGE .* no message "nonsense"/)
  t.ok(
    (verdict(`[["${'x'.repeat(1e6)}"]]`, 'opening')?.message.length ?? 1e6) < 200,
    'a long kind is not echoed',
  )
})

t.test('lock names are counted in bytes, and stand once', async t => {
  const acquire = (names: string[]) =>
    verdict(JSON.stringify([['acquire', 1, names, 'shared', 'wait', null]]), 'clientToServer')
  const force = (name: string) =>
    verdict(JSON.stringify([['force-release', 1, name, null]]), 'clientToServer')
  t.equal(acquire(['x'.repeat(lockNameBytesMax)]), null)
  t.equal(acquire(['é'.repeat(lockNameBytesMax / 2)]), null)
  t.match(acquire(['é'.repeat(lockNameBytesMax / 2 + 1)])?.message, /more than 1024 bytes/)
  t.match(force('🔒'.repeat(257))?.message, /more than 1024 bytes/)
  t.equal(force('🔒'.repeat(256)), null)
  const forget = (name: string, key: string) =>
    verdict(JSON.stringify([['forget-key', 1, name, key]]), 'clientToServer')
  t.equal(forget('🔒'.repeat(256), '🔒'.repeat(64)), null)
  t.match(forget('🔒'.repeat(257), 'k')?.message, /more than 1024 bytes/)
  t.match(forget('x', '🔒'.repeat(65))?.message, /forget-key\.key: the key must be at most 256 bytes/)
  t.equal(acquire(['__proto__', 'constructor']), null)
  for (const name of ['a', '__proto__', 'constructor', ''])
    t.equal(acquire([name, 'b', name])?.code, 'BAD_MESSAGE', JSON.stringify(name))
  const many = Array.from({ length: namesPerAcquireMax }, (_, i) => `n${i}`)
  t.equal(acquire(many), null)
  t.equal(acquire([...many, 'one more'])?.code, 'BAD_MESSAGE')
  t.equal(acquire([])?.code, 'BAD_MESSAGE')
  for (const error of [acquire(['']), force(''), forget('', 'k'), forget('x', '')])
    t.equal(error?.code, 'BAD_MESSAGE', 'no name is empty, and no key')
})

t.test('ranges are packed and unpacked in pairs, up to the limit', async t => {
  for (const numbers of [[], [1], [1, 2, 3], [3, 4, 5, 9], [1, 3, 5], [2 ** 53 - 2, 2 ** 53 - 1]]) {
    const ranges = toRanges(numbers)
    t.equal(ranges.length % 2, 0)
    for (const number of numbers) t.ok(inRanges(ranges, number))
    for (const number of [0, 6, 10, 2 ** 53 - 3]) t.equal(inRanges(ranges, number), numbers.includes(number))
  }
  t.same(toRanges([3, 4, 5, 9]), [3, 5, 9, 9])
  t.notOk(inRanges([1, 5, 7], 7), 'half a pair holds nothing')
  const said = (ranges: number[]) => verdict(JSON.stringify([['acknowledge', ranges, []]]), 'clientToServer')
  t.equal(said(Array(rangesMax).fill(1)), null)
  t.equal(said(Array(rangesMax + 2).fill(1))?.code, 'BAD_MESSAGE')
  t.match(said([1, 2, 3])?.message, /pairs/)
})

t.test('S1: numbers among ranges are found, however the ranges lie', async t => {
  const all = Array.from({ length: 12 }, (_, i) => i)
  for (const ranges of [
    [],
    [1, 9, 2, 3],
    [2, 3, 1, 9],
    [5, 6, 0, 1, 6, 8],
    [4, 3],
    [0, 11, 3, 3, 7, 8],
    [3, 3],
  ]) {
    const expected = all.filter(number => inRanges(ranges, number))
    t.same(amongRanges([...all].reverse(), ranges), expected, ranges.join(' '))
  }
})

t.test('a WireError closes with the number of its code', async t => {
  t.equal(new WireError('BAD_MESSAGE', '').close, 4400)
  t.equal(
    new WireError('LOCKS_LIMIT', '').close,
    4400,
    'a code that closes nothing is a bad message to whoever gets it so',
  )
  const numbers = Object.values(errors).flatMap(({ close }) => close ?? [])
  t.equal(new Set(numbers).size, numbers.length, 'no close number stands for two codes')
})
