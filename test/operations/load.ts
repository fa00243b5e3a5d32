// Clients that work without a pause while servers are restarted, and remember what they saw: calls that
// failed, how long the longest took, and two holders of one lock at a time.

import { type ConnectOptions, connect, type LockClient } from '../../client/index.ts'

export class Load {
  calls = 0
  readonly failures: string[] = []
  longestMs = 0
  readonly #clients: LockClient[] = []
  readonly #workers: Promise<void>[] = []
  #inside = 0
  #lastToken = 0
  #ending = false

  /** Half of the workers contend for one lock, the others have one each. `by`: another version of `connect`. */
  async start(url: string, workers: number, options: ConnectOptions = {}, by = connect): Promise<void> {
    const first = this.#clients.length
    for (let i = first; i < first + workers; i++) {
      const client = await by(url, { ...options, name: `load-${i}` })
      client.on('lost', ({ code }) => this.#fail(`client ${i} lost its locks: ${code}`))
      this.#clients.push(client)
      this.#workers.push(i % 2 === 0 ? this.#contend(client) : this.#work(client, `rolling/${i}`))
    }
  }

  /** How long the longest call took since the last question. */
  takeLongestMs(): number {
    const longest = this.longestMs
    this.longestMs = 0
    return longest
  }

  /** Resolves when every open call has its answer. */
  async end(): Promise<void> {
    this.#ending = true
    await Promise.all(this.#workers)
    for (const client of this.#clients) await this.#call('close', () => client.close())
  }

  async #contend(client: LockClient): Promise<void> {
    while (!this.#ending) {
      await this.#call('request', () =>
        client.request('rolling/hot', async lock => {
          if (++this.#inside !== 1) this.#fail(`${this.#inside} hold rolling/hot`)
          if (lock.token <= this.#lastToken) this.#fail(`token ${lock.token} after ${this.#lastToken}`)
          this.#lastToken = lock.token
          await new Promise(resolve => setImmediate(resolve))
          this.#inside--
        }),
      )
    }
  }

  async #work(client: LockClient, name: string): Promise<void> {
    while (!this.#ending) {
      const lock = await this.#call('acquire', () => client.acquire(name))
      if (lock === undefined) continue
      if (!lock.held) this.#fail(`${name} is not held`)
      await this.#call('tryAcquire', async () => {
        if ((await client.tryAcquire(name)) !== null) this.#fail(`${name} was free, and it was not`)
      })
      await this.#call('release', () => lock.release())
      await this.#call('query', () => client.query({ prefix: name }))
    }
  }

  async #call<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const begun = performance.now()
    this.calls++
    try {
      return await call()
    } catch (error) {
      this.#fail(`${what}: ${error}`)
      return undefined
    } finally {
      this.longestMs = Math.max(this.longestMs, performance.now() - begun)
    }
  }

  #fail(what: string): void {
    this.failures.push(what)
  }
}
