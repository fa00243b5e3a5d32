// Whether the whole hello of a TLS client has come (B1): most of what a handshake costs is spent in the moment in which its
// last byte does. It reads lengths only; whether the hello makes sense is for TLS to say.

import { helloBytesMax } from '../../limits.ts'

/** The first byte of each record of a handshake, and of a client's hello within. */
const handshakeRecord = 22
const clientHello = 1
const recordHead = 5
const messageHead = 4

/** `larger`: than any hello that makes sense. What is no hello at all costs TLS nothing, and counts as whole. */
export function helloIn(bytes: Buffer): 'begun' | 'whole' | 'larger' {
  const message: number[] = []
  let wanted = messageHead
  let size = 0
  for (let at = 0; at + recordHead <= bytes.length; ) {
    if (bytes[at] !== handshakeRecord) return 'whole'
    const end = at + recordHead + bytes.readUInt16BE(at + 3)
    const body = bytes.subarray(at + recordHead, end)
    size += body.length
    if (message.length < messageHead) message.push(...body.subarray(0, messageHead - message.length))
    if (message.length > 0 && message[0] !== clientHello) return 'whole'
    if (message.length === messageHead) wanted = messageHead + Buffer.from(message).readUIntBE(1, 3)
    if (wanted > helloBytesMax) return 'larger'
    if (message.length === messageHead && size >= wanted) return 'whole'
    at = end
  }
  return bytes.length > helloBytesMax ? 'larger' : 'begun'
}
