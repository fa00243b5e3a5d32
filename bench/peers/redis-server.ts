// A Redis server on this machine, in memory only, alone or with one replica.

import { Redis } from 'ioredis'
import { freePort } from '../../test/fixtures/server-processes.ts'
import type { Service } from '../target.ts'
import { Programs } from './installed.ts'

const inMemory = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--protected-mode', 'no']

/** `options`: those of the target, see redis.ts. */
export async function redisServer(name: string, options: string, replicas: 0 | 1 = 0): Promise<Service> {
  const programs = new Programs()
  try {
    const port = await freePort()
    const processes = [
      { role: 'server', pid: programs.start('redis-server', ['--port', String(port), ...inMemory]) },
    ]
    if (replicas === 1) {
      const args = ['--port', String(await freePort()), '--replicaof', `127.0.0.1 ${port}`, ...inMemory]
      processes.push({ role: 'replica', pid: programs.start('redis-server', args) })
    }
    await programs.until(() => isReplicated(port, replicas), 'Redis')
    return {
      name,
      target: 'peers/redis.js',
      address: `redis://127.0.0.1:${port}?${options}`,
      processes,
      [Symbol.asyncDispose]: () => programs[Symbol.asyncDispose](),
    }
  } catch (error) {
    await programs[Symbol.asyncDispose]()
    throw error
  }
}

async function isReplicated(port: number, replicas: number): Promise<boolean> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    const online = (await redis.info('replication')).match(/state=online/g)?.length ?? 0
    return online === replicas
  } finally {
    redis.disconnect()
  }
}
