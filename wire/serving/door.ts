// The log-in of a server's pages (A9): a browser shows a secret or token once and gets a cookie, random bits that are good for
// a while. What it showed is kept sealed with the cookie, so that this server can ask another one on its behalf: without the
// cookie neither memory nor log has anything to show anywhere. What its bearer may do is looked up anew each time (A3).

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Logins } from '../access/logins.ts'
import { readMonotonic } from '../clock.ts'
import { loginMs } from '../limits.ts'
import type { Guard, Proven } from '../net/guard.ts'
import { hashOf } from '../net/secret.ts'

/** What a browser has shown, and as whom. */
export interface Shown {
  readonly proven: Proven
  /** As a program sends it; undefined: there is nothing to show. */
  readonly authorization: string | undefined
}

interface Kept {
  readonly proven: Proven
  readonly sealed: Buffer
}

const keyBytes = 16
/** No key seals twice, so this may be the same each time. */
const nonce = Buffer.alloc(12)
const tagBytes = 16

export class Door {
  readonly #guard: Guard
  readonly #logins = new Logins<Kept>()
  /** A browser sends the cookies of a host to all its ports: each server knows its own by their name. */
  readonly #name = `holdfast-${randomBytes(4).toString('hex')}`

  constructor(guard: Guard) {
    this.#guard = guard
  }

  /** The value of `Set-Cookie`. `isSecure`: the browser's way to here is encrypted. */
  begin(proven: Proven, authorization: string, isSecure: boolean): string {
    const key = randomBytes(keyBytes).toString('base64url')
    const kept = { proven, sealed: sealed(authorization, key) }
    this.#logins.begin(hashOf(key), proven.principal?.name ?? '', kept, readMonotonic())
    return this.#cookie(key, loginMs / 1_000, isSecure)
  }

  /** Undefined: the request has no cookie of a log-in that is still good. */
  find(cookies: string | undefined): Shown | undefined {
    const key = this.#keyIn(cookies)
    const kept = key === null ? undefined : this.#logins.find(hashOf(key), readMonotonic())
    if (key === null || kept === undefined) return undefined
    const proven = this.#guard.again(kept.proven)
    if (proven === undefined) return void this.end(cookies)
    return { proven, authorization: opened(kept.sealed, key) }
  }

  /** The value of `Set-Cookie` that makes the browser forget it. */
  end(cookies: string | undefined): string {
    const key = this.#keyIn(cookies)
    if (key !== null) this.#logins.end(hashOf(key))
    return this.#cookie('', 0, false)
  }

  #cookie(value: string, forSeconds: number, isSecure: boolean): string {
    const kept = `Path=/; Max-Age=${forSeconds}; HttpOnly; SameSite=Strict`
    return `${this.#name}=${value}; ${kept}${isSecure ? '; Secure' : ''}`
  }

  #keyIn(cookies: string | undefined): string | null {
    for (const cookie of cookies?.split(';') ?? []) {
      const [name, value = ''] = cookie.trim().split('=')
      if (name === this.#name && value !== '') return value
    }
    return null
  }
}

function sealed(text: string, key: string): Buffer {
  const cipher = createCipheriv('aes-128-gcm', Buffer.from(key, 'base64url'), nonce)
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

function opened(box: Buffer, key: string): string {
  const decipher = createDecipheriv('aes-128-gcm', Buffer.from(key, 'base64url'), nonce)
  decipher.setAuthTag(box.subarray(-tagBytes))
  return decipher.update(box.subarray(0, -tagBytes)).toString('utf8') + decipher.final('utf8')
}
