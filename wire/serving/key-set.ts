// The keys by which an issuer's tokens are checked (A3), as its file or address has them now. What can't be read, or is no set
// of keys, changes nothing and is told; a key that is not in the set any more is good for no token. It checks no token.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { JWK } from 'jose'
import { isAddress } from '../access/issuers.ts'
import { isRecord } from '../access/place.ts'
import { readMonotonic } from '../clock.ts'
import { keySetAgainMs, keySetBytesMax, keySetEveryMs, keySetMax, keySetWithinMs } from '../limits.ts'
import { fileMark } from './file-mark.ts'

/** One key of a set. */
export interface SetKey {
  /** What tokens call it; null: it has no name. */
  readonly kid: string | null
  /** The same for the same key, whatever it is called. */
  readonly id: string
  readonly jwk: JWK
}

export interface KeySetOwner {
  /** The keys are others now. */
  changed(): void
  /** What is wrong with the set now; the last good one counts. */
  spoilt(problem: string): void
}

export class KeySet {
  keys: readonly SetKey[] = []
  /** What is wrong with it now; null: nothing is. */
  problem: string | null = null
  /** How often it could not be read. */
  spoilt = 0
  readonly #source: string
  #owner: KeySetOwner | null = null
  #text: string | null = null
  /** What the file looked like when it was read last. */
  #mark: string | null = null
  /** Monotonic ms. */
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | null = null

  /** A path, or an address. */
  constructor(source: string) {
    this.#source = source
  }

  /** What of it changes from now on is told. */
  start(owner: KeySetOwner): void {
    this.#owner = owner
  }

  /** Reads a file that has changed, and an address from time to time. */
  async look(): Promise<void> {
    if (isAddress(this.#source)) {
      if (readMonotonic() - this.#readAt >= keySetEveryMs) await this.read()
    } else if ((await fileMark(this.#source)) !== this.#mark) await this.read()
  }

  /**
   * A token names a key that is not in it. B3: any stranger's may do so, and an address is asked again only now and then.
   * False: it was not read, so that it may be there.
   */
  async lookFor(): Promise<boolean> {
    if (!isAddress(this.#source)) await this.look()
    else if (this.#reading === null && readMonotonic() - this.#readAt < keySetAgainMs) return false
    else await this.read()
    return this.problem === null
  }

  /** Whether a key with this id is in it. */
  has(id: string): boolean {
    return this.keys.some(key => key.id === id)
  }

  /** Reads it, whatever it looks like. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #read(): Promise<void> {
    try {
      this.#readAt = readMonotonic()
      if (!isAddress(this.#source)) this.#mark = await fileMark(this.#source)
      this.#take(isAddress(this.#source) ? await fetched(this.#source) : await readFile(this.#source, 'utf8'))
    } catch (error) {
      this.problem = `the keys at ${this.#source} ${problemOf(error)}`
      this.spoilt++
      this.#owner?.spoilt(this.problem)
    }
  }

  #take(text: string): void {
    const keys = text === this.#text ? this.keys : keysIn(text)
    const isNews = keys !== this.keys || this.problem !== null
    this.#text = text
    this.keys = keys
    this.problem = null
    if (isNews) this.#owner?.changed()
  }
}

/** A mistake in a set. */
class KeySetError extends Error {}

function problemOf(error: unknown): string {
  if (error instanceof KeySetError) return error.message
  const { message, code, cause, name } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'are not there'
  if (name === 'TimeoutError') return `did not come within ${keySetWithinMs} ms`
  const deeper = cause instanceof Error ? `: ${cause.message || (cause as NodeJS.ErrnoException).code}` : ''
  return `can't be read: ${message}${deeper}`
}

async function fetched(address: string): Promise<string> {
  const signal = AbortSignal.timeout(keySetWithinMs)
  const response = await fetch(address, {
    redirect: 'error',
    signal,
    headers: { accept: 'application/json' },
  })
  if (!response.ok) throw new KeySetError(`do not come: the answer is HTTP ${response.status}`)
  let text = ''
  const decoder = new TextDecoder()
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true })
    if (text.length > keySetBytesMax) throw new KeySetError(`are more than ${keySetBytesMax} bytes`)
  }
  return text
}

function keysIn(text: string): readonly SetKey[] {
  const list = listIn(text)
  if (list.length > keySetMax) throw new KeySetError(`are ${list.length}; there may be ${keySetMax}`)
  const keys = list.filter(isRecord).filter(({ use }) => use === undefined || use === 'sig')
  if (keys.length === 0) throw new KeySetError('hold no key that is for signatures')
  return keys.map(keyIn)
}

function listIn(text: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new KeySetError('are no JSON')
  }
  if (isRecord(value) && Array.isArray(value.keys)) return value.keys
  throw new KeySetError('must be a set in the form { "keys": [ … ] } (JWKS)')
}

function keyIn(jwk: Record<string, unknown>): SetKey {
  if (jwk.kty === 'oct' || jwk.d !== undefined)
    throw new KeySetError(
      'hold a private or shared key, which can make tokens: only public keys belong there',
    )
  const kid = typeof jwk.kid === 'string' ? jwk.kid : null
  const { kty, crv, x, y, n, e } = jwk
  const id = createHash('sha256')
    .update(JSON.stringify([kty, crv, x, y, n, e]))
    .digest('hex')
  return { kid, id, jwk }
}
