// Below the messages: WebSocket frames that break RFC 6455, and the expected close code of each. Pure.

import { frame } from '../fixtures/hostile-peer.ts'
import type { Random } from '../fixtures/random.ts'

export interface Bytes {
  readonly what: string
  readonly data: Buffer
  readonly close: number
}

const noise = (length: number, dice: Random) => Buffer.from(Array.from({ length }, () => dice.below(256)))
const text = (dice: Random) => 'x'.repeat(dice.below(100))

/** Bytes that end or continue in a way that UTF-8 does not allow. */
const badUtf8 = ['ff', 'c0af', 'eda080', 'e28028', 'f5808080', 'c3', '80', 'f08080af']

/** Codes that a close frame must never carry. */
const badCloses = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]

type Maker = (dice: Random) => Bytes
const makers: readonly Maker[] = [
  dice => broken('without a mask', frame(0x81, text(dice), false)),
  dice => broken('a reserved bit', frame(0x81 | dice.pick([0x10, 0x20, 0x40]), text(dice))),
  dice =>
    broken('an unknown opcode', frame(0x80 | dice.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), text(dice))),
  dice => broken('a control frame in pieces', frame(dice.pick([0x08, 0x09, 0x0a]), '')),
  dice => broken('a long control frame', frame(dice.pick([0x89, 0x8a]), 'x'.repeat(126 + dice.below(1_000)))),
  dice => broken('a continuation of nothing', frame(dice.pick([0x80, 0x00]), text(dice))),
  dice => broken('a text within a text', Buffer.concat([frame(0x01, '['), frame(0x81, text(dice))])),
  () => broken('half a close number', frame(0x88, 'x')),
  dice => broken('a close number that is none', frame(0x88, closeBody(dice.pick(badCloses)))),
  dice => ({ what: 'no UTF-8', data: frame(0x81, Buffer.from(dice.pick(badUtf8), 'hex')), close: 1007 }),
  dice => ({ what: 'a length above the limit', data: head(4_194_305 + dice.below(1e9)), close: 1009 }),
  dice => ({ what: 'bytes', data: frame(0x82, noise(1 + dice.below(50), dice)), close: 4400 }),
]

const broken = (what: string, data: Buffer): Bytes => ({ what, data, close: 1002 })

function closeBody(number: number): Buffer {
  const body = Buffer.alloc(2)
  body.writeUInt16BE(number)
  return body
}

/** The header of a text frame of this length. */
function head(length: number): Buffer {
  const bytes = Buffer.alloc(14)
  bytes[0] = 0x81
  bytes[1] = 0xff
  bytes.writeBigUInt64BE(BigInt(length), 2)
  return bytes
}

export function drawBytes(dice: Random): Bytes {
  return dice.pick(makers)(dice)
}
