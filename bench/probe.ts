// One client of the measuring process that acquires and releases a lock of its own without pause, and
// knows how long it was not granted. Holdfast only.

import { connect, type LockClient } from '../client/index.ts'

export interface Silence {
  /** The longest time without a grant, in ms. */
  readonly longestMs: number
  /** From the beginning of the watch until that silence ended, in ms. */
  readonly endedMs: number
}

export class Probe implements AsyncDisposable {
  readonly #client: LockClient
  readonly #loop: Promise<void>
  #stopped = false
  #grants = 0
  #last = performance.now()
  #from = this.#last
  #silence: Silence = { longestMs: 0, endedMs: 0 }
  #goal = { grants: Number.POSITIVE_INFINITY, reached: () => {}, failed: (_: unknown) => {} }

  static async start(address: string): Promise<Probe> {
    return new Probe(await connect(address, { name: 'bench probe' }))
  }

  private constructor(client: LockClient) {
    this.#client = client
    this.#loop = this.#run().catch(error => this.#goal.failed(error))
  }

  /** From now on silences count. */
  begin(): void {
    this.#from = this.#last = performance.now()
    this.#silence = { longestMs: 0, endedMs: 0 }
  }

  /** Waits for so many more grants; the longest silence since `begin`. */
  async silence(more = 20): Promise<Silence> {
    await new Promise<void>((resolve, reject) => {
      this.#goal = { grants: this.#grants + more, reached: resolve, failed: reject }
    })
    return this.#silence
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#loop
    await this.#client.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const lock = await this.#client.acquire('bench/probe')
      this.#granted(performance.now())
      await lock.release()
    }
  }

  #granted(now: number): void {
    const longestMs = now - this.#last
    if (longestMs > this.#silence.longestMs) this.#silence = { longestMs, endedMs: now - this.#from }
    this.#last = now
    if (++this.#grants >= this.#goal.grants) this.#goal.reached()
  }
}
