// The target: live-mutex, a queue of waiters in one process, through its own client. Nothing of it is replicated.
// Address: tcp://HOST:PORT.

import type { Target } from '../target.ts'
import { type LiveMutexClient, liveMutex } from './live-mutex-package.ts'

const ttlMs = 10_000

interface Held {
  readonly key: string
  readonly id: string
}

class LiveMutexLocks implements Target<Held> {
  readonly #client: LiveMutexClient

  constructor(client: LiveMutexClient) {
    this.#client = client
  }

  async acquire(key: string): Promise<Held> {
    const { id } = await this.#client.acquire(key)
    return { key, id }
  }

  async release({ key, id }: Held): Promise<void> {
    await this.#client.release(key, { _uuid: id })
  }

  async close(): Promise<void> {
    this.#client.close()
  }
}

export async function connect(address: string): Promise<Target<Held>> {
  const { hostname: host, port } = new URL(address)
  const { Client } = liveMutex()
  const client = new Client({ host, port: Number(port), ttl: ttlMs, lockRequestTimeout: ttlMs })
  await client.ensure()
  return new LiveMutexLocks(client)
}
