// Wrong secrets slow their sender down (B3): after a few, the answer to each waits, twice as long each time,
// and an address that keeps too many waiting is not heard for a while. A peer that knows the secret never
// waits: neither this machine nor an address that has shown the secret is shut out. This class knows no
// sockets and no clock.

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

/** How long the first answer that waits does so. */
const firstMs = 50
/** How long after its last wrong secret an address is forgotten. */
const forgetMs = 60_000

export class WrongSecrets {
  /** Addresses that sent wrong secrets, the latest sender last. */
  readonly #senders = new Map<string, Sender>()
  /** Addresses from which the right secret came, the latest last. */
  readonly #known = new Set<string>()
  /** The number of all wrong secrets. */
  total = 0

  /** False if too many wrong secrets of this address wait for an answer; this one is not even looked at. */
  mayTry(address: string, loopback: boolean): boolean {
    if (loopback || this.#known.has(address)) return true
    return (this.#senders.get(address)?.waiting ?? 0) < wrongSecretsWaitingMax
  }

  right(address: string): void {
    this.#known.delete(address)
    this.#known.add(address)
    if (this.#known.size > addressesRememberedMax) this.#known.delete(first(this.#known))
  }

  /** How long the answer waits, in ms. If it waits, the caller calls `answered` at the end. */
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
