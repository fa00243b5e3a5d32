// The checksum of the journal's bytes. It finds every burst of up to 32 bits, and misses other damage once in four
// billion times; it is no proof against forgery, which the journal's folder keeps out by its mode.

import { crc32 } from 'node:zlib'

/** `before`: the checksum of what stands before these bytes. */
export function checksum(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before)
}
