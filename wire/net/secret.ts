// Whether a peer that wants in knows a secret, and by what name a token is known.

import { createHash, timingSafeEqual } from 'node:crypto'

/** In constant time. */
export function isSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** What servers know of a token: in hexadecimal digits, as the access file has it (A3). */
export function hashOf(token: string): string {
  return digest(token).toString('hex')
}
