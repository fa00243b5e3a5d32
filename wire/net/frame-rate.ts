// How many frames a second come from one address (B7). An address that is over its share is not refused:
// what it sends waits until it has some share again. This class knows no sockets and no clock.

import { addressesRememberedMax } from '../limits.ts'

interface Bucket {
  left: number
  at: number
}

export class FrameRate {
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Takes note of this many frames; returns in how many ms the next may be read, 0 for at once. */
  took(address: string, frames: number, now: number): number {
    const bucket = this.#bucket(address, now)
    bucket.left -= frames
    return bucket.left >= 0 ? 0 : Math.ceil((-bucket.left * 1_000) / this.#perSecond)
  }

  #bucket(address: string, now: number): Bucket {
    const bucket = this.#buckets.get(address)
    if (bucket === undefined) return this.#newBucket(address, now)
    const earned = ((now - bucket.at) * this.#perSecond) / 1_000
    bucket.left = Math.min(this.#perSecond, bucket.left + earned)
    bucket.at = now
    return bucket
  }

  #newBucket(address: string, now: number): Bucket {
    if (this.#buckets.size >= addressesRememberedMax) this.#forgetFull(now)
    const bucket = { left: this.#perSecond, at: now }
    this.#buckets.set(address, bucket)
    return bucket
  }

  /** After a second of silence a bucket is like a new one and goes; if none is, all begin again. */
  #forgetFull(now: number): void {
    for (const [address, { at }] of this.#buckets) if (now - at > 1_000) this.#buckets.delete(address)
    if (this.#buckets.size >= addressesRememberedMax) this.#buckets.clear()
  }
}
