// Whether a peer that wants in knows the secret of the cluster.

import { createHash, timingSafeEqual } from 'node:crypto'

/** In constant time. */
export function isSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
