// About how many bytes the state takes, counted alike in every copy (R4, B4): by what there is, never by what
// a machine measures. It refuses nothing; state.ts does.

import type { Claim } from '../../wire/claim.ts'
import type { Reply, Terms } from '../../wire/messages.ts'
import type { OnceKey } from './onces.ts'

export class Tally {
  bytes = 0
}

/** What one session adds to the tally, and to its owner's (B7). */
export class Weight {
  bytes = 0
  readonly #tally: Tally
  readonly #owner: Tally | null

  constructor(tally: Tally, owner: Tally | null) {
    this.#tally = tally
    this.#owner = owner
  }

  add(bytes: number): void {
    this.bytes += bytes
    this.#tally.bytes += bytes
    if (this.#owner !== null) this.#owner.bytes += bytes
  }
}

/** A UTF-16 unit. */
const unit = 2
const session = 768
const lock = 128
const token = 16
const terms = 192
const once = 320

/** A reply, with one token. */
export const replyBytes = 144
export const holdBytes = 96
export const lossBytes = 96

/** `texts`: what its client says of itself. */
export function sessionBytes(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + unit * text.length, session)
}

export function lockBytes(name: string): number {
  return lock + unit * name.length
}

export function waitBytes({ names, claim }: Waiting): number {
  return replyBytes + termsBytes(claim.terms) + names.length * token + unit * charactersOf(names)
}

interface Waiting {
  readonly names: readonly string[]
  readonly claim: Claim
}

/** Of terms, and of what a hold with them has beside a plain one. */
export function termsBytes(kept: Terms | null): number {
  if (kept === null) return 0
  return terms + unit * ((kept.note?.length ?? 0) + (kept.once?.key.length ?? 0))
}

export function onceBytes({ name, key, clientName }: Pick<OnceKey, 'name' | 'key' | 'clientName'>): number {
  return once + unit * (name.length + key.length + clientName.length)
}

/** What an acquire that gets all of these names adds at most. */
export function acquireBytes(names: readonly string[], terms: Terms | null = null, clientName = ''): number {
  const plain = replyBytes + names.length * (lock + holdBytes + token) + unit * charactersOf(names)
  return terms === null ? plain : plain + bytesBeside(names, terms, clientName)
}

/** The same of a plain acquire of one name. */
export function plainAcquireBytes(name: string): number {
  return replyBytes + lock + holdBytes + token + unit * name.length
}

/** What its terms add. */
function bytesBeside(names: readonly string[], kept: Terms, clientName: string): number {
  const key = kept.once?.key
  const onces = key === undefined ? 0 : onceBytes({ name: names[0] as string, key, clientName })
  return names.length * termsBytes(kept) + onces
}

/** In a loop, since each operation counts its names, and a function passed to the list would be made for each. */
export function charactersOf(names: readonly string[]): number {
  let sum = 0
  for (let i = 0; i < names.length; i++) sum += (names[i] as string).length
  return sum
}

/** What this reply takes beyond `replyBytes`, as few do. */
export function moreReplyBytes(message: Reply): number {
  if (message[0] === 'granted') return token * (message[2].length - 1)
  if (message[0] === 'refused') return message[3].length
  if (message[0] === 'done-before') return 2 * token + unit * message[2].clientName.length
  return message[0] === 'cancel-done' && message[3] !== null ? lockBytes(message[3].name) : 0
}
