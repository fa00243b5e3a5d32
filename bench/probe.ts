// One client of the measuring process that acquires and releases its own lock without pause, and knows how
// long it was not granted when another server took over. Holdfast only.

import { connect, type LockClient } from '../client/index.ts'

/** What a change of the primary cost this client, in ms. */
export interface Gap {
  /** From the beginning of the watch to the first grant by the new primary. */
  readonly nextGrantMs: number
  /** The longest time without a grant until that one. */
  readonly silenceMs: number
  /** The longest time without a grant in the second after it. */
  readonly afterMs: number
}

const afterwardsMs = 1_000

interface Watch {
  readonly from: number
  /** The session is on another server than before. */
  movedOn: boolean
  nextGrantMs: number
  silenceMs: number
  afterMs: number
  readonly over: (gap: Gap) => void
}

export class Probe implements AsyncDisposable {
  readonly #client: LockClient
  readonly #loop: Promise<void>
  #stopped = false
  #last = performance.now()
  #watch: Watch | undefined

  /** Resolves when it is granted its lock. */
  static async start(address: string): Promise<Probe> {
    const client = await connect(address, { name: 'bench probe' })
    await (await client.acquire('bench/probe')).release()
    return new Probe(client)
  }

  private constructor(client: LockClient) {
    this.#client = client
    client.on('session', () => {
      if (this.#watch !== undefined) this.#watch.movedOn = true
    })
    this.#loop = this.#run()
    this.#loop.catch(() => {}) // a caller that waits for a gap gets the error
  }

  /** Watches for the next primary from now on; resolves a second after that one's first grant. */
  gap(): Promise<Gap> {
    return new Promise((over, fail) => {
      this.#loop.catch(fail)
      const from = performance.now()
      this.#last = from
      this.#watch = {
        from,
        movedOn: false,
        nextGrantMs: Number.POSITIVE_INFINITY,
        silenceMs: 0,
        afterMs: 0,
        over,
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#loop
    await this.#client.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const lock = await this.#client.acquire('bench/probe')
      if (this.#watch !== undefined) this.#granted(this.#watch, performance.now())
      await lock.release()
    }
  }

  #granted(watch: Watch, now: number): void {
    const silence = now - this.#last
    const elapsed = now - watch.from
    this.#last = now
    if (watch.nextGrantMs < elapsed) watch.afterMs = Math.max(watch.afterMs, silence)
    else {
      watch.silenceMs = Math.max(watch.silenceMs, silence)
      if (watch.movedOn) watch.nextGrantMs = elapsed
    }
    if (elapsed < watch.nextGrantMs + afterwardsMs) return
    this.#watch = undefined
    watch.over(watch)
  }
}
