// The target: locks in Redis as its documentation describes them, SET NX PX and a script that deletes the
// key if this client still owns it, through ioredis. No queue: a client without the lock asks again.
// Address: redis://HOST:PORT, then ?pipeline for auto-pipelining, ?wait for WAIT 1 after each change.

import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Target } from '../target.ts'

const ttlMs = 10_000
/** How long a client that did not get the lock waits before it asks again. */
const againMs = 1

interface Held {
  readonly key: string
  readonly secret: string
}

const releaseScript = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`

type Client = Redis & { release(key: string, secret: string): Promise<number> }

class RedisLocks implements Target<Held> {
  readonly #redis: Client
  readonly #wait: boolean

  constructor(url: URL) {
    const redis = new Redis({
      host: url.hostname,
      port: Number(url.port),
      enableAutoPipelining: url.searchParams.has('pipeline'),
      scripts: { release: { lua: releaseScript, numberOfKeys: 1 } },
    })
    this.#redis = redis as Client
    this.#wait = url.searchParams.has('wait')
  }

  async acquire(key: string): Promise<Held> {
    const secret = randomBytes(16).toString('hex')
    while ((await this.#replicated(this.#redis.set(key, secret, 'PX', ttlMs, 'NX'))) !== 'OK')
      await pause(againMs)
    return { key, secret }
  }

  async release({ key, secret }: Held): Promise<void> {
    const deleted = await this.#replicated(this.#redis.release(key, secret))
    if (deleted !== 1) throw new Error(`${key} was not held any more`)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  /** On one connection WAIT covers all commands that were sent before it. */
  async #replicated<T>(change: Promise<T>): Promise<T> {
    if (!this.#wait) return await change
    const [changed, replicas] = await Promise.all([change, this.#redis.wait(1, 0)])
    if (replicas < 1) throw new Error('no replica has it')
    return changed
  }
}

export async function connect(address: string): Promise<Target<Held>> {
  return new RedisLocks(new URL(address))
}
