// The target: locks in Redis as its documentation describes them, SET NX PX and a script that deletes the
// key if this client still owns it, through ioredis. No queue: a client without the lock asks again.
// Address: redis://HOST:PORT, then ?pipeline for auto-pipelining, ?batch for batches made by hand, ?wait for WAIT 1.

import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Target } from '../target.ts'
import { type Asking, Batches, Singly } from './redis-asking.ts'
import { newSecret } from './secrets.ts'

const ttlMs = 10_000
/** How long a client that did not get the lock waits before it asks again. */
const againMs = 1

interface Held {
  readonly key: string
  readonly secret: string
}

const releaseScript = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`

class RedisLocks implements Target<Held> {
  readonly #redis: Redis
  readonly #asking: Asking
  readonly #script: string

  static async connect(url: URL): Promise<RedisLocks> {
    const redis = new Redis({
      host: url.hostname,
      port: Number(url.port),
      enableAutoPipelining: url.searchParams.has('pipeline'),
    })
    const script = (await redis.script('LOAD', releaseScript)) as string
    const waits = url.searchParams.has('wait')
    return new RedisLocks(
      redis,
      url.searchParams.has('batch') ? new Batches(redis, waits) : new Singly(redis, waits),
      script,
    )
  }

  private constructor(redis: Redis, asking: Asking, script: string) {
    this.#redis = redis
    this.#asking = asking
    this.#script = script
  }

  async acquire(key: string): Promise<Held> {
    const secret = newSecret()
    while ((await this.#asking.ask('set', key, secret, 'PX', ttlMs, 'NX')) !== 'OK') await pause(againMs)
    return { key, secret }
  }

  async release({ key, secret }: Held): Promise<void> {
    const deleted = await this.#asking.ask('evalsha', this.#script, 1, key, secret)
    if (deleted !== 1) throw new Error(`${key} was not held any more`)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }
}

export async function connect(address: string): Promise<Target<Held>> {
  return await RedisLocks.connect(new URL(address))
}
