// What a session's key is for (C9). Its client makes it, once for all its sessions, and shows it to open, to resume and to
// abandon. Servers keep its hash alone, so that no state, snapshot or journal tells how to take a session over. What
// others see of a session is its public id, made from id and key: whoever has all public ids has no id and no key.
// This is the only file of the lock server that hashes; it keeps nothing and answers nobody.

import { createHash, timingSafeEqual } from 'node:crypto'
import { clientDigits } from '../wire/public-id.ts'

/** What servers keep of a key. It is 128 random bits: no table and no search has it back, and no salt is needed. */
export function keyHashOf(key: string): string {
  return hash(key).toString('hex')
}

/**
 * Alike at every primary, so that an open which is repeated after a failover has the same one. The first half is that of
 * the client, which shows the same key in all its sessions (G5), the second that of the session: two sessions never have
 * the same one. Neither id nor key can be had from it, since it is made of parts of hashes into which they went whole.
 * The words before them keep these apart from the hash of the key, and from each other.
 */
export function publicIdOf(id: string, key: string): string {
  const client = hash(`holdfast client ${key}`).toString('hex').slice(0, clientDigits)
  return (
    client +
    hash(`holdfast public id ${id} ${key}`)
      .toString('hex')
      .slice(0, 32 - clientDigits)
  )
}

/** In constant time. */
export function isKeyOf(keyHash: string, key: string): boolean {
  return timingSafeEqual(hash(key), Buffer.from(keyHash, 'hex'))
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
