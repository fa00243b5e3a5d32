// One write of the journal is one block: a head, and a payload of messages as text. Blocks begin at multiples of a
// sector. Whether bytes are a block is decided here by their checksums alone; a length of a bad head is never
// followed. Numbers are little-endian; larger ones are doubles, which hold every count exactly.

import { checksum } from './checksum.ts'

export const sectorBytes = 512
/** Longer payloads are written by no journal, and believed from no disk. */
export const payloadBytesMax = 8_388_608
/** The first byte is in no text, so that no client can make one: what clients choose stands in payloads. */
export const magic = Buffer.from('\x89HFJ\r\n\x1a\n', 'latin1')
const format = 3
/** Those that are read. In format 1 an imprint named no group: it was of the only one. In format 2 no slot moved (G8). */
const formats = [1, 2, 3]
export const headBytes = 100
/** All of the head that its own checksum speaks for. */
const checkedBytes = 96

export const blockKinds = ['log', 'snapshot', 'records', 'end'] as const
export type BlockKind = (typeof blockKinds)[number]

export interface Head {
  readonly kind: BlockKind
  /** The log goes on in the next segment, which exists. */
  readonly last: boolean
  /** The state's files, and the number of this one among its kind. */
  readonly volume: number
  readonly file: number
  /** The start of a process that wrote it: 32 hexadecimal digits. */
  readonly boot: string
  readonly view: number
  readonly sequence: number
  /** The first operation inside, or the next one if there is none; the last one that was applied. */
  readonly firstOp: number
  readonly lastOp: number
  /** R4: after it. */
  readonly digest: number
  /** The checksum of the block before it in its file, or in the segment before. */
  readonly before: number
}

export interface Block extends Head {
  /** In which it was written. */
  readonly format: number
  readonly payload: Uint8Array
  /** Of the head, which holds that of the payload. */
  readonly checksum: number
  /** With the zeros up to the next sector. */
  readonly bytes: number
}

/** Of a block with so much payload. */
export function bytesOf(payloadBytes: number): number {
  return Math.ceil((headBytes + payloadBytes) / sectorBytes) * sectorBytes
}

export interface Encoded {
  readonly bytes: Buffer
  /** The part of them that is the text. */
  readonly payload: Buffer
  readonly checksum: number
}

export function encodeBlock(head: Head, text: string, payloadBytes = Buffer.byteLength(text)): Encoded {
  const bytes = Buffer.allocUnsafe(bytesOf(payloadBytes))
  const end = headBytes + payloadBytes
  bytes.write(text, headBytes)
  bytes.fill(0, end)
  magic.copy(bytes)
  bytes.writeUInt16LE(format, 8)
  bytes.writeUInt16LE(blockKinds.indexOf(head.kind), 10)
  bytes.writeUInt32LE(head.last ? 1 : 0, 12)
  bytes.writeUInt32LE(payloadBytes, 16)
  bytes.writeUInt32LE(head.volume, 20)
  bytes.writeUInt32LE(head.file, 24)
  bytes.write(head.boot, 28, 'hex')
  bytes.writeDoubleLE(head.digest, 44)
  bytes.writeDoubleLE(head.view, 52)
  bytes.writeDoubleLE(head.sequence, 60)
  bytes.writeDoubleLE(head.firstOp, 68)
  bytes.writeDoubleLE(head.lastOp, 76)
  bytes.writeUInt32LE(head.before, 84)
  const payload = bytes.subarray(headBytes, end)
  bytes.writeUInt32LE(checksum(payload), 88)
  bytes.writeUInt32LE(0, 92)
  const sum = checksum(bytes.subarray(0, checkedBytes))
  bytes.writeUInt32LE(sum, checkedBytes)
  return { bytes, payload, checksum: sum }
}

/** What stands at a place: a good block needs `bytes` bytes from there, of which not all may have been given yet. */
export type Sight =
  | { readonly is: 'block'; readonly block: Block }
  | { readonly is: 'more'; readonly bytes: number }
  | { readonly is: 'nothing' }
  | { readonly is: 'other format'; readonly format: number }

const nothing: Sight = { is: 'nothing' }

/** `bytes` must begin at the place; it may end anywhere. */
export function sightOf(bytes: Buffer): Sight {
  if (bytes.length < headBytes || bytes.compare(magic, 0, magic.length, 0, magic.length) !== 0) return nothing
  if (bytes.readUInt32LE(checkedBytes) !== checksum(bytes.subarray(0, checkedBytes))) return nothing
  const written = bytes.readUInt16LE(8)
  if (!formats.includes(written)) return { is: 'other format', format: written }
  const length = bytes.readUInt32LE(16)
  if (length > payloadBytesMax) return nothing
  if (bytes.length < headBytes + length) return { is: 'more', bytes: bytesOf(length) }
  const payload = bytes.subarray(headBytes, headBytes + length)
  if (checksum(payload) !== bytes.readUInt32LE(88)) return nothing
  return { is: 'block', block: { ...headIn(bytes), format: written, payload, bytes: bytesOf(length) } }
}

function headIn(bytes: Buffer): Head & { checksum: number } {
  return {
    kind: blockKinds[bytes.readUInt16LE(10)] as BlockKind,
    last: bytes.readUInt32LE(12) === 1,
    volume: bytes.readUInt32LE(20),
    file: bytes.readUInt32LE(24),
    boot: bytes.toString('hex', 28, 44),
    digest: bytes.readDoubleLE(44),
    view: bytes.readDoubleLE(52),
    sequence: bytes.readDoubleLE(60),
    firstOp: bytes.readDoubleLE(68),
    lastOp: bytes.readDoubleLE(76),
    before: bytes.readUInt32LE(84),
    checksum: bytes.readUInt32LE(checkedBytes),
  }
}
