// Wrong secrets slow their sender down (B3): after a few, the answer to each waits, twice as long each time, and an
// address that keeps too many waiting is not heard for a while. Who knows the secret never waits: neither this
// machine nor an address that has shown it is shut out. It knows no sockets and no clock.

import {
  addressesRememberedMax,
  wrongSecretMsMax,
  wrongSecretsFree,
  wrongSecretsWaitingMax,
} from '../limits.ts'

interface Sender {
  count: number
  at: number
  waiting: number
}

/** The answer to the first one that waits. */
const firstMs = 50
/** So long after its last wrong secret an address is forgotten. */
const forgetMs = 60_000

export class WrongSecrets {
  /** The last one that sent is the last in here. */
  readonly #senders = new Map<string, Sender>()
  /** Addresses from which the right secret came; the last one is the last in here. */
  readonly #known = new Set<string>()
  /** All that there were. */
  total = 0

  /** False: too many of its wrong ones wait for their answer; this one is not even looked at. */
  mayTry(address: string, loopback: boolean): boolean {
    if (loopback || this.#known.has(address)) return true
    return (this.#senders.get(address)?.waiting ?? 0) < wrongSecretsWaitingMax
  }

  right(address: string): void {
    this.#known.delete(address)
    this.#known.add(address)
    if (this.#known.size > addressesRememberedMax) this.#known.delete(first(this.#known))
  }

  /** How long the answer waits, in ms. One that waits calls `answered` at its end. */
  wrong(address: string, now: number): number {
    this.total++
    const before = this.#senders.get(address)
    const sender =
      before && (before.waiting > 0 || now - before.at < forgetMs)
        ? before
        : { count: 0, at: now, waiting: 0 }
    sender.count++
    sender.at = now
    this.#senders.delete(address)
    this.#senders.set(address, sender)
    if (this.#senders.size > addressesRememberedMax) this.#senders.delete(first(this.#senders.keys()))
    if (sender.count <= wrongSecretsFree) return 0
    sender.waiting++
    return Math.min(firstMs * 2 ** Math.min(sender.count - wrongSecretsFree - 1, 20), wrongSecretMsMax)
  }

  answered(address: string): void {
    const sender = this.#senders.get(address)
    if (sender !== undefined && sender.waiting > 0) sender.waiting--
  }
}

function first(keys: Iterable<string>): string {
  for (const key of keys) return key
  throw new Error('nothing to forget')
}
