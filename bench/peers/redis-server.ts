// A Redis server on this machine, alone or with one replica: in memory only, or each with a log that is synced before
// it answers.

import { Redis } from 'ioredis'
import { freePort } from '../../test/fixtures/server-processes.ts'
import type { Service } from '../target.ts'
import { Programs } from './installed.ts'

const shared = ['--bind', '127.0.0.1', '--save', '', '--protected-mode', 'no']
const inMemory = [...shared, '--appendonly', 'no']
/** Each has a log of its own name, since all share one folder. */
const onDisk = (log: string) => [
  ...shared,
  ...['--appendonly', 'yes', '--appendfsync', 'always', '--appenddirname', log],
]

export interface RedisKind {
  /** Those of the target, see redis.ts. */
  readonly options: string
  readonly replicas: 0 | 1
  readonly durable: boolean
}

export async function redisServer(name: string, { options, replicas, durable }: RedisKind): Promise<Service> {
  const programs = new Programs()
  try {
    const port = await freePort()
    const argsOf = (role: string, port: number) => [
      '--port',
      String(port),
      ...(durable ? onDisk(role) : inMemory),
    ]
    const processes = [{ role: 'server', pid: programs.start('redis-server', argsOf('server', port)) }]
    if (replicas === 1) {
      const args = [...argsOf('replica', await freePort()), '--replicaof', `127.0.0.1 ${port}`]
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
